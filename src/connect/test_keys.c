/*
 * Tests of keys.c and keys_fetch.c, on a key server, a clock and dice that the test rules. The
 * server has a list of answers by path; what it was asked stands in net.seen.
 */
#include "connect/keys.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/fake_net.h"
#include "../../tests/lib/rsa_signer.h"
#include "connect/jwt.h"

#define FIRST "https://keys.example"
#define SECOND "https://second.example/keys"
#define JWKS "https://forge.example/.well-known/jwks.json"

struct page {
    const char *path;
    int status;
    const char *body;     /* a literal, or of `texts` */
    enum err_class error; /* the exchange fails */
    const char *headers[2];
};

struct world {
    struct fake_ctx fake;
    struct fake_net net;
    struct page pages[8]; /* up to the first without path; others are 404 */
    struct net_request seen;
    struct strbuf text; /* the body of a page that is made */
    struct key_source *source;
    /* For the tests of threads: the fetch goes on when `released` threads have come back. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned came_back, wait_for;
    bool waited_in_vain;
};

static void wait_for_others(struct world *w)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20; /* only a failure takes so long */
    (void)pthread_mutex_lock(&w->lock);
    while (w->came_back < w->wait_for && !w->waited_in_vain)
        w->waited_in_vain = pthread_cond_timedwait(&w->changed, &w->lock, &until) == ETIMEDOUT;
    (void)pthread_mutex_unlock(&w->lock);
}

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct world *w = arg;

    w->seen = *request;
    wait_for_others(w);
    ret->status = 404;
    for (size_t i = 0; i < ARRAY_LEN(w->pages) && w->pages[i].path; i++) {
        if (strcmp(w->pages[i].path, path) != 0)
            continue;
        ret->status = w->pages[i].status ? w->pages[i].status : 200;
        ret->error = w->pages[i].error;
        ret->headers[0] = w->pages[i].headers[0];
        strbuf_add_z(&ret->body, w->pages[i].body ? w->pages[i].body : "");
        return;
    }
    strbuf_add_z(&ret->body, "no such page");
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    fake_ctx_init(&w->fake, 1);
    fake_net_init(&w->net, answer, w);
    fake_net_install(&w->net, &w->fake.ctx);
    w->text = STRBUF_INIT((size_t)1 << 20);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->changed, NULL);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    assert_int_equal(w->net.in_flight, 0);
    key_source_free(w->source);
    strbuf_done(&w->text);
    (void)pthread_cond_destroy(&w->changed);
    (void)pthread_mutex_destroy(&w->lock);
    fake_net_done(&w->net);
    fake_ctx_done(&w->fake);
    free(w);
    return 0;
}

static void open_source(struct world *w, const struct key_source_options *options)
{
    struct err err = {0};

    assert_int_equal(key_source_new(options, &w->source, &err), ERR_OK);
}

static const struct key_source_options pem = {.kind = KEYS_PEM, .urls = {FIRST}};
static const struct key_source_options two = {.kind = KEYS_PEM, .urls = {FIRST, SECOND}};
static const struct key_source_options jwks = {.kind = KEYS_JWKS, .urls = {JWKS}};
#define JWKS_PATH "/.well-known/jwks.json"

/* Puts a JWKS of keys with these ids on the server: the first is signer A's, the others are B's. */
static void serve_jwks(struct world *w, const char *const *kids, size_t count)
{
    strbuf_reset(&w->text);
    strbuf_add_z(&w->text, "{\"keys\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_add_char(&w->text, ',');
        rsa_signer_jwk(i == 0 ? RSA_SIGNER_A : RSA_SIGNER_B, kids[i], &w->text);
    }
    strbuf_add_z(&w->text, "]}");
    w->pages[0] = (struct page){.path = JWKS_PATH, .body = strbuf_z(&w->text)};
}

static enum err_class get_into(struct world *w, const char *kid, struct err *err)
{
    AUTO(rsa_key_unref_autop) struct rsa_key *key = NULL;
    enum err_class class = keys_get(w->source, &w->fake.ctx, str_from(kid), &key, err);

    assert_true((class == ERR_OK) == (key != NULL));
    if (class != ERR_OK && strlen(kid) >= 4) /* shorter ones stand in any sentence */
        assert_null(strstr(err->msg, kid));  /* content of an unchecked token */
    return class;
}

static enum err_class get(struct world *w, const char *kid)
{
    struct err err = {0};

    return get_into(w, kid, &err);
}

