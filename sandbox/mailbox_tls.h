#ifndef SANDBOX_MAILBOX_TLS_H
#define SANDBOX_MAILBOX_TLS_H
#include "base/str.h"

/*
 * The mailbox's side of TLS: a key and a certificate for 127.0.0.1 (not for localhost), both new
 * with each run and good for a day, which nobody trusts who is not told to. May be used by several
 * threads; a connection (OpenSSL's struct ssl_st) belongs to one.
 */
struct mailbox_tls;
struct ssl_st;

MUST_USE enum err_class mailbox_tls_new(struct mailbox_tls **ret, struct err *err);
void mailbox_tls_free(struct mailbox_tls *tls); /* NULL is fine */
/* PEM, borrowed. */
struct str mailbox_tls_certificate(const struct mailbox_tls *tls);

/* Shakes hands as the server on a connected socket, which stays the caller's. NULL: it failed. */
struct ssl_st *mailbox_tls_accept(const struct mailbox_tls *tls, int fd);
void mailbox_tls_end(struct ssl_st *connection); /* NULL is fine; the socket stays open */
/* As recv and send: bytes, 0 when the peer has ended it, -1. At most INT_MAX bytes. */
int mailbox_tls_read(struct ssl_st *connection, char *to, size_t room);
bool mailbox_tls_write(struct ssl_st *connection, struct str bytes);

#endif
