/* fault.c: answers that a client must survive. */
#include "fault.h"

#include "base/json.h"
#include "api.h"

#define HUGE_BYTES (INT64_C(2) * 1024 * 1024 * 1024)

static const char *const kind_names[FAULT_KIND_COUNT] = {
    [FAULT_NONE] = "none",         [FAULT_STATUS] = "status",
    [FAULT_DELAY] = "delay",       [FAULT_CUT_OFF] = "cut_off",
    [FAULT_HTML] = "html",         [FAULT_REDIRECT] = "redirect",
    [FAULT_EMPTY] = "empty",       [FAULT_BAD_JSON] = "bad_json",
    [FAULT_HUGE] = "huge",         [FAULT_ENDLESS] = "endless",
    [FAULT_RESET] = "reset",       [FAULT_MISSING_FIELD] = "missing_field",
    [FAULT_BAD_DATE] = "bad_date", [FAULT_SET_FIELD] = "set_field",
};

const char *fault_kind_name(enum fault_kind kind)
{
    return kind_names[kind];
}

bool fault_kind_parse(struct str name, enum fault_kind *ret)
{
    for (size_t i = 1; i < FAULT_KIND_COUNT; i++) {
        if (str_eq_z(name, kind_names[i])) {
            *ret = (enum fault_kind)i;
            return true;
        }
    }
    return false;
}

void faults_init(struct faults *faults)
{
    *faults = (struct faults){.count = 0};
    (void)pthread_mutex_init(&faults->mutex, NULL);
}

void faults_done(struct faults *faults)
{
    (void)pthread_mutex_destroy(&faults->mutex);
}

bool faults_add(struct faults *faults, const struct fault *fault)
{
    pthread_mutex_lock(&faults->mutex);

    bool room = faults->count < FAULT_RULES_MAX;

    if (room)
        faults->rules[faults->count++] = *fault;
    pthread_mutex_unlock(&faults->mutex);
    return room;
}

void faults_clear(struct faults *faults)
{
    pthread_mutex_lock(&faults->mutex);
    faults->count = 0;
    pthread_mutex_unlock(&faults->mutex);
}

static bool fits(const struct fault *fault, const struct http_exchange *ex)
{
    /* Path and raw query are one text in the exchange's arena, with the '?' between them. */
    struct str url = {ex->path.ptr, ex->path.len + (ex->raw_query.ptr ? 1 + ex->raw_query.len : 0)};
    size_t len = strlen(fault->path);

    if (!fault->any_method && fault->method != ex->method)
        return false;
    return len == 0 || memmem(url.ptr, url.len, fault->path, len) != NULL;
}

bool faults_pick(struct faults *faults, const struct http_exchange *ex, struct fault *ret)
{
    bool found = false;

    pthread_mutex_lock(&faults->mutex);
    for (size_t i = 0; i < faults->count && !found; i++) {
        struct fault *rule = &faults->rules[i];

        if (!fits(rule, ex))
            continue;
        if (rule->after > 0) {
            rule->after--;
            continue;
        }
        *ret = *rule;
        found = true;
        if (rule->times > 0 && --rule->times == 0) { /* used up: its place is free again */
            memmove(rule, rule + 1, (faults->count - i - 1) * sizeof(*rule));
            faults->count--;
        }
    }
    pthread_mutex_unlock(&faults->mutex);
    return found;
}

/* JSON for ever: it is good so far at every moment. */
static ssize_t endless(void *arg, uint64_t at, char *room, size_t len)
{
    (void)arg;
    memset(room, ' ', len);
    if (at == 0)
        room[0] = '[';
    return (ssize_t)len;
}

static void add_headers(const struct fault *fault, struct http_exchange *ex)
{
    for (size_t i = 0; i < fault->header_count; i++) {
        struct str value = {NULL, 0};
        struct str name = str_cut(str_from(fault->headers[i]), ':', &value);
        char *name_z = arena_dup_z(ex->arena, name);
        char *value_z = arena_dup_z(ex->arena, str_trim(value));

        if (name_z && value_z)
            http_out_header(ex, name_z, value_z);
    }
}

static void answer_html(const struct fault *fault, struct http_exchange *ex)
{
    ex->status = fault->status ? fault->status : 200;
    ex->content_type = "text/html;charset=UTF-8";
    strbuf_add_z(&ex->out, "<!DOCTYPE html><html><head><title>Log in - Jira</title></head><body>"
                           "<h1>Something is not right</h1></body></html>");
}

