/*
 * memo.c: answers kept for who asks the same.
 *
 * The model: a question is its digest (BLAKE2b, 256 bits), so nothing of what was asked is kept,
 * and the columns' version is part of it, so an answer of older columns is never found; it is the
 * first to go. A request's lists are taken as they came: another order of the same accounts is
 * another question. Each text goes in behind its length, so that no two requests are spelled alike.
 *
 * The list is short and in the order of last use; finding one is some dozen comparisons.
 *
 * Threads: one mutex; what is done under it is comparing digests and copying some kilobytes.
 */
#include "apps/timesheet/memo.h"

#include <pthread.h>
#include <sodium.h>

struct entry {
    struct entry *next;
    struct memo_key key;
    struct report *report; /* held; or NULL */
    uint64_t *bits;        /* owned; or NULL */
    size_t words;
    size_t bytes;
};

struct memo {
    pthread_mutex_t mutex;
    struct entry *entries; /* the last used first */
};

static void entry_free(struct entry *entry)
{
    report_free(entry->report);
    free(entry->bits);
    free(entry);
}

struct memo *memo_new(void)
{
    struct memo *memo = calloc(1, sizeof(*memo));

    if (memo && pthread_mutex_init(&memo->mutex, NULL) != 0) {
        free(memo);
        memo = NULL;
    }
    return memo;
}

/* Lets go of all behind the first `count` and `bytes`. */
static void cut(struct memo *memo, size_t count, size_t bytes)
{
    struct entry **at = &memo->entries;

    while (*at && count > 0 && (*at)->bytes <= bytes) {
        bytes -= (*at)->bytes;
        count--;
        at = &(*at)->next;
    }
    while (*at) {
        struct entry *entry = *at;

        *at = entry->next;
        entry_free(entry);
    }
}

void memo_clear(struct memo *memo)
{
    (void)pthread_mutex_lock(&memo->mutex);
    cut(memo, 0, 0);
    (void)pthread_mutex_unlock(&memo->mutex);
}

void memo_free(struct memo *memo)
{
    if (!memo)
        return;
    cut(memo, 0, 0);
    (void)pthread_mutex_destroy(&memo->mutex);
    free(memo);
}

size_t memo_bytes(struct memo *memo)
{
    size_t bytes = sizeof(*memo);

    (void)pthread_mutex_lock(&memo->mutex);
    for (const struct entry *entry = memo->entries; entry; entry = entry->next)
        bytes += entry->bytes;
    (void)pthread_mutex_unlock(&memo->mutex);
    return bytes;
}

/* ---- Questions ---- */

static void add_bytes(crypto_generichash_state *hash, const void *bytes, size_t len)
{
    if (len > 0)
        (void)crypto_generichash_update(hash, bytes, len);
}

static void add_number(crypto_generichash_state *hash, uint64_t number)
{
    add_bytes(hash, &number, sizeof(number));
}

static void add_text(crypto_generichash_state *hash, struct str text)
{
    add_number(hash, text.len);
    add_bytes(hash, text.ptr, text.len);
}

static void add_texts(crypto_generichash_state *hash, const struct str *texts, size_t count)
{
    add_number(hash, count);
    for (size_t i = 0; i < count; i++)
        add_text(hash, texts[i]);
}

static void add_ids(crypto_generichash_state *hash, const int64_t *ids, size_t count)
{
    add_number(hash, count);
    add_bytes(hash, ids, count * sizeof(*ids));
}

static void begin_key(crypto_generichash_state *hash, char what, uint64_t version,
                      const struct report_request *request)
{
    (void)crypto_generichash_init(hash, NULL, 0, MEMO_KEY_BYTES);
    add_bytes(hash, &what, 1);
    add_number(hash, version);
    add_number(hash, request->has_from ? (uint32_t)request->from_day : UINT64_MAX);
    add_number(hash, request->has_to ? (uint32_t)request->to_day : UINT64_MAX);
    add_text(hash, request->zone);
    add_texts(hash, request->accounts, request->account_count);
    add_ids(hash, request->issues, request->issue_count);
    add_texts(hash, request->tags, request->tag_count);
    add_number(hash, request->has_only);
    add_ids(hash, request->only, request->has_only ? request->only_count : 0);
}

static struct memo_key end_key(crypto_generichash_state *hash)
{
    struct memo_key key;

    (void)crypto_generichash_final(hash, key.digest, sizeof(key.digest));
    return key;
}

