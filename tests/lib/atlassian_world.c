/* atlassian_world.c: Jira and Atlassian as they speak to a server, for tests. */
#include "atlassian_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "connect/connect_app.h"
#include "connect/jwt.h"
#include "connect/qsh.h"
#include "connect/site_records.h"
#include "store/records.h"

#define KEYS_URL "https://keys.example.com"
#define JWKS_URL "https://forge.example.com/jwks.json"
#define GRANT_URL "https://auth.example.com/oauth2/token"
#define KID "key-1"

static const struct record *const records[] = {
    &control_schema_change_record,
    &tenant_record,
    &schema_change_record,
    &person_record,
    &person_state_record,
    &erased_person_record,
    &credential_record,
    &tenant_alias_record,
    &connect_install_record,
    &forge_install_record,
    &webhook_record,
};

static const struct catalog catalog = {
    .version = 2, .records = records, .record_count = ARRAY_LEN(records)};

void atlassian_ok(struct atlassian_world *world, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), world->err.msg);
}

/* ---- Atlassian behind the network ---- */

static void answer_grant(struct atlassian_world *world, const struct net_request *request,
                         struct fake_answer *answer)
{
    world->grants++;
    strbuf_reset(&world->posted);
    strbuf_add_str(&world->posted, request->body);
    answer->delay_ms = 50;
    if (world->grant_status) {
        answer->status = world->grant_status;
        strbuf_add_z(&answer->body, "{\"error\":\"invalid_grant\"}");
        return;
    }
    strbuf_addf(
        &answer->body,
        "{\"access_token\":\"person-token-%u\",\"token_type\":\"Bearer\",\"expires_in\":900}",
        world->grants);
}

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *answer)
{
    struct atlassian_world *world = arg;
    struct str url = str_from(request->url);

    if (str_eq(url, STR(KEYS_URL "/" KID)) && !world->no_keys) {
        strbuf_add_z(&answer->body, rsa_signer_pem(RSA_SIGNER_A));
    } else if (str_eq(url, STR(JWKS_URL)) && !world->no_keys) {
        strbuf_add_z(&answer->body, "{\"keys\":[");
        rsa_signer_jwk(RSA_SIGNER_A, KID, &answer->body);
        strbuf_add_z(&answer->body, "]}");
    } else if (str_eq(url, STR(GRANT_URL))) {
        answer_grant(world, request, answer);
    } else if (strstr(path, "/rest/api/")) {
        strbuf_addf(&world->calls, "%s %s %s\n", http_method_name(request->method), request->url,
                    request->authorization ? request->authorization : "nobody");
        strbuf_addf(&answer->body, "{\"accountId\":\"%s\"}", world->account);
    } else if (world->no_keys) {
        answer->error = ERR_NETWORK;
        answer->error_msg = "the key server is away";
    } else {
        answer->status = 404;
    }
}

/* ---- The world ---- */

static void start(struct atlassian_world *world)
{
    const char *dir = scratch_path(&world->store.scratch, "data");

    atlassian_ok(world, store_pool_new(world->ctx, dir, &catalog, &world->pool, &world->err));

    const struct identities_options options = {
        .pool = world->pool,
        .public_url = OUR_URL,
        .app_key = "tenon",
        .install_keys_url = KEYS_URL,
        .impersonation_url = GRANT_URL,
        .forge_app_id = OUR_APP,
        .forge_jwks_url = JWKS_URL,
        .forge_api_hosts = "api.atlassian.com api.example.com",
    };

    atlassian_ok(world, identities_new(world->ctx, &options, &world->ids, &world->err));
}

static void stop(struct atlassian_world *world)
{
    identities_free(world->ids);
    store_pool_free(world->pool);
    world->ids = NULL;
    world->pool = NULL;
}

void atlassian_world_restart(struct atlassian_world *world)
{
    stop(world);
    start(world);
}

