#ifndef APPS_TIMESHEET_BOARD_H
#define APPS_TIMESHEET_BOARD_H
#include "apps/timesheet/sync.h"

/*
 * Where the synchronization of a tenant writes how far it is, for the Sync page; and where somebody
 * may ask it to stop. In memory, one a site. Thread-safe.
 */
struct board;

struct board *board_new(void); /* NULL when out of memory */
void board_free(struct board *board);
AUTO_DEFINE(struct board, board_free)

struct board_view {
    bool running;
    struct sync_progress progress; /* the phase is "starting" before the first page */
    int64_t began_mono_ms;
    struct err failure; /* of the last run that failed since; class ERR_OK: none */
    int64_t failed_ms;  /* UTC */
};

void board_begin(struct board *board, enum sync_mode mode, int64_t mono_ms);
/* ERR_CANCELLED: somebody asked the run to stop. */
MUST_USE enum err_class board_tell(struct board *board, const struct sync_progress *progress,
                                   struct err *err);
/* `err` of a failed run, NULL after a good one. */
void board_end(struct board *board, const struct err *err, int64_t now_ms);
/* The running one, if there is any. */
void board_ask_stop(struct board *board);
struct board_view board_look(struct board *board);

#endif