static enum keys_found find(struct world *w, const char *kid)
{
    AUTO(rsa_key_unref_autop) struct rsa_key *key = NULL;
    unsigned before = w->net.started;
    enum keys_found found = keys_find(w->source, &w->fake.ctx, str_from(kid), &key);

    assert_true((found == KEYS_FOUND) == (key != NULL));
    assert_int_equal(w->net.started, before); /* it never asks */
    return found;
}

static void pass(struct world *w, int64_t ms)
{
    fake_ctx_advance(&w->fake, ms);
}

/* ---- One key a URL ---- */

static void a_pem_is_fetched_once_and_kept(void **state)
{
    struct world *w = *state;

    open_source(w, &pem);
    w->pages[0] = (struct page){"/key-1", .body = rsa_signer_pem(RSA_SIGNER_A)};
    assert_int_equal(find(w, "key-1"), KEYS_ASK);
    assert_int_equal(get(w, "key-1"), ERR_OK);
    assert_string_equal(strbuf_z(&w->net.seen), "GET /key-1\n");
    assert_int_equal(w->seen.body_max, KEYS_BODY_BYTES_MAX);
    assert_int_equal(w->seen.total_ms, KEYS_TOTAL_MS);
    assert_false(w->seen.allow_http);
    assert_false(w->seen.allow_private);
    assert_null(w->seen.authorization);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(get(w, "key-1"), ERR_OK);
        assert_int_equal(find(w, "key-1"), KEYS_FOUND);
    }
    assert_int_equal(w->net.started, 1);
}

static void the_key_is_the_one_of_its_id(void **state)
{
    struct world *w = *state;
    AUTO(rsa_key_unref_autop) struct rsa_key *a = NULL;
    AUTO(rsa_key_unref_autop) struct rsa_key *b = NULL;
    AUTO(rsa_key_unref_autop) struct rsa_key *again = NULL;
    struct err err = {0};

    open_source(w, &pem);
    w->pages[0] = (struct page){"/a", .body = rsa_signer_pem(RSA_SIGNER_A)};
    w->pages[1] = (struct page){"/b", .body = rsa_signer_pem(RSA_SIGNER_B)};
    assert_int_equal(keys_get(w->source, &w->fake.ctx, STR("a"), &a, &err), ERR_OK);
    assert_int_equal(keys_get(w->source, &w->fake.ctx, STR("b"), &b, &err), ERR_OK);
    assert_int_equal(keys_find(w->source, &w->fake.ctx, STR("a"), &again), KEYS_FOUND);
    assert_ptr_equal(a, again);
    assert_ptr_not_equal(a, b);
    /* It outlives the source. */
    key_source_free(w->source);
    w->source = NULL;
    assert_int_equal(rsa_key_verify(a, STR("x"), STR("y"), &err), ERR_DENIED);
}

static void an_id_that_could_be_more_than_an_id_is_never_asked_for(void **state)
{
    struct world *w = *state;
    static const char *const kids[] = {
        "",       ".",    "..",       "../a", "a/../b", "a/b",
        "/a",     "a..b", "...",      "..a",  "a..",    "https://evil.example/k",
        "//evil", "a?b",  "a#b",      "a%2e", "a b",    "a\nb",
        "a\\b",   "a:b",  "\xc3\xa9", "a@b",  "a&b",    "[\"a\"]",
        "a;b",    "*",    "a\"b",
    };
    char longest[KEYS_KID_BYTES_MAX + 2];
    AUTO(rsa_key_unref_autop) struct rsa_key *key = NULL;
    struct err err = {0};

    open_source(w, &pem);
    for (size_t i = 0; i < ARRAY_LEN(kids); i++) {
        assert_int_equal(get(w, kids[i]), ERR_DENIED);
        assert_int_equal(find(w, kids[i]), KEYS_UNKNOWN);
    }
    memset(longest, 'k', sizeof(longest));
    longest[KEYS_KID_BYTES_MAX + 1] = '\0';
    assert_int_equal(get(w, longest), ERR_DENIED);
    assert_int_equal(keys_get(w->source, &w->fake.ctx, STR("a\0b"), &key, &err), ERR_DENIED);
    assert_int_equal(w->net.started, 0);
    /* One character less, and all that is allowed, may be asked for. */
    longest[KEYS_KID_BYTES_MAX] = '\0';
    assert_int_equal(get(w, longest), ERR_DENIED);
    assert_int_equal(get(w, "Az09._-.x"), ERR_DENIED);
    assert_int_equal(w->net.started, 2);
}

