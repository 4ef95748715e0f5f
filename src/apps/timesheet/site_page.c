/*
 * site_page.c: a page of the list of worklogs, for one who looks.
 *
 * Why not as a report: a report must know of every issue it touches whether the viewer may see it,
 * and a list of fifty out of a million must not ask Jira about fifty thousand issues. So Jira is
 * asked about those on the page, and only when they turn out to be hidden about some that come
 * after it, and more of them the next time. What is still not known then ends the page early; the
 * next page goes on there.
 *
 * A place does not depend on the columns (query_page.c), so a list goes on rightly whatever was
 * changed between two pages.
 *
 * Threads and locks: as site.c; nothing is held while Jira is asked.
 */
#include "apps/timesheet/site_page.h"

#include <assert.h>

#include "apps/timesheet/site_internal.h"

/* How many worklogs past the page are looked at in each turn. Jira is asked after each but the
 * last, so at most about this many issues. */
static const size_t look_ahead[] = {0, 2000, 20000, 20000};

struct turn {
    const struct report_request *request;
    struct sight *sight;
    struct query_eyes eyes;
    struct query_place after;
    size_t limit;
    struct query_page_row *rows;
    size_t count;
};

static void open_eyes(const struct site_columns *site, struct turn *turn)
{
    const struct viewer *viewer = turn->sight->viewer;
    struct columns_view view = columns_view(site->loaded.columns);

    turn->eyes = (struct query_eyes){.all = viewer == NULL,
                                     .own_only = viewer && viewer->own_only,
                                     .known = turn->sight->bits.known,
                                     .seen = turn->sight->bits.seen};
    /*
     * A search may have been made with more rights than the viewer's: that it found their own
     * worklogs on a hidden issue would tell of the issue.
     */
    if (!viewer || (turn->request->has_only && !viewer->own_only))
        return;
    /* Who never booked time is not there; then nothing is their own. */
    if (!columns_find_name(&view.persons, viewer->account, &turn->eyes.own))
        turn->eyes.own = 0;
}

/* The issues that stand between us and a full page, as far ahead as this turn looks. */
static enum err_class list_missing(struct turn *turn, size_t ahead, struct err *err)
{
    struct jira_ids *missing = &turn->sight->missing;
    size_t most = turn->limit + ahead, seen = 0;

    missing->count = 0;
    for (size_t i = 0; i < turn->count && i < most && seen < turn->limit; i++) {
        enum err_class rc = ERR_OK;

        seen += turn->rows[i].sight == QUERY_SEEN;
        if (turn->rows[i].sight == QUERY_UNKNOWN)
            rc = jira_ids_add(missing, turn->rows[i].issue_id, err);
        if (rc != ERR_OK)
            return rc;
    }
    jira_ids_sort(missing);
    return ERR_OK;
}

/* What is known of the page by now; with the columns held. */
static enum err_class look(struct site_columns *site, struct turn *turn, size_t ahead,
                           struct err *err)
{
    struct sight *sight = turn->sight;
    size_t max = turn->limit + 1 + ahead; /* one more, to know whether there is one */
    struct query_page_row *rows =
        reallocarray(turn->rows, QUERY_PAGE_ROOM(max), sizeof(*turn->rows));

    if (!rows)
        return err_memory(err);
    turn->rows = rows;
    if (sight_fit(sight, site, err))
        return err->class;
    if (sight->viewer && !sight->viewer->own_only)
        visible_recall(site->visible, sight->viewer->account, sight->build, ctx_mono_ms(site->ctx),
                       &sight->bits);
    open_eyes(site, turn);
    if (query_page(site->loaded.columns, turn->request, &turn->eyes, turn->after, max, turn->rows,
                   &turn->count, err))
        return err->class;
    return list_missing(turn, ahead, err);
}

/* Cuts the page out; with the columns held. */
static enum err_class cut(const struct site_columns *site, const struct turn *turn,
                          struct site_page *ret, struct err *err)
{
    struct query_place to = {INT64_MAX, INT64_MAX};

    ret->count = 0;
    ret->hidden = 0;
    while (ret->count < turn->count && ret->count < turn->limit &&
           turn->rows[ret->count].sight == QUERY_SEEN) {
        const struct query_page_row *row = &turn->rows[ret->count];

        ret->rows[ret->count++] = (struct site_page_row){row->place.id, row->issue_id, row->place};
    }
    ret->more = ret->count < turn->count;
    if (ret->more && ret->count == turn->limit)
        ret->next = to = turn->rows[ret->count - 1].place;
    if (ret->more && ret->count < turn->limit) { /* right before what nothing is known of */
        to = turn->rows[ret->count].place;
        to.id--;
        ret->next = to;
    }
    if (turn->eyes.all || turn->request->has_only)
        return ERR_OK;
    return query_page_hidden(site->loaded.columns, turn->request, &turn->eyes, turn->after, to,
                             &ret->hidden, err);
}

enum err_class site_columns_page(struct site_columns *site, struct tenant *tenant,
                                 const struct report_request *request, const struct viewer *viewer,
                                 struct query_place after, size_t limit, struct site_page *ret,
                                 struct err *err)
{
    AUTO(sight_done) struct sight sight = {.viewer = viewer};
    AUTO(jira_ids_done) struct jira_ids seen = {0};
    AUTO(free_autop) struct query_page_row *rows = NULL;
    struct turn turn = {.request = request, .sight = &sight, .after = after, .limit = limit};
    enum err_class rc = report_check(request, err);

    assert(limit >= 1);
    assert(limit <= SITE_PAGE_MAX);
    for (size_t i = 0; rc == ERR_OK; i++) {
        bool done = false;

        rc = site_hold(site, tenant, err);
        if (rc != ERR_OK)
            return rc;
        if (i > 0)
            sight_note(site, &sight, &seen);
        turn.rows = TAKE(rows);
        rc = look(site, &turn, look_ahead[i], err);
        rows = turn.rows;
        done = rc == ERR_OK && (sight.missing.count == 0 || i + 1 == ARRAY_LEN(look_ahead));
        if (done)
            rc = cut(site, &turn, ret, err);
        site_release(site);
        seen.count = 0;
        if (done)
            return rc;
        if (rc == ERR_OK)
            rc = sight_ask(&sight, &seen, err);
    }
    return rc;
}
