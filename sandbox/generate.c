/*
 * generate.c: a site out of a seed.
 *
 * The same options give the same site, to the byte. Worklogs are made in the order of their ids and
 * of their creation, as Jira numbers them; one in six was edited later, so that the feed of updates
 * is not in the order of ids. Nothing is stored that can be computed from the seed again.
 */
#include "site.h"

#include <stdarg.h>

#include "base/civil.h"

#define WORKLOGS_MAX INT64_C(20000000)
#define ISSUES_MAX INT64_C(2000000)
#define USERS_MAX INT64_C(100000)
#define PROJECTS_MAX INT64_C(500)
#define RECORDED_HOST "https://sandbox.invalid/rest/api/2/" /* shown as this site's own */
#define EDITED_WITHIN_MS (30 * MS_PER_DAY)

static enum err_class parse_date(struct str text, int64_t *ret_ms, struct err *err)
{
    struct civil_date date = {0};

    if (!civil_parse_date(text, &date))
        return err_set(err, ERR_USAGE, "\"" STR_FMT "\" is not a date; write it like 2026-01-31",
                       STR_ARG(text));
    *ret_ms = civil_days(date) * MS_PER_DAY;
    return ERR_OK;
}

static enum err_class parse_part(struct str name, struct str value, struct generate_options *ret,
                                 struct err *err)
{
    const struct {
        const char *name;
        int64_t min, max;
        int64_t *to;
    } numbers[] = {
        {"worklogs", 0, WORKLOGS_MAX, &ret->worklogs},
        {"issues", 1, ISSUES_MAX, &ret->issues},
        {"users", 1, USERS_MAX, &ret->users},
        {"projects", 1, PROJECTS_MAX, &ret->projects},
        {"deleted", 0, WORKLOGS_MAX, &ret->deleted},
    };
    int64_t number = 0;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!str_eq_z(name, numbers[i].name))
            continue;
        if (!parse_i64(value, numbers[i].min, numbers[i].max, numbers[i].to))
            return err_set(err, ERR_USAGE, "%s=" STR_FMT " is not a number from %lld to %lld",
                           numbers[i].name, STR_ARG(value), (long long)numbers[i].min,
                           (long long)numbers[i].max);
        return ERR_OK;
    }
    if (str_eq_z(name, "from"))
        return parse_date(value, &ret->from_ms, err);
    if (str_eq_z(name, "to"))
        return parse_date(value, &ret->to_ms, err);
    if (str_eq_z(name, "seed") && parse_i64(value, INT64_MIN, INT64_MAX, &number)) {
        ret->seed = (uint64_t)number;
        return ERR_OK;
    }
    if (str_eq_z(name, "comments") && parse_i64(value, 0, 100, &number)) {
        ret->comments_percent = (int)number;
        return ERR_OK;
    }
    if (str_eq_z(name, "bigids") && parse_i64(value, 0, 1, &number)) {
        ret->big_ids = number == 1;
        return ERR_OK;
    }
    return err_set(err, ERR_USAGE,
                   "--generate does not know \"" STR_FMT "=" STR_FMT
                   "\"; it takes worklogs, issues, users, projects, deleted (numbers), from, to "
                   "(dates), seed (number), comments (percent), bigids (0 or 1)",
                   STR_ARG(name), STR_ARG(value));
}

enum err_class generate_parse(struct str text, struct generate_options *ret, struct err *err)
{
    struct generate_options options = {
        .users = 50,
        .projects = 3,
        .seed = 1,
        .comments_percent = 90,
        .from_ms = civil_days((struct civil_date){2025, 1, 1}) * MS_PER_DAY,
        .to_ms = civil_days((struct civil_date){2026, 6, 30}) * MS_PER_DAY,
    };

    while (text.len > 0) {
        struct str rest = {NULL, 0}, value = {NULL, 0};
        struct str part = str_cut(text, ',', &rest);
        struct str name = str_cut(part, '=', &value);
        enum err_class rc = parse_part(str_trim(name), str_trim(value), &options, err);

        if (rc != ERR_OK)
            return rc;
        text = rest;
    }
    if (options.issues == 0)
        options.issues = options.worklogs < 500 ? 10 : options.worklogs / 50;
    if (options.issues > ISSUES_MAX)
        options.issues = ISSUES_MAX;
    if (options.from_ms >= options.to_ms)
        return err_set(err, ERR_USAGE, "--generate: from must lie before to");
    if (options.deleted > options.worklogs)
        return err_set(err, ERR_USAGE, "--generate: deleted may not be more than worklogs");
    *ret = options;
    return ERR_OK;
}