static void what_is_not_there_is_not_asked_for_again_for_a_while(void **state)
{
    struct world *w = *state;
    struct err err = {0};

    open_source(w, &pem);
    assert_int_equal(get_into(w, "gone", &err), ERR_DENIED);
    assert_non_null(strstr(err.msg, "does not exist"));
    pass(w, KEYS_ABSENT_MS - 1);
    assert_int_equal(get(w, "gone"), ERR_DENIED);
    assert_int_equal(find(w, "gone"), KEYS_UNKNOWN);
    assert_int_equal(w->net.started, 1);
    pass(w, 1);
    assert_int_equal(find(w, "gone"), KEYS_ASK);
    w->pages[0] = (struct page){"/gone", .body = rsa_signer_pem(RSA_SIGNER_A)};
    assert_int_equal(get(w, "gone"), ERR_OK);
    assert_int_equal(w->net.started, 2);
}

static void a_flood_of_ids_is_no_flood_of_requests(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    unsigned busy = 0;

    open_source(w, &pem);
    w->pages[0] = (struct page){"/key-1", .body = rsa_signer_pem(RSA_SIGNER_A)};
    assert_int_equal(get(w, "key-1"), ERR_OK);
    pass(w, KEYS_REFILL_MS);
    for (int i = 0; i < 1000; i++) {
        char kid[20];

        (void)snprintf(kid, sizeof(kid), "flood%d", i);
        busy += get_into(w, kid, &err) == ERR_BUSY;
    }
    assert_int_equal(w->net.started, 1 + KEYS_BURST);
    assert_int_equal(busy, 1000 - KEYS_BURST);
    assert_non_null(strstr(err.msg, "20"));
    /* What is known stays in reach; one more a second may be asked for. */
    assert_int_equal(get(w, "key-1"), ERR_OK);
    for (int i = 0; i < 1000; i++) {
        char kid[20];

        (void)snprintf(kid, sizeof(kid), "later%d", i);
        pass(w, KEYS_REFILL_MS / 100);
        (void)get(w, kid);
    }
    assert_in_range(w->net.started, KEYS_BURST + 10, KEYS_BURST + 12);
    assert_int_equal(find(w, "key-1"), KEYS_FOUND);
}

static void the_keys_seen_longest_ago_make_room(void **state)
{
    struct world *w = *state;
    char path[20];

    open_source(w, &pem);
    for (int i = 0; i < KEYS_MAX + 5; i++) {
        (void)snprintf(path, sizeof(path), "/k%d", i);
        w->pages[0] = (struct page){path, .body = rsa_signer_pem(RSA_SIGNER_A)};
        pass(w, KEYS_REFILL_MS);
        assert_int_equal(get(w, path + 1), ERR_OK);
    }
    assert_int_equal(find(w, "k0"), KEYS_ASK);
    assert_int_equal(find(w, "k4"), KEYS_ASK);
    assert_int_equal(find(w, "k5"), KEYS_FOUND);
    assert_int_equal(find(w, path + 1), KEYS_FOUND);
}

static void a_key_that_was_withdrawn_is_gone_after_an_hour(void **state)
{
    struct world *w = *state;

    open_source(w, &pem);
    w->pages[0] = (struct page){"/a", .body = rsa_signer_pem(RSA_SIGNER_A)};
    w->pages[1] = (struct page){"/b", .body = rsa_signer_pem(RSA_SIGNER_B)};
    assert_int_equal(get(w, "a"), ERR_OK);
    assert_int_equal(get(w, "b"), ERR_OK);
    w->pages[0].status = 403; /* what a bucket says for "not there" */
    pass(w, KEYS_FRESH_MS - 1);
    assert_int_equal(get(w, "a"), ERR_OK);
    pass(w, 1);
    assert_int_equal(get(w, "a"), ERR_DENIED);
    assert_int_equal(find(w, "a"), KEYS_UNKNOWN);
    assert_int_equal(get(w, "b"), ERR_OK);
    /* The place of the one that went is used again, and nothing is freed twice. */
    w->pages[2] = (struct page){"/c", .body = rsa_signer_pem(RSA_SIGNER_A)};
    assert_int_equal(get(w, "c"), ERR_OK);
    assert_int_equal(find(w, "b"), KEYS_FOUND);
    assert_int_equal(find(w, "c"), KEYS_FOUND);
}

