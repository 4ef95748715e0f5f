/* Tests of session.c, known.c and secret.c: cookies, forged requests, ends, withdrawals. */
#include "connect/session.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/people_world.h"
#include "base/civil.h"
#include "connect/known.h"

#define PUBLIC_URL "https://tenon.acme.example"
#define ANNA "712020:anna"

struct visit {
    struct sessions *sessions; /* of our process */
    struct sessions *others;   /* of another one that serves the same data */
    char set[SESSION_COOKIE_BYTES + 1];
    char cookie[SESSION_COOKIE_BYTES + 1]; /* as the browser sends it back */
    char csrf[SECRET_TEXT_BYTES + 1];
    struct principal who;
};

static void sign_in(struct people_world *world, struct visit *visit, const char *account)
{
    people_ok(world, session_begin(visit->sessions, account[0] ? world->store.info.id : "", account,
                                   visit->set, &world->err));
    (void)snprintf(visit->cookie, sizeof(visit->cookie), "%s", visit->set);
    *strchr(visit->cookie, ';') = '\0';
    session_csrf(str_from(visit->cookie), visit->csrf);
}

static void begin(struct people_world *world, struct visit *visit, const char *account)
{
    *visit = (struct visit){0};
    people_ok(world,
              sessions_new(world->ctx, world->pool, PUBLIC_URL, &visit->sessions, &world->err));
    people_ok(world,
              sessions_new(world->ctx, world->pool, PUBLIC_URL, &visit->others, &world->err));
    sign_in(world, visit, account);
}

static void end(struct visit *visit)
{
    sessions_free(visit->sessions);
    sessions_free(visit->others);
}

static struct session_request get(const struct visit *visit)
{
    return (struct session_request){.method = HTTP_GET, .cookie = str_from(visit->cookie)};
}

static struct session_request post(const struct visit *visit)
{
    return (struct session_request){.method = HTTP_POST,
                                    .cookie = str_from(visit->cookie),
                                    .csrf = str_from(visit->csrf),
                                    .origin = STR(PUBLIC_URL),
                                    .fetch_site = STR("same-origin")};
}

static enum err_class ask(struct people_world *world, struct sessions *sessions,
                          struct session_request request, struct visit *visit)
{
    world->err = (struct err){0};
    return session_check(sessions, &request, &visit->who, &world->err);
}

static void a_cookie_says_who_came(void **state)
{
    struct people_world *world = *state;
    struct visit visit;

    begin(world, &visit, ANNA);
    people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
    assert_int_equal(visit.who.by, BY_SESSION);
    assert_int_equal(visit.who.role, ROLE_PERSON);
    assert_int_equal(visit.who.scopes, MAY_ALL);
    assert_string_equal(visit.who.tenant, world->store.info.id);
    assert_string_equal(visit.who.account, ANNA);
    people_ok(world, ask(world, visit.others, get(&visit), &visit));
    assert_string_equal(visit.who.account, ANNA);

    sign_in(world, &visit, "");
    people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
    assert_int_equal(visit.who.role, ROLE_ADMIN);
    assert_string_equal(visit.who.tenant, "");
    assert_string_equal(visit.who.account, "");
    end(&visit);
}

static void the_cookie_is_kept_from_scripts_and_other_sites(void **state)
{
    struct people_world *world = *state;
    struct visit visit;
    struct sessions *plain = NULL;

    begin(world, &visit, ANNA);
    assert_non_null(strstr(visit.set, "; HttpOnly"));
    assert_non_null(strstr(visit.set, "; SameSite=Lax"));
    assert_non_null(strstr(visit.set, "; Secure"));
    assert_non_null(strstr(visit.set, "; Path=/;"));
    assert_non_null(strstr(visit.set, "; Max-Age=604800"));
    end(&visit);

    people_ok(world, sessions_new(world->ctx, world->pool, "", &plain, &world->err));
    people_ok(world, session_begin(plain, "", "", visit.set, &world->err));
    assert_null(strstr(visit.set, "Secure")); /* it would never come back over plain HTTP */
    sessions_free(plain);
}

