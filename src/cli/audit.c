/* audit.c: `tenon audit`: what the audit trail says, and whether it is whole. */
#include "cli/audit.h"

#include "base/civil.h"
#include "base/disk.h"
#include "base/json.h"
#include "vault/audit_read.h"

#define PRINT_AT 65536 /* bytes gathered before they are written */
#define ANCHORS_MAX 20000
#define LOG_PIECE_BYTES ((size_t)1024 * 1024)

enum err_class cli_option_time(const struct cli *cli, const char *option, int64_t *ret_ms,
                               struct err *err)
{
    const char *text = cli_value(cli, option);
    struct civil_date date;

    *ret_ms = 0;
    if (!text || civil_parse_stamp(str_from(text), ret_ms))
        return ERR_OK;
    if (!civil_parse_date(str_from(text), &date))
        return err_set(err, ERR_USAGE,
                       "--%s %s is no time; write it like 2026-01-31 or 2026-01-31T09:00:00Z",
                       option, text);
    *ret_ms = (int64_t)civil_days(date) * MS_PER_DAY;
    return ERR_OK;
}

enum err_class cli_option_tenant(struct cli *cli, char ret[TENANT_ID_BYTES + 1], struct err *err)
{
    const char *given = cli_value(cli, "tenant");
    AUTO(data_close_autop) struct data *data = NULL;
    struct tenant_info info = {0};

    ret[0] = '\0';
    if (!given)
        return ERR_OK;

    enum err_class rc = cli_open_data(cli, false, &data, err);

    if (rc == ERR_OK)
        rc = tenant_find(data, str_from(given), &info, err);
    /* One that was erased is known by its id alone. */
    if (rc == ERR_NOT_FOUND && given[0] == 't' && strlen(given) == TENANT_ID_BYTES) {
        *err = (struct err){0};
        memcpy(ret, given, TENANT_ID_BYTES + 1);
        return ERR_OK;
    }
    if (rc == ERR_OK)
        memcpy(ret, info.id, sizeof(info.id));
    return rc;
}

/* ---- Listing ---- */

struct printer {
    struct strbuf text;
    bool json;
};

static void put_part(struct strbuf *text, const char *name, struct str value)
{
    if (value.ptr)
        strbuf_addf(text, " %s=" STR_FMT, name, STR_ARG(value));
}

static void put_number(struct strbuf *text, const char *name, int64_t value)
{
    if (value)
        strbuf_addf(text, " %s=%lld", name, (long long)value);
}

static void put_row(struct strbuf *text, const struct audit_row *row)
{
    char at[CIVIL_STAMP_BYTES + 1];

    civil_format_stamp(row->at_ms, at);
    strbuf_addf(text, "%-8lld %s " STR_FMT " by=" STR_FMT, (long long)row->seq, at,
                STR_ARG(row->act), STR_ARG(row->by));
    put_number(text, "who", row->who);
    put_part(text, "name", row->name);
    put_part(text, "tenant", row->tenant);
    put_part(text, "record", row->record);
    put_part(text, "field", row->field);
    put_number(text, "row", row->row);
    put_part(text, "key", row->key);
    put_number(text, "version", row->version);
    put_part(text, "why", row->why);
    put_number(text, "count", row->count);
    put_part(text, "result", row->result);
    strbuf_add_char(text, '\n');
}

static enum err_class print_row(void *arg, const struct audit_row *row, struct err *err)
{
    struct printer *printer = arg;

    if (printer->json) {
        strbuf_add_str(&printer->text, row->line);
        strbuf_add_char(&printer->text, '\n');
    } else {
        put_row(&printer->text, row);
    }
    if (printer->text.len < PRINT_AT)
        return ERR_OK;

    enum err_class rc = cli_print_buf(&printer->text, err);

    strbuf_reset(&printer->text);
    return rc;
}

/* Names split by commas, a bit each; NULL: none. */
static enum err_class read_acts(const char *option, const char *names, uint64_t *ret,
                                struct err *err)
{
    struct str rest = str_from(names);
    enum audit_act act;

