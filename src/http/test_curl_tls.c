/*
 * Tests of curl.c over TLS: which certificates are believed, and what is said of the others. The
 * server is libmicrohttpd on 127.0.0.1; keys and certificates were made for this test and are
 * trusted by nobody else.
 */
#include "http/net.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

/* the key of all servers here */
static const char key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZuzY+vO1BZ32/s2y\n"
                              "ud+Fb9hxD6a53pnjCLhdwNqNRWehRANCAAQ4ExTK32XviN2VmHyu5XX1ZQ5jF5fP\n"
                              "E5oq0K1JOY9RD6NG2H+Lc9rtvd7x6MadoejsnfDC2zBUo/KZ2M0W4wEx\n"
                              "-----END PRIVATE KEY-----\n";
/* signs the next four */
static const char authority_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBZDCCAQugAwIBAgIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA50ZXN0IGF1\n"
    "dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowGTEXMBUG\n"
    "A1UEAwwOdGVzdCBhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARZ\n"
    "/ik2vp8+/8Pnl3APhIL2tvShslqhVdExQFnkradPvQ+7UMXB4XhH/timLxrIJQVq\n"
    "frl15vS4xjwNug5EFmhQo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQE\n"
    "AwICBDAdBgNVHQ4EFgQUGGxcdEUFXs3PylECI8i7BIL1J2YwCgYIKoZIzj0EAwID\n"
    "RwAwRAIgLnfte141aZp+oo+SVT0egZjvC3TM1XhbieIokJCwTe0CICzOB7pcBi3k\n"
    "PA+1Ezi6VbU8vVMzBjgCJPSs96jUOiD4\n"
    "-----END CERTIFICATE-----\n";