int atlassian_world_begin(void **state)
{
    struct atlassian_world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    store_world_begin(&world->store, &catalog, 11);
    fake_net_init(&world->net, answer, world);
    fake_net_install(&world->net, &world->store.fake.ctx);
    world->ctx = &world->store.fake.ctx;
    world->arena = arena_new((size_t)1 << 20);
    world->posted = STRBUF_INIT(65536);
    world->token = STRBUF_INIT(65536);
    world->calls = STRBUF_INIT(65536);
    (void)snprintf(world->account, sizeof(world->account), "somebody");
    start(world);
    *state = world;
    return 0;
}

int atlassian_world_end(void **state)
{
    struct atlassian_world *world = *state;

    stop(world);
    fake_net_done(&world->net);
    arena_free(world->arena);
    strbuf_done(&world->posted);
    strbuf_done(&world->token);
    strbuf_done(&world->calls);
    store_world_end(&world->store);
    free(world);
    return 0;
}

int64_t atlassian_number(struct atlassian_world *world, const char *tenant, const char *sql)
{
    struct data *data = NULL;
    struct tenant *open = NULL;
    struct db_stmt *stmt = NULL;
    bool row = false;
    int64_t number;

    atlassian_ok(world, store_pool_data(world->pool, &data, &world->err));
    if (tenant)
        atlassian_ok(world, store_pool_tenant(world->pool, str_from(tenant), &open, &world->err));
    atlassian_ok(world, db_prepare(tenant ? open->db : data->control, sql, &stmt, &world->err));
    atlassian_ok(world, db_step(stmt, &row, &world->err));
    assert_true(row);
    number = db_i64(stmt, 0);
    db_finish(stmt);
    store_pool_give_tenant(world->pool, open);
    store_pool_give_data(world->pool, data);
    return number;
}

/* ---- Tokens ---- */

static const char *or_usual(const char *text, const char *usual)
{
    return text ? text : usual;
}

static int64_t now_s(const struct atlassian_world *world)
{
    return ctx_now_ms(world->ctx) / 1000;
}

/* The hash of the request behind our base path, as Jira makes it. */
static void put_qsh(struct atlassian_world *world, const struct saying *saying, struct strbuf *ret)
{
    char hex[QSH_HEX_BYTES + 1];
    struct str query = {NULL, 0};
    const struct qsh_request request = {.method = str_from(or_usual(saying->method, "GET")),
                                        .path = str_cut(str_from(saying->path), '?', &query),
                                        .query = query};

    if (saying->qsh && !saying->qsh[0])
        return;
    if (saying->qsh || saying->context) {
        strbuf_addf(ret, ",\"qsh\":\"%s\"", saying->context ? "context-qsh" : saying->qsh);
        return;
    }
    atlassian_ok(world, qsh_compute(world->arena, &request, hex, &world->err));
    strbuf_addf(ret, ",\"qsh\":\"%s\"", hex);
}

static void put_claims(struct atlassian_world *world, const struct saying *saying,
                       const char *usual_aud, struct strbuf *ret)
{
    int64_t from_s = now_s(world) - saying->age_s;
    const char *aud = or_usual(saying->aud, usual_aud);

    strbuf_addf(ret, "{\"iss\":\"%s\",\"iat\":%lld,\"exp\":%lld", or_usual(saying->iss, CLIENT_KEY),
                (long long)from_s, (long long)(from_s + (saying->life_s ? saying->life_s : 180)));
    if (!saying->nobody)
        strbuf_addf(ret, ",\"sub\":\"%s\"", or_usual(saying->sub, PERSON));
    if (aud && aud[0])
        strbuf_addf(ret, ",\"aud\":%s", aud);
    put_qsh(world, saying, ret);
    strbuf_add_char(ret, '}');
}

/* A request as the server gives it: the path with our base path before it. */
static struct incoming request_of(struct atlassian_world *world, const char *method,
                                  const char *path, const char *scheme)
{
    struct strbuf header = STRBUF_INIT(65536), full = STRBUF_INIT(4096);
    struct incoming in = {.arena = world->arena, .method = str_from(or_usual(method, "GET"))};

    strbuf_addf(&header, "%s %s", scheme, strbuf_z(&world->token));
    strbuf_addf(&full, "/base%s", path);
    in.authorization = arena_dup(world->arena, strbuf_str(&header));
    in.path = str_cut(arena_dup(world->arena, strbuf_str(&full)), '?', &in.query);
    strbuf_done(&header);
    strbuf_done(&full);
    return in;
}