bool fault_answers(const struct fault *fault, struct http_exchange *ex)
{
    add_headers(fault, ex);
    switch (fault->kind) {
    case FAULT_STATUS:
        api_error(ex, fault->status ? fault->status : 500, "Internal server error");
        return true;
    case FAULT_HTML:
        answer_html(fault, ex);
        return true;
    case FAULT_REDIRECT:
        ex->status = fault->status ? fault->status : 302;
        http_out_header(ex, "Location",
                        fault->value[0] ? fault->value : "/login.jsp?os_destination=%2F");
        return true;
    case FAULT_EMPTY:
        ex->status = fault->status ? fault->status : 200;
        return true;
    case FAULT_HUGE:
    case FAULT_ENDLESS:
        ex->stream = endless;
        ex->stream_bytes = fault->kind == FAULT_HUGE ? HUGE_BYTES : -1;
        return true;
    case FAULT_RESET:
        ex->drop = true;
        return true;
    case FAULT_NONE:
    case FAULT_DELAY:
    case FAULT_CUT_OFF:
    case FAULT_BAD_JSON:
    case FAULT_MISSING_FIELD:
    case FAULT_BAD_DATE:
    case FAULT_SET_FIELD:
    case FAULT_KIND_COUNT:
        break;
    }
    return false;
}

/* The first object that has the member, depth first; depth is bounded by what we write. */
static yyjson_mut_val *owner_of(yyjson_mut_val *value, const char *name)
{
    size_t at, max;
    yyjson_mut_val *key, *item, *found = NULL;

    if (yyjson_mut_is_obj(value)) {
        if (yyjson_mut_obj_get(value, name))
            return value;
        yyjson_mut_obj_foreach(value, at, max, key, item)
        {
            if (!found)
                found = owner_of(item, name);
        }
    } else if (yyjson_mut_is_arr(value)) {
        yyjson_mut_arr_foreach(value, at, max, item)
        {
            if (!found)
                found = owner_of(item, name);
        }
    }
    return found;
}

static void change_member(const struct fault *fault, struct http_exchange *ex)
{
    yyjson_doc *doc = yyjson_read(strbuf_z(&ex->out), ex->out.len, 0);
    yyjson_mut_doc *changed = doc ? yyjson_doc_mut_copy(doc, NULL) : NULL;
    yyjson_mut_val *owner = changed ? owner_of(changed->root, fault->name) : NULL;
    yyjson_doc *value =
        fault->kind == FAULT_SET_FIELD ? yyjson_read(fault->value, strlen(fault->value), 0) : NULL;
    char *text = NULL;
    size_t len = 0;

    if (owner && fault->kind == FAULT_MISSING_FIELD)
        (void)yyjson_mut_obj_remove_key(owner, fault->name);
    else if (owner && fault->kind == FAULT_BAD_DATE)
        (void)yyjson_mut_obj_replace(owner, yyjson_mut_strcpy(changed, fault->name),
                                     yyjson_mut_str(changed, "2026-02-30T25:61:00.000+0000"));
    else if (owner && value)
        (void)yyjson_mut_obj_replace(owner, yyjson_mut_strcpy(changed, fault->name),
                                     yyjson_val_mut_copy(changed, yyjson_doc_get_root(value)));
    if (owner)
        text = yyjson_mut_write(changed, 0, &len);
    if (text) {
        strbuf_reset(&ex->out);
        strbuf_add(&ex->out, text, len);
    }
    free(text);
    yyjson_doc_free(value);
    yyjson_mut_doc_free(changed);
    yyjson_doc_free(doc);
}

void fault_spoil(const struct fault *fault, struct http_exchange *ex)
{
    ex->delay_ms += fault->delay_ms;
    switch (fault->kind) {
    case FAULT_CUT_OFF:
        ex->cut_off = true;
        break;
    case FAULT_BAD_JSON:
        /* In the middle, so that the front looks good. */
        if (ex->out.len > 2)
            memcpy(ex->out.ptr + ex->out.len / 2, "\x01,", 2);
        break;
    case FAULT_MISSING_FIELD:
    case FAULT_BAD_DATE:
    case FAULT_SET_FIELD:
        change_member(fault, ex);
        break;
    case FAULT_NONE:
    case FAULT_STATUS:
    case FAULT_DELAY:
    case FAULT_HTML:
    case FAULT_REDIRECT:
    case FAULT_EMPTY:
    case FAULT_HUGE:
    case FAULT_ENDLESS:
    case FAULT_RESET:
    case FAULT_KIND_COUNT:
        break;
    }
}
