#ifndef APPS_TIMESHEET_PENDING_H
#define APPS_TIMESHEET_PENDING_H
#include "store/data.h"

/*
 * Writes to Jira and how they ended: the rows of `worklog_write`. A write has a client id: made
 * from the person and the Idempotency-Key of the request, so that a repeat has the same; or drawn,
 * where nobody can repeat it.
 */
#define PENDING_CLIENT_BYTES 32 /* lower-case hex digits */
#define PENDING_KEY_BYTES 64    /* of an Idempotency-Key */

/* A try whose outcome is not known is left alone so long: Jira may still be at it. */
#define PENDING_UNKNOWN_MS (INT64_C(30) * 1000)
/* A try under way cannot be older: then its process is gone. */
#define PENDING_UNDER_WAY_MS (INT64_C(5) * 60 * 1000)

enum pending_action { PENDING_CREATE, PENDING_UPDATE, PENDING_DELETE };

enum pending_state {
    PENDING_UNDER_WAY,
    PENDING_UNKNOWN, /* the answer was lost */
    PENDING_DONE,
    PENDING_NOT_DONE, /* refused, or never reached Jira: may be tried again */
    PENDING_STATE_COUNT
};

struct pending {
    char client[PENDING_CLIENT_BYTES + 1];
    enum pending_action action;
    char issue[LIMIT_ACCOUNT_ID_BYTES + 1]; /* id or key; "" not needed */
    int64_t worklog_id;                     /* 0: not known yet */
    int64_t started_ms;
    unsigned char asked[VAULT_DIGEST_BYTES]; /* by pending_digest */
    enum pending_state state;
    int64_t tried_ms;
};

/* [A-Za-z0-9_-]{1,64} */
bool pending_key_is_valid(struct str key);
/* The client id for a person's key. `part` tells the pieces of one request apart; "" for one. */
void pending_client(const struct tenant *tenant, struct str account, struct str key,
                    const char *part, char ret[PENDING_CLIENT_BYTES + 1]);
void pending_draw(const struct ctx *ctx, char ret[PENDING_CLIENT_BYTES + 1]);
void pending_digest(const struct tenant *tenant, struct str asked,
                    unsigned char ret[VAULT_DIGEST_BYTES]);

/*
 * Claims the write: durable when it returns. *ret_first: nobody has tried it, or it was not done;
 * else *ret_before is how it stands (done, or unknown and old enough to be looked for). `pending`
 * gives client, action, issue, worklog_id, started_ms and asked.
 * ERR_CONFLICT: the same key for something else, or just now under way. ERR_BUSY: its outcome is
 * not known yet.
 */
MUST_USE enum err_class pending_claim(struct tenant *tenant, const struct pending *pending,
                                      bool *ret_first, struct pending *ret_before, struct err *err);
/* How it ended; worklog_id 0 leaves what is there. In the open transaction, or one of its own. */
MUST_USE enum err_class pending_end(struct tenant *tenant, const char *client,
                                    enum pending_state state, int64_t worklog_id, struct err *err);
/*
 * The first one after `after_client` ("" for the first of all) that was neither done nor given up,
 * in the order of the ids. *ret_found false: none.
 */
MUST_USE enum err_class pending_next(struct tenant *tenant, const char *after_client,
                                     struct pending *ret, bool *ret_found, struct err *err);
/* Lets go of those that ended longer ago than their retention. Own transaction. */
MUST_USE enum err_class pending_sweep(struct tenant *tenant, struct err *err);

#endif
