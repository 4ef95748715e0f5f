/* Tests of client.c, on a network, a clock and dice that the test rules. */
#include "http/client.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/fake_net.h"
#include "base/limits.h"

/* A client of a host that answers by a script: one entry a try, the last one again and again. */
struct step {
    int status;
    const char *body;
    const char *headers[4];
    enum err_class error;
    const char *error_msg;
};

struct world {
    struct fake_ctx fake;
    struct fake_net net;
    struct http_budget *budget;
    struct http_client client;
    const struct step *steps;
    size_t step_count, at;
    /* Of the latest try. */
    struct net_request seen;
    char seen_url[9000], seen_authorization[100], seen_body[100];
    int64_t tried_ms[16]; /* mono, by try */
};

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct world *w = arg;
    const struct step *step = &w->steps[w->at < w->step_count ? w->at : w->step_count - 1];

    (void)path;
    assert_true(w->at < ARRAY_LEN(w->tried_ms));
    w->tried_ms[w->at++] = ctx_mono_ms(&w->fake.ctx);
    w->seen = *request;
    (void)snprintf(w->seen_url, sizeof(w->seen_url), "%s", request->url);
    (void)snprintf(w->seen_authorization, sizeof(w->seen_authorization), "%s",
                   request->authorization ? request->authorization : "none");
    (void)snprintf(w->seen_body, sizeof(w->seen_body), STR_FMT, STR_ARG(request->body));
    ret->status = step->status;
    ret->error = step->error;
    ret->error_msg = step->error_msg;
    for (size_t i = 0; i < ARRAY_LEN(step->headers); i++)
        ret->headers[i] = step->headers[i];
    strbuf_add_z(&ret->body, step->body ? step->body : "{}");
}

static int begin(void **state)
{
    static const struct http_budget_options options = {0};
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    fake_ctx_init(&w->fake, 1);
    fake_net_init(&w->net, answer, w);
    fake_net_install(&w->net, &w->fake.ctx);
    w->budget = http_budget_new(&options);
    assert_non_null(w->budget);
    w->client = (struct http_client){.ctx = &w->fake.ctx,
                                     .budget = w->budget,
                                     .base_url = "https://acme.example/jira",
                                     .authorization = "Basic c2VjcmV0"};
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    /* Every exchange was ended. */
    assert_int_equal(w->net.in_flight, 0);
    http_budget_free(w->budget);
    fake_net_done(&w->net);
    fake_ctx_done(&w->fake);
    free(w);
    return 0;
}

static const struct http_request get = {
    .method = HTTP_GET, .path = "/rest/api/3/x?token=hidden", .idempotent = true, .points = 5};
static const struct http_request post = {.method = HTTP_POST,
                                         .path = "/rest/api/3/worklog?token=hidden",
                                         .body = STR("{\"a\":1}"),
                                         .points = 1};

/* Does the request against a script; on success the body is in ret_body. */
static enum err_class run(struct world *w, const struct http_request *request,
                          const struct step *steps, size_t count, int *ret_status, struct err *err)
{
    AUTO(net_response_done) struct net_response response = {0};

    w->steps = steps;
    w->step_count = count;
    w->at = 0;

    enum err_class class = http_do(&w->client, request, &response, ret_status, err);

    if (class == ERR_OK) {
        assert_int_equal(response.status, *ret_status);
    } else {
        assert_null(response.body.ptr);
        assert_int_equal(err->class, class);
        /* No message shows a query, a credential or a byte of a body. */
        assert_null(strstr(err->msg, "hidden"));
        assert_null(strstr(err->msg, "c2VjcmV0"));
        assert_null(strstr(err->msg, "SECRET"));
    }
    return class;
}

#define RUN(w, request, steps, ret_status, err)                                                    \
    run((w), (request), (steps), ARRAY_LEN(steps), (ret_status), (err))

static void a_good_answer_is_handed_over_with_its_padding(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {{200, "{\"a\":1}", {"Content-Type: application/json"}}};
    struct net_response response = {0};
    struct err err = {0};
    int status = 0;

    w->steps = steps;
    w->step_count = 1;
    assert_int_equal(http_do(&w->client, &get, &response, &status, &err), ERR_OK);
    assert_int_equal(status, 200);
    assert_true(str_eq(strbuf_str(&response.body), STR("{\"a\":1}")));
    assert_memory_equal(response.body.ptr + response.body.len, "\0\0\0", NET_BODY_PADDING);
    net_response_done(&response);
    assert_int_equal(http_budget_usage(w->budget).requests, 1);
    assert_int_equal(http_budget_usage(w->budget).points, 5);
    assert_int_equal(http_budget_usage(w->budget).retries, 0);
    assert_int_equal(w->fake.sleeps, 0);
}

