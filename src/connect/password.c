/*
 * password.c: Argon2id (RFC 9106) by libsodium, at most two at a time, and a brake on guessing.
 *
 * Cost: libsodium's "interactive" limits, 64 MiB and two passes: three times the memory that OWASP
 * asks for at least. "Moderate" would take 256 MiB, ten times what the whole daemon needs
 * otherwise, for a server that may stand on a small machine; a password of 12 characters behind a
 * brake gains nothing from it. The salt is libsodium's own: it is random in a replay too, and
 * nothing depends on it.
 *
 * The brake: each try is counted before it is hashed, so that a hundred at once are a hundred, and
 * taken back when it was right. Past some free ones, the next may come after a delay that doubles;
 * until then tries are refused unhashed and cost nobody anything. Per address (an IPv6 client has
 * its whole /64) and for all addresses together. Whoever is locked out by somebody else's guessing
 * makes a sign-in link on the server, which passes no brake.
 */
#include "connect/password.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/civil.h"

#define RUNNING_MAX 2
#define WAITING_MAX 6 /* they hold threads that others want */
#define ADDRESSES 1024
#define ADDRESS_KEY_BYTES 16

_Static_assert(crypto_pwhash_STRBYTES == PASSWORD_HASH_BYTES, "the header says the size");

/* Delays begin after `free` failures and double to `cap_ms`; forgotten after `forget_ms`. */
struct brake_rule {
    unsigned free;
    int64_t first_ms, cap_ms, forget_ms;
};
static const struct brake_rule address_rule = {3, MS_PER_SECOND, 15 * MS_PER_MINUTE, MS_PER_HOUR};
static const struct brake_rule all_rule = {50, MS_PER_SECOND, 30 * MS_PER_SECOND,
                                           10 * MS_PER_MINUTE};

struct brake {
    unsigned failures;
    int64_t last_ms, next_ms; /* mono: the latest try; not before that */
};

struct address {
    unsigned char key[ADDRESS_KEY_BYTES];
    struct brake brake; /* failures 0: the place is free */
};

struct passwords {
    const struct ctx *ctx;
    pthread_mutex_t lock;
    pthread_cond_t room;
    unsigned running, waiting, running_most;
    struct brake all;
    struct address addresses[ADDRESSES];
};

/* Of no password: what is checked where there is none, so that it takes as long. */
static const char nobody[PASSWORD_HASH_BYTES] = "$argon2id$v=19$m=65536,t=2,p=1$"
                                                "c29kaXVtIGNobG9yaWRlIQ$"
                                                "rnU5dRzLmLIYxxHXk/rEoPzNCDDBSgIs5X7HyzB5mkY";

enum err_class passwords_new(const struct ctx *ctx, struct passwords **ret, struct err *err)
{
    struct passwords *passwords = calloc(1, sizeof(*passwords));

    if (!passwords)
        return err_memory(err);
    assert(crypto_pwhash_str_needs_rehash(nobody, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                          crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0);
    passwords->ctx = ctx;
    (void)pthread_mutex_init(&passwords->lock, NULL); /* cannot fail with default attributes */
    (void)pthread_cond_init(&passwords->room, NULL);
    *ret = passwords;
    return ERR_OK;
}

void passwords_free(struct passwords *passwords)
{
    if (!passwords)
        return;
    (void)pthread_cond_destroy(&passwords->room);
    (void)pthread_mutex_destroy(&passwords->lock);
    free(passwords);
}

unsigned passwords_running_most(struct passwords *passwords)
{
    (void)pthread_mutex_lock(&passwords->lock);
    unsigned most = passwords->running_most;
    (void)pthread_mutex_unlock(&passwords->lock);
    return most;
}

enum err_class password_acceptable(struct str password, struct err *err)
{
    size_t chars = 0;