    while (rest.len > 0) {
        struct str name = str_cut(rest, ',', &rest);

        if (!audit_act_parse(name, &act))
            return err_set(err, ERR_USAGE,
                           "--%s: there is no act " STR_FMT "; docs/audit.md lists them", option,
                           STR_ARG(str_sub(name, 0, 40)));
        *ret |= AUDIT_BIT(act);
    }
    return ERR_OK;
}

static enum err_class read_actor(const struct cli *cli, struct audit_filter *ret, struct err *err)
{
    const char *number = cli_value(cli, "who");
    struct str rest = str_from(cli_value(cli, "by"));
    enum audit_by by;

    while (rest.len > 0) {
        struct str name = str_cut(rest, ',', &rest);

        if (!audit_by_parse(name, &by))
            return err_set(err, ERR_USAGE,
                           "--by " STR_FMT " is nobody; there are program, nobody, person, admin, "
                           "token, job, operator and remote",
                           STR_ARG(str_sub(name, 0, 40)));
        ret->by |= AUDIT_BIT(by);
    }
    if (number && !parse_i64(str_from(number), 1, INT64_MAX, &ret->who))
        return err_set(err, ERR_USAGE, "--who %.40s is no number; write it as the list does",
                       number);
    return ERR_OK;
}

static enum err_class run_list(struct cli *cli, struct err *err)
{
    struct printer printer = {.text = STRBUF_INIT(2 * PRINT_AT), .json = cli_flag(cli, "json")};
    struct audit_filter filter = {.from_ms = 0};
    char tenant[TENANT_ID_BYTES + 1];
    enum err_class rc = cli_option_time(cli, "from", &filter.from_ms, err);

    if (rc == ERR_OK)
        rc = cli_option_time(cli, "to", &filter.to_ms, err);
    if (rc == ERR_OK)
        rc = read_acts("act", cli_value(cli, "act"), &filter.acts, err);
    if (rc == ERR_OK)
        rc = read_acts("without", cli_value(cli, "without"), &filter.left_out, err);
    if (rc == ERR_OK)
        rc = read_actor(cli, &filter, err);
    if (rc == ERR_OK)
        rc = cli_option_tenant(cli, tenant, err);
    if (rc == ERR_OK && tenant[0])
        filter.tenant = str_from(tenant);
    if (rc == ERR_OK)
        rc = audit_each(&cli->ctx, cli->data_dir, &filter, print_row, &printer, err);
    if (rc == ERR_OK)
        rc = cli_print_buf(&printer.text, err);
    strbuf_done(&printer.text);
    return rc;
}

/* ---- Anchors in the day logs ---- */

struct anchors {
    const struct cli *cli;
    const char *dir;
    struct audit_anchor_seen *list;
    size_t count;
    enum err_class rc;
    struct err err;
};

static void take_anchor(struct anchors *anchors, struct str line)
{
    static const char mark[] = "\"event\":\"audit_anchor\"";
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct audit_anchor_seen anchor = {.seq = 0};
    struct err ignored;

    if (!memmem(line.ptr, line.len, mark, sizeof(mark) - 1) ||
        json_read(line, "a log line", &doc, &ignored) != ERR_OK)
        return;

    yyjson_val *root = yyjson_doc_get_root(doc);
    struct str hash = json_str(root, "hash");

    if (!json_i64(root, "seq", &anchor.seq) || hash.len != AUDIT_HASH_HEX ||
        anchors->count == ANCHORS_MAX)
        return;
    memcpy(anchor.hash.hex, hash.ptr, AUDIT_HASH_HEX);
    anchors->list[anchors->count++] = anchor;
}

/* One day's log, in pieces: it may be large, and anchors are few. */
static enum err_class read_log(struct anchors *anchors, const char *name, struct err *err)
{
    const struct ctx *ctx = &anchors->cli->ctx;
    AUTO(strbuf_done) struct strbuf bytes = STRBUF_INIT(2 * LOG_PIECE_BYTES);
    struct disk_file file = {-1};
    int64_t at = 0;
    size_t had;
    enum err_class rc = audit_file_open(ctx, anchors->dir, name, false, &file, err);

