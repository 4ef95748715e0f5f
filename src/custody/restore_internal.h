#ifndef CUSTODY_RESTORE_INTERNAL_H
#define CUSTODY_RESTORE_INTERNAL_H
#include "custody/restore.h"

/* What the files of restore.h share. */
#define RESTORE_LOCK_SUFFIX ".lock"
#define RESTORE_DRILL_SUFFIX ".drill"

/* DATA/restore/<name><suffix>; NULL when out of memory; the caller frees. */
char *restore_path(const struct data *data, const char *name, const char *suffix);
/* Makes DATA/restore too. ERR_CONFLICT: another process restores it. */
MUST_USE enum err_class restore_lock(struct data *data, const char *name, struct disk_lock *ret,
                                     struct err *err);
void restore_drop(struct data *data, const char *dir); /* an undo */

/*
 * Opens and unlocks a backup. `carried_only`: by the keys that it carries; else those of the owner
 * that is here may do.
 */
MUST_USE enum err_class restore_open(struct data *data, const char *path, const char *owner,
                                     bool carried_only, struct archive_reader **ret,
                                     struct vault **ret_vault, struct err *err);
/* A new database with what the backup has; open, committed, not yet durable. */
MUST_USE enum err_class restore_fill(struct data *data, struct archive_reader *reader,
                                     const struct vault *vault, const char *db_path,
                                     const struct content_steps *steps, struct tenant_info *info,
                                     struct content_manifest *manifest, struct db **ret,
                                     struct err *err);

/* Brings its schema up to date, closes it (*db is NULL then) and makes it durable. */
MUST_USE enum err_class restore_finish_db(struct data *data, struct db **db, const char *db_path,
                                          enum record_scope scope, struct err *err);

#endif
