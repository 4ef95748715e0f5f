/*
 * vault.c: wrapped keys and sealed values that are not what was written.
 *
 * The first byte says what the rest is:
 *   'e'  an envelope, and 'k' a wrapped key, as somebody may have put there: they never open;
 *   'E'  and 'K': a line with a number, then bytes: an envelope (a wrapped key) is made and changed
 *        by them: XORed from that byte on, and for an odd number cut or lengthened to as many bytes
 *        as the number says; it opens only when the change changed nothing;
 *   'p'  a value that is sealed, opened, and not opened at any other place, owner or key.
 * Cryptography here is libsodium's; what is tested is that lengths, versions, key ids, places and
 * owners are looked at, and that a refusal leaves nothing behind.
 */
#include <sodium.h>

#include "../lib/fake_ctx.h"
#include "base/disk.h"
#include "fuzz.h"
#include "vault/provider.h"

#define PLAIN_BYTES_MAX 512
#define CHANGED_BYTES_MAX 2048

/* A disk of two files in memory: the provider's key, and one wrapped root. */
struct memory {
    unsigned char key[VAULT_KEY_BYTES];
    struct strbuf root;
};

static bool is_root(const char *path)
{
    return strcmp(path, "no/such/folder/root.key") == 0;
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

static const struct disk_ops memory_disk = {
    .read = memory_read, .write = memory_write, .exists = memory_exists};

/* Made once: keys lie in guarded pages, and making them takes system calls. */
static struct {
    bool ready;
    struct fake_ctx fake;
    struct memory memory, other_memory;
    struct vault_provider *provider, *other_provider;
    struct strbuf wrapped;               /* the root of "acme" */
    struct vault *acme, *globex, *other; /* `other`: of "acme" too, by another root */
} world;

static void use(struct memory *memory)
{
    world.fake.ctx.disk_self = memory;
}

static void make_world(void)
{
    struct ctx *ctx = &world.fake.ctx;
    struct err err = {0};
    const char *path = "no/such/folder/root.key";

    FUZZ_CHECK(sodium_init() >= 0);
    fake_ctx_init(&world.fake, 1);
    ctx->disk = &memory_disk;
    memset(world.memory.key, 1, VAULT_KEY_BYTES);
    memset(world.other_memory.key, 2, VAULT_KEY_BYTES);
    world.memory.root = world.other_memory.root = STRBUF_INIT(CHANGED_BYTES_MAX);
    world.wrapped = STRBUF_INIT(CHANGED_BYTES_MAX);
    use(&world.other_memory);
    FUZZ_CHECK(vault_file_provider(ctx, "no/such/folder", false, &world.other_provider, &err) ==
               ERR_OK);
    FUZZ_CHECK(vault_create(ctx, world.other_provider, "acme", path, &world.other, &err) == ERR_OK);
    use(&world.memory);
    FUZZ_CHECK(vault_file_provider(ctx, "no/such/folder", false, &world.provider, &err) == ERR_OK);
    FUZZ_CHECK(vault_create(ctx, world.provider, "globex", path, &world.globex, &err) == ERR_OK);
    strbuf_reset(&world.memory.root);
    FUZZ_CHECK(vault_create(ctx, world.provider, "acme", path, &world.acme, &err) == ERR_OK);
    strbuf_add_str(&world.wrapped, strbuf_str(&world.memory.root));
    world.ready = true;
}

static const struct vault_place place = {.record = "worklog", .field = "comment", .row = 77};

static bool opens_at(const struct vault *vault, const struct vault_place *at, struct str sealed,
                     struct str expected)
{
    AUTO(free_autop) char *exact = fuzz_exact(sealed);
    AUTO(strbuf_done) struct strbuf plain = STRBUF_INIT(2 * CHANGED_BYTES_MAX);
    struct err err = {0};

    strbuf_add_z(&plain, "before");

    enum err_class class = vault_unseal(vault, at, (struct str){exact, sealed.len}, &plain, &err);

    if (class == ERR_OK) {
        FUZZ_CHECK(str_starts(strbuf_str(&plain), STR("before")));
        FUZZ_CHECK(str_eq(str_sub(strbuf_str(&plain), 6, plain.len), expected));
        return true;
    }
    fuzz_check_error(&err, class);
    FUZZ_CHECK(class == ERR_KEY || class == ERR_CORRUPT);
    FUZZ_CHECK(strcmp(strbuf_z(&plain), "before") == 0 && plain.len == 6);
    return false;
}

static void seal(struct str plain, struct strbuf *ret)
{
    struct err err = {0};

    FUZZ_CHECK(vault_seal(world.acme, &world.fake.ctx, &place, plain, ret, &err) == ERR_OK);
    FUZZ_CHECK(ret->len == plain.len + VAULT_SEAL_OVERHEAD);
}

static void check_places(struct str plain)
{
    AUTO(strbuf_done) struct strbuf sealed = STRBUF_INIT(CHANGED_BYTES_MAX);
    struct vault_place other = place;

    seal(plain, &sealed);

    struct str text = strbuf_str(&sealed);

    FUZZ_CHECK(opens_at(world.acme, &place, text, plain));
    FUZZ_CHECK(!opens_at(world.globex, &place, text, plain));
    FUZZ_CHECK(!opens_at(world.other, &place, text, plain));
    other.row = 78;
    FUZZ_CHECK(!opens_at(world.acme, &other, text, plain));
    other = place;
    other.field = "commen";
    FUZZ_CHECK(!opens_at(world.acme, &other, text, plain));
    other = place;
    other.record = "worklo";
    FUZZ_CHECK(!opens_at(world.acme, &other, text, plain));
    other = place;
    other.row_text = str_sub(plain, 0, 100);
    FUZZ_CHECK(plain.len == 0 || !opens_at(world.acme, &other, text, plain));
}

/* The number that the first line holds, and the bytes behind it, worked into `bytes`. */
static bool change(struct str how, struct strbuf *bytes)
{
    int64_t number = 0;
    size_t len = bytes->len;
    bool changed = false;

    if (!parse_i64(fuzz_line(&how), 0, 1 << 20, &number))
        number = 0;
    for (size_t i = 0; i < how.len && (size_t)number + i < len; i++) {
        changed = changed || how.ptr[i] != 0;
        bytes->ptr[(size_t)number + i] = (char)(bytes->ptr[(size_t)number + i] ^ how.ptr[i]);
    }
    if (number % 2 == 1 && (size_t)number < len) {
        bytes->len = (size_t)number;
        bytes->ptr[bytes->len] = '\0';
        return true;
    }
    while (number % 2 == 1 && bytes->len < (size_t)number && bytes->len < CHANGED_BYTES_MAX - 1)
        strbuf_add_char(bytes, how.len > 0 ? how.ptr[bytes->len % how.len] : 'x');
    return changed || bytes->len != len;
}

static void check_envelope(struct str how)
{
    AUTO(strbuf_done) struct strbuf sealed = STRBUF_INIT(CHANGED_BYTES_MAX);
    struct str plain = str_sub(how, 0, PLAIN_BYTES_MAX);

    seal(plain, &sealed);

    bool changed = change(how, &sealed);

    FUZZ_CHECK(opens_at(world.acme, &place, strbuf_str(&sealed), plain) == !changed);
}

static bool root_opens(struct str wrapped, const char *owner)
{
    AUTO(vault_close_autop) struct vault *vault = NULL;
    struct err err = {0};

    strbuf_reset(&world.memory.root);
    strbuf_add_str(&world.memory.root, wrapped);

    enum err_class class =
        vault_open(&world.fake.ctx, world.provider, owner, "no/such/folder/root.key", &vault, &err);

    if (class == ERR_OK) {
        FUZZ_CHECK(memcmp(vault_db_key(vault), vault_db_key(world.acme), VAULT_KEY_BYTES) == 0);
        return true;
    }
    fuzz_check_error(&err, class);
    FUZZ_CHECK(!vault && class == ERR_KEY);
    return false;
}

static void check_root(struct str how)
{
    AUTO(strbuf_done) struct strbuf wrapped = STRBUF_INIT(CHANGED_BYTES_MAX);

    strbuf_add_str(&wrapped, strbuf_str(&world.wrapped));

    bool changed = change(how, &wrapped);

    FUZZ_CHECK(root_opens(strbuf_str(&wrapped), "acme") == !changed);
    FUZZ_CHECK(!root_opens(strbuf_str(&wrapped), "globex"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = fuzz_str(data, size);
    uint8_t kind = fuzz_byte(&input);

    if (!world.ready)
        make_world();
    switch (kind) {
    case 'E':
        check_envelope(input);
        break;
    case 'K':
        check_root(input);
        break;
    case 'k':
        FUZZ_CHECK(!root_opens(str_sub(input, 0, CHANGED_BYTES_MAX), "acme"));
        break;
    case 'p':
        check_places(str_sub(input, 0, PLAIN_BYTES_MAX));
        break;
    default:
        FUZZ_CHECK(!opens_at(world.acme, &place, str_sub(input, 0, CHANGED_BYTES_MAX), input));
    }
    return 0;
}
