#ifndef CUSTODY_BACKUP_H
#define CUSTODY_BACKUP_H
#include "custody/content.h"
#include "store/data.h"

/*
 * Backups: DATA/backups/<owner>/20260115T100000.000Z.tenon, one file (custody/archive.h) a moment
 * and an owner: a tenant's id, or "control" for the control data. The files are what counts; the
 * record `backup` of the control database remembers what a file alone does not say: where copies
 * are, and whether one was restored for a try.
 */
extern const struct record backup_record;      /* control; for the catalogue */
extern const struct record backup_file_record; /* the files themselves */

#define BACKUP_CONTROL "control"
#define BACKUP_SUFFIX ".tenon"
#define BACKUP_NAME_BYTES 26 /* "20260115T100000.000Z.tenon" */

enum drill_result { DRILL_NONE, DRILL_GOOD, DRILL_BAD }; /* NONE: unproven */
const char *drill_result_name(enum drill_result result); /* "unproven", "good", "bad" */

struct backup {
    char owner[VAULT_OWNER_MAX + 1];
    int64_t taken_ms;
    char name[BACKUP_NAME_BYTES + 1];
    int64_t bytes;
    int64_t rows; /* -1: not known (a file that was put here by hand) */
    unsigned char digest[ARCHIVE_DIGEST_BYTES]; /* of the whole file */
    bool has_digest;
    bool on_disk;       /* in DATA/backups */
    int64_t copied_ms;  /* when it was copied to object storage and read back; 0: not there */
    int64_t drilled_ms; /* when it was last restored for a try; 0: never */
    enum drill_result drill;
};
/* "20260115T100000.000Z.tenon" */
void backup_name(int64_t taken_ms, char ret[BACKUP_NAME_BYTES + 1]);
/* DATA/backups/<owner>/<name>; NULL when out of memory; the caller frees. */
char *backup_path(const struct data *data, const struct backup *backup);

/*
 * Takes one: a consistent snapshot, while others read and write. Memory is bounded whatever the
 * size. The file has its name when it is whole and durable. `tenant` NULL: the control data.
 * ERR_CONFLICT while another process takes one of the same owner; ERR_SPACE, ERR_DISK.
 */
MUST_USE enum err_class backup_take(struct data *data, struct tenant *tenant,
                                    const struct content_steps *steps, struct backup *ret,
                                    struct err *err);

/*
 * Those there are, newest first, of one owner (NULL: of all, by owner). Files that were put into
 * the folder or taken out of it by hand are noticed. Not to be changed from within `each`.
 */
MUST_USE enum err_class backups_each(struct data *data, const char *owner,
                                     enum err_class (*each)(void *arg, const struct backup *backup,
                                                            struct err *err),
                                     void *arg, struct err *err);
/* The newest that was taken at or before that time (INT64_MAX: of all). ERR_NOT_FOUND. */
MUST_USE enum err_class backup_find(struct data *data, const char *owner, int64_t at_ms,
                                    struct backup *ret, struct err *err);

/* Removes all files of an owner and what is remembered of them; copies elsewhere are not touched.
 */
MUST_USE enum err_class backups_remove(struct data *data, const char *owner, int64_t *ret_count,
                                       struct err *err);
/* Removes the files that were taken before that time. */
MUST_USE enum err_class backups_sweep(struct data *data, const char *owner, int64_t before_ms,
                                      int64_t *ret_count, struct err *err);

/* For the metrics. */
struct backup_measure {
    int64_t count;      /* that are remembered */
    int64_t unproven;   /* of them: no drill, or one that went badly */
    int64_t stalest_ms; /* the newest backup of the tenant whose newest is the oldest; 0: none */
};
MUST_USE enum err_class backups_measure(struct data *data, struct backup_measure *ret,
                                        struct err *err);

/* What is remembered: it is elsewhere too (0: no longer), and how a drill went. */
MUST_USE enum err_class backup_note_copied(struct data *data, const struct backup *backup,
                                           int64_t copied_ms, struct err *err);
MUST_USE enum err_class backup_note_drill(struct data *data, const struct backup *backup,
                                          enum drill_result result, struct err *err);

#endif
