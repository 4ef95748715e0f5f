#ifndef CONNECT_PEOPLE_RECORDS_H
#define CONNECT_PEOPLE_RECORDS_H
#include "policy/catalog.h"

/* What is kept of people who sign in and of what they sign in with; for apps/apps.c. */
extern const struct record administrator_record; /* control */
extern const struct record sign_in_link_record;  /* control */
extern const struct record admin_session_record; /* control */
extern const struct record session_record;
extern const struct record api_token_record;
extern const struct record oauth_grant_record;

#endif
