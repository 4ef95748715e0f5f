/* Tests of assets.c, on the table that this build carries: real pages, or the page that says so. */
#include "daemon/assets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void finds_every_entry_and_each_is_fit_to_send(void **state)
{
    (void)state;
    for (size_t i = 0; i < assets_count; i++) {
        const struct asset *asset = &assets_all[i];

        assert_ptr_equal(assets_find(str_from(asset->path)), asset);
        assert_non_null(strchr(asset->type, '/'));
        assert_int_equal(asset->etag[0], '"');
        assert_int_equal(asset->etag[strlen(asset->etag) - 1], '"');
        assert_true(asset->len > 0);
        assert_int_equal(asset->immutable, strncmp(asset->path, "/assets/", 8) == 0);
        if (i > 0)
            assert_true(strcmp(assets_all[i - 1].path, asset->path) < 0);
    }
}

static void has_every_page_and_the_description(void **state)
{
    (void)state;
    static const char *const pages[] = {"/",         "/time", "/reports", "/sync",
                                        "/settings", "/data", "/setup",   "/sign-in"};

    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        const struct asset *asset = assets_find(str_from(pages[i]));

        assert_non_null(asset);
        assert_string_equal(asset->type, "text/html; charset=utf-8");
        assert_false(asset->immutable);
    }
    assert_non_null(assets_find(STR("/openapi.yaml")));
}

static void finds_nothing_but_exact_paths(void **state)
{
    (void)state;
    static const char *const strangers[] = {
        "", "/tim", "/time/", "/TIME", "/assets/", "/assets/../time", "/index.html", "//", "/~"};

    for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
        assert_null(assets_find(str_from(strangers[i])));
    assert_null(assets_find((struct str){"/time\0", 6}));
}

static void unpacks_each_to_its_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < assets_count; i++) {
        unsigned char *plain = NULL;
        struct err err = {0};

        assert_int_equal(asset_plain(&assets_all[i], &plain, &err), ERR_OK);
        if (strncmp(assets_all[i].type, "text/html", 9) == 0)
            assert_memory_equal(plain, "<!doctype html>", 15);
        free(plain);
    }
}

static void a_damaged_file_is_our_own_mistake(void **state)
{
    (void)state;
    struct asset asset = *assets_find(STR("/time"));
    unsigned char *plain = NULL;
    struct err err = {0};

    asset.gzip = true;
    asset.plain_len++; /* one byte more than is in it */
    assert_int_equal(asset_plain(&asset, &plain, &err), ERR_BUG);
    assert_null(plain);
    assert_non_null(strstr(err.msg, "/time"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_entry_and_each_is_fit_to_send),
        cmocka_unit_test(has_every_page_and_the_description),
        cmocka_unit_test(finds_nothing_but_exact_paths),
        cmocka_unit_test(unpacks_each_to_its_length),
        cmocka_unit_test(a_damaged_file_is_our_own_mistake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
