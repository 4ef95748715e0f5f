#ifndef CONNECT_CONNECT_INTERNAL_H
#define CONNECT_CONNECT_INTERNAL_H
#include "connect/connect_app.h"
#include "connect/install.h"
#include "connect/jwt.h"

/* What connect_app.c (requests) and connect_life.c (installations) share, and tests see. */

/* The request's token, read and not checked. */
MUST_USE enum err_class connect_parse(const struct incoming *in, struct jwt *ret, struct err *err);
MUST_USE enum err_class connect_check_time(const struct identities *ids, const struct jwt *jwt,
                                           struct err *err);
/* Is it bound to this request? */
MUST_USE enum err_class connect_check_qsh(const struct identities *ids, const struct incoming *in,
                                          const struct jwt *jwt, struct err *err);
/*
 * A token by a shared secret, checked in all but whether the installation is enabled (it may be
 * disabled, but not uninstalled). *ret is the caller's reference.
 */
MUST_USE enum err_class connect_verify(struct identities *ids, const struct incoming *in,
                                       bool context_too, struct jwt *jwt, struct recalled **ret,
                                       struct err *err);

/*
 * What the body of an install says; ret->secret and ret->previous are initialised, and the caller
 * ends with connect_install_done. ERR_INPUT names the member. The client key is of the right length
 * and no more: whoever calls has compared it with the token's.
 */
MUST_USE enum err_class connect_read_install(const struct identities *ids, yyjson_val *body,
                                             struct connect_install *ret, struct err *err);

#endif
