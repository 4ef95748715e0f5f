#ifndef DAEMON_REPORT_WAY_H
#define DAEMON_REPORT_WAY_H
#include "connect/connect_call.h"
#include "daemon/config.h"
#include "http/client.h"

/*
 * As which app, with which credential, a tenant's accounts are reported to Atlassian
 * (custody/report_accounts.h): the Connect app signs each call; the Forge app has a token that
 * Atlassian sends with events and opened pages (x-forge-oauth-system), good for an hour or more.
 */
enum report_way_end {
    REPORT_WAY_OPEN,
    REPORT_WAY_NO_APP,   /* with an API token or a consent alone we are no app to Atlassian */
    REPORT_WAY_NO_TOKEN, /* Forge's was not sent yet, or is past its time; the next call brings one
                          */
};

/* Must not move while it is open. */
struct report_way {
    struct http_client client; /* of oauth.api_url */
    struct connect_install install;
    struct connect_caller caller;
    struct strbuf bearer;
};

/* The caller ends with report_way_done in any case. */
MUST_USE enum err_class report_way_open(const struct ctx *ctx, const struct config *config,
                                        struct tenant *tenant, struct report_way *ret,
                                        enum report_way_end *ret_end, struct err *err);
void report_way_done(struct report_way *way); /* wipes */

#endif
