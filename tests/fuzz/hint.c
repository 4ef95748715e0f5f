/*
 * hint.c: webhook events, and bodies of our own API about worklogs.
 *
 * The first line is an event's name, or one of "POST", "PUT", "tags", "action" for a body; what
 * follows is JSON. Holds: an event that is understood asks for nothing, or for one job of a known
 * kind, whose key is the number of a worklog or the name of a synchronization and whose wait is
 * short; reading it twice says the same. A body that is refused comes with a sentence; one that is
 * taken keeps the limits.
 */
#include "apps/timesheet/job_sync.h"
#include "apps/timesheet/worklog_jobs.h"
#include "apps/timesheet/worklog_json.h"
#include "fuzz.h"

static void check_hint(const struct hint *hint)
{
    int64_t id = 0;

    if (!hint->kind)
        return;
    FUZZ_CHECK(hint->delay_ms >= 0 && hint->delay_ms <= HINT_SYNC_DELAY_MS);
    FUZZ_CHECK(memchr(hint->key, '\0', sizeof(hint->key)));
    if (strcmp(hint->kind, WRITE_HINT_JOB) == 0)
        FUZZ_CHECK(parse_i64(str_from(hint->key), 1, INT64_MAX, &id));
    else
        FUZZ_CHECK(strcmp(hint->kind, SYNC_JOB) == 0 &&
                   strcmp(hint->key, SYNC_KEY_INCREMENTAL) == 0);
}

static void check_event(const struct hint_event *event, yyjson_val *body)
{
    struct hint first = {.kind = NULL}, second = {.kind = NULL};
    bool understood = event->read(body, &first);

    FUZZ_CHECK(event->read(body, &second) == understood);
    if (!understood)
        return;
    check_hint(&first);
    FUZZ_CHECK(first.kind == second.kind && first.delay_ms == second.delay_ms);
    FUZZ_CHECK(strcmp(first.key, second.key) == 0);
}

static void check_draft(const struct write_draft *draft)
{
    FUZZ_CHECK(draft->tag_count <= LIMIT_TAGS_PER_WORKLOG);
    FUZZ_CHECK(draft->offset_minutes > -24 * 60 && draft->offset_minutes < 24 * 60);
    FUZZ_CHECK(draft->change.comment.len <= LIMIT_COMMENT_BYTES);
    FUZZ_CHECK(draft->change.estimate.amount.len == 0 ||
               jira_is_duration(draft->change.estimate.amount));
    FUZZ_CHECK(draft->change.property_key.len == 0);
}

static void check_write(yyjson_val *json, bool fresh)
{
    static const struct write_rules rules = {
        .comment_required = true, .warn_future = true, .rounding_minutes = 15};
    struct worklog_body body;
    struct err err = {0};
    bool future;
    enum err_class class = worklog_body_read(json, fresh, &body, &err);

    if (class != ERR_OK) {
        fuzz_check_error(&err, class);
        return;
    }
    check_draft(&body.draft);
    class = write_check(&rules, 0, fresh, &body.draft, &future, &err);
    if (class != ERR_OK)
        fuzz_check_error(&err, class);
    else
        FUZZ_CHECK(!body.draft.change.has_seconds ||
                   (body.draft.change.seconds > 0 && body.draft.change.seconds % 900 == 0));
}

static void check_tags(yyjson_val *json)
{
    struct worklog_body body;
    struct err err = {0};
    enum err_class class = worklog_tags_read(json, &body, &err);

    if (class != ERR_OK)
        fuzz_check_error(&err, class);
    else
        check_draft(&body.draft);
}

static void check_action(yyjson_val *json)
{
    struct action_body body;
    struct err err = {0};
    enum err_class class = action_body_read(json, &body, &err);

    if (class != ERR_OK) {
        fuzz_check_error(&err, class);
        return;
    }
    FUZZ_CHECK(body.id_count <= ACTION_IDS_MAX);
    for (size_t i = 0; i < body.id_count; i++)
        FUZZ_CHECK(body.ids[i] > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct str text = fuzz_str(data, size);
    struct str name = fuzz_line(&text);
    struct err err = {0};

    if (json_read(text, "an event", &doc, &err) != ERR_OK)
        return 0;

    yyjson_val *root = yyjson_doc_get_root(doc);

    for (size_t i = 0; i < HINT_EVENT_COUNT; i++)
        if (str_eq_z(name, hint_events[i].name))
            check_event(&hint_events[i], root);
    if (str_eq_z(name, "POST") || str_eq_z(name, "PUT"))
        check_write(root, str_eq_z(name, "POST"));
    else if (str_eq_z(name, "tags"))
        check_tags(root);
    else if (str_eq_z(name, "action"))
        check_action(root);
    return 0;
}