/* A short text made by printf, kept with the site. */
static struct str keep_f(struct site *site, const char *fmt, ...) PRINTF_LIKE(2, 3);
static struct str keep_f(struct site *site, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);

    int len = vsnprintf(text, sizeof(text), fmt, args);

    va_end(args);
    if (len < 0)
        len = 0;
    if ((size_t)len >= sizeof(text))
        len = sizeof(text) - 1;
    return site_keep(site, (struct str){text, (size_t)len});
}

bool site_add_defaults(struct site *site)
{
    static const struct {
        int64_t id;
        const char *name, *json;
    } types[] =
        {
            {10001, "Story", "\"subtask\":false,\"avatarId\":10315,\"hierarchyLevel\":0"},
            {10002, "Task", "\"subtask\":false,\"avatarId\":10318,\"hierarchyLevel\":0"},
            {10004, "Bug", "\"subtask\":false,\"avatarId\":10303,\"hierarchyLevel\":0"},
            {10000, "Epic", "\"subtask\":false,\"avatarId\":10307,\"hierarchyLevel\":1"},
        },
      statuses[] = {
          {10000, "To Do",
           "\"id\":2,\"key\":\"new\",\"colorName\":\"blue-gray\",\"name\":\"To Do\""},
          {3, "In Progress",
           "\"id\":4,\"key\":\"indeterminate\",\"colorName\":\"yellow\",\"name\":\"In Progress\""},
          {10001, "Done", "\"id\":3,\"key\":\"done\",\"colorName\":\"green\",\"name\":\"Done\""},
      };
    bool need_types = site->types.count == 0, need_statuses = site->statuses.count == 0;
    bool ok = true;

    for (size_t i = 0; i < ARRAY_LEN(types) && need_types; i++) {
        struct item item = {
            .id = types[i].id,
            .issue = NONE,
            .key = str_from(types[i].name),
            .json = keep_f(site,
                           "{\"self\":\"" RECORDED_HOST "issuetype/%lld\",\"id\":\"%lld\","
                           "\"description\":\"\",\"iconUrl\":\"" RECORDED_HOST
                           "universal_avatar/view/type/issuetype/avatar/10315?size=medium\","
                           "\"name\":\"%s\",%s}",
                           (long long)types[i].id, (long long)types[i].id, types[i].name,
                           types[i].json)};

        ok = ok && item.json.ptr && items_add(&site->types, &item) != NONE;
    }
    for (size_t i = 0; i < ARRAY_LEN(statuses) && need_statuses; i++) {
        struct item item = {
            .id = statuses[i].id,
            .issue = NONE,
            .key = str_from(statuses[i].name),
            .json = keep_f(site,
                           "{\"self\":\"" RECORDED_HOST "status/%lld\",\"description\":\"\","
                           "\"iconUrl\":\"" RECORDED_HOST "images/icons/status.png\","
                           "\"name\":\"%s\",\"id\":\"%lld\",\"statusCategory\":{\"self\":"
                           "\"" RECORDED_HOST "statuscategory/2\",%s}}",
                           (long long)statuses[i].id, statuses[i].name, (long long)statuses[i].id,
                           statuses[i].json)};

        ok = ok && item.json.ptr && items_add(&site->statuses, &item) != NONE;
    }
    return ok;
}

static enum err_class add_users(struct site *site, const struct generate_options *options,
                                struct err *err)
{
    static const struct {
        const char *name;
        int32_t offset_minutes;
    } zones[] = {{"Africa/Lagos", 60},      {"Asia/Kolkata", 330},   {"Etc/UTC", 0},
                 {"America/Phoenix", -420}, {"Asia/Tokyo", 540},     {"America/Sao_Paulo", -180},
                 {"Asia/Kathmandu", 345},   {"Europe/Istanbul", 180}};
    static const char *const first[] = {"Ada",   "Bela",  "Chidi", "Dörte", "Eun-ji", "Farid",
                                        "Güler", "Hanna", "Ivo",   "Jún",   "Kofi",   "Léa"};
    static const char *const last[] = {"Okafor", "Šimić",    "Tanaka", "O'Neil", "García", "Weiß",
                                       "Novák",  "Ferreira", "Rao",    "Lund",   "Bauer"};

