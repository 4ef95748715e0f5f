/*
 * write.c: writing through to Jira.
 *
 * The order of things, for a new worklog: (1) claim the client id, durably; (2) send it, with the
 * client id as a property of the worklog; (3) store what Jira answered, the tags and the outcome in
 * one transaction. A crash or a lost answer between them leaves a row that says "under way" or
 * "unknown", and the worklog, if it was made, carries the id: a repeat of the request and the job
 * `timesheet.settle_write` both look for it before anything else, and not before Jira can be
 * expected to have finished. So nothing is booked twice, and an estimate is not reduced twice.
 *
 * A change or a deletion may be sent again: setting the same values twice is the same as once (the
 * estimate follows the difference in time, which then is none), and what is gone is gone.
 *
 * Threads: none of its own; a writer belongs to one.
 */
#include "apps/timesheet/write.h"

#include <inttypes.h>

#include "base/civil.h"

#define SECONDS_MIN 60 /* Jira takes no less */

void write_done_free(struct write_done *done)
{
    jira_one_done(&done->one);
    *done = (struct write_done){0};
}

/* ---- What there is for the person ---- */

enum err_class write_not_there(int64_t id, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND,
                   "there is no worklog %" PRId64 " that you may see: it was deleted, or never "
                   "was, or is not for you; look for it in Jira",
                   id);
}

enum err_class write_see(const struct writer *writer, int64_t id, struct err *err)
{
    return writer->see ? writer->see(writer->see_arg, id, err) : ERR_OK;
}

/* ---- Rules ---- */

static bool is_blank(struct str text)
{
    return str_trim(text).len == 0;
}

static int64_t rounded(int64_t seconds, int64_t minutes)
{
    int64_t step = minutes * 60;

    if (minutes <= 1)
        return seconds;
    seconds = (seconds + step / 2) / step * step;
    return seconds > 0 ? seconds : step;
}

static enum err_class check_seconds(int64_t seconds, struct err *err)
{
    if (seconds >= SECONDS_MIN && seconds <= WRITE_SECONDS_MAX)
        return ERR_OK;
    return err_set(err, ERR_INPUT,
                   "the duration is %" PRId64 " s: Jira takes one minute (60) or more, and we at "
                   "most a year",
                   seconds);
}

static enum err_class check_draft_tags(const struct write_draft *draft, struct err *err)
{
    if (draft->tag_count <= LIMIT_TAGS_PER_WORKLOG)
        return ERR_OK;
    return err_set(err, ERR_LIMIT, "a worklog has at most %d tags; these are %zu",
                   LIMIT_TAGS_PER_WORKLOG, draft->tag_count);
}

enum err_class write_check(const struct write_rules *rules, int64_t now_ms, bool fresh,
                           struct write_draft *draft, bool *ret_future, struct err *err)
{
    struct jira_change *change = &draft->change;
    int64_t offset_ms = draft->offset_minutes * MS_PER_MINUTE;

    *ret_future = false;
    if (fresh && (!change->has_started || !change->has_seconds))
        return err_set(err, ERR_INPUT, "a worklog needs `started` and `seconds`; `%s` is missing",
                       change->has_started ? "seconds" : "started");
    if (check_draft_tags(draft, err))
        return err->class;
    if (change->has_seconds && check_seconds(change->seconds, err))
        return err->class;
    if (change->has_seconds)
        change->seconds = rounded(change->seconds, rules->rounding_minutes);
    if (rules->comment_required && (fresh || change->has_comment) && is_blank(change->comment))
        return err_set(err, ERR_INPUT,
                       "the comment is empty, and here every worklog must say what was done: "
                       "write a comment");
    *ret_future = rules->warn_future && change->has_started &&
                  civil_day_of(change->started_ms + offset_ms) > civil_day_of(now_ms + offset_ms);
    return ERR_OK;
}

/* ---- The row of the write ---- */

static void put_text(struct strbuf *buf, struct str text)
{
    strbuf_addf(buf, "%zu:", text.len);
    strbuf_add_str(buf, text);
}