static void a_key_is_believed_for_a_day_while_its_server_is_away(void **state)
{
    struct world *w = *state;

    open_source(w, &pem);
    w->pages[0] = (struct page){"/a", .body = rsa_signer_pem(RSA_SIGNER_A)};
    assert_int_equal(get(w, "a"), ERR_OK);
    w->pages[0].error = ERR_NETWORK;
    pass(w, KEYS_FRESH_MS);
    assert_int_equal(find(w, "a"), KEYS_ASK);
    assert_int_equal(get(w, "a"), ERR_OK);
    assert_int_equal(w->net.started, 2);
    assert_int_equal(find(w, "a"), KEYS_FOUND); /* until it is worth another try */
    pass(w, KEYS_FAILED_GAP_MS);
    assert_int_equal(find(w, "a"), KEYS_ASK);
    pass(w, KEYS_STALE_MS - KEYS_FRESH_MS - KEYS_FAILED_GAP_MS - 1);
    assert_int_equal(get(w, "a"), ERR_OK);
    pass(w, KEYS_FAILED_GAP_MS);
    assert_int_equal(get(w, "a"), ERR_NETWORK);
    assert_int_equal(get(w, "a"), ERR_BUSY);
    w->pages[0].error = ERR_OK;
    pass(w, KEYS_FAILED_GAP_MS);
    assert_int_equal(get(w, "a"), ERR_OK);
    assert_int_equal(find(w, "a"), KEYS_FOUND);
}

static void answers_that_are_no_key_are_failures_of_the_server(void **state)
{
    struct world *w = *state;
    static const struct page pages[] = {
        {"/a", .status = 500},
        {"/a", .status = 503},
        {"/a", .status = 429},
        {"/a", .status = 408},
        {"/a", .status = 204},
        {"/a", .status = 301, .headers = {"Location: https://keys.example/other"}},
        {"/a", .status = 302, .headers = {"Location: https://evil.example/a"}},
        {"/a", .body = "<html>please sign in</html>"},
        {"/a", .body = ""},
        {"/a", .error = ERR_NETWORK},
        {"/a", .error = ERR_REMOTE},
        {"/a", .error = ERR_INPUT},
        {"/a", .error = ERR_LIMIT},
    };

    open_source(w, &pem);
    w->pages[1] = (struct page){"/other", .body = rsa_signer_pem(RSA_SIGNER_A)};
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct err err = {0};

        w->pages[0] = pages[i];
        if (pages[i].status) /* a right key that comes with a wrong status */
            w->pages[0].body = rsa_signer_pem(RSA_SIGNER_A);
        strbuf_reset(&w->net.seen);
        assert_int_equal(get_into(w, "a", &err), ERR_NETWORK);
        assert_non_null(strstr(err.msg, "https://keys.example:"));
        assert_null(strstr(err.msg, "sign in"));
        /* No redirect is followed and nothing is tried twice. */
        assert_string_equal(strbuf_z(&w->net.seen), "GET /a\n");
        assert_int_equal(get_into(w, "a", &err), ERR_BUSY);
        assert_int_equal(find(w, "a"), KEYS_ASK);
        /* Another id is not held up. */
        assert_int_equal(get(w, "other"), ERR_OK);
        pass(w, KEYS_FAILED_GAP_MS);
    }
    w->pages[0] = w->pages[1];
    w->pages[0].path = "/a";
    assert_int_equal(get(w, "a"), ERR_OK);
}

static void an_answer_has_a_limit(void **state)
{
    struct world *w = *state;
    struct err err = {0};

    open_source(w, &pem);
    while (w->text.len <= KEYS_BODY_BYTES_MAX)
        strbuf_add_z(&w->text, "\n\n\n\n\n\n\n\n");
    strbuf_add_z(&w->text, rsa_signer_pem(RSA_SIGNER_A));
    w->pages[0] = (struct page){"/a", .body = strbuf_z(&w->text)};
    assert_int_equal(get_into(w, "a", &err), ERR_NETWORK);
    assert_non_null(strstr(err.msg, "limit of 65536 bytes"));
}

static void the_second_server_is_asked_for_what_the_first_does_not_have(void **state)
{
    struct world *w = *state;

    open_source(w, &two);
    w->pages[0] = (struct page){"/keys/a", .body = rsa_signer_pem(RSA_SIGNER_A)};
    assert_int_equal(get(w, "a"), ERR_OK);
    assert_string_equal(strbuf_z(&w->net.seen), "GET /a\nGET /keys/a\n");
    /* Or when it is away. */
    w->pages[0] = (struct page){"/keys/b", .body = rsa_signer_pem(RSA_SIGNER_B)};
    w->pages[1] = (struct page){"/b", .error = ERR_NETWORK};
    assert_int_equal(get(w, "b"), ERR_OK);
    /* No second question where the first answers. */
    w->pages[0] = (struct page){"/c", .body = rsa_signer_pem(RSA_SIGNER_B)};
    strbuf_reset(&w->net.seen);
    assert_int_equal(get(w, "c"), ERR_OK);
    assert_string_equal(strbuf_z(&w->net.seen), "GET /c\n");
}

