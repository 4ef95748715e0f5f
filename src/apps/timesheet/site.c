/*
 * site.c: one tenant's report columns for many threads, and only what each viewer may see.
 *
 * The model: readers hold `lock` for reading while they compute, which takes milliseconds, and
 * never while they wait for Jira or write an answer. Whoever finds the copy behind the store takes
 * `loading`, so that only one does the work and the others wait for its result; a copy that must be
 * built anew is built beside the old one, which goes on serving, and then put in its place. A few
 * changes are worked in under the lock for writing: one to six milliseconds for a million rows
 * (settle.c), with the rows read by key. Writers go first, or sixteen busy readers would keep them
 * out.
 *
 * What a person may see: first the issues of all rows asked for are marked, those that nobody asked
 * Jira about within the minute are asked, and then marks and sums are made under one hold of the
 * lock, so that no issue slips in between. It is repeated when the store changed meanwhile. An
 * issue that Jira did not name as visible is hidden; an answer that fails ends the report.
 *
 * How many issues are hidden is told only when no search narrowed the request: a search may have
 * been made with more rights than the viewer's, and the count would tell which hidden issues it
 * matches.
 *
 * Only as many compute at once as there are cores (gate.c), first come, first served: sixteen
 * reports at once on two cores would all be late. The gate is entered before `lock` is taken for
 * reading and left behind it, so nobody in it waits for Jira or for SQL. What was computed is kept
 * for who asks the same of the same columns (memo.c).
 *
 * Locks, in this order: loading, the gate, lock, those of visible.c and memo.c. SQL runs under
 * `loading`, and under `lock` only to follow changes.
 *
 * Memory: building takes twice what the copy takes in the end; glibc keeps freed blocks for later,
 * so they are given back by malloc_trim.
 */
#include "apps/timesheet/site.h"

#include <malloc.h>
#include <unistd.h>

#include "apps/timesheet/site_internal.h"

#define CORES_MAX 4096

static bool init_locks(struct site_columns *site)
{
    pthread_rwlockattr_t attr;
    bool good = false;

    if (pthread_rwlockattr_init(&attr) != 0)
        return false;
    (void)pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    good = pthread_rwlock_init(&site->lock, &attr) == 0;
    (void)pthread_rwlockattr_destroy(&attr);
    if (!good)
        return false;
    if (pthread_mutex_init(&site->loading, NULL) == 0)
        return true;
    (void)pthread_rwlock_destroy(&site->lock);
    return false;
}

static unsigned cores(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count >= 1 && count <= CORES_MAX ? (unsigned)count : 1;
}

struct site_columns *site_columns_new(const struct ctx *ctx)
{
    struct site_columns *site = calloc(1, sizeof(*site));
    struct gate *gate = gate_new(cores());
    struct visible *visible = visible_new();
    struct memo *memo = memo_new();

    if (!site || !gate || !visible || !memo || !init_locks(site)) {
        gate_free(gate);
        visible_free(visible);
        memo_free(memo);
        free(site);
        return NULL;
    }
    site->ctx = ctx;
    site->gate = gate;
    site->visible = visible;
    site->memo = memo;
    return site;
}

void site_columns_free(struct site_columns *site)
{
    if (!site)
        return;
    loaded_done(&site->loaded);
    gate_free(site->gate);
    visible_free(site->visible);
    memo_free(site->memo);
    (void)pthread_rwlock_destroy(&site->lock);
    (void)pthread_mutex_destroy(&site->loading);
    free(site);
    (void)malloc_trim(0);
}

size_t site_columns_bytes(struct site_columns *site)
{
    size_t bytes = sizeof(*site) + visible_bytes(site->visible) + memo_bytes(site->memo);

    (void)pthread_rwlock_rdlock(&site->lock);
    if (site->loaded.columns)
        bytes += columns_bytes(site->loaded.columns);
    (void)pthread_rwlock_unlock(&site->lock);
    return bytes;
}

uint64_t site_columns_loads(struct site_columns *site)
{
    return atomic_load(&site->loads);
}

/* The columns are others, under lock for writing: what was made of the old ones goes. */
static void changed(struct site_columns *site)
{
    site->version++;
    memo_clear(site->memo);
}

/* Puts a copy in the place of the present one, whose memory goes back. */
static void replace(struct site_columns *site, struct loaded *fresh)
{
    struct loaded old;

    (void)pthread_rwlock_wrlock(&site->lock);
    old = site->loaded;
    site->loaded = *fresh;
    site->build++;
    changed(site);
    (void)pthread_rwlock_unlock(&site->lock);
    *fresh = (struct loaded){0};
    loaded_done(&old);
    (void)malloc_trim(0);
}

