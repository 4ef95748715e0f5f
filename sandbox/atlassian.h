#ifndef SANDBOX_ATLASSIAN_H
#define SANDBOX_ATLASSIAN_H
#include <pthread.h>

#include "api.h"
#include "hooks.h"
#include "sign.h"

/*
 * The sandbox as Atlassian itself: who signs installations and invocations, gives tokens for acting
 * as a person, and tells the installed apps of events. README.md describes the control path.
 */
#define ATLASSIAN_INSTALLS_MAX 8
#define ATLASSIAN_BEARERS_MAX 1024

struct connect_site { /* an installation of a Connect app; several: sites of several names */
    bool used, installed;
    char app_url[512], app_key[80];
    char client_key[128], client_id[128];
    char secret[128], old_secret[128]; /* the one before; "": none */
    char installed_path[128], uninstalled_path[128], enabled_path[128], disabled_path[128];
    char webhook_path[128];
};

struct forge_site {
    bool installed;
    char app_url[512], app_id[160], installation_id[128], cloud_id[64];
    char lifecycle_path[128], events_path[128], uninstall_path[128];
};

struct bearer {
    char token[64];
    uint32_t user;
    int64_t until_ms; /* of the site's clock */
};

struct atlassian {
    struct sandbox *sandbox;
    struct signer *signer;
    pthread_mutex_t mutex; /* guards the rest */
    struct connect_site connect[ATLASSIAN_INSTALLS_MAX];
    struct forge_site forge;
    struct bearer bearers[ATLASSIAN_BEARERS_MAX]; /* a ring */
    uint64_t serial;                              /* of names and tokens that were given */
};

struct atlassian *atlassian_new(struct sandbox *sandbox); /* NULL: OpenSSL cannot */
void atlassian_free(struct atlassian *atlassian);         /* NULL is fine */

/* May the credential of an app or of a person come in? *ret_user: as whom. */
bool atlassian_lets_in(struct atlassian *atlassian, struct http_exchange *ex, uint32_t *ret_user);

/* Where an event goes and what proves it; false: no such app is installed. For hooks_set_app. */
bool atlassian_address(void *arg, enum hook_way way, struct strbuf *ret_url,
                       struct strbuf *ret_authorization);

/* ---- Served to the app ---- */
http_handler atlassian_install_key, atlassian_jwks, atlassian_oauth_token;

/* ---- The control path ---- */
http_handler control_connect, control_connect_token, control_forge, control_forge_token,
    control_forge_event;

/* ---- For control_atlassian.c ---- */

/* A token of Jira for one request, "METHOD" and "/path?query", or "" and "" for a context token. */
struct connect_claims {
    struct str method, path;
    struct str account;   /* empty: nobody */
    int64_t age_s;        /* made so long ago; below 0: of the future */
    const char *alg;      /* "HS256", "RS256", "none" */
    const char *audience; /* RS256: the app's base URL */
    bool context, no_qsh;
};
/* Appended. `secret` is what HS256 is signed with. False: out of memory. */
MUST_USE bool atlassian_connect_token(struct atlassian *atlassian, struct arena *arena,
                                      const struct connect_site *site, const char *secret,
                                      const struct connect_claims *claims, struct strbuf *ret);
/* An invocation token; appended. `account` may be empty. */
MUST_USE bool atlassian_invocation(struct atlassian *atlassian, const struct forge_site *forge,
                                   struct str account, int64_t age_s, struct strbuf *ret);
/* A new bearer token for that user; appended. */
void atlassian_bearer(struct atlassian *atlassian, uint32_t user, struct strbuf *ret);
/* The site of that client key, of the latest when it is empty; NULL: none. With the mutex held. */
struct connect_site *atlassian_site(struct atlassian *atlassian, struct str client_key);

#endif
