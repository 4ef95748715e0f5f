#ifndef TESTS_LIB_FAKE_WRITES_H
#define TESTS_LIB_FAKE_WRITES_H
#include "fake_jira.h"

/*
 * Makes a fake Jira take changes of worklogs: it stands before fake_jira's own answers and passes
 * on what it does not know. Issues are numbers, "ABC-<n>" is issue n. Remaining estimates follow as
 * Jira says. What goes wrong is asked for; one kind at a time.
 */
enum fake_write_fault {
    FAKE_WRITE_WELL,
    FAKE_WRITE_LOST,    /* done, but the connection breaks before the answer */
    FAKE_WRITE_NEVER,   /* the connection breaks before it is done */
    FAKE_WRITE_GARBLED, /* done, but the answer is no JSON */
    FAKE_WRITE_REFUSED, /* `status` and `body` below */
};

#define FAKE_ISSUES_MAX 64

struct fake_writes {
    struct fake_jira *jira;
    fake_net_handler *inner;
    void *inner_arg;
    const char *account; /* whose credential it is */
    enum fake_write_fault fault;
    unsigned fault_count; /* how many writes go wrong; then all goes well again */
    int64_t only_issue;   /* not 0: only writes to this one go wrong */
    int status;
    const char *body;
    const char *rights, *settings;      /* answers to mypermissions and configuration; NULL: 404 */
    int64_t estimates[FAKE_ISSUES_MAX]; /* seconds left, by issue */
    struct {
        int64_t worklog;
        char client[80];
    } marks[256];
    size_t mark_count;
    unsigned creates, updates, deletes; /* done */
    char last_query[300];               /* of the last write */
    void (*on_write)(void *arg);        /* before a write is done; NULL is fine */
    void *on_write_arg;
};

/* Its network stays the fake Jira's. */
void fake_writes_init(struct fake_writes *writes, struct fake_jira *jira, const char *account);

#endif
