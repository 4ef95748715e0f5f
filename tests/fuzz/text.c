/*
 * text.c: UTF-8, and writing JSON and log lines out of any bytes.
 *
 * The input is bytes that a user or a remote may have given us. Holds: str_is_utf8 agrees with a
 * decoder that works the other way round (decode, then encode and compare); a text that is UTF-8
 * comes back from our JSON as it was; of other bytes each that is no part of a character comes back
 * as U+FFFD; any run of calls of the writer that is well nested is JSON; and an id gets into the
 * log only if it is one.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "fuzz.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The bytes of a code point; 0 when it has none. */
static size_t encode(uint32_t point, unsigned char ret[4])
{
    if (point < 0x80) {
        ret[0] = (unsigned char)point;
        return 1;
    }
    if (point < 0x800) {
        ret[0] = (unsigned char)(0xc0 | point >> 6);
        ret[1] = (unsigned char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        ret[0] = (unsigned char)(0xe0 | point >> 12);
        ret[1] = (unsigned char)(0x80 | (point >> 6 & 0x3f));
        ret[2] = (unsigned char)(0x80 | (point & 0x3f));
        return point >= 0xd800 && point <= 0xdfff ? 0 : 3;
    }
    ret[0] = (unsigned char)(0xf0 | point >> 18);
    ret[1] = (unsigned char)(0x80 | (point >> 12 & 0x3f));
    ret[2] = (unsigned char)(0x80 | (point >> 6 & 0x3f));
    ret[3] = (unsigned char)(0x80 | (point & 0x3f));
    return point > 0x10ffff ? 0 : 4;
}

/* The length of the character that s begins with, 0 for none: the code point its bits make up. */
static size_t character(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t point = len == 1 ? p[0] : len == 2 ? p[0] & 0x1fu : len == 3 ? p[0] & 15u : p[0] & 7u;
    unsigned char back[4];

    if (len == 0 || len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++)
        point = point << 6 | (p[i] & 0x3f);
    return encode(point, back) == len && memcmp(back, p, len) == 0 ? len : 0;
}

/* The text that a reader of our JSON must get: characters as they are, other bytes replaced. */
static bool make_expected(struct str s, struct strbuf *ret)
{
    bool whole = true;

    for (size_t at = 0; at < s.len;) {
        size_t len = character(str_sub(s, at, s.len));

        if (len == 0)
            strbuf_add_z(ret, REPLACEMENT);
        else
            strbuf_add(ret, s.ptr + at, len);
        whole = whole && len > 0;
        at += len ? len : 1;
    }
    return whole;
}

static void check_utf8(struct str s, bool whole)
{
    size_t at = 0;

    FUZZ_CHECK(str_is_utf8(s) == (whole && !str_find(s, '\0', &at)));
}

static yyjson_doc *must_read(const struct strbuf *buf)
{
    yyjson_doc *doc = NULL;
    struct err err = {0};

    FUZZ_CHECK(strbuf_check(buf, "the text", &err) == ERR_OK);
    FUZZ_CHECK(str_is_utf8(strbuf_str(buf)));
    FUZZ_CHECK(json_read(strbuf_str(buf), "the text", &doc, &err) == ERR_OK);
    return doc;
}

static void check_string(struct str s, struct str expected)
{
    AUTO(strbuf_done) struct strbuf buf = STRBUF_INIT(8 * s.len + 64);
    struct json_out out = json_out(&buf);

    json_put_str(&out, s);

    AUTO(yyjson_doc_autop) yyjson_doc *doc = must_read(&buf);
    yyjson_val *value = yyjson_doc_get_root(doc);

    FUZZ_CHECK(yyjson_is_str(value));
    FUZZ_CHECK(str_eq((struct str){yyjson_get_str(value), yyjson_get_len(value)}, expected));
}

/* As a member's name, up to the first NUL; its value behind it. */
static void check_key(struct str s, struct str expected)
{
    AUTO(strbuf_done) struct strbuf buf = STRBUF_INIT(16 * s.len + 64);
    AUTO(free_autop) char *name = fuzz_exact_z(s);
    struct json_out out = json_out(&buf);
    struct str rest;

    json_object(&out);
    json_key(&out, name);
    json_put_z(&out, name);
    json_object_end(&out);

    AUTO(yyjson_doc_autop) yyjson_doc *doc = must_read(&buf);
    AUTO(free_autop) char *cut = fuzz_exact_z(str_cut(expected, '\0', &rest));

    FUZZ_CHECK(yyjson_obj_size(yyjson_doc_get_root(doc)) == 1);
    FUZZ_CHECK(str_eq_z(json_str(yyjson_doc_get_root(doc), cut), cut));
}

/* Each byte is a call of the writer; what was opened is closed at the end. */
static void check_calls(struct str s)
{
    AUTO(strbuf_done) struct strbuf buf = STRBUF_INIT(256 * s.len + 64);
    struct json_out out = json_out(&buf);
    bool object[31] = {false};
    size_t depth = 1, values = 1; /* the array that holds all */

    json_array(&out);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];
        unsigned call = byte % 8;

        if (call < 2 && depth == ARRAY_LEN(object))
            call = 3;
        if (call == 2) {
            if (depth == 1)
                continue;
            depth--;
            if (object[depth])
                json_object_end(&out);
            else
                json_array_end(&out);
            continue;
        }
        if (depth > 1 && object[depth - 1]) {
            json_key(&out, (const char[]){'k', (char)byte, '\0'});
            values++;
        }
        values++;
        switch (call) {
        case 0:
            json_object(&out);
            object[depth++] = true;
            break;
        case 1:
            json_array(&out);
            object[depth++] = false;
            break;
        case 3:
            json_put_i64(&out, (int64_t)byte - 128);
            break;
        case 4:
            json_put_bool(&out, byte & 8);
            break;
        case 5:
            json_put_str(&out, str_sub(s, i, byte / 8));
            break;
        case 6:
            json_put_double(&out, (double)byte / 7 - 18, (int)(byte / 8 % 7));
            break;
        default:
            json_put_z(&out, NULL);
        }
    }
    while (--depth > 0) {
        if (object[depth])
            json_object_end(&out);
        else
            json_array_end(&out);
    }
    json_array_end(&out);

    AUTO(yyjson_doc_autop) yyjson_doc *doc = must_read(&buf);

    FUZZ_CHECK(yyjson_doc_get_val_count(doc) == values);
}

