/* Tests of curl_error.c: the codes that no local server brings about. */
#include "http/curl_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/str.h"

static void each_code_has_its_class_and_names_the_host(void **state)
{
    static const struct {
        CURLcode code;
        bool proxied;
        enum err_class class;
        const char *part;
    } cases[] = {
        {CURLE_COULDNT_RESOLVE_HOST, false, ERR_NETWORK,
         "check its spelling and this machine's DNS"},
        {CURLE_COULDNT_RESOLVE_PROXY, true, ERR_NETWORK, "https_proxy"},
        {CURLE_COULDNT_CONNECT, false, ERR_NETWORK, "cannot be reached at port 443"},
        {CURLE_COULDNT_CONNECT, true, ERR_NETWORK, "the proxy for acme.example cannot be reached"},
        {CURLE_OPERATION_TIMEDOUT, false, ERR_NETWORK,
         "did not take the connection within 10000 ms"},
        {CURLE_PEER_FAILED_VERIFICATION, false, ERR_REMOTE, "cannot be trusted"},
        {CURLE_SSL_CONNECT_ERROR, false, ERR_NETWORK, "no TLS connection"},
        {CURLE_RECV_ERROR, false, ERR_NETWORK, "closed the connection without an answer"},
        {CURLE_SEND_ERROR, false, ERR_NETWORK, "closed the connection without an answer"},
        {CURLE_SEND_FAIL_REWIND, false, ERR_NETWORK, "closed the connection without an answer"},
        {CURLE_FILESIZE_EXCEEDED, false, ERR_LIMIT, "larger than the limit of 77 bytes"},
        {CURLE_BAD_CONTENT_ENCODING, false, ERR_REMOTE, "does not decompress"},
        {CURLE_WEIRD_SERVER_REPLY, false, ERR_REMOTE, "does not speak HTTP"},
        {CURLE_URL_MALFORMAT, false, ERR_INPUT, "is not well formed"},
        {CURLE_FAILED_INIT, false, ERR_NETWORK, "curl's code 2"},
    };
    CURL *easy = curl_easy_init();

    (void)state;
    assert_non_null(easy);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        struct curl_failure failure = {.easy = easy,
                                       .code = cases[i].code,
                                       .detail = "",
                                       .host = "acme.example",
                                       .port = 443,
                                       .proxied = cases[i].proxied,
                                       .body_max = 77,
                                       .total_ms = 60000};

        assert_int_equal(curl_error_say(&failure, &err), cases[i].class);
        if (!strstr(err.msg, cases[i].part) || !strstr(err.msg, "acme.example"))
            fail_msg("%d: %s", (int)cases[i].code, err.msg);
    }
    curl_easy_cleanup(easy);
}

static void out_of_memory_is_that_and_nothing_else(void **state)
{
    CURL *easy = curl_easy_init();
    struct curl_failure failure = {.easy = easy, .code = CURLE_OUT_OF_MEMORY, .detail = ""};
    struct err err = {0};

    (void)state;
    assert_non_null(easy);
    failure.host = "acme.example";
    assert_int_equal(curl_error_say(&failure, &err), ERR_MEMORY);
    curl_easy_cleanup(easy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_has_its_class_and_names_the_host),
        cmocka_unit_test(out_of_memory_is_that_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
