#ifndef CONNECT_API_TOKEN_H
#define CONNECT_API_TOKEN_H
#include "base/arena.h"
#include "connect/principal.h"
#include "connect/secret.h"
#include "store/pool.h"

/*
 * Our own API tokens, for programs: "tenon_<tenant's id>_<secret>". Shown once, when it is made;
 * only a digest is stored. A token acts for one account or, when a local administrator made it so,
 * for the administrator within its tenant.
 */
#define API_TOKEN_BYTES (6 + TENANT_ID_BYTES + 1 + SECRET_TEXT_BYTES)
#define API_TOKEN_NAME_CHARS_MAX 100
#define API_TOKENS_MAX 200 /* of one account; as many of the administrator in each tenant */
#define API_TOKEN_DAYS_MAX 3650

/* ---- Of an open tenant: on the command line and in the routes ---- */

struct api_token {
    int64_t id;
    struct str name;    /* 1..API_TOKEN_NAME_CHARS_MAX characters, no control characters */
    struct str account; /* empty: it acts for the administrator */
    unsigned scopes;    /* of enum principal_scope; not none */
    int64_t made_ms;
    int64_t expires_ms;   /* 0: never */
    int64_t last_used_ms; /* the day's beginning in UTC; 0: not yet */
};

/*
 * Makes one of name, account, scopes and expires_ms, and sets token->id and token->made_ms.
 * ERR_INPUT: the name, the scopes or the end; ERR_LIMIT: the account has too many.
 */
MUST_USE enum err_class api_token_add(struct tenant *tenant, struct api_token *token,
                                      char ret_text[API_TOKEN_BYTES + 1], struct err *err);
/* Oldest first, views in the arena. account: NULL for all; else that one's ("": administrator's) */
MUST_USE enum err_class api_token_list(struct tenant *tenant, struct arena *arena,
                                       const char *account, struct api_token **ret,
                                       size_t *ret_count, struct err *err);
struct api_tokens;
/*
 * account: NULL for anybody's; else that one's alone. tokens: of this process, which then refuses
 * it at once; NULL: none. ERR_NOT_FOUND.
 */
MUST_USE enum err_class api_token_remove(struct api_tokens *tokens, struct tenant *tenant,
                                         int64_t id, const char *account, struct err *err);
/* The account was closed: its tokens are gone. */
MUST_USE enum err_class api_token_close_account(struct api_tokens *tokens, struct tenant *tenant,
                                                const char *account, struct err *err);

/* "read,write" to its bits, in any order; false: an unknown word, or none. */
MUST_USE bool api_token_parse_scopes(struct str words, unsigned *ret);
/* The nth scope's name and bit, for n from 0; NULL past the last. */
const char *api_token_scope(size_t n, unsigned *ret_bit);

/* ---- For the daemon: who presents one? Thread-safe ---- */

MUST_USE enum err_class api_tokens_new(const struct ctx *ctx, struct store_pool *pool,
                                       struct api_tokens **ret, struct err *err);
void api_tokens_free(struct api_tokens *tokens); /* NULL is fine */
AUTO_DEFINE(struct api_tokens, api_tokens_free)

/*
 * ERR_OK with BY_NOBODY: the credential (what follows "Bearer ") is not one of ours. ERR_DENIED: it
 * looks like one and is not, or no more. Reads the database at most every ten seconds a token.
 */
MUST_USE enum err_class api_token_authenticate(struct api_tokens *tokens, struct str credential,
                                               struct principal *ret, struct err *err);
/* Writes down on which day tokens were last used; as sessions_tick. */
MUST_USE enum err_class api_tokens_tick(struct api_tokens *tokens, struct err *err);

#endif
