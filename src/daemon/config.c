/*
 * config.c: the settings of the server, one table.
 *
 * Order: default, file, environment; the last one wins. Every value passes the same check, whoever
 * set it, and the message names where it came from.
 */
#include "daemon/config.h"

#include <ini.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/disk.h"
#include "http/mail.h"
#include "http/peer.h"

#define CONFIG_BYTES_MAX ((size_t)256 * 1024)
#define TEXT_BYTES_MAX 4096

enum kind { TEXT, NUMBER, FLAG };

struct key {
    const char *section, *name;
    enum kind kind;
    size_t offset; /* in struct config */
    const char *otherwise;
    int64_t min, max;
    const char *words; /* TEXT: the allowed ones, split by '|'; NULL: any */
    const char *what;
    const char *full; /* "server.listen" */
};

#define KEY_TEXT(section_, name_, default_, words_, what_)                                         \
    {                                                                                              \
        .section = #section_, .name = #name_, .full = #section_ "." #name_, .kind = TEXT,          \
        .offset = offsetof(struct config, section_.name_), .otherwise = (default_),                \
        .words = (words_), .what = (what_)                                                         \
    }
#define KEY_NUMBER(section_, name_, default_, min_, max_, what_)                                   \
    {                                                                                              \
        .section = #section_, .name = #name_, .full = #section_ "." #name_, .kind = NUMBER,        \
        .offset = offsetof(struct config, section_.name_), .otherwise = (default_), .min = (min_), \
        .max = (max_), .what = (what_)                                                             \
    }
#define KEY_FLAG(section_, name_, what_)                                                           \
    {                                                                                              \
        .section = #section_, .name = #name_, .full = #section_ "." #name_, .kind = FLAG,          \
        .offset = offsetof(struct config, section_.name_), .otherwise = "no", .what = (what_)      \
    }

