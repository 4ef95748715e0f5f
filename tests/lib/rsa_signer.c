/* rsa_signer.c: the side that signs, by OpenSSL and none of our own code. */
/* First, since OpenSSL's headers use names that base/banned.h forbids. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "rsa_signer.h"

#include <assert.h>
#include <sodium.h>

static const char *const private_pem[] = {
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCTvfMMetsGqgQL\n"
    "kUBzMvyZcev0c21Cytv5DxPPMkSceYJKQwixxfG4kAwwZKfCHgIn6KbHMlX/wd94\n"
    "ghPXtVDOEe7Zd/QGMRTmyZ/fb2kQP1Y6FPDXQ6Y4OtTAN8amuqEB+8A6weYg7oMV\n"
    "w/CjP+/NxQ/3wXtxYatnpkRRVrdD3CB9AKWdpqq6B9gYBDupjIMD3gtpEP9HhmkY\n"
    "lD4C4dEFUoQYrjJo72wWsiUvg3qYP/RboesnpTC97M8xrQ+mVp5lMAbacmO4DLvT\n"
    "I8gCku/e8DtqXjk31NT2or0RlUkOgwM6/aektx0dojYauxGO61V2agiwyUnyWCpa\n"
    "Uf8tgZt5AgMBAAECggEADH99GAksjhvDy9a1xQkDJVflxgAdthDDGwaTfmuaMkJ1\n"
    "KyMQkTlVgW9uGInrRxiSxh2APkmbzM7xwJgAZbcI5uXNdsgW9I8iXYOg6p3aHW2+\n"
    "NZuf5BXs8cTISpptS51uEWTilhXhCdgjbqvsp2K5Pob1GthbQPQqM9J05QyY5DyR\n"
    "7CDqTvvo5JQCaYVwU8CdiJZOMEMH8DAtIJ953aUGE8sI8lVnsq94XE8IbKhm0wgk\n"
    "NWlZKjHyc2tfTt9ft7gOD4hYJ7vMfpq3DUK1Sg9OwV3CRwDavPUAlVzBTwgSo4/O\n"
    "gyP+pt9UY4NnNUN9k1CItzwUs1QpUa3F0KgZlh2XoQKBgQDOpc3O2isBtios7kMr\n"
    "EG8uu9EjRbCBM0EgooIBLl84eGEJpSlQRL3SV3mywJniuzywj7q4NgkjpxjTkoM+\n"
    "OiqYo1nSgZ+vfSavRCV5DsL+aK4c3Z20s/crIZlOsLGvVqQioKhiuhFuH8qjoe5o\n"
    "joHYGbMU+z1X3AUxHKuQtGEmEwKBgQC3BrijDRPctbHBcQ6OJFaHNEtksemIpLQ6\n"
    "wZZe8tpX3crXS1RlpYZsgTAZ+WcIAUM1IhaMi+DqfIQQkwii60JKHeSgNeqFNEko\n"
    "on2i9RPgcCOo26kqHHGKUsIyXAXg2KKRadMnmdcIoGQw6tJwiYzETJvNr/c6l0oh\n"
    "lDAeBkdZwwKBgFs6DzV2Uu4agVv8g2KLisnS2Gz94wHmoqXJmCL1WcwQOKaNZ0Os\n"
    "VTB6tZsYM9dIWW6IxSF1mWtH5UnhsFbUTuG7m3e3CcvrMBzHtNNQlPzDMbpEi86u\n"
    "dDtyRb/beVWyphszWaLcCb3YAxlh72HxJ5lDHy/wChCzbQdVZNgpCYpJAoGAUnDk\n"
    "mg059SCigM+8DqqvjxcvHpxE5RfLVuv8H6ikUQ/GXlPAIEj+08EdOZXtot1uuHAy\n"
    "V/xpwzVzB0Qzj68InPn6EXA3wuhaS8NldBGQcngQl+7Zs+479mJwtt5ch3sNPxK7\n"
    "2gqhoXEdsCsVvzs1/PXE+FFauzmKWrW1NtD9MqECgYEAt1skUtDE0r07iJPPQrM4\n"
    "ypHbatZ4fA2vzzsrQWYW6dF5xoNrl82qAYDhqA8vrF8tvaze/ByK8ufizYJKA2Cx\n"
    "AUdiKzzjk135PMTx/BPTe6INKY8IMGkmAlHlR9AO6zXvMOkv3TfO7ULG6voH/J7d\n"
    "/vow8EhEuAuIXEOCO0wuxaM=\n"
    "-----END PRIVATE KEY-----\n",
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDOVQ5vzHrKDHo6\n"
    "KjUXjxZ/1OeajH38luDwpMDy5DO9TuNFQvvxlN26swcV3A1YQ3V/IFiI4e9KC87a\n"
    "jXbwi3In4xeEWPHgkFFYCp2M68keSLrTxebVZh2tW0gEUsfjW0zobhgmgJ+YhaWZ\n"
    "BDF1osgTRRxOvo/hniSjLo+zR9bUU0MjF5Ed1XTZ0TRX7RssVWGyAtp6BxmmFrTa\n"
    "V4zHsez+gamrmUkqi2inBzEo5EePJM+QM8o4IgqmVgcMzT1gXmxiVKP4ymnrzYSC\n"
    "FDqqt0eUTZQnDQNVNRURQBqxQit7/uSPrJsambStT9o61qa018rL7HjAyvrbZxGo\n"
    "/1hHEEfdAgMBAAECggEAKFLnJ2JG/QXDPWrSRXBpbUImoUWjuaGjBGSucMm4ct7f\n"
    "+8FDi8sUKlCiqdr/oKhOZjHkG5xML6RvILdU713RSYpQJkVbwA90Vkh80fWisJB2\n"
    "Mr0Sh9IVKrQUNwQWnJBTT3l0rtGkXyJ/YpA3Ok4928Y96gXECMvnTRzkaJ05lvT0\n"
    "l1jjdgD7HFgPrA+oigBQPJ5+8erFSesHXeRrWhi7PRI+i2E0G+aGxfpnmM1ehCcN\n"
    "2n2XPtsI8YOhcegYC4XGCgq2elQXJx+Id9OTJCGeanvC/ro+ywcMwFuo0zRabr6D\n"
    "ErqULDfoldRL7k4eCGZ4MC8JMOdHV80WBr/fPkZU4QKBgQD6g3Lzo1uj7y85v+U2\n"
    "+cc7E2Q2LGiiUO3ixf2ifX+WHvIAk33FB90FfSCYkL1eA4kgRieKvSHkEVttmENG\n"
    "zdL0KGmLxM78KQeD8fW+VL3dEZ8PIDJQqqcXXKaQDo0+MUXgDZ9qUoOMWpI4XQG1\n"
    "JtVhU+eox7dE3KsfqDu1N1e0FwKBgQDS2eWjareD5e6mkF53HMq1T9B1mqgTdhev\n"
    "hc36TztY1gR5pr5N/LtyGq/Mf22aC2q3F+4m7UiW5piuc4x7iXlepVsskcrKHmwl\n"
    "gz8LxaY3lIwIGFarhnXZvWLVAwXiMmYnLniBZS/OL04lknpaepJPbpmm4T4UWr+B\n"
    "rS2w2ZA4KwKBgAHEF3VcO3MmZoDTt3vxutPRyS0QlxQ92c91cdpJZDLcuPwEDijr\n"
    "a0V0olww+QTGpZrSo8i4mJqQ/MIDBsZjAQ+zkTrpAkSIzYLCm+bhlg0O6L4kjfY/\n"
    "nbnub0YotBoyIrn3np4TQtYkdU9saGysf2iWPNXVwpb7r0Ej4Hfgkf+1AoGBAJSx\n"
    "d2FUG9DXcQJjo0qqskVE4QReqZL33+I3ITgZcgfG/ebwcRo8VdA1A67aWmedD4fJ\n"
    "R3iKM3u/aQL1l6dzHnVhdTesJO9+ntOhh+98ViiyCEKZL13M+AUyqqT/ecG3uxR8\n"
    "kBzoR9tGvvx+HOz7rXx4ycDG7WmbSZxgjW0/MJZ7AoGAOfDAmcw1PGo0Qhz1ih+X\n"
    "AqPEBHZc8QYsYv7/dNn3EM3vV0H80KKPN9bwYjQi51wovTVbddLWG5yXfQhuJCUq\n"
    "haFWPFIqEWKm13nHHdfAiyzV9wB20g+p5oXSFAqpznbqdaYoMOy6cFiEPVHOS6DB\n"
    "AObyzE15mgy3ttgPw54YR3Y=\n"
    "-----END PRIVATE KEY-----\n",
};
static const char *const public_pem[] = {
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAk73zDHrbBqoEC5FAczL8\n"
    "mXHr9HNtQsrb+Q8TzzJEnHmCSkMIscXxuJAMMGSnwh4CJ+imxzJV/8HfeIIT17VQ\n"
    "zhHu2Xf0BjEU5smf329pED9WOhTw10OmODrUwDfGprqhAfvAOsHmIO6DFcPwoz/v\n"
    "zcUP98F7cWGrZ6ZEUVa3Q9wgfQClnaaqugfYGAQ7qYyDA94LaRD/R4ZpGJQ+AuHR\n"
    "BVKEGK4yaO9sFrIlL4N6mD/0W6HrJ6UwvezPMa0PplaeZTAG2nJjuAy70yPIApLv\n"
    "3vA7al45N9TU9qK9EZVJDoMDOv2npLcdHaI2GrsRjutVdmoIsMlJ8lgqWlH/LYGb\n"
    "eQIDAQAB\n"
    "-----END PUBLIC KEY-----\n",
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzlUOb8x6ygx6Oio1F48W\n"
    "f9Tnmox9/Jbg8KTA8uQzvU7jRUL78ZTdurMHFdwNWEN1fyBYiOHvSgvO2o128Ity\n"
    "J+MXhFjx4JBRWAqdjOvJHki608Xm1WYdrVtIBFLH41tM6G4YJoCfmIWlmQQxdaLI\n"
    "E0UcTr6P4Z4koy6Ps0fW1FNDIxeRHdV02dE0V+0bLFVhsgLaegcZpha02leMx7Hs\n"
    "/oGpq5lJKotopwcxKORHjyTPkDPKOCIKplYHDM09YF5sYlSj+Mpp682EghQ6qrdH\n"
    "lE2UJw0DVTUVEUAasUIre/7kj6ybGpm0rU/aOtamtNfKy+x4wMr622cRqP9YRxBH\n"
    "3QIDAQAB\n"
    "-----END PUBLIC KEY-----\n",
};

static void pkey_autop(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static void bn_autop(BIGNUM **bn)
{
    BN_free(*bn);
}

static EVP_PKEY *load(enum rsa_signer signer)
{
    BIO *bio = BIO_new_mem_buf(private_pem[signer], -1);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    assert(pkey);
    (void)BIO_free(bio);
    return pkey;
}

const char *rsa_signer_pem(enum rsa_signer signer)
{
    return public_pem[signer];
}

void rsa_signer_base64url(struct str bytes, struct strbuf *ret)
{
    size_t room = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *at = strbuf_grow(ret, room - 1);

    assert(at);
    sodium_bin2base64(at, room, (const unsigned char *)bytes.ptr, bytes.len,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void add_number(const EVP_PKEY *pkey, const char *name, struct strbuf *ret)
{
    AUTO(bn_autop) BIGNUM *bn = NULL;
    unsigned char bytes[256];
    int got = EVP_PKEY_get_bn_param(pkey, name, &bn);

    assert(got == 1);
    assert(BN_num_bytes(bn) <= (int)sizeof(bytes));
    got = BN_bn2bin(bn, bytes);
    rsa_signer_base64url((struct str){(const char *)bytes, (size_t)got}, ret);
}

void rsa_signer_jwk(enum rsa_signer signer, const char *kid, struct strbuf *ret)
{
    AUTO(pkey_autop) EVP_PKEY *pkey = load(signer);

    strbuf_addf(ret, "{\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"%s\",\"n\":\"",
                kid);
    add_number(pkey, OSSL_PKEY_PARAM_RSA_N, ret);
    strbuf_add_z(ret, "\",\"e\":\"");
    add_number(pkey, OSSL_PKEY_PARAM_RSA_E, ret);
    strbuf_add_z(ret, "\"}");
}

void rsa_signer_token(enum rsa_signer signer, const char *header, const char *claims,
                      struct strbuf *ret)
{
    AUTO(pkey_autop) EVP_PKEY *pkey = load(signer);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[256];
    size_t from = ret->len, len = sizeof(signature);

    rsa_signer_base64url(str_from(header), ret);
    strbuf_add_char(ret, '.');
    rsa_signer_base64url(str_from(claims), ret);

    int done = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey);

    assert(done == 1);
    done = EVP_DigestSign(ctx, signature, &len, (const unsigned char *)ret->ptr + from,
                          ret->len - from);
    assert(done == 1);
    EVP_MD_CTX_free(ctx);
    strbuf_add_char(ret, '.');
    rsa_signer_base64url((struct str){(const char *)signature, len}, ret);
}
