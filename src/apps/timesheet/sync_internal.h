#ifndef APPS_TIMESHEET_SYNC_INTERNAL_H
#define APPS_TIMESHEET_SYNC_INTERNAL_H
#include "apps/timesheet/sync.h"

/* One synchronization under way; shared by sync.c, pages.c, transaction.c and
 * verify.c only. */
struct sync {
    struct tenant *tenant;
    struct jira *jira;
    const struct sync_options *options;
    struct mirror mirror;
    struct mirror_state state; /* as it will be committed next */
    struct sync_run run;
    struct mirror_state committed_state; /* as they are in the database */
    struct sync_run committed_run;
    bool half;         /* in the middle of a unit of work */
    unsigned units;    /* of work, since the last commit */
    int64_t waited_ms; /* for Jira, since then */
    struct sync_result *result;
    int64_t from_ms; /* where the feed of changes is followed from in this run; 0: its beginning */
    int64_t server_ms; /* Jira's clock at the beginning; 0: not told */
    int64_t began_mono_ms;
    int64_t first_ms; /* time of the first row of the feed, for the progress; 0: none yet */
    int64_t seen;
};

/* A page of the updated feed, its worklogs on their way. */
struct sync_page {
    struct jira_feed_page feed;
    int64_t ids[LIMIT_FEED_PAGE_ROWS]; /* those asked for, ascending */
    size_t id_count;
    struct http_call *list;      /* NULL: none is on its way */
    struct jira_worklogs answer; /* received; empty when none was needed */
};

struct sync_page *sync_page_new(void);       /* NULL when out of memory */
void sync_page_free(struct sync_page *page); /* NULL is fine */
AUTO_DEFINE(struct sync_page, sync_page_free)

/*
 * Transactions of a run: units of work are gathered in one, see transaction.c. `open` begins a
 * unit, and a transaction when none is open. `keep` says that the unit is whole; it need not be
 * committed yet. `close` ends the transaction, if one is open: with rc ERR_OK, or between two units
 * (the remote failed, or a stop was asked for), it commits; in the middle of a unit it rolls back
 * to what the database has. Returns rc, or what went wrong with the commit. `before_wait`, between
 * two units: commits unless that call is answered already, or nearly so.
 */
MUST_USE enum err_class sync_tx_open(struct sync *sync, struct err *err);
MUST_USE enum err_class sync_tx_keep(struct sync *sync, struct err *err);
MUST_USE enum err_class sync_tx_close(struct sync *sync, enum err_class rc, struct err *err);
MUST_USE enum err_class sync_tx_before_wait(struct sync *sync, const struct http_call *call,
                                            struct err *err);

/*
 * Walks the updated feed from `query` to its end: the next page and its worklogs travel while the
 * one before is stored.
 *   wanted  whether a listed worklog must be read
 *   store   what to do with a page, in the open transaction; sync->state is ahead of it already
 */
struct sync_walk {
    enum err_class (*wanted)(struct sync *sync, void *arg, const struct jira_feed_row *row,
                             bool *ret, struct err *err);
    enum err_class (*store)(struct sync *sync, void *arg, struct sync_page *page, struct err *err);
    void *arg;
    const char *phase;  /* for the progress */
    bool cursor_at_end; /* the cursor moves with the last page only */
};
MUST_USE enum err_class sync_walk(struct sync *sync, const struct sync_walk *walk,
                                  const char *query, struct err *err);

/*
 * For each worklog that was received with the page: puts it, counts it, warns of defects and of
 * those asked for and not shown. In the caller's transaction.
 */
struct sync_page_counts {
    int64_t added, changed;
};
MUST_USE enum err_class sync_put_page(struct sync *sync, struct sync_page *page,
                                      struct sync_page_counts *ret, struct err *err);

/*
 * How far a walk over a feed has come. A page must lead on in time; so many in a row may be of one
 * time (ten million worklogs, as a mass change in the database may leave them). Else the feed is
 * taken for one that leads around in a circle: ERR_REMOTE.
 */
#define SYNC_PAGES_OF_A_TIME 10000
struct sync_reached {
    int64_t ms;
    int pages; /* that came no further */
};
MUST_USE enum err_class sync_reach(struct sync *sync, struct sync_reached *reached,
                                   const struct jira_feed_page *feed, struct err *err);

/* Between two units: asks for the page's ids and waits for the answer. None: no call. */
MUST_USE enum err_class sync_receive(struct sync *sync, struct sync_page *page, struct err *err);

/* Follows the feed of deletions. */
MUST_USE enum err_class sync_deletions(struct sync *sync, struct err *err);
MUST_USE enum err_class sync_verify(struct sync *sync, struct err *err);
/* Reads Jira's clock, and makes sure that the feed of deletions has a beginning. */
MUST_USE enum err_class sync_begin_whole(struct sync *sync, struct err *err);
/* Stores the state; commits it. */
MUST_USE enum err_class sync_store_state(struct sync *sync, struct err *err);
MUST_USE enum err_class sync_tell(struct sync *sync, const char *phase, double done,
                                  struct err *err);

#endif
