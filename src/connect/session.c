/*
 * session.c: cookies of people who signed in.
 *
 * Against forged requests three things stand together: SameSite=Lax, the browser's own word about
 * where a request comes from (Sec-Fetch-Site, Origin), and a header with a value that only our
 * pages can know: a digest of the cookie's secret, which no other site can read. GET changes
 * nothing and is let through.
 *
 * Threads: the cache (known.h) has its own lock; database handles come from the pool. Uses are
 * written down by sessions_tick alone, so that no request waits for a writer.
 */
#include "connect/session.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/civil.h"
#include "connect/known.h"
#include "http/url.h"

#define COOKIE_NAME "tenon_session"
#define USE_STEP_MS (5 * MS_PER_MINUTE) /* uses are written down so far apart */
#define USES_AT_ONCE 256
#define EXPIRED_KEPT_MS MS_PER_DAY /* what the catalogue says */

struct sessions {
    const struct ctx *ctx;
    struct store_pool *pool;
    const char *public_url;
    struct known *known;
};

enum err_class sessions_new(const struct ctx *ctx, struct store_pool *pool, const char *public_url,
                            struct sessions **ret, struct err *err)
{
    AUTO(sessions_free_autop) struct sessions *sessions = calloc(1, sizeof(*sessions));

    if (!sessions)
        return err_memory(err);
    *sessions =
        (struct sessions){.ctx = ctx, .pool = pool, .public_url = public_url, .known = known_new()};
    if (!sessions->known)
        return err_memory(err);
    *ret = TAKE(sessions);
    return ERR_OK;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    known_free(sessions->known);
    free(sessions);
}

/* ---- The cookie ---- */

struct cookie {
    char tenant[TENANT_ID_BYTES + 1]; /* "": the administrator's */
    struct str secret;
};

enum cookie_found { COOKIE_NONE, COOKIE_BAD, COOKIE_GOOD };

static bool is_tenant_id(struct str text)
{
    if (text.len != TENANT_ID_BYTES)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!((text.ptr[i] >= 'a' && text.ptr[i] <= 'z') ||
              (text.ptr[i] >= '0' && text.ptr[i] <= '9')))
            return false;
    return true;
}

/* RFC 6265, 4.2.1. Two of the name: somebody else planted one; neither is taken. */
static enum cookie_found read_cookie(struct str header, struct cookie *ret)
{
    struct str value = {NULL, 0};
    enum cookie_found found = COOKIE_NONE;

    while (header.len > 0) {
        struct str rest = {NULL, 0}, this_value = {NULL, 0};
        struct str pair = str_trim(str_cut(header, ';', &rest));

        if (str_eq(str_trim(str_cut(pair, '=', &this_value)), STR(COOKIE_NAME))) {
            if (found != COOKIE_NONE)
                return COOKIE_BAD;
            found = COOKIE_BAD;
            value = str_trim(this_value);
        }
        header = rest;
    }

    struct str tenant = str_cut(value, '.', &ret->secret);

    if (found == COOKIE_NONE || !secret_is_well_formed(ret->secret))
        return found;
    ret->tenant[0] = '\0';
    if (is_tenant_id(tenant))
        (void)snprintf(ret->tenant, sizeof(ret->tenant), STR_FMT, STR_ARG(tenant));
    else if (!str_eq(tenant, STR(SESSION_ADMIN)))
        return COOKIE_BAD;
    return COOKIE_GOOD;
}

/* value "": takes the cookie back. */
static void put_cookie(const struct sessions *sessions, const char *tenant, const char *secret,
                       char ret[SESSION_COOKIE_BYTES + 1])
{
    bool secure = str_starts(str_from(sessions->public_url), STR("https://"));

    (void)snprintf(ret, SESSION_COOKIE_BYTES + 1,
                   COOKIE_NAME "=%s%s%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%lld%s",
                   !secret[0]  ? ""
                   : tenant[0] ? tenant
                               : SESSION_ADMIN,
                   secret[0] ? "." : "", secret,
                   (long long)(secret[0] ? SESSION_LIFE_MS / MS_PER_SECOND : 0),
                   secure ? "; Secure" : "");
}