static void only_all_servers_together_can_say_that_there_is_no_key(void **state)
{
    struct world *w = *state;
    struct err err = {0};

    open_source(w, &two);
    w->pages[0] = (struct page){"/a", .error = ERR_NETWORK};
    assert_int_equal(get_into(w, "a", &err), ERR_NETWORK);
    assert_non_null(strstr(err.msg, "https://keys.example:"));
    w->pages[0] = (struct page){"/keys/b", .status = 500};
    assert_int_equal(get_into(w, "b", &err), ERR_NETWORK);
    assert_non_null(strstr(err.msg, "https://second.example:"));
    assert_int_equal(get(w, "c"), ERR_DENIED);
}

/* ---- One document ---- */

static void a_jwks_is_fetched_once_for_all_its_keys(void **state)
{
    struct world *w = *state;
    static const char *const kids[] = {"forge/invocation-token/wf-1", "two", "three.3_x-"};

    open_source(w, &jwks);
    serve_jwks(w, kids, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(get(w, kids[i]), ERR_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(find(w, kids[i]), KEYS_FOUND);
    assert_string_equal(strbuf_z(&w->net.seen), "GET " JWKS_PATH "\n");
}

static bool is_key_of(const struct rsa_key *key, enum rsa_signer signer)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)1 << 16);
    AUTO(strbuf_done) struct strbuf token = STRBUF_INIT(4000);
    AUTO(jwt_done) struct jwt jwt = {0};
    struct err err = {0};

    rsa_signer_token(signer, "{\"alg\":\"RS256\"}", "{}", &token);
    assert_int_equal(jwt_parse(arena, strbuf_str(&token), &jwt, &err), ERR_OK);
    return jwt_verify_rs256(&jwt, key, &err) == ERR_OK;
}

static void all_who_ask_get_the_same_key(void **state)
{
    struct world *w = *state;
    static const char *const kids[] = {"a"};
    AUTO(rsa_key_unref_autop) struct rsa_key *key = NULL;
    AUTO(rsa_key_unref_autop) struct rsa_key *found = NULL;
    struct err err = {0};

    open_source(w, &jwks);
    serve_jwks(w, kids, 1);
    assert_int_equal(keys_get(w->source, &w->fake.ctx, STR("a"), &key, &err), ERR_OK);
    assert_int_equal(keys_find(w->source, &w->fake.ctx, STR("a"), &found), KEYS_FOUND);
    assert_ptr_equal(key, found);
    assert_true(is_key_of(key, RSA_SIGNER_A));
}

static void unknown_ids_make_one_fetch_in_half_a_minute(void **state)
{
    struct world *w = *state;
    static const char *const kids[] = {"a"};

    open_source(w, &jwks);
    serve_jwks(w, kids, 1);
    for (int i = 0; i < 1000; i++) {
        char kid[20];

        (void)snprintf(kid, sizeof(kid), "flood%d", i);
        assert_int_equal(get(w, kid), ERR_DENIED);
        assert_int_equal(find(w, kid), KEYS_UNKNOWN);
        assert_int_equal(get(w, "a"), ERR_OK);
    }
    assert_int_equal(w->net.started, 1);
    pass(w, KEYS_GAP_MS - 1);
    assert_int_equal(find(w, "flood0"), KEYS_UNKNOWN);
    pass(w, 1);
    assert_int_equal(find(w, "flood0"), KEYS_ASK);
    assert_int_equal(get(w, "flood0"), ERR_DENIED);
    assert_int_equal(get(w, "flood1"), ERR_DENIED);
    assert_int_equal(w->net.started, 2);
}

