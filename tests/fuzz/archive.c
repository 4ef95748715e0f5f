/*
 * archive.c: backup files that are not what was written, and contents that nobody would write.
 *
 * The first byte says what the rest is:
 *   'f'  a file, as somebody may have put there: it never opens with our key;
 *   'F'  a line with a number, then bytes: a small backup is made and changed by them: XORed from
 *        that byte on, and for an odd number cut or lengthened to as many bytes as the number says;
 *        it is read to its end only when the change changed nothing, and then gives what was put;
 *   'c'  the content of a backup that a holder of the key made: it is of the form of
 *        custody/content.h, or it is refused; read as one, its tables are within it.
 * The disk is memory. The threads of a reader and a writer are theirs, and end with them.
 */
#include "custody/archive.h"

#include <sodium.h>

#include "../lib/fake_ctx.h"
#include "base/disk_stream.h"
#include "custody/content.h"
#include "fuzz.h"
#include "vault/provider.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define PATH "no/such/folder/one.tenon"
#define KEY_PATH "no/such/folder/root.key"

struct memory {
    unsigned char key[VAULT_KEY_BYTES];
    struct strbuf root, file;
    size_t at; /* what was read of the file */
};

static bool is_root(const char *path)
{
    return strcmp(path, KEY_PATH) == 0;
}

static enum err_class memory_read(void *self, const char *path, struct strbuf *ret, struct err *err)
{
    const struct memory *memory = self;

    if (is_root(path))
        strbuf_add_str(ret, strbuf_str(&memory->root));
    else
        strbuf_add(ret, memory->key, sizeof(memory->key));
    return strbuf_check(ret, "a file", err);
}

static enum err_class memory_write(void *self, const char *path, struct str bytes, struct err *err)
{
    struct memory *memory = self;

    FUZZ_CHECK(is_root(path));
    strbuf_reset(&memory->root);
    strbuf_add_str(&memory->root, bytes);
    return strbuf_check(&memory->root, "a file", err);
}

static bool memory_exists(void *self, const char *path)
{
    const struct memory *memory = self;

    return !is_root(path) || memory->root.len > 0;
}

static enum err_class stream_create(void *self, const char *path, struct disk_stream *ret,
                                    struct err *err)
{
    struct memory *memory = self;

    strbuf_reset(&memory->file);
    *ret = (struct disk_stream){.fd = -1, .is_new = true, .path = str_dup_z(str_from(path))};
    return ret->path ? ERR_OK : err_memory(err);
}

static enum err_class stream_append(void *self, struct disk_stream *stream, struct str bytes,
                                    struct err *err)
{
    struct memory *memory = self;

    strbuf_add_str(&memory->file, bytes);
    stream->bytes += (int64_t)bytes.len;
    return strbuf_check(&memory->file, "a file", err);
}

static enum err_class stream_keep(void *self, struct disk_stream *stream, struct err *err)
{
    (void)self;
    (void)err;
    stream->is_new = false;
    return ERR_OK;
}

static enum err_class stream_open(void *self, const char *path, struct disk_stream *ret,
                                  struct err *err)
{
    struct memory *memory = self;

    memory->at = 0;
    *ret = (struct disk_stream){
        .fd = -1, .bytes = (int64_t)memory->file.len, .path = str_dup_z(str_from(path))};
    return ret->path ? ERR_OK : err_memory(err);
}

static enum err_class stream_read(void *self, struct disk_stream *stream, void *bytes, size_t len,
                                  size_t *ret_len, struct err *err)
{
    struct memory *memory = self;
    size_t left = memory->file.len - memory->at;

    (void)stream;
    (void)err;
    *ret_len = len < left ? len : left;
    if (*ret_len > 0)
        memcpy(bytes, memory->file.ptr + memory->at, *ret_len);
    memory->at += *ret_len;
    return ERR_OK;
}

static void stream_discard(void *self, struct disk_stream *stream)
{
    (void)self;
    free(stream->path);
    *stream = DISK_STREAM_INIT;
}

static const struct disk_stream_ops memory_stream = {
    .create = stream_create,
    .append = stream_append,
    .keep = stream_keep,
    .open = stream_open,
    .read = stream_read,
    .discard = stream_discard,
};
static const struct disk_ops memory_disk = {
    .read = memory_read, .write = memory_write, .exists = memory_exists, .stream = &memory_stream};

/* Made once: keys lie in guarded pages, and making them takes system calls. */
static struct {
    bool ready;
    struct fake_ctx fake;
    struct memory memory;
    struct vault_provider *provider;
    struct vault *vault;
} world;

static void make_world(void)
{
    struct ctx *ctx = &world.fake.ctx;
    struct err err = {0};

    FUZZ_CHECK(sodium_init() >= 0);
    fake_ctx_init(&world.fake, 1);
    ctx->disk = &memory_disk;
    ctx->disk_self = &world.memory;
    memset(world.memory.key, 1, VAULT_KEY_BYTES);
    world.memory.root = STRBUF_INIT(VAULT_RING_BYTES_MAX);
    world.memory.file = STRBUF_INIT(FILE_BYTES_MAX);
    FUZZ_CHECK(vault_file_provider(ctx, "no/such/folder", false, &world.provider, &err) == ERR_OK);
    FUZZ_CHECK(vault_create(ctx, world.provider, "acme", KEY_PATH, &world.vault, &err) == ERR_OK);
    world.ready = true;
}

