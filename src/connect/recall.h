#ifndef CONNECT_RECALL_H
#define CONNECT_RECALL_H
#include <stdatomic.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/str.h"
#include "store/data.h"

/*
 * Installations and webhooks as they were read a moment ago, so that a request that proves itself
 * by one of them touches no database. Bounded: each name has one place, where a later one replaces
 * it. What is here is at most RECALL_FRESH_MS old, since another process may have changed the
 * database; our own changes are told by recall_forget. Thread-safe; nothing waits.
 */
#define RECALL_PLACES 1024
#define RECALL_FRESH_MS 60000

enum recall_kind { RECALL_CONNECT, RECALL_FORGE, RECALL_WEBHOOK };

enum install_state { INSTALL_ENABLED, INSTALL_DISABLED, INSTALL_UNINSTALLED, INSTALL_STATE_COUNT };
const char *install_state_name(enum install_state state); /* "enabled" */
enum install_state install_state_read(struct str name);   /* anything else: uninstalled */

/* What is known of one name. Not changed once it is in the table, but for `noted_ms`. */
struct recalled {
    atomic_uint refs;
    enum recall_kind kind;
    char *name; /* client key, installation id or the tenant's id */
    char tenant[TENANT_ID_BYTES + 1];
    enum install_state state;
    struct strbuf secret, previous; /* wiped at the end; empty: none */
    int64_t previous_until_ms;
    int64_t token_until_ms;   /* Forge: of the system token that is stored; 0: none */
    char *base_url;           /* Forge: api_base_url that is stored; NULL: none */
    char *origins;            /* Connect: where people see the site, split by spaces */
    int64_t read_mono_ms;     /* when */
    _Atomic int64_t noted_ms; /* webhook: the delivery that was last written down; 0: none yet */
};

/* A new one with one reference; NULL when out of memory. */
struct recalled *recalled_new(enum recall_kind kind, struct str name);
void recalled_unref(struct recalled *recalled); /* NULL is fine */
AUTO_DEFINE(struct recalled, recalled_unref)

struct recall;
struct recall *recall_new(const struct ctx *ctx); /* NULL when out of memory */
void recall_free(struct recall *recall);          /* NULL is fine */

/* The caller's reference, or NULL: not here, or not fresh. */
struct recalled *recall_find(struct recall *recall, enum recall_kind kind, struct str name);
/*
 * Puts it in; the table takes a reference of its own. `turn` is what recall_turn gave before the
 * database was read: when something was forgotten since, what was read may be older, and is not
 * kept.
 */
uint64_t recall_turn(const struct recall *recall);
void recall_put(struct recall *recall, struct recalled *recalled, uint64_t turn);
void recall_forget(struct recall *recall, enum recall_kind kind, struct str name);
/* All of a tenant that is going. */
void recall_forget_tenant(struct recall *recall, const char *tenant);

#endif
