#ifndef SANDBOX_FAULT_H
#define SANDBOX_FAULT_H
#include <pthread.h>

#include "http/server.h"

/*
 * Faults that a test asks for: rules that pick requests by path and method and count, and spoil
 * their answers. Thread-safe.
 */
enum fault_kind {
    FAULT_NONE,
    FAULT_STATUS,        /* that status, with Jira's error shape */
    FAULT_DELAY,         /* the right answer, later */
    FAULT_CUT_OFF,       /* half of the body, then the connection closes */
    FAULT_HTML,          /* a page instead of JSON, with status 200 unless given */
    FAULT_REDIRECT,      /* 302 to a login page */
    FAULT_EMPTY,         /* 200 and no body */
    FAULT_BAD_JSON,      /* a comma too many */
    FAULT_HUGE,          /* announces 2 GB and sends until the client has enough */
    FAULT_ENDLESS,       /* the same in chunks, without an announced length */
    FAULT_RESET,         /* the connection is reset without an answer */
    FAULT_MISSING_FIELD, /* the first member of that name is taken out */
    FAULT_BAD_DATE,      /* the first member of that name becomes a time that does not exist */
    FAULT_SET_FIELD,     /* the first member of that name becomes the given JSON value */
    FAULT_KIND_COUNT
};

#define FAULT_TEXT 256

struct fault {
    enum fault_kind kind;
    char path[FAULT_TEXT]; /* a part of the path with query; "" fits all */
    bool any_method;
    enum http_method method; /* unless any_method */
    int64_t after;           /* so many fitting requests are left alone first */
    int64_t times;           /* then so many are spoilt; -1: all */
    int status;
    int64_t delay_ms;
    char name[FAULT_TEXT];       /* of the member */
    char value[FAULT_TEXT];      /* JSON; the redirect's target */
    char headers[4][FAULT_TEXT]; /* "Name: value" */
    size_t header_count;
};

#define FAULT_RULES_MAX 64

struct faults {
    pthread_mutex_t mutex;
    struct fault rules[FAULT_RULES_MAX];
    size_t count;
};

void faults_init(struct faults *faults);
void faults_done(struct faults *faults);
const char *fault_kind_name(enum fault_kind kind);
bool fault_kind_parse(struct str name, enum fault_kind *ret);
/* False: the table is full. */
MUST_USE bool faults_add(struct faults *faults, const struct fault *fault);
void faults_clear(struct faults *faults);
/* The rule for this request, counted down; false: none. */
bool faults_pick(struct faults *faults, const struct http_exchange *ex, struct fault *ret);
/* Fills the answer of those that need no handler; false: the handler has to run first. */
bool fault_answers(const struct fault *fault, struct http_exchange *ex);
/* Spoils the handler's answer. */
void fault_spoil(const struct fault *fault, struct http_exchange *ex);

#endif
