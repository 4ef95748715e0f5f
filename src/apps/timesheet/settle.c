/*
 * settle.c: working noted changes into the report columns.
 *
 * Why not sort again: a sync brings a few changes, mostly of the last days, and a report may wait
 * for them. The model: a plan says which stretches of rows stay, by how many places each shifts,
 * and where the new rows go; then the stretches are moved within the arrays. What was not touched
 * and does not shift is not even read, so a correction of recent work costs a look through the ids
 * and little more; the worst change, at the front, moves every row once. A worklog that keeps its
 * start is written where it stands. Everything that can fail happens before the first move.
 *
 * Not here: noting changes (columns.c). Threads: under the owner's exclusive lock.
 */
#include "apps/timesheet/columns_internal.h"

#include <assert.h>

#include "apps/timesheet/radix.h"
#include "base/limits.h"

/* Rows from..to-1 stay and move by `shift` places. */
struct segment {
    uint32_t from;
    uint32_t to;
    int64_t shift;
};

struct plan {
    struct segment *segments; /* by row; cover all rows that stay */
    size_t segment_count;
    struct radix_item *items;   /* scratch for sorting, 2 a change and list */
    struct radix_item *inserts; /* changes by start, in `items` */
    size_t insert_count;
    struct radix_item *removes; /* by row, in `items` */
    size_t remove_count;
    size_t rows_after;
    bool shifts; /* a row that stays gets another number */
    bool retag;  /* `tags` replaces the settled lists */
    struct tag_lists tags;
};

static void plan_done(struct plan *plan)
{
    free(plan->segments);
    free(plan->items);
    columns_free_tags(&plan->tags);
}

static bool is_gone(const struct change *change)
{
    return change->removed && !change->put;
}

static enum err_class check_names(const struct columns *columns, struct err *err)
{
    const struct changes *changes = &columns->changes;

    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];

        if (change->put && columns_check_person(columns, change->id, change->person, err))
            return err->class;
        for (uint32_t n = change->note_first; n != COLUMNS_NOWHERE; n = changes->notes[n].next)
            if (changes->notes[n].add && !names_has(&columns->tag_names, changes->notes[n].tag))
                return err_set(err, ERR_CORRUPT, "worklog %lld has tag %u, whose name is missing",
                               (long long)change->id, changes->notes[n].tag);
    }
    return ERR_OK;
}

/*
 * Finds the settled row of each change, by a look at every id. A bitmap of the changed ids'
 * hashes, at least 16 bits for each, answers nearly all of them without touching the hash.
 */
static enum err_class find_rows(struct columns *columns, struct err *err)
{
    struct changes *changes = &columns->changes;
    unsigned bits = changes->slot_bits + 4;

    if (bits > 23)
        bits = 23; /* 1 MiB; beyond that it would not stay in the cache */

    AUTO(free_autop) uint64_t *maybe = calloc(((size_t)1 << bits) / 64, sizeof(*maybe));

    if (!maybe)
        return err_memory(err);
    for (size_t i = 0; i < changes->count; i++) {
        size_t hash = id_hash(changes->list[i].id, bits);

        maybe[hash / 64] |= UINT64_C(1) << (hash % 64);
        changes->list[i].row = COLUMNS_NOWHERE;
    }
    for (size_t row = 0; row < columns->rows.count; row++) {
        int64_t id = columns->rows.id[row];
        size_t hash = id_hash(id, bits);

        if (!(maybe[hash / 64] >> (hash % 64) & 1))
            continue;

        uint32_t at = changes->slots[columns_change_slot(changes, id)];

        if (at == 0)
            continue;
        if (changes->list[at - 1].row != COLUMNS_NOWHERE)
            return err_set(err, ERR_BUG, "worklog %lld is in the report columns twice",
                           (long long)id);
        changes->list[at - 1].row = (uint32_t)row;
    }
    return ERR_OK;
}