static void a_request_carries_base_credential_limits_and_rules(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {{201}};
    struct err err = {0};
    int status = 0;

    assert_int_equal(RUN(w, &post, steps, &status, &err), ERR_OK);
    assert_int_equal(status, 201);
    assert_string_equal(w->seen_url, "https://acme.example/jira/rest/api/3/worklog?token=hidden");
    assert_string_equal(w->seen_authorization, "Basic c2VjcmV0");
    assert_string_equal(w->seen_body, "{\"a\":1}");
    assert_string_equal(w->seen.content_type, "application/json");
    assert_string_equal(w->seen.headers[0].name, "Accept");
    assert_int_equal(w->seen.body_max, LIMIT_HTTP_BODY_BYTES);
    assert_int_equal(w->seen.total_ms, LIMIT_HTTP_TOTAL_MS);
    assert_false(w->seen.allow_http);
    assert_false(w->seen.allow_private);
    assert_true(w->seen.once);

    w->client.allow_http = true;
    w->client.allow_private = true;
    w->client.body_max = 1000;
    w->client.total_ms = 77;
    assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_OK);
    assert_int_equal(w->seen.body_max, 1000);
    assert_int_equal(w->seen.total_ms, 77);
    assert_true(w->seen.allow_http);
    assert_true(w->seen.allow_private);
    assert_false(w->seen.once);
    assert_null(w->seen.content_type);
}

/* What each status means: class, tries for a GET that may be repeated, for a POST that may not. */
static void each_status_has_its_class_its_tries_and_its_sentence(void **state)
{
    struct world *w = *state;
    static const struct {
        int status;
        enum err_class class;
        size_t tries_get, tries_post;
        const char *sentence;
    } cases[] = {
        {301, ERR_REMOTE, 1, 1, "redirect"},
        {302, ERR_REMOTE, 1, 1, "redirect"},
        {304, ERR_REMOTE, 1, 1, "redirect"},
        {400, ERR_REMOTE, 1, 1, "not acceptable (400)"},
        {401, ERR_DENIED, 1, 1,
         "acme.example refuses the credential (401): the token is wrong, expired or revoked; give a "
         "new one with `tenon tenant token`"},
        {403, ERR_FORBIDDEN, 1, 1, "lacks the right"},
        {404, ERR_NOT_FOUND, 1, 1, "(404): it does not exist, or the account may not see it"},
        {405, ERR_REMOTE, 1, 1, "(405): is this the address of a Jira site?"},
        {408, ERR_REMOTE, 4, 1, "(408)"},
        {409, ERR_REMOTE, 1, 1, "not acceptable (409)"},
        {410, ERR_NOT_FOUND, 1, 1, "removed for good"},
        {413, ERR_LIMIT, 1, 1, "send less at once"},
        {429, ERR_BUSY, 4, 4, "says 'too many requests' (429) for"},
        {500, ERR_NETWORK, 4, 1, "failed at"},
        {501, ERR_NETWORK, 1, 1, "(501)"},
        {502, ERR_NETWORK, 4, 1, "(502)"},
        {503, ERR_BUSY, 4, 4, "is not available (503)"},
        {504, ERR_NETWORK, 4, 1, "(504)"},
        {505, ERR_NETWORK, 1, 1, "(505)"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct step steps[] = {{cases[i].status, "SECRET {\"errorMessages\":[]}", {0}}};
        struct err err = {0};
        int status = 0;

        assert_int_equal(RUN(w, &get, steps, &status, &err), cases[i].class);
        assert_int_equal(status, cases[i].status);
        assert_int_equal(w->at, cases[i].tries_get);
        if (!strstr(err.msg, cases[i].sentence) || !strstr(err.msg, "acme.example"))
            fail_msg("%d: %s", cases[i].status, err.msg);
        if (cases[i].status != 401 && !strstr(err.msg, "/rest/api/3/x"))
            fail_msg("%d: %s", cases[i].status, err.msg);
        assert_int_equal(RUN(w, &post, steps, &status, &err), cases[i].class);
        assert_int_equal(w->at, cases[i].tries_post);
    }
}

static void a_failed_try_is_repeated_until_it_succeeds(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {
        {502}, {.error = ERR_NETWORK, .error_msg = "broken"}, {503}, {200, "{\"good\":true}", {0}}};
    struct err err = {0};
    int status = 0;

    assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_OK);
    assert_int_equal(w->at, 4);
    assert_int_equal(status, 200);
    assert_int_equal(http_budget_usage(w->budget).requests, 4);
    assert_int_equal(http_budget_usage(w->budget).points, 20);
    assert_int_equal(http_budget_usage(w->budget).retries, 3);
    assert_int_equal(http_budget_usage(w->budget).waited_ms, w->fake.slept_ms);
}

