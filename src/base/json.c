/*
 * json.c: reading with limits, writing with right commas.
 *
 * yyjson has no depth limit of its own; it parses without recursion, so depth costs no stack, but
 * our walks over a document do recurse. json_read therefore refuses documents deeper than
 * LIMIT_JSON_DEPTH before anybody walks them, by one pass over the parsed values.
 */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "base/civil.h"
#include "base/limits.h"

/*
 * yyjson keeps the values of a document in one array, in the order of the text, and a container
 * knows where its last descendant ends: so the depth is the number of containers not yet ended.
 */
static bool too_deep(yyjson_doc *doc)
{
    yyjson_val *ends[LIMIT_JSON_DEPTH];
    size_t depth = 0;
    yyjson_val *value = yyjson_doc_get_root(doc);
    yyjson_val *end = value + yyjson_doc_get_val_count(doc);

    for (; value < end; value++) {
        if (!unsafe_yyjson_is_ctn(value))
            continue; /* by far the most */
        while (depth > 0 && ends[depth - 1] <= value)
            depth--;
        if (depth == LIMIT_JSON_DEPTH)
            return true;
        ends[depth++] = unsafe_yyjson_get_next(value);
    }
    return false;
}

static enum err_class read_opts(char *text, size_t len, yyjson_read_flag flags, const char *what,
                                yyjson_doc **ret, struct err *err)
{
    yyjson_read_err why = {0};

    if (len == 0)
        return err_set(err, ERR_REMOTE, "%s is empty where JSON was expected", what);
    if (len > LIMIT_JSON_BYTES)
        return err_set(err, ERR_LIMIT, "%s has %zu bytes; the limit is %d", what, len,
                       LIMIT_JSON_BYTES);

    yyjson_doc *doc = yyjson_read_opts(text, len, flags, NULL, &why);

    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return err_memory(err);
    if (!doc)
        return err_set(err, ERR_REMOTE, "%s is not JSON: %s at byte %zu of %zu", what, why.msg,
                       why.pos, len);
    if (too_deep(doc)) {
        yyjson_doc_free(doc);
        return err_set(err, ERR_LIMIT, "%s is nested deeper than %d levels", what,
                       LIMIT_JSON_DEPTH);
    }
    *ret = doc;
    return ERR_OK;
}

enum err_class json_read(struct str text, const char *what, yyjson_doc **ret, struct err *err)
{
    /* Without YYJSON_READ_INSITU the text is not changed, though the parameter is not const. */
    return read_opts((char *)(uintptr_t)text.ptr, text.len, 0, what, ret, err);
}

enum err_class json_read_insitu(char *text, size_t len, const char *what, yyjson_doc **ret,
                                struct err *err)
{
    return read_opts(text, len, YYJSON_READ_INSITU, what, ret, err);
}

static bool has_twins(yyjson_val *object)
{
    yyjson_obj_iter at = yyjson_obj_iter_with(object);
    yyjson_val *name, *other;

    while ((name = yyjson_obj_iter_next(&at))) {
        yyjson_obj_iter rest = at;

        while ((other = yyjson_obj_iter_next(&rest)))
            if (yyjson_equals_strn(name, yyjson_get_str(other), yyjson_get_len(other)))
                return true;
    }
    return false;
}

enum err_class json_refuse_twins(yyjson_doc *doc, size_t members_max, const char *what,
                                 struct err *err)
{
    /* The values of a document stand in one array, in the order of the text. */
    yyjson_val *value = yyjson_doc_get_root(doc), *end = value + yyjson_doc_get_val_count(doc);

    for (; value < end; value++) {
        if (!yyjson_is_obj(value))
            continue;
        if (yyjson_obj_size(value) > members_max)
            return err_set(err, ERR_LIMIT, "an object in %s has over %zu members; send fewer", what,
                           members_max);
        if (has_twins(value))
            return err_set(err, ERR_INPUT,
                           "a name stands twice in an object of %s; send each name once", what);
    }
    return ERR_OK;
}

struct str json_str(yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);

    if (!yyjson_is_str(value))
        return (struct str){NULL, 0};
    return (struct str){yyjson_get_str(value), yyjson_get_len(value)};
}

bool json_i64(yyjson_val *object, const char *name, int64_t *ret)
{
    return json_to_i64(yyjson_obj_get(object, name), ret);
}

bool json_to_i64(yyjson_val *value, int64_t *ret)
{
    if (yyjson_is_uint(value)) {
        uint64_t n = yyjson_get_uint(value);

        if (n > INT64_MAX)
            return false;
        *ret = (int64_t)n;
        return true;
    }
    if (yyjson_is_sint(value)) {
        *ret = yyjson_get_sint(value);
        return true;
    }
    if (yyjson_is_str(value))
        return parse_i64((struct str){yyjson_get_str(value), yyjson_get_len(value)}, INT64_MIN,
                         INT64_MAX, ret);
    return false;
}