/* The first row that starts after the time. */
static uint32_t row_after(const struct rows *rows, int64_t started)
{
    size_t low = 0, high = rows->count;

    /* At most 27 turns. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rows->started[middle] <= started)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low;
}

/* Sorts the changes into rows to be taken out and rows to be put in; both lists sorted. */
static enum err_class list_moves(struct plan *plan, const struct columns *columns, struct err *err)
{
    const struct changes *changes = &columns->changes;
    size_t inserts = 0, removes = 0;

    plan->items = reallocarray(NULL, changes->count, 4 * sizeof(*plan->items));
    if (!plan->items)
        return err_memory(err);

    struct radix_item *insert = plan->items, *remove = plan->items + 2 * changes->count;

    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];
        bool there = change->row != COLUMNS_NOWHERE;
        bool stays = there && change->put && columns->rows.started[change->row] == change->started;

        if (there && (is_gone(change) || (change->put && !stays)))
            remove[removes++] = (struct radix_item){change->row, (uint32_t)i};
        if (change->put && !stays)
            insert[inserts++] = (struct radix_item){radix_key_i64(change->started), (uint32_t)i};
    }
    plan->inserts = radix_sort(insert, insert + inserts, inserts);
    plan->removes = radix_sort(remove, remove + removes, removes);
    plan->insert_count = inserts;
    plan->remove_count = removes;
    plan->rows_after = columns->rows.count - removes + inserts;
    if (plan->rows_after > LIMIT_COLUMNS_ROWS)
        return columns_too_many(err);
    return ERR_OK;
}

static void add_segment(struct plan *plan, uint32_t from, uint32_t to, int64_t shift)
{
    if (from == to)
        return;
    plan->segments[plan->segment_count++] = (struct segment){from, to, shift};
    plan->shifts |= shift != 0;
}

/* Walks both lists in order of place; a new row goes behind those that start at the same time. */
static enum err_class make_segments(struct plan *plan, struct columns *columns, struct err *err)
{
    struct change *list = columns->changes.list;
    uint32_t row = 0;
    int64_t shift = 0;
    size_t in = 0, out = 0;

    plan->segments =
        reallocarray(NULL, plan->insert_count + plan->remove_count + 1, sizeof(*plan->segments));
    if (!plan->segments)
        return err_memory(err);
    while (in < plan->insert_count || out < plan->remove_count) {
        uint32_t take = COLUMNS_NOWHERE, put = COLUMNS_NOWHERE;

        if (out < plan->remove_count)
            take = (uint32_t)plan->removes[out].key;
        if (in < plan->insert_count)
            put = row_after(&columns->rows, list[plan->inserts[in].at].started);
        if (put <= take) {
            add_segment(plan, row, put, shift);
            list[plan->inserts[in].at].target = (uint32_t)(put + shift);
            row = put;
            shift++;
            in++;
        } else {
            add_segment(plan, row, take, shift);
            row = take + 1;
            shift--;
            out++;
        }
    }
    add_segment(plan, row, (uint32_t)columns->rows.count, shift);
    return ERR_OK;
}

/* Where a row that stays will stand; it is in one of the segments. */
static uint32_t moved_row(const struct plan *plan, uint32_t row)
{
    size_t low = 0, high = plan->segment_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (plan->segments[middle].from <= row)
            low = middle;
        else
            high = middle;
    }
    return (uint32_t)(row + plan->segments[low].shift);
}

static enum err_class make_plan(struct plan *plan, struct columns *columns, struct err *err)
{
    struct changes *changes = &columns->changes;

    for (size_t i = 0; i < changes->count; i++)
        changes->list[i].target = COLUMNS_NOWHERE;
    if (list_moves(plan, columns, err) || make_segments(plan, columns, err))
        return err->class;
    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = &changes->list[i];

        if (change->target == COLUMNS_NOWHERE && change->row != COLUMNS_NOWHERE && !is_gone(change))
            change->target = moved_row(plan, change->row);
    }
    return ERR_OK;
}

/* ---- Settling: tags ---- */

static bool takes_tags(const struct tag_lists *tags, uint32_t row, const uint32_t **ret_tags,
                       size_t *ret_count)
{
    size_t low = 0, high = tags->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tags->row[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == tags->count || tags->row[low] != row)
        return false;
    *ret_tags = tags->tags + tags->from[low];
    *ret_count = tags->from[low + 1] - tags->from[low];
    return true;
}