static void new_keys_come_and_old_ones_go_with_the_document(void **state)
{
    struct world *w = *state;
    static const char *const before[] = {"old", "both"}, *const after[] = {"both", "new"};

    open_source(w, &jwks);
    serve_jwks(w, before, 2);
    assert_int_equal(get(w, "old"), ERR_OK);
    serve_jwks(w, after, 2);
    assert_int_equal(get(w, "new"), ERR_DENIED);
    pass(w, KEYS_GAP_MS);
    assert_int_equal(get(w, "new"), ERR_OK);
    assert_int_equal(find(w, "both"), KEYS_FOUND);
    assert_int_equal(find(w, "old"), KEYS_UNKNOWN);
    assert_int_equal(w->net.started, 2);
    /* And by itself, an hour after it was fetched. */
    serve_jwks(w, before, 2);
    pass(w, KEYS_FRESH_MS - 1);
    assert_int_equal(get(w, "new"), ERR_OK);
    assert_int_equal(w->net.started, 2);
    pass(w, 1);
    assert_int_equal(get(w, "new"), ERR_DENIED);
    assert_int_equal(w->net.started, 3);
}

static void a_jwks_that_cannot_be_fetched_changes_nothing(void **state)
{
    struct world *w = *state;
    static const char *const kids[] = {"a"};
    static const struct page pages[] = {
        {JWKS_PATH, .error = ERR_NETWORK},
        {JWKS_PATH, .status = 404},
        {JWKS_PATH, .status = 302, .headers = {"Location: https://evil.example/jwks"}},
        {JWKS_PATH, .body = ""},
        {JWKS_PATH, .body = "no JSON"},
        {JWKS_PATH, .body = "[]"},
        {JWKS_PATH, .body = "{}"},
        {JWKS_PATH, .body = "{\"keys\":{}}"},
        {JWKS_PATH, .body = "{\"keys\":[]}"},
        {JWKS_PATH, .body = "{\"keys\":[1,\"a\",null,[],{}]}"},
        {JWKS_PATH, .body = "{\"keys\":[{\"kid\":\"b\",\"kty\":\"oct\",\"k\":\"AAAA\"}]}"},
        {JWKS_PATH,
         .body = "{\"keys\":[{\"kid\":\"b\",\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}"},
    };

    open_source(w, &jwks);
    serve_jwks(w, kids, 1);
    assert_int_equal(get(w, "a"), ERR_OK);
    pass(w, KEYS_GAP_MS);
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct err err = {0};

        w->pages[0] = pages[i];
        assert_int_equal(get_into(w, "b", &err), ERR_NETWORK);
        assert_non_null(strstr(err.msg, "https://forge.example:"));
        assert_int_equal(get_into(w, "b", &err), ERR_BUSY);
        assert_int_equal(find(w, "a"), KEYS_FOUND);
        assert_int_equal(w->net.started, 2 + i);
        pass(w, KEYS_FAILED_GAP_MS);
    }
    /* The document of the beginning is believed until it is a day old. */
    w->pages[0] = pages[0];
    pass(w, KEYS_FRESH_MS);
    assert_int_equal(get(w, "a"), ERR_OK);
    pass(w, KEYS_STALE_MS);
    assert_int_equal(get(w, "a"), ERR_NETWORK);
}

static void without_a_document_nothing_is_said_to_be_unknown(void **state)
{
    struct world *w = *state;

    open_source(w, &jwks);
    w->pages[0] = (struct page){JWKS_PATH, .error = ERR_NETWORK};
    assert_int_equal(get(w, "a"), ERR_NETWORK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(get(w, "a"), ERR_BUSY);
        assert_int_equal(find(w, "a"), KEYS_ASK);
    }
    assert_int_equal(w->net.started, 1);
}

static void keys_that_cannot_be_used_are_left_out(void **state)
{
    struct world *w = *state;
    AUTO(rsa_key_unref_autop) struct rsa_key *key = NULL;
    struct err err = {0};

    open_source(w, &jwks);
    strbuf_add_z(&w->text, "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"ec\",\"crv\":\"P-256\"},");
    strbuf_add_z(&w->text, "{\"kty\":\"RSA\",\"kid\":\"weak\",\"n\":\"AQAB\",\"e\":\"AQAB\"},");
    rsa_signer_jwk(RSA_SIGNER_A, "../a", &w->text);
    strbuf_add_char(&w->text, ',');
    rsa_signer_jwk(RSA_SIGNER_A, "", &w->text);
    strbuf_add_char(&w->text, ',');
    rsa_signer_jwk(RSA_SIGNER_A, "good", &w->text);
    strbuf_add_char(&w->text, ',');
    rsa_signer_jwk(RSA_SIGNER_B, "good", &w->text); /* the first of an id counts */
    strbuf_add_z(&w->text, "],\"more\":1}");
    w->pages[0] = (struct page){JWKS_PATH, .body = strbuf_z(&w->text)};
    assert_int_equal(keys_get(w->source, &w->fake.ctx, STR("good"), &key, &err), ERR_OK);
    assert_true(is_key_of(key, RSA_SIGNER_A));
    assert_int_equal(find(w, "ec"), KEYS_UNKNOWN);
    assert_int_equal(find(w, "weak"), KEYS_UNKNOWN);
    assert_int_equal(get(w, "../a"), ERR_DENIED);
}

