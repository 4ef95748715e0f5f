/*
 * site.c: the arrays of the stand-in site and how they are found and changed.
 *
 * The shape follows from two wishes: a million worklogs in little memory, and a page of a thousand
 * in a millisecond. So a worklog is a flat row of 80 bytes, rows are ordered by id, and what only a
 * few of them have (a text of their own, properties, a recorded form) hangs behind a pointer.
 */
#include "site.h"

#include <time.h>

#include "base/civil.h"
#include "http/url.h"

#define ARENA_BYTES_MAX ((size_t)1 << 30)

static int64_t clock_ms(clockid_t id)
{
    struct timespec ts = {0};

    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t site_now_ms(const struct site *site)
{
    return clock_ms(CLOCK_MONOTONIC) + atomic_load(&site->clock_ms);
}

void site_set_now_ms(struct site *site, int64_t now_ms)
{
    atomic_store(&site->clock_ms, now_ms - clock_ms(CLOCK_MONOTONIC));
}

enum err_class site_init(struct site *site, struct err *err)
{
    *site = (struct site){.next_item_id = 10000};
    site->arena = arena_new(ARENA_BYTES_MAX);
    if (!site->arena)
        return err_memory(err);
    (void)pthread_rwlock_init(&site->lock, NULL);
    site_set_now_ms(site, clock_ms(CLOCK_REALTIME));
    return ERR_OK;
}

void site_done(struct site *site)
{
    struct items *all[] = {&site->statuses,    &site->types, &site->fields,       &site->comments,
                           &site->attachments, &site->links, &site->remote_links, &site->webhooks};

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        free(all[i]->rows);
    free(site->users);
    free(site->projects);
    free(site->issues);
    free(site->worklogs);
    free(site->memberships);
    feed_done(&site->updated);
    feed_done(&site->deleted);
    free(site->users_by_id.slots);
    free(site->issues_by_key.slots);
    free(site->projects_by_key.slots);
    if (site->arena)
        (void)pthread_rwlock_destroy(&site->lock);
    arena_free(site->arena);
    *site = (struct site){0};
}

struct str site_keep(struct site *site, struct str text)
{
    return arena_dup(site->arena, text);
}

/* ---- Text to index ---- */

static size_t hash(struct str key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.ptr[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ (h >> 32));
}

static struct index_slot *index_slot(const struct index *index, struct str key)
{
    size_t at = hash(key) & (index->room - 1);

    while (index->slots[at].key.ptr && !str_eq(index->slots[at].key, key))
        at = (at + 1) & (index->room - 1); /* ends: a third of the slots is free */
    return &index->slots[at];
}

static uint32_t index_get(const struct index *index, struct str key)
{
    if (index->room == 0 || key.len == 0)
        return NONE;

    const struct index_slot *slot = index_slot(index, key);

    return slot->key.ptr ? slot->value : NONE;
}

static bool index_grow(struct index *index)
{
    struct index next = {.room = index->room ? index->room * 2 : 64};

    next.slots = calloc(next.room, sizeof(*next.slots));
    if (!next.slots)
        return false;
    for (size_t i = 0; i < index->room; i++)
        if (index->slots[i].key.ptr)
            *index_slot(&next, index->slots[i].key) = index->slots[i];
    next.count = index->count;
    free(index->slots);
    *index = next;
    return true;
}

/* A key that is there already gets the new value. */
static bool index_put(struct index *index, struct str key, uint32_t value)
{
    if (key.len == 0)
        return true;
    if (index->count * 3 >= index->room * 2 && !index_grow(index))
        return false;

    struct index_slot *slot = index_slot(index, key);

    if (!slot->key.ptr)
        index->count++;
    *slot = (struct index_slot){key, value};
    return true;
}

/* ---- Arrays ---- */

/* Room for one more of `size` bytes. */
static bool grow(void **rows, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return true;

    size_t next = *room ? *room + *room / 2 + 1 : 64;
    void *moved = realloc(*rows, next * size);

    if (!moved)
        return false;
    *rows = moved;
    *room = next;
    return true;
}

#define GROW(array, count, room)                                                                   \
    __extension__({                                                                                \
        void *rows_ = (array);                                                                     \
        bool ok_ = grow(&rows_, (count), &(room), sizeof(*(array)));                               \
        (array) = rows_;                                                                           \
        ok_;                                                                                       \
    })

uint32_t site_add_user(struct site *site, const struct user *user)
{
    uint32_t at = (uint32_t)site->user_count;

    if (!GROW(site->users, site->user_count, site->user_room) ||
        !index_put(&site->users_by_id, user->account_id, at))
        return NONE;
    if (!str_eq(user->key, user->account_id) && site_find_user(site, user->key) == NONE &&
        !index_put(&site->users_by_id, user->key, at))
        return NONE;
    site->users[site->user_count++] = *user;
    return at;
}

uint32_t site_add_project(struct site *site, const struct project *project)
{
    uint32_t at = (uint32_t)site->project_count;

    if (!GROW(site->projects, site->project_count, site->project_room) ||
        !index_put(&site->projects_by_key, project->key, at))
        return NONE;
    site->projects[site->project_count++] = *project;
    return at;
}

uint32_t site_add_issue(struct site *site, const struct issue *issue)
{
    uint32_t at = (uint32_t)site->issue_count;

    if (!GROW(site->issues, site->issue_count, site->issue_room) ||
        !index_put(&site->issues_by_key, issue->key, at))
        return NONE;
    site->issues[at] = *issue;
    site->issues[at].first_row = site->issues[at].last_row = NONE;
    site->issue_count++;
    return at;
}

static void chain_add(struct site *site, uint32_t row, uint32_t issue)
{
    struct issue *to = &site->issues[issue];

    site->worklogs[row].issue = issue;
    site->worklogs[row].next = NONE;
    if (to->last_row == NONE)
        to->first_row = row;
    else
        site->worklogs[to->last_row].next = row;
    to->last_row = row;
}

static void chain_remove(struct site *site, uint32_t row)
{
    struct issue *from = &site->issues[site->worklogs[row].issue];
    uint32_t before = NONE;

    for (uint32_t at = from->first_row; at != row; at = site->worklogs[at].next)
        before = at;
    if (before == NONE)
        from->first_row = site->worklogs[row].next;
    else
        site->worklogs[before].next = site->worklogs[row].next;
    if (from->last_row == row)
        from->last_row = before;
}

uint32_t site_add_worklog(struct site *site, const struct worklog *worklog)
{
    uint32_t row = (uint32_t)site->worklog_count;

    if (!GROW(site->worklogs, site->worklog_count, site->worklog_room))
        return NONE;
    site->worklogs[row] = *worklog;
    site->worklog_count++;
    chain_add(site, row, worklog->issue);
    return row;
}

int64_t site_next_worklog_id(const struct site *site)
{
    return site->worklog_count ? site->worklogs[site->worklog_count - 1].id + 1 : 100000;
}

uint32_t items_add(struct items *items, const struct item *item)
{
    if (!GROW(items->rows, items->count, items->room))
        return NONE;
    items->rows[items->count] = *item;
    return (uint32_t)items->count++;
}

/* ---- Look-ups ---- */

uint32_t site_find_user(const struct site *site, struct str account_id)
{
    return index_get(&site->users_by_id, account_id);
}

uint32_t site_find_project(const struct site *site, struct str id_or_key)
{
    int64_t id = 0;

    if (parse_i64(id_or_key, 1, INT64_MAX, &id))
        for (size_t i = 0; i < site->project_count; i++)
            if (site->projects[i].id == id)
                return (uint32_t)i;
    return index_get(&site->projects_by_key, id_or_key);
}

uint32_t site_find_issue_id(const struct site *site, int64_t id)
{
    size_t low = 0, high = site->issue_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (site->issues[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < site->issue_count && site->issues[low].id == id ? (uint32_t)low : NONE;
}

uint32_t site_find_issue(const struct site *site, struct str id_or_key)
{
    int64_t id = 0;

    if (parse_i64(id_or_key, 1, INT64_MAX, &id))
        return site_find_issue_id(site, id);
    return index_get(&site->issues_by_key, id_or_key);
}

uint32_t site_find_worklog(const struct site *site, int64_t id, uint32_t near)
{
    size_t count = site->worklog_count, low = 0, high = count;

    /* From the last hit outwards in doubling steps, then by halves between the two last. */
    if (near < count) {
        size_t step = 1;

        if (site->worklogs[near].id <= id) {
            low = near;
            while (low + step < count && site->worklogs[low + step].id <= id) {
                low += step;
                step *= 2;
            }
            high = low + step + 1 < count ? low + step + 1 : count;
        } else {
            high = near;
            while (high > step && site->worklogs[high - step].id > id) {
                high -= step;
                step *= 2;
            }
            low = high > step ? high - step : 0;
        }
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (site->worklogs[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && site->worklogs[low].id == id ? (uint32_t)low : NONE;
}

const struct property *property_find(const struct property *list, struct str key)
{
    while (list && !str_eq(list->key, key))
        list = list->next;
    return list;
}

/* ---- Worklogs ---- */

bool issue_is_visible(const struct site *site, uint32_t issue, uint32_t user)
{
    const struct issue *row = &site->issues[issue];
    struct str account = site->users[user].account_id, rest = row->concealed;

    if (row->deleted || row->hidden)
        return false;
    while (rest.len > 0)
        if (str_eq(str_cut(rest, ',', &rest), account))
            return false;
    return true;
}

bool issue_conceal(struct site *site, uint32_t issue, uint32_t user)
{
    struct strbuf list AUTO(strbuf_done) = STRBUF_INIT(64 * 1024);
    struct str kept;

    if (site->issues[issue].concealed.len > 0)
        strbuf_add_str(&list, site->issues[issue].concealed);
    strbuf_add_char(&list, ',');
    strbuf_add_str(&list, site->users[user].account_id);
    kept = list.failed == ERR_OK ? site_keep(site, strbuf_str(&list)) : (struct str){NULL, 0};
    if (kept.ptr)
        site->issues[issue].concealed = kept;
    return kept.ptr != NULL;
}

void issue_reveal(struct site *site, uint32_t issue)
{
    site->issues[issue].concealed = (struct str){NULL, 0};
}

bool site_set_member(struct site *site, uint32_t user, struct str group, bool in)
{
    struct membership *row;

    for (size_t i = 0; i < site->membership_count; i++) {
        row = &site->memberships[i];
        if (row->user == user && str_eq(row->group, group)) {
            row->in = in;
            return true;
        }
    }

    struct str kept = site_keep(site, group);

    if (!kept.ptr || !GROW(site->memberships, site->membership_count, site->membership_room))
        return false;
    site->memberships[site->membership_count++] = (struct membership){user, kept, in};
    return true;
}

bool worklog_is_live(const struct site *site, const struct worklog *worklog)
{
    return !(worklog->flags & WORKLOG_DELETED) && !site->issues[worklog->issue].deleted;
}

bool worklog_is_visible(const struct site *site, const struct worklog *worklog)
{
    return worklog_is_live(site, worklog) && !(worklog->flags & WORKLOG_HIDDEN) &&
           !site->issues[worklog->issue].hidden;
}

struct extra *worklog_extra(struct site *site, struct worklog *worklog)
{
    if (!worklog->extra)
        worklog->extra = arena_alloc(site->arena, sizeof(*worklog->extra));
    return worklog->extra;
}

void worklog_set_issue(struct site *site, uint32_t row, uint32_t issue)
{
    chain_remove(site, row);
    chain_add(site, row, issue);
}

bool worklog_touch(struct site *site, uint32_t row, int64_t now_ms)
{
    struct feed_entry entry = {.at_ms = now_ms, .row = row};

    site->worklogs[row].updated_ms = now_ms;
    site->worklogs[row].flags |= WORKLOG_EDITED;
    return feed_add(&site->updated, &entry, 1);
}

bool worklog_delete(struct site *site, uint32_t row, int64_t now_ms, bool silent)
{
    struct feed_entry entry = {.at_ms = now_ms, .row = row};
    struct worklog *worklog = &site->worklogs[row];

    worklog->flags |= WORKLOG_DELETED | (silent ? WORKLOG_SILENT : 0);
    worklog->deleted_ms = now_ms;
    return silent || feed_add(&site->deleted, &entry, 1);
}

bool site_updated_is_current(const void *arg, const struct feed_entry *entry)
{
    const struct site *site = arg;
    const struct worklog *worklog = &site->worklogs[entry->row];

    return worklog->updated_ms == entry->at_ms && worklog_is_live(site, worklog) &&
           !(worklog->flags & WORKLOG_UNLISTED);
}

bool site_deleted_is_current(const void *arg, const struct feed_entry *entry)
{
    const struct site *site = arg;
    const struct worklog *worklog = &site->worklogs[entry->row];

    return (worklog->flags & (WORKLOG_DELETED | WORKLOG_SILENT)) == WORKLOG_DELETED &&
           worklog->deleted_ms == entry->at_ms;
}

/* ---- People ---- */

static struct mention mention_get(const void *arg, uint64_t nth)
{
    const struct site *site = arg;
    const struct user *user = &site->users[nth % site->user_count];

    return (struct mention){user->account_id, user->name, user->display};
}

struct comment_people site_people(const struct site *site)
{
    return (struct comment_people){mention_get, site, site->datacenter};
}

static void put_avatars(struct strbuf *buf, const struct user *user)
{
    static const char *const sizes[] = {"48x48", "24x24", "16x16", "32x32"};
    uint64_t h = hash(user->account_id);

    strbuf_add_z(buf, "\"avatarUrls\":{");
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        strbuf_addf(buf,
                    "%s\"%s\":\"https://secure.gravatar.com/avatar/%016llx%016llx?d=https%%3A%%2F"
                    "%%2Favatar-management--avatars.us-west-2.prod.public.atl-paas.net%%2Finitials"
                    "%%2F%c%c-%d.png\"",
                    i ? "," : "", sizes[i], (unsigned long long)mix64(h, 1),
                    (unsigned long long)mix64(h, 2), (char)('A' + h % 26),
                    (char)('A' + h / 26 % 26), (int)(h / 676 % 7));
    strbuf_add_char(buf, '}');
}

static void put_author(struct strbuf *buf, const struct site *site, const struct user *user,
                       int version)
{
    struct strbuf self AUTO(strbuf_done) = STRBUF_INIT(LIMIT_URL_BYTES);

    strbuf_addf(&self, "%s/rest/api/%d/user", site->base_url, version);
    if (site->datacenter)
        url_add_query(&self, "username", user->name);
    else
        url_add_query(&self, "accountId", user->account_id);
    strbuf_add_z(buf, "{\"self\":");
    put_json_text(buf, strbuf_str(&self));
    if (site->datacenter) {
        strbuf_add_z(buf, ",\"name\":");
        put_json_text(buf, user->name);
        strbuf_add_z(buf, ",\"key\":");
        put_json_text(buf, user->key);
        strbuf_add_z(buf, ",\"emailAddress\":");
        put_json_text(buf, user->email);
    } else {
        strbuf_add_z(buf, ",\"accountId\":");
        put_json_text(buf, user->account_id);
    }
    strbuf_add_char(buf, ',');
    put_avatars(buf, user);
    strbuf_add_z(buf, ",\"displayName\":");
    put_json_text(buf, user->display);
    strbuf_addf(buf, ",\"active\":%s,\"timeZone\":", user->active ? "true" : "false");
    put_json_text(buf, user->zone);
    if (!site->datacenter) {
        strbuf_add_z(buf, ",\"accountType\":");
        put_json_text(buf, user->type);
    }
    strbuf_add_char(buf, '}');
}

void site_render_users(struct site *site)
{
    struct strbuf buf AUTO(strbuf_done) = STRBUF_INIT(64 * 1024);

    for (size_t i = 0; i < site->user_count; i++) {
        for (int v = 0; v < 2; v++) {
            if (site->users[i].author[v].ptr)
                continue;
            strbuf_reset(&buf);
            put_author(&buf, site, &site->users[i], v + 2);
            site->users[i].author[v] = site_keep(site, strbuf_str(&buf));
        }
    }
}
