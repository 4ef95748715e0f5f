/*
 * Tests of oauth*.c: signing in with Jira, one refresh for many, refresh tokens that are replaced,
 * lost answers, deaths between receipt and store, two processes.
 *
 * The stand-in for Atlassian keeps its rules (facts 3): each refresh gives a new refresh token; the
 * old one works for ten minutes more; after that its use takes back the whole family.
 */
#include "connect/oauth_internal.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/fake_net.h"
#include "../../tests/lib/people_world.h"
#include "base/civil.h"
#include "base/json.h"

#define ANNA "712020:anna"
#define CLOUD "11223344-a1b2-4c33-8d44-c0ffee000000"
#define SECRET "client-secret-that-nobody-may-read"
#define LEEWAY_MS (10 * MS_PER_MINUTE)
#define TOKENS_MAX 64

struct refresh_token {
    char text[32];
    int64_t replaced_ms; /* 0: not yet */
};

struct atlassian {
    struct fake_net net;
    const struct ctx *ctx;
    struct refresh_token tokens[TOKENS_MAX];
    int count;                      /* made so far; the last one is the present one */
    bool revoked;                   /* the family */
    int refreshes, exchanges, late; /* calls; uses of a token that was replaced */
    const char *code;               /* what is taken once; NULL: none */
    const char *sites;              /* not NULL: the list of sites */
    const char *account;
    int64_t life_s, delay_ms;
    int lose;   /* so many answers of the token endpoint are lost after it has done its work */
    int status; /* not 0: of the token endpoint, with `body` */
    const char *body;
    bool no_refresh;            /* none comes with the next ones */
    struct people_world *world; /* not NULL: the person signs in anew during the next refresh */
};

struct office {
    struct atlassian site;
    struct ctx ctx;
    struct oauth *oauth;
    char cookie[OAUTH_COOKIE_BYTES + 1]; /* as the browser sends it back */
    char state[1024];
    struct strbuf location;
    struct oauth_person person;
    struct oauth_access access;
};

/* ---- Atlassian ---- */

static void put_tokens(struct atlassian *site, struct fake_answer *answer)
{
    struct refresh_token *token = &site->tokens[site->count];

    assert_true(site->count < TOKENS_MAX);
    (void)snprintf(token->text, sizeof(token->text), "refresh-%d", site->count++);
    strbuf_addf(&answer->body,
                "{\"access_token\":\"access-%d\",\"expires_in\":%lld,\"token_type\":\"Bearer\","
                "\"scope\":\"read:jira-work offline_access\"",
                site->count, (long long)(site->life_s ? site->life_s : 3600));
    if (!site->no_refresh)
        strbuf_addf(&answer->body, ",\"refresh_token\":\"%s\"", token->text);
    strbuf_add_char(&answer->body, '}');
}

static void refuse(struct fake_answer *answer)
{
    answer->status = 403;
    strbuf_add_z(&answer->body, "{\"error\":\"invalid_grant\",\"error_description\":\"Unknown or "
                                "invalid refresh token.\"}");
}

/* What another process does when the person signs in there. */
static void sign_in_anew(struct atlassian *site)
{
    struct oauth_tokens tokens = {.refresh = STRBUF_INIT(64)};
    struct refresh_token *token = &site->tokens[site->count];
    struct people_world *world = site->world;

    site->world = NULL;
    (void)snprintf(token->text, sizeof(token->text), "refresh-%d", site->count++);
    strbuf_add_z(&tokens.refresh, token->text);
    people_ok(world, oauth_grant_put(world->store.tenant, ANNA, CLOUD, &tokens, &world->err));
    oauth_tokens_done(&tokens);
}

static void refresh(struct atlassian *site, struct str text, struct fake_answer *answer)
{
    int64_t now = ctx_now_ms(site->ctx);
    struct refresh_token *token = NULL;

    site->refreshes++;
    for (int i = 0; i < site->count; i++)
        if (str_eq_z(text, site->tokens[i].text))
            token = &site->tokens[i];
    if (token && token->replaced_ms) {
        site->late++;
        if (now - token->replaced_ms > LEEWAY_MS)
            site->revoked = true;
    }
    if (!token || site->revoked || site->world) {
        refuse(answer);
        if (site->world)
            sign_in_anew(site);
        return;
    }
    if (!token->replaced_ms)
        token->replaced_ms = now;
    put_tokens(site, answer);
}

