/*
 * shares.c: k of n shares of a secret.
 *
 * The arithmetic is libgfshare's (Debian: libgfshare2), so that in need `gfcombine` of the same
 * package joins the bytes of shares without us. Its look-ups in tables depend on the secret: that
 * matters to somebody who measures this process's cache while an operator splits or joins, which
 * is done by hand on the operator's own machine and never by the server. Its randomness is a
 * global pointer without a default; it is set here to the kernel's.
 *
 * With the secret goes a digest of it into the shares: k shares of different sets, or one that was
 * made up, give bytes that do not match and are told as such.
 */
#include "vault/shares.h"

#include <libgfshare.h>
#include <sodium.h>

#define MAGIC "TENON1"
#define CHECK_BYTES 4
#define DIGEST_BYTES 16
#define WHOLE_MAX (SHARES_SECRET_MAX + DIGEST_BYTES)

static void fill_random(unsigned char *bytes, unsigned int len)
{
    randombytes_buf(bytes, len);
}

static void free_gfshare(gfshare_ctx **ctx)
{
    if (*ctx)
        gfshare_ctx_free(*ctx); /* overwrites what it held */
}

static void hash(unsigned char *ret, size_t ret_len, struct str bytes)
{
    unsigned char whole[32];

    (void)crypto_generichash(whole, sizeof(whole), (const unsigned char *)bytes.ptr, bytes.len,
                             NULL, 0); /* cannot fail */
    memcpy(ret, whole, ret_len);
    sodium_memzero(whole, sizeof(whole));
}

/* ---- Making them ---- */

static void put_share(struct strbuf *ret, const char *head, int64_t index, struct str bytes)
{
    struct strbuf line = STRBUF_INIT(SHARES_LINE_MAX);
    unsigned char check[CHECK_BYTES];
    char hex[2 * WHOLE_MAX + 1], check_hex[2 * CHECK_BYTES + 1];

    sodium_bin2hex(hex, sizeof(hex), (const unsigned char *)bytes.ptr, bytes.len);
    strbuf_addf(&line, "%s:%d:%s", head, (int)index, hex);
    hash(check, sizeof(check), strbuf_str(&line));
    sodium_bin2hex(check_hex, sizeof(check_hex), check, sizeof(check));
    strbuf_add_str(ret, strbuf_str(&line));
    strbuf_addf(ret, ":%s\n", check_hex);
    sodium_memzero(hex, sizeof(hex));
    if (line.ptr)
        sodium_memzero(line.ptr, line.room);
    strbuf_done(&line);
}

enum err_class shares_split(const char *what, struct str secret, int64_t n, int64_t k,
                            struct strbuf *ret, char ret_set[SHARES_SET_BYTES + 1], struct err *err)
{
    AUTO(free_gfshare) gfshare_ctx *ctx = NULL;
    unsigned char numbers[SHARES_MAX], whole[WHOLE_MAX], share[WHOLE_MAX],
        set[SHARES_SET_BYTES / 2];
    size_t len = secret.len + DIGEST_BYTES;
    char head[SHARES_WHAT_MAX + 64];

    if (k < 2 || n < k || n > SHARES_MAX)
        return err_set(err, ERR_USAGE,
                       "%lld of %lld shares cannot be made: the threshold is 2 or more, and there "
                       "are at least as many shares, at most %d",
                       (long long)k, (long long)n, SHARES_MAX);
    if (secret.len == 0 || secret.len > SHARES_SECRET_MAX || strlen(what) > SHARES_WHAT_MAX)
        return err_set(err, ERR_BUG, "a secret of %zu bytes cannot be split", secret.len);
    for (int64_t i = 0; i < n; i++)
        numbers[i] = (unsigned char)(i + 1);
    gfshare_fill_rand = fill_random;
    ctx = gfshare_ctx_init_enc(numbers, (unsigned)n, (unsigned char)k, (unsigned)len);
    if (!ctx)
        return err_memory(err);
    memcpy(whole, secret.ptr, secret.len);
    hash(whole + secret.len, DIGEST_BYTES, secret);
    gfshare_ctx_enc_setsecret(ctx, whole);
    sodium_memzero(whole, sizeof(whole));
    randombytes_buf(set, sizeof(set));
    sodium_bin2hex(ret_set, SHARES_SET_BYTES + 1, set, sizeof(set));
    (void)snprintf(head, sizeof(head), MAGIC ":%s:%s:%d", what, ret_set, (int)k);
    for (int64_t i = 0; i < n; i++) {
        gfshare_ctx_enc_getshare(ctx, (unsigned char)i, share);
        put_share(ret, head, i + 1, (struct str){(const char *)share, len});
    }
    sodium_memzero(share, sizeof(share));
    return strbuf_check(ret, "the shares", err);
}

/* ---- Joining them ---- */

struct share {
    int64_t index;
    size_t len;
    unsigned char bytes[WHOLE_MAX];
};

/* All that were read. */
struct reading {
    struct shares_secret *ret;
    size_t count;
    struct share shares[SHARES_MAX];
};

static bool check_is_right(struct str line, struct str check)
{
    unsigned char want[CHECK_BYTES];
    char hex[2 * CHECK_BYTES + 1];

    hash(want, sizeof(want), str_sub(line, 0, line.len - check.len - 1));
    sodium_bin2hex(hex, sizeof(hex), want, sizeof(want));
    return str_eq_z(check, hex);
}

static bool copy_text(char *ret, size_t room, struct str text)
{
    if (text.len == 0 || text.len >= room)
        return false;
    memcpy(ret, text.ptr, text.len);
    ret[text.len] = '\0';
    return true;
}

