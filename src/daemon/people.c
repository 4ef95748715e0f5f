/*
 * people.c: one person, and a tenant's configuration, by the API; and what a running server must
 * forget when a person is erased.
 *
 * Another process that erases (the command line) is followed by itself: sessions and tokens are
 * proved again every ten seconds, and the apps see in the database that rows changed.
 */
#include "daemon/people.h"

#include "base/log.h"
#include "custody/ledger.h"
#include "custody/transfer.h"
#include "daemon/internal.h"

#define WAIT_MS 5000 /* for a synchronization that is at work */

/* ---- The apps ---- */

static enum err_class tell_apps(void *arg, struct tenant *tenant, struct err *err)
{
    const struct app_list *list = arg;
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < list->count && rc == ERR_OK; i++)
        if (list->apps[i]->rows_changed)
            rc = list->apps[i]->rows_changed(tenant, err);
    return rc;
}

struct app_list daemon_apps(const struct daemon *daemon)
{
    return (struct app_list){daemon->options.apps, daemon->options.app_count};
}

struct rows_hook apps_hook(const struct app_list *list)
{
    return (struct rows_hook){.changed = tell_apps, .arg = (void *)list};
}

/* ---- Erasing ---- */

/* The rows are gone; these also forget what is in memory. The first error is told. */
static enum err_class forget(struct daemon *daemon, struct tenant *tenant, const char *account,
                             struct err *err)
{
    struct auth *auth = &daemon->auth;
    struct err later = {0};
    enum err_class rc = session_end_account(auth->sessions, tenant->info.id, account, err);
    enum err_class next =
        api_token_close_account(auth->tokens, tenant, account, rc == ERR_OK ? err : &later);

    if (rc == ERR_OK)
        rc = next;
    if (auth->oauth) {
        next = oauth_forget(auth->oauth, tenant->info.id, account, rc == ERR_OK ? err : &later);
        if (rc == ERR_OK)
            rc = next;
    }
    daemon_forget_site(daemon, tenant->info.id);
    return rc;
}

static enum err_class note_erased(struct daemon *daemon, struct tenant *tenant, struct err *err)
{
    struct data *data = NULL;
    enum err_class rc = store_pool_data(daemon->store, &data, err);

    if (rc == ERR_OK)
        rc = ledger_note_persons(data, tenant, err);
    store_pool_give_data(daemon->store, data);
    return rc;
}

/* person_erase, and what this process remembers of the account goes too. */
static enum err_class erase_person(struct daemon *daemon, struct tenant *tenant, struct str account,
                                   int64_t wait_ms, struct person_erased *ret, struct err *err)
{
    const struct app_list list = daemon_apps(daemon);
    const struct rows_hook hook = apps_hook(&list);
    struct person_erased done = {0};
    enum err_class rc = person_erase(tenant, account, wait_ms, &hook, &done, err);

    if (rc != ERR_OK)
        return rc;

    AUTO(free_autop) char *name = str_dup_z(account);

    rc = name ? forget(daemon, tenant, name, err) : err_memory(err);
    if (rc == ERR_OK)
        rc = note_erased(daemon, tenant, err);
    if (rc == ERR_OK)
        rc = person_overwrite(tenant, err);
    LOG(&daemon->ctx, LOG_INFO, "person_erased", LOG_IDENT("tenant", tenant->info.id),
        LOG_NUM("rows", done.rows), LOG_NAME("memory", err_class_name(rc)));
    if (rc == ERR_OK)
        *ret = done;
    return rc;
}

/* ---- Routes ---- */

static enum err_class to_out(void *arg, struct str part, struct err *err)
{
    struct strbuf *out = arg;

    strbuf_add_str(out, part);
    if (out->failed == ERR_LIMIT)
        return err_set(err, ERR_LIMIT,
                       "the answer would have more than %zu bytes; take it on the server with "
                       "`tenon person export`",
                       out->max);
    return out->failed == ERR_OK ? ERR_OK : err_memory(err);
}

static enum err_class answer_person(struct request *request, enum audit_act act, int64_t rows_max,
                                    struct err *err)
{
    const struct rows_sink sink = {.write = to_out, .arg = &request->ex->out};
    AUTO(person_document_done) struct person_document document;
    struct str account = request->ex->params[0];
    int64_t rows = 0;
    enum err_class rc;