static void token_endpoint(struct atlassian *site, const struct net_request *request,
                           struct fake_answer *answer)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct err err = {0};

    assert_int_equal(request->method, HTTP_POST);
    assert_string_equal(request->content_type, "application/json");
    assert_null(request->authorization);
    assert_true(request->once);
    assert_int_equal(json_read(request->body, "request", &doc, &err), ERR_OK);

    yyjson_val *root = yyjson_doc_get_root(doc);
    struct str code = json_str(root, "code");

    assert_true(str_eq_z(json_str(root, "client_id"), "our-client"));
    assert_true(str_eq_z(json_str(root, "client_secret"), SECRET));
    if (site->status) {
        answer->status = site->status;
        strbuf_add_z(&answer->body, site->body);
    } else if (str_eq_z(json_str(root, "grant_type"), "refresh_token")) {
        refresh(site, json_str(root, "refresh_token"), answer);
    } else {
        assert_true(str_eq_z(json_str(root, "redirect_uri"),
                             "https://tenon.acme.example/auth/jira/callback"));
        site->exchanges++;
        if (site->code && str_eq_z(code, site->code)) {
            site->code = NULL;
            site->revoked = false;
            put_tokens(site, answer);
        } else {
            refuse(answer);
        }
    }
    answer->delay_ms = site->delay_ms;
    if (site->lose > 0) {
        site->lose--;
        answer->error = ERR_NETWORK;
        answer->error_msg = "the connection broke";
    }
}

static void serve(void *arg, const struct net_request *request, const char *path,
                  struct fake_answer *answer)
{
    struct atlassian *site = arg;

    if (strcmp(request->url, "https://auth.example/oauth/token") == 0) {
        token_endpoint(site, request, answer);
    } else if (!request->authorization || strncmp(request->authorization, "Bearer access-", 14)) {
        answer->status = 401;
    } else if (strcmp(path, "/oauth/token/accessible-resources") == 0) {
        strbuf_add_z(&answer->body,
                     site->sites ? site->sites
                                 : "[{\"id\":\"9\",\"url\":\"https://other.atlassian.net\"},"
                                   "{\"id\":\"" CLOUD "\",\"url\":\"https://acme.atlassian.net/\","
                                   "\"name\":\"acme\",\"scopes\":[]}]");
    } else if (strcmp(path, "/ex/jira/" CLOUD "/rest/api/3/myself") == 0) {
        strbuf_addf(&answer->body, "{\"accountId\":\"%s\"}", site->account);
    } else {
        answer->status = 404;
    }
}

/* ---- The office ---- */

static struct oauth *open_oauth(struct people_world *world, struct office *office)
{
    const char *path = scratch_path(&world->store.scratch, "client-secret");
    const struct oauth_options options = {
        .client_id = "our-client",
        .client_secret_file = path,
        .authorize_url = "https://auth.example/authorize",
        .token_url = "https://auth.example/oauth/token",
        .api_url = "https://api.example",
        .public_url = "https://tenon.acme.example",
    };
    struct oauth *oauth = NULL;

    people_ok(world, disk_write(&office->ctx, path, STR(SECRET "\n"), &world->err));
    people_ok(world, oauth_new(&office->ctx, world->pool, &options, &oauth, &world->err));
    return oauth;
}

static void begin(struct people_world *world, struct office *office)
{
    memset(office, 0, sizeof(*office));
    office->ctx = *world->ctx;
    office->site.ctx = &office->ctx;
    office->site.account = ANNA;
    fake_net_init(&office->site.net, serve, &office->site);
    fake_net_install(&office->site.net, &office->ctx);
    office->oauth = open_oauth(world, office);
}

static void end(struct office *office)
{
    oauth_free(office->oauth);
    vault_wipe(&office->access.token);
    fake_net_done(&office->site.net);
}

/* As a new process would find it. */
static void restart(struct people_world *world, struct office *office)
{
    oauth_free(office->oauth);
    office->oauth = open_oauth(world, office);
}

/* The browser is sent to the consent page. */
static void start(struct people_world *world, struct office *office, const char *path)
{
    struct str rest = {NULL, 0};
    char set[OAUTH_COOKIE_BYTES + 1];

    office->location = STRBUF_INIT(OAUTH_LOCATION_BYTES);
    people_ok(world, oauth_begin(office->oauth, STR("acme"), str_from(path), &office->location, set,
                                 &world->err));
    (void)snprintf(office->cookie, sizeof(office->cookie), "%s", set);
    *strchr(office->cookie, ';') = '\0';

    const char *state = strstr(strbuf_z(&office->location), "&state=");

    assert_non_null(state);
    (void)snprintf(office->state, sizeof(office->state), STR_FMT,
                   STR_ARG(str_cut(str_from(state + 7), '&', &rest)));
}

static enum err_class answer_with(struct people_world *world, struct office *office,
                                  struct oauth_answer answer)
{
    char spent[OAUTH_COOKIE_BYTES + 1];

