#ifndef HTTP_CURL_ERROR_H
#define HTTP_CURL_ERROR_H
#include <curl/curl.h>
#include <stdint.h>

#include "base/err.h"

/* What curl.c knows of a transfer that failed, for the sentence. All borrowed. */
struct curl_failure {
    CURL *easy; /* for its getinfo */
    CURLcode code;
    const char *detail; /* curl's error buffer: classified, never shown */
    const char *host;
    unsigned port;
    bool proxied;
    bool headers_ended;
    size_t body_max;
    int64_t total_ms;
};

/*
 * Class and sentence for a failed transfer. ERR_NETWORK for what may go away by itself; ERR_REMOTE
 * for a certificate that cannot be trusted and for what is not HTTP; ERR_LIMIT, ERR_INPUT,
 * ERR_MEMORY.
 */
enum err_class curl_error_say(const struct curl_failure *failure, struct err *err);
/* The sentences for our own limits, said when a callback has ended the transfer. */
enum err_class curl_error_too_large(const char *host, size_t body_max, struct err *err);
enum err_class curl_error_long_headers(const char *host, struct err *err);

#endif