static void waits_double_with_jitter_and_are_capped(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {{502}};
    struct err err = {0};
    int status = 0;
    int64_t least = INT64_MAX, most = 0, longest = 0;

    w->client.tries_max = 7;
    for (int round = 0; round < 500; round++) {
        static const int64_t waits_ms[] = {2000, 4000, 8000, 16000, 30000, 30000};

        assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_NETWORK);
        assert_int_equal(w->at, 7);
        for (size_t i = 0; i < ARRAY_LEN(waits_ms); i++) {
            int64_t wait = w->tried_ms[i + 1] - w->tried_ms[i];

            assert_in_range(wait, waits_ms[i] * 7 / 10,
                            waits_ms[i] * 13 / 10 < 30000 ? waits_ms[i] * 13 / 10 : 30000);
            longest = wait > longest ? wait : longest;
        }
        least = w->tried_ms[1] - w->tried_ms[0] < least ? w->tried_ms[1] - w->tried_ms[0] : least;
        most = w->tried_ms[1] - w->tried_ms[0] > most ? w->tried_ms[1] - w->tried_ms[0] : most;
    }
    /* The jitter uses its whole width. */
    assert_in_range(least, 1400, 1430);
    assert_in_range(most, 2570, 2600);
    assert_int_equal(longest, 30000);
}

static void the_wish_of_the_host_is_the_least_wait(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {{429, NULL, {"Retry-After: 47"}},
                                        {503, NULL, {"Retry-After: 120"}},
                                        {429, NULL, {"Retry-After: 1"}},
                                        {200}};
    struct err err = {0};
    int status = 0;

    assert_int_equal(RUN(w, &post, steps, &status, &err), ERR_OK);
    assert_int_equal(w->tried_ms[1] - w->tried_ms[0], 47000);
    assert_int_equal(w->tried_ms[2] - w->tried_ms[1], 120000);
    assert_true(w->tried_ms[3] - w->tried_ms[2] >= 5600); /* 8 s times 0.7 and more */
    assert_int_equal(http_budget_usage(w->budget).throttled, 3);
}

static void a_call_that_waits_for_its_issue_holds_nobody_else(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {
        {429, NULL, {"RateLimit-Reason: jira-per-issue-on-write", "Retry-After: 50"}}, {200}};
    struct err err = {0};
    int status = 0;

    assert_int_equal(RUN(w, &post, steps, &status, &err), ERR_OK);
    assert_int_equal(w->tried_ms[1] - w->tried_ms[0], 50000);
    assert_int_equal(w->fake.sleeps, 1);
}

static void a_wish_longer_than_two_minutes_goes_to_the_caller(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {{429, NULL, {"Retry-After: 121"}}};
    struct err err = {0};
    int status = 0;

    assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_BUSY);
    assert_int_equal(status, 429);
    assert_int_equal(w->at, 1);
    assert_int_equal(w->fake.sleeps, 0);
    assert_string_equal(err.msg, "acme.example allows no more calls until 2026-01-15T10:02:01Z "
                                 "(121 s): its rate limit is used up; run it again then");
    /* And the next call does not even begin, nor is it counted. */
    assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_BUSY);
    assert_int_equal(status, 0);
    assert_int_equal(w->at, 0);
    assert_int_equal(http_budget_usage(w->budget).requests, 1);
    /* A minute later little enough is left to be waited for. */
    fake_ctx_advance(&w->fake, 60000);
    static const struct step good[] = {{200}};
    assert_int_equal(RUN(w, &get, good, &status, &err), ERR_OK);
    assert_int_equal(w->fake.slept_ms, 61000);
}

static void the_budget_is_waited_for_before_the_start(void **state)
{
    struct world *w = *state;
    static const struct http_budget_options slow = {.burst_per_second = {[HTTP_GET] = 2}};
    static const struct step steps[] = {{200}};
    struct err err = {0};
    int status = 0;

    http_budget_free(w->budget);
    w->budget = w->client.budget = http_budget_new(&slow);
    for (int i = 0; i < 6; i++)
        assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_OK);
    assert_int_equal(w->fake.slept_ms, 2000); /* two at once, four more at two a second */
    assert_int_equal(http_budget_usage(w->budget).waited_ms, 2000);
}

