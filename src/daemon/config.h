#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H
#include "base/arena.h"
#include "base/ctx.h"
#include "custody/page.h"

/*
 * tenon.conf: INI, read by inih; every key also by the environment as TENON_SECTION_KEY, which
 * wins. An unknown section or key is an error that names the nearest known one: a typing mistake
 * must not silently leave a default in place. The table in config.c is the documentation
 * (`tenon serve --help` prints it).
 */
struct config {
    struct {
        const char *listen;     /* "127.0.0.1:8080", "[::1]:8080" */
        const char *public_url; /* as people and Jira reach it, no trailing slash; "": not known */
        int64_t threads;        /* of the HTTP server; 0: one a core */
        int64_t workers;        /* threads for requests that wait on Jira */
        int64_t connections;    /* at once */
        int64_t connections_per_address;       /* the same, of one client; 0: no limit */
        int64_t receive_s;                     /* seconds that a request may take to arrive */
        const char *tls_certificate, *tls_key; /* PEM files; both or none */
        const char *trusted_proxies;           /* networks whose X-Forwarded-* are believed */
        const char *metrics_from;              /* networks that may read /metrics */
    } server;
    struct {
        int64_t workers; /* threads that run jobs */
        /* These two change while the server runs (SIGHUP). */
        _Atomic int64_t poll_s;   /* seconds between two incremental syncs of a tenant */
        _Atomic int64_t verify_h; /* hours between two verifications; 0: only on demand */
    } jobs;
    struct {
        const char *level; /* debug, info, warn, error */
        int64_t days;      /* how long day files are kept */
    } log;
    struct {
        int64_t days; /* how long files of the audit trail are kept after their month */
    } audit;
    struct {
        const char *app_key;           /* of atlassian-connect.json */
        const char *install_keys_url;  /* where Atlassian's public keys are, by kid */
        const char *impersonation_url; /* OAuth 2 token endpoint for acting as a person */
    } connect;
    struct {
        const char *app_id;    /* ari:cloud:ecosystem::app/… ; "": Forge is off */
        const char *jwks_url;  /* keys of invocation tokens */
        const char *api_hosts; /* hosts that a token's apiBaseUrl may name, split by spaces */
    } forge;
    struct {
        const char *client_id; /* "": 3LO is off */
        const char *client_secret_file;
        const char *authorize_url, *token_url, *api_url;
    } oauth;
    struct {
        const char *operator_name, *contact, *location, *processors; /* of the data-storage page */
    } page;
    struct {
        const char *provider; /* what `tenon keys rewrap` goes to: file, pkcs11, command */
        const char *pkcs11_module, *pkcs11_token, *pkcs11_key, *pkcs11_pin_file;
        const char *command;
        int64_t timeout_s; /* of one run of the command */
    } keys;
    struct {
        /* These change while the server runs (SIGHUP). */
        _Atomic int64_t every_h;   /* hours between two backups of a tenant; 0: only on demand */
        _Atomic int64_t drill_h;   /* hours between two restore drills of a tenant; 0: never */
        _Atomic int64_t keep_days; /* in the data folder */
        _Atomic int64_t s3_keep_days;
        const char *s3_endpoint; /* "": no copies in object storage */
        const char *s3_region, *s3_bucket, *s3_prefix, *s3_key_id, *s3_secret_file;
    } backup;
    struct {
        int64_t after_uninstall_h; /* hours from an uninstall to the erasure */
        const char *receipts; /* a folder with receipts that were copied away from here; "": none */
    } erasure;
    struct {
        const char *host; /* "": this server sends no mail */
        int64_t port;     /* 0: what goes with tls */
        const char *from, *tls, *user, *password_file;
    } mail;
    struct {
        bool allow_http, allow_private; /* Atlassian's own hosts stand in on loopback (tests) */
    } remote;
};

/*
 * Reads the file (NULL: none) and the environment. Texts are in the arena. ERR_INPUT names file,
 * line, key, value and what is allowed; ERR_NOT_FOUND: the file.
 */
MUST_USE enum err_class config_read(const struct ctx *ctx, struct arena *arena, const char *path,
                                    const char *const *environment, struct config *ret,
                                    struct err *err);
/* The table of keys with defaults and meanings, as a tenon.conf; appended. */
void config_help(struct strbuf *buf);
/*
 * What differs between two readings: each key's name ("jobs.poll_s", a literal) and whether a
 * running server takes the new value. Called once a key that differs, in the order of the table.
 */
void config_compare(const struct config *old, const struct config *fresh,
                    void (*each)(void *arg, const char *key, bool reloads), void *arg);

/* What they say on the data-storage page; borrows the texts. */
struct page_facts config_page_facts(const struct config *config);

#endif
