#ifndef CONNECT_OAUTH_H
#define CONNECT_OAUTH_H
#include "connect/principal.h"
#include "connect/secret.h"
#include "store/pool.h"

/*
 * Jira OAuth 2.0 (3LO): people sign in with their Jira account, and what they ask for here is done
 * in Jira as themselves (facts 3). Access tokens, an hour old at most, are in memory only. Of a
 * consent the refresh token is stored, sealed; each refresh replaces it, and the new one is on the
 * disk before the access token that came with it is used. Thread-safe. All but oauth_consent wait
 * for the network.
 */
struct oauth;

struct oauth_options {
    const char *client_id;
    const char *client_secret_file;
    const char *authorize_url, *token_url, *api_url;
    const char *public_url;         /* as browsers reach us, with scheme */
    bool allow_http, allow_private; /* Atlassian's hosts stand in on this machine (tests) */
};

#define OAUTH_SIGN_IN_MS (INT64_C(10) * 60 * 1000)
#define OAUTH_CONSENT_MS (INT64_C(365) * 24 * 60 * 60 * 1000)
#define OAUTH_WARN_MS (INT64_C(30) * 24 * 60 * 60 * 1000)

/* The texts are copied. ERR_INPUT names the setting; ERR_NOT_FOUND: the file of the secret. */
MUST_USE enum err_class oauth_new(const struct ctx *ctx, struct store_pool *pool,
                                  const struct oauth_options *options, struct oauth **ret,
                                  struct err *err);
void oauth_free(struct oauth *oauth); /* nobody may be in a call; NULL is fine */
AUTO_DEFINE(struct oauth, oauth_free)

/* ---- Signing in ---- */

#define OAUTH_LOCATION_BYTES 8192
#define OAUTH_COOKIE_BYTES 255
#define OAUTH_RETURN_BYTES 512

/*
 * Where to send the browser, appended to *ret_location, and the Set-Cookie that binds the answer to
 * this browser.
 *   tenant       name or id; empty when there is only one
 *   return_path  a path of ours to go on with; empty, or anything but a local path: "/"
 * ERR_NOT_FOUND: no such tenant (others are not named). ERR_INPUT: a Data Center has no 3LO.
 */
MUST_USE enum err_class oauth_begin(struct oauth *oauth, struct str tenant, struct str return_path,
                                    struct strbuf *ret_location,
                                    char ret_cookie[OAUTH_COOKIE_BYTES + 1], struct err *err);

/* What came back: parameters of the query and the Cookie header, empty when absent. */
struct oauth_answer {
    struct str code, state, error, cookie;
};
struct oauth_person {
    char tenant[TENANT_ID_BYTES + 1];
    char account[LIMIT_ACCOUNT_ID_BYTES + 1];
    char location[LIMIT_URL_BYTES + OAUTH_RETURN_BYTES + 1]; /* where to go on */
};
/*
 * Checks that the answer belongs to a sign-in of this browser, takes the tokens, asks who it is,
 * and stores the consent. ERR_USAGE: not a sign-in of this browser, or too old. ERR_DENIED: the
 * person said no, or the code is not good. ERR_FORBIDDEN: the account may not use this tenant's
 * site. ret_cookie takes the browser's cookie back, and is set whatever is returned.
 */
MUST_USE enum err_class oauth_finish(struct oauth *oauth, const struct oauth_answer *answer,
                                     struct oauth_person *ret,
                                     char ret_cookie[OAUTH_COOKIE_BYTES + 1], struct err *err);

/* ---- Acting as a person ---- */

struct oauth_access {
    struct strbuf token;                /* for "Bearer"; owned; wipe it with vault_wipe */
    char base_url[LIMIT_URL_BYTES + 1]; /* of the person's Jira: api_url/ex/jira/{cloudId} */
};
/*
 * A token that is good for a minute at least. One refresh serves all that wait, here and, one after
 * the other, in other processes. ERR_FORBIDDEN: there is no consent, or no more: the person must
 * sign in again, and nothing is sent until then. ERR_BUSY, ERR_NETWORK, ERR_KEY (our client is
 * refused): told again without asking until a delay has passed, which grows.
 */
MUST_USE enum err_class oauth_access_token(struct oauth *oauth, const char *tenant,
                                           const char *account, struct oauth_access *ret,
                                           struct err *err);
/*
 * Jira said 401 to the account: its token is not given out again, unless it is so new (a minute)
 * that the fault must be another.
 */
void oauth_reject(struct oauth *oauth, const char *tenant, const char *account);

struct oauth_consent {
    int64_t ends_ms; /* 0: there is none, or Jira does not take it any more */
    bool ends_soon;  /* in less than OAUTH_WARN_MS: the person should sign in again */
};
/* Reads the database at most once a minute and account; never the network. */
MUST_USE enum err_class oauth_consent(struct oauth *oauth, const char *tenant, const char *account,
                                      struct oauth_consent *ret, struct err *err);
/* The account was closed, or asks for it: the consent and its tokens are gone here. */
MUST_USE enum err_class oauth_forget(struct oauth *oauth, const char *tenant, const char *account,
                                     struct err *err);

#endif
