/*
 * estimate_mail.c: who gets which letter about missing estimates, and each one once.
 *
 * The model: Jira finds the issues by a query, the mirror says on which of them work was logged,
 * Jira then tells each issue's key, summary and reporter, and each person's address. Letters go out
 * one after the other in an order that a digest of the account gives: the same in every try, and
 * no order of names. mail_day.h remembers the place of the last letter whose turn came. It is
 * written before the letter is handed over; so after a crash the day goes on behind that letter,
 * and at worst one person misses it. When the mailer says that it handed over nothing, the place is
 * put back.
 *
 * What a person may not browse is not told to them: where Jira can be asked about that (Cloud, with
 * the right Administer Jira), only what they may browse stands in the letter, with its summary;
 * where it cannot, keys alone do.
 *
 * Threads: the job's own.
 */
#include "apps/timesheet/estimate_mail.h"

#include <stdlib.h>

#include "apps/timesheet/mail_day.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define SUMMARY_BYTES 200
#define JQL                                                                                        \
    "statusCategory != Done AND timespent > 0 AND"                                                 \
    " (remainingEstimate = 0 OR remainingEstimate is EMPTY)"

/* ---- Which issues ---- */

struct issue {
    int64_t id;
    struct str key, summary, project;
    struct str account; /* who is written to; empty: nobody */
};

/* A day's mail while it is made; all texts in the arena. */
struct making {
    const struct estimate_mail *mail;
    struct arena *arena;
    struct issue *issues;
    size_t count;
};

static void add_jql_text(struct strbuf *jql, struct str text)
{
    strbuf_add_char(jql, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            strbuf_add_char(jql, '\\');
        strbuf_add_char(jql, text.ptr[i]);
    }
    strbuf_add_char(jql, '"');
}

static enum err_class search(const struct estimate_mail *mail, struct jira_ids *ret,
                             struct err *err)
{
    const struct mail_settings *wanted = &mail->settings->mail;
    AUTO(strbuf_done) struct strbuf jql = STRBUF_INIT(LIMIT_JQL_BYTES);
    enum err_class rc;

    strbuf_add_z(&jql, JQL);
    if (wanted->scope == MAIL_SELECTED_PROJECTS) {
        strbuf_add_z(&jql, " AND project in (");
        for (size_t i = 0; i < wanted->project_count; i++) {
            strbuf_add_z(&jql, i > 0 ? "," : "");
            add_jql_text(&jql, wanted->projects[i]);
        }
        strbuf_add_char(&jql, ')');
    }
    rc = strbuf_check(&jql, "the search for missing estimates, with its projects,", err);
    return rc == ERR_OK ? jira_search_ids(mail->jira, "the search for missing estimates",
                                          strbuf_str(&jql), ESTIMATE_MAIL_ISSUES_MAX, ret, err)
                        : rc;
}

/* Of those found, the ones that have worklogs in the mirror. */
static enum err_class keep_mirrored(struct tenant *tenant, const struct jira_ids *found,
                                    struct jira_ids *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = found->count > 0 ? db_prepare(tenant->db,
                                                      SQL("SELECT DISTINCT client_issue_id"
                                                          " FROM worklog ORDER BY client_issue_id"
                                                          " LIMIT 5000000"),
                                                      &stmt, err)
                                         : ERR_OK;

    while (stmt && rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row)
        if (jira_ids_has(found, db_i64(stmt, 0)))
            rc = jira_ids_add(ret, db_i64(stmt, 0), err);
    return rc;
}

/* Control characters would break the letter's lines; a cut is not within a character. */
static struct str one_line(struct arena *arena, struct str text)
{
    size_t len = text.len < SUMMARY_BYTES ? text.len : SUMMARY_BYTES;
    char *copy;

    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    copy = arena_dup_z(arena, (struct str){text.ptr, len});
    for (size_t i = 0; copy && i < len; i++)
        if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f)
            copy[i] = ' ';
    return (struct str){copy, copy ? len : 0};
}

