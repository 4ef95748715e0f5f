/*
 * api_token.c: tokens for programs.
 *
 * The tenant's id stands in the token, so that the right database is asked at once, and so that a
 * leaked one can be traced; the digest is over the whole text. The role is stored beside the
 * account: a row whose account is gone must not become the administrator's.
 *
 * Threads: the cache (known.h) has its own lock; a tenant's handle belongs to the caller.
 */
#include "connect/api_token.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/civil.h"
#include "connect/known.h"

#define PREFIX "tenon_"
#define NAME_BYTES_MAX (4 * API_TOKEN_NAME_CHARS_MAX)
#define LIST_MAX 10000
#define USES_AT_ONCE 256

struct api_tokens {
    const struct ctx *ctx;
    struct store_pool *pool;
    struct known *known;
};

static const struct {
    const char *name;
    unsigned bit;
} scopes[] = {{"read", MAY_READ}, {"write", MAY_WRITE}, {"admin", MAY_ADMINISTER}};

const char *api_token_scope(size_t n, unsigned *ret_bit)
{
    if (n >= ARRAY_LEN(scopes))
        return NULL;
    *ret_bit = scopes[n].bit;
    return scopes[n].name;
}

bool api_token_parse_scopes(struct str words, unsigned *ret)
{
    unsigned bits = 0;

    while (words.len > 0) {
        struct str rest = {NULL, 0}, word = str_trim(str_cut(words, ',', &rest));
        unsigned bit = 0;

        for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
            if (str_eq_z(word, scopes[i].name))
                bit = scopes[i].bit;
        if (!bit)
            return false;
        bits |= bit;
        words = rest;
    }
    if (!bits)
        return false;
    *ret = bits;
    return true;
}

static struct vault_place name_place(int64_t id)
{
    return (struct vault_place){.record = "api_token", .field = "name", .row = id};
}

static void bind_digest(struct db_stmt *stmt, int param, const unsigned char *digest)
{
    db_bind_blob(stmt, param, (struct str){(const char *)digest, SECRET_DIGEST_BYTES});
}

/* ---- Making ---- */

static enum err_class check_name(struct str name, struct err *err)
{
    size_t chars = 0;
    bool control = false;

    for (size_t i = 0; i < name.len; i++) {
        chars += ((unsigned char)name.ptr[i] & 0xc0) != 0x80;
        control = control || (unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f;
    }
    if (chars >= 1 && chars <= API_TOKEN_NAME_CHARS_MAX && !control && str_is_utf8(name))
        return ERR_OK;
    return err_set(err, ERR_INPUT,
                   "the token's name must have 1 to %d characters, none of them a control "
                   "character; it has %zu%s",
                   API_TOKEN_NAME_CHARS_MAX, chars, control ? ", and one is" : "");
}

static enum err_class check(const struct tenant *tenant, const struct api_token *token,
                            struct err *err)
{
    int64_t now = ctx_now_ms(tenant->ctx);
    enum err_class rc = check_name(token->name, err);

    if (rc != ERR_OK)
        return rc;
    if (token->scopes == 0 || (token->scopes & ~(unsigned)MAY_ALL) != 0)
        return err_set(err, ERR_INPUT, "the token has no scope; give it read, write or admin");
    if (token->account.len > LIMIT_ACCOUNT_ID_BYTES)
        return err_set(err, ERR_INPUT, "the account id has %zu bytes; %d are the most",
                       token->account.len, LIMIT_ACCOUNT_ID_BYTES);
    if (token->expires_ms != 0 &&
        (token->expires_ms <= now || token->expires_ms - now > API_TOKEN_DAYS_MAX * MS_PER_DAY))
        return err_set(err, ERR_INPUT, "the token must end between now and %d days from now",
                       API_TOKEN_DAYS_MAX);
    return ERR_OK;
}

/* In a transaction. person 0: none. */
static enum err_class count_of(struct tenant *tenant, int64_t person, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT count(*) AS n FROM api_token WHERE coalesce(person, 0) = $1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, person);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = db_i64(stmt, 0);
    return rc;
}

