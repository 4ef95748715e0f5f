/*
 * archive_head.c: the header of a backup as bytes, and the key of what follows it.
 *
 * A header is read before anything can prove it, so each length is looked at before it is used.
 * Threads: any.
 */
#include "custody/archive_internal.h"

#define SCOPE_BYTE_CONTROL 1
#define SCOPE_BYTE_TENANT 2

void archive_head_done(struct archive_head *head)
{
    strbuf_done(&head->keyring);
}

static void put_number(struct strbuf *buf, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        strbuf_add_char(buf, (char)(unsigned char)(value >> (8 * i)));
}

/* Cuts a number off the front; false when there is less. */
static bool take_number(struct str *from, size_t bytes, uint64_t *ret)
{
    uint64_t value = 0;

    if (from->len < bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(unsigned char)from->ptr[i] << (8 * i);
    *from = str_sub(*from, bytes, from->len);
    *ret = value;
    return true;
}

static bool take_bytes(struct str *from, uint64_t len, struct str *ret)
{
    if (from->len < len)
        return false;
    *ret = str_sub(*from, 0, (size_t)len);
    *from = str_sub(*from, (size_t)len, from->len);
    return true;
}

enum err_class archive_put_head(struct strbuf *ret, const struct archive_head *head,
                                const unsigned char stream[ARCHIVE_STREAM_BYTES], struct err *err)
{
    AUTO(strbuf_done) struct strbuf rest = STRBUF_INIT(ARCHIVE_HEAD_BYTES_MAX);
    size_t owner_len = strlen(head->owner);

    put_number(&rest, head->scope == SCOPE_CONTROL ? SCOPE_BYTE_CONTROL : SCOPE_BYTE_TENANT, 1);
    put_number(&rest, head->catalog_version, 4);
    put_number(&rest, head->key_version, 4);
    put_number(&rest, (uint64_t)head->created_ms, 8);
    put_number(&rest, owner_len, 1);
    strbuf_add(&rest, head->owner, owner_len);
    put_number(&rest, head->keyring.len, 4);
    strbuf_add_str(&rest, strbuf_str(&head->keyring));
    strbuf_add(&rest, stream, ARCHIVE_STREAM_BYTES);
    strbuf_add(ret, ARCHIVE_MAGIC, ARCHIVE_MAGIC_BYTES);
    put_number(ret, ARCHIVE_FORMAT, 4);
    put_number(ret, rest.len, 4);
    strbuf_add_str(ret, strbuf_str(&rest));

    enum err_class rc = strbuf_check(&rest, "the header of a backup", err);

    return rc == ERR_OK ? strbuf_check(ret, "the header of a backup", err) : rc;
}

static bool owner_is_valid(struct str owner)
{
    for (size_t i = 0; i < owner.len; i++)
        if (!(owner.ptr[i] >= 'a' && owner.ptr[i] <= 'z') &&
            !(owner.ptr[i] >= '0' && owner.ptr[i] <= '9'))
            return false;
    return owner.len > 0 && owner.len <= VAULT_OWNER_MAX;
}

bool archive_take_head(struct str from, struct archive_head *ret,
                       unsigned char stream[ARCHIVE_STREAM_BYTES])
{
    uint64_t scope = 0, catalog = 0, key = 0, created = 0, len = 0;
    struct str owner = {0}, keyring = {0}, rest = {0};

    if (!take_number(&from, 1, &scope) || !take_number(&from, 4, &catalog) ||
        !take_number(&from, 4, &key) || !take_number(&from, 8, &created) ||
        !take_number(&from, 1, &len) || !take_bytes(&from, len, &owner) ||
        !take_number(&from, 4, &len) || !take_bytes(&from, len, &keyring) ||
        !take_bytes(&from, ARCHIVE_STREAM_BYTES, &rest) || from.len > 0)
        return false;
    if ((scope != SCOPE_BYTE_CONTROL && scope != SCOPE_BYTE_TENANT) || !owner_is_valid(owner) ||
        created > INT64_MAX)
        return false;
    ret->scope = scope == SCOPE_BYTE_CONTROL ? SCOPE_CONTROL : SCOPE_TENANT;
    ret->catalog_version = (uint32_t)catalog;
    ret->key_version = (uint32_t)key;
    ret->created_ms = (int64_t)created;
    (void)snprintf(ret->owner, sizeof(ret->owner), STR_FMT, STR_ARG(owner));
    ret->keyring = STRBUF_INIT(VAULT_RING_BYTES_MAX);
    strbuf_add_str(&ret->keyring, keyring);
    memcpy(stream, rest.ptr, ARCHIVE_STREAM_BYTES);
    return ret->keyring.failed == ERR_OK;
}

bool archive_take_front(const unsigned char front[ARCHIVE_FRONT_BYTES], uint64_t *ret_format,
                        uint64_t *ret_len)
{
    struct str numbers = {(const char *)front + ARCHIVE_MAGIC_BYTES,
                          ARCHIVE_FRONT_BYTES - ARCHIVE_MAGIC_BYTES};

    return memcmp(front, ARCHIVE_MAGIC, ARCHIVE_MAGIC_BYTES) == 0 &&
           take_number(&numbers, 4, ret_format) && take_number(&numbers, 4, ret_len);
}

enum err_class archive_stream_key(const struct vault *vault, uint32_t version, unsigned char **ret,
                                  struct err *err)
{
    AUTO(archive_wipe_autop) unsigned char *key = sodium_malloc(VAULT_KEY_BYTES);

    if (!key)
        return err_memory(err);

    enum err_class rc = vault_subkey(vault, version, VAULT_BACKUP, key, err);

    if (rc == ERR_OK)
        *ret = TAKE(key);
    return rc;
}
