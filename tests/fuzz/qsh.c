/*
 * qsh.c: the canonical form of a request, and its hash.
 *
 * The lines are the method, the path, the base path and the query. Holds: a query has a form
 * exactly if its names and values can be decoded; the form is the one that a slow and plain way
 * comes to (decoding by sscanf, ICU's order of code units, sorting by exchange, encoding by a
 * list); the hash is libsodium's of it; turning the parameters around, or putting a token between
 * them, changes nothing; and nothing but the query's "&", "=" and "," divides in it.
 */
#include <sodium.h>
#include <unicode/ustring.h>

#include "connect/qsh.h"
#include "fuzz.h"

#define PAIRS_MAX 64 /* what the slow way is tried on */
#define UNITS_MAX 8192

struct pair {
    struct strbuf name, value;
};

struct pairs {
    struct pair all[PAIRS_MAX];
    size_t count;
};

static void pairs_done(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        strbuf_done(&pairs->all[i].name);
        strbuf_done(&pairs->all[i].value);
    }
}

/* False when an escape is broken, or what it means is not UTF-8 without NUL. */
static bool decode(struct str raw, struct strbuf *ret)
{
    for (size_t i = 0; i < raw.len; i++) {
        char digits[3] = {0};
        unsigned byte = 0;

        if (raw.ptr[i] != '%') {
            strbuf_add_char(ret, raw.ptr[i] == '+' ? ' ' : raw.ptr[i]);
            continue;
        }
        if (raw.len - i < 3)
            return false;
        memcpy(digits, raw.ptr + i + 1, 2);
        if (strspn(digits, "0123456789abcdefABCDEF") != 2 || sscanf(digits, "%x", &byte) != 1)
            return false;
        strbuf_add_char(ret, (char)byte);
        i += 2;
    }
    return str_is_utf8(strbuf_str(ret));
}

static int order(const struct strbuf *a, const struct strbuf *b)
{
    static UChar x[UNITS_MAX], y[UNITS_MAX];
    int32_t x_len = 0, y_len = 0;
    UErrorCode failed = U_ZERO_ERROR;

    u_strFromUTF8(x, UNITS_MAX, &x_len, strbuf_z(a), (int32_t)a->len, &failed);
    u_strFromUTF8(y, UNITS_MAX, &y_len, strbuf_z(b), (int32_t)b->len, &failed);
    FUZZ_CHECK(U_SUCCESS(failed));
    return u_strCompare(x, x_len, y, y_len, false);
}

static void exchange(struct pair *a, struct pair *b)
{
    struct pair kept = *a;

    *a = *b;
    *b = kept;
}

static void sort(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        for (size_t k = i + 1; k < pairs->count; k++) {
            struct pair *a = &pairs->all[i], *b = &pairs->all[k];
            int by_name = order(&a->name, &b->name);

            if (by_name > 0 || (by_name == 0 && order(&a->value, &b->value) > 0))
                exchange(a, b);
        }
}

/* False: cannot be decoded. */
static bool read_pairs(struct str query, struct pairs *ret)
{
    bool good = true;

    while (query.len > 0) {
        struct str value = {0}, one = str_cut(query, '&', &query);
        struct str name = str_cut(one, '=', &value);
        struct pair *pair = &ret->all[ret->count];

        if (one.len == 0)
            continue;
        FUZZ_CHECK(ret->count < PAIRS_MAX);
        *pair = (struct pair){STRBUF_INIT(UNITS_MAX), STRBUF_INIT(UNITS_MAX)};
        ret->count++;
        good = decode(name, &pair->name) && good;
        good = decode(value, &pair->value) && good;
        if (str_eq(strbuf_str(&pair->name), STR("jwt"))) {
            strbuf_done(&pair->name);
            strbuf_done(&pair->value);
            ret->count--;
        }
    }
    return good;
}

static void encode(const struct strbuf *text, struct strbuf *ret)
{
    for (size_t i = 0; i < text->len; i++) {
        char c = text->ptr[i];

        if (memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", c, 66))
            strbuf_add_char(ret, c);
        else
            strbuf_addf(ret, "%%%02X", (unsigned)(unsigned char)c);
    }
}

static void add_path(struct str path, struct str base, struct strbuf *ret)
{
    size_t from = ret->len;

    if (base.len <= path.len && (base.len == 0 || memcmp(path.ptr, base.ptr, base.len) == 0) &&
        (path.len == base.len || path.ptr[base.len] == '/'))
        path = str_sub(path, base.len, path.len);
    if (!str_starts(path, STR("/")))
        strbuf_add_char(ret, '/');
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '&')
            strbuf_add_z(ret, "%26");
        else
            strbuf_add_char(ret, path.ptr[i]);
    }
    if (ret->len - from > 1 && ret->ptr[ret->len - 1] == '/')
        ret->len--;
}

