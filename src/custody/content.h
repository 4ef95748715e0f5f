#ifndef CUSTODY_CONTENT_H
#define CUSTODY_CONTENT_H
#include "custody/archive.h"
#include "store/data.h"

/*
 * What is in a backup: rows by record and field, as the catalogue names them, with typed values;
 * nothing of an engine's. Sealed values stay sealed. In the archive's bytes, one item after the
 * other ("number": little-endian base 128, seven bits a byte; "text": number of bytes, bytes):
 *
 *   'M' number of facts; each: text name, text value          of a tenant: name, base_url, …
 *   'T' text record, number of fields; each: text name, kind ('i' integer, 't' text, 'b' bytes),
 *       flags (1 may be absent, 2 part of the key)
 *       rows: 1, then a value a field: where it may be absent a byte 0 (absent) or 1; an integer is
 *       a number after zigzag, text and bytes are a text; ordered by the key
 *       0
 *   'E' number: version of the catalogue, number of tables; each: text record, number of rows,
 *       number of bytes, SHA-256 of the bytes of its 'T' item
 */
#define CONTENT_TABLES_MAX 256
#define CONTENT_FIELDS_MAX 63 /* LIMIT_SQL_PARAMETERS - 1 */
#define CONTENT_NAME_BYTES 63

struct content_field {
    char name[CONTENT_NAME_BYTES + 1];
    char kind; /* 'i', 't', 'b' */
    bool may_be_null, is_key;
};
struct content_table {
    char name[CONTENT_NAME_BYTES + 1];
    size_t field_count;
    struct content_field fields[CONTENT_FIELDS_MAX];
    int64_t rows, bytes;
    unsigned char digest[ARCHIVE_DIGEST_BYTES];
};
/* The tables of an archive in its order; owned. */
struct content_manifest {
    unsigned catalog_version;
    size_t count;
    struct content_table *tables; /* room for CONTENT_TABLES_MAX */
    int64_t rows;                 /* of all */
};
MUST_USE enum err_class content_manifest_init(struct content_manifest *manifest, struct err *err);
void content_manifest_done(struct content_manifest *manifest);

/*
 * Writes all records of the scope, from one snapshot: `db` gets a read transaction for it, which
 * writers do not wait for. `info`: of the tenant; NULL for control data. Fills the manifest.
 * `steps`, and its function, may be NULL; it is asked now and then, and its error ends the work.
 */
struct content_steps {
    enum err_class (*step)(void *arg, int64_t rows, struct err *err);
    void *arg;
};
MUST_USE enum err_class content_write(struct archive_writer *writer, struct db *db,
                                      const struct catalog *catalog, const struct tenant_info *info,
                                      const struct content_steps *steps,
                                      struct content_manifest *ret, struct err *err);

/*
 * Reads an unlocked archive to its proved end, and holds each table against the manifest at the
 * end. db      a new database with the tables of the catalogue: the rows go into it, in a
 * transaction of the caller's. Fields that the archive lacks take their defaults; what the
 * catalogue does not have is ERR_SCHEMA. NULL: the archive is only read. info    name, base_url and
 * so on of the tenant, where the archive has them; or NULL
 */
MUST_USE enum err_class content_read(struct archive_reader *reader, struct db *db,
                                     const struct catalog *catalog,
                                     const struct content_steps *steps, struct tenant_info *info,
                                     struct content_manifest *ret, struct err *err);
/* Reads the tables back from the database; ERR_CORRUPT names the first that is not as it says. */
MUST_USE enum err_class content_compare(struct db *db, const struct content_manifest *manifest,
                                        const struct content_steps *steps, struct err *err);

#endif
