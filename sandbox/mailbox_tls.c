/*
 * mailbox_tls.c: TLS for the mailbox, with OpenSSL.
 *
 * The certificate signs itself; a test that wants it believed names it in SSL_CERT_FILE.
 */
/* Its headers use names that base/banned.h poisons, so they come first. */
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "mailbox_tls.h"

#include <stdlib.h>

#define DAY_S (24L * 60 * 60)

struct mailbox_tls {
    SSL_CTX *shared;
    struct strbuf pem;
};

void mailbox_tls_free(struct mailbox_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->shared);
    strbuf_done(&tls->pem);
    free(tls);
}

AUTO_DEFINE(struct mailbox_tls, mailbox_tls_free)

static bool name_it(X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    X509V3_CTX extensions;
    X509_EXTENSION *names;
    bool done;

    X509V3_set_ctx(&extensions, certificate, certificate, NULL, NULL, 0);
    names = X509V3_EXT_conf_nid(NULL, &extensions, NID_subject_alt_name, "IP:127.0.0.1");
    done = names &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"tenon-sandbox", -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           X509_add_ext(certificate, names, -1) == 1;
    X509_EXTENSION_free(names);
    return done;
}

static bool sign_it(X509 *certificate, EVP_PKEY *key)
{
    return X509_set_version(certificate, 2) == 1 && /* that is: 3 */
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), DAY_S) &&
           X509_set_pubkey(certificate, key) == 1 && name_it(certificate) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static bool write_pem(X509 *certificate, struct strbuf *to)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool done = bio && PEM_write_bio_X509(bio, certificate) == 1;
    char *bytes = NULL;
    long len = done ? BIO_get_mem_data(bio, &bytes) : 0;

    strbuf_add_str(to, (struct str){bytes, (size_t)len});
    BIO_free(bio);
    return done && to->failed == ERR_OK;
}

enum err_class mailbox_tls_new(struct mailbox_tls **ret, struct err *err)
{
    AUTO(mailbox_tls_free_autop) struct mailbox_tls *tls = calloc(1, sizeof(*tls));
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    bool made = false;

    if (tls) {
        tls->pem = STRBUF_INIT(16384);
        tls->shared = SSL_CTX_new(TLS_server_method());
        made = tls->shared && key && certificate && sign_it(certificate, key) &&
               write_pem(certificate, &tls->pem) &&
               SSL_CTX_use_certificate(tls->shared, certificate) == 1 &&
               SSL_CTX_use_PrivateKey(tls->shared, key) == 1;
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (!made)
        return err_set(err, ERR_BUG, "OpenSSL makes no certificate for the mailbox");
    *ret = TAKE(tls);
    return ERR_OK;
}

struct str mailbox_tls_certificate(const struct mailbox_tls *tls)
{
    return strbuf_str(&tls->pem);
}

struct ssl_st *mailbox_tls_accept(const struct mailbox_tls *tls, int fd)
{
    SSL *connection = SSL_new(tls->shared);

    if (connection && SSL_set_fd(connection, fd) == 1 && SSL_accept(connection) == 1)
        return connection;
    SSL_free(connection);
    return NULL;
}

void mailbox_tls_end(struct ssl_st *connection)
{
    if (connection)
        (void)SSL_shutdown(connection); /* a farewell; the peer may have gone */
    SSL_free(connection);
}

int mailbox_tls_read(struct ssl_st *connection, char *to, size_t room)
{
    int got = SSL_read(connection, to, (int)room);

    if (got > 0)
        return got;
    return SSL_get_error(connection, got) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

bool mailbox_tls_write(struct ssl_st *connection, struct str bytes)
{
    return SSL_write(connection, bytes.ptr, (int)bytes.len) == (int)bytes.len;
}
