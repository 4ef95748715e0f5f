/*
 * content_source.c: the values in the bytes of an archive.
 *
 * A value is read from what is in the buffer, by functions that know nothing of the archive and say
 * when it is not all there; then more is fetched and it is read anew. Nearly always it is there, so
 * rows cost one pass over their bytes and no copy.
 *
 * Whatever is read here was authenticated by the archive before; the checks are against our own
 * mistakes and against a key holder's. Threads: one at a time, and the digest's own.
 */
#include "custody/content_source.h"

#include "custody/content_internal.h"

#define BUFFER_BYTES ((size_t)1024 * 1024)
#define BUFFER_BYTES_MAX (CONTENT_VALUE_BYTES_MAX * 2)
#define NUMBER_BYTES_MAX 10

enum err_class source_init(struct source *source, struct archive_reader *reader, struct err *err)
{
    *source = (struct source){
        .reader = reader, .buffer = malloc(BUFFER_BYTES), .room = BUFFER_BYTES, .err = err};
    return source->buffer ? ERR_OK : err_memory(err);
}

void source_done(struct source *source)
{
    digest_done(&source->digest);
    if (source->buffer)
        sodium_memzero(source->buffer, source->room);
    free(source->buffer);
}

enum err_class source_broken(struct source *source, const char *what)
{
    if (source->rc == ERR_OK)
        source->rc =
            err_set(source->err, ERR_CORRUPT,
                    "the content of the backup is not of its form (%s): take another copy", what);
    return source->rc;
}

static void hash_taken(struct source *source)
{
    digest_add(&source->digest, (struct str){(const char *)source->buffer + source->hashed,
                                             source->from - source->hashed});
    source->hashed = source->from;
}

/* Makes room for one more read: moves what is left to the front, grows when that is all of it. */
static void make_room(struct source *source)
{
    hash_taken(source);
    memmove(source->buffer, source->buffer + source->from, source->to - source->from);
    source->to -= source->from;
    source->from = source->hashed = 0;
    if (source->to < source->room)
        return;

    unsigned char *grown =
        source->room < BUFFER_BYTES_MAX ? realloc(source->buffer, source->room * 2) : NULL;

    if (!grown) {
        source->rc = source->room < BUFFER_BYTES_MAX
                         ? err_memory(source->err)
                         : err_set(source->err, ERR_LIMIT, "a row of the backup is over %llu bytes",
                                   (unsigned long long)BUFFER_BYTES_MAX);
        return;
    }
    source->buffer = grown;
    source->room *= 2;
}

/* More bytes behind those there; false at the end or on an error. */
static bool fill(struct source *source)
{
    size_t got = 0;

    if (source->rc == ERR_OK && !source->ended)
        make_room(source);
    if (source->rc == ERR_OK && !source->ended)
        source->rc = archive_read(source->reader, source->buffer + source->to,
                                  source->room - source->to, &got, source->err);
    if (source->rc == ERR_OK && got == 0)
        source->ended = true;
    source->to += got;
    return got > 0;
}

/* ---- values in memory ---- */

/* A place in the buffer. What does not succeed is either not all there or not of its form. */
struct cursor {
    const unsigned char *at, *to;
    const char *wrong; /* what is not of its form */
};

static struct cursor look(const struct source *source)
{
    return (struct cursor){source->buffer + source->from, source->buffer + source->to, NULL};
}

static inline bool get_byte(struct cursor *cursor, unsigned char *ret)
{
    if (cursor->at == cursor->to)
        return false;
    *ret = *cursor->at++;
    return true;
}

static inline bool get_number(struct cursor *cursor, uint64_t *ret)
{
    uint64_t n = 0;
    const unsigned char *at = cursor->at;
    size_t len = (size_t)(cursor->to - at);

    for (size_t i = 0; i < len && i < NUMBER_BYTES_MAX; i++) {
        n |= (uint64_t)(at[i] & 0x7f) << (7 * i);
        if (!(at[i] & 0x80)) {
            cursor->at = at + i + 1;
            *ret = n;
            return true;
        }
    }
    if (len >= NUMBER_BYTES_MAX)
        cursor->wrong = "a number";
    return false;
}