static enum err_class take_issue(void *arg, int64_t id, yyjson_val *json, struct err *err)
{
    struct making *making = arg;
    yyjson_val *fields = yyjson_obj_get(json, "fields");
    int64_t left = 0;
    struct issue issue = {
        .id = id,
        .key = one_line(making->arena, json_str(json, "key")),
        .summary = one_line(making->arena, json_str(fields, "summary")),
        .project = arena_dup(making->arena, json_str(yyjson_obj_get(fields, "project"), "key")),
        .account = arena_dup(making->arena, jira_account(yyjson_obj_get(fields, "reporter"))),
    };

    if (!issue.key.ptr || !issue.summary.ptr || !issue.project.ptr || !issue.account.ptr)
        return err_memory(err);
    /* Since the search somebody may have set it. */
    if (json_i64(yyjson_obj_get(fields, "timetracking"), "remainingEstimateSeconds", &left) &&
        left > 0)
        return ERR_OK;
    if (making->count == ESTIMATE_MAIL_ISSUES_MAX)
        return err_set(err, ERR_REMOTE, "Jira tells of more issues than it was asked for");
    making->issues[making->count++] = issue;
    return ERR_OK;
}

static enum err_class read_issues(struct making *making, const struct jira_ids *ids,
                                  struct err *err)
{
    static const char *const fields[] = {"summary", "project", "reporter", "timetracking"};
    struct jira *jira = making->mail->jira;
    enum err_class rc = ERR_OK;

    making->issues =
        arena_alloc(making->arena, ESTIMATE_MAIL_ISSUES_MAX * sizeof(making->issues[0]));
    if (!making->issues)
        return err_memory(err);
    for (size_t at = 0; at < ids->count && rc == ERR_OK; at += JIRA_LABELS_MAX) {
        size_t n = ids->count - at < JIRA_LABELS_MAX ? ids->count - at : JIRA_LABELS_MAX;
        struct http_call *call = NULL;

        rc =
            jira_issue_fields_start(jira, ids->list + at, n, fields, ARRAY_LEN(fields), &call, err);
        if (rc == ERR_OK)
            rc = jira_issue_fields_finish(jira, call, take_issue, making, err);
        if (rc == ERR_OK)
            rc = job_still_running(making->mail->run, err);
    }
    return rc;
}

/* An issue without a reporter is its project's lead's. Each project is asked for once. */
static enum err_class find_leads(struct making *making, struct err *err)
{
    for (size_t i = 0; i < making->count; i++) {
        AUTO(strbuf_done) struct strbuf lead = STRBUF_INIT(LIMIT_ACCOUNT_ID_BYTES);
        struct str project = making->issues[i].project, account;
        enum err_class rc;

        if (making->issues[i].account.len > 0 || project.len == 0)
            continue;
        rc = jira_project_lead(making->mail->jira, project, &lead, err);
        if (rc == ERR_NOT_FOUND)
            rc = ERR_OK;
        if (rc != ERR_OK)
            return rc;
        account = arena_dup(making->arena, strbuf_str(&lead));
        if (!account.ptr)
            return err_memory(err);
        for (size_t k = i; k < making->count; k++)
            if (making->issues[k].account.len == 0 && str_eq(making->issues[k].project, project)) {
                making->issues[k].account = account;
                making->issues[k].project.len = 0; /* was asked for */
            }
    }
    return ERR_OK;
}

/* ---- Who gets them ---- */

struct person {
    int64_t place;
    struct str account, address;
    const struct issue *issues; /* theirs, in a row */
    size_t count;
};

struct people {
    struct arena *arena;
    struct person *list;
    size_t count;
};

