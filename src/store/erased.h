#ifndef STORE_ERASED_H
#define STORE_ERASED_H
#include "store/data.h"

/*
 * Persons who were erased from a tenant, known again by a keyed digest of their account id, so that
 * nothing brings them back while Jira still shows the account: person_ref refuses them. The key is
 * a random number of the tenant's own in its encrypted database; it does not change when the
 * tenant's keys are rotated, since the account ids are not there to make the digests anew.
 */

/* Is the account one of them, whether or not all of its rows are gone already? */
MUST_USE enum err_class erased_find(struct tenant *tenant, struct str account, bool *ret,
                                    struct err *err);
/*
 * From now on it is one. Needs an open write transaction; harmless when repeated.
 *   person  the number of the rows that are to go; 0: there are none
 */
MUST_USE enum err_class erased_add(struct tenant *tenant, struct str account, int64_t person,
                                   struct err *err);
/*
 * All rows of that number are gone: no other person gets it. Needs the same transaction that
 * removes the last of them.
 */
MUST_USE enum err_class erased_end(struct tenant *tenant, int64_t person, struct err *err);
/* How often Atlassian wants to be asked about an account. Needs an open write transaction. */
MUST_USE enum err_class erased_set_cycle(struct tenant *tenant, int64_t days, struct err *err);
/* The account may be stored again. *ret_was: it was erased. One durable transaction. */
MUST_USE enum err_class erased_lift(struct tenant *tenant, struct str account, bool *ret_was,
                                    struct err *err);

/*
 * The key of the digests is made, if there is none: with the first person, so that every backup
 * with persons in it has the key by which they are known again. Needs an open write transaction.
 */
MUST_USE enum err_class erased_make_salt(struct tenant *tenant, struct err *err);
/* The digest of an account; *ret_known false: there is no key yet, and so no person. */
MUST_USE enum err_class erased_digest(struct tenant *tenant, struct str account,
                                      unsigned char ret[VAULT_DIGEST_BYTES], bool *ret_known,
                                      struct err *err);
/* Each digest there is. */
MUST_USE enum err_class
erased_each(struct tenant *tenant,
            enum err_class (*each)(void *arg, const unsigned char digest[VAULT_DIGEST_BYTES],
                                   struct err *err),
            void *arg, struct err *err);

#endif
