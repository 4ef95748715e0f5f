#ifndef CONNECT_HUB_SIGNATURE_H
#define CONNECT_HUB_SIGNATURE_H
#include "base/str.h"

/*
 * X-Hub-Signature, with which Jira signs the deliveries of a webhook that has a secret
 * (facts 5.3; WebSub, section 7.1): the name of a hash, '=', and the HMAC of the raw body in hex.
 * Only sha256 is taken, as the standard's others are weak or unused.
 *
 * `header` is the header's value, empty when there is none. ERR_DENIED: missing, of another form or
 * method, or wrong. ERR_KEY: `secret` is empty. ERR_MEMORY. Constant time in the signature.
 */
MUST_USE enum err_class hub_signature_check(struct str header, struct str body, struct str secret,
                                            struct err *err);

#endif
