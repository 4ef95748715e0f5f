/* Tests of digest.c: however the bytes come, the digest is that of all of them. */
#include <openssl/sha.h> /* before our list of banned names */

#include "custody/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROOM_BYTES (11 * PIPE_BLOCK_BYTES + 17)

static unsigned char *bytes;

static void has_digest(struct digest *digest, size_t len, size_t part, bool beside)
{
    unsigned char got[DIGEST_BYTES], want[DIGEST_BYTES];
    struct err err = {0};

    digest_begin(digest, beside);
    for (size_t at = 0; at < len; at += part)
        digest_add(digest,
                   (struct str){(const char *)bytes + at, len - at < part ? len - at : part});
    assert_int_equal(digest->bytes, len);
    assert_int_equal(digest_end(digest, got, &err), ERR_OK);
    (void)SHA256(bytes, len, want);
    assert_memory_equal(got, want, DIGEST_BYTES);
}

static void bytes_in_any_parts_have_the_digest_of_the_whole(void **state)
{
    struct digest digest = {0}; /* one for all, as for the tables of a backup */
    const size_t lengths[] = {0, 1, PIPE_BLOCK_BYTES, PIPE_BLOCK_BYTES + 1, ROOM_BYTES};
    const size_t parts[] = {4093, PIPE_BLOCK_BYTES, 3 * PIPE_BLOCK_BYTES + 5, ROOM_BYTES};

    (void)state;
    bytes = malloc(ROOM_BYTES);
    assert_non_null(bytes);
    for (size_t i = 0; i < ROOM_BYTES; i++)
        bytes[i] = (unsigned char)(i * 2654435761U >> 13);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
        for (size_t n = 0; n < ARRAY_LEN(parts); n++) {
            has_digest(&digest, lengths[i], parts[n], true);
            has_digest(&digest, lengths[i], parts[n], false);
        }
    digest_done(&digest);
    free(bytes);
}

static void one_that_is_not_ended_is_released(void **state)
{
    struct digest digest = {0};
    char *part = calloc(1, PIPE_BLOCK_BYTES);

    (void)state;
    assert_non_null(part);
    digest_begin(&digest, true);
    for (int i = 0; i < 7; i++)
        digest_add(&digest, (struct str){part, PIPE_BLOCK_BYTES});
    digest_done(&digest);
    assert_false(digest.started);
    assert_null(digest.state);
    free(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_in_any_parts_have_the_digest_of_the_whole),
        cmocka_unit_test(one_that_is_not_ended_is_released),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
