#ifndef CONNECT_ADMINISTRATOR_H
#define CONNECT_ADMINISTRATOR_H
#include "connect/password.h"
#include "connect/secret.h"
#include "store/data.h"

/*
 * The server's own administrator: one account without a name. The password is set by a link that
 * `tenon admin` prints on the server, good once and for 15 minutes. A data handle belongs to the
 * calling thread.
 */
#define SIGN_IN_LINK_MS (INT64_C(15) * 60 * 1000)

/* A new link's secret; every older link is void from then on. */
MUST_USE enum err_class administrator_link(struct data *data, char ret[SECRET_TEXT_BYTES + 1],
                                           struct err *err);
/* Password, sessions and links are gone. */
MUST_USE enum err_class administrator_reset(struct data *data, struct err *err);
/* Is there a password? */
MUST_USE enum err_class administrator_exists(struct data *data, bool *ret, struct err *err);
/*
 * Sets the password by a link, which is used up; all sessions of the administrator end.
 * ERR_DENIED: no such link, used already or too old. ERR_INPUT: the password.
 */
MUST_USE enum err_class administrator_set(struct data *data, struct passwords *passwords,
                                          struct str link, struct str password, struct err *err);
/* Errors: password_check. */
MUST_USE enum err_class administrator_check(struct data *data, struct passwords *passwords,
                                            struct str address, struct str password,
                                            int64_t *ret_wait_ms, struct err *err);

#endif
