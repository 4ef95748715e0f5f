#ifndef CUSTODY_RESEAL_H
#define CUSTODY_RESEAL_H
#include "store/data.h"

/*
 * What of a database is sealed with which version of the root, and sealing it anew with the present
 * one. Which fields are sealed the catalogue says. A value says itself by which version it was
 * sealed, so a walk that was cut short needs no note of where it was: it passes over what is done.
 */
struct reseal {
    const struct ctx *ctx;
    const struct catalog *catalog;
    enum record_scope scope;
    struct vault *vault;
    struct db *db;
    /* After each short transaction: rows looked at so far, and of how many. Its error ends the
     * walk; what was done stays. NULL: nobody looks. */
    enum err_class (*watch)(void *arg, int64_t done, int64_t total, struct err *err);
    void *arg;
    bool gently; /* rests as long as it has worked: others are at work on this database */
};

struct reseal_counts {
    uint32_t version[VAULT_VERSIONS_MAX + 1]; /* as the values say, ascending; one more than live */
    int64_t values[VAULT_VERSIONS_MAX + 1];
    size_t count;
};

/* Reads every sealed value's head. ERR_CORRUPT: one is no sealed value. */
MUST_USE enum err_class reseal_count(const struct reseal *reseal, struct reseal_counts *ret,
                                     struct err *err);
/*
 * Seals all with the present version, in key order, in short transactions; durable when it returns.
 * Errors: what a value that does not open gives, ctx_check's, the watcher's.
 */
MUST_USE enum err_class reseal_all(const struct reseal *reseal, int64_t *ret_values,
                                   struct err *err);
/*
 * Computes every digest of a sealed field anew, with `vault` as it is. In one transaction, for a
 * database that nobody else has open.
 */
MUST_USE enum err_class reseal_digests(const struct reseal *reseal, struct err *err);

#endif
