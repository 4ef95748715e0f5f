#ifndef CONNECT_OAUTH_INTERNAL_H
#define CONNECT_OAUTH_INTERNAL_H
#include "connect/oauth.h"
#include "http/budget.h"

/* What the files of 3LO share: oauth.c, oauth_access.c, oauth_grant.c, oauth_remote.c. */

struct access_table; /* oauth_access.c */

struct oauth {
    const struct ctx *ctx;
    struct store_pool *pool;
    char *client_id, *authorize_url, *token_url, *api_url, *public_url;
    bool allow_http, allow_private;
    struct strbuf client_secret; /* wiped */
    struct http_budget *budget;  /* of api_url */
    struct access_table *table;
};

#define CLOUD_ID_BYTES 64
#define OAUTH_SCOPES_BYTES 1024

/* ---- oauth_remote.c: calls ---- */

struct oauth_tokens {
    struct strbuf access, refresh; /* wiped by oauth_tokens_done; refresh empty: none came */
    int64_t life_ms;               /* of the access token */
    char scopes[OAUTH_SCOPES_BYTES + 1];
};
void oauth_tokens_done(struct oauth_tokens *tokens);
/*
 * A code, or a refresh token, for tokens. ERR_DENIED: the code or token is not good
 * (invalid_grant). ERR_KEY: our client is refused. ERR_BUSY, ERR_NETWORK, ERR_REMOTE.
 */
MUST_USE enum err_class oauth_exchange(struct oauth *oauth, struct str code,
                                       struct oauth_tokens *ret, struct err *err);
MUST_USE enum err_class oauth_refresh(struct oauth *oauth, struct str refresh,
                                      struct oauth_tokens *ret, struct err *err);
/* The id of the tenant's site among those that the token reaches. ERR_FORBIDDEN: it is not. */
MUST_USE enum err_class oauth_find_site(struct oauth *oauth, struct str token, const char *base_url,
                                        char ret_cloud_id[CLOUD_ID_BYTES + 1], struct err *err);
/* Whose token it is. */
MUST_USE enum err_class oauth_myself(struct oauth *oauth, struct str token, const char *cloud_id,
                                     char ret_account[LIMIT_ACCOUNT_ID_BYTES + 1], struct err *err);
/* api_url/ex/jira/{cloudId}; false: too long. */
MUST_USE bool oauth_site_url(const struct oauth *oauth, const char *cloud_id,
                             char ret[LIMIT_URL_BYTES + 1]);

/* ---- oauth_grant.c: the rows ---- */

struct oauth_grant {
    int64_t person, generation, ends_ms;
    char cloud_id[CLOUD_ID_BYTES + 1];
    struct strbuf refresh; /* wiped by its owner; empty: Jira does not take it any more */
};

/* A new consent in place of any older one. */
MUST_USE enum err_class oauth_grant_put(struct tenant *tenant, const char *account,
                                        const char *cloud_id, const struct oauth_tokens *tokens,
                                        struct err *err);
/* Without the token. ERR_FORBIDDEN: none. */
MUST_USE enum err_class oauth_grant_read(struct tenant *tenant, const char *account,
                                         struct oauth_grant *ret, struct err *err);
/*
 * Takes the sole right to replace the token, for GRANT_CLAIM_MS. *ret_claimed false: another
 * process has it. ERR_FORBIDDEN: no consent, or one that is over.
 */
#define GRANT_CLAIM_MS 45000
MUST_USE enum err_class oauth_grant_claim(struct tenant *tenant, const char *account,
                                          struct oauth_grant *ret, bool *ret_claimed,
                                          struct err *err);
/*
 * Ends the claim: with the new token, or without one (`refresh` empty): the old one stays when
 * `keep`, else the consent is over. *ret_done false: the row is another one by now, and nothing was
 * changed.
 */
MUST_USE enum err_class oauth_grant_settle(struct tenant *tenant, const struct oauth_grant *grant,
                                           struct str refresh, bool keep, bool *ret_done,
                                           struct err *err);
MUST_USE enum err_class oauth_grant_remove(struct tenant *tenant, const char *account,
                                           struct err *err);

/* ---- oauth_access.c: access tokens in memory ---- */

struct access_table *access_table_new(void); /* NULL when out of memory */
void access_table_free(struct access_table *table);
/* A token that came with a new consent. */
void oauth_access_put(struct oauth *oauth, const char *tenant, const char *account,
                      const char *cloud_id, const struct oauth_tokens *tokens);

#endif
