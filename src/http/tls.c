/*
 * tls.c: reading a certificate chain and its key.
 *
 * OpenSSL looks at them, GnuTLS (inside libmicrohttpd) uses them: what both take is PEM, and only
 * OpenSSL's library is ours already.
 */
/* OpenSSL's headers use names that base/banned.h takes away: first they, then ours. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "http/tls.h"

#include <sodium.h>
#include <time.h>

#include "base/disk.h"

#define PEM_BYTES_MAX ((size_t)256 * 1024)

void tls_pair_done(struct tls_pair *pair)
{
    if (pair->key.ptr)
        sodium_memzero(pair->key.ptr, pair->key.room);
    strbuf_done(&pair->key);
    strbuf_done(&pair->certificate);
}

/* OpenSSL would ask at the terminal. */
static int no_passphrase(char *room, int size, int writing, void *arg)
{
    (void)room;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static BIO *open_text(const struct strbuf *text)
{
    return BIO_new_mem_buf(strbuf_z(text), (int)text->len);
}

static X509 *read_certificate(const struct strbuf *text)
{
    BIO *bio = open_text(text);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    return certificate;
}

static EVP_PKEY *read_key(const struct strbuf *text)
{
    BIO *bio = open_text(text);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    return key;
}

static enum err_class check_pair(struct tls_pair *pair, const char *certificate_path,
                                 const char *key_path, struct err *err)
{
    X509 *certificate = read_certificate(&pair->certificate);
    EVP_PKEY *key = read_key(&pair->key);
    struct tm until = {0};
    enum err_class rc = ERR_OK;

    if (!certificate)
        rc = err_set(err, ERR_INPUT,
                     "%s holds no certificate in PEM; name the file of the chain, the server's own "
                     "certificate first, in server.tls_certificate",
                     certificate_path);
    else if (!key)
        rc = err_set(err, ERR_INPUT,
                     "%s holds no private key in PEM without a passphrase; name such a file in "
                     "server.tls_key",
                     key_path);
    else if (X509_check_private_key(certificate, key) != 1)
        rc = err_set(err, ERR_INPUT,
                     "the key in %s does not belong to the first certificate in %s; name the pair "
                     "in server.tls_key and server.tls_certificate",
                     key_path, certificate_path);
    else if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) == 1)
        pair->until_ms = (int64_t)timegm(&until) * 1000;
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return rc;
}

enum err_class tls_pair_read(const struct ctx *ctx, const char *certificate_path,
                             const char *key_path, struct tls_pair *ret, struct err *err)
{
    struct tls_pair pair = {.certificate = STRBUF_INIT(PEM_BYTES_MAX),
                            .key = STRBUF_INIT(PEM_BYTES_MAX)};
    enum err_class rc = disk_read(ctx, certificate_path, &pair.certificate, err);

    if (rc == ERR_OK)
        rc = disk_read(ctx, key_path, &pair.key, err);
    if (rc != ERR_OK)
        (void)err_wrap(err, "the TLS certificate");
    else
        rc = check_pair(&pair, certificate_path, key_path, err);
    if (rc != ERR_OK) {
        tls_pair_done(&pair);
        return rc;
    }
    *ret = pair;
    return ERR_OK;
}
