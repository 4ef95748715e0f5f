#ifndef CUSTODY_RESTORE_H
#define CUSTODY_RESTORE_H
#include "custody/backup.h"

/*
 * Back from a backup: one tenant, or the control data. What is restored is made beside the data, in
 * DATA/restore, and takes its place in one step when every row was read, and agrees with the
 * manifest. So a restore that is interrupted changes nothing, and is simply run again.
 */

struct restore_options {
    const char *path;  /* the file */
    const char *owner; /* whose it must be; NULL: whoever's it is */
    const char *name;  /* what the tenant shall be called; NULL: as it is called here, or was */
    bool replace;      /* over a tenant that is here: its present state is removed */
    /*
     * Called with the restored tenant before it takes its place, to remove again what was erased
     * since; its error ends the restore with nothing changed. NULL: nothing was.
     */
    enum err_class (*before)(void *arg, struct tenant *tenant, struct err *err);
    void *before_arg;
    /* A job to be queued with it, that brings it into step with Jira; NULL: none. */
    const char *job_kind, *job_key;
    struct content_steps steps;
};

struct restored {
    struct tenant_info info; /* of a tenant; id "" for control data */
    int64_t taken_ms;
    int64_t rows;
    bool replaced; /* something that was here is gone now */
};

/*
 * Restores a tenant. ERR_CONFLICT: it is here and `replace` is not given, a sync of it runs, or
 * its name is another's. ERR_KEY: the key provider here did not wrap its keys. ERR_SCHEMA: a newer
 * Tenon wrote it. ERR_CORRUPT: the file is not what was written. ERR_INPUT: it is another owner's.
 * Idle handles of other processes notice it with their next use (store/pool.h).
 */
MUST_USE enum err_class restore_tenant(struct data *data, const struct restore_options *options,
                                       struct restored *ret, struct err *err);
/*
 * Restores the control data of a folder, which may be empty but for its key. No other process may
 * have it open: ERR_CONFLICT. A folder that has control data wants `replace`, and its own key.
 */
MUST_USE enum err_class restore_control(const struct ctx *ctx, const char *dir,
                                        const struct catalog *catalog,
                                        const struct restore_options *options, struct restored *ret,
                                        struct err *err);

/* What a file says of itself, once its owner's key has proved it. */
struct restore_checked {
    char owner[VAULT_OWNER_MAX + 1];
    enum record_scope scope;
    int64_t taken_ms, bytes;
    int64_t rows, tables; /* -1 when only the beginning was read */
};
/*
 * Reads a backup: its header and first chunk, or `whole` of it to the manifest at its end. Errors:
 * archive_open, archive_unlock, content_read; ERR_INPUT when it is not of `owner` (NULL: any).
 */
MUST_USE enum err_class restore_verify(struct data *data, const char *path, const char *owner,
                                       bool whole, const struct content_steps *steps,
                                       struct restore_checked *ret, struct err *err);
/*
 * The drill: restores the backup into a scratch place, reads every row back from there, holds them
 * against the manifest, checks the database's pages, and removes it. The result is remembered with
 * the backup, also when it is bad; then the error says why.
 */
MUST_USE enum err_class restore_drill(struct data *data, const struct backup *backup,
                                      const struct content_steps *steps, struct err *err);
/* Removes what interrupted restores and drills left behind; not what one is working on. */
MUST_USE enum err_class restore_tidy(struct data *data, struct err *err);

#endif