    world->err = (struct err){0};

    enum err_class rc = oauth_finish(office->oauth, &answer, &office->person, spent, &world->err);

    assert_non_null(strstr(spent, "tenon_sign_in=; "));
    assert_null(strstr(world->err.msg, SECRET));
    return rc;
}

static struct oauth_answer good(const struct office *office)
{
    return (struct oauth_answer){.code = STR("code-1"),
                                 .state = str_from(office->state),
                                 .cookie = str_from(office->cookie)};
}

static void sign_in(struct people_world *world, struct office *office)
{
    start(world, office, "/time");
    office->site.code = "code-1";
    people_ok(world, answer_with(world, office, good(office)));
    strbuf_done(&office->location);
}

static enum err_class get(struct people_world *world, struct office *office)
{
    world->err = (struct err){0};
    vault_wipe(&office->access.token);
    return oauth_access_token(office->oauth, world->store.info.id, ANNA, &office->access,
                              &world->err);
}

static int64_t generation(struct people_world *world)
{
    return people_number(world, false, SQL("SELECT generation FROM oauth_grant"));
}

static const char later[] = SQL("SELECT count(*) FROM oauth_grant WHERE claimed_until IS NOT NULL");

/* ---- Signing in ---- */

static void the_consent_page_is_asked_for_our_scopes(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    start(world, &office, "/reports?group=month");

    const char *location = strbuf_z(&office.location);

    assert_true(str_starts(str_from(location), STR("https://auth.example/authorize?audience="
                                                   "api.atlassian.com&client_id=our-client&")));
    assert_non_null(strstr(location, "&scope=offline_access%20read%3Ajira-work"));
    assert_non_null(strstr(location, "&redirect_uri=https%3A%2F%2Ftenon.acme.example%2Fauth%2Fjira"
                                     "%2Fcallback&"));
    assert_non_null(strstr(location, "&response_type=code&prompt=consent"));
    assert_null(strstr(location, SECRET));
    strbuf_done(&office.location);
    end(&office);
}

static void a_person_signs_in_and_goes_on_where_they_were(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    start(world, &office, "/reports?group=month");
    office.site.code = "code-1";
    people_ok(world, answer_with(world, &office, good(&office)));
    assert_string_equal(office.person.account, ANNA);
    assert_string_equal(office.person.tenant, world->store.info.id);
    assert_string_equal(office.person.location, "https://tenon.acme.example/reports?group=month");
    strbuf_done(&office.location);

    /* The token that came along is used, no other is asked for. */
    people_ok(world, get(world, &office));
    assert_string_equal(strbuf_z(&office.access.token), "access-1");
    assert_string_equal(office.access.base_url, "https://api.example/ex/jira/" CLOUD);
    assert_int_equal(office.site.refreshes, 0);
    assert_int_equal(people_number(world, false,
                                   SQL("SELECT count(*) FROM oauth_grant WHERE"
                                       " instr(refresh_token, 'refresh-') = 0 AND"
                                       " expires = consented + 31536000000")),
                     1);
    end(&office);
}

static void only_local_paths_are_gone_back_to(void **state)
{
    static const char *const elsewhere[] = {
        "",      "time", "//evil.example", "/\\evil.example", "https://evil.example",
        "/a\\b", "/a b", "/a\nb",          "javascript:x",    "/\xc3\xa4",
    };
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
        start(world, &office, elsewhere[i]);
        office.site.code = "code-1";
        people_ok(world, answer_with(world, &office, good(&office)));
        assert_string_equal(office.person.location, "https://tenon.acme.example/");
        strbuf_done(&office.location);
    }
    end(&office);
}