void site_columns_unload(struct site_columns *site)
{
    struct loaded none = {0};

    (void)pthread_mutex_lock(&site->loading);
    replace(site, &none);
    (void)pthread_mutex_unlock(&site->loading);
}

bool site_columns_begin_export(struct site_columns *site)
{
    if (atomic_fetch_add(&site->exports, 1) < SITE_EXPORTS_MAX)
        return true;
    (void)atomic_fetch_sub(&site->exports, 1);
    return false;
}

void site_columns_end_export(struct site_columns *site)
{
    (void)atomic_fetch_sub(&site->exports, 1);
}

/* ---- In step with the store ---- */

void site_release(struct site_columns *site)
{
    (void)pthread_rwlock_unlock(&site->lock);
    gate_leave(site->gate);
}

/* Held for reading when true. */
static bool hold_if(struct site_columns *site, const struct loaded_mark *mark)
{
    gate_enter(site->gate);
    (void)pthread_rwlock_rdlock(&site->lock);
    if (loaded_holds(&site->loaded, mark) && columns_settled(site->loaded.columns))
        return true;
    site_release(site);
    return false;
}

static enum err_class follow(struct site_columns *site, struct tenant *tenant, struct err *err)
{
    unsigned builds = 0;
    enum err_class rc = ERR_OK;

    (void)pthread_rwlock_wrlock(&site->lock);
    builds = site->loaded.builds;
    rc = columns_follow(tenant, &site->loaded, err);
    /* Nearly always the changes were few; else codes are new, or the copy is gone. */
    if (rc != ERR_OK || site->loaded.builds != builds)
        site->build++;
    changed(site);
    (void)pthread_rwlock_unlock(&site->lock);
    return rc;
}

/* The caller has `loading`. */
static enum err_class bring_up(struct site_columns *site, struct tenant *tenant, struct err *err)
{
    struct loaded_mark mark = {0};
    struct loaded fresh = {0};
    bool follows = false;
    enum err_class rc = columns_mark(tenant, &mark, err);

    if (rc != ERR_OK)
        return rc;
    (void)pthread_rwlock_rdlock(&site->lock);
    follows = loaded_can_follow(&site->loaded, &mark);
    (void)pthread_rwlock_unlock(&site->lock);
    if (follows)
        return follow(site, tenant, err);
    (void)atomic_fetch_add(&site->loads, 1);
    rc = columns_follow(tenant, &fresh, err);
    if (rc == ERR_OK)
        replace(site, &fresh);
    loaded_done(&fresh);
    return rc;
}

enum err_class site_hold(struct site_columns *site, struct tenant *tenant, struct err *err)
{
    struct loaded_mark mark = {0};
    enum err_class rc = columns_mark(tenant, &mark, err);

    if (rc != ERR_OK)
        return rc;
    if (hold_if(site, &mark))
        return ERR_OK;
    for (int turn = 0; turn < SITE_ROUNDS_MAX; turn++) {
        bool held = false;

        (void)pthread_mutex_lock(&site->loading);
        held = hold_if(site, &mark); /* who was here before us may have done it */
        if (!held)
            rc = bring_up(site, tenant, err);
        (void)pthread_mutex_unlock(&site->loading);
        if (held || rc != ERR_OK)
            return rc;
        if (hold_if(site, &mark))
            return ERR_OK;
    }
    return err_set(err, ERR_BUSY,
                   "the worklogs are being unloaded as fast as they are loaded; try "
                   "again in a moment");
}

/* ---- What was computed already; with the columns held ---- */

static enum err_class find_issues(const struct site_columns *site,
                                  const struct report_request *request, uint64_t *bits,
                                  size_t words, struct err *err)
{
    struct memo_key key = memo_issues_key(site->version, request);
    enum err_class rc = ERR_OK;

    if (memo_issues(site->memo, &key, bits, words))
        return ERR_OK;
    rc = query_issues(site->loaded.columns, request, bits, err);
    if (rc == ERR_OK)
        memo_keep_issues(site->memo, &key, bits, words);
    return rc;
}

static enum err_class find_report(const struct site_columns *site,
                                  const struct report_request *request, struct report **ret,
                                  struct err *err)
{
    struct memo_key key = memo_key(site->version, request);
    enum err_class rc = ERR_OK;

