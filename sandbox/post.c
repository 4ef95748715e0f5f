/* post.c: one HTTP call, by curl, to loopback addresses only. */
#include "post.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define TIMEOUT_S 20

/* curl asks before it connects: anything but this machine is refused. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    bool loopback = false;

    (void)arg;
    (void)purpose;
    if (address->family == AF_INET) {
        memcpy(&v4, &address->addr, sizeof(v4));
        loopback = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    } else if (address->family == AF_INET6) {
        memcpy(&v6, &address->addr, sizeof(v6));
        loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    if (!loopback)
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    if (arg)
        strbuf_add(arg, bytes, size * count);
    return size * count;
}

long post_send(const struct post *post, struct strbuf *ret)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = NULL;
    long status = 0;

    for (size_t i = 0; i < POST_HEADERS_MAX && post->headers[i][0]; i++) {
        struct curl_slist *longer = curl_slist_append(headers, post->headers[i]);

        headers = longer ? longer : headers;
    }
    if (curl) {
        (void)curl_easy_setopt(curl, CURLOPT_URL, post->url);
        (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
        (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
        (void)curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        if (post->body) {
            (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body);
            (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->len);
        }
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
        if (curl_easy_perform(curl) == CURLE_OK)
            (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}
