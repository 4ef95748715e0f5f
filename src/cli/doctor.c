/*
 * doctor.c: `tenon doctor`: looks at everything that can be wrong and says what to do.
 *
 * Each check prints one line; a failed one does not stop those after it. The exit code is that of
 * the first failure.
 */
#include <stdarg.h>

#include "connect/link.h"
#include "apps/timesheet/mirror.h"
#include "base/civil.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/doctor_keys.h"
#include "jobs/jobs.h"

#define DISK_WARN_BYTES (INT64_C(1) << 30)
#define DISK_FAIL_BYTES (INT64_C(64) << 20)
#define CLOCK_WARN_MS (30 * MS_PER_SECOND)
#define TOKEN_WARN_DAYS 30
#define PROOF_WARN_DAYS 30

enum verdict { FINE, WARN, FAIL };
static const char *const verdict_names[] = {"ok", "warn", "FAIL"};

struct doctor {
    struct cli *cli;
    struct strbuf text;
    struct json_out json;
    bool as_json;
    enum err_class worst; /* of the first failure */
    size_t warned, failed;
};

static void say(struct doctor *doctor, enum verdict verdict, enum err_class class,
                const char *subject, const char *check, const char *fmt, ...) PRINTF_LIKE(6, 7);

static void say(struct doctor *doctor, enum verdict verdict, enum err_class class,
                const char *subject, const char *check, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    doctor->warned += verdict == WARN;
    doctor->failed += verdict == FAIL;
    if (verdict == FAIL && doctor->worst == ERR_OK)
        doctor->worst = class;
    if (!doctor->as_json) {
        strbuf_addf(&doctor->text, "%-5s %-14s %-12s %s\n", verdict_names[verdict], subject, check,
                    text);
        return;
    }
    json_object(&doctor->json);
    json_key(&doctor->json, "result");
    json_put_z(&doctor->json, verdict == FAIL ? "fail" : verdict_names[verdict]);
    json_key(&doctor->json, "subject");
    json_put_z(&doctor->json, subject);
    json_key(&doctor->json, "check");
    json_put_z(&doctor->json, check);
    json_key(&doctor->json, "text");
    json_put_z(&doctor->json, text);
    json_object_end(&doctor->json);
}

/* The usual form: an error is a failure with its sentence. */
static bool passed(struct doctor *doctor, const char *subject, const char *check, enum err_class rc,
                   const struct err *err, const char *fine)
{
    if (rc == ERR_OK)
        say(doctor, FINE, ERR_OK, subject, check, "%s", fine);
    else
        say(doctor, FAIL, rc, subject, check, "%s", err->msg);
    return rc == ERR_OK;
}

static void check_disk(struct doctor *doctor, const struct data *data)
{
    struct err err = {0};
    int64_t left = 0;
    enum err_class rc = disk_free_bytes(data->ctx, data->dir, &left, &err);

    if (rc != ERR_OK)
        say(doctor, FAIL, rc, "folder", "disk", "%s", err.msg);
    else if (left < DISK_WARN_BYTES)
        say(doctor, left < DISK_FAIL_BYTES ? FAIL : WARN, ERR_SPACE, "folder", "disk",
            "%lld MB are left at %s; make room", (long long)(left >> 20), data->dir);
    else
        say(doctor, FINE, ERR_OK, "folder", "disk", "%lld MB are left at %s",
            (long long)(left >> 20), data->dir);
}

static void check_queue(struct doctor *doctor, struct data *data)
{
    struct err err = {0};
    int64_t waiting = 0, parked = 0;
    enum err_class rc = jobs_count(data->control, JOB_WAITING, &waiting, &err);

    if (rc == ERR_OK)
        rc = jobs_count(data->control, JOB_PARKED, &parked, &err);
    if (rc != ERR_OK)
        say(doctor, FAIL, rc, "queue", "jobs", "%s", err.msg);
    else if (parked > 0)
        say(doctor, WARN, ERR_OK, "queue", "jobs",
            "%lld parked after failing for good; run `tenon sync` of the tenant again",
            (long long)parked);
    else
        say(doctor, FINE, ERR_OK, "queue", "jobs", "%lld waiting, none parked", (long long)waiting);
}