static bool is_id(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == ':' || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return len >= 1 && len <= 128;
}

static int64_t still_ms(void *self)
{
    (void)self;
    return INT64_C(1768471200000);
}

static void check_log(struct str s)
{
    static const struct clock_ops clock = {still_ms, still_ms, NULL};
    static struct log *log;
    static int fd = -1;
    char line[4096];

    if (!log) { /* once a process */
        fd = memfd_create("log", MFD_CLOEXEC);
        log = log_new(fd, LOG_DEBUG);
        FUZZ_CHECK(fd >= 0 && log);
    }
    FUZZ_CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);

    AUTO(free_autop) char *id = fuzz_exact_z(s);
    const struct ctx ctx = {.clock = &clock, .log = log};

    LOG(&ctx, LOG_INFO, "fuzzed", LOG_IDENT("id", id), LOG_NUM("n", (int64_t)s.len));

    ssize_t len = pread(fd, line, sizeof(line), 0);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct err err = {0};

    FUZZ_CHECK(len > 1 && memchr(line, '\n', (size_t)len) == line + len - 1);
    FUZZ_CHECK(json_read((struct str){line, (size_t)len}, "a log line", &doc, &err) == ERR_OK);
    FUZZ_CHECK(str_eq_z(json_str(yyjson_doc_get_root(doc), "id"), is_id(id) ? id : "?"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = fuzz_str(data, size);
    AUTO(strbuf_done) struct strbuf expected = STRBUF_INIT(3 * size + 1);
    bool whole = make_expected(s, &expected);

    check_utf8(s, whole);
    check_string(s, strbuf_str(&expected));
    check_key(s, strbuf_str(&expected));
    check_calls(s);
    check_log(s);
    return 0;
}
