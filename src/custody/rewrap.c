/*
 * rewrap.c: all keyrings wrapped by another provider.
 *
 * keys/provider-next.conf is written first: from then on either provider opens what it wrapped, and
 * nothing is unreadable whenever this is cut. Then one keyring after the other; those that are done
 * are passed over. At the end the file takes the name keys/provider.conf. Nobody else has the
 * folder open meanwhile, since a process that is running knows the old provider only.
 *
 * The new provider must first give back a key that it was given: one that may wrap and not unwrap
 * (a key service with half of the rights) would take all keyrings, and open none.
 */
#include "custody/escrow.h"

#include <sodium.h>

#include "base/disk_stream.h"

#define WRAPPED_BYTES ((size_t)64 * 1024)

struct rewrap {
    struct key_owner owner;
    struct vault_provider *to;
    char *conf, *next, *tenants;
    int64_t count;
    enum err_class rc; /* of the tenants */
    struct err *err;
};

static void rewrap_done(struct rewrap *rewrap)
{
    free(rewrap->conf);
    free(rewrap->next);
    free(rewrap->tenants);
}

static bool is_same(const struct vault_provider *a, const struct vault_provider *b)
{
    return strcmp(a->ops->name, b->ops->name) == 0 && memcmp(a->id, b->id, sizeof(a->id)) == 0;
}

static void rewrap_tenant(void *arg, const char *name)
{
    struct rewrap *rewrap = arg;
    struct key_owner owner = rewrap->owner;
    AUTO(free_autop) char *dir = disk_join(rewrap->tenants, name);
    AUTO(free_autop) char *key = dir ? disk_join(dir, "tenant.key") : NULL;
    struct disk_lock alone = {-1};

    if (rewrap->rc != ERR_OK)
        return;
    if (!key) {
        rewrap->rc = err_memory(rewrap->err);
        return;
    }
    if (!disk_exists(owner.ctx, key)) /* a tenant that was never made, or is gone */
        return;
    owner.tenant = name;
    rewrap->rc = open_lock_alone(owner.ctx, dir, &alone, rewrap->err);
    if (rewrap->rc == ERR_OK)
        rewrap->rc = rotate_rewrap(&owner, rewrap->to, rewrap->err);
    disk_unlock(owner.ctx, &alone);
    rewrap->count++;
}

static enum err_class try_out(const struct ctx *ctx, struct vault_provider *to, struct err *err)
{
    static const char owner[] = "control";
    AUTO(strbuf_done) struct strbuf wrapped = STRBUF_INIT(WRAPPED_BYTES);
    unsigned char key[VAULT_KEY_BYTES], back[VAULT_KEY_BYTES] = {0}; /* of nothing */
    enum err_class rc;

    ctx_random(ctx, key, sizeof(key));
    rc = to->ops->wrap(to, ctx, owner, key, &wrapped, err);
    if (rc == ERR_OK)
        rc = to->ops->unwrap(to, ctx, owner, strbuf_str(&wrapped), back, err);
    if (rc == ERR_OK && sodium_memcmp(key, back, sizeof(key)) != 0)
        rc = err_set(err, ERR_KEY, "it gives back another key than it was given");
    return rc == ERR_OK ? rc
                        : err_wrap(err, "the provider %s was tried out, and nothing was changed",
                                   to->ops->name);
}

static enum err_class write_next(struct rewrap *rewrap,
                                 const struct vault_provider_settings *settings, struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(64 * 1024);
    enum err_class rc = vault_provider_write(settings, &text, err);

    return rc == ERR_OK ? disk_write(rewrap->owner.ctx, rewrap->next, strbuf_str(&text), err) : rc;
}

/* The folder is ours alone. */
static enum err_class rewrap_all(struct rewrap *rewrap,
                                 const struct vault_provider_settings *settings, struct err *err)
{
    const struct ctx *ctx = rewrap->owner.ctx;
    struct vault_provider *now = rewrap->owner.provider;
    enum err_class rc = ERR_OK;

    if (now->next && !is_same(now->next, rewrap->to))
        return err_set(err, ERR_CONFLICT,
                       "the keys are on their way to the provider %s; finish that first, with the "
                       "settings in %s",
                       now->next->ops->name, rewrap->next);
    if (!now->next && is_same(now, rewrap->to))
        return err_set(err, ERR_CONFLICT, "the keys are wrapped by this provider (%s) already",
                       now->ops->name);
    if (!now->next)
        rc = write_next(rewrap, settings, err);
    if (rc == ERR_OK)
        rc = rotate_rewrap(&rewrap->owner, rewrap->to, err);
    rewrap->count++;
    rewrap->err = err;
    if (rc == ERR_OK && disk_exists(ctx, rewrap->tenants))
        rc = disk_list(ctx, rewrap->tenants, rewrap_tenant, rewrap, err);
    if (rc == ERR_OK)
        rc = rewrap->rc;
    return rc == ERR_OK ? disk_move(ctx, rewrap->next, rewrap->conf, err) : rc;
}

enum err_class escrow_rewrap(const struct ctx *ctx, const struct catalog *catalog,
                             const char *data_dir, const struct vault_provider_settings *settings,
                             int64_t *ret_count, struct err *err)
{
    AUTO(vault_provider_free_autop) struct vault_provider *now = NULL;
    AUTO(vault_provider_free_autop) struct vault_provider *to = NULL;
    AUTO(audit_close_autop) struct audit *audit = NULL;
    AUTO(rewrap_done)
    struct rewrap rewrap = {.conf = disk_join(data_dir, VAULT_PROVIDER_CONF),
                            .next = disk_join(data_dir, VAULT_PROVIDER_NEXT_CONF),
                            .tenants = disk_join(data_dir, "tenants")};
    struct disk_lock alone = {-1};
    enum err_class rc;

    if (!rewrap.conf || !rewrap.next || !rewrap.tenants)
        return err_memory(err);
    rc = vault_provider_open(ctx, data_dir, false, &now, err);
    if (rc == ERR_OK)
        rc = vault_provider_new(ctx, data_dir, settings, true, &to, err);
    if (rc == ERR_OK)
        rc = try_out(ctx, to, err);
    if (rc == ERR_OK)
        rc = audit_open(ctx, data_dir, &audit, err);
    if (rc == ERR_OK)
        rc = open_lock_alone(ctx, data_dir, &alone, err);
    rewrap.to = to;
    rewrap.owner = (struct key_owner){
        .ctx = ctx, .catalog = catalog, .provider = now, .audit = audit, .data_dir = data_dir};
    if (rc == ERR_OK)
        rc = rewrap_all(&rewrap, settings, err);
    disk_unlock(ctx, &alone);
    if (rc == ERR_OK)
        *ret_count = rewrap.count;
    return rc;
}
