/*
 * Tests of jwt.c and qsh.c together: Atlassian's published suite of signed URLs, each verified as a
 * request would be. The suite lies outside of this repository; without it the test is skipped.
 *
 *   test_connect_vectors FILE
 */
#include "connect/jwt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/disk.h"
#include "connect/qsh.h"

#define CASES 78
#define FILE_BYTES_MAX ((size_t)1 << 20)
#define EXIT_SKIPPED 77 /* Meson's word for it */

static yyjson_doc *suite;

/* A request as it arrives: the token, and what it is checked against. */
struct arrived {
    struct str token;
    struct qsh_request request;
};

/* The token is the last parameter of the URL; the hash leaves it out by itself. */
static struct arrived arrive(yyjson_val *test)
{
    struct str origin = STR("https://example.com"), url = json_str(test, "signedUrl");
    struct arrived arrived = {.request = {.method = STR("GET")}};
    struct str rest;

    assert_true(str_starts(url, origin));
    arrived.request.path = str_cut(str_sub(url, origin.len, url.len), '?', &arrived.request.query);
    rest = arrived.request.query;
    while (rest.len > 0) {
        struct str pair = str_cut(rest, '&', &rest);

        if (str_starts(pair, STR("jwt=")))
            arrived.token = str_sub(pair, 4, pair.len);
    }
    assert_true(arrived.token.len > 0);
    return arrived;
}

typedef void test_of_case(struct arena *arena, yyjson_val *test, const struct arrived *arrived,
                          const struct jwt *jwt);

static void for_each_case(test_of_case *check)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)1 << 20);
    yyjson_val *tests = yyjson_obj_get(yyjson_doc_get_root(suite), "tests"), *test;
    size_t i, count;

    assert_non_null(arena);
    assert_int_equal(yyjson_arr_size(tests), CASES);
    yyjson_arr_foreach(tests, i, count, test)
    {
        AUTO(jwt_done) struct jwt jwt = {0};
        struct arrived arrived = arrive(test);
        struct err err = {0};

        arena_reset(arena);
        assert_int_equal(jwt_parse(arena, arrived.token, &jwt, &err), ERR_OK);
        check(arena, test, &arrived, &jwt);
    }
}

static void verify(struct arena *arena, yyjson_val *test, const struct arrived *arrived,
                   const struct jwt *jwt)
{
    struct str secret = json_str(yyjson_doc_get_root(suite), "secret");
    struct str canonical = {0};
    struct err err = {0};

    assert_int_equal(jwt_verify_hs256(jwt, secret, &err), ERR_OK);
    assert_int_equal(qsh_canonical(arena, &arrived->request, &canonical, &err), ERR_OK);
    assert_true(str_eq(canonical, json_str(test, "canonicalUrl")));
    assert_int_equal(qsh_check(arena, &arrived->request, jwt->qsh, &err), ERR_OK);
    /* All were made for 180 s of June 2016. */
    assert_int_equal(jwt_check_times(jwt, jwt->iat_s * 1000, 0, 180, &err), ERR_OK);
    assert_int_equal(jwt_check_times(jwt, jwt->exp_s * 1000, 0, 180, &err), ERR_DENIED);
}

static void all_published_cases_verify(void **state)
{
    (void)state;
    for_each_case(verify);
}

static void refuse(struct arena *arena, yyjson_val *test, const struct arrived *arrived,
                   const struct jwt *jwt)
{
    struct qsh_request posted = arrived->request, longer = arrived->request;
    struct err err = {0};
    char query[3000];

    (void)test;
    assert_int_equal(jwt_verify_hs256(jwt, STR("7512836e-9137-48ac-baaf-a1935b96e17b"), &err),
                     ERR_DENIED);
    posted.method = STR("POST");
    assert_int_equal(qsh_check(arena, &posted, jwt->qsh, &err), ERR_DENIED);
    (void)snprintf(query, sizeof(query), STR_FMT "&more=1", STR_ARG(longer.query));
    longer.query = str_from(query);
    assert_int_equal(qsh_check(arena, &longer, jwt->qsh, &err), ERR_DENIED);
}

static void none_verifies_for_another_secret_or_request(void **state)
{
    (void)state;
    for_each_case(refuse);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_published_cases_verify),
        cmocka_unit_test(none_verifies_for_another_secret_or_request),
    };
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(FILE_BYTES_MAX);
    struct ctx ctx = ctx_real(NULL);
    struct err err = {0};
    int failed;

    if (argc != 2 || disk_read(&ctx, argv[1], &text, &err) != ERR_OK) {
        (void)printf("skipped: Atlassian's suite of signed URLs is not here (%s)\n",
                     argc == 2 ? argv[1] : "no file is named");
        return EXIT_SKIPPED;
    }
    if (json_read(strbuf_str(&text), argv[1], &suite, &err) != ERR_OK) {
        (void)printf("%s\n", err.msg);
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    yyjson_doc_free(suite);
    return failed;
}