static void an_answer_to_somebody_elses_sign_in_is_refused_unasked(void **state)
{
    struct people_world *world = *state;
    struct office office;
    struct oauth_answer answer;
    char other[OAUTH_COOKIE_BYTES + 1], changed[1024];

    begin(world, &office);
    start(world, &office, "/");
    memcpy(other, office.cookie, sizeof(other));
    strbuf_done(&office.location);
    start(world, &office, "/");
    office.site.code = "code-1";

    answer = good(&office);
    answer.cookie = str_from(other); /* another browser's */
    assert_int_equal(answer_with(world, &office, answer), ERR_USAGE);
    answer.cookie = (struct str){NULL, 0};
    assert_int_equal(answer_with(world, &office, answer), ERR_USAGE);
    answer = good(&office);
    answer.state = (struct str){NULL, 0};
    assert_int_equal(answer_with(world, &office, answer), ERR_USAGE);
    for (size_t i = 0; i < strlen(office.state); i++) { /* any byte of it */
        memcpy(changed, office.state, sizeof(changed));
        changed[i] = changed[i] == 'x' ? 'y' : 'x';
        answer.state = str_from(changed);
        assert_int_equal(answer_with(world, &office, answer), ERR_USAGE);
        answer.state = (struct str){office.state, i}; /* or cut */
        assert_int_equal(answer_with(world, &office, answer), ERR_USAGE);
    }
    answer = good(&office);
    fake_ctx_advance(&world->store.fake, OAUTH_SIGN_IN_MS - 1);
    answer.code = (struct str){NULL, 0};
    assert_int_equal(answer_with(world, &office, answer), ERR_USAGE);
    assert_int_equal(office.site.exchanges, 0);
    fake_ctx_advance(&world->store.fake, 1);
    assert_int_equal(answer_with(world, &office, good(&office)), ERR_USAGE); /* too late */
    assert_int_equal(office.site.exchanges, 0);
    assert_int_equal(people_number(world, false, SQL("SELECT count(*) FROM oauth_grant")), 0);
    strbuf_done(&office.location);
    end(&office);
}

static void another_process_may_finish_it(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    start(world, &office, "/time");
    restart(world, &office);
    office.site.code = "code-1";
    people_ok(world, answer_with(world, &office, good(&office)));
    strbuf_done(&office.location);
    end(&office);
}

static void a_no_a_bad_code_and_a_foreign_site_are_told_apart(void **state)
{
    struct people_world *world = *state;
    struct office office;
    struct oauth_answer answer;

    begin(world, &office);
    start(world, &office, "/");
    answer = good(&office);
    answer.error = STR("access_denied");
    assert_int_equal(answer_with(world, &office, answer), ERR_DENIED);
    assert_int_equal(office.site.exchanges, 0);
    assert_int_equal(answer_with(world, &office, good(&office)), ERR_DENIED); /* no such code */
    office.site.code = "code-1";
    office.site.sites = "[{\"id\":\"1\",\"url\":\"https://other.atlassian.net\"},"
                        "{\"id\":\"../x\",\"url\":\"https://acme.atlassian.net\"},"
                        "{\"id\":\"2\",\"url\":\"https://acme.atlassian.net.evil.example\"},"
                        "{\"id\":\"3\"},17]";
    assert_int_equal(answer_with(world, &office, good(&office)), ERR_FORBIDDEN);
    assert_non_null(strstr(world->err.msg, "https://acme.atlassian.net"));
    office.site.code = "code-1";
    office.site.sites = "{}";
    assert_int_equal(answer_with(world, &office, good(&office)), ERR_FORBIDDEN);
    office.site.code = "code-1";
    office.site.sites = "<html>";
    assert_int_equal(answer_with(world, &office, good(&office)), ERR_REMOTE);
    assert_int_equal(people_number(world, false, SQL("SELECT count(*) FROM oauth_grant")), 0);
    strbuf_done(&office.location);
    end(&office);
}

static void a_tenant_that_is_not_there_is_not_told_of_others(void **state)
{
    struct people_world *world = *state;
    struct office office;
    char cookie[OAUTH_COOKIE_BYTES + 1];

    begin(world, &office);
    office.location = STRBUF_INIT(OAUTH_LOCATION_BYTES);
    assert_int_equal(
        oauth_begin(office.oauth, STR("nobody"), STR("/"), &office.location, cookie, &world->err),
        ERR_NOT_FOUND);
    assert_null(strstr(world->err.msg, "acme"));
    /* There is only one: it need not be named. */
    people_ok(world, oauth_begin(office.oauth, (struct str){NULL, 0}, STR("/"), &office.location,
                                 cookie, &world->err));
    strbuf_done(&office.location);
    end(&office);
}

static void settings_that_cannot_work_are_told_at_the_start(void **state)
{
    struct people_world *world = *state;
    struct office office;
    const char *secret = scratch_path(&world->store.scratch, "client-secret");
    const struct oauth_options fine = {
        .client_id = "c",
        .client_secret_file = secret,
        .authorize_url = "https://a.example/authorize",
        .token_url = "https://a.example/token",
        .api_url = "https://b.example",
        .public_url = "https://c.example",
    };
    struct oauth_options options;
    struct oauth *oauth = NULL;

    begin(world, &office);
    options = fine;
    options.public_url = "";
    assert_int_equal(oauth_new(&office.ctx, world->pool, &options, &oauth, &world->err), ERR_INPUT);
    assert_non_null(strstr(world->err.msg, "server.public_url"));
    options = fine;
    options.token_url = "http://a.example/token";
    assert_int_equal(oauth_new(&office.ctx, world->pool, &options, &oauth, &world->err), ERR_INPUT);
    assert_non_null(strstr(world->err.msg, "oauth.token_url"));
    options = fine;
    options.client_secret_file = "";
    assert_int_equal(oauth_new(&office.ctx, world->pool, &options, &oauth, &world->err), ERR_INPUT);
    options.client_secret_file = scratch_path(&world->store.scratch, "absent");
    assert_int_equal(oauth_new(&office.ctx, world->pool, &options, &oauth, &world->err),
                     ERR_NOT_FOUND);
    assert_null(oauth);
    end(&office);
}

