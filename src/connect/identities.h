#ifndef CONNECT_IDENTITIES_H
#define CONNECT_IDENTITIES_H
#include "connect/keys.h"
#include "connect/recall.h"
#include "store/pool.h"

/*
 * What the process needs to believe Jira and to speak to it as an installed app: the settings, the
 * keys of Atlassian, and what is known of installations. One for the whole daemon; thread-safe.
 */
struct identities_options {
    struct store_pool *pool; /* all borrowed for the life of the object */
    const char *public_url;  /* our base URL, no slash at its end; "": not known, Connect is off */
    const char *app_key;     /* of the Connect app */
    const char *install_keys_url; /* one or several, split by spaces */
    const char *impersonation_url;
    const char *forge_app_id; /* "": Forge is off */
    const char *forge_jwks_url;
    const char *forge_api_hosts;    /* split by spaces */
    bool allow_http, allow_private; /* for the URLs above and the sites that install (tests) */
};

struct bearers; /* connect/bearers.h */

struct identities {
    const struct ctx *ctx;
    struct identities_options options;
    struct str base_path; /* of public_url: "" or "/tenon" */
    struct recall *recall;
    struct key_source *install_keys; /* NULL: Connect is off */
    struct key_source *forge_keys;   /* NULL: Forge is off */
    struct bearers *bearers;         /* tokens for acting as a person */
};

/* ERR_INPUT: a URL of the options is none, or is not allowed. */
MUST_USE enum err_class identities_new(const struct ctx *ctx,
                                       const struct identities_options *options,
                                       struct identities **ret, struct err *err);
void identities_free(struct identities *ids); /* NULL is fine; no thread may be in it */
AUTO_DEFINE(struct identities, identities_free)

/* The tenant is gone, or was given another name or secret by somebody else. */
void identities_forget_tenant(struct identities *ids, const char *tenant);

#endif