static void only_a_digest_is_stored(void **state)
{
    struct people_world *world = *state;
    struct visit visit;
    struct db_stmt *stmt = NULL;
    bool row = false;

    begin(world, &visit, ANNA);
    people_ok(world, db_prepare(world->store.tenant->db, SQL("SELECT digest FROM session"), &stmt,
                                &world->err));
    people_ok(world, db_step(stmt, &row, &world->err));
    assert_true(row);

    unsigned char digest[SECRET_DIGEST_BYTES];
    struct str secret = {NULL, 0};

    (void)str_cut(str_from(visit.cookie), '.', &secret);
    assert_int_equal(secret.len, SECRET_TEXT_BYTES);
    secret_digest(SECRET_SESSION, secret, digest);
    assert_int_equal(db_blob(stmt, 0).len, SECRET_DIGEST_BYTES);
    assert_memory_equal(db_blob(stmt, 0).ptr, digest, SECRET_DIGEST_BYTES);
    db_finish(stmt);
    /* What the pages are told is another digest, so it opens nothing. */
    secret_digest_text(SECRET_SESSION, secret, visit.set);
    assert_string_not_equal(visit.set, visit.csrf);
    end(&visit);
}

static void cookies_that_are_not_ours_are_nobody_or_refused(void **state)
{
    static const char *const none[] = {"",
                                       ";",
                                       "a=b",
                                       "tenon_sessions=x",
                                       "xtenon_session=x",
                                       "a=tenon_session",
                                       "TENON_SESSION=x"};
    struct people_world *world = *state;
    struct visit visit;
    char text[2 * SESSION_COOKIE_BYTES];

    begin(world, &visit, ANNA);
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        people_ok(world, ask(world, visit.sessions,
                             (struct session_request){.cookie = str_from(none[i])}, &visit));
        assert_int_equal(visit.who.by, BY_NOBODY);
    }

    const char *value = strchr(visit.cookie, '=') + 1, *secret = strchr(value, '.') + 1;

    people_ok(world, ask(world, visit.sessions, get(&visit), &visit)); /* the cache knows it */

    const struct {
        const char *before, *value, *after;
    } bad[] = {
        {"tenon_session=", "", ""},
        {"tenon_session=", value, "A"},       /* too long */
        {"tenon_session=admin.", secret, ""}, /* another tenant's secret */
        {"tenon_session=", secret, ""},       /* no tenant */
        {"tenon_session=.", secret, ""},      /* an empty one */
        {"tenon_session=acme.", secret, ""},  /* by name, not by id */
        {"tenon_session=t0000000000000000000.", secret, ""},
        {"tenon_session=T0000000000000000000.", secret, ""},
        {"tenon_session=../../../../../../aa.", secret, ""},
        {"tenon_session=x; tenon_session=", value, ""}, /* two: one was planted */
        {"tenon_session=", value, "; tenon_session=x"},
        {"tenon_session=\"", value, "\""},
        {"tenon_session", "", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        (void)snprintf(text, sizeof(text), "%s%s%s", bad[i].before, bad[i].value, bad[i].after);
        assert_int_equal(
            ask(world, visit.sessions, (struct session_request){.cookie = str_from(text)}, &visit),
            ERR_DENIED);
        assert_null(strstr(world->err.msg, secret));
        assert_null(strstr(world->err.msg, "acme")); /* nothing of the tenants is told */
    }
    /* Among others, with blanks. */
    (void)snprintf(text, sizeof(text), "a=b;  %s ; c", visit.cookie);
    people_ok(world, ask(world, visit.sessions, (struct session_request){.cookie = str_from(text)},
                         &visit));
    assert_int_equal(visit.who.by, BY_SESSION);
    end(&visit);
}

