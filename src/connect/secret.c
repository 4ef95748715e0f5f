/*
 * secret.c: random secrets as text, and their digests.
 *
 * The digest is keyed BLAKE2b with a key that everybody may know: it only keeps the uses apart, so
 * that the value that goes into every page (against forged requests) is not the one in the
 * database.
 */
#include "connect/secret.h"

#include <assert.h>
#include <sodium.h>

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

_Static_assert(sodium_base64_ENCODED_LEN(SECRET_DIGEST_BYTES, VARIANT) == SECRET_TEXT_BYTES + 1,
               "a digest and a secret have the same form as text");

static const char *const uses[SECRET_USE_COUNT] = {
    [SECRET_SESSION] = "tenon session v1",
    [SECRET_CSRF] = "tenon csrf v1   ",
    [SECRET_LINK] = "tenon link v1   ",
    [SECRET_TOKEN] = "tenon token v1  ",
};

static void to_text(const unsigned char bytes[SECRET_DIGEST_BYTES], char ret[SECRET_TEXT_BYTES + 1])
{
    (void)sodium_bin2base64(ret, SECRET_TEXT_BYTES + 1, bytes, SECRET_DIGEST_BYTES, VARIANT);
}

void secret_new(const struct ctx *ctx, char ret[SECRET_TEXT_BYTES + 1])
{
    unsigned char bytes[SECRET_DIGEST_BYTES];

    ctx_random(ctx, bytes, sizeof(bytes));
    to_text(bytes, ret);
    sodium_memzero(bytes, sizeof(bytes));
}

bool secret_is_well_formed(struct str text)
{
    if (text.len != SECRET_TEXT_BYTES)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

void secret_digest(enum secret_use use, struct str text, unsigned char ret[SECRET_DIGEST_BYTES])
{
    int failed = crypto_generichash(ret, SECRET_DIGEST_BYTES, (const unsigned char *)text.ptr,
                                    text.len, (const unsigned char *)uses[use], strlen(uses[use]));

    assert(failed == 0); /* only sizes out of range fail */
    (void)failed;
}

void secret_digest_text(enum secret_use use, struct str text, char ret[SECRET_TEXT_BYTES + 1])
{
    unsigned char digest[SECRET_DIGEST_BYTES];

    secret_digest(use, text, digest);
    to_text(digest, ret);
}

bool secret_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}