    *ret = memo_report(site->memo, &key);
    if (*ret)
        return ERR_OK;
    rc = query_run(site->loaded.columns, request, ret, err);
    if (rc == ERR_OK)
        memo_keep_report(site->memo, &key, *ret);
    return rc;
}

/* ---- What the viewer may see ---- */

void sight_done(struct sight *sight)
{
    free(sight->wanted);
    jira_ids_done(&sight->missing);
    *sight = (struct sight){0};
}

enum err_class sight_fit(struct sight *sight, const struct site_columns *site, struct err *err)
{
    size_t issues = columns_view(site->loaded.columns).issues;
    size_t words = issues / SITE_BITS + 1, kept = sight->bits.words;
    uint64_t *block = calloc(3 * words, sizeof(*block));

    if (!block)
        return err_memory(err);
    if (sight->wanted && sight->build == site->build) {
        memcpy(block + words, sight->bits.known, kept * sizeof(*block));
        memcpy(block + 2 * words, sight->bits.seen, kept * sizeof(*block));
    }
    free(sight->wanted);
    sight->wanted = block;
    sight->bits = (struct visible_bits){block + words, block + 2 * words, words};
    sight->build = site->build;
    sight->issues = issues;
    return ERR_OK;
}

/* Lists the wanted issues that nothing is known of. */
static enum err_class list_missing(struct sight *sight, const struct columns_view *view,
                                   struct err *err)
{
    sight->missing.count = 0;
    for (size_t word = 0; word < sight->bits.words; word++) {
        uint64_t left = sight->wanted[word] & ~sight->bits.known[word];

        for (; left != 0; left &= left - 1) {
            size_t code = word * SITE_BITS + (size_t)__builtin_ctzll(left);
            enum err_class rc = jira_ids_add(&sight->missing, view->issue_id[code], err);

            if (rc != ERR_OK)
                return rc;
        }
    }
    if (sight->missing.count <= SITE_ASK_MAX)
        return ERR_OK;
    return err_set(err, ERR_LIMIT,
                   "the report is about %zu issues that Jira must be asked about, and the limit is "
                   "%d; ask for a shorter period, or for certain accounts or issues",
                   sight->missing.count, SITE_ASK_MAX);
}

/* With the columns held. */
static enum err_class look(struct site_columns *site, const struct report_request *request,
                           struct sight *sight, struct err *err)
{
    struct columns_view view = columns_view(site->loaded.columns);

    if (sight_fit(sight, site, err) ||
        find_issues(site, request, sight->wanted, sight->bits.words, err))
        return err->class;
    if (sight->viewer->own_only)
        return ERR_OK;
    visible_recall(site->visible, sight->viewer->account, sight->build, ctx_mono_ms(site->ctx),
                   &sight->bits);
    return list_missing(sight, &view, err);
}

void sight_note(struct site_columns *site, struct sight *sight, const struct jira_ids *seen)
{
    const struct columns *columns = site->loaded.columns;
    uint32_t code = 0;

    if (sight->build != site->build)
        return; /* the codes are others by now: asked again */
    for (size_t i = 0; i < sight->missing.count; i++)
        if (columns_find_issue(columns, sight->missing.list[i], &code) &&
            code / SITE_BITS < sight->bits.words)
            sight->bits.known[code / SITE_BITS] |= UINT64_C(1) << (code % SITE_BITS);
    for (size_t i = 0; i < seen->count; i++)
        if (columns_find_issue(columns, seen->list[i], &code) &&
            code / SITE_BITS < sight->bits.words)
            sight->bits.seen[code / SITE_BITS] |=
                UINT64_C(1) << (code % SITE_BITS) & sight->bits.known[code / SITE_BITS];
    visible_learn(site->visible, sight->viewer->account, sight->build, ctx_mono_ms(site->ctx),
                  &sight->bits);
}

enum err_class sight_ask(const struct sight *sight, struct jira_ids *ret, struct err *err)
{
    enum err_class rc =
        sight->viewer->ask(sight->viewer->arg, sight->missing.list, sight->missing.count, ret, err);

    if (rc == ERR_OK || rc == ERR_MEMORY)
        return rc;
    return err_wrap(err, "what you may see must be asked of Jira, and that failed");
}

/*
 * On ERR_OK the columns are held, and `sight` knows of every issue that the request touches.
 * `viewer` is not NULL.
 */
static enum err_class hold_for_viewer(struct site_columns *site, struct tenant *tenant,
                                      const struct report_request *request, struct sight *sight,
                                      struct err *err)
{
    AUTO(jira_ids_done) struct jira_ids seen = {0};

