#ifndef CONNECT_KNOWN_H
#define CONNECT_KNOWN_H
#include "connect/principal.h"
#include "connect/secret.h"

/*
 * Credentials that were proved by the database a moment ago: digest -> who. Bounded: a new one
 * takes the place of the one that was not used for longest among a few. What was withdrawn by this
 * process is gone at once; what another process withdrew is believed for KNOWN_MS at most, since an
 * entry must be proved again after that. Thread-safe; no function waits.
 */
#define KNOWN_MS 10000

struct known;

struct known_entry {
    struct principal who;
    int64_t row;        /* the credential's number, for those that have one */
    int64_t expires_ms; /* INT64_MAX: never */
    int64_t seen_ms;    /* last use */
    int64_t stored_ms;  /* last use, as the database has it */
};

struct known *known_new(void); /* NULL when out of memory */
void known_free(struct known *known);
AUTO_DEFINE(struct known, known_free)

/* True when it was proved within KNOWN_MS; counts as a use. */
bool known_find(struct known *known, const struct ctx *ctx,
                const unsigned char digest[SECRET_DIGEST_BYTES], struct known_entry *ret);
/*
 * Keeps what the database said. `turn` is known_turn from before the database was asked: when
 * anything was forgotten since, the answer may be an old one and is not kept.
 */
uint64_t known_turn(struct known *known);
void known_keep(struct known *known, const struct ctx *ctx, uint64_t turn,
                const unsigned char digest[SECRET_DIGEST_BYTES], const struct known_entry *entry);

void known_forget(struct known *known, const unsigned char digest[SECRET_DIGEST_BYTES]);
/* All that fit: of that tenant ("": the administrator's); account, row: NULL, 0 fits every one. */
void known_forget_all(struct known *known, const char *tenant, const char *account, int64_t row);

/* A use that the database does not know of yet. */
struct known_use {
    char tenant[TENANT_ID_BYTES + 1];
    unsigned char digest[SECRET_DIGEST_BYTES];
    int64_t row, seen_ms;
};
/*
 * Up to `max` uses that are `step_ms` or more past what the database has, those of one tenant
 * together; they count as stored from then on.
 */
size_t known_take_uses(struct known *known, int64_t step_ms, struct known_use *ret, size_t max);

#endif