    do {
        struct str rest = strbuf_str(&bytes);
        size_t end = 0;

        while (str_find(rest, '\n', &end)) {
            take_anchor(anchors, str_sub(rest, 0, end));
            rest = str_sub(rest, end + 1, rest.len);
        }
        if (rest.len > LOG_PIECE_BYTES)
            rest.len = 0; /* no line of ours */
        if (rest.len > 0)
            memmove(bytes.ptr, rest.ptr, rest.len);
        bytes.len = rest.len;
        had = bytes.len;
        if (rc == ERR_OK)
            rc = disk_file_read(ctx, &file, at, LOG_PIECE_BYTES, &bytes, err);
        at += (int64_t)(bytes.len - had);
    } while (rc == ERR_OK && bytes.len > had);
    disk_file_close(ctx, &file);
    return rc;
}

static void read_day(void *arg, const char *name)
{
    struct anchors *anchors = arg;
    size_t len = strlen(name);

    if (anchors->rc == ERR_OK && len > 4 && strcmp(name + len - 4, ".log") == 0)
        anchors->rc = read_log(anchors, name, &anchors->err);
}

static enum err_class find_anchors(struct anchors *anchors, struct err *err)
{
    enum err_class rc = ERR_OK;

    if (disk_exists(&anchors->cli->ctx, anchors->dir))
        rc = disk_list(&anchors->cli->ctx, anchors->dir, read_day, anchors, err);
    if (rc == ERR_OK && anchors->rc != ERR_OK) {
        *err = anchors->err;
        rc = anchors->rc;
    }
    return rc;
}

/* ---- Verifying ---- */

static const char *const fault_names[] = {
    [AUDIT_CHANGED] = "changed",     [AUDIT_REMOVED] = "removed",
    [AUDIT_REORDERED] = "reordered", [AUDIT_INSERTED] = "inserted",
    [AUDIT_TRUNCATED] = "truncated", [AUDIT_UNFINISHED] = "unfinished"};

static void put_report_json(const struct audit_report *report, size_t anchors, struct strbuf *text)
{
    struct json_out out = json_out(text);
    size_t shown = report->fault_count < AUDIT_FAULTS_MAX ? report->fault_count : AUDIT_FAULTS_MAX;
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"files", (int64_t)report->files},
                   {"lines", report->lines},
                   {"first", report->first_seq},
                   {"last", report->last_seq},
                   {"closed", report->closed},
                   {"anchors", (int64_t)anchors},
                   {"anchors_found", (int64_t)report->anchors},
                   {"fault_count", (int64_t)report->fault_count}};

    json_object(&out);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_key(&out, numbers[i].name);
        json_put_i64(&out, numbers[i].value);
    }
    json_key(&out, "head");
    json_put_z(&out, report->head.hex);
    json_key(&out, "faults");
    json_array(&out);
    for (size_t i = 0; i < shown; i++) {
        const struct audit_fault *fault = &report->faults[i];
        struct strbuf says AUTO(strbuf_done) = STRBUF_INIT(1024);

        audit_fault_text(fault, &says);
        json_object(&out);
        json_key(&out, "what");
        json_put_z(&out, fault_names[fault->kind]);
        json_key(&out, "file");
        json_put_z(&out, fault->file);
        json_key(&out, "line");
        json_put_i64(&out, fault->line);
        json_key(&out, "says");
        json_put_str(&out, strbuf_str(&says));
        json_object_end(&out);
    }
    json_array_end(&out);
    json_object_end(&out);
    strbuf_add_char(text, '\n');
}