static const struct key keys[] = {
    KEY_TEXT(server, listen, "127.0.0.1:8080", NULL, "address and port to serve on"),
    KEY_TEXT(server, public_url, "", NULL, "how people and Jira reach this server: https://…"),
    KEY_NUMBER(server, threads, "0", 0, 256, "threads of the HTTP server; 0: one a core"),
    KEY_NUMBER(server, workers, "16", 1, 256, "threads for requests that wait on Jira"),
    KEY_NUMBER(server, connections, "1024", 16, 60000, "connections at once"),
    KEY_NUMBER(server, connections_per_address, "256", 0, 60000,
               "of them by one address, trusted proxies excepted; 0: no limit"),
    KEY_NUMBER(server, receive_s, "30", 5, 3600,
               "seconds that a request may take to arrive; large bodies get more"),
    KEY_TEXT(server, tls_certificate, "", NULL, "PEM file of the certificate chain; empty: no TLS"),
    KEY_TEXT(server, tls_key, "", NULL, "PEM file of its key"),
    KEY_TEXT(server, trusted_proxies, "", NULL,
             "addresses or networks of proxies whose X-Forwarded-For and -Proto are believed"),
    KEY_TEXT(server, metrics_from, "127.0.0.0/8 ::1", NULL,
             "addresses or networks that may read /metrics"),
    KEY_NUMBER(jobs, workers, "4", 1, 64, "threads that run jobs"),
    KEY_NUMBER(jobs, poll_s, "300", 10, 86400, "seconds between two incremental syncs of a tenant"),
    KEY_NUMBER(jobs, verify_h, "24", 0, 8760,
               "hours between two verifications; 0: never by itself"),
    KEY_TEXT(log, level, "info", "debug|info|warn|error", "the least level that is written"),
    KEY_NUMBER(log, days, "30", 1, 3650, "days that logs are kept"),
    KEY_NUMBER(audit, days, "365", 31, 36500,
               "days that a file of the audit trail is kept after its month"),
    KEY_TEXT(connect, app_key, "tenon", NULL, "key of the Connect app"),
    KEY_TEXT(connect, install_keys_url, "https://connect-install-keys.atlassian.com", NULL,
             "where Atlassian's keys for signed installs are"),
    KEY_TEXT(connect, impersonation_url,
             "https://oauth-2-authorization-server.services.atlassian.com/oauth2/token", NULL,
             "where Connect apps get tokens for acting as a person"),
    KEY_TEXT(forge, app_id, "", NULL, "ari:cloud:ecosystem::app/…; empty: Forge is off"),
    KEY_TEXT(forge, jwks_url, "https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json",
             NULL, "where the keys of Forge's invocation tokens are"),
    KEY_TEXT(forge, api_hosts, "api.atlassian.com", NULL,
             "hosts that a Forge token may name for calls"),
    KEY_TEXT(oauth, client_id, "", NULL, "of the OAuth 2.0 (3LO) app; empty: off"),
    KEY_TEXT(oauth, client_secret_file, "", NULL, "file with its secret"),
    KEY_TEXT(oauth, authorize_url, "https://auth.atlassian.com/authorize", NULL,
             "where people consent"),
    KEY_TEXT(oauth, token_url, "https://auth.atlassian.com/oauth/token", NULL,
             "where codes become tokens"),
    KEY_TEXT(oauth, api_url, "https://api.atlassian.com", NULL, "where 3LO calls go"),
    KEY_TEXT(page, operator_name, "", NULL, "who runs this server, for the data-storage page"),
    KEY_TEXT(page, contact, "", NULL, "where to write to about data and security"),
    KEY_TEXT(page, location, "", NULL, "where the server and its disk stand"),
    KEY_TEXT(page, processors, "", NULL,
             "others who handle the data, what they do and where, split by ';'"),
    KEY_TEXT(keys, provider, "file", "file|pkcs11|command",
             "what `tenon keys rewrap` wraps the keys with; until then nothing changes"),
    KEY_TEXT(keys, pkcs11_module, "", NULL, "pkcs11: the module's file"),
    KEY_TEXT(keys, pkcs11_token, "", NULL, "pkcs11: label of the token"),
    KEY_TEXT(keys, pkcs11_key, "", NULL, "pkcs11: label of the AES key in it"),
    KEY_TEXT(keys, pkcs11_pin_file, "", NULL, "pkcs11: a file with the user's PIN, mode 0600"),
    KEY_TEXT(keys, command, "", NULL, "command: the program, its whole path; docs/keys.md"),
    KEY_NUMBER(keys, timeout_s, "10", 1, 300, "command: seconds that one run may take"),
    KEY_NUMBER(backup, every_h, "24", 0, 8760,
               "hours between two backups of a tenant; 0: none by themselves"),
    KEY_NUMBER(backup, drill_h, "168", 0, 8760,
               "hours between two restore drills of a tenant; 0: none by themselves"),
    KEY_NUMBER(backup, keep_days, "7", 1, 3650, "days that backups stay in the data folder"),
    KEY_TEXT(backup, s3_endpoint, "", NULL,
             "where copies go: https://… of an S3 object storage; empty: nowhere"),
    KEY_TEXT(backup, s3_region, "us-east-1", NULL, "its region, as its signature wants it"),
    KEY_TEXT(backup, s3_bucket, "", NULL, "the bucket, which must be there"),
    KEY_TEXT(backup, s3_prefix, "", NULL, "what the names of our objects begin with: tenon/"),
    KEY_TEXT(backup, s3_key_id, "", NULL, "the access key's id"),
    KEY_TEXT(backup, s3_secret_file, "", NULL, "file with its secret, mode 0600"),
    KEY_NUMBER(backup, s3_keep_days, "30", 1, 3650, "days that copies stay there"),
    KEY_NUMBER(erasure, after_uninstall_h, "24", 0, 720,
               "hours from an uninstall to the erasure of all that is kept of the site"),
    KEY_TEXT(erasure, receipts, "", NULL,
             "folder with receipts that were copied away: what they say is erased stays so"),
    KEY_TEXT(mail, host, "", NULL, "the mail server that takes our letters; empty: none are sent"),
    KEY_NUMBER(mail, port, "0", 0, 65535, "its port; 0: 587 for starttls, 465 implicit, 25 none"),
    KEY_TEXT(mail, tls, "starttls", "starttls|implicit|none",
             "how the connection is protected; without TLS nothing is sent unless this is none"),
    KEY_TEXT(mail, from, "", NULL, "the sender's address: tenon@example.com"),
    KEY_TEXT(mail, user, "", NULL, "name to sign in with at the mail server; empty: no sign-in"),
    KEY_TEXT(mail, password_file, "", NULL, "file with its password, mode 0600"),
    KEY_FLAG(remote, allow_http, "the URLs above may be http (tests)"),
    KEY_FLAG(remote, allow_private, "the URLs above may name private addresses (tests)"),
};

