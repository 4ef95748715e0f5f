/*
 * filter.c: which rows a request lets through.
 *
 * The model: each filter is an array with a byte or a bit for every code, so that a row costs one
 * look-up a filter. What the viewer may not see is taken out last, after all that was asked for: so
 * the issues that are noted as hidden are those whose time the viewer would otherwise see, and
 * nothing behind this file (sums, totals, order, top, page) ever touches a row of theirs.
 *
 * Threads: reads the columns; the notes belong to the one who asks.
 */
#include "apps/timesheet/filter.h"

#define BITS 64

static enum err_class accept_names(const struct columns_names *names, const struct str *texts,
                                   size_t count, uint8_t **ret, size_t *unmatched, struct err *err)
{
    AUTO(free_autop) uint8_t *accept = calloc(names->room + 1, 1);

    if (!accept)
        return err_memory(err);
    for (size_t i = 0; i < count; i++) {
        uint32_t ref = 0;

        if (columns_find_name(names, texts[i], &ref))
            accept[ref] = 1;
        else
            (*unmatched)++;
    }
    *ret = TAKE(accept);
    return ERR_OK;
}

/* Issues that are named, and issues that a search found: in both, when both are given. */
static enum err_class accept_issues(struct filter *filter, const struct columns *columns,
                                    const struct report_request *request, struct err *err)
{
    uint8_t all = request->issue_count > 0 && request->has_only ? 2 : 1; /* marks that it takes */

    if (request->issue_count == 0 && !request->has_only)
        return ERR_OK;
    filter->issue = calloc(filter->view->issues + 1, 1);
    if (!filter->issue)
        return err_memory(err);
    for (size_t i = 0; i < request->issue_count; i++) {
        uint32_t code = 0;

        if (columns_find_issue(columns, request->issues[i], &code))
            filter->issue[code] = 1;
        else
            filter->unmatched++;
    }
    for (size_t i = 0; request->has_only && i < request->only_count; i++) {
        uint32_t code = 0;

        if (!columns_find_issue(columns, request->only[i], &code))
            continue; /* an issue without work */
        if (all == 1 || filter->issue[code] >= 1)
            filter->issue[code] = all;
    }
    for (size_t code = 0; code < filter->view->issues; code++)
        filter->issue[code] = filter->issue[code] == all;
    return ERR_OK;
}

/* The bits are needed only when some issue is hidden at all. */
static enum err_class read_visible(struct filter *filter, const struct report_request *request,
                                   struct err *err)
{
    size_t issues = filter->view->issues, seen = 0;

    if (!request->visible)
        return ERR_OK;
    for (size_t at = 0; at < issues && at < request->visible_codes; at += BITS) {
        size_t left = issues < request->visible_codes ? issues - at : request->visible_codes - at;
        uint64_t mask = left >= BITS ? UINT64_MAX : (UINT64_C(1) << left) - 1;

        seen += (size_t)__builtin_popcountll(request->visible[at / BITS] & mask);
    }
    if (seen == issues)
        return ERR_OK;
    filter->visible = request->visible;
    filter->visible_codes = request->visible_codes;
    filter->hidden = calloc(issues / BITS + 1, sizeof(*filter->hidden));
    return filter->hidden ? ERR_OK : err_memory(err);
}

enum err_class filter_init(struct filter *filter, const struct columns *columns,
                           const struct columns_view *view, const struct report_request *request,
                           struct err *err)
{
    filter->view = view;
    if (request->account_count > 0 &&
        accept_names(&view->persons, request->accounts, request->account_count, &filter->person,
                     &filter->unmatched, err))
        return err->class;
    if (accept_issues(filter, columns, request, err))
        return err->class;
    if (request->tag_count > 0 && accept_names(&view->tag_names, request->tags, request->tag_count,
                                               &filter->tag, &filter->unmatched, err))
        return err->class;
    return read_visible(filter, request, err);
}