/* Ends the list that was begun behind the last one, if it got any tags. */
static void end_list(struct tag_lists *tags, uint32_t row)
{
    if (tags->tag_count == tags->from[tags->count])
        return;
    tags->row[tags->count++] = row;
    tags->from[tags->count] = (uint32_t)tags->tag_count;
}

static void add_tags(struct tag_lists *tags, const uint32_t *added, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tags->tags[tags->tag_count++] = added[i];
}

static void apply_note(struct tag_lists *tags, const struct tag_note *note)
{
    size_t at = tags->from[tags->count];

    while (at < tags->tag_count && tags->tags[at] != note->tag)
        at++;
    if (note->add && at == tags->tag_count)
        tags->tags[tags->tag_count++] = note->tag;
    if (!note->add && at < tags->tag_count)
        tags->tags[at] = tags->tags[--tags->tag_count];
}

static void write_changed(struct tag_lists *tags, const struct columns *columns,
                          const struct change *change)
{
    const struct tag_note *notes = columns->changes.notes;
    const uint32_t *settled = NULL;
    size_t count = 0;

    if (change->row != COLUMNS_NOWHERE && !change->forget_tags &&
        takes_tags(&columns->tags, change->row, &settled, &count))
        add_tags(tags, settled, count);
    for (uint32_t n = change->note_first; n != COLUMNS_NOWHERE; n = notes[n].next)
        apply_note(tags, &notes[n]);
    end_list(tags, change->target);
}

static enum err_class reserve_lists(struct tag_lists *tags, const struct columns *columns,
                                    struct err *err)
{
    size_t rows = columns->tags.count + columns->changes.count;
    size_t count = columns->tags.tag_count + columns->changes.note_count;

    if (count >= COLUMNS_NOWHERE)
        return columns_too_many(err);
    tags->row = reallocarray(NULL, rows + 1, sizeof(*tags->row));
    tags->from = calloc(rows + 1, sizeof(*tags->from));
    tags->tags = reallocarray(NULL, count + 1, sizeof(*tags->tags));
    if (!tags->row || !tags->from || !tags->tags)
        return err_memory(err);
    return ERR_OK;
}

/* Gives back what reserve_lists took too much of; a shrink that fails leaves it as it is. */
static void trim_lists(struct tag_lists *tags)
{
    uint32_t *row = reallocarray(tags->row, tags->count + 1, sizeof(*row));
    uint32_t *from = reallocarray(tags->from, tags->count + 1, sizeof(*from));
    uint32_t *list = reallocarray(tags->tags, tags->tag_count + 1, sizeof(*list));

    tags->row = row ? row : tags->row;
    tags->from = from ? from : tags->from;
    tags->tags = list ? list : tags->tags;
}

/*
 * Makes the lists anew, by row as the rows will stand: those of unchanged worklogs, which are in
 * order, merged with those of changed ones.
 */
static enum err_class plan_tags(struct plan *plan, const struct columns *columns, struct err *err)
{
    const struct changes *changes = &columns->changes;
    const struct tag_lists *settled = &columns->tags;
    AUTO(free_autop)
    struct radix_item *items = reallocarray(NULL, changes->count, 2 * sizeof(*items));
    AUTO(free_autop) uint8_t *changed = calloc(columns->rows.count / 8 + 1, 1); /* a bit a row */
    size_t count = 0, next = 0, segment = 0;