    if (!str_is_utf8(password))
        return err_set(err, ERR_INPUT, "the password is not text in UTF-8; type it anew");
    for (size_t i = 0; i < password.len; i++)
        chars += ((unsigned char)password.ptr[i] & 0xc0) != 0x80;
    if (chars < PASSWORD_CHARS_MIN)
        return err_set(err, ERR_INPUT,
                       "the password has %zu characters; use %d or more, for example a few words",
                       chars, PASSWORD_CHARS_MIN);
    if (password.len > PASSWORD_BYTES_MAX)
        return err_set(err, ERR_INPUT, "the password has %zu bytes; use %d at most", password.len,
                       PASSWORD_BYTES_MAX);
    return ERR_OK;
}

/* ---- Few at a time ---- */

static enum err_class enter(struct passwords *passwords, struct err *err)
{
    bool full;

    (void)pthread_mutex_lock(&passwords->lock);
    full = passwords->waiting >= WAITING_MAX;
    if (!full) {
        passwords->waiting++;
        /* Each of those before is done within tenths of a second. */
        while (passwords->running >= RUNNING_MAX)
            (void)pthread_cond_wait(&passwords->room, &passwords->lock);
        passwords->waiting--;
        passwords->running++;
        if (passwords->running > passwords->running_most)
            passwords->running_most = passwords->running;
    }
    (void)pthread_mutex_unlock(&passwords->lock);
    if (full)
        return err_set(err, ERR_BUSY,
                       "%d people are signing in with a password at this moment; try again in a "
                       "few seconds",
                       WAITING_MAX);
    return ERR_OK;
}

static void leave(struct passwords *passwords)
{
    (void)pthread_mutex_lock(&passwords->lock);
    passwords->running--;
    (void)pthread_cond_signal(&passwords->room);
    (void)pthread_mutex_unlock(&passwords->lock);
}

enum err_class password_hash(struct passwords *passwords, struct str password,
                             char ret[PASSWORD_HASH_BYTES], struct err *err)
{
    enum err_class rc = enter(passwords, err);

    if (rc != ERR_OK)
        return rc;

    int failed =
        crypto_pwhash_str_alg(ret, password.ptr, password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                              crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);

    leave(passwords);
    return failed == 0 ? ERR_OK : err_memory(err); /* it has no other reason to fail */
}

/* ---- The brake ---- */

/* An IPv4 address, an IPv6 network of 64 bits, or whatever text stands there. */
static void address_key(struct str address, unsigned char ret[ADDRESS_KEY_BYTES])
{
    char text[INET6_ADDRSTRLEN + 1] = "";
    unsigned char bytes[16];

    memset(ret, 0, ADDRESS_KEY_BYTES);
    if (address.len < sizeof(text))
        (void)snprintf(text, sizeof(text), STR_FMT, STR_ARG(address));
    if (inet_pton(AF_INET, text, bytes) == 1) {
        ret[0] = 4;
        memcpy(ret + 1, bytes, 4);
    } else if (inet_pton(AF_INET6, text, bytes) == 1) {
        static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
        bool v4 = memcmp(bytes, mapped, sizeof(mapped)) == 0;

        ret[0] = v4 ? 4 : 6;
        memcpy(ret + 1, v4 ? bytes + 12 : bytes, v4 ? 4 : 8);
    } else {
        (void)crypto_generichash(ret, ADDRESS_KEY_BYTES, (const unsigned char *)address.ptr,
                                 address.len, NULL, 0);
    }
}

static void forget_old(struct brake *brake, const struct brake_rule *rule, int64_t now)
{
    if (brake->failures > 0 && now - brake->last_ms >= rule->forget_ms)
        *brake = (struct brake){0};
}

static void press(struct brake *brake, const struct brake_rule *rule, int64_t now)
{
    int64_t delay = 0;

    brake->failures++;
    brake->last_ms = now;
    if (brake->failures > rule->free) {
        delay = rule->first_ms;
        /* At most 20 turns: a second doubled so often is past every cap. */
        for (unsigned i = rule->free + 1; i < brake->failures && delay < rule->cap_ms; i++)
            delay *= 2;
    }
    brake->next_ms = now + (delay < rule->cap_ms ? delay : rule->cap_ms);
}

/* One try less; the others' count stays. */
static void release(struct brake *brake)
{
    if (brake->failures > 0)
        brake->failures--;
    brake->next_ms = 0;
}

/* The address's place; a new one takes a free place or that of the one tried longest ago. */
static struct address *place_of(struct passwords *passwords, const unsigned char *key, int64_t now)
{
    struct address *best = NULL;