enum err_class filter_bill(struct filter *filter, const struct columns *columns,
                           const struct report_billing *billing, struct err *err)
{
    size_t unmatched = 0; /* exceptions without work are nobody's mistake */

    filter->billed = true;
    filter->billed_by_default = billing->by_default;
    if (billing->tag_count > 0 &&
        accept_names(&filter->view->tag_names, billing->tags, billing->tag_count,
                     &filter->billing_tag, &unmatched, err))
        return err->class;
    if (billing->issue_count == 0)
        return ERR_OK;
    filter->billing_issue = calloc(filter->view->issues + 1, 1);
    if (!filter->billing_issue)
        return err_memory(err);
    for (size_t i = 0; i < billing->issue_count; i++) {
        uint32_t code = 0;

        if (columns_find_issue(columns, billing->issues[i], &code))
            filter->billing_issue[code] = 1;
    }
    return ERR_OK;
}

void filter_done(struct filter *filter)
{
    free(filter->billing_tag);
    free(filter->billing_issue);
    free(filter->person);
    free(filter->issue);
    free(filter->tag);
    free(filter->hidden);
}

bool filter_is_open(const struct filter *filter)
{
    return !filter->person && !filter->issue && !filter->tag && !filter->visible && !filter->billed;
}

size_t filter_seek_tagged(const struct columns_view *view, size_t row)
{
    size_t low = 0, high = view->tagged;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (view->tag_row[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_one_of(const struct columns_view *view, const uint8_t *tags, size_t tagged)
{
    for (uint32_t t = view->tag_from[tagged]; t < view->tag_from[tagged + 1]; t++)
        if (tags[view->tags[t]])
            return true;
    return false;
}

/* Keeps those of the n rows whose code is accepted; how many. */
static size_t keep_accepted(const uint8_t *accept, const uint32_t *codes, uint32_t *rows, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        rows[kept] = rows[i];
        kept += accept[codes[rows[i]]];
    }
    return kept;
}

/* The same for what the viewer may see, noting what is hidden. */
static size_t keep_visible(const struct filter *filter, uint32_t *rows, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t code = filter->view->issue[rows[i]];
        bool seen =
            code < filter->visible_codes && filter->visible[code / BITS] >> (code % BITS) & 1;

        if (!seen)
            filter->hidden[code / BITS] |= UINT64_C(1) << (code % BITS);
        rows[kept] = rows[i];
        kept += seen;
    }
    return kept;
}

/* Keeps those of the n rows, which ascend, that are billed. */
static size_t keep_billed(const struct filter *filter, uint32_t *rows, size_t n)
{
    const struct columns_view *view = filter->view;
    size_t tagged = n > 0 && filter->billing_tag ? filter_seek_tagged(view, rows[0]) : 0;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool exception = filter->billing_issue && filter->billing_issue[view->issue[rows[i]]];

        if (filter->billing_tag && !exception) {
            while (tagged < view->tagged && view->tag_row[tagged] < rows[i])
                tagged++;
            exception = tagged < view->tagged && view->tag_row[tagged] == rows[i] &&
                        has_one_of(view, filter->billing_tag, tagged);
        }
        rows[kept] = rows[i];
        kept += exception != filter->billed_by_default;
    }
    return kept;
}

size_t filter_select(const struct filter *filter, uint32_t from, uint32_t to, size_t tagged,
                     uint32_t *ret_rows)
{
    const struct columns_view *view = filter->view;
    size_t n = 0;

    if (filter->tag) {
        for (; tagged < view->tagged && view->tag_row[tagged] < to; tagged++)
            if (has_one_of(view, filter->tag, tagged))
                ret_rows[n++] = view->tag_row[tagged];
    } else {
        for (uint32_t row = from; row < to; row++)
            ret_rows[n++] = row;
    }
    if (filter->person)
        n = keep_accepted(filter->person, view->person, ret_rows, n);
    if (filter->issue)
        n = keep_accepted(filter->issue, view->issue, ret_rows, n);
    if (filter->visible)
        n = keep_visible(filter, ret_rows, n);
    if (filter->billed)
        n = keep_billed(filter, ret_rows, n);
    return n;
}

size_t filter_hidden(const struct filter *filter)
{
    size_t n = 0;

    for (size_t word = 0; filter->hidden && word <= filter->view->issues / BITS; word++)
        n += (size_t)__builtin_popcountll(filter->hidden[word]);
    return n;
}
