#ifndef HTTP_MAIL_H
#define HTTP_MAIL_H
#include "base/ctx.h"
#include "base/str.h"

/*
 * Letters as the logic sees them: one text to one address, handed to the operator's own mail server
 * (a relay, which queues and tries again). The real way is SMTP by libcurl, mail_curl_new; a test
 * puts its own into a struct mailer.
 */
#define MAIL_ADDRESS_BYTES 254 /* RFC 5321, 4.5.3.1.3, without the angle brackets */
#define MAIL_TEXT_BYTES ((size_t)256 * 1024)

/* All borrowed for the call. */
struct mail_letter {
    struct str to;
    struct str subject; /* printable ASCII, at most 200 bytes */
    struct str text;    /* UTF-8, lines end with '\n' */
};

enum mail_end {
    MAIL_TAKEN,   /* the server has it, and answers for it from now on */
    MAIL_REFUSED, /* it does not take this letter; others it may */
    MAIL_UNSURE,  /* the connection broke while the letter was handed over: it may have it */
};

struct mail_ops {
    /*
     * Hands one letter over. ERR_INPUT: it is not a letter (address, subject, length); then nothing
     * was sent. ERR_DENIED, ERR_REMOTE: the server takes none from us, now and later. ERR_NETWORK,
     * ERR_CANCELLED, ERR_MEMORY: none was handed over. No message names an address.
     */
    enum err_class (*send)(void *self, const struct ctx *ctx, const struct mail_letter *letter,
                           enum mail_end *ret, struct err *err);
};

struct mailer {
    const struct mail_ops *ops;
    void *self;
};

enum mail_tls {
    MAIL_TLS_NONE,     /* plain; never with a password */
    MAIL_TLS_STARTTLS, /* the connection becomes TLS before anything else is said */
    MAIL_TLS_IMPLICIT, /* it begins as TLS */
};

struct mail_options {
    const char *host; /* a name or a literal address, IPv6 without brackets */
    uint16_t port;    /* 0: what goes with tls: 25, 587, 465 */
    enum mail_tls tls;
    const char *from;    /* an address */
    const char *user;    /* ""; none */
    struct str password; /* copied */
    int64_t total_ms;    /* for one letter */
};

/*
 * SMTP (RFC 5321). Letters of one mailer share a connection; it belongs to one thread. The
 * certificate must be trusted (SSL_CERT_FILE as in http/net.h) and name the host. ERR_INPUT: the
 * options; a password without TLS is one of the mistakes.
 */
struct mail_curl;
MUST_USE enum err_class mail_curl_new(const struct mail_options *options, struct mail_curl **ret,
                                      struct err *err);
void mail_curl_free(struct mail_curl *mail); /* NULL is fine */
AUTO_DEFINE(struct mail_curl, mail_curl_free)
struct mailer mail_curl_mailer(struct mail_curl *mail); /* borrows it */

/*
 * An address that can stand in a command and a header as it is: one '@', printable ASCII without
 * spaces, brackets, quotes and commas. RFC 5321 allows more; nobody has it.
 */
bool mail_is_address(struct str text);

#endif
