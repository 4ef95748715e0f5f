/*
 * receipt.c: signing erasures, and reading what was signed.
 *
 * The statement is one line of JSON that is signed byte by byte, so that nobody has to agree on a
 * canonical form. The signing key is the server's, made once and sealed in the control database;
 * its public half stands in each receipt.
 */
#include "custody/receipt.h"

#include <sodium.h>

#include "base/civil.h"
#include "base/disk.h"
#include "base/json.h"
#include "base/limits.h"

#define RECEIPT_BYTES ((size_t)16 * 1024)
#define NAMES_BYTES ((size_t)8 * 1024 * 1024)
#define HEX_BYTES (2 * (size_t)VAULT_DIGEST_BYTES)
#define SIGNATURE_TEXT 96

/* The kind, the name of the digest, and how the file's name ends. */
static const struct {
    const char *name, *digest, *suffix;
} kinds[RECEIPT_KIND_COUNT] = {
    [RECEIPT_TENANT] = {"tenant", "site", ""},
    [RECEIPT_PERSON] = {"person", "person", ""},
    [RECEIPT_READMITTED] = {"readmitted", "person", "-readmitted"},
};

void receipt_site_digest(const char *base_url, char ret[2 * VAULT_DIGEST_BYTES + 1])
{
    unsigned char digest[VAULT_DIGEST_BYTES];

    (void)crypto_generichash(digest, sizeof(digest), (const unsigned char *)base_url,
                             strlen(base_url), NULL, 0); /* always 0 with these sizes */
    (void)sodium_bin2hex(ret, HEX_BYTES + 1, digest, sizeof(digest));
}

void receipt_key_text(const unsigned char key[RECEIPT_KEY_BYTES], char ret[RECEIPT_KEY_TEXT])
{
    (void)sodium_bin2base64(ret, RECEIPT_KEY_TEXT, key, RECEIPT_KEY_BYTES,
                            sodium_base64_VARIANT_ORIGINAL);
}

/* ---- The server's key ---- */

static struct vault_place seed_place(int64_t id)
{
    return (struct vault_place){.record = "receipt_key", .field = "seed", .row = id};
}

/* In the control database's own write transaction. */
static enum err_class make_key(struct data *data, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct strbuf sealed AUTO(strbuf_done) = STRBUF_INIT(1024);
    const struct vault_place place = seed_place(1);
    unsigned char seed[crypto_sign_SEEDBYTES], public_key[crypto_sign_PUBLICKEYBYTES];
    unsigned char secret_key[crypto_sign_SECRETKEYBYTES];

    ctx_random(data->ctx, seed, sizeof(seed));
    (void)crypto_sign_seed_keypair(public_key, secret_key, seed); /* always 0 */
    sodium_memzero(secret_key, sizeof(secret_key));

    enum err_class rc = vault_seal(data->vault, data->ctx, &place,
                                   (struct str){(const char *)seed, sizeof(seed)}, &sealed, err);

    sodium_memzero(seed, sizeof(seed));
    if (rc == ERR_OK)
        rc = db_prepare(data->control,
                        SQL("INSERT INTO receipt_key (id, public_key, seed, created)"
                            " VALUES (1, $1, $2, $3) ON CONFLICT (id) DO NOTHING"),
                        &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_blob(stmt, 1, (struct str){(const char *)public_key, sizeof(public_key)});
    db_bind_blob(stmt, 2, strbuf_str(&sealed));
    db_bind_i64(stmt, 3, ctx_now_ms(data->ctx));
    return db_run(stmt, err);
}

struct signing_key {
    int64_t id;
    unsigned char public_key[RECEIPT_KEY_BYTES];
    struct strbuf sealed;
};

/* The one that signs; *ret_found false: none yet. */
static enum err_class newest_key(struct data *data, struct signing_key *ret, bool *ret_found,
                                 struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        data->control, SQL("SELECT id, public_key, seed FROM receipt_key ORDER BY id DESC LIMIT 1"),
        &stmt, err);

    *ret_found = false;
    if (rc == ERR_OK)
        rc = db_step(stmt, ret_found, err);
    if (rc != ERR_OK || !*ret_found)
        return rc;
    if (db_blob(stmt, 1).len != RECEIPT_KEY_BYTES)
        return err_set(err, ERR_CORRUPT,
                       "the public key of receipts has %zu bytes instead of %d; restore the "
                       "control data from a backup",
                       db_blob(stmt, 1).len, RECEIPT_KEY_BYTES);
    ret->id = db_i64(stmt, 0);
    memcpy(ret->public_key, db_blob(stmt, 1).ptr, RECEIPT_KEY_BYTES);
    strbuf_add_str(&ret->sealed, db_blob(stmt, 2));
    return strbuf_check(&ret->sealed, "the key of receipts", err);
}

