/*
 * audit_read.c: from files to lines, and from lines to rows.
 *
 * A file is read in pieces, so that its size does not matter, up to the size that it had when it
 * was opened. What another process is just appending behind that is left for the next look.
 */
#include "vault/audit_read.h"

#include <assert.h>

#include "base/civil.h"
#include "base/json.h"
#include "vault/audit_scan.h"

#define PIECE_BYTES ((size_t)256 * 1024)

static enum err_class scan_piece(const struct audit_scan *scan, struct str bytes, int64_t *line_no,
                                 size_t *ret_used, struct err *err)
{
    struct str rest = bytes;
    size_t at = 0;

    *ret_used = 0;
    while (str_find(rest, '\n', &at)) {
        enum err_class rc = scan->line(scan->arg, str_sub(rest, 0, at), ++*line_no, true, err);

        if (rc != ERR_OK)
            return rc;
        rest = str_sub(rest, at + 1, rest.len);
        *ret_used = bytes.len - rest.len;
    }
    return ERR_OK;
}

enum err_class audit_scan_file(const struct ctx *ctx, const struct audit_scan *scan,
                               const char *name, int64_t size_max, struct err *err)
{
    struct strbuf bytes = STRBUF_INIT(2 * PIECE_BYTES);
    struct disk_file file = {-1};
    int64_t size = 0, at = 0, line_no = 0;
    enum err_class rc = audit_file_open(ctx, scan->dir, name, false, &file, err);

    if (rc == ERR_OK)
        rc = disk_file_size(ctx, &file, &size, err);
    if (size_max >= 0 && size > size_max)
        size = size_max;
    while (rc == ERR_OK && at < size) {
        size_t wanted = size - at < (int64_t)PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES;
        size_t used = 0, had = bytes.len;

        rc = disk_file_read(ctx, &file, at, wanted, &bytes, err);
        if (rc == ERR_OK && bytes.len == had)
            break; /* it is shorter than it was */
        at += (int64_t)(bytes.len - had);
        if (rc == ERR_OK)
            rc = scan_piece(scan, strbuf_str(&bytes), &line_no, &used, err);
        /* A line that is longer than any real one is handed on in parts: it is damaged anyway. */
        if (rc == ERR_OK && used == 0 && bytes.len >= PIECE_BYTES) {
            rc = scan->line(scan->arg, strbuf_str(&bytes), ++line_no, true, err);
            used = bytes.len;
        }
        if (used > 0) {
            memmove(bytes.ptr, bytes.ptr + used, bytes.len - used);
            bytes.len -= used;
        }
    }
    if (rc == ERR_OK && bytes.len > 0)
        rc = scan->line(scan->arg, strbuf_str(&bytes), ++line_no, false, err);
    disk_file_close(ctx, &file);
    strbuf_done(&bytes);
    return rc == ERR_OK ? rc : err_wrap(err, "reading the audit trail %s/%s", scan->dir, name);
}

static int64_t number(yyjson_val *object, const char *name)
{
    int64_t n = 0;

    return json_i64(object, name, &n) ? n : 0;
}

bool audit_row_read(struct str line, yyjson_doc **ret_doc, struct audit_row *ret)
{
    struct err ignored = {0};

    if (json_read(line, "a line", ret_doc, &ignored) != ERR_OK)
        return false;

    yyjson_val *root = yyjson_doc_get_root(*ret_doc);

    *ret = (struct audit_row){
        .seq = number(root, "seq"),
        .act = json_str(root, "act"),
        .tenant = json_str(root, "tenant"),
        .by = json_str(root, "by"),
        .who = number(root, "who"),
        .name = json_str(root, "name"),
        .record = json_str(root, "record"),
        .field = json_str(root, "field"),
        .row = number(root, "row"),
        .key = json_str(root, "key"),
        .version = number(root, "version"),
        .why = json_str(root, "why"),
        .count = number(root, "count"),
        .result = json_str(root, "result"),
        .line = line,
    };
    return ret->seq > 0 && civil_parse_stamp(json_str(root, "at"), &ret->at_ms);
}

static_assert(AUDIT_ACT_COUNT <= 64 && AUDIT_BY_COUNT <= 64, "each has a bit in a filter");

static bool act_is_in(uint64_t acts, struct str name)
{
    enum audit_act act;

    return acts != 0 && audit_act_parse(name, &act) && (acts & AUDIT_BIT(act)) != 0;
}

static bool by_is_in(uint64_t kinds, struct str name)
{
    enum audit_by by;

    return audit_by_parse(name, &by) && (kinds & AUDIT_BIT(by)) != 0;
}

enum verdict { NOT_ASKED, LEFT_OUT, PASSES };

static enum verdict judge(const struct audit_filter *filter, const struct audit_row *row)
{
    if ((filter->tenant.ptr && !str_eq(filter->tenant, row->tenant)) ||
        (filter->acts && !act_is_in(filter->acts, row->act)) ||
        (filter->by && !by_is_in(filter->by, row->by)) ||
        (filter->who && filter->who != row->who) || row->at_ms < filter->from_ms ||
        (filter->to_ms && row->at_ms >= filter->to_ms) ||
        (filter->before_seq && row->seq >= filter->before_seq))
        return NOT_ASKED;
    return act_is_in(filter->left_out, row->act) ? LEFT_OUT : PASSES;
}

/*
 * Months after the end are not read at all. Those before the beginning are: a file may go on into
 * the next month, when there was no room for a new one.
 */
static bool file_passes(const struct audit_filter *filter, const char *name)
{
    char last[AUDIT_NAME_BYTES + 1];

    if (filter->to_ms == 0)
        return true;
    audit_file_name(filter->to_ms, last);
    return strcmp(name, last) <= 0;
}

