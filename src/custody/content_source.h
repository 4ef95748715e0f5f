#ifndef CUSTODY_CONTENT_SOURCE_H
#define CUSTODY_CONTENT_SOURCE_H
#include "custody/content.h"
#include "custody/digest.h"
#include "store/db.h"

/*
 * The bytes of an archive as values. What is asked for is taken when all of it is there; the
 * buffer grows to the longest row. Errors stay: after the first, nothing is there any more.
 */
struct source {
    struct archive_reader *reader;
    unsigned char *buffer;
    size_t room, from, to; /* what is there and not yet taken */
    size_t hashed;         /* of it, from the start of the buffer */
    struct digest digest;  /* of the table at hand */
    bool ended;
    struct err *err;
    enum err_class rc; /* sticky */
};
/* `reader` and `err` are borrowed. */
MUST_USE enum err_class source_init(struct source *source, struct archive_reader *reader,
                                    struct err *err);
void source_done(struct source *source); /* wipes */
/* Notes that the content is not of its form, and returns what is noted. */
enum err_class source_broken(struct source *source, const char *what);

/* These return false at the end of the archive or on an error. */
MUST_USE bool source_byte(struct source *source, unsigned char *ret);
MUST_USE bool source_number(struct source *source, uint64_t most, uint64_t *ret);
MUST_USE bool source_name(struct source *source, char ret[CONTENT_NAME_BYTES + 1]);
/* Borrowed until the next call, as are the values of a row. */
MUST_USE bool source_text(struct source *source, struct str *ret);
MUST_USE bool source_bytes(struct source *source, size_t len, struct str *ret);
/* The next row of the table: false also at the end of the table, which is then taken. */
MUST_USE bool source_row(struct source *source, const struct content_table *table,
                         struct db_value values[CONTENT_FIELDS_MAX]);

/* A table's digest: from `before` bytes before what is next, to what was taken last. */
void source_digest_begin(struct source *source, size_t before);
void source_digest_end(struct source *source, struct content_table *table);

#endif
