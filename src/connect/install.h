#ifndef CONNECT_INSTALL_H
#define CONNECT_INSTALL_H
#include "connect/alias.h"
#include "connect/recall.h"

/*
 * The rows of a tenant's installations, by Connect and by Forge; secrets are sealed on the way in
 * and opened, on the record, on the way out. `purpose` is a literal for that record.
 */
#define INSTALL_APP_KEY_BYTES 64      /* Atlassian's limit */
#define INSTALL_SECRET_BYTES_MAX 4096 /* of a shared secret */
#define INSTALL_CLIENT_ID_BYTES 255

struct connect_install {
    char client_key[ALIAS_VALUE_BYTES + 1];
    char app_key[INSTALL_APP_KEY_BYTES + 1];
    char base_url[LIMIT_URL_BYTES + 1];                /* no slash at its end */
    char display_url[LIMIT_URL_BYTES + 1];             /* "": none */
    char oauth_client_id[INSTALL_CLIENT_ID_BYTES + 1]; /* "": none */
    struct strbuf secret, previous;                    /* previous: empty for none */
    int64_t previous_until_ms;
    enum install_state state;
};
void connect_install_done(struct connect_install *install); /* wipes */

/*
 * By its client key; the empty one asks for the enabled one that changed last. ERR_NOT_FOUND. The
 * caller ends with connect_install_done.
 */
MUST_USE enum err_class connect_install_load(struct tenant *tenant, struct str client_key,
                                             const char *purpose, struct connect_install *ret,
                                             struct err *err);
/* Writes the row, whether it is there or not. */
MUST_USE enum err_class connect_install_store(struct tenant *tenant,
                                              const struct connect_install *install,
                                              struct err *err);
/* ERR_NOT_FOUND when it is not there. */
MUST_USE enum err_class connect_install_set_state(struct tenant *tenant, struct str client_key,
                                                  enum install_state state, struct err *err);

struct forge_install {
    char installation_id[ALIAS_VALUE_BYTES + 1];
    char cloud_id[ALIAS_VALUE_BYTES + 1];   /* "": not told */
    char api_base_url[LIMIT_URL_BYTES + 1]; /* "": not told */
    struct strbuf system_token;             /* empty: none */
    int64_t system_token_until_ms;
    enum install_state state;
};
void forge_install_done(struct forge_install *install); /* wipes */

/* As connect_install_load. */
MUST_USE enum err_class forge_install_load(struct tenant *tenant, struct str installation_id,
                                           const char *purpose, struct forge_install *ret,
                                           struct err *err);
MUST_USE enum err_class forge_install_store(struct tenant *tenant,
                                            const struct forge_install *install, struct err *err);

/* The rows go, after they were written to another tenant. */
MUST_USE enum err_class install_remove(struct tenant *tenant, enum alias_kind kind,
                                       struct str value, struct err *err);

#endif