static enum err_class insert(struct tenant *tenant, const struct api_token *token,
                             const unsigned char *digest, struct str sealed, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    int64_t person = 0, count = 0;
    enum err_class rc = ERR_OK;

    if (token->account.len > 0)
        rc = person_ref(tenant, token->account, &person, err);
    if (rc == ERR_OK)
        rc = count_of(tenant, person, &count, err);
    if (rc == ERR_OK && count >= API_TOKENS_MAX)
        rc = err_set(err, ERR_LIMIT,
                     "there are %" PRId64 " tokens already, the most for one account; remove some "
                     "that are not used",
                     count);
    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("INSERT INTO api_token (id, name, person, role, scopes, digest, made,"
                            " expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
                        &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, token->id);
    db_bind_blob(stmt, 2, sealed);
    if (person)
        db_bind_i64(stmt, 3, person);
    else
        db_bind_null(stmt, 3);
    db_bind_text(stmt, 4, str_from(person ? "person" : "admin"));
    db_bind_i64(stmt, 5, token->scopes);
    bind_digest(stmt, 6, digest);
    db_bind_i64(stmt, 7, token->made_ms);
    if (token->expires_ms)
        db_bind_i64(stmt, 8, token->expires_ms);
    else
        db_bind_null(stmt, 8);
    rc = db_run(stmt, err);
    return rc == ERR_OK ? tenant_audit(tenant, AUDIT_TOKEN_ADDED, "api_token", token->id,
                                       person ? "person" : "admin", err)
                        : rc;
}

enum err_class api_token_add(struct tenant *tenant, struct api_token *token,
                             char ret_text[API_TOKEN_BYTES + 1], struct err *err)
{
    struct strbuf sealed = STRBUF_INIT(NAME_BYTES_MAX + VAULT_SEAL_OVERHEAD);
    unsigned char digest[SECRET_DIGEST_BYTES];
    char secret[SECRET_TEXT_BYTES + 1], text[API_TOKEN_BYTES + 1];
    struct api_token made = *token;
    enum err_class rc = check(tenant, token, err);

    if (rc != ERR_OK)
        return rc;
    /* Random, so that the id of a removed one never comes back; and a whole number for any client.
     */
    made.id = 1 + (int64_t)(ctx_random_u64(tenant->ctx) >> 12);
    made.made_ms = ctx_now_ms(tenant->ctx);
    secret_new(tenant->ctx, secret);
    (void)snprintf(text, sizeof(text), PREFIX "%s_%s", tenant->info.id, secret);
    secret_digest(SECRET_TOKEN, str_from(text), digest);

    const struct vault_place place = name_place(made.id);

    rc = vault_seal(tenant->vault, tenant->ctx, &place, made.name, &sealed, err);
    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_end(tenant->db, insert(tenant, &made, digest, strbuf_str(&sealed), err), err);
    if (rc == ERR_OK) {
        *token = made;
        memcpy(ret_text, text, sizeof(text));
    }
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(text, sizeof(text));
    strbuf_done(&sealed);
    return rc;
}

/* ---- Listing and removing ---- */

static enum err_class read_row(struct tenant *tenant, struct arena *arena,
                               const struct db_stmt *stmt, struct api_token *ret, struct err *err)
{
    struct strbuf name = STRBUF_INIT(NAME_BYTES_MAX);
    struct vault_place place;
    enum err_class rc;

    *ret = (struct api_token){
        .id = db_i64(stmt, db_col(stmt, "id")),
        .account = arena_dup(arena, db_text(stmt, db_col(stmt, "account"))),
        .scopes = (unsigned)db_i64(stmt, db_col(stmt, "scopes")) & MAY_ALL,
        .made_ms = db_i64(stmt, db_col(stmt, "made")),
        .expires_ms = db_i64(stmt, db_col(stmt, "expires")),
        .last_used_ms = db_i64(stmt, db_col(stmt, "last_used")),
    };
    place = name_place(ret->id);
    rc = vault_unseal(tenant->vault, &place, db_blob(stmt, db_col(stmt, "name")), &name, err);
    ret->name = arena_dup(arena, strbuf_str(&name));
    strbuf_done(&name);
    return rc == ERR_OK && !ret->name.ptr ? err_memory(err) : rc;
}

enum err_class api_token_list(struct tenant *tenant, struct arena *arena, const char *account,
                              struct api_token **ret, size_t *ret_count, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct api_token *list = NULL;
    size_t count = 0, room = 0;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT t.id AS id, t.name AS name, coalesce(p.account_id, '') AS account,"
            " t.scopes AS scopes, t.made AS made, t.expires AS expires, t.last_used AS last_used"
            " FROM api_token t LEFT JOIN person p ON p.id = t.person"
            " WHERE $1 IS NULL OR coalesce(p.account_id, '') = $1 ORDER BY t.made, t.id"
            " LIMIT 10000"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(account)); /* NULL binds NULL */
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        if (count == room) { /* at most 11 turns: it doubles up to LIST_MAX */
            size_t more = room ? 2 * room : 16;
            struct api_token *larger = arena_alloc(arena, more * sizeof(*larger));

            if (!larger)
                return err_memory(err);
            if (count)
                memcpy(larger, list, count * sizeof(*larger));
            list = larger;
            room = more;
        }
        rc = read_row(tenant, arena, stmt, &list[count], err);
        if (rc != ERR_OK)
            return rc;
        count++;
    }
    if (rc == ERR_OK) {
        *ret = list;
        *ret_count = count;
    }
    return rc;
}

