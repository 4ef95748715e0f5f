#ifndef CONNECT_ONBOARD_H
#define CONNECT_ONBOARD_H
#include "connect/link.h"

/*
 * A Jira site is to be connected with a credential of its own: is the address one we may call, is
 * there a Jira, is the credential good, what does it lack? The command line and the page Set-up ask
 * the same; only how an option is called differs, for the messages.
 */
struct onboard_words {
    const char *http, *name, *cloud, *datacenter; /* "--allow-http", "--email and --token-file" */
};
extern const struct onboard_words onboard_cli_words, onboard_api_words;

struct onboarding {
    struct str url;
    struct str name; /* empty: one is made from the host */
    bool allow_http, allow_private;
    const struct onboard_words *words;
};

/* Name and address, checked without calling anybody. ERR_INPUT. */
MUST_USE enum err_class onboard_info(const struct onboarding *asked, struct tenant_info *ret,
                                     struct err *err);
/*
 * Asks the site what it is and whose credential this is; sets info->kind.
 *   ret_account  appended
 *   ret_missing  appended: names of global permissions of Jira that we would want and that the
 *                account lacks, split by spaces; NULL: not asked
 * Errors: ERR_INPUT, a credential of the wrong kind; ERR_REMOTE, no Jira; ERR_DENIED; those of
 * http_do.
 */
MUST_USE enum err_class onboard_check(const struct ctx *ctx, struct tenant_info *info,
                                      const struct tenant_credential *credential,
                                      const struct onboard_words *words, struct strbuf *ret_account,
                                      struct strbuf *ret_missing, struct err *err);

#endif
