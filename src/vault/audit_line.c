/*
 * audit_line.c: the shape of a line of the audit trail, and the names of its files.
 *
 * Written by hand at both ends, head and tail, so that a line can be judged by its bytes alone: no
 * other text of the same meaning passes. Nothing here reads or writes a file but the listing.
 */
#include "vault/audit_line.h"

#include <sodium.h>

#include "base/civil.h"
#include "base/disk.h"
#include "base/json.h"
#include "base/limits.h"

#define IDENT_MAX 128
#define END_BYTES (64 * 1024) /* of a file, read to find its last line */
#define LINE_HEAD "{\"seq\":"
#define LINE_PREV ",\"prev\":\""
#define LINE_HASH "\",\"hash\":\""
#define LINE_END "\"}"
#define HASH_BYTES (AUDIT_HASH_HEX / 2)
/* Everything of a line from LINE_PREV on has this many bytes. */
#define TAIL_BYTES                                                                                 \
    (sizeof(LINE_PREV LINE_HASH LINE_END) - 1 + (size_t)AUDIT_HASH_HEX + (size_t)AUDIT_HASH_HEX)

const struct audit_hash audit_hash_none = {
    "0000000000000000000000000000000000000000000000000000000000000000"};

static const char *const act_names[AUDIT_ACT_COUNT] = {
    [AUDIT_OPEN_SECRET] = "open_secret",
    [AUDIT_SIGN_IN] = "sign_in",
    [AUDIT_SIGN_IN_LINK] = "sign_in_link",
    [AUDIT_PASSWORD_SET] = "password_set",
    [AUDIT_PASSWORD_RESET] = "password_reset",
    [AUDIT_SESSION_ENDED] = "session_ended",
    [AUDIT_CONSENT_GIVEN] = "consent_given",
    [AUDIT_CONSENT_WITHDRAWN] = "consent_withdrawn",
    [AUDIT_TOKEN_ADDED] = "token_added",
    [AUDIT_TOKEN_REMOVED] = "token_removed",
    [AUDIT_SETTINGS_CHANGED] = "settings_changed",
    [AUDIT_TENANT_ADDED] = "tenant_added",
    [AUDIT_TENANT_REMOVED] = "tenant_removed",
    [AUDIT_CREDENTIAL_SET] = "credential_set",
    [AUDIT_CONNECTION_INSTALLED] = "connection_installed",
    [AUDIT_CONNECTION_ENDED] = "connection_ended",
    [AUDIT_SYNC_RESTARTED] = "sync_restarted",
    [AUDIT_WORKLOG_REMOVED] = "worklog_removed",
    [AUDIT_JOB_CHANGED] = "job_changed",
    [AUDIT_KEY_CREATED] = "key_created",
    [AUDIT_KEY_ROTATED] = "key_rotated",
    [AUDIT_KEY_REWRAPPED] = "key_rewrapped",
    [AUDIT_KEY_RETIRED] = "key_retired",
    [AUDIT_KEY_SPLIT] = "key_split",
    [AUDIT_KEY_RECOVERED] = "key_recovered",
    [AUDIT_BACKUP_TAKEN] = "backup_taken",
    [AUDIT_BACKUP_REMOVED] = "backup_removed",
    [AUDIT_BACKUP_VERIFIED] = "backup_verified",
    [AUDIT_RESTORED] = "restored",
    [AUDIT_RESTORE_DRILLED] = "restore_drilled",
    [AUDIT_EXPORTED] = "exported",
    [AUDIT_IMPORTED] = "imported",
    [AUDIT_PERSON_SHOWN] = "person_shown",
    [AUDIT_PERSON_EXPORTED] = "person_exported",
    [AUDIT_PERSON_ERASED] = "person_erased",
    [AUDIT_TENANT_ERASED] = "tenant_erased",
    [AUDIT_SWEPT] = "swept",
    [AUDIT_FILE_BEGUN] = "file_begun",
    [AUDIT_FILE_REMOVED] = "file_removed",
    [AUDIT_TORN] = "torn",
};

static const char *const by_names[AUDIT_BY_COUNT] = {
    [AUDIT_BY_PROGRAM] = "program",   [AUDIT_BY_NOBODY] = "nobody", [AUDIT_BY_PERSON] = "person",
    [AUDIT_BY_ADMIN] = "admin",       [AUDIT_BY_TOKEN] = "token",   [AUDIT_BY_JOB] = "job",
    [AUDIT_BY_OPERATOR] = "operator", [AUDIT_BY_REMOTE] = "remote",
};

const char *audit_act_name(enum audit_act act)
{
    return act_names[act];
}

bool audit_act_parse(struct str name, enum audit_act *ret)
{
    for (size_t i = 0; i < AUDIT_ACT_COUNT; i++) {
        if (!str_eq_z(name, act_names[i]))
            continue;
        *ret = (enum audit_act)i;
        return true;
    }
    return false;
}