static enum err_class signing_key(struct data *data, struct signing_key *ret, struct err *err)
{
    bool found = false;
    enum err_class rc = newest_key(data, ret, &found, err);

    if (rc != ERR_OK || found)
        return rc;
    rc = db_begin(data->control, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_end(data->control, make_key(data, err), err);
    return rc == ERR_OK ? newest_key(data, ret, &found, err) : rc;
}

enum err_class receipt_key_make(struct data *data, struct err *err)
{
    struct signing_key key = {.sealed = STRBUF_INIT(1024)};
    enum err_class rc = signing_key(data, &key, err);

    strbuf_done(&key.sealed);
    return rc;
}

enum err_class receipt_key(struct data *data, unsigned char ret[RECEIPT_KEY_BYTES], struct err *err)
{
    struct signing_key key = {.sealed = STRBUF_INIT(1024)};
    bool found = false;
    enum err_class rc = newest_key(data, &key, &found, err);

    if (rc == ERR_OK && !found)
        rc = err_set(err, ERR_NOT_FOUND,
                     "this server has signed no receipt yet; its key is made with the first one");
    if (rc == ERR_OK)
        memcpy(ret, key.public_key, RECEIPT_KEY_BYTES);
    strbuf_done(&key.sealed);
    return rc;
}

enum err_class receipt_key_is_ours(struct data *data, const unsigned char key[RECEIPT_KEY_BYTES],
                                   bool *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        data->control, SQL("SELECT id FROM receipt_key WHERE public_key = $1 ORDER BY id LIMIT 1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_blob(stmt, 1, (struct str){(const char *)key, RECEIPT_KEY_BYTES});
    return db_step(stmt, ret, err);
}

/* ---- Signing ---- */

static void put_statement(const struct receipt *receipt, struct strbuf *buf)
{
    struct json_out out = json_out(buf);

    json_object(&out);
    json_key(&out, "receipt");
    json_put_i64(&out, 1);
    json_key(&out, "kind");
    json_put_z(&out, kinds[receipt->kind].name);
    json_key(&out, "tenant");
    json_put_z(&out, receipt->tenant);
    json_key(&out, "at");
    json_put_stamp(&out, receipt->at_ms);
    json_key(&out, kinds[receipt->kind].digest);
    json_put_z(&out, receipt->digest);
    json_key(&out, "counts");
    json_object(&out);
    for (size_t i = 0; i < RECEIPT_COUNTS && receipt->counts[i].what; i++) {
        json_key(&out, receipt->counts[i].what);
        json_put_i64(&out, receipt->counts[i].n);
    }
    json_object_end(&out);
    json_object_end(&out);
}

/* Appends the second line. */
static enum err_class sign(struct data *data, const struct signing_key *key, struct strbuf *text,
                           struct err *err)
{
    const struct vault_place place = seed_place(key->id);
    struct strbuf seed = STRBUF_INIT(256);
    unsigned char public_key[crypto_sign_PUBLICKEYBYTES], signature[crypto_sign_BYTES];
    unsigned char secret_key[crypto_sign_SECRETKEYBYTES];
    char key_text[RECEIPT_KEY_TEXT], signature_text[SIGNATURE_TEXT];
    enum err_class rc = vault_unseal_secret(data->vault, data->ctx, &place,
                                            strbuf_str(&key->sealed), "receipt", &seed, err);

    if (rc == ERR_OK && seed.len != crypto_sign_SEEDBYTES)
        rc = err_set(err, ERR_CORRUPT, "the key of receipts has another size than a key");
    if (rc == ERR_OK) {
        (void)crypto_sign_seed_keypair(public_key, secret_key, (const unsigned char *)seed.ptr);
        (void)crypto_sign_detached(signature, NULL, (const unsigned char *)text->ptr, text->len,
                                   secret_key);
        receipt_key_text(public_key, key_text);
        (void)sodium_bin2base64(signature_text, sizeof(signature_text), signature,
                                sizeof(signature), sodium_base64_VARIANT_ORIGINAL);
        strbuf_addf(text, "\n{\"key\":\"%s\",\"signature\":\"%s\"}\n", key_text, signature_text);
        rc = strbuf_check(text, "a receipt", err);
    }
    sodium_memzero(secret_key, sizeof(secret_key));
    vault_wipe(&seed);
    return rc;
}

static void put_name(const struct receipt *receipt, struct strbuf *name)
{
    strbuf_add_z(name, receipt->tenant);
    if (receipt->kind != RECEIPT_TENANT)
        strbuf_addf(name, "-%s", receipt->digest);
    strbuf_addf(name, "%s.json", kinds[receipt->kind].suffix);
}

static enum err_class keep(struct data *data, const struct receipt *receipt, struct str text,
                           struct err *err)
{
    AUTO(free_autop) char *folder = disk_join(data->dir, RECEIPTS_FOLDER);
    struct strbuf name AUTO(strbuf_done) = STRBUF_INIT(512);

    put_name(receipt, &name);

    AUTO(free_autop) char *path = folder ? disk_join(folder, strbuf_z(&name)) : NULL;

    if (!path || name.failed)
        return err_memory(err);

    enum err_class rc = disk_make_dir(data->ctx, folder, err);

    return rc == ERR_OK ? disk_write(data->ctx, path, text, err) : rc;
}

enum err_class receipt_issue(struct data *data, const struct receipt *receipt, struct strbuf *ret,
                             struct err *err)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(RECEIPT_BYTES);
    struct signing_key key = {.sealed = STRBUF_INIT(1024)};
    enum err_class rc = signing_key(data, &key, err);

    put_statement(receipt, &text);
    if (rc == ERR_OK)
        rc = sign(data, &key, &text, err);
    if (rc == ERR_OK)
        rc = keep(data, receipt, strbuf_str(&text), err);
    if (rc == ERR_OK && ret)
        strbuf_add_str(ret, strbuf_str(&text));
    strbuf_done(&key.sealed);
    return rc;
}

/* ---- Reading ---- */

static bool read_base64(struct str text, unsigned char *ret, size_t wanted)
{
    size_t len = 0;

    return text.ptr &&
           sodium_base642bin(ret, wanted, text.ptr, text.len, NULL, &len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           len == wanted;
}

static bool signature_holds(yyjson_val *line, struct str statement,
                            unsigned char ret_key[RECEIPT_KEY_BYTES])
{
    unsigned char signature[crypto_sign_BYTES];

    return read_base64(json_str(line, "key"), ret_key, RECEIPT_KEY_BYTES) &&
           read_base64(json_str(line, "signature"), signature, sizeof(signature)) &&
           crypto_sign_verify_detached(signature, (const unsigned char *)statement.ptr,
                                       statement.len, ret_key) == 0;
}

static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789abcdef", text.ptr[i]))
            return false;
    return text.len == HEX_BYTES;
}

static bool read_statement(yyjson_val *statement, struct receipt *ret)
{
    struct str kind = json_str(statement, "kind"), tenant = json_str(statement, "tenant");
    int64_t version = 0;

    *ret = (struct receipt){.kind = RECEIPT_TENANT};
    while (ret->kind < RECEIPT_KIND_COUNT && !str_eq_z(kind, kinds[ret->kind].name))
        ret->kind++;
    if (ret->kind == RECEIPT_KIND_COUNT)
        return false;

    struct str digest = json_str(statement, kinds[ret->kind].digest);

    if (!json_i64(statement, "receipt", &version) || version != 1 ||
        tenant.len != TENANT_ID_BYTES || memchr(tenant.ptr, '/', tenant.len) || !is_hex(digest) ||
        !civil_parse_stamp(json_str(statement, "at"), &ret->at_ms))
        return false;
    memcpy(ret->tenant, tenant.ptr, tenant.len);
    memcpy(ret->digest, digest.ptr, digest.len);
    return true;
}

enum err_class receipt_read(struct str text, const char *what, struct receipt *ret,
                            unsigned char ret_key[RECEIPT_KEY_BYTES], struct err *err)
{
    struct str rest = {NULL, 0}, statement = str_cut(text, '\n', &rest), end = {NULL, 0};
    struct str line = str_cut(rest, '\n', &end);
    yyjson_doc *says = NULL, *signs = NULL;

    enum err_class rc = ERR_OK;

    if (end.len > 0 || json_read(statement, what, &says, err) != ERR_OK ||
        json_read(line, what, &signs, err) != ERR_OK)
        rc = err_set(err, ERR_CORRUPT,
                     "%.200s is no receipt: it wants a statement and a signature, one line each",
                     what);
    else if (!signature_holds(yyjson_doc_get_root(signs), statement, ret_key))
        rc = err_set(err, ERR_CORRUPT,
                     "%.200s was changed: its signature does not fit what it says", what);
    else if (!read_statement(yyjson_doc_get_root(says), ret))
        rc = err_set(err, ERR_CORRUPT,
                     "%.200s is signed, and is no receipt that this version understands", what);
    yyjson_doc_free(says);
    yyjson_doc_free(signs);
    return rc;
}

/* ---- The folder ---- */

struct names {
    struct strbuf text; /* each followed by a line feed */
};

static void add_name(void *arg, const char *name)
{
    struct names *names = arg;

    strbuf_addf(&names->text, "%s\n", name);
}

/* *ret_ours: by one of this server's keys. */
static enum err_class read_file(struct data *data, const char *path, struct receipt *ret,
                                bool *ret_ours, struct err *err)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(RECEIPT_BYTES);
    unsigned char key[RECEIPT_KEY_BYTES];
    enum err_class rc = disk_read(data->ctx, path, &text, err);

