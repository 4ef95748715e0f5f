#ifndef CUSTODY_BACKUP_INTERNAL_H
#define CUSTODY_BACKUP_INTERNAL_H
#include "custody/backup.h"

/* What backup.c asks of backup_records.c. Those that write need an open write transaction. */
MUST_USE enum err_class backup_row_put(struct data *data, const struct backup *backup,
                                       struct err *err);
/* The file is gone; the row goes with it unless there is a copy elsewhere. */
MUST_USE enum err_class backup_row_off_disk(struct data *data, const struct backup *backup,
                                            struct err *err);
/* Newest first; `owner` NULL: all. */
MUST_USE enum err_class
backup_rows_each(struct data *data, const char *owner,
                 enum err_class (*each)(void *arg, const struct backup *backup, struct err *err),
                 void *arg, struct err *err);

/* There is a copy elsewhere, of which nothing may have been known. */
MUST_USE enum err_class backup_row_copy(struct data *data, const struct backup *backup,
                                        int64_t copied_ms, struct err *err);

/* backup.c: the time in a file's name; false: it is none of a backup. */
MUST_USE bool backup_name_time(const char *name, int64_t *ret_ms);
/* Makes DATA/backups/<owner>; *ret is its path, which the caller frees. */
MUST_USE enum err_class backup_make_dir(struct data *data, const char *owner, char **ret,
                                        struct err *err);

#endif
