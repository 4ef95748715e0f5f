/*
 * The server over TLS: with which certificate it serves, how it takes a new one, and what it says
 * of those that are no good. Keys and certificates were made for this test and are trusted by
 * nobody.
 */
/* OpenSSL's headers use names that base/banned.h takes away: first they, then ours. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "http/server.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/scratch.h"
#include "base/disk.h"

struct fixture {
    struct ctx ctx;
    struct scratch scratch;
    struct http_server *server;
    char certificate[512], key[512];
};

static void say_hello(struct http_exchange *ex)
{
    strbuf_addf(&ex->out, "https %d", http_in_is_https(ex));
}

static const struct http_route routes[] = {{HTTP_GET, "/hello", 0, say_hello}};

/* ---- Certificates ---- */

static void write_bio(const char *path, BIO *bio)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);

    assert_true(len > 0);
    scratch_write(path, (struct str){bytes, (size_t)len});
    BIO_free(bio);
}

/* A key of its own and a certificate signed by it, for 127.0.0.1; `serial` tells them apart. */
static void make_pair_on(const char *curve, const char *certificate_path, const char *key_path,
                         long serial, long from_s, long to_s)
{
    EVP_PKEY *key = EVP_EC_gen(curve);
    X509 *certificate = X509_new();
    X509V3_CTX extensions;
    X509_EXTENSION *names;
    BIO *bio;

    assert_non_null(key);
    assert_non_null(certificate);
    assert_int_equal(X509_set_version(certificate, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), from_s));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), to_s));
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN",
                                                MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                                                0),
                     1);
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)), 1);
    X509V3_set_ctx(&extensions, certificate, certificate, NULL, NULL, 0);
    names = X509V3_EXT_conf_nid(NULL, &extensions, NID_subject_alt_name, "IP:127.0.0.1");
    assert_non_null(names);
    assert_int_equal(X509_add_ext(certificate, names, -1), 1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    write_bio(certificate_path, bio);
    if (key_path) {
        bio = BIO_new(BIO_s_mem());
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
        write_bio(key_path, bio);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void make_pair(const char *certificate_path, const char *key_path, long serial, long from_s,
                      long to_s)
{
    make_pair_on("P-256", certificate_path, key_path, serial, from_s, to_s);
}

#define YEAR_S (365L * 24 * 60 * 60)

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    f->ctx = ctx_real(NULL);
    scratch_begin(&f->scratch);
    (void)snprintf(f->certificate, sizeof(f->certificate), "%s",
                   scratch_path(&f->scratch, "chain.pem"));
    (void)snprintf(f->key, sizeof(f->key), "%s", scratch_path(&f->scratch, "key.pem"));
    make_pair(f->certificate, f->key, 1, -60, YEAR_S);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    http_server_free(f->server);
    scratch_end(&f->scratch);
    free(f);
    return 0;
}

static enum err_class try_start(struct fixture *f, struct err *err)
{
    const struct http_server_options options = {.address = "127.0.0.1",
                                                .threads = 2,
                                                .routes = routes,
                                                .route_count = ARRAY_LEN(routes),
                                                .tls_certificate = f->certificate,
                                                .tls_key = f->key};

    return http_server_new(&f->ctx, &options, &f->server, err);
}

static void start(struct fixture *f)
{
    struct err err = {0};

    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        skip();
    if (try_start(f, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

static void assert_does_not_start(struct fixture *f, enum err_class class, const char *says)
{
    struct err err = {0};

    assert_int_equal(try_start(f, &err), class);
    assert_null(f->server);
    if (!strstr(err.msg, says))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, says);
}

/* ---- A client ---- */

static size_t collect(char *bytes, size_t size, size_t count, void *arg)
{
    strbuf_add(arg, bytes, size * count);
    return size * count;
}

/* As a new client, or again over the connection that `curl` has. */
static CURLcode ask_again(const struct fixture *f, CURL *curl, long version, const char *authority,
                          struct strbuf *ret)
{
    char url[100];

    strbuf_reset(ret);
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/hello", http_server_port(f->server));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_CAINFO, authority);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, version);
    /* What the client itself would refuse is not what the server refuses. */
    curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 20000L);
    curl_easy_setopt(curl, CURLOPT_HEADER, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
    return curl_easy_perform(curl);
}

static CURLcode ask(const struct fixture *f, long version, const char *authority,
                    struct strbuf *ret)
{
    CURL *curl = curl_easy_init();
    CURLcode code;

    assert_non_null(curl);
    code = ask_again(f, curl, version, authority, ret);
    curl_easy_cleanup(curl);
    return code;
}

static void assert_serves(const struct fixture *f, const char *authority)
{
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(100000);
    CURLcode code = ask(f, CURL_SSLVERSION_DEFAULT, authority, &answer);

    if (code != CURLE_OK)
        fail_msg("%s", curl_easy_strerror(code));
    assert_non_null(strstr(strbuf_z(&answer), "200 OK"));
    assert_non_null(strstr(strbuf_z(&answer), "https 1"));
}

/* ---- Tests ---- */

static void it_serves_with_its_certificate(void **state)
{
    struct fixture *f = *state;

    start(f);
    assert_serves(f, f->certificate);
    assert_in_range(http_server_tls_until_ms(f->server) / 1000 - ctx_now_ms(&f->ctx) / 1000,
                    YEAR_S - 60, YEAR_S + 60);
}

static void old_versions_of_tls_are_refused(void **state)
{
    struct fixture *f = *state;
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(100000);

    start(f);
    assert_int_equal(
        ask(f, CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2, f->certificate, &answer),
        CURLE_OK);
    assert_int_equal(ask(f, CURL_SSLVERSION_TLSv1_3, f->certificate, &answer), CURLE_OK);
    assert_int_not_equal(
        ask(f, CURL_SSLVERSION_TLSv1_1 | CURL_SSLVERSION_MAX_TLSv1_1, f->certificate, &answer),
        CURLE_OK);
    assert_int_equal(answer.len, 0);
}

static void plain_http_gets_no_answer(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 20};
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n";
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(100000);
    char part[1000];
    ssize_t got;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    start(f);
    address.sin_port = htons(http_server_port(f->server));
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
    while ((got = recv(fd, part, sizeof(part), 0)) > 0)
        strbuf_add(&answer, part, (size_t)got);
    (void)close(fd);
    assert_null(strstr(strbuf_z(&answer), "200 OK"));
    assert_serves(f, f->certificate);
}

static void a_renewed_certificate_is_taken_while_it_runs(void **state)
{
    struct fixture *f = *state;
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(100000);
    AUTO(free_autop) char *old = disk_join(f->scratch.dir, "old.pem");
    struct strbuf text = STRBUF_INIT(100000);
    struct err err = {0};
    CURL *curl = curl_easy_init();

    start(f);
    assert_int_equal(disk_read(&f->ctx, f->certificate, &text, &err), ERR_OK);
    scratch_write(old, strbuf_str(&text));
    strbuf_done(&text);
    assert_int_equal(ask_again(f, curl, CURL_SSLVERSION_DEFAULT, old, &answer), CURLE_OK);
    assert_null(strstr(strbuf_z(&answer), "Connection: close"));
    assert_int_equal(http_server_renew(f->server, &err), ERR_OK); /* the same: nothing happens */
    assert_serves(f, old);

    uint16_t port = http_server_port(f->server);
    int64_t until_ms = http_server_tls_until_ms(f->server);

    make_pair(f->certificate, f->key, 2, -60, 2 * YEAR_S);
    assert_serves(f, old); /* not before it is told */
    assert_int_equal(http_server_renew(f->server, &err), ERR_OK);
    assert_int_equal(http_server_port(f->server), port);
    assert_true(http_server_tls_until_ms(f->server) > until_ms);
    assert_serves(f, f->certificate);
    assert_int_not_equal(ask(f, CURL_SSLVERSION_DEFAULT, old, &answer), CURLE_OK);
    /* A connection that was open goes on for one answer. */
    assert_int_equal(ask_again(f, curl, CURL_SSLVERSION_DEFAULT, old, &answer), CURLE_OK);
    assert_non_null(strstr(strbuf_z(&answer), "200 OK"));
    assert_non_null(strstr(strbuf_z(&answer), "Connection: close"));
    curl_easy_cleanup(curl);
    http_server_tidy(f->server);
    for (long serial = 3; serial < 9; serial++) { /* again and again */
        make_pair(f->certificate, f->key, serial, -60, YEAR_S);
        for (int turn = 0; turn < 2000 && http_server_renew(f->server, &err) != ERR_OK; turn++)
            (void)usleep(1000); /* the server has yet to see that the connections are gone */
        assert_serves(f, f->certificate);
    }
}

static void a_renewal_that_is_no_good_leaves_the_old_one(void **state)
{
    struct fixture *f = *state;
    AUTO(free_autop) char *old = disk_join(f->scratch.dir, "old.pem");
    struct strbuf text = STRBUF_INIT(100000);
    struct err err = {0};

    start(f);
    assert_int_equal(disk_read(&f->ctx, f->certificate, &text, &err), ERR_OK);
    scratch_write(old, strbuf_str(&text));
    strbuf_done(&text);
    make_pair(f->certificate, NULL, 2, -60, YEAR_S); /* its key is not there yet */
    assert_int_equal(http_server_renew(f->server, &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "does not belong"));
    assert_serves(f, old);
    scratch_write(f->certificate, STR("half a fi"));
    assert_int_equal(http_server_renew(f->server, &err), ERR_INPUT);
    assert_serves(f, old);
    assert_int_equal(unlink(f->certificate), 0);
    assert_int_equal(http_server_renew(f->server, &err), ERR_NOT_FOUND);
    assert_serves(f, old);
}

static void what_gnutls_refuses_leaves_the_old_one_too(void **state)
{
    struct fixture *f = *state;
    AUTO(free_autop) char *old = disk_join(f->scratch.dir, "old.pem");
    struct strbuf text = STRBUF_INIT(100000);
    struct err err = {0};

    start(f);
    assert_int_equal(disk_read(&f->ctx, f->certificate, &text, &err), ERR_OK);
    scratch_write(old, strbuf_str(&text));
    strbuf_done(&text);
    make_pair_on("secp256k1", f->certificate, f->key, 2, -60, YEAR_S); /* OpenSSL knows it */
    assert_int_equal(http_server_renew(f->server, &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "chain.pem: GnuTLS does not take it"));
    assert_serves(f, old);
    make_pair(f->certificate, f->key, 3, -60, YEAR_S);
    assert_int_equal(http_server_renew(f->server, &err), ERR_OK);
    assert_serves(f, f->certificate);
}

static void what_cannot_be_served_with_is_named(void **state)
{
    struct fixture *f = *state;

    make_pair(f->certificate, NULL, 2, -60, YEAR_S);
    assert_does_not_start(f, ERR_INPUT, "does not belong to the first certificate");
    scratch_write(f->key, STR("no key"));
    assert_does_not_start(f, ERR_INPUT, "server.tls_key");
    assert_does_not_start(f, ERR_INPUT, "key.pem");
    scratch_write(f->certificate, STR(""));
    assert_does_not_start(f, ERR_INPUT, "chain.pem holds no certificate");
    assert_int_equal(unlink(f->certificate), 0);
    assert_does_not_start(f, ERR_NOT_FOUND, "chain.pem");
}

static void an_expired_certificate_still_serves(void **state)
{
    struct fixture *f = *state;
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(100000);

    make_pair(f->certificate, f->key, 2, -2 * YEAR_S, -YEAR_S);
    start(f);
    assert_true(http_server_tls_until_ms(f->server) < ctx_now_ms(&f->ctx));
    assert_int_equal(ask(f, CURL_SSLVERSION_DEFAULT, f->certificate, &answer),
                     CURLE_PEER_FAILED_VERIFICATION);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_serves_with_its_certificate),
        TEST(old_versions_of_tls_are_refused),
        TEST(plain_http_gets_no_answer),
        TEST(a_renewed_certificate_is_taken_while_it_runs),
        TEST(a_renewal_that_is_no_good_leaves_the_old_one),
        TEST(what_gnutls_refuses_leaves_the_old_one_too),
        TEST(what_cannot_be_served_with_is_named),
        TEST(an_expired_certificate_still_serves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