    for (int64_t i = 0; i < options->users; i++) {
        uint64_t h = mix64(options->seed ^ UINT64_C(0x75736572), (uint64_t)i);
        size_t zone = (size_t)i % ARRAY_LEN(zones);
        struct user user = {
            /* Both forms that are in use: 24 hex digits, and a number with a UUID. */
            .account_id = i % 3 == 0
                              ? keep_f(site, "712020:%08x-%04x-4%03x-a%03x-%012llx",
                                       (unsigned)(h & 0xffffffff), (unsigned)(i & 0xffff),
                                       (unsigned)(h >> 52), (unsigned)(h >> 40 & 0xfff),
                                       (unsigned long long)(mix64(h, 1) & 0xffffffffffff))
                              : keep_f(site, "5b%06llx%016llx", (unsigned long long)i & 0xffffff,
                                       (unsigned long long)h),
            .name = keep_f(site, "user%lld", (long long)i + 1),
            .key = keep_f(site, "JIRAUSER%lld", (long long)i + 10100),
            .display = keep_f(site, "%s %s %lld", first[h % ARRAY_LEN(first)],
                              last[(h >> 8) % ARRAY_LEN(last)], (long long)i + 1),
            .email = keep_f(site, "user%lld@example.com", (long long)i + 1),
            .zone = str_from(zones[zone].name),
            .type = i % 40 == 39 ? STR("app") : STR("atlassian"),
            .offset_minutes = zones[zone].offset_minutes,
            .active = h % 16 != 0,
        };

        if (site_add_user(site, &user) == NONE)
            return err_memory(err);
    }
    return ERR_OK;
}

static enum err_class add_projects(struct site *site, const struct generate_options *options,
                                   uint32_t first_user, struct err *err)
{
    static const char *const names[] = {"Website", "Platform", "Mobile", "Billing", "Operations"};
    int64_t first_id = 10000;

    for (size_t i = 0; i < site->project_count; i++)
        if (site->projects[i].id >= first_id)
            first_id = site->projects[i].id + 1;

    for (int64_t i = 0; i < options->projects; i++) {
        char suffix[4] = {0};

        /* WEB, PLA, MOB, BIL, OPE, then WEBA … : letters only, as Jira wants keys. */
        for (int64_t n = i / (int64_t)ARRAY_LEN(names), at = 0; n > 0 && at < 3; n /= 26, at++)
            suffix[at] = (char)('A' + (n - 1) % 26);

        const char *name = names[(size_t)i % ARRAY_LEN(names)];
        struct project project = {
            .id = first_id + i,
            .name = keep_f(site, "%s%s%s", name, suffix[0] ? " " : "", suffix),
            .key =
                keep_f(site, "%c%c%c%s", name[0] & ~0x20, name[1] & ~0x20, name[2] & ~0x20, suffix),
            .lead = first_user + (uint32_t)(i % options->users),
        };

        if (site_add_project(site, &project) == NONE)
            return err_memory(err);
    }
    return ERR_OK;
}

static enum err_class add_issues(struct site *site, const struct generate_options *options,
                                 uint32_t first_user, uint32_t first_project, struct err *err)
{
    int64_t last = site->issue_count ? site->issues[site->issue_count - 1].id : 9999;

    for (int64_t i = 0; i < options->issues; i++) {
        uint64_t h = mix64(options->seed ^ UINT64_C(0x69737375), (uint64_t)i);
        uint32_t project = first_project + (uint32_t)(i % options->projects);
        struct issue issue = {
            .id = last + 1 + i,
            .project = project,
            .key = keep_f(site, STR_FMT "-%lld", STR_ARG(site->projects[project].key),
                          (long long)(i / options->projects + 1)),
            .type = (uint32_t)(h % site->types.count),
            .status = (uint32_t)((h >> 8) % site->statuses.count),
            .assignee =
                h % 5 == 0 ? NONE : first_user + (uint32_t)((h >> 16) % (uint64_t)options->users),
            .reporter = first_user + (uint32_t)((h >> 32) % (uint64_t)options->users),
            .created_ms = options->from_ms + (int64_t)(h % (7 * MS_PER_DAY)),
            .updated_ms = options->from_ms + 8 * MS_PER_DAY + (int64_t)(h % (90 * MS_PER_DAY)),
        };

        if (!issue.key.ptr || site_add_issue(site, &issue) == NONE)
            return err_memory(err);
    }
    return ERR_OK;
}

