/* hub_signature.c: is this body from somebody who knows the secret? Keeps nothing; any thread. */
#include "connect/hub_signature.h"

#include "connect/digest.h"

static bool read_hex(struct str hex, unsigned char ret[DIGEST_BYTES])
{
    static const char digits[] = "0123456789abcdefABCDEF";

    if (hex.len != (size_t)2 * DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < hex.len; i++) {
        const char *digit = memchr(digits, hex.ptr[i], sizeof(digits) - 1);

        if (!digit)
            return false;

        size_t value =
            (size_t)(digit - digits) < 16 ? (size_t)(digit - digits) : (size_t)(digit - digits) - 6;

        ret[i / 2] = (unsigned char)(i % 2 == 0 ? value << 4 : ret[i / 2] | value);
    }
    return true;
}

enum err_class hub_signature_check(struct str header, struct str body, struct str secret,
                                   struct err *err)
{
    unsigned char told[DIGEST_BYTES];
    struct str hex = {0};
    struct str method = str_cut(header, '=', &hex);
    bool equal = false;

    if (secret.len == 0)
        return err_set(err, ERR_KEY,
                       "there is no secret to check the webhook's signature with; set one on both "
                       "sides");
    if (header.len == 0)
        return err_set(
            err, ERR_DENIED,
            "the webhook carries no X-Hub-Signature; enter the secret in Jira's webhook");
    if (!str_eq(method, STR("sha256")) || !read_hex(hex, told))
        return err_set(err, ERR_DENIED,
                       "the webhook's X-Hub-Signature is not sha256= and %d hex digits",
                       2 * DIGEST_BYTES);
    if (!digest_hmac_matches(secret, body, told, &equal))
        return err_memory(err);
    if (!equal)
        return err_set(err, ERR_DENIED,
                       "the webhook's X-Hub-Signature does not fit its body: it was signed with "
                       "another secret or changed on its way");
    return ERR_OK;
}