/* ---- Acting as a person ---- */

static void an_old_token_is_renewed_and_the_new_refresh_token_is_stored(void **state)
{
    struct people_world *world = *state;
    struct office office;
    int64_t before;

    begin(world, &office);
    sign_in(world, &office);
    before = generation(world);
    fake_ctx_advance(&world->store.fake, 58 * MS_PER_MINUTE);
    people_ok(world, get(world, &office));
    assert_string_equal(strbuf_z(&office.access.token), "access-1");
    fake_ctx_advance(&world->store.fake, MS_PER_MINUTE); /* good for a minute, no more */
    people_ok(world, get(world, &office));
    assert_string_equal(strbuf_z(&office.access.token), "access-2");
    assert_int_equal(generation(world), before + 1);
    assert_int_equal(people_number(world, false, later), 0);
    for (int i = 0; i < 5; i++) { /* each time with the one that came last */
        restart(world, &office);
        fake_ctx_advance(&world->store.fake, MS_PER_DAY);
        people_ok(world, get(world, &office));
    }
    assert_int_equal(office.site.refreshes, 6);
    assert_int_equal(office.site.late, 0);
    end(&office);
}

static void an_answer_without_a_refresh_token_keeps_the_old_one(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    sign_in(world, &office);
    restart(world, &office);
    office.site.no_refresh = true;
    people_ok(world, get(world, &office));
    office.site.no_refresh = false;
    office.site.tokens[0].replaced_ms = 0; /* it was not replaced */
    restart(world, &office);
    people_ok(world, get(world, &office));
    assert_int_equal(office.site.late, 0);
    end(&office);
}

static void a_rejected_token_is_not_given_out_again(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    sign_in(world, &office);
    oauth_reject(office.oauth, world->store.info.id, "712020:bert"); /* of whom nothing is known */
    for (int i = 0; i < 3; i++) { /* a 401 for another reason causes no storm */
        oauth_reject(office.oauth, world->store.info.id, ANNA);
        people_ok(world, get(world, &office));
    }
    assert_string_equal(strbuf_z(&office.access.token), "access-1");
    fake_ctx_advance(&world->store.fake, MS_PER_MINUTE);
    oauth_reject(office.oauth, world->store.info.id, ANNA);
    people_ok(world, get(world, &office));
    assert_string_equal(strbuf_z(&office.access.token), "access-2");
    end(&office);
}

static void who_never_consented_is_asked_to_sign_in(void **state)
{
    struct people_world *world = *state;
    struct office office;
    struct oauth_consent consent = {.ends_ms = 7};

    begin(world, &office);
    assert_int_equal(get(world, &office), ERR_FORBIDDEN);
    assert_non_null(strstr(world->err.msg, "sign in with Jira"));
    people_ok(world,
              oauth_consent(office.oauth, world->store.info.id, ANNA, &consent, &world->err));
    assert_int_equal(consent.ends_ms, 0);
    assert_int_equal(office.site.net.started, 0);
    sign_in(world, &office); /* and what was remembered of it is over */
    people_ok(world, get(world, &office));
    end(&office);
}

static void a_dead_grant_is_marked_and_nothing_more_is_sent(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    sign_in(world, &office);
    restart(world, &office);
    office.site.revoked = true;
    assert_int_equal(get(world, &office), ERR_FORBIDDEN);
    assert_non_null(strstr(world->err.msg, "sign in with Jira again"));
    assert_int_equal(office.site.refreshes, 1);
    assert_int_equal(people_number(world, false,
                                   SQL("SELECT count(*) FROM oauth_grant WHERE refresh_token IS"
                                       " NULL AND claimed_until IS NULL")),
                     1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(get(world, &office), ERR_FORBIDDEN);
        fake_ctx_advance(&world->store.fake, MS_PER_MINUTE);
    }
    restart(world, &office);
    assert_int_equal(get(world, &office), ERR_FORBIDDEN);
    assert_int_equal(office.site.refreshes, 1);
    sign_in(world, &office);
    people_ok(world, get(world, &office));
    end(&office);
}