struct incoming hs256(struct atlassian_world *world, const struct saying *saying)
{
    struct strbuf claims = STRBUF_INIT(65536);

    put_claims(world, saying, NULL, &claims);
    strbuf_reset(&world->token);
    atlassian_ok(world, jwt_sign_hs256(strbuf_str(&claims),
                                       str_from(or_usual(saying->secret, CLIENT_SECRET)),
                                       &world->token, &world->err));
    strbuf_done(&claims);
    return request_of(world, saying->method, saying->path, "JWT");
}

struct incoming rs256(struct atlassian_world *world, const struct saying *saying)
{
    struct strbuf claims = STRBUF_INIT(65536);

    put_claims(world, saying, "[\"" OUR_URL "\"]", &claims);
    strbuf_reset(&world->token);
    rsa_signer_token(RSA_SIGNER_A,
                     or_usual(saying->header, "{\"alg\":\"RS256\",\"kid\":\"" KID "\"}"),
                     strbuf_z(&claims), &world->token);
    strbuf_done(&claims);
    return request_of(world, saying->method, saying->path, "JWT");
}

struct incoming forge_call(struct atlassian_world *world, const struct saying_forge *saying)
{
    struct strbuf claims = STRBUF_INIT(65536);
    int64_t from_s = now_s(world) - saying->age_s;
    struct incoming in;

    strbuf_addf(&claims,
                "{\"iss\":\"%s\",\"aud\":\"%s\",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld,"
                "\"app\":{\"installationId\":\"%s\",\"apiBaseUrl\":\"%s\"},\"context\":{"
                "\"cloudId\":\"%s\",\"siteUrl\":\"" SITE_URL "\"}",
                or_usual(saying->iss, "forge/invocation-token"), or_usual(saying->aud, OUR_APP),
                (long long)from_s, (long long)from_s,
                (long long)(from_s + (saying->life_s ? saying->life_s : 25)),
                or_usual(saying->installation, "ari:cloud:ecosystem::installation/1"),
                or_usual(saying->api, SITE_API), or_usual(saying->cloud, "cloud-1"));
    if (!saying->principal || saying->principal[0])
        strbuf_addf(&claims, ",\"principal\":\"%s\"", or_usual(saying->principal, PERSON));
    strbuf_add_char(&claims, '}');
    strbuf_reset(&world->token);
    rsa_signer_token(saying->signer,
                     or_usual(saying->header, "{\"alg\":\"RS256\",\"kid\":\"" KID "\"}"),
                     strbuf_z(&claims), &world->token);
    strbuf_done(&claims);
    in = request_of(world, "POST", "/forge/events", "Bearer");
    in.system_token = STR(SYSTEM_TOKEN);
    return in;
}

/* ---- Installing ---- */

yyjson_doc *life_body(const char *client_key, const char *secret, const char *base_url,
                      const char *more)
{
    struct strbuf text = STRBUF_INIT(65536);
    struct err err = {0};
    yyjson_doc *doc = NULL;

    strbuf_addf(
        &text,
        "{\"key\":\"tenon\",\"clientKey\":\"%s\",\"sharedSecret\":\"%s\",\"baseUrl\":\"%s\","
        "\"displayUrl\":\"https://jira.example.com\",\"productType\":\"jira\","
        "\"oauthClientId\":\"client-id-1\",\"eventType\":\"installed\",\"unknown\":[1]%s}",
        client_key, secret, base_url, more ? more : "");
    if (json_read(strbuf_str(&text), "a body", &doc, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    strbuf_done(&text);
    return doc;
}

void install(struct atlassian_world *world, const char *client_key, const char *secret,
             char ret[TENANT_ID_BYTES + 1])
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = life_body(client_key, secret, SITE_URL, NULL);
    const struct saying saying = {
        .iss = client_key, .method = "POST", .path = "/connect/installed", .nobody = true};
    const struct incoming in = rs256(world, &saying);

    atlassian_ok(world, connect_lifecycle(world->ids, &in, CONNECT_INSTALLED,
                                          yyjson_doc_get_root(doc), ret, &world->err));
}