/* localhost and 127.0.0.1, to the year 9999 */
static const char good_pem[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIBiDCCAS2gAwIBAgIBAjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA50ZXN0IGF1\n"
                               "dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowFDESMBAG\n"
                               "A1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOBMUyt9l\n"
                               "74jdlZh8ruV19WUOYxeXzxOaKtCtSTmPUQ+jRth/i3Pa7b3e8ejGnaHo7J3wwtsw\n"
                               "VKPymdjNFuMBMaNpMGcwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAkGA1Ud\n"
                               "EwQCMAAwHQYDVR0OBBYEFCeyOyKVYeQqeor6YGRl8mA7Gjx1MB8GA1UdIwQYMBaA\n"
                               "FBhsXHRFBV7Nz8pRAiPIuwSC9SdmMAoGCCqGSM49BAMCA0kAMEYCIQC4w1wpAyxM\n"
                               "uZNN+43jH7btACU/UQmvwjl1dGPBdwx2EwIhAOkPuZGtsi0+TIn6pTtPkY/ogKGU\n"
                               "ifahnEuVCe7+dWse\n"
                               "-----END CERTIFICATE-----\n";
/* the same, for the year 2020 */
static const char expired_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBhTCCASugAwIBAgIBAzAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA50ZXN0IGF1\n"
    "dGhvcml0eTAeFw0yMDAxMDEwMDAwMDBaFw0yMTAxMDEwMDAwMDBaMBQxEjAQBgNV\n"
    "BAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDgTFMrfZe+I\n"
    "3ZWYfK7ldfVlDmMXl88TmirQrUk5j1EPo0bYf4tz2u293vHoxp2h6Oyd8MLbMFSj\n"
    "8pnYzRbjATGjaTBnMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAJBgNVHRME\n"
    "AjAAMB0GA1UdDgQWBBQnsjsilWHkKnqK+mBkZfJgOxo8dTAfBgNVHSMEGDAWgBQY\n"
    "bFx0RQVezc/KUQIjyLsEgvUnZjAKBggqhkjOPQQDAgNIADBFAiBPWtdPkrzZt1EH\n"
    "026mEzLWltV4zd2sXPX+LtovV39VAAIhAPbr6Io3XxAxYpbqv4Dj8gu/Q5RC+Gif\n"
    "IpUBe4v9XF8i\n"
    "-----END CERTIFICATE-----\n";
/* the same, from the year 9998 on */
static const char early_pem[] = "-----BEGIN CERTIFICATE-----\n"
                                "MIIBiTCCAS+gAwIBAgIBBDAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA50ZXN0IGF1\n"
                                "dGhvcml0eTAiGA85OTk4MDEwMTAwMDAwMFoYDzk5OTkxMjMxMjM1OTU5WjAUMRIw\n"
                                "EAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ4ExTK\n"
                                "32XviN2VmHyu5XX1ZQ5jF5fPE5oq0K1JOY9RD6NG2H+Lc9rtvd7x6MadoejsnfDC\n"
                                "2zBUo/KZ2M0W4wExo2kwZzAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCQYD\n"
                                "VR0TBAIwADAdBgNVHQ4EFgQUJ7I7IpVh5Cp6ivpgZGXyYDsaPHUwHwYDVR0jBBgw\n"
                                "FoAUGGxcdEUFXs3PylECI8i7BIL1J2YwCgYIKoZIzj0EAwIDSAAwRQIhAMxgu0Ft\n"
                                "Fhc6w+uEZ8/UK7trv5O5eESfIDzPUisQtH5/AiB3dRfaFKID9q/N9ghig7dNAdog\n"
                                "23dZ6FjWvqeEuCwHHg==\n"
                                "-----END CERTIFICATE-----\n";
/* for other.example */
static const char other_pem[] = "-----BEGIN CERTIFICATE-----\n"
                                "MIIBhTCCASugAwIBAgIBBTAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA50ZXN0IGF1\n"
                                "dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowFDESMBAG\n"
                                "A1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOBMUyt9l\n"
                                "74jdlZh8ruV19WUOYxeXzxOaKtCtSTmPUQ+jRth/i3Pa7b3e8ejGnaHo7J3wwtsw\n"
                                "VKPymdjNFuMBMaNnMGUwGAYDVR0RBBEwD4INb3RoZXIuZXhhbXBsZTAJBgNVHRME\n"
                                "AjAAMB0GA1UdDgQWBBQnsjsilWHkKnqK+mBkZfJgOxo8dTAfBgNVHSMEGDAWgBQY\n"
                                "bFx0RQVezc/KUQIjyLsEgvUnZjAKBggqhkjOPQQDAgNIADBFAiEApIp+9aBQ31wO\n"
                                "QdkdNNR1MjOseF/zgLu0x8S5rCKDOWICIGWkndLghZLJGCCyNV1+J5qKTVUPx/9a\n"
                                "k5gQ8L+JDicK\n"
                                "-----END CERTIFICATE-----\n";
/* for localhost, signed by itself */
static const char self_pem[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIBYjCCAQegAwIBAgIBBjAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv\n"
                               "c3QwIBcNMjAwMTAxMDAwMDAwWhgPOTk5OTEyMzEyMzU5NTlaMBQxEjAQBgNVBAMM\n"
                               "CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDgTFMrfZe+I3ZWY\n"
                               "fK7ldfVlDmMXl88TmirQrUk5j1EPo0bYf4tz2u293vHoxp2h6Oyd8MLbMFSj8pnY\n"
                               "zRbjATGjSDBGMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAJBgNVHRMEAjAA\n"
                               "MB0GA1UdDgQWBBQnsjsilWHkKnqK+mBkZfJgOxo8dTAKBggqhkjOPQQDAgNJADBG\n"
                               "AiEAiyJhi2aJMRaAcA06dXk0kADnwTp6iDnFKakMrRKeGP4CIQDuWiMrYUsVmXZY\n"
                               "jku2MIX/2n96yr2jrAcqIAG8DwHvjw==\n"
                               "-----END CERTIFICATE-----\n";

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    static char body[] = "{\"a\":1}";
    struct MHD_Response *response;
    enum MHD_Result result;

    (void)arg;
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    (void)upload_size;
    (void)request;
    response = MHD_create_response_from_buffer(sizeof(body) - 1, body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Daemon *serve(const char *certificate, unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, 0, NULL, NULL, answer, NULL,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_HTTPS_MEM_KEY, key_pem,
        MHD_OPTION_HTTPS_MEM_CERT, certificate, MHD_OPTION_END);

    assert_non_null(daemon);
    *ret_port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    return daemon;
}

/* One call to a server with that certificate, `trusted` being all authorities (NULL: the system's).
 */
static enum err_class call(const char *host, const char *certificate, const char *trusted,
                           struct err *err)
{
    AUTO(net_curl_free_autop) struct net_curl *net = NULL;
    AUTO(net_response_done) struct net_response response = {0};
    struct ctx ctx = ctx_real(NULL);
    struct net_call *exchange = NULL;
    char url[100], path[] = P_tmpdir "/tenon-test-XXXXXX";
    unsigned port = 0;
    struct MHD_Daemon *daemon = serve(certificate, &port);
    enum err_class class;

    if (trusted) {
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, trusted, strlen(trusted)), strlen(trusted));
        assert_int_equal(close(fd), 0);
        assert_int_equal(setenv("SSL_CERT_FILE", path, 1), 0);
    }
    (void)snprintf(url, sizeof(url), "https://%s:%u/", host, port);
    assert_int_equal(net_curl_new(&net, err), ERR_OK);
    net_curl_install(net, &ctx);

    struct net_request request = {.method = HTTP_GET,
                                  .url = url,
                                  .authorization = "Bearer secret",
                                  .body_max = 1000,
                                  .total_ms = 10000,
                                  .allow_private = true};

    class = ctx.net->start(ctx.net_self, &ctx, &request, &exchange, err);
    if (class == ERR_OK)
        class = ctx.net->finish(ctx.net_self, &ctx, exchange, &response, err);
    if (class == ERR_OK)
        assert_int_equal(response.body.len, 7);
    if (trusted) {
        (void)unlink(path);
        (void)unsetenv("SSL_CERT_FILE");
    }
    MHD_stop_daemon(daemon);
    return class;
}