/* All that the request asks for, so that another one under the same key is noticed. */
static enum err_class digest(struct writer *writer, int64_t id, const struct write_draft *draft,
                             unsigned char ret[VAULT_DIGEST_BYTES], struct err *err)
{
    const struct jira_change *change = &draft->change;
    struct strbuf text = STRBUF_INIT((size_t)2 * LIMIT_COMMENT_BYTES);
    enum err_class rc;

    strbuf_addf(&text, "%" PRId64 " %d %" PRId64 " %d %" PRId64 " %d %d %d ", id,
                change->has_started, change->started_ms, change->has_seconds, change->seconds,
                change->has_comment, (int)change->estimate.mode, draft->has_tags);
    put_text(&text, draft->issue);
    put_text(&text, change->comment);
    put_text(&text, change->estimate.amount);
    put_text(&text, change->visibility_type);
    put_text(&text, change->visibility_id);
    for (size_t i = 0; i < draft->tag_count; i++)
        put_text(&text, draft->tags[i]);
    rc = strbuf_check(&text, "a worklog with its comment", err);
    if (rc == ERR_OK)
        pending_digest(writer->mirror->tenant, strbuf_str(&text), ret);
    vault_wipe(&text);
    return rc;
}

/*
 * Fills `pending` for this write. False in *ret_kept: nobody can repeat it and it is not a new
 * worklog, so there is no need of a row.
 */
static enum err_class describe(struct writer *writer, enum pending_action action, int64_t id,
                               const struct write_draft *draft, struct pending *pending,
                               bool *ret_kept, struct err *err)
{
    struct tenant *tenant = writer->mirror->tenant;

    *pending = (struct pending){
        .action = action, .worklog_id = id, .started_ms = draft->change.started_ms};
    *ret_kept = action == PENDING_CREATE || writer->key.len > 0;
    (void)snprintf(pending->issue, sizeof(pending->issue), STR_FMT,
                   STR_ARG(str_sub(draft->issue, 0, sizeof(pending->issue) - 1)));
    if (writer->key.len > 0)
        pending_client(tenant, writer->account, writer->key, writer->part ? writer->part : "",
                       pending->client);
    else
        pending_draw(tenant->ctx, pending->client);
    return *ret_kept ? digest(writer, id, draft, pending->asked, err) : ERR_OK;
}

static void add_job(const struct writer *writer, const char *kind, const char *key,
                    int64_t delay_ms)
{
    struct err ignored;

    /* Without it the schedule and the next synchronization settle the same, only later. */
    err_ignore(writer->add_job(writer->add_job_arg, kind, key,
                               ctx_now_ms(writer->mirror->tenant->ctx) + delay_ms, &ignored));
}

static void add_hint(const struct writer *writer, int64_t id, int64_t delay_ms)
{
    char key[24];

    (void)snprintf(key, sizeof(key), "%" PRId64, id);
    add_job(writer, WRITE_HINT_JOB, key, delay_ms);
}

/* Jira did not do it, or we cannot know. Keeps the error. */
static enum err_class failed(const struct writer *writer, const struct pending *pending, bool kept,
                             const struct jira_outcome *outcome, struct err *err)
{
    struct tenant *tenant = writer->mirror->tenant;
    enum err_class rc = err->class;
    struct err ignored;

    /* If this cannot be stored, the row says "under way", and that is settled the same way. */
    if (kept)
        err_ignore(pending_end(tenant, pending->client,
                               outcome->unknown ? PENDING_UNKNOWN : PENDING_NOT_DONE, 0, &ignored));
    if (!outcome->unknown)
        return rc;
    if (pending->worklog_id)
        add_hint(writer, pending->worklog_id, 0);
    if (pending->action == PENDING_CREATE)
        add_job(writer, WRITE_SETTLE_JOB, WRITE_SETTLE_KEY, PENDING_UNKNOWN_MS);
    return err_wrap(err, pending->action == PENDING_CREATE
                             ? "Jira's answer was lost, so it is not known whether the work is "
                               "booked; it is looked for in half a minute, so do not enter it anew"
                             : "Jira's answer was lost, so it is not known whether the worklog "
                               "changed; it is read again now");
}

