/*
 * str.c: views, growing buffers, numbers.
 *
 * Two ideas: a view never owns, a buffer always has a cap. A buffer remembers its first failure and
 * takes no more after it, so that a writer of a hundred appends checks once, at the end.
 */
#include "base/str.h"

#include <assert.h>
#include <stdarg.h>

struct str str_from(const char *nul_terminated)
{
    return (struct str){nul_terminated, nul_terminated ? strlen(nul_terminated) : 0};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_z(struct str a, const char *nul_terminated)
{
    return str_eq(a, str_from(nul_terminated));
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* By hand: strncasecmp ends at a NUL and asks the locale. */
bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct str str_sub(struct str s, size_t from, size_t len)
{
    if (from > s.len)
        from = s.len;
    if (len > s.len - from)
        len = s.len - from;
    return (struct str){s.ptr ? s.ptr + from : NULL, len};
}

struct str str_cut(struct str s, char sep, struct str *rest)
{
    size_t at = 0;

    if (!str_find(s, sep, &at)) {
        *rest = (struct str){NULL, 0};
        return s;
    }
    *rest = str_sub(s, at + 1, s.len);
    return str_sub(s, 0, at);
}

bool str_find(struct str s, char c, size_t *ret_at)
{
    const char *hit = s.len ? memchr(s.ptr, c, s.len) : NULL;

    if (!hit)
        return false;
    *ret_at = (size_t)(hit - s.ptr);
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

/* The length of the UTF-8 sequence at p (1..4), or 0 when there is none. */
static size_t utf8_step(const unsigned char *p, size_t left)
{
    unsigned char first = p[0];
    unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte */
    size_t len;

    if (first == 0)
        return 0;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf) {
        len = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        len = 3;
        if (first == 0xe0)
            low = 0xa0; /* overlong below */
        if (first == 0xed)
            high = 0x9f; /* surrogates above */
    } else if (first >= 0xf0 && first <= 0xf4) {
        len = 4;
        if (first == 0xf0)
            low = 0x90;
        if (first == 0xf4)
            high = 0x8f; /* U+10FFFF is the last */
    } else {
        return 0;
    }
    if (left < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;

    for (size_t at = 0; at < s.len;) {
        size_t step = utf8_step(p + at, s.len - at);

        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

void strbuf_done(struct strbuf *buf)
{
    free(buf->ptr);
    *buf = (struct strbuf){.max = buf->max};
}

void strbuf_reset(struct strbuf *buf)
{
    buf->len = 0;
    buf->failed = ERR_OK;
    if (buf->ptr)
        buf->ptr[0] = '\0';
}

char *strbuf_grow(struct strbuf *buf, size_t len)
{
    if (buf->failed != ERR_OK)
        return NULL;
    if (len > buf->max || buf->len > buf->max - len) {
        buf->failed = ERR_LIMIT;
        return NULL;
    }

    size_t need = buf->len + len + 1;

    if (need > buf->room) {
        size_t room = buf->room < 64 ? 64 : buf->room;

        /* At most 64 turns: it doubles, and `need` fits a size_t. */
        while (room < need)
            room = room > SIZE_MAX / 2 ? need : room * 2;

        char *ptr = realloc(buf->ptr, room);

        if (!ptr) {
            buf->failed = ERR_MEMORY;
            return NULL;
        }
        buf->ptr = ptr;
        buf->room = room;
    }

    char *at = buf->ptr + buf->len;

    buf->len += len;
    buf->ptr[buf->len] = '\0';
    return at;
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len)
{
    char *at = strbuf_grow(buf, len);

    if (at && len)
        memcpy(at, bytes, len);
}

void strbuf_add_z(struct strbuf *buf, const char *nul_terminated)
{
    strbuf_add(buf, nul_terminated, strlen(nul_terminated));
}

void strbuf_add_str(struct strbuf *buf, struct str s)
{
    strbuf_add(buf, s.ptr, s.len);
}

void strbuf_add_char(struct strbuf *buf, char c)
{
    strbuf_add(buf, &c, 1);
}

void strbuf_add_i64(struct strbuf *buf, int64_t n)
{
    char digits[24]; /* 20 are enough for any int64_t with its sign */
    size_t at = sizeof(digits);
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0)
        digits[--at] = '-';
    strbuf_add(buf, digits + at, sizeof(digits) - at);
}

void strbuf_addf(struct strbuf *buf, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);

    int len = vsnprintf(NULL, 0, fmt, args);

    va_end(args);
    assert(len >= 0);

    char *at = strbuf_grow(buf, (size_t)len);

    if (at)
        (void)vsnprintf(at, (size_t)len + 1, fmt, again);
    va_end(again);
}

struct str strbuf_str(const struct strbuf *buf)
{
    return (struct str){buf->ptr, buf->len};
}

const char *strbuf_z(const struct strbuf *buf)
{
    return buf->ptr ? buf->ptr : "";
}

enum err_class strbuf_check(const struct strbuf *buf, const char *what, struct err *err)
{
    if (buf->failed == ERR_OK)
        return ERR_OK;
    if (buf->failed == ERR_LIMIT)
        return err_set(err, ERR_LIMIT, "%s is larger than the limit of %zu bytes", what, buf->max);
    return err_memory(err);
}

bool parse_i64(struct str s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t at = negative ? 1 : 0;
    int64_t value = 0;

    if (at == s.len || s.len > 20)
        return false;
    for (; at < s.len; at++) {
        int digit = s.ptr[at] - '0';

        if (digit < 0 || digit > 9)
            return false;
        /* Built on the negative side: it reaches one further than the positive one. */
        if (__builtin_mul_overflow(value, INT64_C(10), &value) ||
            __builtin_sub_overflow(value, (int64_t)digit, &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow(INT64_C(0), value, &value))
        return false;
    if (value < min || value > max)
        return false;
    *ret = value;
    return true;
}

bool parse_u32(struct str s, uint32_t min, uint32_t max, uint32_t *ret)
{
    int64_t value = 0;

    if (!parse_i64(s, min, max, &value))
        return false;
    *ret = (uint32_t)value;
    return true;
}

char *str_dup_z(struct str s)
{
    char *copy = malloc(s.len + 1);

    if (!copy)
        return NULL;
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

void free_autop(void *ptr_to_ptr)
{
    void **ptr = ptr_to_ptr;

    free(*ptr);
    *ptr = NULL;
}