/* Every byte counts: another one in any place is another secret. */
static void a_secret_that_differs_anywhere_opens_nothing(void **state)
{
    struct people_world *world = *state;
    struct visit visit;
    struct session_request request;

    begin(world, &visit, ANNA);
    request = get(&visit);
    for (size_t i = 0; i < SECRET_TEXT_BYTES; i++) {
        char *at = visit.cookie + request.cookie.len - 1 - i, kept = *at;

        *at = kept == 'A' ? 'B' : 'A';
        assert_int_equal(ask(world, visit.sessions, request, &visit), ERR_DENIED);
        *at = kept;
    }
    people_ok(world, ask(world, visit.sessions, request, &visit));
    end(&visit);
}

static void a_forged_request_is_refused(void **state)
{
    struct people_world *world = *state;
    struct visit visit;
    struct session_request request;

    begin(world, &visit, ANNA);
    people_ok(world, ask(world, visit.sessions, post(&visit), &visit));

    request = post(&visit);
    request.csrf = (struct str){NULL, 0};
    assert_int_equal(ask(world, visit.sessions, request, &visit), ERR_FORBIDDEN);
    assert_non_null(strstr(world->err.msg, "X-Tenon-CSRF is missing"));
    for (size_t i = 0; i < SECRET_TEXT_BYTES; i++) {
        char wrong[SECRET_TEXT_BYTES + 1];

        memcpy(wrong, visit.csrf, sizeof(wrong));
        wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
        request.csrf = str_from(wrong);
        assert_int_equal(ask(world, visit.sessions, request, &visit), ERR_FORBIDDEN);
        assert_null(strstr(world->err.msg, visit.csrf));
    }
    for (enum http_method method = HTTP_POST; method <= HTTP_DELETE; method++) {
        request = post(&visit);
        request.method = method;
        request.csrf = str_sub(request.csrf, 0, SECRET_TEXT_BYTES - 1);
        assert_int_equal(ask(world, visit.sessions, request, &visit), ERR_FORBIDDEN);
    }
    end(&visit);
}

static void only_our_own_pages_may_ask_for_changes(void **state)
{
    static const struct {
        const char *origin, *site, *host;
        bool fine;
    } cases[] = {
        {"", "", "", true}, /* not a browser */
        {PUBLIC_URL, "", "", true},
        {"https://tenon.acme.example:443", "same-origin", "", true},
        {"http://127.0.0.1:8080", "same-origin", "127.0.0.1:8080", true},
        {"http://127.0.0.1:8080", "", "127.0.0.1:8081", false},
        {"http://tenon.acme.example", "", "", false},
        {"https://tenon.acme.example.evil.example", "", "", false},
        {"https://evil.example", "", "tenon.acme.example", false},
        {"https://evil.example", "same-origin", "", false},
        {"null", "", "", false},
        {"null", "", "null", false},
        {"https://", "", "", false},
        {PUBLIC_URL, "cross-site", "", false},
        {PUBLIC_URL, "same-site", "", false},
        {"", "none", "", false},
        {"", "cross-site", "", false},
    };
    struct people_world *world = *state;
    struct visit visit;

    begin(world, &visit, ANNA);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct session_request request = post(&visit);

        request.origin = str_from(cases[i].origin);
        request.fetch_site = str_from(cases[i].site);
        request.host = str_from(cases[i].host);
        assert_int_equal(ask(world, visit.sessions, request, &visit),
                         cases[i].fine ? ERR_OK : ERR_FORBIDDEN);
        request.method = HTTP_GET; /* which changes nothing */
        people_ok(world, ask(world, visit.sessions, request, &visit));
    }
    end(&visit);
}

static void a_session_ends_after_twelve_idle_hours(void **state)
{
    struct people_world *world = *state;
    struct visit visit;

    begin(world, &visit, ANNA);
    for (int i = 0; i < 5; i++) {
        fake_ctx_advance(&world->store.fake, SESSION_IDLE_MS - MS_PER_HOUR);
        people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
        people_ok(world, sessions_tick(visit.sessions, &world->err));
    }
    fake_ctx_advance(&world->store.fake, SESSION_IDLE_MS);
    assert_int_equal(ask(world, visit.sessions, get(&visit), &visit), ERR_DENIED);
    assert_int_equal(ask(world, visit.others, get(&visit), &visit), ERR_DENIED);
    end(&visit);
}