static struct worklog make_worklog(const struct generate_options *options, uint64_t i,
                                   int64_t first_id)
{
    uint64_t h = mix64(options->seed, i), more = mix64(h, 0);
    uint64_t count = (uint64_t)options->worklogs;
    int64_t span_ms = options->to_ms - options->from_ms;
    int64_t step_ms = span_ms / (int64_t)count > 0 ? span_ms / (int64_t)count : 1;
    uint64_t issue = more % (uint64_t)options->issues;
    struct worklog worklog = {
        .id = first_id + (int64_t)(3 * i + h % 3),
        .created_ms = options->from_ms + (int64_t)((double)span_ms * ((double)i / (double)count)) +
                      (int64_t)(h >> 8) % step_ms,
        .author = (uint32_t)((more >> 24) % (uint64_t)options->users),
        .seconds = (uint32_t)(h >> 40) % 4 == 0 ? 60 * (1 + (uint32_t)(h >> 44) % 480)
                                                : 900 * (1 + (uint32_t)(h >> 44) % 32),
    };

    /* Work gathers on some issues: half of it on a tenth of them. */
    if (more >> 63)
        issue = issue % ((uint64_t)options->issues / 10 + 1);
    worklog.issue = (uint32_t)issue;
    /* Odd numbers past 2^53 are what a double cannot hold. */
    if (options->big_ids && i >= count / 2)
        worklog.id = INT64_C(9007199254740993) + (int64_t)(4 * i + h % 4);
    worklog.updated_ms = worklog.created_ms;
    worklog.update_author = worklog.author;
    if (more % 6 == 0) {
        worklog.updated_ms += (int64_t)((more >> 8) % EDITED_WITHIN_MS);
        if (worklog.updated_ms > options->to_ms)
            worklog.updated_ms = worklog.created_ms;
        worklog.update_author = (uint32_t)((more >> 32) % (uint64_t)options->users);
    }
    worklog.started_ms = worklog.created_ms - (int64_t)((h >> 16) % (2 * MS_PER_DAY));
    worklog.started_ms -= worklog.started_ms % MS_PER_MINUTE;
    if ((int)(h >> 24 & 127) * 100 / 128 < options->comments_percent)
        worklog.comment = (uint32_t)(h >> 32) | 1;
    if (h % 101 == 0)
        worklog.flags = WORKLOG_ROLE;
    return worklog;
}

static enum err_class add_worklogs(struct site *site, const struct generate_options *options,
                                   uint32_t first_user, uint32_t first_issue, struct err *err)
{
    size_t count = (size_t)options->worklogs, first = site->worklog_count;
    struct feed_entry *entries AUTO(free_autop) = calloc(count + 1, sizeof(*entries));
    struct worklog *rows = realloc(site->worklogs, (first + count + 1) * sizeof(*rows));
    int64_t first_id = site_next_worklog_id(site);
    size_t live = 0;

    if (rows) {
        site->worklogs = rows;
        site->worklog_room = first + count + 1;
    }
    if (!entries || !rows)
        return err_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct worklog worklog = make_worklog(options, i, first_id);

        worklog.author += first_user;
        worklog.update_author += first_user;
        worklog.issue += first_issue;

        uint32_t row = site_add_worklog(site, &worklog);

        if (row == NONE)
            return err_memory(err);
        entries[live++] = (struct feed_entry){worklog.updated_ms, row};
    }
    if (!feed_add(&site->updated, entries, live))
        return err_memory(err);
    /* Deletions spread evenly over the rows, each a day after the row's last change. */
    for (int64_t i = 0; i < options->deleted; i++) {
        uint32_t row =
            (uint32_t)(first + (size_t)((double)count * (double)i / (double)options->deleted));
        int64_t at_ms = site->worklogs[row].updated_ms + MS_PER_DAY;

        if (!worklog_delete(site, row, at_ms < options->to_ms ? at_ms : options->to_ms, false))
            return err_memory(err);
    }
    return ERR_OK;
}

enum err_class site_generate(struct site *site, const struct generate_options *wanted,
                             struct err *err)
{
    struct generate_options options = *wanted;
    uint32_t first_user = (uint32_t)site->user_count;
    uint32_t first_project = (uint32_t)site->project_count;
    uint32_t first_issue = (uint32_t)site->issue_count;
    int64_t newest_ms = site_now_ms(site) - 2 * MS_PER_MINUTE;

    /* Nothing from the future: the feeds would hold it back. */
    if (options.to_ms > newest_ms)
        options.to_ms = newest_ms;
    if (options.from_ms >= options.to_ms)
        return err_set(err, ERR_USAGE,
                       "--generate: the sandbox's clock stands before the first worklog; move "
                       "from=, or the clock with --now");

    enum err_class rc = add_users(site, &options, err);

    if (rc == ERR_OK)
        rc = add_projects(site, &options, first_user, err);
    if (rc == ERR_OK)
        rc = add_issues(site, &options, first_user, first_project, err);
    if (rc == ERR_OK && options.worklogs > 0)
        rc = add_worklogs(site, &options, first_user, first_issue, err);
    return rc;
}
