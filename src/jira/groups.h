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
/*
 * Which of these permissions has the connection's account, anywhere? `names` ends with NULL; ret[i]
 * belongs to names[i]. One that Jira does not know is one that it lacks.
 */
MUST_USE enum err_class jira_my_permissions(struct jira *jira, const char *const *names, bool ret[],
                                            struct err *err);

#endif
