/*
 * provider.c: which provider a data folder uses.
 *
 * One small file says it (keys/provider.conf, nothing secret), and every command reads that one: a
 * flag or a variable that one command has and another lacks could then not make half of the folder
 * unreadable. Without the file it is `file`. While `tenon keys rewrap` is under way there are two,
 * and a keyring says which of them wrapped it.
 */
#include "vault/provider.h"

#include <ini.h>
#include <sodium.h>
#include <stddef.h>

#include "base/disk.h"

#define CONF_BYTES_MAX 16384
#define TIMEOUT_MAX_S 300

void vault_provider_free(struct vault_provider *provider)
{
    if (!provider)
        return;
    vault_provider_free(provider->next);
    provider->ops->free(provider);
}

void vault_provider_name_it(struct vault_provider *provider, const char *first, const char *second)
{
    unsigned char digest[crypto_generichash_BYTES_MIN];
    crypto_generichash_state state;

    /* The lengths are constants in range, so none of these can fail. */
    (void)crypto_generichash_init(&state, NULL, 0, sizeof(digest));
    (void)crypto_generichash_update(&state, (const unsigned char *)first, strlen(first) + 1);
    (void)crypto_generichash_update(&state, (const unsigned char *)second, strlen(second) + 1);
    (void)crypto_generichash_final(&state, digest, sizeof(digest));
    memcpy(provider->id, digest, sizeof(provider->id));
}

/* The keys of a provider.conf that are texts. */
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"provider", offsetof(struct vault_provider_settings, provider)},
    {"module", offsetof(struct vault_provider_settings, module)},
    {"token", offsetof(struct vault_provider_settings, token)},
    {"key_label", offsetof(struct vault_provider_settings, key_label)},
    {"pin_file", offsetof(struct vault_provider_settings, pin_file)},
    {"command", offsetof(struct vault_provider_settings, command)},
};

static const char **text_at(struct vault_provider_settings *settings, size_t i)
{
    return (const char **)(void *)((char *)settings + texts[i].offset);
}

enum err_class vault_provider_write(const struct vault_provider_settings *settings,
                                    struct strbuf *ret, struct err *err)
{
    struct vault_provider_settings copy = *settings;

    strbuf_add_z(ret, "# Written by `tenon keys rewrap`: what wraps the keys of this folder.\n");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *value = *text_at(&copy, i);

        if (!value || !value[0])
            continue;
        if (strpbrk(value, "\r\n;"))
            return err_set(err, ERR_INPUT,
                           "the setting %s of the provider has a line feed or a semicolon",
                           texts[i].name);
        strbuf_addf(ret, "%s = %s\n", texts[i].name, value);
    }
    if (settings->timeout_s > 0)
        strbuf_addf(ret, "timeout_s = %lld\n", (long long)settings->timeout_s);
    return strbuf_check(ret, "the provider's settings", err);
}

/* What a file said; the texts are owned here. */
struct conf {
    struct vault_provider_settings settings;
    char *owned[ARRAY_LEN(texts)];
    bool no_memory, bad;
    char bad_name[64];
};

static void conf_done(struct conf *conf)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(conf->owned[i]);
}

static int take_value(void *arg, const char *section, const char *name, const char *value)
{
    struct conf *conf = arg;

    (void)section;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (strcmp(texts[i].name, name) != 0)
            continue;
        free(conf->owned[i]);
        conf->owned[i] = strdup(value);
        conf->no_memory |= !conf->owned[i];
        *text_at(&conf->settings, i) = conf->owned[i];
        return 1;
    }
    if (strcmp(name, "timeout_s") == 0 &&
        parse_i64(str_from(value), 1, TIMEOUT_MAX_S, &conf->settings.timeout_s))
        return 1;
    conf->bad = true;
    (void)snprintf(conf->bad_name, sizeof(conf->bad_name), "%s", name);
    return 0;
}

/* ERR_NOT_FOUND: there is no such file. */
static enum err_class read_conf(const struct ctx *ctx, const char *path, struct conf *conf,
                                struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(CONF_BYTES_MAX);
    enum err_class rc = disk_read(ctx, path, &text, err);

    if (rc != ERR_OK)
        return rc;
    conf->settings = (struct vault_provider_settings){"", "", "", "", "", "", 0};

    int line = ini_parse_string(strbuf_z(&text), take_value, conf);

    if (conf->no_memory)
        return err_memory(err);
    if (conf->bad)
        return err_set(err, ERR_KEY,
                       "%s: there is no setting %.40s, or it has a value that it cannot have", path,
                       conf->bad_name);
    if (line != 0 || !conf->settings.provider[0])
        return err_set(err, ERR_KEY,
                       "%s does not say which provider it is; put it back from your copy", path);
    return ERR_OK;
}

enum err_class vault_provider_new(const struct ctx *ctx, const char *data_dir,
                                  const struct vault_provider_settings *settings, bool create,
                                  struct vault_provider **ret, struct err *err)
{
    if (strcmp(settings->provider, "file") == 0)
        return vault_file_provider(ctx, data_dir, create, ret, err);
    if (strcmp(settings->provider, "command") == 0)
        return vault_command_provider(settings, ret, err);
    if (strcmp(settings->provider, "pkcs11") == 0)
        return vault_pkcs11_provider(ctx, settings, ret, err);
    return err_set(err, ERR_INPUT,
                   "there is no key provider \"%.40s\"; there are file, pkcs11 and command",
                   settings->provider);
}

static enum err_class open_from(const struct ctx *ctx, const char *data_dir, const char *name,
                                struct vault_provider **ret, struct err *err)
{
    AUTO(free_autop) char *path = disk_join(data_dir, name);
    AUTO(conf_done) struct conf conf = {0};
    enum err_class rc = path ? read_conf(ctx, path, &conf, err) : err_memory(err);

    return rc == ERR_OK ? vault_provider_new(ctx, data_dir, &conf.settings, false, ret, err) : rc;
}

enum err_class vault_provider_open(const struct ctx *ctx, const char *data_dir, bool create,
                                   struct vault_provider **ret, struct err *err)
{
    AUTO(vault_provider_free_autop) struct vault_provider *provider = NULL;
    AUTO(free_autop) char *conf = disk_join(data_dir, VAULT_PROVIDER_CONF);
    AUTO(free_autop) char *next = disk_join(data_dir, VAULT_PROVIDER_NEXT_CONF);
    enum err_class rc;

    if (!conf || !next)
        return err_memory(err);
    rc = disk_exists(ctx, conf) ? open_from(ctx, data_dir, VAULT_PROVIDER_CONF, &provider, err)
                                : vault_file_provider(ctx, data_dir, create, &provider, err);
    if (rc == ERR_OK && disk_exists(ctx, next))
        rc = open_from(ctx, data_dir, VAULT_PROVIDER_NEXT_CONF, &provider->next, err);
    if (rc == ERR_OK)
        *ret = TAKE(provider);
    return rc;
}
