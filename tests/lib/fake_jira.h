#ifndef TESTS_LIB_FAKE_JIRA_H
#define TESTS_LIB_FAKE_JIRA_H
#include "fake_net.h"

/*
 * A Jira for tests, behind fake_net: worklogs in memory, the feeds, the list by ids, direct reads.
 * It behaves as Atlassian's description says, and as the worst of it when asked: what of the last
 * minute is withheld, what may not be seen is left out, a move leaves no trace, and every n-th call
 * can fail in several ways. Its clock is the context's. Not thread-safe.
 */
struct fake_worklog {
    int64_t id, issue_id;
    char account[40];  /* "" none */
    char comment[200]; /* "" none */
    int64_t created_ms, updated_ms, started_ms, seconds;
    bool hidden;        /* listed by the feed, not shown */
    bool unlisted;      /* shown, not listed by the feed: what a feed may forget */
    int64_t deleted_ms; /* 0: it is there */
    bool silent;        /* its deletion is in no feed */
    const char *broken; /* not NULL: shown as this JSON text instead */
};

enum fake_paging {
    FAKE_PAGES_BY_PLACE, /* a next page begins behind the last row */
    FAKE_PAGES_BY_TIME,  /* it begins at the last row's time: rows come twice, or never */
};

enum fake_fault {
    FAKE_FAULT_NETWORK, /* the connection breaks */
    FAKE_FAULT_CUT,     /* half of the answer's body */
    FAKE_FAULT_HTML,    /* a page of a proxy */
    FAKE_FAULT_401,
    FAKE_FAULT_429,
    FAKE_FAULT_500,
    FAKE_FAULT_STOP, /* no fault: the user presses Ctrl-C during that call */
    FAKE_FAULT_EXIT, /* no fault: the process ends there and then */
    FAKE_FAULT_COUNT
};

struct fake_jira {
    struct fake_net net;
    struct ctx *ctx; /* borrowed */
    struct fake_worklog *rows;
    size_t count, room;
    int64_t last_id;
    enum fake_paging paging;
    size_t page_rows;
    bool datacenter;
    bool stale;          /* a replica behind the times: deleted ones are listed and shown */
    bool echo;           /* deleted ones are still listed, though not shown */
    int issue_status;    /* of a direct read of any issue; 200 */
    const char *feed;    /* not NULL: the updated feed answers this text */
    const char *deletes; /* the same for the feed of deletions */
    int64_t delay_ms;    /* of every answer */
    unsigned calls;      /* so far */
    unsigned fail_from;  /* the first call (from 1) that fails; 0 none */
    unsigned fail_count; /* how many do */
    enum fake_fault fault;
    volatile sig_atomic_t *stop;
    void (*on_call)(void *arg, unsigned call); /* before each; may change the rows. NULL is fine */
    void *on_call_arg;
};

/* Puts its network into ctx. */
void fake_jira_init(struct fake_jira *jira, struct ctx *ctx, volatile sig_atomic_t *stop);
void fake_jira_done(struct fake_jira *jira);
/* Counts anew; nothing fails. */
void fake_jira_heal(struct fake_jira *jira);

/* A worklog made now; the pointer is good until the next one is made. */
struct fake_worklog *fake_jira_add(struct fake_jira *jira, int64_t issue_id, const char *account,
                                   int64_t seconds, const char *comment);
struct fake_worklog *fake_jira_find(struct fake_jira *jira,
                                    int64_t id); /* NULL when there is none */
/* Each as of now. */
void fake_jira_edit(struct fake_jira *jira, struct fake_worklog *row, int64_t seconds,
                    const char *comment);
void fake_jira_delete(struct fake_jira *jira, struct fake_worklog *row);
void fake_jira_move(struct fake_worklog *row, int64_t issue_id); /* leaves no trace */

#endif