bool audit_by_parse(struct str name, enum audit_by *ret)
{
    for (size_t i = 0; i < AUDIT_BY_COUNT; i++) {
        if (!str_eq_z(name, by_names[i]))
            continue;
        *ret = (enum audit_by)i;
        return true;
    }
    return false;
}

void audit_hash_of(struct str bytes, struct audit_hash *ret)
{
    unsigned char hash[HASH_BYTES];

    /* Fails only for lengths out of range, which these are not. */
    (void)crypto_generichash(hash, sizeof(hash), (const unsigned char *)bytes.ptr, bytes.len, NULL,
                             0);
    (void)sodium_bin2hex(ret->hex, sizeof(ret->hex), hash, sizeof(hash));
}

static bool is_ident(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  ":._' -";
    size_t len = strlen(text);

    return len >= 1 && len <= IDENT_MAX && strspn(text, allowed) == len;
}

static void put_ident(struct json_out *out, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    json_key(out, name);
    json_put_z(out, is_ident(text) ? text : "?");
}

static void put_number(struct json_out *out, const char *name, int64_t number)
{
    if (number == 0)
        return;
    json_key(out, name);
    json_put_i64(out, number);
}

void audit_line_middle(const struct audit_entry *entry, struct strbuf *buf)
{
    const struct audit_who *who = entry->who;
    struct json_out out = json_out(buf);
    char key[2 * AUDIT_KEY_BYTES + 1];

    json_object(&out);
    put_ident(&out, "act", audit_act_name(entry->act));
    put_ident(&out, "tenant", entry->tenant);
    put_ident(&out, "by", by_names[who->by]);
    if (who->by == AUDIT_BY_OPERATOR) { /* 0 is somebody */
        json_key(&out, "who");
        json_put_i64(&out, who->number);
    } else {
        put_number(&out, "who", who->number == 0 && who->find ? who->find(who->arg) : who->number);
    }
    put_ident(&out, "name", who->name);
    put_ident(&out, "record", entry->record);
    put_ident(&out, "field", entry->field);
    put_number(&out, "row", entry->row);
    if (entry->key) {
        (void)sodium_bin2hex(key, sizeof(key), entry->key, AUDIT_KEY_BYTES);
        put_ident(&out, "key", key);
    }
    put_number(&out, "version", entry->version);
    put_ident(&out, "why", entry->why);
    put_number(&out, "count", entry->count);
    put_ident(&out, "result", err_class_name(entry->result));
    json_object_end(&out);
}

void audit_line_put(struct strbuf *buf, int64_t seq, int64_t at_ms, struct str middle,
                    struct audit_hash *hash)
{
    char at[CIVIL_STAMP_BYTES + 1];
    size_t from = buf->len;

    civil_format_stamp(at_ms, at);
    strbuf_addf(buf, LINE_HEAD "%lld,\"at\":\"%s\",", (long long)seq, at);
    strbuf_add_str(buf, str_sub(middle, 1, middle.len - 2)); /* the members, without the braces */
    strbuf_addf(buf, LINE_PREV "%s\"", hash->hex);
    if (buf->failed != ERR_OK)
        return;
    audit_hash_of((struct str){buf->ptr + from, buf->len - from}, hash);
    strbuf_addf(buf, ",\"hash\":\"%s" LINE_END "\n", hash->hex);
}

static bool is_hex(const char *at)
{
    return strspn(at, "0123456789abcdef") == AUDIT_HASH_HEX;
}

bool audit_line_read(struct str line, struct audit_line *ret)
{
    struct audit_line found = {.seq = 0};
    struct audit_hash real;
    struct str rest = {NULL, 0};

    if (line.len < sizeof(LINE_HEAD) + TAIL_BYTES || line.len >= AUDIT_LINE_MAX ||
        !str_starts(line, STR(LINE_HEAD)))
        return false;

    struct str number = str_cut(str_sub(line, sizeof(LINE_HEAD) - 1, line.len), ',', &rest);
    struct str tail = str_sub(line, line.len - TAIL_BYTES, TAIL_BYTES);
    size_t hash_from = sizeof(LINE_PREV) - 1 + AUDIT_HASH_HEX;

    if (!parse_i64(number, 1, INT64_MAX - 1, &found.seq) || number.ptr[0] == '0' ||
        !str_starts(tail, STR(LINE_PREV)) || !str_ends(tail, STR(LINE_END)) ||
        !str_starts(str_sub(tail, hash_from, tail.len), STR(LINE_HASH)))
        return false;
    memcpy(found.prev.hex, tail.ptr + sizeof(LINE_PREV) - 1, AUDIT_HASH_HEX);
    memcpy(found.hash.hex, tail.ptr + hash_from + sizeof(LINE_HASH) - 1, AUDIT_HASH_HEX);
    /* The bytes before `,"hash"`; the quote that ends `prev` is among them. */
    audit_hash_of(str_sub(line, 0, line.len - TAIL_BYTES + hash_from + 1), &real);
    if (!is_hex(found.prev.hex) || strcmp(real.hex, found.hash.hex) != 0)
        return false;
    *ret = found;
    return true;
}