    for (int round = 0; round < SITE_ROUNDS_MAX; round++) {
        enum err_class rc = site_hold(site, tenant, err);

        if (rc != ERR_OK)
            return rc;
        if (round > 0)
            sight_note(site, sight, &seen);
        rc = look(site, request, sight, err);
        if (rc == ERR_OK && sight->missing.count == 0)
            return ERR_OK;
        site_release(site);
        seen.count = 0;
        if (rc == ERR_OK)
            rc = sight_ask(sight, &seen, err);
        if (rc != ERR_OK)
            return rc;
    }
    return err_set(err, ERR_BUSY,
                   "the worklogs change faster than Jira can be asked who may see them; try again "
                   "in a moment");
}

static size_t count_hidden(const uint64_t *wanted, const uint64_t *seen, size_t words)
{
    size_t n = 0;

    for (size_t i = 0; i < words; i++)
        n += (size_t)__builtin_popcountll(wanted[i] & ~seen[i]);
    return n;
}

/* The request as the viewer may ask it; the views are borrowed from request and sight. */
static struct report_request narrow(const struct report_request *request, struct sight *sight)
{
    struct report_request narrowed = *request;

    if (!sight->viewer->own_only) {
        /* Who may see all that is asked for needs no look at every row's issue. */
        if (count_hidden(sight->wanted, sight->bits.seen, sight->bits.words) == 0)
            return narrowed;
        /* Other issues make no difference, and shall make none to what is remembered. */
        for (size_t i = 0; i < sight->bits.words; i++)
            sight->bits.seen[i] &= sight->wanted[i];
        narrowed.visible = sight->bits.seen;
        narrowed.visible_codes = sight->bits.words * SITE_BITS;
        return narrowed;
    }

    bool asked = request->account_count == 0;

    for (size_t i = 0; i < request->account_count; i++)
        asked = asked || str_eq(request->accounts[i], sight->viewer->account);
    narrowed.accounts = (struct str *)(uintptr_t)&sight->viewer->account; /* only read there */
    narrowed.account_count = 1;
    if (!asked) { /* other people's worklogs only: none */
        narrowed.has_only = true;
        narrowed.only_count = 0;
    }
    return narrowed;
}

/* Where Jira cannot be asked: the issues of own worklogs are seen. With the columns held. */
static enum err_class see_own(const struct site_columns *site,
                              const struct report_request *narrowed, struct sight *sight,
                              struct err *err)
{
    if (!sight->viewer->own_only)
        return ERR_OK;
    return query_issues(site->loaded.columns, narrowed, sight->bits.seen, err);
}

/* How many issues are kept from the viewer; `left_out` are those that the engine noted. */
static size_t hidden_issues(const struct report_request *request, const struct sight *sight,
                            size_t left_out)
{
    if (!sight->viewer || request->has_only)
        return 0;
    return sight->viewer->own_only
               ? count_hidden(sight->wanted, sight->bits.seen, sight->bits.words)
               : left_out;
}

enum err_class site_columns_report(struct site_columns *site, struct tenant *tenant,
                                   const struct report_request *request,
                                   const struct viewer *viewer, struct report **ret,
                                   size_t *ret_hidden, struct err *err)
{
    AUTO(sight_done) struct sight sight = {.viewer = viewer};
    AUTO(report_free_autop) struct report *report = NULL;
    struct report_request asked = *request;
    enum err_class rc = report_check(request, err);

    if (rc == ERR_OK)
        rc = viewer ? hold_for_viewer(site, tenant, request, &sight, err)
                    : site_hold(site, tenant, err);
    if (rc != ERR_OK)
        return rc;
    if (viewer) {
        asked = narrow(request, &sight);
        rc = see_own(site, &asked, &sight, err);
    }
    if (rc == ERR_OK)
        rc = find_report(site, &asked, &report, err);
    site_release(site);
    if (rc != ERR_OK)
        return rc;
    *ret_hidden = hidden_issues(request, &sight, report_hidden(report));
    *ret = TAKE(report);
    return ERR_OK;
}

void site_rows_done(struct site_rows *rows)
{
    free(rows->list.ids);
    jira_ids_done(&rows->issues);
    *rows = (struct site_rows){0};
}

