/*
 * actions.c: one act on several worklogs.
 *
 * Each worklog is a write of its own, with a client id made of the request's key and the worklog's
 * id: a repeated request does the rest and leaves alone what is done. Sequential: pacing on one
 * issue then needs no care, and Jira's "too many requests" is obeyed by the client below. It stops
 * asking when the trouble is not with one worklog.
 */
#include "apps/timesheet/actions.h"

#include <inttypes.h>

#include "base/civil.h"

#define TROUBLE_MAX 3 /* failures of the way to Jira in a row; then the rest is not tried */

static const char *const kind_names[] = {
    [ACTION_MOVE] = "move", [ACTION_COPY] = "copy", [ACTION_DELETE] = "delete"};

bool action_parse(struct str name, enum action_kind *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(kind_names); i++)
        if (str_eq_z(name, kind_names[i])) {
            *ret = (enum action_kind)i;
            return true;
        }
    return false;
}

/* What the act needs of a stored worklog; the texts are copies. */
struct original {
    int64_t issue_id, started_ms, seconds;
    struct strbuf texts; /* the comment, then the tags */
    size_t comment_len;
    size_t tag_ends[LIMIT_TAGS_PER_WORKLOG]; /* in texts */
    size_t tag_count;
    struct str tags[LIMIT_TAGS_PER_WORKLOG];
};

static void original_free(struct original *original)
{
    if (!original)
        return;
    vault_wipe(&original->texts);
    free(original);
}
AUTO_DEFINE(struct original, original_free)

static enum err_class keep(void *arg, const struct worklog_row *row, struct err *err)
{
    struct original *original = arg;

    original->issue_id = row->issue_id;
    original->started_ms = row->started_ms;
    original->seconds = row->seconds;
    strbuf_reset(&original->texts);
    strbuf_add_str(&original->texts, row->comment);
    original->comment_len = original->texts.len;
    original->tag_count = row->tag_count;
    for (size_t i = 0; i < row->tag_count; i++) {
        strbuf_add_str(&original->texts, row->tags[i]);
        original->tag_ends[i] = original->texts.len;
    }
    return strbuf_check(&original->texts, "a worklog's texts", err);
}

/* Same local time, another day. */
static int64_t moved_start(const struct action *action, int64_t started_ms)
{
    int64_t offset_ms = zone_offset_ms(action->zone, started_ms);
    int64_t local_ms = started_ms + offset_ms;
    int64_t time_of_day = local_ms - (int64_t)civil_day_of(local_ms) * MS_PER_DAY;

    return zone_instant(action->zone, action->day, time_of_day, offset_ms);
}

static enum err_class copy_one(struct writer *writer, const struct action *action,
                               struct original *original, struct write_done *done, struct err *err)
{
    const char *texts = strbuf_z(&original->texts);
    char issue[24];
    struct write_draft draft = {
        .change = {.has_started = true,
                   .has_seconds = true,
                   .has_comment = original->comment_len > 0,
                   .started_ms = moved_start(action, original->started_ms),
                   .seconds = original->seconds,
                   .comment = {texts, original->comment_len}},
        .has_tags = original->tag_count > 0,
        .tags = original->tags,
        .tag_count = original->tag_count,
    };

    (void)snprintf(issue, sizeof(issue), "%" PRId64, original->issue_id);
    draft.issue = str_from(issue);
    draft.offset_minutes =
        (int32_t)(zone_offset_ms(action->zone, draft.change.started_ms) / MS_PER_MINUTE);
    if (action->has_estimate)
        draft.change.estimate = action->estimate;
    for (size_t i = 0, from = original->comment_len; i < original->tag_count; i++) {
        original->tags[i] = (struct str){texts + from, original->tag_ends[i] - from};
        from = original->tag_ends[i];
    }
    return write_create(writer, &draft, done, err);
}

static enum err_class move_one(struct writer *writer, const struct action *action, int64_t id,
                               const struct original *original, struct write_done *done,
                               struct err *err)
{
    struct write_draft draft = {
        .change = {.has_started = true,
                   .started_ms = moved_start(action, original->started_ms),
                   .estimate = {.mode = JIRA_ESTIMATE_LEAVE}},
    };

    if (action->has_estimate)
        draft.change.estimate = action->estimate;
    return write_update(writer, id, &draft, done, err);
}

static enum err_class do_one(struct writer *writer, const struct action *action, int64_t id,
                             struct original *original, struct write_done *done, struct err *err)
{
    const struct jira_estimate by_itself = {.mode = JIRA_ESTIMATE_AUTO};
    enum err_class rc = ERR_OK;

    if (action->kind != ACTION_DELETE)
        rc = worklog_read(writer->mirror->tenant, id, keep, original, err);
    if (rc == ERR_NOT_FOUND)
        return write_not_there(id, err);
    if (rc == ERR_OK && action->kind == ACTION_COPY)
        rc = write_see(writer, id, err);
    if (rc != ERR_OK)
        return rc;
    if (action->kind == ACTION_COPY)
        return copy_one(writer, action, original, done, err);
    if (action->kind == ACTION_MOVE)
        return move_one(writer, action, id, original, done, err);
    return write_delete(writer, id, action->has_estimate ? &action->estimate : &by_itself, done,
                        err);
}

static bool is_before(const struct action *action, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (action->ids[i] == action->ids[at])
            return true;
    return false;
}

/* Is the trouble with the way to Jira, and not with this worklog? How many more may have it. */
static unsigned count_trouble(unsigned trouble, enum err_class class)
{
    if (class == ERR_DENIED || class == ERR_CANCELLED || class == ERR_SPACE || class == ERR_DISK)
        return TROUBLE_MAX;
    return class == ERR_NETWORK || class == ERR_BUSY ? trouble + 1 : 0;
}

enum err_class actions_run(struct writer *writer, const struct action *action,
                           enum err_class (*each)(void *arg, const struct action_item *item,
                                                  struct err *err),
                           void *arg, struct err *err)
{
    AUTO(original_free_autop) struct original *original = calloc(1, sizeof(*original));
    struct err why = {0};
    unsigned trouble = 0;

    if (!original)
        return err_memory(err);
    original->texts =
        STRBUF_INIT(LIMIT_COMMENT_BYTES + LIMIT_TAGS_PER_WORKLOG * LIMIT_TAG_NAME_BYTES);
    for (size_t i = 0; i < action->id_count; i++) {
        struct write_done done = {0};
        struct writer one = *writer;
        char part[40];
        struct action_item item = {.id = action->ids[i]};

        if (is_before(action, i))
            continue;
        (void)snprintf(part, sizeof(part), "%s %" PRId64, kind_names[action->kind], item.id);
        one.part = part;
        one.bulk = action->id_count > 1;
        if (trouble >= TROUBLE_MAX) {
            if (trouble++ == TROUBLE_MAX)
                err_wrap(&why, "not tried, as the one before failed");
            item.class = why.class;
        } else {
            item.class = do_one(&one, action, item.id, original, &done, &why);
            trouble = count_trouble(trouble, item.class);
        }
        item.detail = item.class == ERR_OK ? NULL : why.msg;
        item.done = item.class == ERR_OK ? &done : NULL;

        enum err_class rc = each(arg, &item, err);

        write_done_free(&done);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}