/* ---- The mirror follows ---- */

static enum err_class store_in_tx(const struct writer *writer, const struct jira_worklog *worklog,
                                  const struct write_draft *draft, const char *client,
                                  struct err *err)
{
    enum mirror_put put;
    enum err_class rc = mirror_put(writer->mirror, worklog, &put, err);

    if (rc == ERR_OK && put != MIRROR_ERASED && draft && draft->has_tags)
        rc = tags_replace(writer->mirror, worklog->id, draft->tags, draft->tag_count, err);
    if (rc == ERR_OK && client)
        rc = pending_end(writer->mirror->tenant, client, PENDING_DONE, worklog->id, err);
    return rc;
}

/* One durable transaction; `client` NULL: there is no row of the write. */
static enum err_class store(const struct writer *writer, const struct jira_worklog *worklog,
                            const struct write_draft *draft, const char *client, struct err *err)
{
    struct db *db = writer->mirror->tenant->db;
    enum err_class rc = db_begin(db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = db_end(db, store_in_tx(writer, worklog, draft, client, err), err);
    if (rc != ERR_OK)
        mirror_forget(writer->mirror);
    return rc;
}

/* Jira accepted: what happens here from now on cannot make it a failure. */
static void accepted(const struct writer *writer, const struct write_draft *draft,
                     const char *client, struct write_done *done)
{
    struct err ignored;

    done->id = done->one.worklog.id;
    done->stored = store(writer, &done->one.worklog, draft, client, &ignored) == ERR_OK;
    if (done->stored)
        return;
    add_hint(writer, done->id, 0);
    if (client)
        add_job(writer, WRITE_SETTLE_JOB, WRITE_SETTLE_KEY, PENDING_UNDER_WAY_MS);
}

/* ---- New worklogs ---- */

/* Looks for the first try in Jira; when it is there, that was it. */
static enum err_class find_first_try(struct writer *writer, const struct pending *before,
                                     const struct write_draft *draft, struct write_done *done,
                                     bool *ret_found, struct err *err)
{
    enum err_class rc = jira_worklog_find(writer->jira, str_from(before->issue), before->started_ms,
                                          STR(WRITE_PROPERTY), str_from(before->client), &done->one,
                                          ret_found, err);

    if (rc == ERR_OK && *ret_found) {
        done->repeated = true;
        accepted(writer, draft, before->client, done);
    }
    return rc;
}

static enum err_class send_create(struct writer *writer, const struct write_draft *draft,
                                  const struct pending *pending, struct write_done *done,
                                  struct err *err)
{
    struct jira_change change = draft->change;
    struct jira_outcome outcome = {0};

    change.property_key = STR(WRITE_PROPERTY);
    change.property_id = str_from(pending->client);
    change.quiet = writer->bulk;
    if (jira_worklog_create(writer->jira, draft->issue, &change, &done->one, &outcome, err))
        return failed(writer, pending, true, &outcome, err);
    accepted(writer, draft, pending->client, done);
    return ERR_OK;
}

static enum err_class store_tags(struct writer *writer, int64_t id, const struct write_draft *draft,
                                 struct err *err)
{
    struct db *db = writer->mirror->tenant->db;
    enum err_class rc = db_begin(db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    return db_end(db, tags_replace(writer->mirror, id, draft->tags, draft->tag_count, err), err);
}

/*
 * The same request was done before. When the job settled it, its tags, which are kept nowhere but
 * in the request, are still to come.
 */
static enum err_class complete(struct writer *writer, int64_t id, const struct write_draft *draft,
                               struct write_done *done, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool tagged = false;
    enum err_class rc = ERR_OK;

    done->id = id;
    done->stored = done->repeated = true;
    if (!draft->has_tags || draft->tag_count == 0)
        return ERR_OK;
    rc = db_prepare(writer->mirror->tenant->db,
                    SQL("SELECT tag FROM worklog_tag WHERE client_worklog_id = $1"
                        " ORDER BY tag LIMIT 1"),
                    &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    rc = db_step(stmt, &tagged, err);
    db_finish(TAKE(stmt));
    return rc == ERR_OK && !tagged ? store_tags(writer, id, draft, err) : rc;
}

enum err_class write_create(struct writer *writer, const struct write_draft *asked,
                            struct write_done *ret, struct err *err)
{
    struct tenant *tenant = writer->mirror->tenant;
    struct write_draft draft = *asked;
    struct pending pending, before;
    bool kept, first = true, found = false;
    enum err_class rc =
        write_check(writer->rules, ctx_now_ms(tenant->ctx), true, &draft, &ret->future, err);

    if (rc == ERR_OK)
        rc = describe(writer, PENDING_CREATE, 0, &draft, &pending, &kept, err);
    if (rc == ERR_OK)
        rc = pending_claim(tenant, &pending, &first, &before, err);
    if (rc != ERR_OK)
        return rc;
    if (!first && before.state == PENDING_DONE)
        return complete(writer, before.worklog_id, &draft, ret, err);
    if (!first) {
        struct jira_outcome open = {.unknown = true};

        rc = find_first_try(writer, &before, &draft, ret, &found, err);
        if (rc != ERR_OK)
            return failed(writer, &pending, true, &open, err);
    }
    return found ? ERR_OK : send_create(writer, &draft, &pending, ret, err);
}

/* ---- Changes and deletions ---- */

/*
 * Jira knows no such worklog on that issue. It may have been moved, which leaves no trace: the list
 * by ids knows. *ret_issue is where it is now, 0 nowhere for this person; whether it was deleted is
 * for the tenant's own connection to find out.
 */
static enum err_class find_moved(const struct writer *writer, int64_t id, int64_t *ret_issue,
                                 struct err *err)
{
    struct http_call *call = NULL;
    struct jira_worklogs list = {0};
    struct jira_worklog worklog;
    enum jira_defect defect;
    enum err_class rc = jira_worklogs_start(writer->jira, &id, 1, &call, err);

    *ret_issue = 0;
    if (rc == ERR_OK)
        rc = jira_worklogs_finish(writer->jira, call, &list, err);
    if (rc != ERR_OK)
        return rc;
    while (jira_worklogs_next(&list, &worklog, &defect))
        if (worklog.id == id && defect == JIRA_DEFECT_NONE)
            *ret_issue = worklog.issue_id;
    jira_worklogs_done(&list);
    add_hint(writer, id, 0);
    return ERR_OK;
}

/* One call on a worklog of an issue. */
struct sending {
    struct writer *writer;
    int64_t id;
    const struct jira_change *change; /* NULL: delete */
    const struct jira_estimate *estimate;
    struct jira_one *one;
};

static enum err_class send_to(const struct sending *sending, int64_t issue,
                              struct jira_outcome *ret_outcome, struct err *err)
{
    struct jira *jira = sending->writer->jira;

    if (sending->change)
        return jira_worklog_update(jira, issue, sending->id, sending->change, sending->one,
                                   ret_outcome, err);
    return jira_worklog_delete(jira, issue, sending->id, sending->estimate, sending->writer->bulk,
                               ret_outcome, err);
}

/* Sends it to the issue where the mirror has the worklog, or to where it was moved meanwhile. */
static enum err_class send_change(const struct sending *sending, struct jira_outcome *ret_outcome,
                                  struct err *err)
{
    struct err moved_err;
    int64_t issue = 0, now = 0;
    enum err_class rc = mirror_issue_of(sending->writer->mirror->tenant, sending->id, &issue, err);

    *ret_outcome = (struct jira_outcome){0};
    if (rc == ERR_NOT_FOUND)
        return write_not_there(sending->id, err);
    if (rc == ERR_OK)
        rc = write_see(sending->writer, sending->id, err);
    if (rc == ERR_OK)
        rc = send_to(sending, issue, ret_outcome, err);
    if (ret_outcome->refusal != JIRA_REFUSED_GONE)
        return rc;
    if (find_moved(sending->writer, sending->id, &now, &moved_err) != ERR_OK || now == 0 ||
        now == issue)
        return rc;
    return send_to(sending, now, ret_outcome, err);
}

/* Claims a change or a deletion. *ret_over: the same request did it before. */
static enum err_class claim_change(struct writer *writer, enum pending_action action, int64_t id,
                                   const struct write_draft *draft, struct pending *pending,
                                   bool *ret_kept, bool *ret_over, struct pending *ret_before,
                                   struct err *err)
{
    bool first = true;
    enum err_class rc = describe(writer, action, id, draft, pending, ret_kept, err);

    if (rc == ERR_OK && *ret_kept)
        rc = pending_claim(writer->mirror->tenant, pending, &first, ret_before, err);
    *ret_over = !first && ret_before->state == PENDING_DONE;
    return rc;
}

enum err_class write_update(struct writer *writer, int64_t id, const struct write_draft *asked,
                            struct write_done *ret, struct err *err)
{
    struct tenant *tenant = writer->mirror->tenant;
    struct write_draft draft = *asked;
    struct jira_outcome outcome = {0};
    struct pending pending, before;
    bool kept = false, over = false;
    enum err_class rc =
        write_check(writer->rules, ctx_now_ms(tenant->ctx), false, &draft, &ret->future, err);

    if (rc != ERR_OK)
        return rc;
    if (!draft.change.has_started && !draft.change.has_seconds && !draft.change.has_comment) {
        if (!draft.has_tags)
            return err_set(err, ERR_INPUT,
                           "there is nothing to change: name started, seconds, comment or tags");
        rc = store_tags(writer, id, &draft, err);
        ret->id = id;
        ret->stored = rc == ERR_OK;
        return rc;
    }
    rc = claim_change(writer, PENDING_UPDATE, id, &draft, &pending, &kept, &over, &before, err);
    ret->id = id;
    if (rc != ERR_OK)
        return rc;
    ret->stored = ret->repeated = over;
    if (over)
        return ERR_OK;
    draft.change.quiet = writer->bulk;

    const struct sending sending = {
        .writer = writer, .id = id, .change = &draft.change, .one = &ret->one};

    if (send_change(&sending, &outcome, err))
        return failed(writer, &pending, kept, &outcome, err);
    accepted(writer, &draft, kept ? pending.client : NULL, ret);
    return ERR_OK;
}

static enum err_class delete_in_tx(const struct writer *writer, int64_t id, const char *client,
                                   struct err *err)
{
    struct tenant *tenant = writer->mirror->tenant;
    int64_t deleted_ms = ctx_now_ms(tenant->ctx), updated_ms = 0;
    bool was = false, found = false;
    enum err_class rc = mirror_updated(tenant, id, &updated_ms, &found, err);

    /* Our clock may be behind Jira's: no state that we know of comes after the deletion. */
    if (rc == ERR_OK && found && updated_ms > deleted_ms)
        deleted_ms = updated_ms;
    if (rc == ERR_OK)
        rc = mirror_delete(writer->mirror, id, deleted_ms, &was, err);
    if (rc == ERR_OK && client)
        rc = pending_end(tenant, client, PENDING_DONE, id, err);
    return rc;
}

static enum err_class audit_delete(const struct writer *writer, int64_t id, enum err_class result,
                                   struct err *err)
{
    const struct tenant *tenant = writer->mirror->tenant;

    return audit_write(tenant->audit, tenant->ctx,
                       &(struct audit_entry){.act = AUDIT_WORKLOG_REMOVED,
                                             .tenant = tenant->info.id,
                                             .record = "worklog",
                                             .row = id,
                                             .result = result},
                       err);
}

enum err_class write_delete(struct writer *writer, int64_t id, const struct jira_estimate *estimate,
                            struct write_done *ret, struct err *err)
{
    struct db *db = writer->mirror->tenant->db;
    const struct write_draft draft = {.change = {.estimate = *estimate}};
    const struct sending sending = {.writer = writer, .id = id, .estimate = estimate};
    struct jira_outcome outcome = {0};
    struct pending pending, before = {0};
    bool kept = false, over = false;
    struct err local;
    enum err_class rc =
        claim_change(writer, PENDING_DELETE, id, &draft, &pending, &kept, &over, &before, err);

    ret->id = id;
    if (rc != ERR_OK)
        return rc;
    ret->stored = ret->repeated = over;
    if (over)
        return ERR_OK;
    /* Who removed what is written down before Jira is asked, and so is a refusal after it. */
    rc = audit_delete(writer, id, ERR_OK, err);
    if (rc == ERR_OK)
        rc = send_change(&sending, &outcome, err);
    if (rc != ERR_OK)
        err_ignore(audit_delete(writer, id, rc, &local)); /* the refusal itself is told */
    /* Gone already, and our first try may be why. */
    ret->repeated = outcome.refusal == JIRA_REFUSED_GONE && before.client[0] != '\0' &&
                    (before.state == PENDING_UNKNOWN || before.state == PENDING_UNDER_WAY);
    if (rc != ERR_OK && !ret->repeated)
        return failed(writer, &pending, kept, &outcome, err);
    rc = db_begin(db, DB_WRITE, &local);
    if (rc == ERR_OK)
        rc = db_end(db, delete_in_tx(writer, id, kept ? pending.client : NULL, &local), &local);
    ret->stored = rc == ERR_OK;
    if (!ret->stored)
        add_hint(writer, id, 0);
    return ERR_OK;
}

/* ---- Settling ---- */

/* One new worklog whose answer was lost. */
static enum err_class settle_one(struct mirror *mirror, struct jira *jira,
                                 const struct pending *pending, struct err *err)
{
    const struct writer writer = {.mirror = mirror, .jira = jira};
    struct jira_one one = {0};
    bool found = false;
    enum err_class rc = ERR_OK;

    if (pending->action == PENDING_CREATE)
        rc = jira_worklog_find(jira, str_from(pending->issue), pending->started_ms,
                               STR(WRITE_PROPERTY), str_from(pending->client), &one, &found, err);
    if (rc == ERR_NOT_FOUND) /* the issue is gone, and its worklogs with it */
        rc = ERR_OK;
    if (rc == ERR_OK && found)
        rc = store(&writer, &one.worklog, NULL, pending->client, err);
    else if (rc == ERR_OK)
        rc = pending_end(mirror->tenant, pending->client, PENDING_NOT_DONE, 0, err);
    jira_one_done(&one);
    return rc;
}

enum err_class write_settle(struct mirror *mirror, struct jira *jira, int64_t *ret_next_ms,
                            struct err *err)
{
    struct tenant *tenant = mirror->tenant;
    int64_t now_ms = ctx_now_ms(tenant->ctx);
    struct pending pending = {0};
    bool found = true;
    enum err_class rc = pending_sweep(tenant, err);

    *ret_next_ms = 0;
    /* Ends: each turn goes forward in the order of the client ids. */
    while (rc == ERR_OK && found) {
        rc = ctx_check(tenant->ctx, err);
        if (rc == ERR_OK)
            rc = pending_next(tenant, pending.client, &pending, &found, err);
        if (rc != ERR_OK || !found)
            break;

        int64_t due_ms =
            pending.tried_ms +
            (pending.state == PENDING_UNKNOWN ? PENDING_UNKNOWN_MS : PENDING_UNDER_WAY_MS);

        if (due_ms <= now_ms)
            rc = settle_one(mirror, jira, &pending, err);
        else if (*ret_next_ms == 0 || due_ms < *ret_next_ms)
            *ret_next_ms = due_ms;
    }
    return rc;
}
