/*
 * columns.c: a tenant's worklogs in memory, sorted by start, one array a column.
 *
 * Why: a report over a million worklogs reads 8 of the 28 bytes of each row, in order, and that
 * takes a millisecond; the same question takes a database a second. Sorting by start makes every
 * day, week or month of whatever time zone a run of neighbouring rows.
 *
 * The model: `rows` and `tags` are the settled state, which readers see. Changes after sealing are
 * noted per worklog in `changes` (a hash by id), the last word winning, and change nothing else;
 * settle.c works them in. Before sealing, tags are noted in `changes` too, and sealing settles
 * them.
 *
 * Not here: questions (query.c), time zones (zone.c), the database. Threads and locks: columns.h.
 */
#include "apps/timesheet/columns_internal.h"

#include <assert.h>

#include "apps/timesheet/radix.h"
#include "base/civil.h"
#include "base/limits.h"

#define ROOM_FIRST 1024
#define STARTED_MIN_MS (INT64_C(-719161) * MS_PER_DAY) /* 0001-01-02 */
#define STARTED_MAX_MS (INT64_C(2932896) * MS_PER_DAY) /* 9999-12-31, not included */
#define ROW_BYTES (2 * sizeof(int64_t) + 3 * sizeof(uint32_t))

static_assert(LIMIT_COLUMNS_ROWS < INT32_MAX, "row numbers and issue codes fit 31 bits");

static void rows_done(struct rows *rows)
{
    free(rows->started);
    free(rows->id);
    free(rows->person);
    free(rows->issue);
    free(rows->seconds);
    *rows = (struct rows){0};
}

void columns_free_tags(struct tag_lists *tags)
{
    free(tags->row);
    free(tags->from);
    free(tags->tags);
    *tags = (struct tag_lists){0};
}

void columns_free_changes(struct changes *changes)
{
    free(changes->list);
    free(changes->slots);
    free(changes->notes);
    *changes = (struct changes){0};
}

enum err_class columns_resize(struct rows *rows, size_t room, struct err *err)
{
#define RESIZE(column)                                                                             \
    do {                                                                                           \
        __typeof__(rows->column) array = reallocarray(rows->column, room, sizeof(*array));         \
        if (!array)                                                                                \
            return err_memory(err);                                                                \
        rows->column = array;                                                                      \
    } while (0)

    assert(room >= rows->count);
    assert(room > 0);
    if (room < rows->room)
        rows->room = room;
    RESIZE(started);
    RESIZE(id);
    RESIZE(person);
    RESIZE(issue);
    RESIZE(seconds);
#undef RESIZE
    rows->room = room;
    return ERR_OK;
}

struct columns *columns_new(size_t rows_expected)
{
    struct columns *columns = calloc(1, sizeof(*columns));
    struct err err;

    if (!columns)
        return NULL;
    if (rows_expected > LIMIT_COLUMNS_ROWS)
        rows_expected = LIMIT_COLUMNS_ROWS;
    if (rows_expected > 0 && columns_resize(&columns->rows, rows_expected, &err)) {
        columns_free(columns);
        return NULL;
    }
    return columns;
}

void columns_free(struct columns *columns)
{
    if (!columns)
        return;
    rows_done(&columns->rows);
    columns_free_tags(&columns->tags);
    names_done(&columns->persons);
    names_done(&columns->tag_names);
    issues_done(&columns->issues);
    columns_free_changes(&columns->changes);
    free(columns);
}

enum err_class columns_person(struct columns *columns, int64_t ref, struct str account_id,
                              struct err *err)
{
    if (account_id.len > LIMIT_ACCOUNT_ID_BYTES)
        return err_set(err, ERR_CORRUPT, "the account id of person %lld has %zu bytes; limit %d",
                       (long long)ref, account_id.len, LIMIT_ACCOUNT_ID_BYTES);
    return names_set(&columns->persons, ref, account_id, "person", err);
}

enum err_class columns_tag(struct columns *columns, int64_t ref, struct str name, struct err *err)
{
    if (name.len > LIMIT_TAG_NAME_BYTES)
        return err_set(err, ERR_CORRUPT, "the name of tag %lld has %zu bytes; limit %d",
                       (long long)ref, name.len, LIMIT_TAG_NAME_BYTES);
    return names_set(&columns->tag_names, ref, name, "tag", err);
}

