#ifndef CONNECT_SESSION_H
#define CONNECT_SESSION_H
#include "connect/principal.h"
#include "connect/secret.h"
#include "http/server.h"
#include "store/pool.h"

/*
 * Sessions of our own pages: a cookie `tenon_session=<tenant's id or "admin">.<secret>`. Only the
 * secret's digest is stored, in the tenant's database or, for the administrator, in the control
 * database. A session ends after 12 hours without use and 7 days after signing in. Thread-safe;
 * authenticating reads the database at most every ten seconds a session and never writes.
 */
struct sessions;

#define SESSION_IDLE_MS (INT64_C(12) * 60 * 60 * 1000)
#define SESSION_LIFE_MS (INT64_C(7) * 24 * 60 * 60 * 1000)
#define SESSION_ADMIN "admin" /* in the cookie, in the place of a tenant's id */

/* public_url: as browsers reach us, borrowed; "": not known, then only the Host header tells. */
MUST_USE enum err_class sessions_new(const struct ctx *ctx, struct store_pool *pool,
                                     const char *public_url, struct sessions **ret,
                                     struct err *err);
void sessions_free(struct sessions *sessions); /* NULL is fine */
AUTO_DEFINE(struct sessions, sessions_free)

/* The value of a Set-Cookie header. */
#define SESSION_COOKIE_BYTES 255
/*
 * A new session. ret_cookie is what the browser is to be told.
 *   tenant, account  who signed in; both "" for the administrator
 */
MUST_USE enum err_class session_begin(struct sessions *sessions, const char *tenant,
                                      const char *account,
                                      char ret_cookie[SESSION_COOKIE_BYTES + 1], struct err *err);

/* What counts of a request. All views are borrowed; an absent header is empty. */
struct session_request {
    enum http_method method;
    struct str cookie, csrf, origin, fetch_site, host; /* Cookie, X-Tenon-CSRF, … */
};
struct session_request session_request(const struct http_exchange *ex);

/*
 * Who is it? ERR_OK with BY_NOBODY: there is no session cookie. ERR_DENIED: there is one that is
 * not (or no more) good. ERR_FORBIDDEN: with any method but GET, the request does not come from our
 * own pages (X-Tenon-CSRF, Origin, Sec-Fetch-Site). The error's sentence tells no secret.
 */
MUST_USE enum err_class session_check(struct sessions *sessions,
                                      const struct session_request *request, struct principal *ret,
                                      struct err *err);
MUST_USE enum err_class session_authenticate(struct sessions *sessions,
                                             const struct http_exchange *ex, struct principal *ret,
                                             struct err *err);
/*
 * The same without a session: a form that signs in is not to be sent from elsewhere either.
 * ERR_FORBIDDEN.
 */
MUST_USE enum err_class session_same_site(const struct sessions *sessions,
                                          const struct session_request *request, struct err *err);
/* What X-Tenon-CSRF must be for this cookie; "" when there is none. */
void session_csrf(struct str cookie_header, char ret[SECRET_TEXT_BYTES + 1]);

/*
 * Signs out. The cookie is taken back whether or not there was such a session. Call it after
 * session_check, so that nobody else can do it.
 */
MUST_USE enum err_class session_end(struct sessions *sessions,
                                    const struct session_request *request,
                                    char ret_cookie[SESSION_COOKIE_BYTES + 1], struct err *err);
/* All of an account: it was closed, or asks for it. */
MUST_USE enum err_class session_end_account(struct sessions *sessions, const char *tenant,
                                            const char *account, struct err *err);
/* The administrator's sessions were removed from the database by administrator_set. */
void session_forget_admin(struct sessions *sessions);

/*
 * Writes down when sessions were last used; to be called every minute or so, and once before the
 * end. The first error is told, the others are tried all the same.
 */
MUST_USE enum err_class sessions_tick(struct sessions *sessions, struct err *err);

#endif