/* Where a value came from, for messages. */
struct source {
    const char *text;
};

static enum err_class bad_value(const struct source *source, const struct key *key,
                                const char *allowed, struct err *err)
{
    return err_set(err, ERR_INPUT, "%s: %s.%s wants %s", source->text, key->section, key->name,
                   allowed);
}

static bool is_word(const char *words, struct str value)
{
    struct str rest = str_from(words);

    while (rest.len > 0)
        if (str_eq(str_cut(rest, '|', &rest), value))
            return true;
    return false;
}

static enum err_class put_text(struct arena *arena, const struct source *source,
                               const struct key *key, struct str value, struct config *config,
                               struct err *err)
{
    char *copy;

    if (value.len > TEXT_BYTES_MAX)
        return bad_value(source, key, "a shorter text", err);
    if (key->words && !is_word(key->words, value))
        return bad_value(source, key, key->words, err);
    copy = arena_dup_z(arena, value);
    if (!copy)
        return err_memory(err);
    memcpy((char *)config + key->offset, &copy, sizeof(copy));
    return ERR_OK;
}

static enum err_class put_number(const struct source *source, const struct key *key,
                                 struct str value, struct config *config, struct err *err)
{
    int64_t number = 0;

    if (!parse_i64(value, key->min, key->max, &number))
        return err_set(err, ERR_INPUT, "%s: %s.%s wants a whole number from %lld to %lld",
                       source->text, key->section, key->name, (long long)key->min,
                       (long long)key->max);
    memcpy((char *)config + key->offset, &number, sizeof(number));
    return ERR_OK;
}

static enum err_class put_flag(const struct source *source, const struct key *key, struct str value,
                               struct config *config, struct err *err)
{
    bool on = str_eq(value, STR("yes"));

    if (!on && !str_eq(value, STR("no")))
        return bad_value(source, key, "yes or no", err);
    memcpy((char *)config + key->offset, &on, sizeof(on));
    return ERR_OK;
}

static enum err_class put(struct arena *arena, const struct source *source, const struct key *key,
                          struct str value, struct config *config, struct err *err)
{
    switch (key->kind) {
    case TEXT:
        return put_text(arena, source, key, value, config, err);
    case NUMBER:
        return put_number(source, key, value, config, err);
    case FLAG:
        return put_flag(source, key, value, config, err);
    }
    return err_set(err, ERR_BUG, "a key of no kind");
}

/* ---- The file ---- */

struct reading {
    struct arena *arena;
    const char *path;
    struct config *config;
    struct err *err;
    enum err_class rc;
};

static enum err_class unknown(const struct reading *reading, int line, const char *section,
                              const char *name)
{
    struct strbuf known AUTO(strbuf_done) = STRBUF_INIT(1024);

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].section, section) == 0)
            strbuf_addf(&known, "%s%s", known.len ? ", " : "", keys[i].name);
    if (known.len == 0)
        return err_set(reading->err, ERR_INPUT,
                       "%s line %d: there is no section [%.40s]; there are server, jobs, log, "
                       "connect, forge, oauth, page, audit, keys, backup, mail, remote",
                       reading->path, line, section);
    return err_set(reading->err, ERR_INPUT, "%s line %d: there is no %.40s in [%s]; it has %s",
                   reading->path, line, name, section, strbuf_z(&known));
}

/* inih's handler: 0 stops. */
static int on_key(void *arg, const char *section, const char *name, const char *value, int line)
{
    struct reading *reading = arg;
    char where[TEXT_BYTES_MAX];
    const struct source source = {where};

    if (reading->rc != ERR_OK)
        return 0;
    (void)snprintf(where, sizeof(where), "%s line %d", reading->path, line);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
            continue;
        reading->rc =
            put(reading->arena, &source, &keys[i], str_from(value), reading->config, reading->err);
        return reading->rc == ERR_OK;
    }
    reading->rc = unknown(reading, line, section, name);
    return 0;
}

