#ifndef HTTP_PROXY_H
#define HTTP_PROXY_H
#include "base/err.h"
#include "http/url.h"

/*
 * Proxies as the environment names them, the way curl and most tools read it: https_proxy (or
 * HTTPS_PROXY), http_proxy (lower case only: a web server sets HTTP_PROXY from a request's header),
 * all_proxy (ALL_PROXY), and no_proxy (NO_PROXY): hosts that are called directly, separated by
 * commas or spaces; "*" is all; "acme.com" and ".acme.com" hold for it and all names below;
 * addresses match as written. Read here, and not by curl, because curl does not tell whether it
 * took a proxy, and the address rules must know: behind a proxy it is the proxy that resolves the
 * name and decides where it may go, so that only a literal address in the URL is checked by us.
 */
struct proxy_env {
    char *https, *http, *all, *none; /* owned; NULL when not set */
};

/* Reads the environment; call it before there are threads that change it. ERR_MEMORY. */
MUST_USE enum err_class proxy_env_read(struct proxy_env *ret, struct err *err);
void proxy_env_done(struct proxy_env *env);

/* The proxy for a URL, borrowed from env (it may hold a password: never shown), or NULL for none.
 */
const char *proxy_for(const struct proxy_env *env, const struct url_parts *url);

#endif