static inline bool get_bytes(struct cursor *cursor, uint64_t len, struct str *ret)
{
    if (len > CONTENT_VALUE_BYTES_MAX) {
        cursor->wrong = "a length";
        return false;
    }
    if ((size_t)(cursor->to - cursor->at) < len)
        return false;
    *ret = (struct str){(const char *)cursor->at, (size_t)len};
    cursor->at += len;
    return true;
}

static inline bool get_text(struct cursor *cursor, struct str *ret)
{
    uint64_t len = 0;

    return get_number(cursor, &len) && get_bytes(cursor, len, ret);
}

static inline bool get_value(struct cursor *cursor, const struct content_field *field,
                             struct db_value *ret)
{
    unsigned char there = 1;
    uint64_t n = 0;

    ret->kind = DB_NULL;
    if (field->may_be_null && !get_byte(cursor, &there))
        return false;
    if (!there)
        return true;
    if (field->kind == 'i') {
        ret->kind = DB_I64;
        if (!get_number(cursor, &n))
            return false;
        ret->number = unzigzag(n);
        return true;
    }
    ret->kind = field->kind == 't' ? DB_TEXT : DB_BLOB;
    return get_text(cursor, &ret->bytes);
}

/* With the byte before it; *ret_more: it is a row, and not the end of the table. */
static bool get_row(struct cursor *cursor, const struct content_table *table,
                    struct db_value *values, bool *ret_more)
{
    unsigned char more = 0;

    if (!get_byte(cursor, &more))
        return false;
    if (more > 1) {
        cursor->wrong = "a row";
        return false;
    }
    *ret_more = more == 1;
    for (size_t i = 0; *ret_more && i < table->field_count; i++)
        if (!get_value(cursor, &table->fields[i], &values[i]))
            return false;
    return true;
}

/* ---- values of the archive ---- */

static void take(struct source *source, const struct cursor *cursor)
{
    source->from = (size_t)(cursor->at - source->buffer);
}

/* It was not there: is it worth another look? */
static bool again(struct source *source, const struct cursor *cursor)
{
    if (cursor->wrong)
        (void)source_broken(source, cursor->wrong);
    return fill(source);
}

bool source_byte(struct source *source, unsigned char *ret)
{
    struct cursor cursor = look(source);

    while (!get_byte(&cursor, ret)) {
        if (!again(source, &cursor))
            return false;
        cursor = look(source);
    }
    take(source, &cursor);
    return true;
}

bool source_number(struct source *source, uint64_t most, uint64_t *ret)
{
    struct cursor cursor = look(source);

    while (!get_number(&cursor, ret)) {
        if (!again(source, &cursor))
            return false;
        cursor = look(source);
    }
    if (*ret > most) {
        (void)source_broken(source, "a count");
        return false;
    }
    take(source, &cursor);
    return true;
}

bool source_text(struct source *source, struct str *ret)
{
    struct cursor cursor = look(source);

    while (!get_text(&cursor, ret)) {
        if (!again(source, &cursor))
            return false;
        cursor = look(source);
    }
    take(source, &cursor);
    return true;
}

bool source_bytes(struct source *source, size_t len, struct str *ret)
{
    struct cursor cursor = look(source);

    while (!get_bytes(&cursor, len, ret)) {
        if (!again(source, &cursor))
            return false;
        cursor = look(source);
    }
    take(source, &cursor);
    return true;
}

bool source_name(struct source *source, char ret[CONTENT_NAME_BYTES + 1])
{
    struct str name = {0};

    if (!source_text(source, &name))
        return false;
    if (name.len == 0 || name.len > CONTENT_NAME_BYTES) {
        (void)source_broken(source, "a name");
        return false;
    }
    memcpy(ret, name.ptr, name.len);
    ret[name.len] = '\0';
    return true;
}

bool source_row(struct source *source, const struct content_table *table,
                struct db_value values[CONTENT_FIELDS_MAX])
{
    struct cursor cursor = look(source);
    bool more = false;

    while (!get_row(&cursor, table, values, &more)) {
        if (!again(source, &cursor))
            return false;
        cursor = look(source);
    }
    take(source, &cursor);
    return more;
}

void source_digest_begin(struct source *source, size_t before)
{
    source->hashed = source->from - before;
    digest_begin(&source->digest, true);
}

void source_digest_end(struct source *source, struct content_table *table)
{
    hash_taken(source);
    table->bytes = source->digest.bytes;
    if (source->rc == ERR_OK)
        source->rc = digest_end(&source->digest, table->digest, source->err);
}
