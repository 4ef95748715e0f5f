#ifndef CONNECT_LINK_H
#define CONNECT_LINK_H
#include "connect/identities.h"
#include "connect/install.h"
#include "connect/principal.h"
#include "jira/jira.h"
#include "store/data.h"

/*
 * A tenant's way to its Jira: address rules, credential, budget. Not to be moved once open.
 *
 * A tenant may have several connections. Its own calls take the first that there is: the API token
 * or PAT, the Forge app's system token, the Connect app's signature. A person's calls take what is
 * theirs: Forge's user token that came with the request, the Connect app acting for them, their own
 * consent (3LO), or the API token if it is theirs.
 */
struct link {
    struct jira jira;
    struct http_budget *budget; /* of jira.http */
    bool budget_owned;
    struct strbuf authorization;        /* owned; wiped */
    char base_url[LIMIT_URL_BYTES + 1]; /* where the installation's API is; "": the tenant's */
    struct connect_install signer;      /* Connect: signs each call; owned, wiped */
};

/* With a credential in hand, before there is a tenant. `info` is borrowed for the link's life. */
MUST_USE enum err_class link_init(struct link *link, const struct ctx *ctx,
                                  const struct tenant_info *info,
                                  const struct tenant_credential *credential, struct err *err);
/*
 * The tenant's own connection; `purpose` is a literal for the record of openings. ERR_NOT_FOUND:
 * there is none that works.
 */
MUST_USE enum err_class link_open(struct link *link, struct tenant *tenant, const char *purpose,
                                  struct err *err);
/*
 * The same for the daemon, where many share one budget.
 *   budget      borrowed; link_budget_new's
 *   who         whose call it is: with their own right where the connection allows it; NULL, or a
 *               local administrator: the tenant's own connection. ERR_FORBIDDEN says what is
 *               missing for acting as that person; one without an account is nobody in Jira.
 *   ids         what acting for persons needs; NULL: none of that
 *   oauth       the people's own consents (3LO); NULL: none of that
 *   user_token  Forge: what came with the request, x-forge-oauth-user; empty: none
 * May wait for the network: a token for acting as a person is fetched when it is not here.
 */
struct link_as {
    struct http_budget *budget;
    const struct principal *who;
    struct identities *ids;
    struct str user_token;
    struct oauth *oauth;
};
MUST_USE enum err_class link_open_as(struct link *link, struct tenant *tenant,
                                     const struct link_as *as, const char *purpose,
                                     struct err *err);
/*
 * Is there a connection of the tenant's own at all: a token, or an installation that is enabled?
 * One that Jira refuses at the moment, or for which no Forge token came lately, counts. Asks the
 * tenant's database only.
 */
MUST_USE enum err_class link_exists(struct tenant *tenant, bool *ret, struct err *err);
/* A budget with the limits known of that tenant's Jira; NULL when out of memory. */
struct http_budget *link_budget_new(const struct tenant_info *info);
void link_done(struct link *link);

#endif