/* ---- Oldest first ---- */

struct listing {
    const struct audit_filter *filter;
    enum err_class (*each)(void *arg, const struct audit_row *row, struct err *err);
    void *arg;
};

static enum err_class list_line(void *arg, struct str line, int64_t line_no, bool whole,
                                struct err *err)
{
    const struct listing *listing = arg;
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct audit_row row;

    (void)line_no;
    if (!whole || !audit_row_read(line, &doc, &row) || judge(listing->filter, &row) != PASSES)
        return ERR_OK;
    return listing->each(listing->arg, &row, err);
}

enum err_class
audit_each(const struct ctx *ctx, const char *data_dir, const struct audit_filter *filter,
           enum err_class (*each)(void *arg, const struct audit_row *row, struct err *err),
           void *arg, struct err *err)
{
    AUTO(free_autop) char *dir = disk_join(data_dir, "audit");
    AUTO(free_autop) struct audit_files *files = NULL;
    struct listing listing = {filter, each, arg};
    const struct audit_scan scan = {dir, list_line, &listing};
    enum err_class rc = dir ? audit_files(ctx, dir, &files, err) : err_memory(err);

    for (size_t i = 0; rc == ERR_OK && i < files->count; i++)
        if (file_passes(filter, files->names[i]))
            rc = audit_scan_file(ctx, &scan, files->names[i], -1, err);
    return rc;
}

/* ---- Newest first, a page ---- */

/* The last `max` lines that passed, in a ring; each slot keeps its memory. */
struct slot {
    struct strbuf line;
    int64_t hidden; /* lines of the file that were left out before it */
};

struct paging {
    const struct audit_filter *filter;
    struct slot *ring;
    size_t max, seen;
    int64_t hidden; /* lines of the file that were left out */
};

static enum err_class page_line(void *arg, struct str line, int64_t line_no, bool whole,
                                struct err *err)
{
    struct paging *paging = arg;
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct audit_row row;

    (void)line_no;
    if (!whole || line.len >= AUDIT_LINE_MAX || !audit_row_read(line, &doc, &row))
        return ERR_OK;

    enum verdict verdict = judge(paging->filter, &row);

    paging->hidden += verdict == LEFT_OUT;
    if (verdict != PASSES)
        return ERR_OK;

    struct slot *slot = &paging->ring[paging->seen++ % paging->max];

    slot->hidden = paging->hidden;
    strbuf_reset(&slot->line);
    strbuf_add_str(&slot->line, line);
    return strbuf_check(&slot->line, "a line of the audit trail", err);
}

/*
 * Moves the ring's lines, newest first, behind the rows that are there. *hidden grows by what was
 * left out beside them: of the whole file, unless the page ends within it.
 */
static enum err_class take_ring(const struct paging *paging, struct arena *arena,
                                struct audit_row *rows, size_t max, size_t *count, int64_t *hidden,
                                struct err *err)
{
    size_t have = paging->seen < paging->max ? paging->seen : paging->max;
    int64_t before = 0; /* left out, and older than the page */

    for (size_t i = 0; i < have && *count < max; i++) {
        const struct slot *slot = &paging->ring[(paging->seen - 1 - i) % paging->max];
        AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
        struct audit_row *row = &rows[*count];
        struct str *texts[] = {&row->act,   &row->tenant, &row->by,  &row->name,  &row->record,
                               &row->field, &row->key,    &row->why, &row->result};
        struct str line = arena_dup(arena, strbuf_str(&slot->line));

        if (!line.ptr)
            return err_memory(err);
        if (!audit_row_read(line, &doc, row))
            continue; /* it was read once before */
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            if (!texts[k]->ptr)
                continue;
            *texts[k] = arena_dup(arena, *texts[k]);
            if (!texts[k]->ptr)
                return err_memory(err);
        }
        if (++*count == max)
            before = slot->hidden;
    }
    *hidden += paging->hidden - before;
    return ERR_OK;
}

enum err_class audit_page(const struct ctx *ctx, const char *data_dir,
                          const struct audit_filter *filter, struct arena *arena, size_t max,
                          struct audit_row **ret, size_t *ret_count, int64_t *ret_hidden,
                          struct err *err)
{
    AUTO(free_autop) char *dir = disk_join(data_dir, "audit");
    AUTO(free_autop) struct audit_files *files = NULL;
    AUTO(free_autop) struct slot *ring = calloc(max, sizeof(*ring));
    struct audit_row *rows = arena_alloc(arena, max * sizeof(*rows));
    int64_t hidden = 0;
    size_t count = 0;
    enum err_class rc = dir && ring && rows ? audit_files(ctx, dir, &files, err) : err_memory(err);

    for (size_t i = 0; ring && i < max; i++)
        ring[i].line = STRBUF_INIT(AUDIT_LINE_MAX);
    for (size_t i = rc == ERR_OK ? files->count : 0; rc == ERR_OK && i > 0 && count < max; i--) {
        struct paging paging = {filter, ring, max, 0, 0};
        const struct audit_scan scan = {dir, page_line, &paging};

        if (!file_passes(filter, files->names[i - 1]))
            continue;
        rc = audit_scan_file(ctx, &scan, files->names[i - 1], -1, err);
        if (rc == ERR_OK)
            rc = take_ring(&paging, arena, rows, max, &count, &hidden, err);
    }
    for (size_t i = 0; ring && i < max; i++)
        strbuf_done(&ring[i].line);
    if (rc != ERR_OK)
        return rc;
    *ret = rows;
    *ret_count = count;
    *ret_hidden = hidden;
    return ERR_OK;
}
