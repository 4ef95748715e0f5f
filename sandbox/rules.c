/* rules.c: what may be done with worklogs, set by POST /sandbox/rules. */
#include "rules.h"

#include "api.h"

static bool refuse_right(struct http_exchange *ex, const struct site *site, enum rule_act act)
{
    static const char *const sentences[] = {
        [RULE_CREATE] = "You do not have the permission to associate a worklog to this issue.",
        [RULE_EDIT] = "you do not have permission to edit the specified worklog.",
        [RULE_DELETE] = "you do not have permission to delete the specified worklog.",
    };

    /* A site of people who speak no English gives no hint in its words. */
    api_error(ex, 400, "%s", site->rules.foreign ? "Das ist hier nicht erlaubt." : sentences[act]);
    return false;
}

static int64_t worklogs_of(const struct site *site, uint32_t issue)
{
    int64_t count = 0;

    for (uint32_t row = site->issues[issue].first_row; row != NONE; row = site->worklogs[row].next)
        count += worklog_is_live(site, &site->worklogs[row]) ? 1 : 0;
    return count;
}

bool rules_allow(struct http_exchange *ex, uint32_t issue, enum rule_act act)
{
    const struct site *site = api_site(ex);
    const struct site_rules *rules = &site->rules;
    const bool lacks[] = {rules->no_create, rules->no_edit, rules->no_delete};

    if (rules->tracking_off) {
        api_error(ex, 404, "%s",
                  rules->foreign ? "Das gibt es hier nicht." : "Time tracking is not enabled.");
        return false;
    }
    if (lacks[act])
        return refuse_right(ex, site, act);
    if (rules->not_editable) {
        api_error(ex, 400, "You can not edit the issue as it is in a non-editable workflow state.");
        return false;
    }
    if (act == RULE_CREATE && rules->worklogs_max > 0 &&
        worklogs_of(site, issue) >= rules->worklogs_max) {
        api_error(ex, 413, "The number of worklogs of the issue has reached its limit.");
        return false;
    }
    return true;
}

bool rules_grant(const struct site *site, const char *permission)
{
    const struct {
        const char *key;
        bool lacks;
    } keys[] = {
        {"WORK_ON_ISSUES", site->rules.no_create},
        {"EDIT_OWN_WORKLOGS", site->rules.no_edit},
        {"EDIT_ALL_WORKLOGS", site->rules.no_edit},
        {"DELETE_OWN_WORKLOGS", site->rules.no_delete},
        {"DELETE_ALL_WORKLOGS", site->rules.no_delete},
    };

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(permission, keys[i].key) == 0)
            return !keys[i].lacks;
    return true;
}

void rules_adjust(struct issue *issue, const struct estimate *estimate, int64_t spent)
{
    const int64_t left[] = {
        issue->estimate_s - spent,
        issue->estimate_s,
        estimate->seconds,
        issue->estimate_s + (spent < 0 ? estimate->seconds : -estimate->seconds),
    };

    issue->estimate_s = left[estimate->kind] > 0 ? left[estimate->kind] : 0;
}

void control_rules(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct site_rules *rules = &site->rules;
    yyjson_val *body;
    int64_t n = 0;

    if (!api_body(ex, &doc))
        return;
    body = yyjson_doc_get_root(doc);

    SITE_WRITE(site);
    rules->no_create = !json_bool(body, "work_on_issues", !rules->no_create);
    rules->no_edit = !json_bool(body, "edit_worklogs", !rules->no_edit);
    rules->no_delete = !json_bool(body, "delete_worklogs", !rules->no_delete);
    rules->tracking_off = !json_bool(body, "time_tracking", !rules->tracking_off);
    rules->not_editable = !json_bool(body, "editable", !rules->not_editable);
    rules->foreign = !json_bool(body, "english", !rules->foreign);
    if (json_i64(body, "worklogs_max", &n) && n >= 0)
        rules->worklogs_max = n;
    strbuf_add_z(&ex->out, "{\"ok\":true}");
}

void api_configuration(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_READ(site);
    strbuf_addf(
        &ex->out,
        "{\"votingEnabled\":true,\"watchingEnabled\":true,\"unassignedIssuesAllowed\":false,"
        "\"subTasksEnabled\":true,\"issueLinkingEnabled\":true,\"timeTrackingEnabled\":%s,"
        "\"attachmentsEnabled\":true",
        site->rules.tracking_off ? "false" : "true");
    if (!site->rules.tracking_off)
        strbuf_add_z(&ex->out, ",\"timeTrackingConfiguration\":{\"workingHoursPerDay\":8.0,"
                               "\"workingDaysPerWeek\":5.0,\"timeFormat\":\"pretty\","
                               "\"defaultUnit\":\"minute\"}");
    strbuf_add_char(&ex->out, '}');
}
