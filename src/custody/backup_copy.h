#ifndef CUSTODY_BACKUP_COPY_H
#define CUSTODY_BACKUP_COPY_H
#include "custody/backup.h"
#include "custody/s3.h"

/*
 * Copies of backups in object storage, as prefix + <owner>/<name>. They are the same files: whoever
 * has the storage has nothing without the key provider.
 */

/* Puts there what is on the disk and not there yet, oldest first. *ret_count: how many. */
MUST_USE enum err_class backups_copy(struct data *data, const struct s3 *s3, const char *owner,
                                     int64_t *ret_count, struct err *err);
/* Deletes there what was taken before that time (INT64_MAX: all of the owner's). */
MUST_USE enum err_class backups_sweep_copies(struct data *data, const struct s3 *s3,
                                             const char *owner, int64_t before_ms,
                                             int64_t *ret_count, struct err *err);
/* Looks what is there, and remembers it: for a folder that lost its memory. */
MUST_USE enum err_class backups_find_copies(struct data *data, const struct s3 *s3,
                                            const char *owner, struct err *err);
/* Brings the file back into DATA/backups. ERR_CORRUPT: it is not the one that was put there. */
MUST_USE enum err_class backup_fetch(struct data *data, const struct s3 *s3,
                                     const struct backup *backup, struct err *err);

#endif