bool json_bool(yyjson_val *object, const char *name, bool otherwise)
{
    yyjson_val *value = yyjson_obj_get(object, name);

    return yyjson_is_bool(value) ? yyjson_get_bool(value) : otherwise;
}

struct json_out json_out(struct strbuf *buf)
{
    return (struct json_out){.buf = buf};
}

/* Before a value: a comma where one stood before it at this level. */
static void before_value(struct json_out *out)
{
    uint32_t bit = UINT32_C(1) << out->level;

    if (out->comma & bit)
        strbuf_add_char(out->buf, ',');
    out->comma |= bit;
}

static void open_level(struct json_out *out, char c)
{
    before_value(out);
    strbuf_add_char(out->buf, c);
    out->level++;
    assert(out->level < 32);
    out->comma &= ~(UINT32_C(1) << out->level);
}

static void close_level(struct json_out *out, char c)
{
    assert(out->level > 0);
    out->level--;
    strbuf_add_char(out->buf, c);
}

void json_object(struct json_out *out)
{
    open_level(out, '{');
}

void json_object_end(struct json_out *out)
{
    close_level(out, '}');
}

void json_array(struct json_out *out)
{
    open_level(out, '[');
}

void json_array_end(struct json_out *out)
{
    close_level(out, ']');
}

static void put_escaped_char(struct strbuf *buf, unsigned char c)
{
    switch (c) {
    case '"':
        strbuf_add_z(buf, "\\\"");
        return;
    case '\\':
        strbuf_add_z(buf, "\\\\");
        return;
    case '\n':
        strbuf_add_z(buf, "\\n");
        return;
    case '\r':
        strbuf_add_z(buf, "\\r");
        return;
    case '\t':
        strbuf_add_z(buf, "\\t");
        return;
    default:
        strbuf_addf(buf, "\\u%04x", c);
    }
}

/* The length of the character of 2 to 4 bytes that s begins with; 0 when it does not. */
static size_t utf8_step(struct str s)
{
    for (size_t len = 2; len <= 4 && len <= s.len; len++)
        if (str_is_utf8(str_sub(s, 0, len)))
            return len;
    return 0;
}

static void put_quoted(struct strbuf *buf, struct str s)
{
    bool utf8 = str_is_utf8(s);
    size_t plain = 0; /* start of the run that needs no escape */

    strbuf_add_char(buf, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        size_t step = utf8 || c < 0x80 ? 1 : utf8_step(str_sub(s, i, s.len));

        if (c >= 0x20 && c != '"' && c != '\\' && step > 0) {
            i += step - 1;
            continue;
        }
        strbuf_add(buf, s.ptr + plain, i - plain);
        plain = i + 1;
        if (c >= 0x80)
            strbuf_add_z(buf, "\xef\xbf\xbd"); /* U+FFFD */
        else
            put_escaped_char(buf, c);
    }
    strbuf_add_str(buf, str_sub(s, plain, s.len)); /* s.ptr may be NULL */
    strbuf_add_char(buf, '"');
}

void json_key(struct json_out *out, const char *name)
{
    before_value(out);
    put_quoted(out->buf, str_from(name));
    strbuf_add_char(out->buf, ':');
    out->comma &= ~(UINT32_C(1) << out->level); /* its value follows without a comma */
}

void json_put_str(struct json_out *out, struct str s)
{
    before_value(out);
    put_quoted(out->buf, s);
}

void json_put_z(struct json_out *out, const char *nul_terminated)
{
    if (nul_terminated)
        json_put_str(out, str_from(nul_terminated));
    else
        json_put_null(out);
}

void json_put_i64(struct json_out *out, int64_t n)
{
    before_value(out);
    strbuf_add_i64(out->buf, n);
}

void json_put_bool(struct json_out *out, bool b)
{
    before_value(out);
    strbuf_add_z(out->buf, b ? "true" : "false");
}

void json_put_null(struct json_out *out)
{
    before_value(out);
    strbuf_add_z(out->buf, "null");
}

void json_put_double(struct json_out *out, double d, int decimals)
{
    if (!isfinite(d)) {
        json_put_null(out);
        return;
    }
    before_value(out);
    strbuf_addf(out->buf, "%.*f", decimals, d);
}

void json_put_stamp(struct json_out *out, int64_t ms)
{
    char stamp[CIVIL_STAMP_BYTES + 1];

    civil_format_stamp(ms, stamp);
    json_put_z(out, stamp);
}
