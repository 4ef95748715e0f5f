/*
 * curl_error.c: what a failed transfer means for a person.
 *
 * curl's codes say at which step it stopped; here they become the thing, the value and the remedy.
 * curl's own texts are not passed on: some repeat what the remote sent.
 */
#include "http/curl_error.h"

#include <errno.h>
#include <inttypes.h>

#include "base/limits.h"
#include "base/str.h"

/* Since 8.6.0 the code of a header line that is too long; it was CURLE_OUT_OF_MEMORY before. */
#define CODE_TOO_LARGE 100
#define CODE_PROXY 97 /* CURLE_PROXY, the proxy's handshake failed */

enum err_class curl_error_too_large(const char *host, size_t body_max, struct err *err)
{
    return err_set(err, ERR_LIMIT, "the answer of %s is larger than the limit of %zu bytes", host,
                   body_max);
}

enum err_class curl_error_long_headers(const char *host, struct err *err)
{
    return err_set(err, ERR_LIMIT, "the headers of the answer of %s exceed the limit of %d bytes",
                   host, LIMIT_HTTP_HEADERS_BYTES);
}

static curl_off_t info_bytes(CURL *easy, CURLINFO info)
{
    curl_off_t value = -1;

    (void)curl_easy_getinfo(easy, info, &value); /* else stays unknown */
    return value;
}

static long info_long(CURL *easy, CURLINFO info)
{
    long value = 0;

    (void)curl_easy_getinfo(easy, info, &value);
    return value;
}

/* curl says why OpenSSL did not believe the certificate: a number of X509_V_ERR_… (x509_vfy.h). */
static enum err_class say_certificate(const struct curl_failure *f, struct err *err)
{
    static const struct {
        long verdict;
        const char *what;
        const char *remedy;
    } verdicts[] = {
        {9, "is not valid yet", "check the clock of this machine"},
        {10, "has expired",
         "its administrator must renew it (or the clock of this machine is wrong)"},
        {18, "is self-signed",
         "if it is the right one, add it to this machine's trusted authorities "
         "(update-ca-certificates), or name it in SSL_CERT_FILE"},
        {19, "comes from an authority of its own that this machine does not trust",
         "add that authority to the trusted ones (update-ca-certificates), or name it in "
         "SSL_CERT_FILE"},
        {20, "comes from an authority that this machine does not know",
         "add that authority to the trusted ones (update-ca-certificates), or name it in "
         "SSL_CERT_FILE"},
        {21, "cannot be followed to an authority that this machine knows",
         "the server may leave out an intermediate certificate; its administrator can add it"},
        {23, "was revoked", "ask its administrator"},
    };
    long verdict = info_long(f->easy, CURLINFO_SSL_VERIFYRESULT);

    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
        if (verdicts[i].verdict == verdict)
            return err_set(err, ERR_REMOTE, "the TLS certificate of %s %s: %s", f->host,
                           verdicts[i].what, verdicts[i].remedy);
    if (strstr(f->detail, "subject name"))
        return err_set(err, ERR_REMOTE,
                       "the TLS certificate that %s shows is not for that name: check the URL's "
                       "spelling, or ask its administrator",
                       f->host);
    return err_set(err, ERR_REMOTE,
                   "the TLS certificate of %s cannot be trusted (verdict %ld of OpenSSL): ask its "
                   "administrator",
                   f->host, verdict);
}

static enum err_class say_connect(const struct curl_failure *f, struct err *err)
{
    long number = info_long(f->easy, CURLINFO_OS_ERRNO);

    if (f->proxied)
        return err_set(err, ERR_NETWORK,
                       "the proxy for %s cannot be reached: check https_proxy and http_proxy in "
                       "the environment",
                       f->host);
    if (number == ECONNREFUSED)
        return err_set(err, ERR_NETWORK,
                       "%s refuses the connection at port %u: check the URL, and that the site is "
                       "up",
                       f->host, f->port);
    if (number == ENETUNREACH || number == EHOSTUNREACH)
        return err_set(err, ERR_NETWORK,
                       "there is no way through the network to %s: check this machine's "
                       "connection",
                       f->host);
    return err_set(err, ERR_NETWORK,
                   "%s cannot be reached at port %u: check the URL, this machine's connection and "
                   "its firewall",
                   f->host, f->port);
}