static void check_token(struct doctor *doctor, struct tenant *tenant)
{
    const char *name = tenant->info.name;
    struct tenant_credential credential = {0};
    struct err err = {0};
    enum err_class rc = tenant_credential_load(tenant, "doctor", &credential, &err);
    int64_t now = ctx_now_ms(tenant->ctx);

    if (rc != ERR_OK) {
        say(doctor, FAIL, rc, name, "credential", "%s", err.msg);
        return;
    }

    int64_t days = (credential.expires_ms - now) / MS_PER_DAY;
    int64_t age = (now - credential.added_ms) / MS_PER_DAY;

    if (credential.expires_ms == 0 && age > 365 - TOKEN_WARN_DAYS)
        say(doctor, WARN, ERR_OK, name, "credential",
            "it is %lld days old, and API tokens live a year at most; renew it with `tenon tenant "
            "token %s`",
            (long long)age, name);
    else if (credential.expires_ms == 0)
        say(doctor, FINE, ERR_OK, name, "credential",
            "%lld days old; its end is not known (give it with --token-expires)", (long long)age);
    else if (credential.expires_ms <= now)
        say(doctor, FAIL, ERR_DENIED, name, "credential",
            "it ended %lld days ago; renew it with `tenon tenant token %s`", (long long)-days,
            name);
    else if (days < TOKEN_WARN_DAYS)
        say(doctor, WARN, ERR_OK, name, "credential",
            "it ends in %lld days; renew it with `tenon tenant token %s`", (long long)days, name);
    else
        say(doctor, FINE, ERR_OK, name, "credential", "ends in %lld days", (long long)days);
    tenant_credential_done(&credential);
}

static void check_clock(struct doctor *doctor, const char *name, int64_t server_ms, int64_t now_ms)
{
    int64_t off_ms = now_ms - server_ms;

    if (server_ms == 0)
        say(doctor, WARN, ERR_OK, name, "clock", "Jira does not tell its time");
    else if (off_ms > CLOCK_WARN_MS || off_ms < -CLOCK_WARN_MS)
        say(doctor, WARN, ERR_OK, name, "clock",
            "this machine's clock is %lld s %s Jira's; set it by NTP",
            (long long)((off_ms < 0 ? -off_ms : off_ms) / 1000),
            off_ms < 0 ? "behind" : "ahead of");
    else
        say(doctor, FINE, ERR_OK, name, "clock", "within %lld s of Jira's",
            (long long)(CLOCK_WARN_MS / 1000));
}

static void check_site(struct doctor *doctor, struct tenant *tenant)
{
    const char *name = tenant->info.name;
    struct link link = {0};
    struct jira_server server = {0};
    struct strbuf account = STRBUF_INIT(LIMIT_ACCOUNT_ID_BYTES);
    struct err err = {0};
    enum err_class rc = link_open(&link, tenant, "doctor", &err);

    link.jira.http.tries_max = 1; /* what fails now is what is to be told */
    if (rc == ERR_OK)
        rc = jira_server_info(&link.jira, &server, &err);
    if (passed(doctor, name, "reachable", rc, &err, tenant->info.base_url)) {
        check_clock(doctor, name, server.server_ms, ctx_now_ms(tenant->ctx));
        rc = jira_myself(&link.jira, &account, &err);
        (void)passed(doctor, name, "sign-in", rc, &err, "Jira takes the credential");
    }
    strbuf_done(&account);
    link_done(&link);
}

static void check_mirror(struct doctor *doctor, struct tenant *tenant)
{
    const char *name = tenant->info.name;
    struct mirror_state state = {0};
    struct err err = {0};
    int64_t count = 0, now = ctx_now_ms(tenant->ctx);
    enum err_class rc = mirror_state_load(tenant, &state, &err);

    if (rc == ERR_OK)
        rc = mirror_count(tenant, &count, &err);
    if (rc != ERR_OK) {
        say(doctor, FAIL, rc, name, "mirror", "%s", err.msg);
        return;
    }
    if (state.full_done_ms == 0) {
        say(doctor, WARN, ERR_OK, name, "mirror",
            "the first sync is not complete; run `tenon sync %s`", name);
        return;
    }
    say(doctor, FINE, ERR_OK, name, "mirror", "%lld worklogs", (long long)count);
    if (state.proof_at_ms == 0)
        say(doctor, WARN, ERR_OK, name, "proof",
            "never compared with Jira; run `tenon sync %s --verify`", name);
    else if (now - state.proof_at_ms > PROOF_WARN_DAYS * MS_PER_DAY)
        say(doctor, WARN, ERR_OK, name, "proof",
            "compared with Jira %lld days ago; run `tenon sync %s --verify`",
            (long long)((now - state.proof_at_ms) / MS_PER_DAY), name);
    else
        say(doctor, FINE, ERR_OK, name, "proof", "compared %lld days ago, drift %lld",
            (long long)((now - state.proof_at_ms) / MS_PER_DAY), (long long)state.proof_drift);
}

