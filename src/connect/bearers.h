#ifndef CONNECT_BEARERS_H
#define CONNECT_BEARERS_H
#include "base/ctx.h"
#include "base/str.h"

/*
 * Short-lived tokens for acting as a person, in memory only: for each name (a tenant and an
 * account) at most one, fetched by the first who asks, while the others wait for it. Bounded: the
 * one that would expire first makes room. Thread-safe.
 */
struct bearers;

#define BEARERS_MAX 512
#define BEARERS_EARLY_MS 30000 /* before its end a token is fetched anew */

struct bearers *bearers_new(const struct ctx *ctx); /* NULL when out of memory */
void bearers_free(struct bearers *bearers);         /* wipes; NULL is fine */

/* Appends the token to *ret_token and tells how long it lives. Runs without a lock. */
typedef enum err_class bearers_fetch(void *arg, struct strbuf *ret_token, int64_t *ret_lives_ms,
                                     struct err *err);
/*
 * The token of that name, fetched if need be; appended to *ret, which the caller wipes. Errors: of
 * `fetch`, told to all who wait for that one fetch; ERR_MEMORY.
 */
MUST_USE enum err_class bearers_get(struct bearers *bearers, const char *name, bearers_fetch *fetch,
                                    void *arg, struct strbuf *ret, struct err *err);
/* It was refused, or the installation changed. `prefix` is what the names begin with. */
void bearers_forget(struct bearers *bearers, const char *prefix);

#endif
