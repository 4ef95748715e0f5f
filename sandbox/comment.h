#ifndef SANDBOX_COMMENT_H
#define SANDBOX_COMMENT_H
#include <stdint.h>

#include "base/json.h"
#include "base/str.h"

/*
 * Comments in their three forms: an ADF document (REST v3), text with wiki marks (REST v2), and the
 * plain text that a mirror is expected to keep. Generated comments are not stored: they are made
 * from a seed whenever they are asked for, the same way each time. Pure functions.
 */
struct mention {
    struct str account_id; /* cloud */
    struct str name;       /* Data Center user name */
    struct str display;
};

/* Whom a generated comment mentions: the nth of somebody. */
typedef struct mention comment_mention(const void *arg, uint64_t nth);

struct comment_people {
    comment_mention *get;
    const void *arg;
    bool datacenter; /* mentions by name instead of account id in the text form */
};

#define COMMENT_BYTES_MAX 4096 /* of a generated one, in any form */

void comment_put_adf(struct strbuf *buf, uint64_t seed, const struct comment_people *people);
/* As a JSON string. */
void comment_put_wiki_json(struct strbuf *buf, uint64_t seed, const struct comment_people *people);
/* Not escaped. */
void comment_put_plain(struct strbuf *buf, uint64_t seed, const struct comment_people *people);

/* Appends text as a JSON string; bytes that are not UTF-8 become U+FFFD. */
void put_json_text(struct strbuf *buf, struct str text);

/* ---- Documents that came from outside ---- */

/*
 * An ADF document as plain text: text nodes joined, a hard break is a newline, blocks stand on
 * lines of their own, mention and emoji by attrs.text (emoji without: shortName), cards by
 * attrs.url; no newlines at the end.
 */
void adf_put_plain(struct strbuf *buf, yyjson_val *document);
/* Text as an ADF document of one paragraph, its newlines as hard breaks. */
void adf_put_from_text(struct strbuf *buf, struct str text);
/* False unless it is an object {"version":1,"type":"doc","content":[…]}. */
bool adf_is_document(yyjson_val *value);

/* A well mixed 64-bit number of two: the sandbox's only randomness. */
uint64_t mix64(uint64_t seed, uint64_t n);

#endif