static void a_jwks_holds_up_to_64_keys(void **state)
{
    struct world *w = *state;
    static const char *const kids[KEYS_MAX + 1] = {"first"};
    const char *all[KEYS_MAX + 1];
    char names[KEYS_MAX + 1][8];

    for (size_t i = 0; i <= KEYS_MAX; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "k%zu", i);
        all[i] = names[i];
    }
    all[0] = kids[0];
    open_source(w, &jwks);
    serve_jwks(w, all, KEYS_MAX);
    assert_int_equal(get(w, "k63"), ERR_OK);
    assert_int_equal(get(w, "first"), ERR_OK);
    pass(w, KEYS_GAP_MS);
    serve_jwks(w, all, KEYS_MAX + 1);
    assert_int_equal(get(w, "k64"), ERR_NETWORK);
    assert_int_equal(find(w, "first"), KEYS_FOUND);
}

/* ---- Both ---- */

static void addresses_follow_the_rules_of_all_calls(void **state)
{
    struct world *w = *state;
    static const struct {
        struct key_source_options options;
        enum err_class class;
    } cases[] = {
        {{.kind = KEYS_PEM, .urls = {"http://keys.example"}}, ERR_INPUT},
        {{.kind = KEYS_PEM, .urls = {"http://keys.example"}, .allow_http = true}, ERR_OK},
        {{.kind = KEYS_JWKS, .urls = {"https://127.0.0.1/jwks"}}, ERR_INPUT},
        {{.kind = KEYS_JWKS, .urls = {"https://127.0.0.1/jwks"}, .allow_private = true}, ERR_OK},
        {{.kind = KEYS_PEM, .urls = {FIRST, "ftp://keys.example"}}, ERR_INPUT},
        {{.kind = KEYS_PEM, .urls = {"https://user:hidden@keys.example"}}, ERR_INPUT},
        {{.kind = KEYS_PEM, .urls = {"https://keys.example/?a=b"}}, ERR_INPUT},
        {{.kind = KEYS_JWKS, .urls = {"https://keys.example/?a=b"}}, ERR_OK},
        {{.kind = KEYS_JWKS, .urls = {""}}, ERR_INPUT},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};

        assert_int_equal(key_source_new(&cases[i].options, &w->source, &err), cases[i].class);
        assert_null(strstr(err.msg, "hidden"));
        key_source_free(w->source);
        w->source = NULL;
    }
}

static void the_flags_and_the_base_reach_the_network(void **state)
{
    struct world *w = *state;
    const struct key_source_options options = {.kind = KEYS_PEM,
                                               .urls = {"http://LOCALHOST:8099/keys//"},
                                               .allow_http = true,
                                               .allow_private = true};

    open_source(w, &options);
    w->pages[0] = (struct page){"/keys/a", .body = rsa_signer_pem(RSA_SIGNER_A)};
    assert_int_equal(get(w, "a"), ERR_OK);
    assert_true(w->seen.allow_http);
    assert_true(w->seen.allow_private);
}

static void a_wish_to_stop_is_no_failure_of_the_server(void **state)
{
    struct world *w = *state;

    open_source(w, &pem);
    w->pages[0] = (struct page){"/a", .body = rsa_signer_pem(RSA_SIGNER_A)};
    w->fake.stop = 1;
    assert_int_equal(get(w, "a"), ERR_CANCELLED);
    w->fake.stop = 0;
    assert_int_equal(get(w, "a"), ERR_OK);
}

/* ---- Threads ---- */

#define THREADS (1 + KEYS_WAITING_MAX + 5)

struct asker {
    struct world *w;
    pthread_t thread;
    const char *kid;
    enum err_class class;
};