void session_csrf(struct str cookie_header, char ret[SECRET_TEXT_BYTES + 1])
{
    struct cookie cookie;

    ret[0] = '\0';
    if (read_cookie(cookie_header, &cookie) == COOKIE_GOOD)
        secret_digest_text(SECRET_CSRF, cookie.secret, ret);
}

struct session_request session_request(const struct http_exchange *ex)
{
    return (struct session_request){
        .method = ex->method,
        .cookie = http_in_header(ex, "Cookie"),
        .csrf = http_in_header(ex, "X-Tenon-CSRF"),
        .origin = http_in_header(ex, "Origin"),
        .fetch_site = http_in_header(ex, "Sec-Fetch-Site"),
        .host = http_in_header(ex, "Host"),
    };
}

/* ---- Where a request comes from ---- */

static bool is_own_origin(const struct sessions *sessions, const struct session_request *request)
{
    struct str host = {NULL, 0};

    if (sessions->public_url[0] && url_same_origin(request->origin, str_from(sessions->public_url)))
        return true;
    if (str_starts(request->origin, STR("https://")))
        host = str_sub(request->origin, 8, request->origin.len);
    else if (str_starts(request->origin, STR("http://")))
        host = str_sub(request->origin, 7, request->origin.len);
    return host.len > 0 && str_eq_nocase(host, request->host);
}

enum err_class session_same_site(const struct sessions *sessions,
                                 const struct session_request *request, struct err *err)
{
    if (request->fetch_site.len > 0 && !str_eq_z(request->fetch_site, "same-origin"))
        return err_set(err, ERR_FORBIDDEN,
                       "the request comes from another site (Sec-Fetch-Site); use Tenon's own "
                       "pages");
    if (request->origin.len > 0 && !is_own_origin(sessions, request))
        return err_set(err, ERR_FORBIDDEN,
                       "the request comes from another origin than this server's%s%s; use Tenon's "
                       "own pages, or correct server.public_url",
                       sessions->public_url[0] ? ", " : "", sessions->public_url);
    return ERR_OK;
}

static enum err_class check_forged(const struct sessions *sessions,
                                   const struct session_request *request, struct str secret,
                                   struct err *err)
{
    char wanted[SECRET_TEXT_BYTES + 1];
    bool equal;
    enum err_class rc = session_same_site(sessions, request, err);

    if (rc != ERR_OK)
        return rc;
    secret_digest_text(SECRET_CSRF, secret, wanted);
    equal = secret_equal(request->csrf, str_from(wanted));
    sodium_memzero(wanted, sizeof(wanted));
    if (equal)
        return ERR_OK;
    return err_set(err, ERR_FORBIDDEN,
                   "the header X-Tenon-CSRF is %s; it must be the value `csrf` of GET /api/v1/me",
                   request->csrf.len > 0 ? "not this session's" : "missing");
}

/* ---- The rows ---- */

static void bind_digest(struct db_stmt *stmt, int param, const unsigned char *digest)
{
    db_bind_blob(stmt, param, (struct str){(const char *)digest, SECRET_DIGEST_BYTES});
}

/* A database of the pool: a tenant's, or with tenant "" the control one. */
struct place {
    struct store_pool *pool;
    struct tenant *tenant;
    struct data *data;
    struct db *db;
};

static enum err_class place_open(struct sessions *sessions, const char *tenant, struct place *ret,
                                 struct err *err)
{
    enum err_class rc;

    *ret = (struct place){.pool = sessions->pool};
    if (tenant[0])
        rc = store_pool_tenant(sessions->pool, str_from(tenant), &ret->tenant, err);
    else
        rc = store_pool_data(sessions->pool, &ret->data, err);
    if (rc == ERR_OK)
        ret->db = tenant[0] ? ret->tenant->db : ret->data->control;
    return rc;
}

static void place_autop(struct place *place)
{
    store_pool_give_tenant(place->pool, place->tenant);
    store_pool_give_data(place->pool, place->data);
}