    if (rc == ERR_OK)
        rc = receipt_read(strbuf_str(&text), path, ret, key, err);
    return rc == ERR_OK ? receipt_key_is_ours(data, key, ret_ours, err) : rc;
}

enum err_class receipt_find(struct data *data, const struct receipt *like, bool *ret_there,
                            int64_t *ret_at_ms, struct err *err)
{
    struct strbuf name AUTO(strbuf_done) = STRBUF_INIT(512);
    AUTO(free_autop) char *folder = disk_join(data->dir, RECEIPTS_FOLDER);
    struct receipt receipt;
    bool ours = false;

    put_name(like, &name);

    AUTO(free_autop) char *path = folder ? disk_join(folder, strbuf_z(&name)) : NULL;

    if (!path || name.failed)
        return err_memory(err);
    *ret_there = false;
    if (!disk_exists(data->ctx, path))
        return ERR_OK;

    enum err_class rc = read_file(data, path, &receipt, &ours, err);

    if (rc == ERR_OK && ours) {
        *ret_there = true;
        *ret_at_ms = receipt.at_ms;
    }
    return rc;
}

static enum err_class read_one(struct data *data, const char *folder, struct str name,
                               struct receipt *ret, struct err *err)
{
    struct strbuf path AUTO(strbuf_done) = STRBUF_INIT(8192);
    bool ours = false;