static void put_report_text(const struct audit_report *report, size_t anchors, struct strbuf *text)
{
    size_t shown = report->fault_count < AUDIT_FAULTS_MAX ? report->fault_count : AUDIT_FAULTS_MAX;

    strbuf_addf(text, "%zu files, ", report->files);
    cli_put_count(text, report->lines);
    strbuf_addf(text, " lines, numbers %lld to %lld. Head %s.\n", (long long)report->first_seq,
                (long long)report->last_seq, report->head.hex);
    strbuf_addf(text, "Anchors in the logs: %zu, of which %zu stand in the trail.\n", anchors,
                report->anchors);
    if (report->closed)
        strbuf_addf(text, "Pieces that a crash left, and that were closed: %lld.\n",
                    (long long)report->closed);
    for (size_t i = 0; i < shown; i++) {
        audit_fault_text(&report->faults[i], text);
        strbuf_add_char(text, '\n');
    }
    if (report->fault_count > shown)
        strbuf_addf(text, "… and %zu more\n", report->fault_count - shown);
}

static enum err_class run_verify(struct cli *cli, struct err *err)
{
    AUTO(free_autop) char *logs = disk_join(cli->data_dir, "logs");
    AUTO(free_autop) struct audit_report *report = calloc(1, sizeof(*report));
    AUTO(free_autop)
    struct audit_anchor_seen *list = calloc(ANCHORS_MAX, sizeof(*list));
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT((size_t)4 * 1024 * 1024);
    struct anchors anchors = {.cli = cli, .dir = cli_value(cli, "logs"), .list = list};

    if (!logs || !report || !list)
        return err_memory(err);
    if (!anchors.dir)
        anchors.dir = logs;

    enum err_class rc = find_anchors(&anchors, err);

    if (rc == ERR_OK)
        rc = audit_verify(&cli->ctx, cli->data_dir, list, anchors.count, report, err);
    if (rc == ERR_OK && report->files == 0 && anchors.count == 0)
        rc = err_set(err, ERR_NOT_FOUND, "there is no audit trail in %s", cli->data_dir);
    if (rc != ERR_OK)
        return rc;
    if (cli_flag(cli, "json"))
        put_report_json(report, anchors.count, &text);
    else
        put_report_text(report, anchors.count, &text);
    rc = cli_print_buf(&text, err);
    if (rc == ERR_OK && report->fault_count > 0)
        rc = err_set(err, ERR_CORRUPT, "the audit trail is not whole; faults: %zu",
                     report->fault_count);
    return rc;
}

const struct cli_verb verb_audit = {
    .name = "audit",
    .args = "",
    .summary = "List who did what: openings of secrets, sign-ins, exports, …",
    .about = "Oldest first, one line each; --json prints the lines as they stand in the files\n"
             "(DATA/audit), with their hashes. A person is the number of their row in the\n"
             "tenant's database; `tenon person show` says which. docs/audit.md lists the acts.\n\n"
             "  tenon audit --act sign_in,password_set --from 2026-01-01\n"
             "  tenon audit --without open_secret --by person,operator\n"
             "  tenon audit --tenant acme --json",
    .options = {{"tenant", "TENANT", "only of that tenant; one that was erased by its id"},
                {"act", "ACT,…", "only these acts: open_secret, sign_in, exported, …"},
                {"without", "ACT,…", "not these acts; openings of secrets are most of all lines"},
                {"by", "KIND,…", "only by a person, token, admin, operator, job, program, …"},
                {"who", "NUMBER", "only by the one with that number, which the list calls who"},
                {"from", "TIME", "not before: 2026-01-31, or 2026-01-31T09:00:00Z"},
                {"to", "TIME", "before: likewise"},
                {"json", NULL, "print JSON lines"}},
    .run = run_list,
};

const struct cli_verb verb_audit_verify = {
    .name = "audit verify",
    .args = "",
    .summary = "Prove that the audit trail is whole",
    .about =
        "Computes the chain of hashes over all files anew, and compares it with the anchors that\n"
        "the server put into its log once a day. Each line that was changed, removed, reordered,\n"
        "inserted or cut off is named by file and line; then it ends with an error.\n\n"
        "  tenon audit verify",
    .options = {{"logs", "FOLDER", "where copies of the day logs are (default DATA/logs)"},
                {"json", NULL, "print JSON"}},
    .run = run_verify,
};
