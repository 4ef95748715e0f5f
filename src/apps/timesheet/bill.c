/* bill.c: what is billed, by the site's settings; see bill.h. */
#include "apps/timesheet/bill.h"

#define BILL_BYTES_MAX ((size_t)SETTINGS_LIST_MAX * (LIMIT_TAG_NAME_BYTES + 64))

static bool has_text(const struct str *texts, size_t count, struct str text)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(texts[i], text))
            return true;
    return false;
}

static enum err_class find_issues(const struct billing *settings, const struct live *live,
                                  const struct jira_ids *issues, struct jira_ids *ret,
                                  struct err *err)
{
    for (size_t i = 0; settings->project_count > 0 && i < issues->count; i++) {
        struct str key = live_text(live, issues->list[i], LIVE_PROJECT);

        if (!key.ptr || !has_text(settings->projects, settings->project_count, key))
            continue;

        enum err_class rc = jira_ids_add(ret, issues->list[i], err);

        if (rc != ERR_OK)
            return rc;
    }
    jira_ids_sort(ret);
    return ERR_OK;
}

enum err_class bill_make(const struct billing *settings, const struct live *live,
                         const struct jira_ids *issues, struct bill *ret, struct err *err)
{
    AUTO(bill_done) struct bill bill = {.arena = arena_new(BILL_BYTES_MAX)};
    struct str *tags;

    if (!bill.arena)
        return err_memory(err);
    tags = arena_alloc(bill.arena, (settings->tag_count + 1) * sizeof(*tags));
    if (!tags)
        return err_memory(err);
    for (size_t i = 0; i < settings->tag_count; i++) {
        tags[i] = arena_dup(bill.arena, settings->tags[i]);
        if (!tags[i].ptr)
            return err_memory(err);
    }

    enum err_class rc = find_issues(settings, live, issues, &bill.issues, err);

    if (rc != ERR_OK)
        return rc;
    bill.rule = (struct report_billing){
        .by_default = settings->by_default,
        .tags = tags,
        .tag_count = settings->tag_count,
        .issues = bill.issues.list,
        .issue_count = bill.issues.count,
    };
    *ret = bill;
    bill = (struct bill){.arena = NULL};
    return ERR_OK;
}

void bill_done(struct bill *bill)
{
    arena_free(bill->arena);
    jira_ids_done(&bill->issues);
    *bill = (struct bill){.arena = NULL};
}

bool bill_has(const struct bill *bill, int64_t issue, const struct str *tags, size_t tag_count)
{
    bool exception = jira_ids_has(&bill->issues, issue);

    for (size_t i = 0; i < tag_count && !exception; i++)
        exception = has_text(bill->rule.tags, bill->rule.tag_count, tags[i]);
    return exception != bill->rule.by_default;
}
