/*
 * transfer_read.c: an export's outer form, without the whole of it in memory.
 *
 * Only what separates values is understood here: braces, brackets, strings and the marks between
 * them. Each value is then cut out and given to yyjson, which decides whether it is JSON.
 */
#include "custody/transfer_read.h"

#include <stdlib.h>

#define PART_BYTES 65536
#define NAME_BYTES 64
#define END (-1)

struct reader {
    const struct transfer_source *source;
    char *part;
    size_t at, len;
    int64_t passed; /* bytes before the part */
    struct strbuf value;
};

static enum err_class wrong(const struct reader *reader, const char *wanted, struct err *err)
{
    return err_set(err, ERR_INPUT, "byte %lld of the export is not right: %s is wanted there",
                   (long long)(reader->passed + (int64_t)reader->at + 1), wanted);
}

/* The next byte, which stays; END at the end. */
static enum err_class peek(struct reader *reader, int *ret, struct err *err)
{
    if (reader->at == reader->len) {
        size_t len = 0;
        enum err_class rc =
            reader->source->read(reader->source->arg, reader->part, PART_BYTES, &len, err);

        if (rc != ERR_OK)
            return rc;
        reader->passed += (int64_t)reader->len;
        reader->at = 0;
        reader->len = len;
        if (len == 0) {
            *ret = END;
            return ERR_OK;
        }
    }
    *ret = (unsigned char)reader->part[reader->at];
    return ERR_OK;
}

/* The next byte that is no white space; it stays. */
static enum err_class peek_mark(struct reader *reader, int *ret, struct err *err)
{
    enum err_class rc = peek(reader, ret, err);

    while (rc == ERR_OK && (*ret == ' ' || *ret == '\n' || *ret == '\r' || *ret == '\t')) {
        reader->at++;
        rc = peek(reader, ret, err);
    }
    return rc;
}

static enum err_class take_mark(struct reader *reader, char mark, const char *name, struct err *err)
{
    int c = 0;
    enum err_class rc = peek_mark(reader, &c, err);

    if (rc != ERR_OK)
        return rc;
    if (c != mark)
        return wrong(reader, name, err);
    reader->at++;
    return ERR_OK;
}

/* After a member or an element: *ret_more when a comma follows, else the end mark was taken. */
static enum err_class take_next(struct reader *reader, char end, bool *ret_more, struct err *err)
{
    int c = 0;
    enum err_class rc = peek_mark(reader, &c, err);

    if (rc != ERR_OK)
        return rc;
    if (c != ',' && c != end)
        return wrong(reader, end == ']' ? "',' or ']'" : "',' or '}'", err);
    reader->at++;
    *ret_more = c == ',';
    return ERR_OK;
}

/* How far a value goes, byte by byte. */
struct extent {
    unsigned depth;
    bool in_string, escaped, ended;
};

static void look(struct extent *extent, char c)
{
    if (extent->in_string) {
        if (extent->escaped)
            extent->escaped = false;
        else if (c == '\\')
            extent->escaped = true;
        else if (c == '"')
            extent->in_string = false;
    } else if (c == '"') {
        extent->in_string = true;
    } else if (c == '{' || c == '[') {
        extent->depth++;
    } else if ((c == '}' || c == ']') && extent->depth > 0) {
        extent->depth--;
    } else {
        return;
    }
    extent->ended = extent->depth == 0 && !extent->in_string;
}

static bool ends_scalar(int c)
{
    return c == END || c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' ||
           c == '\t';
}

/* Cuts the next value out, into reader->value. */
static enum err_class cut_value(struct reader *reader, struct err *err)
{
    struct extent extent = {0};
    int c = 0;
    enum err_class rc = peek_mark(reader, &c, err);
    bool scalar = c != '{' && c != '[' && c != '"';

    strbuf_reset(&reader->value);
    while (rc == ERR_OK && !extent.ended) {
        if (c == END && !scalar)
            return wrong(reader, "the rest of a value that was begun", err);
        if (scalar && ends_scalar(c))
            break;
        strbuf_add_char(&reader->value, (char)c);
        if (reader->value.failed != ERR_OK)
            return strbuf_check(&reader->value, "a row of the export", err);
        reader->at++;
        look(&extent, (char)c);
        if (!extent.ended)
            rc = peek(reader, &c, err);
    }
    return rc;
}

static enum err_class read_value(struct reader *reader, yyjson_doc **ret, struct err *err)
{
    enum err_class rc = cut_value(reader, err);

    if (rc != ERR_OK)
        return rc;
    if (reader->value.len == 0)
        return wrong(reader, "a value", err);
    rc = json_read(strbuf_str(&reader->value), "the value", ret, err);
    if (rc == ERR_OK)
        rc = json_refuse_twins(*ret, LIMIT_JSON_MEMBERS, "the value", err);
    if (rc == ERR_REMOTE)
        err->class = rc = ERR_INPUT;
    if (rc != ERR_OK)
        err_wrap(err, "before byte %lld of the export",
                 (long long)(reader->passed + (int64_t)reader->at + 1));
    return rc;
}

