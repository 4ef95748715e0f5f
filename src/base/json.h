#ifndef BASE_JSON_H
#define BASE_JSON_H
#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

#include "base/str.h"

/*
 * JSON in: yyjson with our limits (size, depth), and typed look-ups that never crash on a wrong
 * type. JSON out: a small writer over a strbuf that keeps commas and escaping right.
 */

/* Reads text, which is borrowed and left as it is. The caller frees with yyjson_doc_free. */
MUST_USE enum err_class json_read(struct str text, const char *what, yyjson_doc **ret,
                                  struct err *err);
/*
 * The same, parsing in place: `text` is changed, must have YYJSON_PADDING_SIZE writable bytes after
 * its end, and must outlive the document. Saves a copy of a page.
 */
MUST_USE enum err_class json_read_insitu(char *text, size_t len, const char *what, yyjson_doc **ret,
                                         struct err *err);
/*
 * Refuses a name that stands twice in an object, at any depth, and objects with over `members_max`
 * members. Readers differ in which of the two they take (RFC 8259, 4), so what was checked by one
 * could be read otherwise by another; therefore for what comes from outside and is believed.
 * ERR_INPUT, ERR_LIMIT; the name is not told, it may be a user's text. members_max turns for each
 * member at most.
 */
MUST_USE enum err_class json_refuse_twins(yyjson_doc *doc, size_t members_max, const char *what,
                                          struct err *err);
static inline void yyjson_doc_autop(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

/* A member's text; empty view with NULL pointer when absent or not a string. */
struct str json_str(yyjson_val *object, const char *name);
/* A whole number, or a string that holds one: Jira sends ids as either. */
MUST_USE bool json_i64(yyjson_val *object, const char *name, int64_t *ret);
MUST_USE bool json_to_i64(yyjson_val *value, int64_t *ret); /* the same of a value; NULL: false */
bool json_bool(yyjson_val *object, const char *name, bool otherwise);

/* Writer. Values and members alternate as JSON wants; nesting at most 32. */
struct json_out {
    struct strbuf *buf;
    uint32_t comma; /* bit n: level n has a value already */
    unsigned level;
};

struct json_out json_out(struct strbuf *buf); /* borrowed */
void json_object(struct json_out *out);
void json_object_end(struct json_out *out);
void json_array(struct json_out *out);
void json_array_end(struct json_out *out);
void json_key(struct json_out *out, const char *name);
void json_put_str(struct json_out *out, struct str s); /* bytes that are not UTF-8 become U+FFFD */
void json_put_z(struct json_out *out, const char *nul_terminated); /* NULL writes null */
void json_put_i64(struct json_out *out, int64_t n);
void json_put_bool(struct json_out *out, bool b);
void json_put_null(struct json_out *out);
/* What JSON has no number for (infinite, not a number) writes null. */
void json_put_double(struct json_out *out, double d, int decimals);
void json_put_stamp(struct json_out *out, int64_t ms); /* "2026-01-05T09:00:00.000Z" */

#endif
