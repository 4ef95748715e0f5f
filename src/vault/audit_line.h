#ifndef VAULT_AUDIT_LINE_H
#define VAULT_AUDIT_LINE_H
#include "base/disk.h"
#include "vault/audit.h"

/*
 * One line of the trail, as the writer and the readers share it:
 *   {"seq":7,"at":"…","act":…,…,"prev":"<64 hex>","hash":"<64 hex>"}
 * `hash` is the BLAKE2b-256 of the line's bytes before `,"hash"`, which hold the one before
 * (`prev`).
 */
#define AUDIT_HASH_HEX 64
#define AUDIT_LINE_MAX 2048 /* bytes, with the newline */
#define AUDIT_NAME_BYTES 11 /* "2026-01.log" */

struct audit_hash {
    char hex[AUDIT_HASH_HEX + 1];
};
extern const struct audit_hash audit_hash_none; /* what the first line of all has as `prev` */

void audit_hash_of(struct str bytes, struct audit_hash *ret);

/* What an entry says, without number, time and chain. */
void audit_line_middle(const struct audit_entry *entry, struct strbuf *buf);
/* The whole line with its newline; *hash is the one before, and then this line's. */
void audit_line_put(struct strbuf *buf, int64_t seq, int64_t at_ms, struct str middle,
                    struct audit_hash *hash);

struct audit_line {
    int64_t seq;
    struct audit_hash prev, hash;
};
/* Without the newline. False: it is no line, or its hash is not that of its bytes. */
MUST_USE bool audit_line_read(struct str line, struct audit_line *ret);

/* The file of that time. They sort by their month. */
void audit_file_name(int64_t at_ms, char ret[AUDIT_NAME_BYTES + 1]);

/* Names of a folder's files, oldest first. */
#define AUDIT_FILES_MAX 1200 /* a hundred years */
struct audit_files {
    size_t count;
    char names[AUDIT_FILES_MAX][AUDIT_NAME_BYTES + 1];
};
/* The caller frees. An absent folder has none. */
MUST_USE enum err_class audit_files(const struct ctx *ctx, const char *dir,
                                    struct audit_files **ret, struct err *err);

MUST_USE enum err_class audit_file_open(const struct ctx *ctx, const char *dir, const char *name,
                                        bool create, struct disk_file *ret, struct err *err);
/*
 * The last whole line between `least`, where a line begins, and the file's size. *ret_end: where it
 * ends in `bytes`, which holds the file's end from that line on, and perhaps more before it.
 */
MUST_USE enum err_class audit_end_read(const struct ctx *ctx, const struct disk_file *file,
                                       int64_t size, int64_t least, struct strbuf *bytes,
                                       struct audit_line *ret_line, size_t *ret_end,
                                       bool *ret_found, struct err *err);
/* The same of a whole file, by name. */
MUST_USE enum err_class audit_file_end(const struct ctx *ctx, const char *dir, const char *name,
                                       struct audit_line *ret, bool *ret_found, struct err *err);

/* audit.c, for the other files of the trail. */
const char *audit_dir(const struct audit *audit);
/* audit_write, of the trail's own acts too. */
MUST_USE enum err_class audit_write_any(struct audit *audit, const struct ctx *ctx,
                                        const struct audit_entry *entry, struct err *err);

#endif