    strbuf_addf(&path, "%s/" STR_FMT, folder, STR_ARG(name));

    enum err_class rc = strbuf_check(&path, "a path", err);

    if (rc == ERR_OK)
        rc = read_file(data, strbuf_z(&path), ret, &ours, err);
    if (rc == ERR_OK && !ours)
        rc = err_set(err, ERR_CORRUPT,
                     "%s was signed by another server's key; take it out of the folder",
                     strbuf_z(&path));
    return rc;
}

enum err_class receipts_each(struct data *data, const char *folder,
                             enum err_class (*each)(void *arg, const struct receipt *receipt,
                                                    struct err *err),
                             void *arg, struct err *err)
{
    struct names names = {STRBUF_INIT(NAMES_BYTES)};
    enum err_class rc = ERR_OK;

    if (disk_exists(data->ctx, folder))
        rc = disk_list(data->ctx, folder, add_name, &names, err);
    if (rc == ERR_OK)
        rc = strbuf_check(&names.text, "the list of receipts", err);

    struct str rest = strbuf_str(&names.text);

    while (rest.len > 0 && rc == ERR_OK) {
        struct str name = str_cut(rest, '\n', &rest);
        struct receipt receipt;

        if (!str_ends(name, STR(".json"))) /* one that is being written */
            continue;
        rc = read_one(data, folder, name, &receipt, err);
        if (rc == ERR_OK)
            rc = each(arg, &receipt, err);
    }
    strbuf_done(&names.text);
    return rc;
}
