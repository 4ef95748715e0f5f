#ifndef CONNECT_INCOMING_H
#define CONNECT_INCOMING_H
#include "http/server.h"

/*
 * What of a request a proof is about. Views, valid as long as the exchange is; empty when absent.
 */
struct incoming {
    struct arena *arena;      /* scratch, and for what is read from a token */
    struct str method;        /* as received */
    struct str path, query;   /* raw, as received; the query without '?' */
    struct str body;          /* raw */
    struct str authorization; /* headers: Authorization */
    struct str hub_signature; /* X-Hub-Signature */
    struct str system_token;  /* x-forge-oauth-system */
};

struct incoming incoming_of(const struct http_exchange *ex);

#endif
