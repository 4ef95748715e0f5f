/*
 * transaction.c: gathering what a synchronization stores into few transactions.
 *
 * Why: edited worklogs lie scattered over the table, and each database page that a transaction
 * touches is encrypted once. So pages of the feed share one as long as the next answer is there
 * already, or nearly so; before a longer wait what is open is committed. Nobody is locked out by a
 * slow remote, and a kill costs little.
 */
#include "apps/timesheet/sync_internal.h"

/* Units of work in one transaction, at most; a unit mostly is a page of the feed. */
#define UNITS_PER_TX 32

/* An answer that is not there within so long is not nearly there. */
#define NEARLY_MS 10

enum err_class sync_tx_open(struct sync *sync, struct err *err)
{
    sync->half = true;
    if (db_in_tx(sync->tenant->db))
        return ERR_OK;

    enum err_class rc = db_begin(sync->tenant->db, DB_BULK, err);

    return rc == ERR_OK ? mirror_look(&sync->mirror, err) : rc;
}

static enum err_class commit(struct sync *sync, enum err_class rc, struct err *err)
{
    struct err commit_err = {0};
    enum err_class done = db_commit(sync->tenant->db, &commit_err);

    if (done == ERR_OK) {
        sync->committed_state = sync->state;
        sync->committed_run = sync->run;
        return rc;
    }
    if (rc == ERR_OK)
        *err = commit_err;
    sync->half = true; /* nothing of it stands */
    return rc == ERR_OK ? done : rc;
}

enum err_class sync_tx_close(struct sync *sync, enum err_class rc, struct err *err)
{
    if (rc == ERR_OK)
        sync->half = false;
    if (db_in_tx(sync->tenant->db) && !sync->half)
        rc = commit(sync, rc, err);
    if (sync->half) {
        db_rollback(sync->tenant->db);
        sync->state = sync->committed_state;
        sync->run = sync->committed_run;
        mirror_forget(&sync->mirror);
    }
    sync->half = false;
    sync->units = 0;
    sync->waited_ms = 0;
    return rc;
}

enum err_class sync_tx_keep(struct sync *sync, struct err *err)
{
    sync->half = false;
    return ++sync->units < UNITS_PER_TX ? ERR_OK : sync_tx_close(sync, ERR_OK, err);
}

enum err_class sync_tx_before_wait(struct sync *sync, const struct http_call *call, struct err *err)
{
    const struct ctx *ctx = sync->tenant->ctx;
    int64_t from_ms = ctx_mono_ms(ctx), most_ms = SYNC_WAIT_IN_TX_MS - sync->waited_ms;

    if (most_ms > NEARLY_MS)
        most_ms = NEARLY_MS;

    bool ready = http_ready(call, db_in_tx(sync->tenant->db) && most_ms > 0 ? most_ms : 0);

    sync->waited_ms += ctx_mono_ms(ctx) - from_ms;
    return ready ? ERR_OK : sync_tx_close(sync, ERR_OK, err);
}