/* The ids of the wanted issues that the viewer may see, or of the others. */
static enum err_class list_issues(const struct sight *sight, const struct columns_view *view,
                                  bool seen, struct jira_ids *ret, struct err *err)
{
    uint64_t flip = seen ? 0 : UINT64_MAX;

    for (size_t word = 0; word < sight->bits.words; word++) {
        uint64_t left = sight->wanted[word] & (sight->bits.seen[word] ^ flip);

        for (; left; left &= left - 1) {
            size_t code = word * SITE_BITS + (size_t)__builtin_ctzll(left);
            enum err_class rc = jira_ids_add(ret, view->issue_id[code], err);

            if (rc != ERR_OK)
                return rc;
        }
    }
    jira_ids_sort(ret);
    return ERR_OK;
}

/*
 * On ERR_OK the columns are held, `sight` knows which issues the request touches and which of them
 * may be seen, and *ret_asked is the request as the viewer may ask it.
 */
static enum err_class hold_and_look(struct site_columns *site, struct tenant *tenant,
                                    const struct report_request *request, struct sight *sight,
                                    struct report_request *ret_asked, struct err *err)
{
    enum err_class rc = report_check(request, err);

    *ret_asked = *request;
    if (rc == ERR_OK && sight->viewer)
        rc = hold_for_viewer(site, tenant, request, sight, err);
    else if (rc == ERR_OK)
        rc = site_hold(site, tenant, err);
    if (rc != ERR_OK)
        return rc;
    if (sight->viewer) {
        *ret_asked = narrow(request, sight);
        rc = see_own(site, ret_asked, sight, err);
    } else {
        rc = sight_fit(sight, site, err);
        if (rc == ERR_OK)
            rc = find_issues(site, request, sight->wanted, sight->bits.words, err);
        if (rc == ERR_OK)
            memcpy(sight->bits.seen, sight->wanted, sight->bits.words * sizeof(*sight->wanted));
    }
    if (rc != ERR_OK)
        site_release(site);
    return rc;
}

enum err_class site_columns_rows(struct site_columns *site, struct tenant *tenant,
                                 const struct report_request *request, const struct viewer *viewer,
                                 struct site_rows *ret, struct err *err)
{
    AUTO(sight_done) struct sight sight = {.viewer = viewer};
    AUTO(site_rows_done)
    struct site_rows rows = {.all_visible = viewer == NULL, .own_only = viewer && viewer->own_only};
    struct report_request asked;
    enum err_class rc = hold_and_look(site, tenant, request, &sight, &asked, err);

    if (rc != ERR_OK)
        return rc;

    struct columns_view view = columns_view(site->loaded.columns);

    rc = list_issues(&sight, &view, true, &rows.issues, err);
    if (rc == ERR_OK)
        rc = query_rows(site->loaded.columns, &asked, &rows.list, err);
    site_release(site);
    if (rc != ERR_OK)
        return rc;
    rows.hidden = hidden_issues(request, &sight, rows.list.hidden);
    *ret = rows;
    rows = (struct site_rows){0};
    return ERR_OK;
}

void site_issues_done(struct site_issues *issues)
{
    jira_ids_done(&issues->seen);
    jira_ids_done(&issues->hidden);
}

enum err_class site_columns_issues(struct site_columns *site, struct tenant *tenant,
                                   const struct report_request *request,
                                   const struct viewer *viewer, struct site_issues *ret,
                                   struct err *err)
{
    AUTO(sight_done) struct sight sight = {.viewer = viewer};
    AUTO(site_issues_done) struct site_issues issues = {.seen = {NULL}};
    struct report_request asked;
    enum err_class rc = hold_and_look(site, tenant, request, &sight, &asked, err);

    if (rc != ERR_OK)
        return rc;

    struct columns_view view = columns_view(site->loaded.columns);

    rc = list_issues(&sight, &view, true, &issues.seen, err);
    /* Of what a search found nothing is told, see above; own worklogs say nothing of issues. */
    if (rc == ERR_OK && viewer && !viewer->own_only && !request->has_only)
        rc = list_issues(&sight, &view, false, &issues.hidden, err);
    site_release(site);
    if (rc != ERR_OK)
        return rc;
    *ret = issues;
    issues = (struct site_issues){.seen = {NULL}};
    return ERR_OK;
}

enum err_class viewer_filter(const struct viewer *viewer, const int64_t *ids, size_t count,
                             struct jira_ids *ret, struct err *err)
{
    enum err_class rc = ERR_OK;

    if (viewer && !viewer->own_only && count > 0)
        rc = viewer->ask(viewer->arg, ids, count, ret, err);
    for (size_t i = 0; !viewer && i < count && rc == ERR_OK; i++)
        rc = jira_ids_add(ret, ids[i], err);
    if (rc == ERR_OK)
        jira_ids_sort(ret);
    return rc;
}
