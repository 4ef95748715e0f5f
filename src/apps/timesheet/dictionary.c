/*
 * dictionary.c: account ids, tag names and issue ids of the report columns, and their order.
 *
 * A row holds four bytes where the store holds a text or an id. Names come with a small reference
 * of their own, which is used as it is; issue ids are hashed. Ranks are made when the columns are
 * settled: names, of which there are few, by sorting; issues by merging the new ones into the
 * old order. Threads: as columns.h.
 */
#include "apps/timesheet/dictionary.h"

#include "apps/timesheet/radix.h"
#include "base/limits.h"

#define ROOM_FIRST 64

void names_done(struct names *names)
{
    for (size_t i = 0; i < names->room; i++)
        free((char *)(uintptr_t)names->texts[i].ptr); /* ours, though the view is const */
    free(names->texts);
    free(names->rank);
    free(names->order);
    *names = (struct names){0};
}

static enum err_class names_reserve(struct names *names, size_t need, struct err *err)
{
    size_t room = names->room ? names->room : ROOM_FIRST;

    if (need <= names->room)
        return ERR_OK;
    while (room < need) /* at most 19 turns: need is at most 2^24 */
        room *= 2;

    uint32_t *rank = reallocarray(names->rank, room, sizeof(*rank));

    if (!rank)
        return err_memory(err);
    names->rank = rank;

    uint32_t *order = reallocarray(names->order, room, sizeof(*order));

    if (!order)
        return err_memory(err);
    names->order = order;

    struct str *texts = reallocarray(names->texts, room, sizeof(*texts));

    if (!texts)
        return err_memory(err);
    memset(texts + names->room, 0, (room - names->room) * sizeof(*texts));
    memset(rank + names->room, 0, (room - names->room) * sizeof(*rank));
    names->texts = texts;
    names->room = room;
    return ERR_OK;
}

enum err_class names_set(struct names *names, int64_t ref, struct str text, const char *what,
                         struct err *err)
{
    if (ref < 1 || ref > COLUMNS_REF_MAX)
        return err_set(err, ERR_CORRUPT, "%s %lld is not in 1..%u, the range of report columns",
                       what, (long long)ref, COLUMNS_REF_MAX);
    if (names_reserve(names, (size_t)ref + 1, err))
        return err->class;

    char *copy = str_dup_z(text);
    struct str *at = &names->texts[ref];

    if (!copy)
        return err_memory(err);
    if (at->ptr) {
        names->bytes -= at->len + 1;
        free((char *)(uintptr_t)at->ptr);
    } else {
        names->count++;
    }
    *at = (struct str){copy, text.len};
    names->bytes += text.len + 1;
    names->dirty = true;
    return ERR_OK;
}

bool names_has(const struct names *names, uint32_t ref)
{
    return ref < names->room && names->texts[ref].ptr;
}

static int by_text(const void *a, const void *b, void *texts_arg)
{
    const struct str *texts = texts_arg;
    uint32_t ref_a = *(const uint32_t *)a, ref_b = *(const uint32_t *)b;
    int order = str_cmp(texts[ref_a], texts[ref_b]);

    return order != 0 ? order : (ref_a > ref_b) - (ref_a < ref_b);
}

void names_rank(struct names *names)
{
    size_t n = 0;

    if (!names->dirty)
        return;
    for (size_t ref = 0; ref < names->room; ref++)
        if (names->texts[ref].ptr)
            names->order[n++] = (uint32_t)ref;
    qsort_r(names->order, n, sizeof(*names->order), by_text, names->texts);
    for (size_t i = 0; i < n; i++)
        names->rank[names->order[i]] = (uint32_t)i;
    names->dirty = false;
}

size_t names_bytes(const struct names *names)
{
    return names->bytes + names->room * (sizeof(*names->texts) + 2 * sizeof(*names->rank));
}

void issues_done(struct issues *issues)
{
    free(issues->ids);
    free(issues->rank);
    free(issues->slots);
    *issues = (struct issues){0};
}

