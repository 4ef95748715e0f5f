#ifndef CONNECT_KEYS_FETCH_H
#define CONNECT_KEYS_FETCH_H
#include "connect/keys.h"

/*
 * One fetch of keys, private to keys.c, which decides when there is one: the URLs of a source, what
 * they answer, and which ids may be put into them.
 */
struct key_server {
    enum keys_kind kind;
    char *urls[KEYS_URLS_MAX]; /* owned */
    bool allow_http, allow_private;
};

struct kept {
    char kid[KEYS_KID_BYTES_MAX + 1];
    struct rsa_key *key;
    int64_t fetched_ms; /* mono */
};

struct key_set {
    struct kept keys[KEYS_MAX];
    size_t count;
};

/* Zero it before. ERR_INPUT, ERR_MEMORY. Ended with key_server_done in any case. */
MUST_USE enum err_class key_server_init(struct key_server *server,
                                        const struct key_source_options *options, struct err *err);
void key_server_done(struct key_server *server);
/* Could a key have that id? It then fits into a struct kept. */
bool key_server_takes(const struct key_server *server, struct str kid);
/*
 * Asks the URLs, until one has the key (KEYS_PEM) or a document (KEYS_JWKS), and fills *ret, which
 * is empty before; `fetched_ms` is left to the caller. ERR_OK without a key: all say that there is
 * no such key. ERR_NETWORK: no URL has it, and one of them could not be asked or answered something
 * else. ERR_CANCELLED, ERR_MEMORY. Waits for the network. The id must be one that it takes.
 */
MUST_USE enum err_class key_server_fetch(const struct key_server *server, const struct ctx *ctx,
                                         struct str kid, struct key_set *ret, struct err *err);
void key_set_done(struct key_set *set); /* unrefs; the form for AUTO */

#endif