    person_begin(&document, &sink, rows_max, act, account);
    rc = person_check_account(account, err);
    if (rc == ERR_OK)
        rc = person_write(&document, request->tenant, account, &rows, err);
    if (rc == ERR_OK)
        rc = person_end(&document, err);
    return rc;
}

static enum err_class show(struct request *request, struct err *err)
{
    struct str text = http_in_query(request->ex, "rows");
    int64_t rows_max = INT64_MAX;

    if (text.len > 0 && !parse_i64(text, 0, INT64_MAX, &rows_max))
        return err_set(err, ERR_INPUT,
                       "rows must be a number, of rows of each record; leave it out for all");
    return answer_person(request, AUDIT_PERSON_SHOWN, rows_max, err);
}

static enum err_class export(struct request *request, struct err *err) {
    enum err_class rc = answer_person(request, AUDIT_PERSON_EXPORTED, INT64_MAX, err);

    if (rc == ERR_OK)
        http_out_header(request->ex, "Content-Disposition", "attachment; filename=\"person.json\"");
    return rc;
}

static enum err_class erase(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    struct person_erased done = {0};
    enum err_class rc =
        erase_person(request->daemon, request->tenant, request->ex->params[0], WAIT_MS, &done, err);

    if (rc == ERR_OK && !done.held)
        return err_set(err, ERR_NOT_FOUND, "nothing is held on this account in %s",
                       request->tenant->info.name);
    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "erased");
    json_put_bool(&json, true);
    json_key(&json, "rows");
    json_put_i64(&json, done.rows);
    json_object_end(&json);
    return ERR_OK;
}

/* ---- The configuration ---- */

#define IMPORT_BODY_MAX ((size_t)64 * 1024 * 1024)

static enum err_class get_configuration(struct request *request, struct err *err)
{
    const struct rows_sink sink = {.write = to_out, .arg = &request->ex->out};
    int64_t rows = 0;

    return transfer_export(request->tenant, &sink, &rows, err);
}

struct from_body {
    struct str body;
    size_t at;
};

static enum err_class from_start(void *arg, struct err *err)
{
    struct from_body *from = arg;

    (void)err;
    from->at = 0;
    return ERR_OK;
}

static enum err_class from_part(void *arg, char *bytes, size_t len, size_t *ret_len,
                                struct err *err)
{
    struct from_body *from = arg;
    struct str part = str_sub(from->body, from->at, len);

    (void)err;
    if (part.len > 0)
        memcpy(bytes, part.ptr, part.len);
    from->at += part.len;
    *ret_len = part.len;
    return ERR_OK;
}

static enum err_class post_configuration(struct request *request, struct err *err)
{
    const struct app_list list = daemon_apps(request->daemon);
    const struct rows_hook hook = apps_hook(&list);
    const struct transfer_options options = {
        .wait_ms = WAIT_MS,
        .other_site = str_eq_z(http_in_query(request->ex, "other_site"), "true"),
        .hook = &hook};
    struct from_body from = {.body = request->ex->body};
    const struct transfer_source source = {.rewind = from_start, .read = from_part, .arg = &from};
    struct json_out json = json_out(&request->ex->out);
    struct transfer_imported done = {0};
    enum err_class rc = transfer_import(request->tenant, &source, &options, &done, err);

    if (rc != ERR_OK)
        return rc;
    daemon_forget_site(request->daemon, request->tenant->info.id);
    json_object(&json);
    json_key(&json, "rows");
    json_put_i64(&json, done.rows);
    json_key(&json, "left_out");
    json_put_i64(&json, done.erased);
    json_object_end(&json);
    return ERR_OK;
}

static const struct api_route routes[] = {
    {HTTP_GET, "/api/v1/configuration", 0, API_TENANT | API_ADMIN, get_configuration, NULL},
    {HTTP_POST, "/api/v1/configuration", IMPORT_BODY_MAX, API_TENANT | API_ADMIN | API_STRICT,
     post_configuration, NULL},
    {HTTP_GET, "/api/v1/people/{account}", 0, API_TENANT | API_ADMIN, show, NULL},
    {HTTP_GET, "/api/v1/people/{account}/export", 0, API_TENANT | API_ADMIN, export, NULL},
    {HTTP_DELETE, "/api/v1/people/{account}", 0, API_TENANT | API_ADMIN | API_STRICT, erase, NULL},
};

const struct api_area person_area = {routes, ARRAY_LEN(routes)};