static enum err_class check_row(const struct columns_row *row, struct err *err)
{
    if (row->started_ms < STARTED_MIN_MS || row->started_ms >= STARTED_MAX_MS)
        return err_set(err, ERR_CORRUPT, "worklog %lld starts outside the years 1 to 9999",
                       (long long)row->id);
    if (row->seconds < 0 || row->seconds > INT32_MAX)
        return err_set(err, ERR_CORRUPT, "worklog %lld has %lld seconds; they must be 0 to %d",
                       (long long)row->id, (long long)row->seconds, INT32_MAX);
    if (row->person < 0 || row->person > COLUMNS_REF_MAX)
        return err_set(err, ERR_CORRUPT,
                       "worklog %lld is of person %lld, which is not in 0..%u, the range of report "
                       "columns",
                       (long long)row->id, (long long)row->person, COLUMNS_REF_MAX);
    return ERR_OK;
}

enum err_class columns_too_many(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the tenant has more than %d worklogs, the limit of reports",
                   LIMIT_COLUMNS_ROWS);
}

enum err_class columns_add(struct columns *columns, const struct columns_row *row, struct err *err)
{
    struct rows *rows = &columns->rows;
    uint32_t issue = 0;

    assert(!columns->sealed);
    if (check_row(row, err))
        return err->class;
    if (rows->count == LIMIT_COLUMNS_ROWS)
        return columns_too_many(err);
    if (rows->count == rows->room &&
        columns_resize(rows, rows->room + rows->room / 2 + ROOM_FIRST, err))
        return err->class;
    if (issues_code(&columns->issues, row->issue, &issue, err))
        return err->class;

    size_t at = rows->count++;

    rows->started[at] = row->started_ms;
    rows->id[at] = row->id;
    rows->person[at] = (uint32_t)row->person;
    rows->issue[at] = issue;
    rows->seconds[at] = (int32_t)row->seconds;
    return ERR_OK;
}

/* ---- Noting changes ---- */

size_t columns_change_slot(const struct changes *changes, int64_t id)
{
    size_t mask = ((size_t)1 << changes->slot_bits) - 1;
    size_t slot = id_hash(id, changes->slot_bits);

    while (changes->slots[slot] != 0 && changes->list[changes->slots[slot] - 1].id != id)
        slot = (slot + 1) & mask;
    return slot;
}

static enum err_class grow_changes(struct changes *changes, struct err *err)
{
    unsigned bits = changes->slot_bits ? changes->slot_bits + 1 : 6;
    size_t room = (size_t)1 << (bits - 1);
    AUTO(free_autop) uint32_t *slots = calloc((size_t)1 << bits, sizeof(*slots));

    if (!slots)
        return err_memory(err);

    struct change *list = reallocarray(changes->list, room, sizeof(*list));

    if (!list)
        return err_memory(err);
    changes->list = list;
    changes->room = room;
    changes->slot_bits = bits;
    free(changes->slots);
    changes->slots = TAKE(slots);
    for (size_t i = 0; i < changes->count; i++)
        changes->slots[columns_change_slot(changes, list[i].id)] = (uint32_t)i + 1;
    return ERR_OK;
}

/* The worklog's change; a new one, saying nothing, when there is none yet. */
static enum err_class change_of(struct changes *changes, int64_t id, struct change **ret,
                                struct err *err)
{
    if (changes->count == changes->room) {
        if (changes->count >= LIMIT_COLUMNS_ROWS)
            return columns_too_many(err);
        if (grow_changes(changes, err))
            return err->class;
    }

    size_t slot = columns_change_slot(changes, id);

    if (changes->slots[slot] == 0) {
        changes->list[changes->count++] = (struct change){.id = id,
                                                          .row = COLUMNS_NOWHERE,
                                                          .target = COLUMNS_NOWHERE,
                                                          .note_first = COLUMNS_NOWHERE,
                                                          .note_last = COLUMNS_NOWHERE};
        changes->slots[slot] = (uint32_t)changes->count;
    }
    *ret = &changes->list[changes->slots[slot] - 1];
    return ERR_OK;
}

