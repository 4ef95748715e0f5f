/*
 * doctor_keys.c: what can be wrong with keys before it hurts.
 *
 * That the provider is reached and every keyring opens has been proved when the data was opened;
 * here is the rest: rotations that were begun and not ended, old versions, and whether there is a
 * way back when keys/file.key is lost.
 */
#include "cli/doctor_keys.h"

#include <stdarg.h>
#include <sys/stat.h>

#include "apps/apps.h"
#include "base/civil.h"
#include "cli/settings.h"
#include "custody/escrow.h"

#define SHARES_WARN_DAYS 366
#define VERSION_WARN_DAYS 30 /* how long an old version may stay */

static void warn(struct doctor_keys *found, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void warn(struct doctor_keys *found, const char *fmt, ...)
{
    va_list args;

    if (found->count == DOCTOR_KEYS_MAX)
        return;
    va_start(args, fmt);
    (void)vsnprintf(found->warnings[found->count++], sizeof(found->warnings[0]), fmt, args);
    va_end(args);
}

static void look_at_versions(const struct key_state *state, const char *name, int64_t now_ms,
                             struct doctor_keys *ret)
{
    if (state->seal != state->db || state->db_next != 0) {
        warn(ret, "the rotation to version %u is not at its end; run `tenon keys rotate %s`",
             state->seal, name);
        return;
    }
    for (size_t i = 0; i + 1 < state->count; i++)
        if (now_ms - state->versions[i + 1].created_ms > VERSION_WARN_DAYS * MS_PER_DAY)
            warn(ret,
                 "version %u was replaced %lld days ago and is still there; run `tenon keys retire "
                 "%s %u`",
                 state->versions[i].version,
                 (long long)((now_ms - state->versions[i + 1].created_ms) / MS_PER_DAY), name,
                 state->versions[i].version);
}

/* Whoever gets at the backups with the key beside them has both. */
static void look_at_backups(const struct data *data, struct doctor_keys *ret)
{
    AUTO(free_autop) char *key = disk_join(data->dir, "keys/file.key");
    AUTO(free_autop) char *backups = disk_join(data->dir, "backups");
    struct stat key_at, backups_at;

    if (key && backups && stat(key, &key_at) == 0 && stat(backups, &backups_at) == 0 &&
        key_at.st_dev == backups_at.st_dev)
        warn(ret,
             "keys/file.key is on the same disk as the backups: when that is lost, both are; "
             "keep copies of the backups elsewhere and shares of the key (`tenon keys split`)");
}

static enum err_class look_at_shares(const struct data *data, struct doctor_keys *ret,
                                     struct err *err)
{
    int64_t made_ms = 0, now_ms = ctx_now_ms(data->ctx);
    enum err_class rc = escrow_look(data->ctx, data->dir, &made_ms, err);

    if (rc == ERR_OK && made_ms == 0)
        warn(ret, "there are no recovery shares of keys/file.key: when it is lost, everything is; "
                  "run `tenon keys split`");
    else if (rc == ERR_OK && now_ms - made_ms > SHARES_WARN_DAYS * MS_PER_DAY)
        warn(ret,
             "the recovery shares of keys/file.key are %lld days old; see that their holders "
             "still have them",
             (long long)((now_ms - made_ms) / MS_PER_DAY));
    return rc;
}

/* What the settings wish for, and what is. */
static void look_at_settings(const struct cli *cli, const struct vault_provider *provider,
                             struct doctor_keys *ret)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(CLI_SETTINGS_BYTES);
    struct config config;
    struct err ignored = {0}; /* `tenon serve` tells of bad settings */

    if (arena && cli_settings(cli, arena, &config, &ignored) == ERR_OK &&
        strcmp(config.keys.provider, provider->ops->name) != 0)
        warn(ret,
             "the settings say keys.provider = %s, and the keys are wrapped by %s; run `tenon "
             "keys rewrap`, or change the setting",
             config.keys.provider, provider->ops->name);
}

static enum err_class look_at_folder(const struct cli *cli, const struct data *data,
                                     struct doctor_keys *ret, struct err *err)
{
    bool is_file = strcmp(data->provider->ops->name, "file") == 0;

    if (data->provider->next)
        warn(ret,
             "the keys are on their way from %s to %s; finish that with `tenon keys rewrap "
             "--to %s`",
             data->provider->ops->name, data->provider->next->ops->name,
             data->provider->next->ops->name);
    look_at_settings(cli, data->provider, ret);
    if (is_file)
        look_at_backups(data, ret);
    return is_file ? look_at_shares(data, ret, err) : ERR_OK;
}

enum err_class doctor_keys_look(const struct cli *cli, const struct data *data,
                                const struct tenant_info *info, struct doctor_keys *ret,
                                struct err *err)
{
    const struct key_owner owner = {.ctx = data->ctx,
                                    .catalog = &tenon_catalog,
                                    .provider = data->provider,
                                    .audit = data->audit,
                                    .data_dir = data->dir,
                                    .tenant = info ? info->id : NULL};
    struct key_state state;
    enum err_class rc = rotate_look(&owner, &state, err);

    if (rc != ERR_OK)
        return rc;
    (void)snprintf(ret->fine, sizeof(ret->fine), "version %u, wrapped by %s", state.seal,
                   state.provider);
    look_at_versions(&state, info ? info->name : "control", ctx_now_ms(data->ctx), ret);
    return info ? ERR_OK : look_at_folder(cli, data, ret, err);
}
