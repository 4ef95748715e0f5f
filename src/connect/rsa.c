/*
 * rsa.c: public keys by OpenSSL.
 *
 * Everything here comes from a key server that we chose, over TLS; it is checked nevertheless,
 * since a weak key there would let anybody in here. What OpenSSL says about a failure stays in its
 * queue of the thread, which is emptied: nobody else may find it there.
 */
/* First, since OpenSSL's headers use names that base/banned.h forbids. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "connect/rsa.h"

#include <stdatomic.h>

#include "base/json.h"
#include "connect/base64url.h"

#define EXPONENT_MIN 65537
#define EXPONENT_BITS_MAX 32
#define NUMBER_BYTES_MAX (RSA_BITS_MAX / 8 + 1)

struct rsa_key {
    atomic_uint refs;
    EVP_PKEY *pkey; /* never changed */
};

static void pkey_autop(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static void bio_autop(BIO **bio)
{
    (void)BIO_free(*bio);
}

static void bn_autop(BIGNUM **bn)
{
    BN_free(*bn);
}

static void md_ctx_autop(EVP_MD_CTX **ctx)
{
    EVP_MD_CTX_free(*ctx);
}

static void pkey_ctx_autop(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void param_bld_autop(OSSL_PARAM_BLD **bld)
{
    OSSL_PARAM_BLD_free(*bld);
}

static void params_autop(OSSL_PARAM **params)
{
    OSSL_PARAM_free(*params);
}

/* Takes over `pkey` if it is a key that we trust for signatures. */
static enum err_class make_key(EVP_PKEY **pkey, struct rsa_key **ret, struct err *err)
{
    AUTO(bn_autop) BIGNUM *e = NULL;
    int bits = EVP_PKEY_get_bits(*pkey);

    if (!EVP_PKEY_is_a(*pkey, "RSA"))
        return err_set(err, ERR_REMOTE, "it is not an RSA key");
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return err_set(err, ERR_REMOTE, "the RSA key has %d bits; %d to %d are taken", bits,
                       RSA_BITS_MIN, RSA_BITS_MAX);
    if (EVP_PKEY_get_bn_param(*pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
        return err_memory(err);
    if (BN_num_bits(e) > EXPONENT_BITS_MAX || BN_get_word(e) < EXPONENT_MIN || !BN_is_odd(e))
        return err_set(err, ERR_REMOTE,
                       "the RSA key's exponent is not an odd number from %d to 2^%d", EXPONENT_MIN,
                       EXPONENT_BITS_MAX);

    struct rsa_key *key = calloc(1, sizeof(*key));

    if (!key)
        return err_memory(err);
    atomic_init(&key->refs, 1);
    key->pkey = TAKE(*pkey);
    *ret = key;
    return ERR_OK;
}

/* OpenSSL would ask at the terminal for the password of an encrypted key. */
static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return -1;
}

enum err_class rsa_key_from_pem(struct str pem, struct rsa_key **ret, struct err *err)
{
    AUTO(bio_autop) BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    AUTO(pkey_autop) EVP_PKEY *pkey = NULL;

    if (!bio)
        return err_memory(err);
    pkey = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    ERR_clear_error();
    if (!pkey)
        return err_set(err, ERR_REMOTE, "it is not a public key in PEM");
    return make_key(&pkey, ret, err);
}

/* A number of a JWK: base64url, big-endian. NULL when it is none. */
static BIGNUM *jwk_number(yyjson_val *jwk, const char *name)
{
    unsigned char bytes[NUMBER_BYTES_MAX];
    struct str text = json_str(jwk, name);
    size_t len = 0;

    if (text.len == 0 || !base64url_decode(text, bytes, sizeof(bytes), &len))
        return NULL;
    return BN_bin2bn(bytes, (int)len, NULL);
}

static EVP_PKEY *pkey_of_numbers(const BIGNUM *n, const BIGNUM *e)
{
    AUTO(param_bld_autop) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    AUTO(params_autop) OSSL_PARAM *params = NULL;
    AUTO(pkey_ctx_autop) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *pkey = NULL;

    if (!bld || !ctx || OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1)
        return NULL;
    params = OSSL_PARAM_BLD_to_param(bld);
    if (!params || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return NULL;
    return pkey;
}

/* Absent, or that text. */
static bool is_if_there(yyjson_val *jwk, const char *name, const char *value)
{
    return !yyjson_obj_get(jwk, name) || str_eq_z(json_str(jwk, name), value);
}

enum err_class rsa_key_from_jwk(yyjson_val *jwk, struct rsa_key **ret, struct err *err)
{
    if (!str_eq(json_str(jwk, "kty"), STR("RSA")))
        return err_set(err, ERR_REMOTE, "it is not an RSA key");
    if (!is_if_there(jwk, "use", "sig") || !is_if_there(jwk, "alg", "RS256"))
        return err_set(err, ERR_REMOTE, "it is not meant for signatures by RS256");

    AUTO(bn_autop) BIGNUM *n = jwk_number(jwk, "n");
    AUTO(bn_autop) BIGNUM *e = jwk_number(jwk, "e");
    AUTO(pkey_autop) EVP_PKEY *pkey = NULL;

    if (!n || !e)
        return err_set(err, ERR_REMOTE, "its n or e is missing or not base64url");
    pkey = pkey_of_numbers(n, e);
    ERR_clear_error();
    if (!pkey)
        return err_set(err, ERR_REMOTE, "its n and e make no RSA key");
    return make_key(&pkey, ret, err);
}

struct rsa_key *rsa_key_ref(struct rsa_key *key)
{
    (void)atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
    return key;
}

void rsa_key_unref(struct rsa_key *key)
{
    if (!key || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

enum err_class rsa_key_verify(const struct rsa_key *key, struct str data, struct str signature,
                              struct err *err)
{
    AUTO(md_ctx_autop) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!ctx || EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key->pkey, NULL) != 1) {
        ERR_clear_error();
        return err_memory(err);
    }

    int verdict = EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len,
                                   (const unsigned char *)data.ptr, data.len);

    ERR_clear_error();
    if (verdict != 1)
        return err_set(err, ERR_DENIED,
                       "the signature is not of the key that the token names, or the token was "
                       "changed on its way");
    return ERR_OK;
}