static void a_session_ends_after_seven_days_in_use(void **state)
{
    struct people_world *world = *state;
    struct visit visit;

    begin(world, &visit, ANNA);
    for (int64_t t = 0; t < SESSION_LIFE_MS - MS_PER_HOUR; t += MS_PER_HOUR) {
        fake_ctx_advance(&world->store.fake, MS_PER_HOUR);
        people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
        people_ok(world, sessions_tick(visit.sessions, &world->err));
    }
    fake_ctx_advance(&world->store.fake, MS_PER_HOUR - 1);
    people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
    fake_ctx_advance(&world->store.fake, 1); /* its proof is still believed, its end is past */
    assert_int_equal(ask(world, visit.sessions, get(&visit), &visit), ERR_DENIED);
    end(&visit);
}

static void uses_are_written_down_by_the_tick_alone(void **state)
{
    struct people_world *world = *state;
    struct visit visit;
    int64_t at_first, later;

    begin(world, &visit, ANNA);
    at_first = people_number(world, false, SQL("SELECT seen FROM session"));
    fake_ctx_advance(&world->store.fake, 6 * MS_PER_MINUTE);
    people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
    assert_int_equal(people_number(world, false, SQL("SELECT seen FROM session")), at_first);
    people_ok(world, sessions_tick(visit.sessions, &world->err));
    later = people_number(world, false, SQL("SELECT seen FROM session"));
    assert_int_equal(later, at_first + 6 * MS_PER_MINUTE);
    fake_ctx_advance(&world->store.fake, MS_PER_MINUTE);
    people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
    people_ok(world, sessions_tick(visit.sessions, &world->err)); /* too little to write */
    assert_int_equal(people_number(world, false, SQL("SELECT seen FROM session")), later);
    end(&visit);
}

/* The database is cut off from the pool's handles: only the cache can answer. */
static void a_known_cookie_asks_no_database(void **state)
{
    struct people_world *world = *state;
    struct visit visit;

    begin(world, &visit, ANNA);
    people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
    people_ok(world, db_exec(world->store.tenant->db, SQL("DELETE FROM session"), &world->err));
    fake_ctx_advance(&world->store.fake, 9 * MS_PER_SECOND);
    people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
    fake_ctx_advance(&world->store.fake, MS_PER_SECOND);
    assert_int_equal(ask(world, visit.sessions, get(&visit), &visit), ERR_DENIED);
    end(&visit);
}

static void signing_out_counts_at_once_here_and_in_ten_seconds_elsewhere(void **state)
{
    struct people_world *world = *state;
    struct visit visit;
    struct session_request request;
    char gone[SESSION_COOKIE_BYTES + 1];

    begin(world, &visit, ANNA);
    people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
    people_ok(world, ask(world, visit.others, get(&visit), &visit));
    request = post(&visit);
    people_ok(world, session_end(visit.sessions, &request, gone, &world->err));
    assert_non_null(strstr(gone, "tenon_session=;"));
    assert_non_null(strstr(gone, "Max-Age=0"));
    assert_int_equal(ask(world, visit.sessions, get(&visit), &visit), ERR_DENIED);
    assert_int_equal(people_number(world, false, SQL("SELECT count(*) FROM session")), 0);
    fake_ctx_advance(&world->store.fake, 10 * MS_PER_SECOND);
    assert_int_equal(ask(world, visit.others, get(&visit), &visit), ERR_DENIED);
    /* Once more does no harm, and a cookie that was never ours is taken back too. */
    people_ok(world, session_end(visit.sessions, &request, gone, &world->err));
    request.cookie = STR("tenon_session=nonsense");
    people_ok(world, session_end(visit.sessions, &request, gone, &world->err));
    end(&visit);
}

