#ifndef VAULT_AUDIT_READ_H
#define VAULT_AUDIT_READ_H
#include "base/arena.h"
#include "vault/audit_line.h"

/*
 * Reading the audit trail: a list of what was done, and the proof that it is whole. Both read the
 * files and never write; a program that writes to the trail meanwhile is not kept waiting.
 */

/* A line as it stands there. Views are borrowed for the call, or in the arena. */
struct audit_row {
    int64_t seq, at_ms;
    struct str act, tenant, by, name, record, field, key, why, result; /* NULL: it has none */
    int64_t who, row, version, count;                                  /* 0: it has none */
    struct str line;                                                   /* the whole of it */
};

/* Sets of acts and of kinds of actors: a bit each. */
#define AUDIT_BIT(value) (UINT64_C(1) << (value))

struct audit_filter {
    struct str tenant;  /* id; NULL: any */
    uint64_t acts;      /* 0: any, also one of a later version of the program */
    uint64_t left_out;  /* of these acts none, though they are counted; see audit_page */
    uint64_t by;        /* kinds of actors; 0: any */
    int64_t who;        /* the actor's number; 0: any */
    int64_t from_ms;    /* not before */
    int64_t to_ms;      /* before; 0: no end */
    int64_t before_seq; /* 0: no such end */
};

/* Oldest first. Lines that are damaged are left out: that is what audit_verify is for. */
MUST_USE enum err_class
audit_each(const struct ctx *ctx, const char *data_dir, const struct audit_filter *filter,
           enum err_class (*each)(void *arg, const struct audit_row *row, struct err *err),
           void *arg, struct err *err);

/*
 * The newest `max` rows that pass, newest first, in the arena.
 *   ret_hidden  lines that pass but for `left_out`, no older than the last row; fewer than `max`
 *               rows: all there are
 */
MUST_USE enum err_class audit_page(const struct ctx *ctx, const char *data_dir,
                                   const struct audit_filter *filter, struct arena *arena,
                                   size_t max, struct audit_row **ret, size_t *ret_count,
                                   int64_t *ret_hidden, struct err *err);

/* ---- Is it whole? ---- */

/* A head of the chain that was kept elsewhere: in the log. */
struct audit_anchor_seen {
    int64_t seq;
    struct audit_hash hash;
};

enum audit_fault_kind {
    AUDIT_CHANGED,    /* the line's bytes are not those that were written */
    AUDIT_REMOVED,    /* lines are missing before it */
    AUDIT_REORDERED,  /* the line stands where another one belongs */
    AUDIT_INSERTED,   /* the line was never written here */
    AUDIT_TRUNCATED,  /* an anchor is later than the end of the trail */
    AUDIT_UNFINISHED, /* the last line has no end: a crash; the next act closes it, and says so */
};

struct audit_fault {
    enum audit_fault_kind kind;
    char file[AUDIT_NAME_BYTES + 1]; /* "": of the whole trail */
    int64_t line;                    /* in the file, from 1; 0: of the whole file */
    int64_t seq_from, seq_to;        /* numbers that are missing or in the wrong place; 0: none */
};

#define AUDIT_FAULTS_MAX 1000
struct audit_report {
    size_t files;
    int64_t lines;               /* whole ones */
    int64_t first_seq, last_seq; /* 0: there is none */
    struct audit_hash head;
    int64_t closed; /* pieces that a crash left and that were closed: told, no fault */
    size_t anchors; /* how many were found in the trail */
    size_t fault_count;
    struct audit_fault faults[AUDIT_FAULTS_MAX];
};

/* Recomputes the chain. ERR_OK whatever is found; `ret` is filled. Errors: reading. */
MUST_USE enum err_class audit_verify(const struct ctx *ctx, const char *data_dir,
                                     const struct audit_anchor_seen *anchors, size_t anchor_count,
                                     struct audit_report *ret, struct err *err);
/* One sentence for a person; appended. */
void audit_fault_text(const struct audit_fault *fault, struct strbuf *buf);

#endif