/* A member's name and its colon. */
static enum err_class read_name(struct reader *reader, char ret[NAME_BYTES], struct err *err)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    enum err_class rc = read_value(reader, &doc, err);

    if (rc != ERR_OK)
        return rc;

    const char *name = yyjson_get_str(yyjson_doc_get_root(doc));

    if (!name || strlen(name) >= NAME_BYTES || strlen(name) == 0)
        return wrong(reader, "before it a member's name of 1 to 63 bytes", err);
    (void)snprintf(ret, NAME_BYTES, "%s", name);
    return take_mark(reader, ':', "':'", err);
}

static enum err_class read_rows(struct reader *reader, const struct transfer_visitor *visitor,
                                struct err *err)
{
    int c = 0;
    bool more = true;
    enum err_class rc = take_mark(reader, '[', "'[', the list of rows,", err);

    if (rc == ERR_OK)
        rc = peek_mark(reader, &c, err);
    if (rc == ERR_OK && c == ']') {
        reader->at++;
        return ERR_OK;
    }
    for (int64_t number = 1; rc == ERR_OK && more; number++) {
        AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;

        rc = read_value(reader, &doc, err);
        if (rc == ERR_OK)
            rc = visitor->row(visitor->arg, number, yyjson_doc_get_root(doc), err);
        if (rc == ERR_OK)
            rc = take_next(reader, ']', &more, err);
    }
    return rc;
}

static enum err_class read_records(struct reader *reader, const struct transfer_visitor *visitor,
                                   struct err *err)
{
    int c = 0, count = 0;
    bool more = true;
    enum err_class rc = take_mark(reader, '{', "'{', the records,", err);

    if (rc == ERR_OK)
        rc = peek_mark(reader, &c, err);
    if (rc == ERR_OK && c == '}') {
        reader->at++;
        return ERR_OK;
    }
    while (rc == ERR_OK && more) {
        char name[NAME_BYTES];

        rc = read_name(reader, name, err);
        if (rc == ERR_OK && ++count > TRANSFER_RECORDS_MAX)
            rc = err_set(err, ERR_LIMIT, "the export has more than %d records",
                         TRANSFER_RECORDS_MAX);
        if (rc == ERR_OK)
            rc = visitor->record(visitor->arg, str_from(name), err);
        if (rc == ERR_OK)
            rc = read_rows(reader, visitor, err);
        if (rc == ERR_OK)
            rc = take_next(reader, '}', &more, err);
    }
    return rc;
}

static enum err_class read_header(struct reader *reader, const char *name,
                                  struct transfer_header *header, struct err *err)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    enum err_class rc = read_value(reader, &doc, err);

    if (rc != ERR_OK)
        return rc;

    yyjson_val *value = yyjson_doc_get_root(doc);
    const char *text = yyjson_get_str(value);

    if (strcmp(name, "catalog") == 0 && json_to_i64(value, &header->catalog))
        return ERR_OK;
    if (strcmp(name, "format") == 0 && text && strlen(text) < sizeof(header->format))
        (void)snprintf(header->format, sizeof(header->format), "%s", text);
    else if (strcmp(name, "from") == 0 && text && strlen(text) < sizeof(header->from))
        (void)snprintf(header->from, sizeof(header->from), "%s", text);
    else
        return wrong(reader, "before it \"catalog\", \"format\" or \"from\" with its value,", err);
    return ERR_OK;
}

static enum err_class read_document(struct reader *reader, const struct transfer_visitor *visitor,
                                    struct err *err)
{
    struct transfer_header header = {0};
    bool more = true, records = false;
    int c = 0;
    enum err_class rc = take_mark(reader, '{', "'{', the beginning of an export,", err);

    while (rc == ERR_OK && more) {
        char name[NAME_BYTES];

        rc = read_name(reader, name, err);
        if (rc != ERR_OK)
            return rc;
        if (records)
            return wrong(reader, "the end: nothing follows \"records\",", err);
        records = strcmp(name, "records") == 0;
        if (!records)
            rc = read_header(reader, name, &header, err);
        else
            rc = visitor->header(visitor->arg, &header, err);
        if (rc == ERR_OK && records)
            rc = read_records(reader, visitor, err);
        if (rc == ERR_OK)
            rc = take_next(reader, '}', &more, err);
    }
    if (rc == ERR_OK && !records)
        return wrong(reader, "before it \"records\"", err);
    if (rc == ERR_OK)
        rc = peek_mark(reader, &c, err);
    return rc == ERR_OK && c != END ? wrong(reader, "the end", err) : rc;
}

enum err_class transfer_read(const struct transfer_source *source,
                             const struct transfer_visitor *visitor, struct err *err)
{
    AUTO(free_autop) char *part = malloc(PART_BYTES);
    struct reader reader = {
        .source = source, .part = part, .value = STRBUF_INIT(TRANSFER_ROW_BYTES)};
    enum err_class rc = part ? source->rewind(source->arg, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = read_document(&reader, visitor, err);
    vault_wipe(&reader.value);
    return rc;
}