static void put(struct str content)
{
    AUTO(archive_writer_free_autop) struct archive_writer *writer = NULL;
    AUTO(archive_head_done)
    struct archive_head head = {.scope = SCOPE_TENANT,
                                .catalog_version = 3,
                                .key_version = vault_version(world.vault),
                                .created_ms = 1000,
                                .owner = "acme",
                                .keyring = STRBUF_INIT(VAULT_RING_BYTES_MAX)};
    struct archive_made made = {0};
    struct err err = {0};

    strbuf_add_str(&head.keyring, strbuf_str(&world.memory.root));
    FUZZ_CHECK(archive_create(&world.fake.ctx, PATH, &head, world.vault, &writer, &err) == ERR_OK);
    FUZZ_CHECK(archive_write(writer, content, &err) == ERR_OK);
    FUZZ_CHECK(archive_finish(writer, &made, &err) == ERR_OK);
    FUZZ_CHECK(made.bytes == (int64_t)world.memory.file.len);
}

/* Opened, and its header proved by our key. */
static bool is_ours(struct archive_reader **ret)
{
    AUTO(archive_reader_free_autop) struct archive_reader *reader = NULL;
    struct err err = {0};
    enum err_class rc = archive_open(&world.fake.ctx, PATH, &reader, &err);

    if (rc == ERR_OK) {
        const struct archive_head *head = archive_head(reader);

        FUZZ_CHECK(strlen(head->owner) > 0 && head->created_ms >= 0);
        FUZZ_CHECK(head->keyring.len <= world.memory.file.len);
        rc = archive_unlock(reader, world.vault, &err);
    }
    if (rc == ERR_OK) {
        *ret = TAKE(reader);
        return true;
    }
    fuzz_check_error(&err, rc);
    FUZZ_CHECK(rc == ERR_CORRUPT || rc == ERR_SCHEMA || rc == ERR_KEY);
    return false;
}

/* Read to the proved end, it gives `want`. */
static bool gives(struct str want)
{
    AUTO(archive_reader_free_autop) struct archive_reader *reader = NULL;
    AUTO(strbuf_done) struct strbuf got = STRBUF_INIT(FILE_BYTES_MAX);
    char part[4096];
    size_t len = 1;
    struct err err = {0};
    enum err_class rc = ERR_OK;

    if (!is_ours(&reader))
        return false;
    while (rc == ERR_OK && len > 0) {
        rc = archive_read(reader, part, sizeof(part), &len, &err);
        if (rc == ERR_OK)
            strbuf_add(&got, part, len);
    }
    if (rc != ERR_OK) {
        fuzz_check_error(&err, rc);
        FUZZ_CHECK(rc == ERR_CORRUPT);
        return false;
    }
    FUZZ_CHECK(str_eq(strbuf_str(&got), want));
    return true;
}

/* The number that the first line holds, and the bytes behind it, worked into the file. */
static bool change(struct str how)
{
    struct strbuf *file = &world.memory.file;
    int64_t number = 0;
    size_t len = file->len;
    bool changed = false;

    if (!parse_i64(fuzz_line(&how), 0, 1 << 16, &number))
        number = 0;
    for (size_t i = 0; i < how.len && (size_t)number + i < len; i++) {
        changed = changed || how.ptr[i] != 0;
        file->ptr[(size_t)number + i] = (char)(file->ptr[(size_t)number + i] ^ how.ptr[i]);
    }
    if (number % 2 == 0)
        return changed;
    while (file->len < (size_t)number)
        strbuf_add_char(file, 'x');
    file->len = (size_t)number;
    /* What was changed may have been cut off, but then it is shorter. */
    return changed || file->len != len;
}

static enum err_class read_content(struct content_manifest *manifest, struct err *err)
{
    static const struct catalog none = {3, NULL, 0};
    AUTO(archive_reader_free_autop) struct archive_reader *reader = NULL;

    FUZZ_CHECK(is_ours(&reader));
    return content_read(reader, NULL, &none, NULL, NULL, manifest, err);
}

static void check_content(struct str content)
{
    AUTO(content_manifest_done) struct content_manifest manifest = {0};
    int64_t rows = 0, bytes = 0;
    struct err err = {0};

    FUZZ_CHECK(content_manifest_init(&manifest, &err) == ERR_OK);
    put(content);
    FUZZ_CHECK(gives(content));

    enum err_class rc = read_content(&manifest, &err);

    if (rc != ERR_OK) {
        fuzz_check_error(&err, rc);
        FUZZ_CHECK(rc == ERR_CORRUPT || rc == ERR_LIMIT);
        return;
    }
    FUZZ_CHECK(manifest.count <= CONTENT_TABLES_MAX);
    for (size_t i = 0; i < manifest.count; i++) {
        const struct content_table *table = &manifest.tables[i];

        FUZZ_CHECK(table->field_count > 0 && table->field_count <= CONTENT_FIELDS_MAX);
        FUZZ_CHECK(table->name[0] && table->rows >= 0 && table->rows < table->bytes);
        rows += table->rows;
        bytes += table->bytes;
    }
    FUZZ_CHECK(rows == manifest.rows && bytes < (int64_t)content.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = fuzz_str(data, size);
    AUTO(archive_reader_free_autop) struct archive_reader *reader = NULL;

    if (!world.ready)
        make_world();
    switch (fuzz_byte(&input)) {
    case 'f':
        strbuf_reset(&world.memory.file);
        strbuf_add_str(&world.memory.file, input);
        FUZZ_CHECK(!is_ours(&reader));
        break;
    case 'F':
        put(STR("a short content"));
        FUZZ_CHECK(gives(STR("a short content")) && gives(STR("a short content")));

        bool changed = change(input);

        FUZZ_CHECK(gives(STR("a short content")) == !changed);
        break;
    case 'c':
        check_content(input);
        break;
    default:
        break;
    }
    return 0;
}
