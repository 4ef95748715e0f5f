/* Tests of arena.c. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>

#include <cmocka.h>

static void memory_is_zeroed_and_aligned_for_anything(void **state)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(1 << 20);
    static const unsigned char zero[3000];

    (void)state;
    assert_non_null(arena);
    for (int round = 0; round < 3; round++) {
        for (size_t len = 1; len < 300; len += 7) {
            unsigned char *at = arena_alloc(arena, len);

            assert_non_null(at);
            assert_int_equal((uintptr_t)at % alignof(max_align_t), 0);
            assert_memory_equal(at, zero, len);
            memset(at, 0xa5, len); /* dirt for the next round */
        }
        arena_reset(arena);
    }
}

static void pieces_do_not_overlap(void **state)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(1 << 24);
    unsigned char *pieces[500];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        size_t len = i * 37 % 5000;

        pieces[i] = arena_alloc(arena, len);
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)(i % 251), len);
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        for (size_t at = 0; at < i * 37 % 5000; at++)
            assert_int_equal(pieces[i][at], i % 251);
}

static void the_limit_is_reached_and_not_passed(void **state)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(10000);
    AUTO(arena_free_autop) struct arena *nothing = arena_new(0);
    size_t got = 0;

    (void)state;
    assert_null(arena_alloc(arena, 10001));
    assert_null(arena_alloc(arena, SIZE_MAX));
    while (arena_alloc(arena, 16))
        got += 16;
    assert_in_range(got, 8000, 10000); /* some is lost to the blocks' edges */
    assert_null(arena_alloc(arena, 16));

    /* What was refused does not break what follows. */
    arena_reset(arena);
    assert_non_null(arena_alloc(arena, 16));
    assert_null(arena_alloc(nothing, 1));

    AUTO(arena_free_autop) struct arena *exact = arena_new(8192);

    assert_non_null(arena_alloc(exact, 8192));
    assert_null(arena_alloc(exact, 1));
}

static void reset_makes_a_loop_settle(void **state)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(1 << 20);
    const void *first = NULL;

    (void)state;
    arena_reset(arena); /* nothing there yet */
    for (int round = 0; round < 100; round++) {
        const void *at = arena_alloc(arena, 3000);

        for (int i = 0; i < 30; i++)
            assert_non_null(arena_alloc(arena, 1000));
        if (round == 10)
            first = at;
        else if (round > 10)
            assert_ptr_equal(at, first); /* the same block again: nothing new is asked for */
        arena_reset(arena);
    }
}

static void copies_are_terminated(void **state)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(64);

    (void)state;
    assert_string_equal(arena_dup_z(arena, STR("abc")), "abc");
    assert_string_equal(arena_dup_z(arena, (struct str){NULL, 0}), "");

    struct str copy = arena_dup(arena, STR("x\0y"));

    assert_true(str_eq(copy, STR("x\0y")));

    struct str none = arena_dup(arena, (struct str){"", 1000}); /* refused before it is read */

    assert_null(none.ptr);
    assert_int_equal(none.len, 0);
    assert_null(arena_dup_z(arena, (struct str){"", 64}));
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned_for_anything),
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(the_limit_is_reached_and_not_passed),
        cmocka_unit_test(reset_makes_a_loop_settle),
        cmocka_unit_test(copies_are_terminated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