static int compare_issues(const void *a, const void *b)
{
    const struct issue *x = a, *y = b;
    int order = str_cmp(x->account, y->account);

    return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

static int compare_people(const void *a, const void *b)
{
    const struct person *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

static enum err_class take_address(void *arg, const struct jira_user_label *user, struct err *err)
{
    struct people *people = arg;

    for (size_t i = 0; i < people->count; i++)
        if (str_eq(people->list[i].account, user->account) && mail_is_address(user->mail)) {
            people->list[i].address = arena_dup(people->arena, user->mail);
            return people->list[i].address.ptr ? ERR_OK : err_memory(err);
        }
    return ERR_OK;
}

/* Groups the issues by person, in the order of the letters. */
static enum err_class gather(struct making *making, struct people *people, struct err *err)
{
    AUTO(free_autop) struct str *accounts = NULL;

    if (making->count == 0)
        return ERR_OK;
    qsort(making->issues, making->count, sizeof(making->issues[0]), compare_issues);
    people->list = arena_alloc(making->arena, making->count * sizeof(people->list[0]));
    accounts = reallocarray(NULL, making->count, sizeof(*accounts));
    if (!people->list || !accounts)
        return err_memory(err);
    for (size_t i = 0; i < making->count; i++) {
        const struct issue *issue = &making->issues[i];

        if (issue->account.len == 0)
            continue;
        if (people->count == 0 ||
            !str_eq(people->list[people->count - 1].account, issue->account)) {
            accounts[people->count] = issue->account;
            people->list[people->count++] =
                (struct person){.place = mail_day_place(making->mail->tenant, issue->account),
                                .account = issue->account,
                                .issues = issue};
        }
        people->list[people->count - 1].count++;
    }
    qsort(people->list, people->count, sizeof(people->list[0]), compare_people);
    return people->count > 0 ? jira_user_labels(making->mail->jira, accounts, people->count,
                                                take_address, people, err)
                             : ERR_OK;
}

/* ---- A letter ---- */

/* What the reader may browse; false in *ret_known: Jira cannot be asked. */
static enum err_class ask_browsable(struct jira *jira, const struct person *person,
                                    struct jira_ids *ret, bool *ret_known, struct err *err)
{
    struct jira_ids asked AUTO(jira_ids_done) = {0};
    enum err_class rc = ERR_OK;

    *ret_known = false;
    if (jira->datacenter)
        return ERR_OK;
    for (size_t i = 0; i < person->count && rc == ERR_OK; i++)
        rc = jira_ids_add(&asked, person->issues[i].id, err);
    for (size_t at = 0; at < asked.count && rc == ERR_OK; at += JIRA_CHECK_MAX) {
        size_t n = asked.count - at < JIRA_CHECK_MAX ? asked.count - at : JIRA_CHECK_MAX;
        struct http_call *call = NULL;

        rc = jira_browsable_start(jira, person->account, asked.list + at, n, &call, err);
        if (rc == ERR_OK)
            rc = jira_browsable_finish(jira, call, ret, err);
    }
    if (rc == ERR_FORBIDDEN)
        return ERR_OK;
    *ret_known = rc == ERR_OK;
    jira_ids_sort(ret);
    return rc;
}

static void add_issue(const struct estimate_mail *mail, const struct issue *issue, bool summary,
                      struct strbuf *text)
{
    strbuf_add_str(text, issue->key);
    if (summary && issue->summary.len > 0)
        strbuf_addf(text, "  " STR_FMT, STR_ARG(issue->summary));
    strbuf_addf(text, "\n    %s/browse/" STR_FMT "\n\n", mail->tenant->info.base_url,
                STR_ARG(issue->key));
}

/* *ret_told: the issues that it is about. */
static enum err_class write_letter(const struct estimate_mail *mail, const struct person *person,
                                   struct strbuf *text, size_t *ret_told, struct err *err)
{
    AUTO(jira_ids_done) struct jira_ids browsable = {0};
    bool known = false;
    size_t told = 0;
    enum err_class rc = ask_browsable(mail->jira, person, &browsable, &known, err);

    if (rc != ERR_OK)
        return rc;
    strbuf_add_z(text, "Work was logged on these open issues, and their remaining estimate is zero "
                       "or\nmissing. If there is work left, please set it in Jira.\n\n");
    for (size_t i = 0; i < person->count; i++) {
        if (known && !jira_ids_has(&browsable, person->issues[i].id))
            continue;
        if (++told <= ESTIMATE_MAIL_LETTER_ISSUES_MAX)
            add_issue(mail, &person->issues[i], known, text);
    }
    if (told > ESTIMATE_MAIL_LETTER_ISSUES_MAX)
        strbuf_addf(text, "… and %zu more.\n\n", told - ESTIMATE_MAIL_LETTER_ISSUES_MAX);
    strbuf_addf(text,
                "You reported these issues, or lead their project, in %s.\nTenon sends this once a "
                "day as long as there are any; an administrator of the\nsite turns it off in "
                "Tenon's settings.\n",
                mail->tenant->info.base_url);
    *ret_told = told;
    return strbuf_check(text, "a letter about missing estimates", err);
}

/* Hands one letter over; its turn is on the disk. */
static enum err_class hand_over(const struct estimate_mail *mail, const struct person *person,
                                struct str text, size_t told, struct estimate_mail_result *result,
                                struct err *err)
{
    AUTO(strbuf_done) struct strbuf subject = STRBUF_INIT(120);
    struct mail_letter letter = {.to = person->address, .text = text};
    enum mail_end end = MAIL_TAKEN;
    enum err_class rc;

    strbuf_addf(&subject, "%zu open issue%s without a remaining estimate", told,
                told == 1 ? "" : "s");
    letter.subject = strbuf_str(&subject);
    rc = mail->mailer.ops->send(mail->mailer.self, mail->tenant->ctx, &letter, &end, err);
    if (rc == ERR_OK && end == MAIL_REFUSED)
        result->refused++;
    else if (rc == ERR_OK)
        result->letters++;
    return rc;
}

static enum err_class mail_person(const struct estimate_mail *mail, const struct person *person,
                                  struct mail_day *progress, struct estimate_mail_result *result,
                                  struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(MAIL_TEXT_BYTES);
    struct mail_day before = *progress;
    struct err ignored = {0};
    size_t told = 0;
    enum err_class rc;

    if (person->address.len == 0) {
        result->no_address++;
        return ERR_OK;
    }
    rc = write_letter(mail, person, &text, &told, err);
    if (rc != ERR_OK || told == 0)
        return rc;
    progress->place = person->place;
    rc = mail_day_store(mail->tenant, progress, err);
    if (rc != ERR_OK)
        return rc;
    rc = hand_over(mail, person, strbuf_str(&text), told, result, err);
    if (rc != ERR_OK) { /* when this fails too, one letter is missed */
        *progress = before;
        err_ignore(mail_day_store(mail->tenant, progress, &ignored));
    }
    return rc;
}

/* ---- A day ---- */

static enum err_class make_list(struct making *making, struct people *people, struct err *err)
{
    AUTO(jira_ids_done) struct jira_ids found = {0};
    AUTO(jira_ids_done) struct jira_ids ids = {0};
    enum err_class rc = search(making->mail, &found, err);

    if (rc == ERR_OK)
        rc = keep_mirrored(making->mail->tenant, &found, &ids, err);
    if (rc == ERR_OK)
        rc = read_issues(making, &ids, err);
    if (rc == ERR_OK)
        rc = find_leads(making, err);
    return rc == ERR_OK ? gather(making, people, err) : rc;
}

static enum err_class mail_day(const struct estimate_mail *mail, struct mail_day *progress,
                               struct estimate_mail_result *result, struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(ARENA_BYTES);
    struct making making = {.mail = mail, .arena = arena};
    struct people people = {.arena = arena};
    enum err_class rc = arena ? make_list(&making, &people, err) : err_memory(err);

    result->issues = (int64_t)making.count;
    for (size_t i = 0; i < people.count && rc == ERR_OK; i++) {
        if (people.list[i].place <= progress->place)
            continue;
        rc = job_still_running(mail->run, err);
        if (rc == ERR_OK)
            rc = mail_person(mail, &people.list[i], progress, result, err);
    }
    return rc;
}

enum err_class estimate_mail_run(const struct estimate_mail *mail, int32_t day,
                                 struct estimate_mail_result *ret, struct err *err)
{
    struct mail_day progress;
    enum err_class rc = mail_day_load(mail->tenant, &progress, err);

    *ret = (struct estimate_mail_result){0};
    if (rc != ERR_OK)
        return rc;
    if (progress.day != day)
        progress = (struct mail_day){.day = day, .place = -1};
    rc = mail_day(mail, &progress, ret, err);
    if (rc != ERR_OK)
        return rc;
    progress.ended = true;
    return mail_day_store(mail->tenant, &progress, err);
}