static void a_sign_in_elsewhere_is_seen_within_ten_seconds(void **state)
{
    struct people_world *world = *state;
    struct office office;
    struct oauth *ours;

    begin(world, &office);
    assert_int_equal(get(world, &office), ERR_FORBIDDEN);
    ours = office.oauth;
    office.oauth = open_oauth(world, &office); /* another process */
    sign_in(world, &office);
    oauth_free(office.oauth);
    office.oauth = ours;
    assert_int_equal(get(world, &office), ERR_FORBIDDEN);
    fake_ctx_advance(&world->store.fake, 10 * MS_PER_SECOND);
    people_ok(world, get(world, &office));
    end(&office);
}

static void trouble_of_others_is_retried_with_growing_delays(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum err_class class;
    } troubles[] = {
        {429, "", ERR_BUSY},
        {503, "later", ERR_BUSY},
        {500, "<html>", ERR_NETWORK},
        {401, "{\"error\":\"invalid_client\"}", ERR_KEY},
        {400, "{\"error\":\"Bad \\\"words\\\"\"}", ERR_KEY},
        {302, "", ERR_REMOTE},
        {200, "[]", ERR_REMOTE},
        {200, "no json", ERR_REMOTE},
        {200, "{\"access_token\":\"a\"}", ERR_REMOTE},
        {200, "{\"access_token\":\"a b\",\"expires_in\":9}", ERR_REMOTE},
        {200, "{\"access_token\":\"\",\"expires_in\":9}", ERR_REMOTE},
    };
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    sign_in(world, &office);
    for (size_t i = 0; i < ARRAY_LEN(troubles); i++) {
        unsigned calls;
        int64_t delay = 2 * MS_PER_SECOND;

        restart(world, &office);
        office.site.status = troubles[i].status;
        office.site.body = troubles[i].body;
        assert_int_equal(get(world, &office), troubles[i].class);
        assert_null(strstr(world->err.msg, "words"));
        for (int turn = 0; turn < 12; turn++) {
            calls = office.site.net.started;
            fake_ctx_advance(&world->store.fake, delay - 1);
            assert_int_equal(get(world, &office), troubles[i].class);
            assert_int_equal(office.site.net.started, calls); /* unasked */
            fake_ctx_advance(&world->store.fake, 1);
            assert_int_equal(get(world, &office), troubles[i].class);
            assert_true(office.site.net.started > calls);
            delay = 2 * delay < 5 * MS_PER_MINUTE ? 2 * delay : 5 * MS_PER_MINUTE;
        }
        /* The grant is whole, and the claim was given back. */
        assert_int_equal(people_number(world, false, later), 0);
        office.site.status = 0;
        fake_ctx_advance(&world->store.fake, 5 * MS_PER_MINUTE);
        people_ok(world, get(world, &office));
    }
    assert_int_equal(office.site.late, 0);
    end(&office);
}

/* ---- Where it can break ---- */

static void a_lost_answer_is_asked_for_once_more(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    sign_in(world, &office);
    restart(world, &office);
    office.site.lose = 1;
    people_ok(world, get(world, &office));
    assert_int_equal(office.site.refreshes, 2);
    assert_int_equal(office.site.late, 1); /* within the leeway */
    assert_false(office.site.revoked);
    /* A code is sent once. */
    start(world, &office, "/");
    office.site.code = "code-1";
    office.site.lose = 1;
    assert_int_equal(answer_with(world, &office, good(&office)), ERR_NETWORK);
    assert_int_equal(office.site.exchanges, 2);
    strbuf_done(&office.location);
    end(&office);
}

/* The disk takes nothing: as if the process had died there. */
static void break_store(struct people_world *world, bool broken)
{
    people_ok(world, db_exec(world->store.tenant->db,
                             broken ? SQL("CREATE TRIGGER broken BEFORE UPDATE OF generation ON"
                                          " oauth_grant BEGIN SELECT raise(ABORT, 'x'); END")
                                    : SQL("DROP TRIGGER broken"),
                             &world->err));
}

static void a_death_between_receipt_and_store_is_survived(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    sign_in(world, &office);
    restart(world, &office);
    break_store(world, true);
    /* What was not stored is not used. */
    assert_int_not_equal(get(world, &office), ERR_OK);
    assert_int_equal(office.access.token.len, 0);
    assert_int_equal(office.site.refreshes, 1);
    break_store(world, false);
    restart(world, &office);
    assert_int_equal(people_number(world, false, later), 1); /* the dead one's claim */
    people_ok(world, get(world, &office));                   /* once it has run out */
    assert_int_equal(office.site.late, 1);
    assert_false(office.site.revoked);
    assert_int_equal(people_number(world, false, later), 0);
    end(&office);
}