static enum err_class denied(struct err *err)
{
    return err_set(err, ERR_DENIED, "the session has ended; sign in again");
}

/* The row for a digest; ERR_DENIED: none, or past its time. */
static enum err_class read_row(struct db *db, const struct ctx *ctx, const char *tenant,
                               const unsigned char *digest, struct known_entry *ret,
                               struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    int64_t now = ctx_now_ms(ctx);
    bool row = false;
    enum err_class rc = db_prepare(
        db,
        tenant[0] ? SQL("SELECT s.expires AS expires, s.seen AS seen, p.account_id AS account"
                        " FROM session s JOIN person p ON p.id = s.person WHERE s.digest = $1"
                        " ORDER BY s.digest LIMIT 1")
                  : SQL("SELECT expires, seen, '' AS account FROM admin_session"
                        " WHERE digest = $1 ORDER BY digest LIMIT 1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    bind_digest(stmt, 1, digest);
    rc = db_step(stmt, &row, err);
    if (rc != ERR_OK)
        return rc;
    if (!row)
        return denied(err);

    int64_t expires = db_i64(stmt, db_col(stmt, "expires"));
    int64_t seen = db_i64(stmt, db_col(stmt, "seen"));

    if (now >= expires || now - seen >= SESSION_IDLE_MS)
        return denied(err);
    *ret = (struct known_entry){
        .who = {.by = BY_SESSION, .role = tenant[0] ? ROLE_PERSON : ROLE_ADMIN, .scopes = MAY_ALL},
        .expires_ms = expires,
        .seen_ms = now,
        .stored_ms = seen};
    (void)snprintf(ret->who.tenant, sizeof(ret->who.tenant), "%s", tenant);
    (void)snprintf(ret->who.account, sizeof(ret->who.account), STR_FMT,
                   STR_ARG(db_text(stmt, db_col(stmt, "account"))));
    return ERR_OK;
}

static enum err_class prove(struct sessions *sessions, const struct cookie *cookie,
                            struct known_entry *ret, struct err *err)
{
    AUTO(place_autop) struct place place = {.pool = sessions->pool};
    unsigned char digest[SECRET_DIGEST_BYTES];
    uint64_t turn = known_turn(sessions->known);
    enum err_class rc;

    secret_digest(SECRET_SESSION, cookie->secret, digest);
    if (known_find(sessions->known, sessions->ctx, digest, ret))
        /* The same secret with another tenant's id is another cookie. */
        return strcmp(ret->who.tenant, cookie->tenant) == 0 &&
                       ctx_now_ms(sessions->ctx) < ret->expires_ms
                   ? ERR_OK
                   : denied(err);
    rc = place_open(sessions, cookie->tenant, &place, err);
    if (rc == ERR_NOT_FOUND) /* of the tenants nothing is told */
        return denied(err);
    if (rc == ERR_OK)
        rc = read_row(place.db, sessions->ctx, cookie->tenant, digest, ret, err);
    if (rc == ERR_OK)
        known_keep(sessions->known, sessions->ctx, turn, digest, ret);
    else if (rc == ERR_DENIED)
        known_forget(sessions->known, digest);
    return rc;
}

enum err_class session_check(struct sessions *sessions, const struct session_request *request,
                             struct principal *ret, struct err *err)
{
    struct cookie cookie;
    struct known_entry entry;
    enum err_class rc = ERR_OK;

    switch (read_cookie(request->cookie, &cookie)) {
    case COOKIE_NONE:
        *ret = (struct principal){.by = BY_NOBODY};
        return ERR_OK;
    case COOKIE_BAD:
        return denied(err);
    case COOKIE_GOOD:
        break;
    }
    if (request->method != HTTP_GET)
        rc = check_forged(sessions, request, cookie.secret, err);
    if (rc == ERR_OK)
        rc = prove(sessions, &cookie, &entry, err);
    if (rc == ERR_OK)
        *ret = entry.who;
    return rc;
}

enum err_class session_authenticate(struct sessions *sessions, const struct http_exchange *ex,
                                    struct principal *ret, struct err *err)
{
    const struct session_request request = session_request(ex);

    return session_check(sessions, &request, ret, err);
}

/* ---- Beginning and ending ---- */

/* In a transaction. What has been over for long goes in passing. */
/* Whatever proved who it is: a password, a link, Jira. */
static enum err_class audit_sign_in(const struct place *place, int64_t person, struct err *err)
{
    const struct audit_who who = {.by = place->tenant ? AUDIT_BY_PERSON : AUDIT_BY_ADMIN,
                                  .number = person};
    const struct audit_entry entry = {.act = AUDIT_SIGN_IN,
                                      .tenant = place->tenant ? place->tenant->info.id : NULL,
                                      .why = "session",
                                      .who = &who};

    return place->tenant ? audit_write(place->tenant->audit, place->tenant->ctx, &entry, err)
                         : audit_write(place->data->audit, place->data->ctx, &entry, err);
}

static enum err_class audit_end(const struct place *place, const char *why, struct err *err)
{
    return place->tenant ? tenant_audit(place->tenant, AUDIT_SESSION_ENDED, "session", 0, why, err)
                         : data_audit(place->data, AUDIT_SESSION_ENDED, NULL, why, err);
}

static enum err_class insert(const struct place *place, int64_t now, const char *account,
                             const unsigned char *digest, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *sweep = NULL;
    AUTO(db_finish_autop) struct db_stmt *add = NULL;
    int64_t person = 0;
    enum err_class rc =
        db_prepare(place->db,
                   place->tenant ? SQL("DELETE FROM session WHERE expires < $1")
                                 : SQL("DELETE FROM admin_session WHERE expires < $1"),
                   &sweep, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(sweep, 1, now - EXPIRED_KEPT_MS);
    rc = db_run(sweep, err);
    if (rc == ERR_OK && place->tenant)
        rc = person_ref(place->tenant, str_from(account), &person, err);
    if (rc == ERR_OK)
        rc = db_prepare(place->db,
                        place->tenant ? SQL("INSERT INTO session (digest, expires, seen, person)"
                                            " VALUES ($1, $2, $3, $4)")
                                      : SQL("INSERT INTO admin_session (digest, expires, seen)"
                                            " VALUES ($1, $2, $3)"),
                        &add, err);
    if (rc != ERR_OK)
        return rc;
    bind_digest(add, 1, digest);
    db_bind_i64(add, 2, now + SESSION_LIFE_MS);
    db_bind_i64(add, 3, now);
    if (place->tenant)
        db_bind_i64(add, 4, person);
    rc = db_run(add, err);
    return rc == ERR_OK ? audit_sign_in(place, person, err) : rc;
}

enum err_class session_begin(struct sessions *sessions, const char *tenant, const char *account,
                             char ret_cookie[SESSION_COOKIE_BYTES + 1], struct err *err)
{
    AUTO(place_autop) struct place place = {.pool = sessions->pool};
    unsigned char digest[SECRET_DIGEST_BYTES];
    char secret[SECRET_TEXT_BYTES + 1];
    enum err_class rc = place_open(sessions, tenant, &place, err);

    if (rc == ERR_OK)
        rc = db_begin(place.db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    secret_new(sessions->ctx, secret);
    secret_digest(SECRET_SESSION, str_from(secret), digest);
    rc = db_end(place.db, insert(&place, ctx_now_ms(sessions->ctx), account, digest, err), err);
    if (rc == ERR_OK)
        put_cookie(sessions, tenant, secret, ret_cookie);
    sodium_memzero(secret, sizeof(secret));
    return rc;
}

enum err_class session_end(struct sessions *sessions, const struct session_request *request,
                           char ret_cookie[SESSION_COOKIE_BYTES + 1], struct err *err)
{
    AUTO(place_autop) struct place place = {.pool = sessions->pool};
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    unsigned char digest[SECRET_DIGEST_BYTES];
    struct cookie cookie;
    enum err_class rc = ERR_OK;

    if (read_cookie(request->cookie, &cookie) == COOKIE_GOOD) {
        secret_digest(SECRET_SESSION, cookie.secret, digest);
        rc = place_open(sessions, cookie.tenant, &place, err);
        if (rc == ERR_OK)
            rc = db_prepare(place.db,
                            cookie.tenant[0] ? SQL("DELETE FROM session WHERE digest = $1")
                                             : SQL("DELETE FROM admin_session WHERE digest = $1"),
                            &stmt, err);
        if (rc == ERR_OK)
            rc = db_begin(place.db, DB_WRITE, err);
        if (rc == ERR_OK) {
            bind_digest(stmt, 1, digest);
            rc = db_run(stmt, err);
            if (rc == ERR_OK && db_changes(place.db) > 0)
                rc = audit_end(&place, "sign-out", err);
            rc = db_end(place.db, rc, err);
        }
        known_forget(sessions->known, digest);
    }
    if (rc == ERR_OK || rc == ERR_NOT_FOUND) { /* a tenant that is gone has no sessions */
        put_cookie(sessions, "", "", ret_cookie);
        rc = ERR_OK;
    }
    return rc;
}

enum err_class session_end_account(struct sessions *sessions, const char *tenant,
                                   const char *account, struct err *err)
{
    AUTO(place_autop) struct place place = {.pool = sessions->pool};
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = place_open(sessions, tenant, &place, err);

    if (rc == ERR_OK)
        rc = db_prepare(place.db,
                        SQL("DELETE FROM session WHERE person IN"
                            " (SELECT id FROM person WHERE account_id = $1)"),
                        &stmt, err);
    if (rc == ERR_OK)
        rc = db_begin(place.db, DB_WRITE, err);
    if (rc == ERR_OK) {
        db_bind_text(stmt, 1, str_from(account));
        rc = db_run(stmt, err);
        if (rc == ERR_OK && db_changes(place.db) > 0)
            rc = audit_end(&place, "account", err);
        rc = db_end(place.db, rc, err);
    }
    known_forget_all(sessions->known, tenant, account, 0);
    return rc;
}

void session_forget_admin(struct sessions *sessions)
{
    known_forget_all(sessions->known, "", NULL, 0);
}

/* ---- Uses ---- */

static enum err_class write_uses(const struct place *place, const struct known_use *uses,
                                 size_t count, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        place->db,
        place->tenant ? SQL("UPDATE session SET seen = max(seen, $2) WHERE digest = $1")
                      : SQL("UPDATE admin_session SET seen = max(seen, $2) WHERE digest = $1"),
        &stmt, err);

    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        bind_digest(stmt, 1, uses[i].digest);
        db_bind_i64(stmt, 2, uses[i].seen_ms);
        rc = db_run(stmt, err);
    }
    return rc;
}

static enum err_class write_uses_of(struct sessions *sessions, const struct known_use *uses,
                                    size_t count, struct err *err)
{
    AUTO(place_autop) struct place place = {.pool = sessions->pool};
    enum err_class rc = place_open(sessions, uses[0].tenant, &place, err);

    if (rc == ERR_OK)
        rc = db_begin(place.db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_end(place.db, write_uses(&place, uses, count, err), err);
    return rc;
}

enum err_class sessions_tick(struct sessions *sessions, struct err *err)
{
    struct known_use uses[USES_AT_ONCE];
    enum err_class first = ERR_OK;
    size_t count;

    do { /* at most as often as the cache holds as many: what was taken is not given again */
        count = known_take_uses(sessions->known, USE_STEP_MS, uses, USES_AT_ONCE);
        for (size_t from = 0, to; from < count; from = to) {
            struct err other = {0};

            for (to = from + 1; to < count && strcmp(uses[to].tenant, uses[from].tenant) == 0;)
                to++;

            enum err_class rc = write_uses_of(sessions, uses + from, to - from, &other);

            if (rc != ERR_OK && rc != ERR_NOT_FOUND && first == ERR_OK) {
                first = rc;
                *err = other;
            }
        }
    } while (count == USES_AT_ONCE);
    return first;
}
