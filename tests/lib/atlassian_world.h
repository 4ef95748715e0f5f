#ifndef TESTS_LIB_ATLASSIAN_WORLD_H
#define TESTS_LIB_ATLASSIAN_WORLD_H
#include "connect/identities.h"
#include "connect/incoming.h"
#include "fake_net.h"
#include "rsa_signer.h"
#include "store_world.h"

/*
 * A data folder with the tenant "acme", a pool of handles, the identities of a server at OUR_URL,
 * and Atlassian behind a fake network: its key documents and its token endpoint. Helpers make the
 * requests that Jira would send.
 */
#define OUR_URL "https://tenon.example.com/base"
#define OUR_APP "ari:cloud:ecosystem::app/11111111-2222-4333-8444-555555555555"
#define SITE_URL "https://beta.atlassian.net"
#define SITE_API "https://api.atlassian.com/ex/jira/cloud-1"
#define CLIENT_KEY "3b5e8c0a-71d5-3c2a-9f0e-5d1f2a6b7c8d"
#define CLIENT_SECRET "ATCO-a-shared-secret-of-forty-bytes-0001"
#define PERSON "712020:5a4d0b5e-0000-4000-a000-00000000000b"
#define SYSTEM_TOKEN "system-token-that-nobody-may-read"

struct atlassian_world {
    struct store_world store;
    const struct ctx *ctx; /* of store.fake */
    struct fake_net net;
    struct store_pool *pool;
    struct identities *ids;
    struct arena *arena;
    struct err err;
    unsigned grants;      /* answers of the token endpoint */
    int grant_status;     /* 0: 200 */
    bool no_keys;         /* Atlassian's key servers cannot be reached */
    struct strbuf posted; /* the last form */
    struct strbuf token;  /* the last one made */
    struct strbuf calls;  /* "METHOD url authorization\n" of calls of Jira */
    char account[64];     /* whom Jira's myself names */
};

/* For cmocka's setup and teardown. */
int atlassian_world_begin(void **state);
int atlassian_world_end(void **state);
void atlassian_ok(struct atlassian_world *world, enum err_class rc); /* or the test fails */
/* A new pool and new identities, as a new process would have. */
void atlassian_world_restart(struct atlassian_world *world);

/* What a token says; empty or 0 members are the usual ones. */
struct saying {
    const char *iss, *sub, *aud, *qsh; /* aud: JSON text */
    const char *method, *path;         /* for the hash: "GET", "/api/v1/me?x=1" */
    const char *secret;                /* HS256 */
    const char *header;                /* JSON text of the header, for RS256 */
    int64_t age_s, life_s;
    bool context, nobody;
};
/* The request "METHOD path" with that HS256 token. */
struct incoming hs256(struct atlassian_world *world, const struct saying *saying);
/* The same with a token by Atlassian's key. */
struct incoming rs256(struct atlassian_world *world, const struct saying *saying);
/* An invocation of Forge; claims: JSON members put in place of the usual (or NULL). */
struct saying_forge {
    const char *iss, *aud, *installation, *cloud, *api, *principal, *header;
    int64_t age_s, life_s;
    enum rsa_signer signer;
};
struct incoming forge_call(struct atlassian_world *world, const struct saying_forge *saying);

/* The body of a lifecycle callback. The caller frees. */
yyjson_doc *life_body(const char *client_key, const char *secret, const char *base_url,
                      const char *more);
/* Installs CLIENT_KEY, or another; the tenant's id is put to ret. */
void install(struct atlassian_world *world, const char *client_key, const char *secret,
             char ret[TENANT_ID_BYTES + 1]);
/* The first column of the first row of a tenant's database, or of the control database (NULL). */
int64_t atlassian_number(struct atlassian_world *world, const char *tenant, const char *sql);

#endif