static void *ask(void *arg)
{
    struct asker *asker = arg;
    struct world *w = asker->w;
    struct rsa_key *key = NULL;
    struct err err = {0};

    asker->class = keys_get(w->source, &w->fake.ctx, str_from(asker->kid), &key, &err);
    rsa_key_unref(key);
    (void)pthread_mutex_lock(&w->lock);
    w->came_back++;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* All at once; the fetch does not end before `wait_for` of them have been sent away. */
static void ask_at_once(struct world *w, struct asker *askers, size_t count, unsigned wait_for)
{
    w->wait_for = wait_for;
    w->came_back = 0;
    for (size_t i = 0; i < count; i++) {
        askers[i].w = w;
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
    w->wait_for = 0;
    assert_false(w->waited_in_vain);
}

static size_t count_class(const struct asker *askers, size_t count, enum err_class class)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += askers[i].class == class;
    return found;
}

static void one_thread_fetches_eight_wait_and_the_others_are_sent_away(void **state)
{
    struct world *w = *state;
    struct asker askers[THREADS] = {0};

    open_source(w, &pem);
    w->pages[0] = (struct page){"/a", .body = rsa_signer_pem(RSA_SIGNER_A)};
    for (size_t i = 0; i < THREADS; i++)
        askers[i].kid = "a";
    ask_at_once(w, askers, THREADS, THREADS - 1 - KEYS_WAITING_MAX);
    assert_int_equal(count_class(askers, THREADS, ERR_OK), 1 + KEYS_WAITING_MAX);
    assert_int_equal(count_class(askers, THREADS, ERR_BUSY), THREADS - 1 - KEYS_WAITING_MAX);
    assert_int_equal(w->net.started, 1);
}

static void those_who_waited_share_a_failure(void **state)
{
    struct world *w = *state;
    struct asker askers[THREADS] = {0};

    open_source(w, &jwks);
    w->pages[0] = (struct page){JWKS_PATH, .error = ERR_NETWORK};
    for (size_t i = 0; i < THREADS; i++)
        askers[i].kid = i % 2 ? "a" : "b";
    ask_at_once(w, askers, THREADS, THREADS - 1 - KEYS_WAITING_MAX);
    assert_int_equal(count_class(askers, THREADS, ERR_NETWORK), 1);
    assert_int_equal(count_class(askers, THREADS, ERR_BUSY), THREADS - 1);
    assert_int_equal(w->net.started, 1);
}

static void those_who_wait_for_another_id_fetch_their_own(void **state)
{
    struct world *w = *state;
    struct asker askers[] = {{.kid = "a"}, {.kid = "b"}, {.kid = "c"}, {.kid = "a"}, {.kid = "b"}};

    open_source(w, &pem);
    w->pages[0] = (struct page){"/a", .body = rsa_signer_pem(RSA_SIGNER_A)};
    w->pages[1] = (struct page){"/b", .body = rsa_signer_pem(RSA_SIGNER_B)};
    ask_at_once(w, askers, ARRAY_LEN(askers), 0);
    assert_int_equal(count_class(askers, ARRAY_LEN(askers), ERR_OK), 4);
    assert_int_equal(askers[2].class, ERR_DENIED);
    assert_int_equal(w->net.started, 3);
    assert_int_equal(w->net.in_flight_most, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pem_is_fetched_once_and_kept),
        TEST(the_key_is_the_one_of_its_id),
        TEST(an_id_that_could_be_more_than_an_id_is_never_asked_for),
        TEST(what_is_not_there_is_not_asked_for_again_for_a_while),
        TEST(a_flood_of_ids_is_no_flood_of_requests),
        TEST(the_keys_seen_longest_ago_make_room),
        TEST(a_key_that_was_withdrawn_is_gone_after_an_hour),
        TEST(a_key_is_believed_for_a_day_while_its_server_is_away),
        TEST(answers_that_are_no_key_are_failures_of_the_server),
        TEST(an_answer_has_a_limit),
        TEST(the_second_server_is_asked_for_what_the_first_does_not_have),
        TEST(only_all_servers_together_can_say_that_there_is_no_key),
        TEST(a_jwks_is_fetched_once_for_all_its_keys),
        TEST(all_who_ask_get_the_same_key),
        TEST(unknown_ids_make_one_fetch_in_half_a_minute),
        TEST(new_keys_come_and_old_ones_go_with_the_document),
        TEST(a_jwks_that_cannot_be_fetched_changes_nothing),
        TEST(without_a_document_nothing_is_said_to_be_unknown),
        TEST(keys_that_cannot_be_used_are_left_out),
        TEST(a_jwks_holds_up_to_64_keys),
        TEST(addresses_follow_the_rules_of_all_calls),
        TEST(the_flags_and_the_base_reach_the_network),
        TEST(a_wish_to_stop_is_no_failure_of_the_server),
        TEST(one_thread_fetches_eight_wait_and_the_others_are_sent_away),
        TEST(those_who_waited_share_a_failure),
        TEST(those_who_wait_for_another_id_fetch_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