static void add_projects(crypto_generichash_state *hash, const struct report_projects *projects)
{
    add_number(hash, projects != NULL);
    if (!projects)
        return;
    add_ids(hash, projects->issues, projects->issue_count);
    add_bytes(hash, projects->projects, projects->issue_count * sizeof(*projects->projects));
    add_texts(hash, projects->keys, projects->key_count);
}

static void add_billing(crypto_generichash_state *hash, const struct report_billing *billing)
{
    add_number(hash, billing != NULL);
    if (!billing)
        return;
    add_number(hash, billing->by_default);
    add_texts(hash, billing->tags, billing->tag_count);
    add_ids(hash, billing->issues, billing->issue_count);
}

struct memo_key memo_key(uint64_t version, const struct report_request *request)
{
    crypto_generichash_state hash;

    begin_key(&hash, 'r', version, request);
    add_number(&hash, request->group_count);
    for (size_t g = 0; g < request->group_count; g++)
        add_number(&hash, request->groups[g]);
    add_number(&hash, request->visible ? request->visible_codes : UINT64_MAX);
    if (request->visible)
        add_bytes(&hash, request->visible, (request->visible_codes + 63) / 64 * 8);
    add_projects(&hash, request->projects);
    add_billing(&hash, request->billing);
    add_number(&hash, request->order);
    add_number(&hash, request->descending);
    add_number(&hash, request->top);
    add_number(&hash, request->offset);
    add_number(&hash, request->limit);
    add_number(&hash, request->cells_max);
    return end_key(&hash);
}

struct memo_key memo_issues_key(uint64_t version, const struct report_request *request)
{
    crypto_generichash_state hash;

    begin_key(&hash, 'i', version, request);
    return end_key(&hash);
}

/* ---- Answers ---- */

/* Moved to the front; NULL: not there. */
static struct entry *find(struct memo *memo, const struct memo_key *key)
{
    struct entry **at = &memo->entries;

    while (*at && memcmp(&(*at)->key, key, sizeof(*key)) != 0)
        at = &(*at)->next;

    struct entry *entry = *at;

    if (entry) {
        *at = entry->next;
        entry->next = memo->entries;
        memo->entries = entry;
    }
    return entry;
}

/* The entry becomes the memo's. */
static void keep(struct memo *memo, const struct memo_key *key, struct entry *entry)
{
    entry->key = *key;
    entry->bytes += sizeof(*entry);
    (void)pthread_mutex_lock(&memo->mutex);
    if (find(memo, key)) { /* somebody was faster with the same */
        entry_free(entry);
    } else {
        entry->next = memo->entries;
        memo->entries = entry;
        cut(memo, MEMO_ENTRIES_MAX, MEMO_BYTES_MAX);
    }
    (void)pthread_mutex_unlock(&memo->mutex);
}

struct report *memo_report(struct memo *memo, const struct memo_key *key)
{
    struct report *report = NULL;

    (void)pthread_mutex_lock(&memo->mutex);

    const struct entry *entry = find(memo, key);

    if (entry && entry->report)
        report = report_ref(entry->report);
    (void)pthread_mutex_unlock(&memo->mutex);
    return report;
}

void memo_keep_report(struct memo *memo, const struct memo_key *key, struct report *report)
{
    size_t bytes = report_bytes(report);
    struct entry *entry = bytes <= MEMO_ENTRY_BYTES_MAX ? calloc(1, sizeof(*entry)) : NULL;

    if (!entry)
        return;
    entry->report = report_ref(report);
    entry->bytes = bytes;
    keep(memo, key, entry);
}

bool memo_issues(struct memo *memo, const struct memo_key *key, uint64_t *bits, size_t words)
{
    bool known = false;

    (void)pthread_mutex_lock(&memo->mutex);

    const struct entry *entry = find(memo, key);

    known = entry && entry->bits && entry->words == words;
    if (known)
        memcpy(bits, entry->bits, words * sizeof(*bits));
    (void)pthread_mutex_unlock(&memo->mutex);
    return known;
}

void memo_keep_issues(struct memo *memo, const struct memo_key *key, const uint64_t *bits,
                      size_t words)
{
    size_t bytes = words * sizeof(*bits);
    struct entry *entry = bytes <= MEMO_ENTRY_BYTES_MAX ? calloc(1, sizeof(*entry)) : NULL;

    if (!entry)
        return;
    entry->bits = malloc(bytes + 1);
    if (!entry->bits) {
        free(entry);
        return;
    }
    memcpy(entry->bits, bits, bytes);
    entry->words = words;
    entry->bytes = bytes;
    keep(memo, key, entry);
}