/* What doctor_keys.c finds; `info` NULL: the control data. */
static void check_keys(struct doctor *doctor, const struct data *data,
                       const struct tenant_info *info)
{
    const char *name = info ? info->name : "folder";
    struct doctor_keys found = {.count = 0};
    struct err why = {0};
    enum err_class rc = doctor_keys_look(doctor->cli, data, info, &found, &why);

    if (!passed(doctor, name, "keys", rc, &why, found.fine))
        return;
    for (size_t i = 0; i < found.count; i++)
        say(doctor, WARN, ERR_OK, name, "keys", "%s", found.warnings[i]);
}

struct tenants_check {
    struct doctor *doctor;
    struct data *data;
    size_t count;
};

static enum err_class check_tenant(void *arg, const struct tenant_info *info, struct err *err)
{
    struct tenants_check *all = arg;
    struct doctor *doctor = all->doctor;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct err why = {0};
    enum err_class rc = tenant_open(all->data, info, &tenant, &why);

    all->count++;
    if (!passed(doctor, info->name, "key", rc, &why, "opens its data; schema equals the catalogue"))
        return ERR_OK;
    if (cli_flag(doctor->cli, "deep")) {
        rc = db_check_integrity(tenant->db, &why);
        (void)passed(doctor, info->name, "integrity", rc, &why, "every page is as it was written");
    }
    check_keys(doctor, all->data, info);
    check_token(doctor, tenant);
    if (!cli_flag(doctor->cli, "offline"))
        check_site(doctor, tenant);
    check_mirror(doctor, tenant);
    return ctx_check(&doctor->cli->ctx, err);
}

static enum err_class check_all(struct doctor *doctor, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct err why = {0};
    enum err_class rc = cli_open_data(doctor->cli, false, &data, &why);

    if (!passed(doctor, "folder", "key", rc, &why,
                "opens the control data; schema equals the catalogue"))
        return ERR_OK;
    check_disk(doctor, data);
    if (cli_flag(doctor->cli, "deep")) {
        rc = db_check_integrity(data->control, &why);
        (void)passed(doctor, "folder", "integrity", rc, &why, "every page is as it was written");
    }
    check_queue(doctor, data);
    check_keys(doctor, data, NULL);

    struct tenants_check all = {.doctor = doctor, .data = data};

    rc = tenant_each(data, check_tenant, &all, err);
    if (rc == ERR_OK && all.count == 0)
        say(doctor, WARN, ERR_OK, "tenants", "count",
            "there is none yet; add one with `tenon tenant add`");
    return rc;
}

static enum err_class run(struct cli *cli, struct err *err)
{
    struct doctor doctor = {
        .cli = cli, .text = STRBUF_INIT(LIMIT_FILE_BYTES), .as_json = cli_flag(cli, "json")};

    doctor.json = json_out(&doctor.text);
    if (doctor.as_json)
        json_array(&doctor.json);

    enum err_class rc = check_all(&doctor, err);

    if (doctor.as_json) {
        json_array_end(&doctor.json);
        strbuf_add_char(&doctor.text, '\n');
    }
    if (rc == ERR_OK)
        rc = cli_print_buf(&doctor.text, err);
    strbuf_done(&doctor.text);
    if (rc == ERR_OK && doctor.failed > 0)
        rc = err_set(err, doctor.worst, "%zu of the checks failed; the lines above say what to do",
                     doctor.failed);
    return rc;
}

const struct cli_verb verb_doctor = {
    .name = "doctor",
    .args = "",
    .summary = "Check keys, disk, schema, reachability, clock and tokens",
    .about = "One line a check, with what to do; ends with an error when one failed.\n\n"
             "  tenon doctor",
    .options =
        {
            {"deep", NULL, "also read every page of every database"},
            {"offline", NULL, "do not call Jira"},
        },
    .network = true,
    .run = run,
};