static enum err_class say_timeout(const struct curl_failure *f, struct err *err)
{
    bool resolved = info_bytes(f->easy, CURLINFO_NAMELOOKUP_TIME_T) > 0;
    bool connected = info_bytes(f->easy, CURLINFO_PRETRANSFER_TIME_T) > 0;
    int64_t connect_ms = f->total_ms < LIMIT_HTTP_CONNECT_MS ? f->total_ms : LIMIT_HTTP_CONNECT_MS;

    if (!connected)
        return err_set(err, ERR_NETWORK,
                       "%s at port %u did not take the connection within %" PRId64
                       " ms: check the URL, this machine's connection%s and its firewall",
                       f->host, f->port, connect_ms, resolved ? "" : ", its DNS");
    return err_set(err, ERR_NETWORK,
                   "%s did not end its answer within %" PRId64 " ms (%" CURL_FORMAT_CURL_OFF_T
                   " bytes of it came): it is overloaded, or the network is slow",
                   f->host, f->total_ms, info_bytes(f->easy, CURLINFO_SIZE_DOWNLOAD_T));
}

/* The connection was there and is no more. */
static enum err_class say_broken(const struct curl_failure *f, struct err *err)
{
    curl_off_t got = info_bytes(f->easy, CURLINFO_SIZE_DOWNLOAD_T);
    curl_off_t all = info_bytes(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
    long proxy_status = info_long(f->easy, CURLINFO_HTTP_CONNECTCODE);

    if (proxy_status != 0 && proxy_status != 200)
        return err_set(err, ERR_NETWORK,
                       "the proxy does not open the way to %s (%ld): check https_proxy and "
                       "all_proxy in the environment",
                       f->host, proxy_status);
    if (!f->headers_ended)
        return err_set(err, ERR_NETWORK, "%s closed the connection without an answer; try again",
                       f->host);
    if (all >= 0)
        return err_set(err, ERR_NETWORK,
                       "the connection to %s ended after %" CURL_FORMAT_CURL_OFF_T
                       " of %" CURL_FORMAT_CURL_OFF_T " bytes; try again",
                       f->host, got, all);
    return err_set(err, ERR_NETWORK,
                   "the connection to %s ended after %" CURL_FORMAT_CURL_OFF_T
                   " bytes, in the middle of the answer; try again",
                   f->host, got);
}

enum err_class curl_error_say(const struct curl_failure *f, struct err *err)
{
    /* Some codes are newer than the oldest curl we build with: a number, not the enumeration. */
    switch ((int)f->code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(err, ERR_NETWORK,
                       "the name %s is not found: check its spelling and this machine's DNS",
                       f->host);
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CODE_PROXY:
        return err_set(err, ERR_NETWORK,
                       "the proxy for %s is not found or refuses: check https_proxy, http_proxy "
                       "and all_proxy in the environment",
                       f->host);
    case CURLE_COULDNT_CONNECT:
        return say_connect(f, err);
    case CURLE_OPERATION_TIMEDOUT:
        return say_timeout(f, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return say_certificate(f, err);
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_INPUT,
                       "the file of trusted authorities cannot be read: check SSL_CERT_FILE in the "
                       "environment, or install ca-certificates");
    case CURLE_SSL_CONNECT_ERROR:
        return err_set(err, ERR_NETWORK,
                       "no TLS connection with %s at port %u: it may speak http:// only, or a "
                       "TLS older than 1.2",
                       f->host, f->port);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_GOT_NOTHING:
        return say_broken(f, err);
    case CURLE_FILESIZE_EXCEEDED:
        return curl_error_too_large(f->host, f->body_max, err);
    case CODE_TOO_LARGE:
        return curl_error_long_headers(f->host, err);
    case CURLE_OUT_OF_MEMORY:
        /* Before 8.6.0 curl says so of a header line of 100 kB, too; that is the likelier one. */
        if (!f->headers_ended && info_bytes(f->easy, CURLINFO_STARTTRANSFER_TIME_T) > 0)
            return curl_error_long_headers(f->host, err);
        return err_memory(err);
    case CURLE_BAD_CONTENT_ENCODING:
        return err_set(err, ERR_REMOTE, "the compressed answer of %s does not decompress", f->host);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return err_set(err, ERR_REMOTE,
                       "what answers at %s port %u does not speak HTTP: check the URL", f->host,
                       f->port);
    case CURLE_URL_MALFORMAT:
        return err_set(err, ERR_INPUT, "the URL of a call to %s is not well formed", f->host);
    default:
        return err_set(err, ERR_NETWORK, "the transfer from %s failed (curl's code %d: %s)",
                       f->host, (int)f->code, curl_easy_strerror(f->code));
    }
}