/* What was removed is refused at once. Forgotten even when that failed: it is asked for anew. */
static void forget(struct api_tokens *tokens, const struct tenant *tenant, const char *account,
                   int64_t id)
{
    if (tokens)
        known_forget_all(tokens->known, tenant->info.id, account, id);
}

enum err_class api_token_remove(struct api_tokens *tokens, struct tenant *tenant, int64_t id,
                                const char *account, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("DELETE FROM api_token WHERE id = $1 AND ($2 IS NULL OR person IN"
                       " (SELECT id FROM person WHERE account_id = $2))"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    db_bind_text(stmt, 2, str_from(account));
    rc = db_run(stmt, err);
    if (rc == ERR_OK && db_changes(tenant->db) == 0)
        rc = err_set(err, ERR_NOT_FOUND, "there is no token %" PRId64 " of yours; it may be gone",
                     id);
    if (rc == ERR_OK)
        rc = tenant_audit(tenant, AUDIT_TOKEN_REMOVED, "api_token", id, NULL, err);
    rc = db_end(tenant->db, rc, err);
    forget(tokens, tenant, NULL, id);
    return rc;
}

enum err_class api_token_close_account(struct api_tokens *tokens, struct tenant *tenant,
                                       const char *account, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("DELETE FROM api_token WHERE person IN"
                                       " (SELECT id FROM person WHERE account_id = $1)"),
                                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(account));
    rc = db_run(stmt, err);
    if (rc == ERR_OK && db_changes(tenant->db) > 0)
        rc = tenant_audit(tenant, AUDIT_TOKEN_REMOVED, "api_token", 0, "account closed", err);
    rc = db_end(tenant->db, rc, err);
    forget(tokens, tenant, account, 0);
    return rc;
}

/* ---- Authenticating ---- */

enum err_class api_tokens_new(const struct ctx *ctx, struct store_pool *pool,
                              struct api_tokens **ret, struct err *err)
{
    AUTO(api_tokens_free_autop) struct api_tokens *tokens = calloc(1, sizeof(*tokens));

    if (!tokens)
        return err_memory(err);
    *tokens = (struct api_tokens){.ctx = ctx, .pool = pool, .known = known_new()};
    if (!tokens->known)
        return err_memory(err);
    *ret = TAKE(tokens);
    return ERR_OK;
}

void api_tokens_free(struct api_tokens *tokens)
{
    if (!tokens)
        return;
    known_free(tokens->known);
    free(tokens);
}

static enum err_class denied(struct err *err)
{
    return err_set(err, ERR_DENIED,
                   "the API token is not known here: it may have ended or been removed; make a new "
                   "one");
}

/* "tenon_<id>_<secret>"; the secret may hold '_' itself. */
static bool is_well_formed(struct str text, char ret_tenant[TENANT_ID_BYTES + 1])
{
    struct str tenant = str_sub(text, sizeof(PREFIX) - 1, TENANT_ID_BYTES);

    if (text.len != API_TOKEN_BYTES || text.ptr[sizeof(PREFIX) - 1 + TENANT_ID_BYTES] != '_' ||
        !secret_is_well_formed(str_sub(text, API_TOKEN_BYTES - SECRET_TEXT_BYTES, text.len)))
        return false;
    for (size_t i = 0; i < tenant.len; i++)
        if (!((tenant.ptr[i] >= 'a' && tenant.ptr[i] <= 'z') ||
              (tenant.ptr[i] >= '0' && tenant.ptr[i] <= '9')))
            return false;
    (void)snprintf(ret_tenant, TENANT_ID_BYTES + 1, STR_FMT, STR_ARG(tenant));
    return true;
}