/* Debian 12's inih has no line numbers in its handler unless built so: they come by this reader. */
struct lines {
    struct str left;
    int line;
    int too_long; /* the first line that inih's buffer cannot hold; 0: none */
};

static char *next_line(char *room, int size, void *arg)
{
    struct lines *lines = arg;
    struct str rest = {NULL, 0};

    if (lines->left.len == 0)
        return NULL;

    struct str line = str_cut(lines->left, '\n', &rest);
    size_t len = line.len < (size_t)size - 1 ? line.len : (size_t)size - 1;

    memcpy(room, line.ptr, len);
    room[len] = '\0';
    lines->left = rest;
    lines->line++;
    if (len < line.len && lines->too_long == 0)
        lines->too_long = lines->line;
    return room;
}

struct file_reading {
    struct reading reading;
    struct lines lines;
};

static int on_file_key(void *arg, const char *section, const char *name, const char *value)
{
    struct file_reading *file = arg;

    return on_key(&file->reading, section, name, value, file->lines.line);
}

static enum err_class read_file(const struct ctx *ctx, struct arena *arena, const char *path,
                                struct config *config, struct err *err)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(CONFIG_BYTES_MAX);
    enum err_class rc = disk_read(ctx, path, &text, err);

    if (rc != ERR_OK)
        return err_wrap(err, "the settings");

    struct file_reading file = {
        .reading = {.arena = arena, .path = path, .config = config, .err = err},
        .lines = {.left = strbuf_str(&text)},
    };
    int bad_line = ini_parse_stream(next_line, &file.lines, on_file_key, &file);

    if (file.reading.rc != ERR_OK)
        return file.reading.rc;
    if (bad_line < 0)
        return err_memory(err);
    if (file.lines.too_long > 0)
        return err_set(err, ERR_INPUT, "%s line %d is too long: %d bytes are the most", path,
                       file.lines.too_long, INI_MAX_LINE - 1);
    if (bad_line > 0)
        return err_set(err, ERR_INPUT,
                       "%s line %d is neither [section] nor key = value nor a comment", path,
                       bad_line);
    return ERR_OK;
}

/* ---- The environment ---- */

static void variable_name(const struct key *key, char ret[80])
{
    (void)snprintf(ret, 80, "TENON_%s_%s", key->section, key->name);
    for (char *at = ret; *at; at++)
        *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
}

static enum err_class read_environment(struct arena *arena, const char *const *environment,
                                       struct config *config, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char name[80];
        const struct source source = {name};

        variable_name(&keys[i], name);
        for (const char *const *at = environment; at && *at; at++) {
            struct str value = {NULL, 0};

            if (!str_eq_z(str_cut(str_from(*at), '=', &value), name))
                continue;

            enum err_class rc = put(arena, &source, &keys[i], value, config, err);

            if (rc != ERR_OK)
                return rc;
        }
    }
    return ERR_OK;
}

static enum err_class check_networks(const struct config *config, struct err *err)
{
    struct peer_nets nets;
    enum err_class rc =
        peer_nets_read(config->server.trusted_proxies, "server.trusted_proxies", &nets, err);

    return rc == ERR_OK
               ? peer_nets_read(config->server.metrics_from, "server.metrics_from", &nets, err)
               : rc;
}

static enum err_class check_mail(const struct config *config, struct err *err)
{
    if (!*config->mail.host)
        return ERR_OK;
    if (!mail_is_address(str_from(config->mail.from)))
        return err_set(err, ERR_INPUT,
                       "mail.host is set: mail.from wants the sender's address, like "
                       "tenon@example.com");
    if ((*config->mail.user == '\0') != (*config->mail.password_file == '\0'))
        return err_set(err, ERR_INPUT,
                       "mail.user and mail.password_file belong together: give both");
    if (*config->mail.user && strcmp(config->mail.tls, "none") == 0)
        return err_set(err, ERR_INPUT,
                       "mail.tls is none, and mail.user would send its password in the clear; use "
                       "starttls or implicit, or give no user");
    return ERR_OK;
}

