#ifndef BASE_STR_H
#define BASE_STR_H
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/banned.h"
#include "base/err.h"

/* A view of bytes that somebody else owns. Not NUL-terminated; ptr may be NULL when len is 0. */
struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr

struct str str_from(const char *nul_terminated); /* NULL gives the empty view */
bool str_eq(struct str a, struct str b);
bool str_eq_z(struct str a, const char *nul_terminated);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s);                         /* ASCII white space off both ends */
struct str str_sub(struct str s, size_t from, size_t len); /* clamped */
/* The part before the first `sep`; *rest is what follows it (empty when there is none). */
struct str str_cut(struct str s, char sep, struct str *rest);
bool str_find(struct str s, char c, size_t *ret_at);
bool str_is_utf8(struct str s); /* RFC 3629: no overlong forms, no surrogates; NUL is refused */
/* Order of bytes; a shorter prefix comes first. */
int str_cmp(struct str a, struct str b);

/*
 * A growing buffer with a cap that is set at the start: reaching it is ERR_LIMIT, said at the end
 * by strbuf_check, so that a run of appends needs no tests between. Always NUL-terminated.
 */
struct strbuf {
    char *ptr; /* NULL until the first byte */
    size_t len;
    size_t room;           /* bytes allocated */
    size_t max;            /* bytes the content may have at most */
    enum err_class failed; /* ERR_OK, ERR_LIMIT or ERR_MEMORY: sticky */
};

#define STRBUF_INIT(max_bytes) ((struct strbuf){.max = (max_bytes)})

void strbuf_done(struct strbuf *buf);
void strbuf_reset(struct strbuf *buf); /* forgets content and failure, keeps the memory */
void strbuf_add(struct strbuf *buf, const void *bytes, size_t len);
void strbuf_add_z(struct strbuf *buf, const char *nul_terminated);
void strbuf_add_str(struct strbuf *buf, struct str s);
void strbuf_add_char(struct strbuf *buf, char c);
void strbuf_add_i64(struct strbuf *buf, int64_t n);
void strbuf_addf(struct strbuf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Makes room for `len` more bytes and returns where they go, or NULL when failed. */
char *strbuf_grow(struct strbuf *buf, size_t len);
struct str strbuf_str(const struct strbuf *buf); /* borrowed, until the next change */
const char *strbuf_z(const struct strbuf *buf);  /* the same, NUL-terminated; "" when empty */
/* ERR_OK, or what went wrong with any append since the start; `what` names the buffer's use. */
MUST_USE enum err_class strbuf_check(const struct strbuf *buf, const char *what, struct err *err);

/* Parsing: the whole view must be the number, in decimal, within min..max. False otherwise. */
MUST_USE bool parse_i64(struct str s, int64_t min, int64_t max, int64_t *ret);
MUST_USE bool parse_u32(struct str s, uint32_t min, uint32_t max, uint32_t *ret);

/* strdup for views; NULL when out of memory. The caller frees. */
char *str_dup_z(struct str s);

/* Sets the caller's pointer to NULL after free; the AUTO form for plain heap memory. */
void free_autop(void *ptr_to_ptr);

#endif
