/* answer.c: one read of Jira, from path to parsed answer. */
#include "jira/answer.h"

#define PATH_BYTES ((size_t)8 * 1024)

void answer_done(struct answer *answer)
{
    yyjson_doc_free(answer->doc);
    net_response_done(&answer->response);
    *answer = (struct answer){0};
}

void answer_strbuf_done(struct strbuf *buf)
{
    strbuf_done(buf);
}

static enum err_class start(struct jira *jira, enum http_method method, const char *path,
                            struct str body, int64_t points, struct http_call **ret,
                            struct err *err)
{
    AUTO(strbuf_done) struct strbuf whole = STRBUF_INIT(PATH_BYTES);

    strbuf_addf(&whole, "%s%s", jira_api(jira), path);
    if (strbuf_check(&whole, "the path of a call to Jira", err))
        return err->class;

    const struct http_request request = {.method = method,
                                         .path = strbuf_z(&whole),
                                         .body = body,
                                         .idempotent = true,
                                         .points = points};

    return http_start(&jira->http, &request, ret, err);
}

enum err_class answer_finish(struct jira *jira, struct http_call *call, const char *what,
                             struct answer *ret, struct err *err)
{
    enum err_class rc = http_finish(call, &ret->response, &ret->status, err);

    if (rc != ERR_OK)
        return rc;
    rc = json_read_insitu(ret->response.body.ptr, ret->response.body.len, what, &ret->doc, err);
    if (rc != ERR_OK)
        return err_wrap(err,
                        "%s sent a broken answer; try again, and if it stays look for a proxy in "
                        "between",
                        jira->http.base_url);
    ret->root = yyjson_doc_get_root(ret->doc);
    return ERR_OK;
}

enum err_class answer_get(struct jira *jira, const char *path, const char *what, int64_t points,
                          struct answer *ret, struct err *err)
{
    struct http_call *call = NULL;
    enum err_class rc = start(jira, HTTP_GET, path, (struct str){NULL, 0}, points, &call, err);

    return rc == ERR_OK ? answer_finish(jira, call, what, ret, err) : rc;
}

enum err_class answer_post_start(struct jira *jira, const char *path, const struct strbuf *body,
                                 struct http_call **ret, struct err *err)
{
    if (strbuf_check(body, "a call to Jira", err))
        return err->class;
    return start(jira, HTTP_POST, path, strbuf_str(body), 1, ret, err);
}

enum err_class answer_post(struct jira *jira, const char *path, const struct strbuf *body,
                           const char *what, struct answer *ret, struct err *err)
{
    struct http_call *call = NULL;
    enum err_class rc = answer_post_start(jira, path, body, &call, err);

    return rc == ERR_OK ? answer_finish(jira, call, what, ret, err) : rc;
}

enum err_class answer_broken(const struct jira *jira, const char *what, const char *member,
                             struct err *err)
{
    return err_set(err, ERR_REMOTE, "%s of %s has no usable %s; try again", what,
                   jira->http.base_url, member);
}