static void closing_an_account_ends_all_of_its_sessions_and_no_other(void **state)
{
    struct people_world *world = *state;
    struct visit visit;
    char anna[SESSION_COOKIE_BYTES + 1], bert[SESSION_COOKIE_BYTES + 1];

    begin(world, &visit, ANNA);
    memcpy(anna, visit.cookie, sizeof(anna));
    sign_in(world, &visit, "712020:bert");
    memcpy(bert, visit.cookie, sizeof(bert));
    sign_in(world, &visit, ANNA);
    people_ok(world, ask(world, visit.sessions, get(&visit), &visit));
    people_ok(world, ask(world, visit.sessions, (struct session_request){.cookie = str_from(bert)},
                         &visit));
    people_ok(world, session_end_account(visit.sessions, world->store.info.id, ANNA, &world->err));
    assert_int_equal(ask(world, visit.sessions, get(&visit), &visit), ERR_DENIED);
    assert_int_equal(
        ask(world, visit.sessions, (struct session_request){.cookie = str_from(anna)}, &visit),
        ERR_DENIED);
    people_ok(world, ask(world, visit.sessions, (struct session_request){.cookie = str_from(bert)},
                         &visit));
    assert_string_equal(visit.who.account, "712020:bert");
    end(&visit);
}

static void what_has_been_over_for_a_day_is_swept_by_the_next_sign_in(void **state)
{
    struct people_world *world = *state;
    struct visit visit;

    begin(world, &visit, ANNA);
    fake_ctx_advance(&world->store.fake, SESSION_LIFE_MS + MS_PER_HOUR);
    sign_in(world, &visit, ANNA);
    assert_int_equal(people_number(world, false, SQL("SELECT count(*) FROM session")), 2);
    fake_ctx_advance(&world->store.fake, MS_PER_DAY);
    sign_in(world, &visit, ANNA);
    assert_int_equal(people_number(world, false, SQL("SELECT count(*) FROM session")), 2);
    end(&visit);
}

/* More sessions than the cache has places: all are still known by the database. */
static void many_sessions_push_each_other_out_of_the_cache_only(void **state)
{
    struct people_world *world = *state;
    struct visit visit;
    static char cookies[300][SESSION_COOKIE_BYTES + 1];

    begin(world, &visit, ANNA);
    for (size_t i = 0; i < ARRAY_LEN(cookies); i++) {
        sign_in(world, &visit, "");
        memcpy(cookies[i], visit.cookie, sizeof(cookies[i]));
    }
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < ARRAY_LEN(cookies); i++)
            people_ok(world, ask(world, visit.sessions,
                                 (struct session_request){.cookie = str_from(cookies[i])}, &visit));
    fake_ctx_advance(&world->store.fake, MS_PER_HOUR);
    for (size_t i = 0; i < ARRAY_LEN(cookies); i++)
        people_ok(world, ask(world, visit.sessions,
                             (struct session_request){.cookie = str_from(cookies[i])}, &visit));
    people_ok(world, sessions_tick(visit.sessions, &world->err)); /* more than are taken at once */
    assert_int_equal(people_number(world, true,
                                   SQL("SELECT count(*) FROM admin_session WHERE seen < expires"
                                       " - 604800000 + 3600000")),
                     0);
    end(&visit);
}

/* Somebody asks the database, the session ends, and only then the answer comes. */
static void an_answer_from_before_a_withdrawal_is_not_kept(void **state)
{
    struct people_world *world = *state;
    struct known *known = known_new();
    const struct known_entry entry = {.who = {.tenant = "t", .account = "a"}, .row = 7};
    unsigned char digest[SECRET_DIGEST_BYTES] = {1}, other[SECRET_DIGEST_BYTES] = {2};
    struct known_entry found;
    uint64_t turn;

    assert_non_null(known);
    known_keep(known, world->ctx, known_turn(known), digest, &entry);
    assert_true(known_find(known, world->ctx, digest, &found));
    assert_int_equal(found.row, 7);
    assert_false(known_find(known, world->ctx, other, &found));

    turn = known_turn(known);
    known_forget(known, digest);
    known_keep(known, world->ctx, turn, digest, &entry);
    assert_false(known_find(known, world->ctx, digest, &found));

    turn = known_turn(known);
    known_forget_all(known, "t", "a", 0);
    known_keep(known, world->ctx, turn, digest, &entry);
    assert_false(known_find(known, world->ctx, digest, &found));

    /* Each of the three must fit. */
    known_keep(known, world->ctx, known_turn(known), digest, &entry);
    known_forget_all(known, "u", NULL, 0);
    known_forget_all(known, "t", "b", 0);
    known_forget_all(known, "t", "a", 8);
    assert_true(known_find(known, world->ctx, digest, &found));
    known_forget_all(known, "t", NULL, 7);
    assert_false(known_find(known, world->ctx, digest, &found));
    known_free(known);
}

