#ifndef SANDBOX_OAUTH_H
#define SANDBOX_OAUTH_H
#include "http/server.h"

/*
 * The sandbox as Atlassian's OAuth 2.0 (3LO): a consent page that consents at once, tokens that are
 * replaced at each refresh, and the REST API below /ex/jira/{cloudId} for whoever has one.
 * README.md describes the control path. Thread-safe.
 */
struct consents;
struct sandbox;

#define CONSENTS_CLOUD_ID "5a4d0b5e-0000-4000-8000-0000000000c1"
#define CONSENTS_PREFIX "/ex/jira/" CONSENTS_CLOUD_ID

struct consents *consents_new(struct sandbox *sandbox); /* NULL: out of memory */
void consents_free(struct consents *consents);          /* NULL is fine */

/* Does the request bring an access token that is good? *ret_user: whose. `consents` may be NULL. */
bool consents_let_in(struct consents *consents, const struct http_exchange *ex, uint32_t *ret_user);

/* ---- Served to the app and to browsers ---- */
http_handler consents_authorize, consents_token, consents_sites;

/* ---- The control path ---- */
http_handler control_consents_get, control_consents;

#endif