static enum err_class find_row(const struct tenant *tenant, const unsigned char *digest,
                               struct known_entry *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT t.id AS id, t.role AS role, t.scopes AS scopes,"
                       " t.expires AS expires, t.last_used AS last_used, p.account_id AS account"
                       " FROM api_token t LEFT JOIN person p ON p.id = t.person"
                       " WHERE t.digest = $1 ORDER BY t.id LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    bind_digest(stmt, 1, digest);
    rc = db_step(stmt, &row, err);
    if (rc != ERR_OK)
        return rc;
    if (!row)
        return denied(err);

    struct str account = db_text(stmt, db_col(stmt, "account"));
    bool admin = str_eq_z(db_text(stmt, db_col(stmt, "role")), "admin");
    int col = db_col(stmt, "expires");

    if (admin != (account.len == 0)) /* a person's that lost its person */
        return denied(err);
    *ret = (struct known_entry){
        .who = {.by = BY_TOKEN,
                .role = admin ? ROLE_ADMIN : ROLE_PERSON,
                .scopes = (unsigned)db_i64(stmt, db_col(stmt, "scopes")) & MAY_ALL,
                .token = db_i64(stmt, db_col(stmt, "id"))},
        .row = db_i64(stmt, db_col(stmt, "id")),
        .expires_ms = db_is_null(stmt, col) ? INT64_MAX : db_i64(stmt, col),
        .seen_ms = ctx_now_ms(tenant->ctx),
        .stored_ms = db_i64(stmt, db_col(stmt, "last_used"))};
    memcpy(ret->who.tenant, tenant->info.id, sizeof(ret->who.tenant));
    (void)snprintf(ret->who.account, sizeof(ret->who.account), STR_FMT, STR_ARG(account));
    return ERR_OK;
}

static enum err_class prove(struct api_tokens *tokens, const char *tenant_id,
                            const unsigned char *digest, struct known_entry *ret, struct err *err)
{
    struct tenant *tenant = NULL;
    uint64_t turn = known_turn(tokens->known);
    enum err_class rc;

    if (known_find(tokens->known, tokens->ctx, digest, ret))
        return ERR_OK;
    rc = store_pool_tenant(tokens->pool, str_from(tenant_id), &tenant, err);
    if (rc == ERR_NOT_FOUND) /* of the tenants nothing is told */
        return denied(err);
    if (rc == ERR_OK)
        rc = find_row(tenant, digest, ret, err);
    store_pool_give_tenant(tokens->pool, tenant);
    if (rc == ERR_OK)
        known_keep(tokens->known, tokens->ctx, turn, digest, ret);
    else if (rc == ERR_DENIED)
        known_forget(tokens->known, digest);
    return rc;
}

enum err_class api_token_authenticate(struct api_tokens *tokens, struct str credential,
                                      struct principal *ret, struct err *err)
{
    unsigned char digest[SECRET_DIGEST_BYTES];
    char tenant[TENANT_ID_BYTES + 1];
    struct known_entry entry;
    enum err_class rc;

    if (!str_starts(credential, STR(PREFIX))) {
        *ret = (struct principal){.by = BY_NOBODY};
        return ERR_OK;
    }
    if (!is_well_formed(credential, tenant))
        return denied(err);
    secret_digest(SECRET_TOKEN, credential, digest);
    rc = prove(tokens, tenant, digest, &entry, err);
    if (rc == ERR_OK && ctx_now_ms(tokens->ctx) >= entry.expires_ms)
        rc = denied(err);
    if (rc == ERR_OK)
        *ret = entry.who;
    return rc;
}

/* ---- Uses ---- */

static enum err_class write_uses(const struct tenant *tenant, const struct known_use *uses,
                                 size_t count, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("UPDATE api_token SET last_used = max(coalesce(last_used, 0), $2) WHERE id = $1"),
        &stmt, err);

    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        db_bind_i64(stmt, 1, uses[i].row);
        db_bind_i64(stmt, 2, civil_day_of(uses[i].seen_ms) * MS_PER_DAY);
        rc = db_run(stmt, err);
    }
    return rc;
}

static enum err_class write_uses_of(struct api_tokens *tokens, const struct known_use *uses,
                                    size_t count, struct err *err)
{
    struct tenant *tenant = NULL;
    enum err_class rc = store_pool_tenant(tokens->pool, str_from(uses[0].tenant), &tenant, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_end(tenant->db, write_uses(tenant, uses, count, err), err);
    store_pool_give_tenant(tokens->pool, tenant);
    return rc;
}

enum err_class api_tokens_tick(struct api_tokens *tokens, struct err *err)
{
    struct known_use uses[USES_AT_ONCE];
    enum err_class first = ERR_OK;
    size_t count;

    do { /* at most as often as the cache holds as many: what was taken is not given again */
        /* A day later than the day it has: what a day's first use is. */
        count = known_take_uses(tokens->known, MS_PER_DAY, uses, USES_AT_ONCE);
        for (size_t from = 0, to; from < count; from = to) {
            struct err other = {0};

            for (to = from + 1; to < count && strcmp(uses[to].tenant, uses[from].tenant) == 0;)
                to++;

            enum err_class rc = write_uses_of(tokens, uses + from, to - from, &other);

            if (rc != ERR_OK && rc != ERR_NOT_FOUND && first == ERR_OK) {
                first = rc;
                *err = other;
            }
        }
    } while (count == USES_AT_ONCE);
    return first;
}