/* What no single value shows. */
static enum err_class check(struct config *config, struct err *err)
{
    enum err_class rc;
    char *url = (char *)config->server.public_url; /* in the arena: ours to cut */
    size_t len = strlen(url);

    while (len > 0 && url[len - 1] == '/')
        url[--len] = '\0';
    if (len > 0 && !str_starts(str_from(url), STR("https://")) &&
        !str_starts(str_from(url), STR("http://")))
        return err_set(err, ERR_INPUT,
                       "server.public_url wants a URL like https://tenon.example.com");
    if ((*config->server.tls_certificate == '\0') != (*config->server.tls_key == '\0'))
        return err_set(err, ERR_INPUT,
                       "server.tls_certificate and server.tls_key belong together: give both");
    if (*config->oauth.client_id && !*config->oauth.client_secret_file)
        return err_set(err, ERR_INPUT,
                       "oauth.client_id is set: name the file with its secret in "
                       "oauth.client_secret_file");
    if (*config->backup.s3_endpoint &&
        !(*config->backup.s3_bucket && *config->backup.s3_key_id && *config->backup.s3_secret_file))
        return err_set(err, ERR_INPUT,
                       "backup.s3_endpoint is set: give backup.s3_bucket, backup.s3_key_id and "
                       "backup.s3_secret_file too");
    rc = check_mail(config, err);
    return rc == ERR_OK ? check_networks(config, err) : rc;
}

enum err_class config_read(const struct ctx *ctx, struct arena *arena, const char *path,
                           const char *const *environment, struct config *ret, struct err *err)
{
    static const struct source defaults = {"the default"};
    enum err_class rc = ERR_OK;

    *ret = (struct config){0};
    for (size_t i = 0; i < ARRAY_LEN(keys) && rc == ERR_OK; i++)
        rc = put(arena, &defaults, &keys[i], str_from(keys[i].otherwise), ret, err);
    if (rc == ERR_OK && path)
        rc = read_file(ctx, arena, path, ret, err);
    if (rc == ERR_OK)
        rc = read_environment(arena, environment, ret, err);
    return rc == ERR_OK ? check(ret, err) : rc;
}

/* ---- What changed ---- */

/* A running server takes these on SIGHUP; all others with its next start. */
static bool reloads(const struct key *key)
{
    static const char *const names[] = {"log.level",        "log.days",           "jobs.poll_s",
                                        "jobs.verify_h",    "backup.every_h",     "backup.drill_h",
                                        "backup.keep_days", "backup.s3_keep_days"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(key->full, names[i]) == 0)
            return true;
    return false;
}

static bool is_same(const struct key *key, const struct config *a, const struct config *b)
{
    const char *x = (const char *)a + key->offset, *y = (const char *)b + key->offset;
    const char *texts[2];

    switch (key->kind) {
    case TEXT:
        memcpy(&texts[0], x, sizeof(texts[0]));
        memcpy(&texts[1], y, sizeof(texts[1]));
        return strcmp(texts[0], texts[1]) == 0;
    case NUMBER:
        return memcmp(x, y, sizeof(int64_t)) == 0;
    case FLAG:
        return memcmp(x, y, sizeof(bool)) == 0;
    }
    return false;
}

void config_compare(const struct config *old, const struct config *fresh,
                    void (*each)(void *arg, const char *key, bool reloads), void *arg)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (!is_same(&keys[i], old, fresh))
            each(arg, keys[i].full, reloads(&keys[i]));
}

void config_help(struct strbuf *buf)
{
    const char *section = "";

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct key *key = &keys[i];

        if (strcmp(key->section, section) != 0)
            strbuf_addf(buf, "%s[%s]\n", *section ? "\n" : "", key->section);
        section = key->section;
        strbuf_addf(buf, "# %s\n", key->what);
        if (key->kind == NUMBER)
            strbuf_addf(buf, "# from %lld to %lld\n", (long long)key->min, (long long)key->max);
        if (key->words)
            strbuf_addf(buf, "# one of %s\n", key->words);
        if (key->kind == FLAG)
            strbuf_addf(buf, "# yes or no\n");
        strbuf_addf(buf, "# %s\n%s = %s\n", reloads(key) ? "taken by SIGHUP" : "needs a restart",
                    key->name, key->otherwise);
    }
}
