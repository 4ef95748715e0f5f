#ifndef JIRA_ANSWER_H
#define JIRA_ANSWER_H
#include "jira/jira.h"

/* What search.c and labels.c share: one call, and its answer as JSON. Nobody else includes it. */
struct answer {
    struct net_response response; /* owned */
    yyjson_doc *doc;              /* owned */
    yyjson_val *root;
    int status; /* the last one seen; 0: none */
};
void answer_done(struct answer *answer);
void answer_strbuf_done(struct strbuf *buf);

/*
 * `path` from behind the REST prefix, with its query; `what` names the answer in messages. A POST
 * here is a read: it may be repeated.
 */
MUST_USE enum err_class answer_get(struct jira *jira, const char *path, const char *what,
                                   int64_t points, struct answer *ret, struct err *err);
MUST_USE enum err_class answer_post(struct jira *jira, const char *path, const struct strbuf *body,
                                    const char *what, struct answer *ret, struct err *err);
MUST_USE enum err_class answer_post_start(struct jira *jira, const char *path,
                                          const struct strbuf *body, struct http_call **ret,
                                          struct err *err);
MUST_USE enum err_class answer_finish(struct jira *jira, struct http_call *call, const char *what,
                                      struct answer *ret, struct err *err);
/* ERR_REMOTE: `member` is missing or not what it should be. */
enum err_class answer_broken(const struct jira *jira, const char *what, const char *member,
                             struct err *err);

#endif