static void a_certificate_of_a_trusted_authority_is_believed(void **state)
{
    struct err err = {0};

    (void)state;
    if (call("localhost", good_pem, authority_pem, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    if (call("127.0.0.1", good_pem, authority_pem, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

static void each_other_certificate_is_told_with_its_remedy(void **state)
{
    static const struct {
        const char *certificate, *trusted, *part, *remedy;
    } cases[] = {
        {good_pem, NULL, "comes from an authority that this machine does not know",
         "SSL_CERT_FILE"},
        {expired_pem, authority_pem, "the TLS certificate of localhost has expired",
         "must renew it"},
        {early_pem, authority_pem, "the TLS certificate of localhost is not valid yet",
         "check the clock"},
        {other_pem, authority_pem, "is not for that name", "check the URL's spelling"},
        {self_pem, authority_pem, "is self-signed", "update-ca-certificates"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};

        assert_int_equal(call("localhost", cases[i].certificate, cases[i].trusted, &err),
                         ERR_REMOTE);
        if (!strstr(err.msg, cases[i].part) || !strstr(err.msg, cases[i].remedy))
            fail_msg("%zu: %s", i, err.msg);
    }
}

static void a_missing_file_of_authorities_is_told(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(setenv("SSL_CERT_FILE", "/nonexistent/authorities.pem", 1), 0);
    assert_int_equal(call("localhost", good_pem, NULL, &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "check SSL_CERT_FILE"));
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_of_a_trusted_authority_is_believed),
        cmocka_unit_test(each_other_certificate_is_told_with_its_remedy),
        cmocka_unit_test(a_missing_file_of_authorities_is_told),
    };
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                            "SSL_CERT_FILE"};

    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        (void)unsetenv(variables[i]);
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
        (void)fprintf(stderr, "skipped: this libmicrohttpd has no TLS\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