/* ---- threads ---- */

struct crowd {
    struct people_world *world;
    struct visit *visit;
    pthread_barrier_t start;
    unsigned denied_then_let_in; /* under the barrier's order: each thread writes its own slot */
    unsigned wrong[8];
};

struct one {
    struct crowd *crowd;
    unsigned number;
};

static void *look_often(void *arg)
{
    struct one *one = arg;
    struct crowd *crowd = one->crowd;
    const struct session_request request = get(crowd->visit);
    bool denied = false;

    (void)pthread_barrier_wait(&crowd->start);
    for (int i = 0; i < 300; i++) {
        struct principal who;
        struct err err = {0};
        enum err_class rc = session_check(crowd->visit->sessions, &request, &who, &err);

        if (one->number == 0 && i == 100) {
            char gone[SESSION_COOKIE_BYTES + 1];

            rc = session_end(crowd->visit->sessions, &request, gone, &err);
            crowd->wrong[0] += rc != ERR_OK;
            rc = session_check(crowd->visit->sessions, &request, &who, &err);
            crowd->wrong[0] += rc != ERR_DENIED;
        }
        fake_ctx_advance(&crowd->world->store.fake, 3000);   /* so that proofs grow old */
        crowd->wrong[one->number] += denied && rc == ERR_OK; /* nobody comes back */
        denied = rc == ERR_DENIED;
    }
    return NULL;
}

static void a_session_that_ended_stays_ended_for_all_threads(void **state)
{
    struct people_world *world = *state;
    struct visit visit;
    struct crowd crowd = {.world = world, .visit = &visit};
    struct one ones[ARRAY_LEN(crowd.wrong)];
    pthread_t threads[ARRAY_LEN(ones)];

    begin(world, &visit, ANNA);
    (void)pthread_barrier_init(&crowd.start, NULL, ARRAY_LEN(ones));
    for (unsigned i = 0; i < ARRAY_LEN(ones); i++) {
        ones[i] = (struct one){&crowd, i};
        assert_int_equal(pthread_create(&threads[i], NULL, look_often, &ones[i]), 0);
    }
    for (unsigned i = 0; i < ARRAY_LEN(ones); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crowd.wrong[i], 0);
    }
    (void)pthread_barrier_destroy(&crowd.start);
    end(&visit);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, people_world_begin, people_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cookie_says_who_came),
        TEST(the_cookie_is_kept_from_scripts_and_other_sites),
        TEST(only_a_digest_is_stored),
        TEST(cookies_that_are_not_ours_are_nobody_or_refused),
        TEST(a_secret_that_differs_anywhere_opens_nothing),
        TEST(a_forged_request_is_refused),
        TEST(only_our_own_pages_may_ask_for_changes),
        TEST(a_session_ends_after_twelve_idle_hours),
        TEST(a_session_ends_after_seven_days_in_use),
        TEST(uses_are_written_down_by_the_tick_alone),
        TEST(a_known_cookie_asks_no_database),
        TEST(signing_out_counts_at_once_here_and_in_ten_seconds_elsewhere),
        TEST(closing_an_account_ends_all_of_its_sessions_and_no_other),
        TEST(what_has_been_over_for_a_day_is_swept_by_the_next_sign_in),
        TEST(many_sessions_push_each_other_out_of_the_cache_only),
        TEST(an_answer_from_before_a_withdrawal_is_not_kept),
        TEST(a_session_that_ended_stays_ended_for_all_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