    if (!items || !changed)
        return err_memory(err);
    if (reserve_lists(&plan->tags, columns, err))
        return err->class;
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];

        if (change->row != COLUMNS_NOWHERE)
            changed[change->row / 8] |= (uint8_t)(1u << (change->row % 8));
        if (change->target != COLUMNS_NOWHERE)
            items[count++] = (struct radix_item){change->target, (uint32_t)i};
    }

    const struct radix_item *by_target = radix_sort(items, items + count, count);

    for (size_t k = 0; k < settled->count; k++) {
        uint32_t row = settled->row[k];

        if (changed[row / 8] >> (row % 8) & 1)
            continue;
        while (plan->segments[segment].to <= row)
            segment++;
        row = (uint32_t)(row + plan->segments[segment].shift);
        while (next < count && by_target[next].key < row)
            write_changed(&plan->tags, columns, &changes->list[by_target[next++].at]);
        add_tags(&plan->tags, settled->tags + settled->from[k],
                 settled->from[k + 1] - settled->from[k]);
        end_list(&plan->tags, row);
    }
    while (next < count)
        write_changed(&plan->tags, columns, &changes->list[by_target[next++].at]);
    trim_lists(&plan->tags);
    return ERR_OK;
}

/* Whether a list changes (a removed row forgets its tags), or a row may get another number. */
static bool needs_retag(const struct plan *plan, const struct columns *columns)
{
    if (columns->tags.count > 0 && plan->shifts)
        return true;
    for (size_t i = 0; i < columns->changes.count; i++)
        if (columns->changes.list[i].note_first != COLUMNS_NOWHERE ||
            (columns->changes.list[i].forget_tags && columns->tags.count > 0))
            return true;
    return false;
}

/* ---- Settling: doing it; from here on nothing fails ---- */

static void move_segment(struct rows *rows, const struct segment *segment)
{
    size_t from = segment->from, to = (size_t)((int64_t)segment->from + segment->shift);
    size_t count = segment->to - segment->from;

    memmove(rows->started + to, rows->started + from, count * sizeof(*rows->started));
    memmove(rows->id + to, rows->id + from, count * sizeof(*rows->id));
    memmove(rows->person + to, rows->person + from, count * sizeof(*rows->person));
    memmove(rows->issue + to, rows->issue + from, count * sizeof(*rows->issue));
    memmove(rows->seconds + to, rows->seconds + from, count * sizeof(*rows->seconds));
}

/*
 * Moves the segments inside the arrays. Segments and their targets are in the same order and do not
 * overlap among themselves. So one that goes down can only run over segments below it
 * that go down further (a segment below that goes up ends below this one's target), and those are
 * moved first, in ascending order; for those that go up the same holds the other way round.
 */
static void move_rows(struct rows *rows, const struct plan *plan)
{
    for (size_t i = 0; i < plan->segment_count; i++)
        if (plan->segments[i].shift < 0)
            move_segment(rows, &plan->segments[i]);
    for (size_t i = plan->segment_count; i > 0; i--)
        if (plan->segments[i - 1].shift > 0)
            move_segment(rows, &plan->segments[i - 1]);
}

static void write_rows(struct rows *rows, const struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];

        if (!change->put)
            continue;
        assert(change->target < rows->count);
        rows->started[change->target] = change->started;
        rows->id[change->target] = change->id;
        rows->person[change->target] = change->person;
        rows->issue[change->target] = change->issue;
        rows->seconds[change->target] = change->seconds;
    }
}

enum err_class columns_work_in(struct columns *columns, struct err *err)
{
    AUTO(plan_done) struct plan plan = {0};
    struct changes *changes = &columns->changes;
    struct rows *rows = &columns->rows;

    names_rank(&columns->persons);
    names_rank(&columns->tag_names);
    if (issues_rank(&columns->issues, err))
        return err->class;
    if (changes->count == 0)
        return ERR_OK;
    if (check_names(columns, err) || find_rows(columns, err) || make_plan(&plan, columns, err))
        return err->class;
    plan.retag = needs_retag(&plan, columns);
    if (plan.retag && plan_tags(&plan, columns, err))
        return err->class;
    if (plan.rows_after > rows->room &&
        columns_resize(rows, columns_room_for(plan.rows_after), err))
        return err->class;

    move_rows(rows, &plan);
    rows->count = plan.rows_after;
    write_rows(rows, changes);
    if (plan.retag) {
        struct tag_lists settled = columns->tags;

        columns->tags = plan.tags;
        plan.tags = settled; /* freed with the plan */
    }
    columns_free_changes(changes);
    return ERR_OK;
}