static void a_person_who_waits_gets_the_first_answer(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {{.error = ERR_NETWORK, .error_msg = "no such name"}};
    struct err err = {0};
    int status = 7;

    w->client.tries_max = 1;
    assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_NETWORK);
    assert_string_equal(err.msg, "no such name");
    assert_int_equal(w->at, 1);
    assert_int_equal(w->fake.sleeps, 0);
    assert_int_equal(status, 0);
}

static void only_network_errors_are_repeated(void **state)
{
    struct world *w = *state;
    static const struct {
        enum err_class error;
        bool idempotent;
        size_t tries;
    } cases[] = {
        {ERR_NETWORK, true, 4}, {ERR_NETWORK, false, 1},  {ERR_REMOTE, true, 1},
        {ERR_LIMIT, true, 1},   {ERR_CANCELLED, true, 1}, {ERR_INPUT, true, 1},
        {ERR_MEMORY, true, 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct step steps[] = {{.error = cases[i].error, .error_msg = "why"}};
        struct http_request request = cases[i].idempotent ? get : post;
        struct err err = {0};
        int status = 0;

        assert_int_equal(RUN(w, &request, steps, &status, &err), cases[i].error);
        assert_int_equal(w->at, cases[i].tries);
        assert_string_equal(err.msg, "why");
    }
}

static void a_redirect_shows_only_where_it_leads(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *location, *sentence;
    } cases[] = {
        {"Location: https://id.atlassian.com/login?continue=SECRET",
         "acme.example answers GET /rest/api/3/x with a redirect to https://id.atlassian.com "
         "(302), which usually is a login page: check the base URL and the credential"},
        {"Location: /login.jsp?os_destination=SECRET",
         "with a redirect (302) to another path of its own"},
        {"Location: https://SECRET@id.example/", "with a redirect (302) to another path"},
        {NULL, "with a redirect (302) to nowhere"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct step steps[] = {{302, "<html>SECRET", {cases[i].location}}};
        struct err err = {0};
        int status = 0;

        assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_REMOTE);
        if (!strstr(err.msg, cases[i].sentence))
            fail_msg("%s", err.msg);
    }
}

static void html_where_json_was_expected_is_told(void **state)
{
    struct world *w = *state;
    static const struct step html[][1] = {
        {{200, "<!DOCTYPE html><p>SECRET", {"Content-Type: text/html; charset=UTF-8"}}},
        {{200, " \r\n\t<html>SECRET", {"Content-Type: application/json"}}},
        {{200, "\xef\xbb\xbf<html>SECRET", {0}}},
        {{200, "SECRET", {"content-type: TEXT/HTML"}}},
    };
    static const struct step json[][1] = {
        {{200, " [\"<html>\"]", {"Content-Type: application/json"}}},
        {{204, "", {"Content-Type: text/html"}}},
        {{200, "{}", {0}}},
    };
    struct err err = {0};
    int status = 0;

    for (size_t i = 0; i < ARRAY_LEN(html); i++) {
        assert_int_equal(RUN(w, &get, html[i], &status, &err), ERR_REMOTE);
        assert_string_equal(err.msg, "acme.example answered HTML instead of JSON for "
                                     "/rest/api/3/x: is this the address of a Jira site?");
    }
    for (size_t i = 0; i < ARRAY_LEN(json); i++)
        assert_int_equal(RUN(w, &get, json[i], &status, &err), ERR_OK);

    static const struct step missing[] = {{404, "<html>SECRET", {"Content-Type: text/html"}}};
    assert_int_equal(RUN(w, &get, missing, &status, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "is this the address of a Jira site?"));
}

static void refusals_tell_what_can_be_done(void **state)
{
    struct world *w = *state;
    static const struct step captcha[] = {
        {403,
         NULL,
         {"X-Authentication-Denied-Reason: CAPTCHA_CHALLENGE; login-url=https://SECRET"}}};
    static const struct step denied[] = {{401}};
    struct err err = {0};
    int status = 0;

    assert_int_equal(RUN(w, &get, captcha, &status, &err), ERR_DENIED);
    assert_non_null(strstr(err.msg, "CAPTCHA"));
    w->client.authorization = NULL;
    assert_int_equal(RUN(w, &get, denied, &status, &err), ERR_DENIED);
    assert_non_null(strstr(err.msg, "none is given"));
    assert_string_equal(w->seen_authorization, "none");
}