enum err_class columns_put(struct columns *columns, const struct columns_row *row, struct err *err)
{
    struct change *change = NULL;
    uint32_t issue = 0;

    assert(columns->sealed);
    if (check_row(row, err) || issues_code(&columns->issues, row->issue, &issue, err) ||
        change_of(&columns->changes, row->id, &change, err))
        return err->class;
    change->put = true;
    change->started = row->started_ms;
    change->person = (uint32_t)row->person;
    change->issue = issue;
    change->seconds = (int32_t)row->seconds;
    return ERR_OK;
}

static void forget_tags(struct change *change)
{
    change->forget_tags = true;
    change->note_first = COLUMNS_NOWHERE;
    change->note_last = COLUMNS_NOWHERE;
}

enum err_class columns_remove(struct columns *columns, int64_t id, struct err *err)
{
    struct change *change = NULL;

    assert(columns->sealed);
    if (change_of(&columns->changes, id, &change, err))
        return err->class;
    change->put = false;
    change->removed = true;
    forget_tags(change);
    return ERR_OK;
}

static enum err_class note_tag(struct columns *columns, int64_t id, int64_t tag, bool add,
                               struct err *err)
{
    struct changes *changes = &columns->changes;
    struct change *change = NULL;

    if (tag < 1 || tag > COLUMNS_REF_MAX)
        return err_set(err, ERR_CORRUPT, "tag %lld is not in 1..%u, the range of report columns",
                       (long long)tag, COLUMNS_REF_MAX);
    if (changes->note_count == changes->note_room) {
        size_t room = changes->note_room ? changes->note_room * 2 : 64;
        struct tag_note *notes = NULL;

        if (room >= COLUMNS_NOWHERE)
            return columns_too_many(err);
        notes = reallocarray(changes->notes, room, sizeof(*notes));
        if (!notes)
            return err_memory(err);
        changes->notes = notes;
        changes->note_room = room;
    }
    if (change_of(changes, id, &change, err))
        return err->class;

    uint32_t at = (uint32_t)changes->note_count++;

    changes->notes[at] =
        (struct tag_note){.tag = (uint32_t)tag, .next = COLUMNS_NOWHERE, .add = add};
    if (change->note_last == COLUMNS_NOWHERE)
        change->note_first = at;
    else
        changes->notes[change->note_last].next = at;
    change->note_last = at;
    return ERR_OK;
}

enum err_class columns_tag_worklog(struct columns *columns, int64_t id, int64_t tag,
                                   struct err *err)
{
    return note_tag(columns, id, tag, true, err);
}

enum err_class columns_untag_worklog(struct columns *columns, int64_t id, int64_t tag,
                                     struct err *err)
{
    return note_tag(columns, id, tag, false, err);
}

enum err_class columns_clear_tags(struct columns *columns, int64_t id, struct err *err)
{
    struct change *change = NULL;

    if (change_of(&columns->changes, id, &change, err))
        return err->class;
    forget_tags(change);
    return ERR_OK;
}

/* ---- Sealing ---- */

static void gather(struct rows *to, const struct rows *from, const struct radix_item *order)
{
    size_t n = from->count;

    for (size_t i = 0; i < n; i++)
        to->started[i] = from->started[order[i].at];
    for (size_t i = 0; i < n; i++)
        to->id[i] = from->id[order[i].at];
    for (size_t i = 0; i < n; i++)
        to->person[i] = from->person[order[i].at];
    for (size_t i = 0; i < n; i++)
        to->issue[i] = from->issue[order[i].at];
    for (size_t i = 0; i < n; i++)
        to->seconds[i] = from->seconds[order[i].at];
    to->count = n;
}

static enum err_class sort_rows(struct rows *rows, struct err *err)
{
    AUTO(rows_done) struct rows sorted = {0};
    AUTO(free_autop) struct radix_item *items = NULL;
    AUTO(free_autop) struct radix_item *scratch = NULL;
    bool in_order = true;

    for (size_t i = 1; i < rows->count && in_order; i++)
        in_order = rows->started[i - 1] <= rows->started[i];
    if (in_order)
        return columns_resize(rows, columns_room_for(rows->count), err);