void audit_file_name(int64_t at_ms, char ret[AUDIT_NAME_BYTES + 1])
{
    char date[CIVIL_DATE_BYTES + 1];

    civil_format_date(civil_day_of(at_ms), date);
    memcpy(ret, date, 7);
    memcpy(ret + 7, ".log", 5);
}

static bool is_file_of_trail(const char *name)
{
    char day[CIVIL_DATE_BYTES + 1] = "0000-00-01";
    struct civil_date date;

    if (strlen(name) != AUDIT_NAME_BYTES || strcmp(name + 7, ".log") != 0)
        return false;
    memcpy(day, name, 7);
    return civil_parse_date(str_from(day), &date);
}

static void add_file(void *arg, const char *name)
{
    struct audit_files *files = arg;

    if (!is_file_of_trail(name))
        return;
    if (files->count < AUDIT_FILES_MAX)
        memcpy(files->names[files->count], name, AUDIT_NAME_BYTES + 1);
    files->count++;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

enum err_class audit_files(const struct ctx *ctx, const char *dir, struct audit_files **ret,
                           struct err *err)
{
    AUTO(free_autop) struct audit_files *files = calloc(1, sizeof(*files));

    if (!files)
        return err_memory(err);

    enum err_class rc = disk_exists(ctx, dir) ? disk_list(ctx, dir, add_file, files, err) : ERR_OK;

    if (rc == ERR_OK && files->count > AUDIT_FILES_MAX)
        rc = err_set(err, ERR_LIMIT, "the folder %s has %zu files of the audit trail, at most %d",
                     dir, files->count, AUDIT_FILES_MAX);
    if (rc != ERR_OK)
        return rc;
    qsort(files->names, files->count, sizeof(files->names[0]), by_name);
    *ret = TAKE(files);
    return ERR_OK;
}

/* ---- The end of a file ---- */

/*
 * The last whole line among bytes that begin at a line's beginning, or anywhere when `cut`. False:
 * there is none. *ret_end: where it ends, its newline included.
 */
static bool last_line(struct str bytes, bool cut, struct audit_line *ret, size_t *ret_end)
{
    size_t end = bytes.len;

    /* Each turn looks at the line before the last one. */
    while (end > 0) {
        size_t from = end;

        if (bytes.ptr[end - 1] == '\n') {
            from = end - 1;
            while (from > 0 && bytes.ptr[from - 1] != '\n')
                from--;
            if ((from > 0 || !cut) && audit_line_read(str_sub(bytes, from, end - 1 - from), ret)) {
                *ret_end = end;
                return true;
            }
        } else {
            while (from > 0 && bytes.ptr[from - 1] != '\n')
                from--;
        }
        end = from;
    }
    return false;
}

enum err_class audit_end_read(const struct ctx *ctx, const struct disk_file *file, int64_t size,
                              int64_t least, struct strbuf *bytes, struct audit_line *ret_line,
                              size_t *ret_end, bool *ret, struct err *err)
{
    int64_t from = size - END_BYTES;
    enum err_class rc = ERR_OK;

    *ret = false;
    /* At most two turns: its end, then all of it. */
    for (;;) {
        if (from < least)
            from = least;
        strbuf_reset(bytes);
        rc = disk_file_read(ctx, file, from, (size_t)(size - from), bytes, err);
        if (rc != ERR_OK)
            return rc;
        *ret = last_line(strbuf_str(bytes), from > least, ret_line, ret_end);
        if (*ret || from == least)
            return ERR_OK;
        from = least;
    }
}

enum err_class audit_file_open(const struct ctx *ctx, const char *dir, const char *name,
                               bool create, struct disk_file *ret, struct err *err)
{
    AUTO(free_autop) char *path = disk_join(dir, name);

    if (!path)
        return err_memory(err);
    return disk_file_open(ctx, path, create, ret, err);
}

enum err_class audit_file_end(const struct ctx *ctx, const char *dir, const char *name,
                              struct audit_line *ret, bool *ret_found, struct err *err)
{
    struct strbuf bytes = STRBUF_INIT(LIMIT_FILE_BYTES);
    struct disk_file file = {-1};
    int64_t size = 0;
    size_t end = 0;
    enum err_class rc = audit_file_open(ctx, dir, name, false, &file, err);

    if (rc == ERR_OK)
        rc = disk_file_size(ctx, &file, &size, err);
    if (rc == ERR_OK)
        rc = audit_end_read(ctx, &file, size, 0, &bytes, ret, &end, ret_found, err);
    disk_file_close(ctx, &file);
    strbuf_done(&bytes);
    return rc;
}