static void a_death_that_lasts_longer_than_the_leeway_asks_for_a_sign_in(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    sign_in(world, &office);
    restart(world, &office);
    break_store(world, true);
    assert_int_not_equal(get(world, &office), ERR_OK);
    break_store(world, false);
    fake_ctx_advance(&world->store.fake, LEEWAY_MS + 1);
    restart(world, &office);
    assert_int_equal(get(world, &office), ERR_FORBIDDEN);
    assert_true(office.site.revoked);
    sign_in(world, &office);
    people_ok(world, get(world, &office));
    end(&office);
}

/* The process ends while the request is under way: the wish to stop is obeyed. */
static void a_stop_in_the_middle_leaves_a_grant_that_works(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    sign_in(world, &office);
    restart(world, &office);
    office.site.lose = 2;
    world->store.fake.stop = 1;
    assert_int_not_equal(get(world, &office), ERR_OK);
    world->store.fake.stop = 0;
    office.site.lose = 0;
    restart(world, &office);
    fake_ctx_advance(&world->store.fake, MS_PER_MINUTE);
    people_ok(world, get(world, &office));
    end(&office);
}

static void signing_in_anew_while_a_refresh_fails_keeps_the_new_consent(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    sign_in(world, &office);
    restart(world, &office);
    office.site.world = world;
    people_ok(world, get(world, &office)); /* by the new one */
    assert_int_equal(office.site.refreshes, 2);
    assert_int_equal(office.site.late, 0);
    assert_int_equal(people_number(world, false,
                                   SQL("SELECT count(*) FROM oauth_grant WHERE refresh_token IS"
                                       " NOT NULL")),
                     1);
    end(&office);
}

static void a_closed_account_has_no_consent(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    sign_in(world, &office);
    people_ok(world, oauth_forget(office.oauth, world->store.info.id, ANNA, &world->err));
    assert_int_equal(get(world, &office), ERR_FORBIDDEN);
    assert_int_equal(people_number(world, false, SQL("SELECT count(*) FROM oauth_grant")), 0);
    end(&office);
}

static void the_end_of_a_consent_is_told_thirty_days_before(void **state)
{
    struct people_world *world = *state;
    struct office office;
    struct oauth_consent consent;

    begin(world, &office);
    sign_in(world, &office);
    people_ok(world,
              oauth_consent(office.oauth, world->store.info.id, ANNA, &consent, &world->err));
    assert_int_equal(consent.ends_ms, FAKE_NOW_MS + 365 * MS_PER_DAY);
    assert_false(consent.ends_soon);
    fake_ctx_advance(&world->store.fake, 335 * MS_PER_DAY);
    people_ok(world,
              oauth_consent(office.oauth, world->store.info.id, ANNA, &consent, &world->err));
    assert_false(consent.ends_soon);
    people_ok(world, get(world, &office)); /* a refresh does not make it longer */
    fake_ctx_advance(&world->store.fake, 1);
    people_ok(world,
              oauth_consent(office.oauth, world->store.info.id, ANNA, &consent, &world->err));
    assert_true(consent.ends_soon);
    assert_int_equal(consent.ends_ms, FAKE_NOW_MS + 365 * MS_PER_DAY);
    fake_ctx_advance(&world->store.fake, 30 * MS_PER_DAY);
    people_ok(world,
              oauth_consent(office.oauth, world->store.info.id, ANNA, &consent, &world->err));
    assert_int_equal(consent.ends_ms, 0);
    assert_int_equal(get(world, &office), ERR_FORBIDDEN);
    end(&office);
}

/* ---- Many at once ---- */

struct worker {
    struct people_world *world;
    struct oauth *oauth;
    pthread_barrier_t *start;
    enum err_class rc;
    char token[64];
    char msg[ERR_MSG_MAX];
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct oauth_access access = {0};
    struct err err = {0};

    (void)pthread_barrier_wait(worker->start);
    worker->rc =
        oauth_access_token(worker->oauth, worker->world->store.info.id, ANNA, &access, &err);
    (void)snprintf(worker->token, sizeof(worker->token), "%s", strbuf_z(&access.token));
    (void)snprintf(worker->msg, sizeof(worker->msg), "%s", err.msg);
    vault_wipe(&access.token);
    return NULL;
}

/* half of them with each */
static void all_at_once(struct people_world *world, struct oauth *a, struct oauth *b,
                        struct worker workers[50])
{
    pthread_barrier_t barrier;
    pthread_t threads[50];

    (void)pthread_barrier_init(&barrier, NULL, 50);
    for (size_t i = 0; i < 50; i++) {
        workers[i] = (struct worker){.world = world, .oauth = i % 2 ? b : a, .start = &barrier};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&barrier);
}