/* What all shares of a set have in common: taken from the first, compared with the others. */
static enum err_class compare(struct reading *reading, int number, struct str what, struct str set,
                              int64_t k, size_t len, struct err *err)
{
    struct shares_secret *first = reading->ret;

    if (reading->count == 0) {
        first->k = k;
        return copy_text(first->what, sizeof(first->what), what) &&
                       copy_text(first->set, sizeof(first->set), set)
                   ? ERR_OK
                   : err_set(err, ERR_INPUT, "line %d is not a share of this version", number);
    }
    if (!str_eq_z(set, first->set) || !str_eq_z(what, first->what) || k != first->k ||
        len != reading->shares[0].len)
        return err_set(
            err, ERR_INPUT,
            "line %d is of the set %.8s, the lines before it are of the set %s; shares of "
            "different sets do not go together",
            number, set.len >= SHARES_SET_BYTES ? set.ptr : "?", first->set);
    return ERR_OK;
}

static enum err_class read_line(struct reading *reading, int number, struct str line,
                                struct err *err)
{
    struct str parts[7], rest = line;
    struct share *share = &reading->shares[reading->count];
    int64_t k = 0;
    size_t count = 0;
    enum err_class rc;

    for (; count < ARRAY_LEN(parts) && rest.ptr; count++)
        parts[count] = str_cut(rest, ':', &rest);
    if (count < ARRAY_LEN(parts) || rest.len > 0 || !str_eq_z(parts[0], MAGIC))
        return err_set(err, ERR_INPUT, "line %d is not a share (TENON1:…)", number);
    if (!check_is_right(line, parts[6]))
        return err_set(err, ERR_INPUT,
                       "line %d has a mistake: its last part does not fit to the others", number);
    if (reading->count == SHARES_MAX)
        return err_set(err, ERR_INPUT, "there are more than %d shares", SHARES_MAX);
    if (!parse_i64(parts[3], 2, SHARES_MAX, &k) ||
        !parse_i64(parts[4], 1, SHARES_MAX, &share->index) ||
        sodium_hex2bin(share->bytes, sizeof(share->bytes), parts[5].ptr, parts[5].len, NULL,
                       &share->len, NULL) != 0 ||
        share->len <= DIGEST_BYTES || 2 * share->len != parts[5].len)
        return err_set(err, ERR_INPUT, "line %d is not a share of this version", number);
    rc = compare(reading, number, parts[1], parts[2], k, share->len, err);
    for (size_t i = 0; rc == ERR_OK && i < reading->count; i++)
        if (reading->shares[i].index == share->index)
            return err_set(err, ERR_INPUT, "line %d is the share %d once more", number,
                           (int)share->index);
    if (rc == ERR_OK)
        reading->count++;
    return rc;
}

static enum err_class combine(struct reading *reading, struct err *err)
{
    AUTO(free_gfshare) gfshare_ctx *ctx = NULL;
    unsigned char numbers[SHARES_MAX], whole[WHOLE_MAX], digest[DIGEST_BYTES];
    size_t len = reading->shares[0].len, count = (size_t)reading->ret->k;
    bool right;

    for (size_t i = 0; i < count; i++)
        numbers[i] = (unsigned char)reading->shares[i].index;
    gfshare_fill_rand = fill_random;
    ctx = gfshare_ctx_init_dec(numbers, (unsigned)count, (unsigned)len);
    if (!ctx)
        return err_memory(err);
    for (size_t i = 0; i < count; i++)
        gfshare_ctx_dec_giveshare(ctx, (unsigned char)i, reading->shares[i].bytes);
    gfshare_ctx_dec_extract(ctx, whole);
    hash(digest, sizeof(digest), (struct str){(const char *)whole, len - DIGEST_BYTES});
    right = sodium_memcmp(digest, whole + len - DIGEST_BYTES, DIGEST_BYTES) == 0;
    if (right) {
        reading->ret->len = len - DIGEST_BYTES;
        memcpy(reading->ret->bytes, whole, reading->ret->len);
    }
    sodium_memzero(whole, sizeof(whole));
    return right ? ERR_OK
                 : err_set(err, ERR_INPUT,
                           "the shares of the set %s do not give its secret: one of them was made "
                           "by somebody else",
                           reading->ret->set);
}

static enum err_class join(struct reading *reading, struct str text, struct err *err)
{
    enum err_class rc = ERR_OK;
    int number = 0;

    while (rc == ERR_OK && text.len > 0) {
        struct str line = str_trim(str_cut(text, '\n', &text));

        number++;
        if (line.len > 0)
            rc = read_line(reading, number, line, err);
    }
    if (rc != ERR_OK)
        return rc;
    if (reading->count == 0)
        return err_set(err, ERR_INPUT,
                       "there is no share; each is a line that begins with TENON1:");
    reading->ret->count = (int64_t)reading->count;
    if (reading->ret->count < reading->ret->k)
        return err_set(err, ERR_INPUT, "%zu share%s of the set %s; it takes %d", reading->count,
                       reading->count == 1 ? " is there" : "s are there", reading->ret->set,
                       (int)reading->ret->k);
    return combine(reading, err);
}

enum err_class shares_join(struct str text, struct shares_secret *ret, struct err *err)
{
    struct reading *reading = sodium_malloc(sizeof(*reading));
    enum err_class rc;

    if (!reading)
        return err_memory(err);
    sodium_memzero(reading, sizeof(*reading));
    *ret = (struct shares_secret){.len = 0};
    reading->ret = ret;
    rc = join(reading, text, err);
    sodium_free(reading); /* wipes */
    return rc;
}
