#ifndef CUSTODY_CANARY_H
#define CUSTODY_CANARY_H
#include "policy/catalog.h"
#include "store/data.h"

/*
 * The canary run: texts that stand nowhere else are put in through every way there is, each known
 * by the record and field that it belongs to, or as one that must not be stored at all. Then every
 * byte of a folder is searched, as it lies there and with the databases open. A canary is found
 * only where the catalogue allows, and is found there: one that never arrived proves nothing.
 */
#define CANARY_BYTES 30 /* "canary" and 24 letters: survives JSON, URLs, JQL and file names */
#define CANARIES_MAX 128

struct canary {
    char text[CANARY_BYTES + 1];
    const struct record *record; /* NULL: must not be stored */
    const struct field *field;
    const char
        *what;    /* a literal: by which way it came, or what it is when it must not be stored */
    bool arrived; /* found where it belongs */
    int64_t raw, open; /* found where it must not be: in bytes of files, in rows */
};

struct canaries {
    const struct ctx *ctx;
    const struct catalog *catalog;
    struct canary list[CANARIES_MAX];
    size_t count;
    int64_t files, bytes, tables, rows; /* that were looked at */
    struct strbuf found;                /* a line each find: which canary, where */
};
void canaries_init(struct canaries *canaries, const struct ctx *ctx, const struct catalog *catalog);
void canaries_done(struct canaries *canaries);

/*
 * A new one, borrowed until canaries_done. `record` and `field` are names of the catalogue
 * (asserted). Aborts the program past CANARIES_MAX: their number is fixed by the code.
 */
const char *canary_of(struct canaries *canaries, const char *record, const char *field,
                      const char *what);
const char *canary_stranger(struct canaries *canaries, const char *what);

/* Every byte and every name of the files below the folder. */
MUST_USE enum err_class canary_search_files(struct canaries *canaries, const char *folder,
                                            struct err *err);
/* Every text and blob of the tables that the catalogue declares for this scope. */
MUST_USE enum err_class canary_search_rows(struct canaries *canaries, struct db *db,
                                           enum record_scope scope, struct err *err);
/* The sealed values of the tenant, opened: so that what is sealed is seen to have arrived. A SECRET
 * counts as arrived when its row holds a sealed value; it is not opened. */
MUST_USE enum err_class canary_open_sealed(struct canaries *canaries, struct tenant *tenant,
                                           struct err *err);
/* A file made for the user: what the catalogue does not let out, and what must not be stored, must
 * not be in it. */
void canary_search_export(struct canaries *canaries, struct str text, const char *where);
/* A text that leaves the program and is not the user's own data: a log, an error. */
void canary_search_text(struct canaries *canaries, struct str text, const char *where);

#endif