/* The slot that holds the id, or the empty one where it belongs. There is always an empty one. */
static size_t slot_of(const struct issues *issues, int64_t id)
{
    size_t mask = ((size_t)1 << issues->slot_bits) - 1;
    size_t slot = id_hash(id, issues->slot_bits);

    while (issues->slots[slot] != 0 && issues->ids[issues->slots[slot] - 1] != id)
        slot = (slot + 1) & mask;
    return slot;
}

bool issues_find(const struct issues *issues, int64_t id, uint32_t *ret_code)
{
    if (issues->slot_bits == 0)
        return false;

    uint32_t code = issues->slots[slot_of(issues, id)];

    if (code == 0)
        return false;
    *ret_code = code - 1;
    return true;
}

static enum err_class issues_grow(struct issues *issues, struct err *err)
{
    unsigned bits = issues->slot_bits ? issues->slot_bits + 1 : 8;
    size_t room = (size_t)1 << (bits - 1);

    /* Everything is had before anything is changed. */
    AUTO(free_autop) uint32_t *slots = calloc((size_t)1 << bits, sizeof(*slots));

    if (!slots)
        return err_memory(err);

    uint32_t *rank = reallocarray(issues->rank, room, sizeof(*rank));

    if (!rank)
        return err_memory(err);
    issues->rank = rank;

    int64_t *ids = reallocarray(issues->ids, room, sizeof(*ids));

    if (!ids)
        return err_memory(err);
    issues->ids = ids;
    issues->room = room;
    issues->slot_bits = bits;
    free(issues->slots);
    issues->slots = TAKE(slots);
    for (size_t code = 0; code < issues->count; code++)
        issues->slots[slot_of(issues, ids[code])] = (uint32_t)code + 1;
    return ERR_OK;
}

enum err_class issues_code(struct issues *issues, int64_t id, uint32_t *ret_code, struct err *err)
{
    if (issues_find(issues, id, ret_code))
        return ERR_OK;
    if (issues->count == LIMIT_COLUMNS_ROWS)
        return err_set(err, ERR_LIMIT,
                       "the worklogs are on more than %d issues, the limit of reports",
                       LIMIT_COLUMNS_ROWS);
    if (issues->count == issues->room && issues_grow(issues, err))
        return err->class;

    size_t slot = slot_of(issues, id);

    issues->ids[issues->count++] = id;
    issues->slots[slot] = (uint32_t)issues->count;
    *ret_code = (uint32_t)issues->count - 1;
    return ERR_OK;
}

enum err_class issues_rank(struct issues *issues, struct err *err)
{
    size_t fresh = issues->count - issues->ranked;

    if (fresh == 0)
        return ERR_OK;

    AUTO(free_autop) struct radix_item *items = calloc(fresh, 2 * sizeof(*items));
    AUTO(free_autop) uint32_t *order = calloc(issues->ranked + 1, sizeof(*order));

    if (!items || !order)
        return err_memory(err);
    for (size_t code = 0; code < issues->ranked; code++)
        order[issues->rank[code]] = (uint32_t)code;
    for (size_t i = 0; i < fresh; i++) {
        uint32_t code = (uint32_t)(issues->ranked + i);

        items[i] = (struct radix_item){radix_key_i64(issues->ids[code]), code};
    }

    const struct radix_item *added = radix_sort(items, items + fresh, fresh);
    size_t old = 0, new = 0;

    /* Merges the two orders; the ids differ, so ties do not occur. */
    for (uint32_t rank = 0; rank < issues->count; rank++) {
        bool take_new = old == issues->ranked ||
                        (new < fresh &&added[new].key < radix_key_i64(issues->ids[order[old]]));

        issues->rank[take_new ? added[new ++].at : order[old++]] = rank;
    }
    issues->ranked = issues->count;
    return ERR_OK;
}

size_t issues_bytes(const struct issues *issues)
{
    size_t slots = issues->slot_bits ? (size_t)1 << issues->slot_bits : 0;

    return issues->room * (sizeof(*issues->ids) + sizeof(*issues->rank)) +
           slots * sizeof(*issues->slots);
}
