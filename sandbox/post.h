#ifndef SANDBOX_POST_H
#define SANDBOX_POST_H
#include "base/str.h"

/* Calls out, to this machine only. */
#define POST_HEADERS_MAX 8

struct post {
    const char *url;
    const char *body; /* NULL: GET */
    size_t len;
    char headers[POST_HEADERS_MAX][8192]; /* "Name: value"; up to the first empty one */
};

/* The status, 0: no answer. What is answered is appended to *ret; NULL: not wanted. */
long post_send(const struct post *post, struct strbuf *ret);

#endif