static void fifty_callers_cause_one_refresh(void **state)
{
    struct people_world *world = *state;
    struct office office;
    static struct worker workers[50];

    begin(world, &office);
    sign_in(world, &office);
    for (int round = 1; round <= 5; round++) {
        fake_ctx_advance(&world->store.fake, MS_PER_HOUR);
        all_at_once(world, office.oauth, office.oauth, workers);
        for (size_t i = 0; i < 50; i++) {
            assert_string_equal(workers[i].msg, "");
            assert_string_equal(workers[i].token, workers[0].token);
        }
        assert_int_equal(office.site.refreshes, round);
    }
    assert_int_equal(office.site.late, 0);
    end(&office);
}

static void fifty_callers_share_one_failure(void **state)
{
    struct people_world *world = *state;
    struct office office;
    static struct worker workers[50];

    begin(world, &office);
    sign_in(world, &office);
    fake_ctx_advance(&world->store.fake, MS_PER_HOUR);
    office.site.revoked = true;
    all_at_once(world, office.oauth, office.oauth, workers);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(workers[i].rc, ERR_FORBIDDEN);
    assert_int_equal(office.site.refreshes, 1);
    end(&office);
}

/* A token that is hardly made and already old is given to those who waited for it. */
static void tokens_of_a_short_life_cause_no_storm(void **state)
{
    struct people_world *world = *state;
    struct office office;
    static struct worker workers[50];

    begin(world, &office);
    sign_in(world, &office);
    office.site.life_s = 30;
    fake_ctx_advance(&world->store.fake, MS_PER_HOUR);
    all_at_once(world, office.oauth, office.oauth, workers);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(workers[i].rc, ERR_OK);
    assert_int_equal(office.site.late, 0);
    end(&office);
}

/* Access tokens are not shared between processes, so each refreshes: one after the other. */
static void two_processes_never_spend_the_same_token(void **state)
{
    struct people_world *world = *state;
    struct office office;
    struct ctx real = ctx_real(NULL);
    struct oauth *other;
    static struct worker workers[50];

    begin(world, &office);
    office.ctx.clock = real.clock; /* they wait for each other */
    office.ctx.clock_self = real.clock_self;
    sign_in(world, &office);
    office.site.delay_ms = 100; /* long enough for the others to come in between */
    for (int round = 1; round <= 3; round++) {
        other = open_oauth(world, &office);
        restart(world, &office);
        all_at_once(world, office.oauth, other, workers);
        for (size_t i = 0; i < 50; i++)
            assert_string_equal(workers[i].msg, "");
        assert_int_equal(office.site.refreshes, 2 * round);
        assert_int_equal(office.site.late, 0);
        oauth_free(other);
    }
    end(&office);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, people_world_begin, people_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_consent_page_is_asked_for_our_scopes),
        TEST(a_person_signs_in_and_goes_on_where_they_were),
        TEST(only_local_paths_are_gone_back_to),
        TEST(an_answer_to_somebody_elses_sign_in_is_refused_unasked),
        TEST(another_process_may_finish_it),
        TEST(a_no_a_bad_code_and_a_foreign_site_are_told_apart),
        TEST(a_tenant_that_is_not_there_is_not_told_of_others),
        TEST(settings_that_cannot_work_are_told_at_the_start),
        TEST(an_old_token_is_renewed_and_the_new_refresh_token_is_stored),
        TEST(an_answer_without_a_refresh_token_keeps_the_old_one),
        TEST(a_rejected_token_is_not_given_out_again),
        TEST(who_never_consented_is_asked_to_sign_in),
        TEST(a_dead_grant_is_marked_and_nothing_more_is_sent),
        TEST(a_sign_in_elsewhere_is_seen_within_ten_seconds),
        TEST(trouble_of_others_is_retried_with_growing_delays),
        TEST(a_lost_answer_is_asked_for_once_more),
        TEST(a_death_between_receipt_and_store_is_survived),
        TEST(a_death_that_lasts_longer_than_the_leeway_asks_for_a_sign_in),
        TEST(a_stop_in_the_middle_leaves_a_grant_that_works),
        TEST(signing_in_anew_while_a_refresh_fails_keeps_the_new_consent),
        TEST(a_closed_account_has_no_consent),
        TEST(the_end_of_a_consent_is_told_thirty_days_before),
        TEST(fifty_callers_cause_one_refresh),
        TEST(fifty_callers_share_one_failure),
        TEST(tokens_of_a_short_life_cause_no_storm),
        TEST(two_processes_never_spend_the_same_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
