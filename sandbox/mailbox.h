#ifndef SANDBOX_MAILBOX_H
#define SANDBOX_MAILBOX_H
#include "base/json.h"

/*
 * A mail server that delivers nothing: it takes letters on 127.0.0.1 and keeps them for the test to
 * look at. SMTP without TLS and sign-in, one connection after the other. An address that begins
 * with "refused" is answered 550.
 */
struct mailbox;

/* port 0: a free one. */
MUST_USE enum err_class mailbox_new(uint16_t port, struct mailbox **ret, struct err *err);
void mailbox_free(struct mailbox *mailbox); /* NULL is fine */
uint16_t mailbox_port(const struct mailbox *mailbox);
/* An array of {"from","to","data"}, in the order of their arrival; data is as it came. */
void mailbox_put(struct mailbox *mailbox, struct json_out *out);
void mailbox_clear(struct mailbox *mailbox);

#endif
