#ifndef JIRA_REFUSAL_H
#define JIRA_REFUSAL_H
#include "jira/write.h"

/* Why Jira refused a change of a worklog; for write.c alone. See refusal.c. */
enum refusal_act { REFUSAL_CREATE, REFUSAL_UPDATE, REFUSAL_DELETE };

/* What an answer's status and words said. Starts from zero. */
struct refusal_note {
    int status;                /* 0: there was no such answer */
    enum jira_refusal refusal; /* NOT: its words say nothing to us */
};
/* As http_client.on_refusal; arg is a struct refusal_note. */
void refusal_note(void *arg, const struct net_response *response);
/* Is it a refusal, which has a reason worth finding? */
bool refusal_is(const struct refusal_note *note);
/* The reason; asks Jira when its words said nothing. */
enum jira_refusal refusal_reason(struct jira *jira, const struct refusal_note *note,
                                 struct str issue, enum refusal_act act);
/* The error with its sentence. */
enum err_class refusal_say(enum jira_refusal refusal, struct str issue, enum refusal_act act,
                           struct err *err);

#endif
