#ifndef SANDBOX_MAILBOX_H
#define SANDBOX_MAILBOX_H
#include "base/json.h"
#include "http/mail.h"

/*
 * A mail server that delivers nothing: it takes letters on 127.0.0.1 and keeps them for the test to
 * look at. SMTP, one connection after the other; plain, by STARTTLS or in TLS from the beginning,
 * with a certificate of its own making. An address that begins with "refused" is answered 550.
 *
 * It is careless on purpose: it offers AUTH PLAIN before TLS too, and would take a letter or a
 * password so. A sender that is not has to mind by itself; what was said in the clear is kept.
 */
struct mailbox;

struct mailbox_options {
    uint16_t port; /* 0: a free one */
    enum mail_tls tls;
    const char *user, *password; /* who may send; user NULL: anybody. Borrowed for its life */
};

MUST_USE enum err_class mailbox_new(const struct mailbox_options *options, struct mailbox **ret,
                                    struct err *err);
void mailbox_free(struct mailbox *mailbox); /* NULL is fine */
uint16_t mailbox_port(const struct mailbox *mailbox);
/* PEM, borrowed; empty without TLS. */
struct str mailbox_certificate(const struct mailbox *mailbox);
/*
 * An array of {"from","to","data","tls","user"}, in the order of their arrival; data is as it came,
 * tls whether by TLS, user who had signed in ("": nobody).
 */
void mailbox_put(struct mailbox *mailbox, struct json_out *out);
/* The lines that came outside TLS, each with '\n'; the first 64 KiB. */
void mailbox_put_clear(struct mailbox *mailbox, struct strbuf *to);
void mailbox_clear(struct mailbox *mailbox); /* the letters */

#endif