/* The plain way; false when the query has no form. */
static bool model(const struct qsh_request *request, struct strbuf *ret)
{
    AUTO(pairs_done) struct pairs pairs = {0};

    if (!read_pairs(request->query, &pairs))
        return false;
    sort(&pairs);
    for (size_t i = 0; i < request->method.len; i++) {
        char c = request->method.ptr[i];

        strbuf_add_char(ret, c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
    }
    strbuf_add_char(ret, '&');
    add_path(request->path, request->base_path, ret);
    strbuf_add_char(ret, '&');
    for (size_t i = 0; i < pairs.count; i++) {
        struct pair *pair = &pairs.all[i];

        if (i > 0 && str_eq(strbuf_str(&pair->name), strbuf_str(&pair[-1].name))) {
            strbuf_add_char(ret, ',');
        } else {
            strbuf_add_z(ret, i > 0 ? "&" : "");
            encode(&pair->name, ret);
            strbuf_add_char(ret, '=');
        }
        encode(&pair->value, ret);
    }
    return true;
}

/* The same query with its parameters in the other order and a token in front. */
static void turn_around(struct str query, struct strbuf *ret)
{
    size_t end = query.len;

    strbuf_add_z(ret, "jw%74=a.b.c");
    for (size_t i = query.len; i-- > 0;) {
        if (query.ptr[i] != '&')
            continue;
        strbuf_add_char(ret, '&');
        strbuf_add(ret, query.ptr + i + 1, end - i - 1);
        end = i;
    }
    strbuf_add_char(ret, '&');
    strbuf_add(ret, query.ptr, end);
}

static void check_hash(struct arena *arena, const struct qsh_request *request, struct str canonical)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char expected[2 * sizeof(hash) + 1], hex[QSH_HEX_BYTES + 1];
    struct err err = {0};

    (void)crypto_hash_sha256(hash, (const unsigned char *)canonical.ptr, canonical.len);
    sodium_bin2hex(expected, sizeof(expected), hash, sizeof(hash));
    FUZZ_CHECK(qsh_compute(arena, request, hex, &err) == ERR_OK);
    FUZZ_CHECK(strcmp(hex, expected) == 0);
    FUZZ_CHECK(qsh_check(arena, request, str_from(expected), &err) == ERR_OK);
    expected[0] = expected[0] == '0' ? '1' : '0';
    FUZZ_CHECK(qsh_check(arena, request, str_from(expected), &err) == ERR_DENIED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)4 << 20);
    AUTO(strbuf_done) struct strbuf expected = STRBUF_INIT((size_t)1 << 20);
    AUTO(strbuf_done) struct strbuf turned = STRBUF_INIT((size_t)1 << 20);
    struct str rest = fuzz_str(data, size), canonical = {0}, again = {0};
    struct str method = fuzz_line(&rest), path = fuzz_line(&rest), base = fuzz_line(&rest);
    AUTO(free_autop) char *bytes = fuzz_exact(rest);
    struct qsh_request request = {method, path, base, {bytes, rest.len}};
    struct err err = {0};
    size_t pairs = 1;

    FUZZ_CHECK(arena);
    for (size_t i = 0; i < rest.len; i++)
        pairs += rest.ptr[i] == '&';

    enum err_class class = qsh_canonical(arena, &request, &canonical, &err);

    if (class != ERR_OK)
        fuzz_check_error(&err, class);
    if (pairs > PAIRS_MAX || rest.len > UNITS_MAX / 2) {
        FUZZ_CHECK((class == ERR_LIMIT) == (pairs > QSH_PARAMS_MAX));
        return 0;
    }

    bool good = model(&request, &expected);

    FUZZ_CHECK(expected.failed == ERR_OK);
    FUZZ_CHECK(class == (good ? ERR_OK : ERR_USAGE));
    if (!good)
        return 0;
    FUZZ_CHECK(str_eq(canonical, strbuf_str(&expected)));
    check_hash(arena, &request, canonical);
    turn_around(request.query, &turned);
    request.query = strbuf_str(&turned);
    FUZZ_CHECK(qsh_canonical(arena, &request, &again, &err) == ERR_OK);
    FUZZ_CHECK(str_eq(again, canonical));
    return 0;
}
