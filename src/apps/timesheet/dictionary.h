#ifndef APPS_TIMESHEET_DICTIONARY_H
#define APPS_TIMESHEET_DICTIONARY_H
#include "apps/timesheet/columns.h"

/*
 * The two dictionaries of the columns. Inside columns.c only; the plain structs are its members,
 * all zero at the start. Both keep, beside the values, each value's rank: its place in their order,
 * so that a report sorts numbers where it would sort texts or ids.
 */

/* Texts by a small reference that the caller chooses: account ids by person, names by tag. */
struct names {
    struct str *texts; /* owned, each alone: a renamed one leaves nothing behind */
    uint32_t *rank;
    uint32_t *order;
    size_t room; /* of each array */
    size_t count;
    size_t bytes; /* of the texts */
    bool dirty;   /* rank and order are older than the texts */
};

void names_done(struct names *names);
/* ERR_CORRUPT when ref is not in 1..COLUMNS_REF_MAX; `what` is the kind of thing: "person". */
MUST_USE enum err_class names_set(struct names *names, int64_t ref, struct str text,
                                  const char *what, struct err *err);
bool names_has(const struct names *names, uint32_t ref);
void names_rank(struct names *names); /* brings rank and order up to date */
size_t names_bytes(const struct names *names);

/* Issue ids by a code given in order of arrival. */
struct issues {
    int64_t *ids; /* by code */
    uint32_t *rank;
    size_t count;
    size_t room;
    size_t ranked;      /* codes below it have their rank */
    uint32_t *slots;    /* hash: code + 1, or 0; never more than half full */
    unsigned slot_bits; /* there are 2^slot_bits of them; 0: none yet */
};

void issues_done(struct issues *issues);
/* The code of the id, which is added when it is new. */
MUST_USE enum err_class issues_code(struct issues *issues, int64_t id, uint32_t *ret_code,
                                    struct err *err);
bool issues_find(const struct issues *issues, int64_t id, uint32_t *ret_code);
/* Linear, beyond the sort of what is new. */
MUST_USE enum err_class issues_rank(struct issues *issues, struct err *err);
size_t issues_bytes(const struct issues *issues);

/* A place in a table of 2^bits slots for an id; bits is 1..63. (Knuth 6.4: golden ratio) */
static inline size_t id_hash(int64_t id, unsigned bits)
{
    return (size_t)(((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits));
}

#endif
