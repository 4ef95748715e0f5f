#ifndef JIRA_GROUPS_H
#define JIRA_GROUPS_H
#include "jira/jira.h"

/*
 * The groups that an account is in: their ids (Cloud), or names (Data Center, whose groups have no
 * id). Wants Browse Users. The view is valid during the callback.
 */
MUST_USE enum err_class jira_user_groups(struct jira *jira, struct str account,
                                         enum err_class (*each)(void *arg, struct str id,
                                                                struct err *err),
                                         void *arg, struct err *err);

#endif