static void a_stop_ends_every_wait(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {{503}};
    struct err err = {0};
    int status = 0;

    w->fake.stop_at_sleep = 2;
    assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_CANCELLED);
    assert_int_equal(w->at, 2); /* in the second wait */
    assert_int_equal(w->fake.sleeps, 2);
    assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_CANCELLED);
    assert_int_equal(w->at, 0);
}

static void a_stop_ends_the_wait_for_the_budget(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {{429, NULL, {"Retry-After: 100"}}, {200}};
    struct err err = {0};
    int status = 0;

    w->client.tries_max = 1;
    assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_BUSY);
    assert_non_null(strstr(err.msg, "at try 1 of 1: run it again after 2026-01-15T10:01:40Z"));
    w->fake.stop_at_sleep = 1;
    assert_int_equal(RUN(w, &get, steps, &status, &err), ERR_CANCELLED);
    assert_int_equal(w->at, 0);
    assert_int_equal(http_budget_usage(w->budget).waited_ms, 50000); /* what was really slept */
}

static void calls_under_way_together_are_independent(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {{502}, {200, "\"second\"", {0}}, {200, "\"first\"", {0}}};
    AUTO(net_response_done) struct net_response first = {0}, second = {0};
    struct http_call *a = NULL, *b = NULL, *c = NULL;
    struct err err = {0};

    w->steps = steps;
    w->step_count = ARRAY_LEN(steps);
    assert_int_equal(http_start(&w->client, &get, &a, &err), ERR_OK);
    assert_int_equal(http_start(&w->client, &get, &b, &err), ERR_OK);
    assert_int_equal(w->net.in_flight, 2);
    assert_int_equal(http_finish(a, &first, NULL, &err), ERR_OK);
    assert_true(str_eq(strbuf_str(&first.body), STR("\"first\"")));
    assert_int_equal(http_finish(b, &second, NULL, &err), ERR_OK);
    assert_true(str_eq(strbuf_str(&second.body), STR("\"second\"")));

    assert_int_equal(http_start(&w->client, &get, &c, &err), ERR_OK);
    http_drop(c);
    http_drop(NULL);
    assert_int_equal(w->net.dropped, 1);
}

static void a_url_too_long_is_refused(void **state)
{
    struct world *w = *state;
    static const struct step steps[] = {{200}};
    static char path[9000];
    struct http_request request = {.method = HTTP_GET, .path = path, .idempotent = true};
    struct err err = {0};
    int status = 0;

    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    assert_int_equal(RUN(w, &request, steps, &status, &err), ERR_LIMIT);
    assert_int_equal(w->at, 0);
    path[4000] = '\0';
    assert_int_equal(RUN(w, &request, steps, &status, &err), ERR_OK);
    /* In a message it is cut. */
    static const struct step gone[] = {{410}};
    assert_int_equal(RUN(w, &request, gone, &status, &err), ERR_NOT_FOUND);
    assert_in_range(strlen(err.msg), 200, 500);
}

static void a_refused_start_ends_the_call(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct http_call *call = (void *)w;

    w->fake.stop = 1;
    assert_int_equal(http_start(&w->client, &get, &call, &err), ERR_CANCELLED);
    assert_ptr_equal(call, w); /* untouched */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_good_answer_is_handed_over_with_its_padding),
        T(a_request_carries_base_credential_limits_and_rules),
        T(each_status_has_its_class_its_tries_and_its_sentence),
        T(a_failed_try_is_repeated_until_it_succeeds),
        T(waits_double_with_jitter_and_are_capped),
        T(the_wish_of_the_host_is_the_least_wait),
        T(a_call_that_waits_for_its_issue_holds_nobody_else),
        T(a_wish_longer_than_two_minutes_goes_to_the_caller),
        T(the_budget_is_waited_for_before_the_start),
        T(a_person_who_waits_gets_the_first_answer),
        T(only_network_errors_are_repeated),
        T(a_redirect_shows_only_where_it_leads),
        T(html_where_json_was_expected_is_told),
        T(refusals_tell_what_can_be_done),
        T(a_stop_ends_every_wait),
        T(a_stop_ends_the_wait_for_the_budget),
        T(calls_under_way_together_are_independent),
        T(a_url_too_long_is_refused),
        T(a_refused_start_ends_the_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
