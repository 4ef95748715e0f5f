#ifndef CUSTODY_ESCROW_H
#define CUSTODY_ESCROW_H
#include "custody/rotate.h"

/*
 * Keys for the case that the machine is lost: k of n shares of keys/file.key, or, where another
 * provider wraps, of one owner's keyring; and the keys restored from them. And all keyrings wrapped
 * by another provider.
 */

/* `owner.tenant` counts only for `keyring`; else it is keys/file.key that is split. */
struct escrow_order {
    struct key_owner owner;
    bool keyring;
    int64_t shares, threshold;
};
/*
 * The lines of the shares, appended to *ret (the caller wipes it): vault/shares.h. That they were
 * made, and of which key, stands in the audit trail and in keys/shares.conf; see escrow_look.
 */
MUST_USE enum err_class escrow_split(const struct escrow_order *order, struct strbuf *ret,
                                     struct err *err);
/* *ret_made_ms: when the last shares were made of the keys/file.key that is in use; 0: never. */
MUST_USE enum err_class escrow_look(const struct ctx *ctx, const char *data_dir,
                                    int64_t *ret_made_ms, struct err *err);

struct escrow_recovered {
    char what[VAULT_OWNER_MAX + 1]; /* "file", "control", or a tenant's id */
    char path[4096];
    bool was_there; /* the same key was in its place already */
};
/*
 * Puts back what the shares in `text` hold. Never over another key: ERR_CONFLICT. ERR_INPUT: what
 * is wrong with the shares. ERR_KEY: it is a good key, of other data.
 */
MUST_USE enum err_class escrow_recover(const struct ctx *ctx, const char *data_dir, struct str text,
                                       struct escrow_recovered *ret, struct err *err);

/*
 * Wraps every keyring of the folder with the provider of `settings`; one that was cut short goes
 * on. Nobody may have the folder open: ERR_CONFLICT. *ret_count: keyrings there are.
 */
MUST_USE enum err_class escrow_rewrap(const struct ctx *ctx, const struct catalog *catalog,
                                      const char *data_dir,
                                      const struct vault_provider_settings *settings,
                                      int64_t *ret_count, struct err *err);

#endif