    for (size_t i = 0; i < ADDRESSES; i++) {
        struct address *at = &passwords->addresses[i];

        forget_old(&at->brake, &address_rule, now);
        if (at->brake.failures > 0 && memcmp(at->key, key, ADDRESS_KEY_BYTES) == 0)
            return at;
        if (!best || (best->brake.failures > 0 &&
                      (at->brake.failures == 0 || at->brake.last_ms < best->brake.last_ms)))
            best = at;
    }
    *best = (struct address){0};
    memcpy(best->key, key, ADDRESS_KEY_BYTES);
    return best;
}

/* Counts the try; false: it is too early, by *ret_wait_ms. */
static bool brake_try(struct passwords *passwords, const unsigned char *key, int64_t *ret_wait_ms)
{
    int64_t now = ctx_mono_ms(passwords->ctx), next;

    (void)pthread_mutex_lock(&passwords->lock);

    struct address *address = place_of(passwords, key, now);

    forget_old(&passwords->all, &all_rule, now);
    next = address->brake.next_ms > passwords->all.next_ms ? address->brake.next_ms
                                                           : passwords->all.next_ms;
    if (next <= now) {
        press(&address->brake, &address_rule, now);
        press(&passwords->all, &all_rule, now);
    }
    (void)pthread_mutex_unlock(&passwords->lock);
    *ret_wait_ms = next > now ? next - now : 0;
    return next <= now;
}

/* The try was right, or came to no answer. Right: nothing that came from there counts any more. */
static void brake_undo(struct passwords *passwords, const unsigned char *key, bool right)
{
    int64_t now = ctx_mono_ms(passwords->ctx);

    (void)pthread_mutex_lock(&passwords->lock);

    struct address *address = place_of(passwords, key, now);

    if (right)
        *address = (struct address){0};
    else
        release(&address->brake);
    release(&passwords->all);
    (void)pthread_mutex_unlock(&passwords->lock);
}

enum err_class password_check(struct passwords *passwords, struct str address, struct str password,
                              struct str hash, int64_t *ret_wait_ms, struct err *err)
{
    unsigned char key[ADDRESS_KEY_BYTES];
    char text[PASSWORD_HASH_BYTES];

    *ret_wait_ms = 0;
    assert(hash.len < sizeof(text));
    (void)snprintf(text, sizeof(text), STR_FMT, STR_ARG(hash));
    address_key(address, key);
    if (!brake_try(passwords, key, ret_wait_ms))
        return err_set(err, ERR_BUSY,
                       "too many wrong passwords; try again in %lld s, or make a sign-in link on "
                       "the server with `tenon admin`",
                       (long long)((*ret_wait_ms + 999) / 1000));

    bool too_long = password.len > PASSWORD_BYTES_MAX;
    enum err_class rc = enter(passwords, err);

    if (rc != ERR_OK) {
        brake_undo(passwords, key, false);
        return rc;
    }

    bool right = crypto_pwhash_str_verify(hash.len ? text : nobody, too_long ? "" : password.ptr,
                                          too_long ? 0 : password.len) == 0;

    leave(passwords);
    sodium_memzero(text, sizeof(text));
    if (!right || hash.len == 0 || too_long)
        return err_set(err, ERR_DENIED,
                       "the password is not right; if it is lost, or none was set yet, make a "
                       "sign-in link on the server with `tenon admin`");
    brake_undo(passwords, key, true);
    return ERR_OK;
}
