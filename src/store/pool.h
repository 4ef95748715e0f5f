#ifndef STORE_POOL_H
#define STORE_POOL_H
#include "store/data.h"

/*
 * Open handles of the data folder and of its tenants, for a process of many threads: a handle
 * belongs to one thread from take to give. A few idle ones are kept open, since opening costs a key
 * and a schema check; idle ones that were not used for a while are closed by store_pool_sweep.
 * Thread-safe.
 */
struct store_pool;

/* Opens one handle at once, so that a wrong key or schema is told at the start. Errors: data_open.
 */
MUST_USE enum err_class store_pool_new(const struct ctx *ctx, const char *dir,
                                       const struct catalog *catalog, struct store_pool **ret,
                                       struct err *err);
void store_pool_free(struct store_pool *pool); /* all were given back; NULL is fine */
AUTO_DEFINE(struct store_pool, store_pool_free)

/* Errors: data_open. */
MUST_USE enum err_class store_pool_data(struct store_pool *pool, struct data **ret,
                                        struct err *err);
void store_pool_give_data(struct store_pool *pool, struct data *data); /* NULL is fine */
/* By id or name. Errors: tenant_find, tenant_open. */
MUST_USE enum err_class store_pool_tenant(struct store_pool *pool, struct str id_or_name,
                                          struct tenant **ret, struct err *err);
void store_pool_give_tenant(struct store_pool *pool, struct tenant *tenant); /* NULL is fine */
/* The tenant is going, or its entry changed: idle handles are closed now, taken ones when given. */
void store_pool_forget(struct store_pool *pool, const char *tenant_id);
/*
 * All handles of the tenant are closed and none is opened, until it is let go: for who must have
 * it alone. Waits at most so long for those that are taken, then ERR_BUSY and nothing is held; who
 * asks for a handle meanwhile waits, and gets ERR_BUSY after a time of its own. One holder a
 * tenant: ERR_CONFLICT for a second one.
 */
MUST_USE enum err_class store_pool_hold(struct store_pool *pool, const char *tenant_id,
                                        int64_t wait_ms, struct err *err);
void store_pool_let_go(struct store_pool *pool, const char *tenant_id);
/* Closes what was idle for longer than that. */
void store_pool_sweep(struct store_pool *pool, int64_t idle_ms);

#endif
