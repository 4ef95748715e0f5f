#ifndef VAULT_PROVIDER_H
#define VAULT_PROVIDER_H
#include "vault/vault.h"

/*
 * What wraps roots: `file` (a 32-byte key in <data>/keys/file.key, 0600), `pkcs11` (a key that
 * never leaves its module), `command` (any key service by its command line). Which one a data
 * folder uses stands in <data>/keys/provider.conf, so that every command finds it; a folder without
 * that file uses `file`. While the roots are being wrapped anew, keys/provider-next.conf names the
 * provider that they go to, and either one opens what it wrapped.
 */
#define VAULT_PROVIDER_NAME_MAX 15
#define VAULT_PROVIDER_ID_BYTES 8

struct vault_provider_ops {
    const char *name; /* "file" */
    /* Bytes in, bytes out; `owner` is bound to them as far as the provider can. */
    enum err_class (*wrap)(struct vault_provider *provider, const struct ctx *ctx,
                           const char *owner, const unsigned char root[VAULT_KEY_BYTES],
                           struct strbuf *ret, struct err *err);
    enum err_class (*unwrap)(struct vault_provider *provider, const struct ctx *ctx,
                             const char *owner, struct str wrapped,
                             unsigned char root[VAULT_KEY_BYTES], struct err *err);
    void (*free)(struct vault_provider *provider);
};
struct vault_provider {
    const struct vault_provider_ops *ops;
    unsigned char id[VAULT_PROVIDER_ID_BYTES]; /* not secret; a keyring says who wrapped it */
    struct vault_provider *next; /* owned: the one that roots are on their way to; or NULL */
};
void vault_provider_free(struct vault_provider *provider); /* the next one too; NULL is fine */
AUTO_DEFINE(struct vault_provider, vault_provider_free)

/* How a provider is reached; nothing secret. Texts borrowed, "" when not given. */
struct vault_provider_settings {
    const char *provider;                              /* "file", "pkcs11", "command" */
    const char *module, *token, *key_label, *pin_file; /* pkcs11 */
    const char *command;                               /* command: the program's whole path */
    int64_t timeout_s;                                 /* command: of one run; 0: 10 */
};

/* Where a data folder says which provider it uses. */
#define VAULT_PROVIDER_CONF "keys/provider.conf"
#define VAULT_PROVIDER_NEXT_CONF "keys/provider-next.conf"

/* The settings as the text of such a file; appended. ERR_INPUT: a value with a line feed. */
MUST_USE enum err_class vault_provider_write(const struct vault_provider_settings *settings,
                                             struct strbuf *ret, struct err *err);

/*
 * Opens the provider that the folder names. `create`: on a new folder, makes keys/file.key. A key
 * file that is absent (and !create), of the wrong length, or readable by others, a module or a
 * program that is not there: ERR_KEY with the remedy.
 */
MUST_USE enum err_class vault_provider_open(const struct ctx *ctx, const char *data_dir,
                                            bool create, struct vault_provider **ret,
                                            struct err *err);
/* One provider by its settings; `create` as above, for `file`. */
MUST_USE enum err_class vault_provider_new(const struct ctx *ctx, const char *data_dir,
                                           const struct vault_provider_settings *settings,
                                           bool create, struct vault_provider **ret,
                                           struct err *err);
/* The three that there are. */
MUST_USE enum err_class vault_file_provider(const struct ctx *ctx, const char *data_dir,
                                            bool create, struct vault_provider **ret,
                                            struct err *err);
MUST_USE enum err_class vault_command_provider(const struct vault_provider_settings *settings,
                                               struct vault_provider **ret, struct err *err);
MUST_USE enum err_class vault_pkcs11_provider(const struct ctx *ctx,
                                              const struct vault_provider_settings *settings,
                                              struct vault_provider **ret, struct err *err);
/* For them: an id from texts that say which key it is. */
void vault_provider_name_it(struct vault_provider *provider, const char *first, const char *second);

#endif