    items = reallocarray(NULL, rows->count, sizeof(*items));
    scratch = reallocarray(NULL, rows->count, sizeof(*scratch));
    if (!items || !scratch)
        return err_memory(err);
    for (size_t i = 0; i < rows->count; i++)
        items[i] = (struct radix_item){radix_key_i64(rows->started[i]), (uint32_t)i};

    const struct radix_item *order = radix_sort(items, scratch, rows->count);

    /* The half that the result is not in makes room for the new columns. */
    if (order == items)
        free(TAKE(scratch));
    else
        free(TAKE(items));
    if (columns_resize(&sorted, columns_room_for(rows->count), err))
        return err->class;
    gather(&sorted, rows, order);

    struct rows unsorted = *rows;

    *rows = sorted;
    sorted = unsorted; /* freed on return */
    return ERR_OK;
}

enum err_class columns_check_person(const struct columns *columns, int64_t id, uint32_t person,
                                    struct err *err)
{
    if (person == 0 || names_has(&columns->persons, person))
        return ERR_OK;
    return err_set(err, ERR_CORRUPT, "worklog %lld is of person %u, whose account id is missing",
                   (long long)id, person);
}

enum err_class columns_seal(struct columns *columns, struct err *err)
{
    struct rows *rows = &columns->rows;

    assert(!columns->sealed);
    for (size_t i = 0; i < rows->count; i++)
        if (columns_check_person(columns, rows->id[i], rows->person[i], err))
            return err->class;
    if (sort_rows(rows, err))
        return err->class;
    if (columns_work_in(columns, err))
        return err->class;
    columns->sealed = true;
    return ERR_OK;
}

enum err_class columns_settle(struct columns *columns, struct err *err)
{
    assert(columns->sealed);
    return columns_work_in(columns, err);
}

bool columns_settled(const struct columns *columns)
{
    return columns->sealed && columns->changes.count == 0 && !columns->persons.dirty &&
           !columns->tag_names.dirty && columns->issues.ranked == columns->issues.count;
}

/* ---- Reading ---- */

size_t columns_rows(const struct columns *columns)
{
    return columns->rows.count;
}

size_t columns_bytes(const struct columns *columns)
{
    const struct changes *changes = &columns->changes;
    size_t slots = changes->slot_bits ? (size_t)1 << changes->slot_bits : 0;

    return sizeof(*columns) + columns->rows.room * ROW_BYTES +
           (2 * columns->tags.count + columns->tags.tag_count) * sizeof(uint32_t) +
           names_bytes(&columns->persons) + names_bytes(&columns->tag_names) +
           issues_bytes(&columns->issues) + changes->room * sizeof(*changes->list) +
           slots * sizeof(*changes->slots) + changes->note_room * sizeof(*changes->notes);
}

static struct columns_names names_view(const struct names *names)
{
    return (struct columns_names){.texts = names->texts,
                                  .rank = names->rank,
                                  .order = names->order,
                                  .room = names->room,
                                  .count = names->count};
}

struct columns_view columns_view(const struct columns *columns)
{
    assert(columns_settled(columns));
    return (struct columns_view){
        .rows = columns->rows.count,
        .started = columns->rows.started,
        .id = columns->rows.id,
        .person = columns->rows.person,
        .issue = columns->rows.issue,
        .seconds = columns->rows.seconds,
        .tagged = columns->tags.count,
        .tag_row = columns->tags.row,
        .tag_from = columns->tags.from,
        .tags = columns->tags.tags,
        .issues = columns->issues.count,
        .issue_id = columns->issues.ids,
        .issue_rank = columns->issues.rank,
        .persons = names_view(&columns->persons),
        .tag_names = names_view(&columns->tag_names),
    };
}

bool columns_find_issue(const struct columns *columns, int64_t issue, uint32_t *ret_code)
{
    return issues_find(&columns->issues, issue, ret_code);
}

bool columns_find_name(const struct columns_names *names, struct str text, uint32_t *ret_ref)
{
    size_t low = 0, high = names->count;

    /* At most 24 turns. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (str_cmp(names->texts[names->order[middle]], text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == names->count || !str_eq(names->texts[names->order[low]], text))
        return false;
    *ret_ref = names->order[low];
    return true;
}
