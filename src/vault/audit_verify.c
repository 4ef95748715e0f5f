/*
 * audit_verify.c: is the audit trail whole?
 *
 * One pass over all files, oldest first. A line is judged by itself (its hash is that of its bytes)
 * and by its place (its number follows, and it holds the hash of the one before). From where the
 * two disagree follows what was done: see `judge`. What nothing inside the files can show, an end
 * that was cut or a chain that was computed anew, the anchors in the log show.
 */
#include <sodium.h>

#include "vault/audit_scan.h"

struct verifying {
    struct audit_report *report;
    const struct audit_anchor_seen *anchors;
    size_t anchor_count;
    const char *file;
    struct audit_hash hash; /* of the line before */
    int64_t expected;       /* the number that comes next */
    /* Lines in a row that are none. */
    int64_t bad_count, bad_line;
    char bad_file[AUDIT_NAME_BYTES + 1];
    crypto_generichash_state bad_state; /* of their bytes, with the newlines between them */
    int64_t bad_bytes;
    int64_t let_go; /* up to this number a sweep removed lines */
};

/* The same hash as audit_hash_of, in parts. Lengths are in range, so none of it can fail. */
static void hash_begin(crypto_generichash_state *state)
{
    (void)crypto_generichash_init(state, NULL, 0, AUDIT_HASH_HEX / 2);
}

static void hash_add(crypto_generichash_state *state, struct str bytes)
{
    (void)crypto_generichash_update(state, (const unsigned char *)bytes.ptr, bytes.len);
}

static void hash_end(crypto_generichash_state *state, struct audit_hash *ret)
{
    unsigned char hash[AUDIT_HASH_HEX / 2];

    (void)crypto_generichash_final(state, hash, sizeof(hash));
    (void)sodium_bin2hex(ret->hex, sizeof(ret->hex), hash, sizeof(hash));
}

static struct audit_fault *add_fault(struct verifying *state, enum audit_fault_kind kind,
                                     const char *file, int64_t line)
{
    struct audit_report *report = state->report;
    struct audit_fault *fault = NULL;

    if (report->fault_count < AUDIT_FAULTS_MAX) {
        fault = &report->faults[report->fault_count];
        *fault = (struct audit_fault){.kind = kind, .line = line};
        (void)snprintf(fault->file, sizeof(fault->file), "%s", file);
    }
    report->fault_count++;
    return fault;
}

static void add_range(struct verifying *state, enum audit_fault_kind kind, int64_t line,
                      int64_t from, int64_t to)
{
    struct audit_fault *fault = add_fault(state, kind, state->file, line);

    if (fault) {
        fault->seq_from = from;
        fault->seq_to = to;
    }
}

/* The fault that said that this number is missing; NULL: none did. */
static struct audit_fault *gap_of(struct verifying *state, int64_t seq)
{
    struct audit_report *report = state->report;
    size_t known = report->fault_count < AUDIT_FAULTS_MAX ? report->fault_count : AUDIT_FAULTS_MAX;

    for (size_t i = 0; i < known; i++)
        if (report->faults[i].kind == AUDIT_REMOVED && seq >= report->faults[i].seq_from &&
            seq <= report->faults[i].seq_to)
            return &report->faults[i];
    return NULL;
}

/* A line whose number has passed: of a gap, or a second one. */
static void judge_late(struct verifying *state, const struct audit_line *line, int64_t line_no)
{
    struct audit_fault *gap = gap_of(state, line->seq);

    if (!gap) {
        add_range(state, AUDIT_INSERTED, line_no, line->seq, line->seq);
        return;
    }
    /* Not missing, but elsewhere: the gap shrinks at the end that the line is at. */
    if (gap->seq_from == gap->seq_to) {
        gap->kind = AUDIT_REORDERED;
        (void)snprintf(gap->file, sizeof(gap->file), "%s", state->file);
        gap->line = line_no;
        return;
    }
    if (line->seq == gap->seq_from)
        gap->seq_from++;
    else if (line->seq == gap->seq_to)
        gap->seq_to--;
    add_range(state, AUDIT_REORDERED, line_no, line->seq, line->seq);
}

/*
 * Bad lines stand before this good one. True: they are what a crash left (several, when there was
 * one more while the first was closed), and the line says so of just these bytes.
 */
static bool closes(struct verifying *state, const struct audit_row *row,
                   const struct audit_line *line)
{
    struct audit_hash hash;

    hash_end(&state->bad_state, &hash);
    return str_eq_z(row->act, "torn") && str_eq_z(row->why, "torn") &&
           str_eq_z(row->record, hash.hex) && row->count == state->bad_bytes &&
           line->seq == state->expected && strcmp(line->prev.hex, state->hash.hex) == 0;
}

static void judge_bad(struct verifying *state, const struct audit_line *next,
                      const struct audit_row *row)
{
    enum audit_fault_kind kind = AUDIT_CHANGED;

    if (next && closes(state, row, next)) {
        state->report->closed++;
        state->bad_count = 0;
        return;
    }
    /* Nothing is missing around them: so they came in between. */
    if (next && next->seq == state->expected && !str_eq_z(row->act, "torn"))
        kind = AUDIT_INSERTED;
    for (int64_t i = 0; i < state->bad_count; i++)
        add_fault(state, kind, state->bad_file, state->bad_line + i);
    /* A changed line had a number, and the next one is judged as if it had been right. */
    if (next && kind == AUDIT_CHANGED && next->seq == state->expected + state->bad_count) {
        state->expected = next->seq;
        state->hash = next->prev;
    }
    state->bad_count = 0;
}

/* A line that is right in itself: is it in its place? */
static void judge(struct verifying *state, const struct audit_line *line, int64_t line_no)
{
    if (line->seq < state->expected) {
        judge_late(state, line, line_no);
        return;
    }
    if (line->seq > state->expected && state->report->first_seq > 0)
        add_range(state, AUDIT_REMOVED, line_no, state->expected, line->seq - 1);
    else if (line->seq == state->expected && strcmp(line->prev.hex, state->hash.hex) != 0)
        /* The one before was put there with a hash that fits it: either is not what it was. */
        add_range(state, AUDIT_CHANGED, line_no > 1 ? line_no - 1 : line_no, line->seq - 1,
                  line->seq - 1);
    if (state->report->first_seq == 0)
        state->report->first_seq = line->seq;
    state->expected = line->seq + 1;
    state->hash = line->hash;
}

static void compare_anchors(struct verifying *state, const struct audit_line *line, int64_t line_no)
{
    for (size_t i = 0; i < state->anchor_count; i++) {
        if (state->anchors[i].seq != line->seq)
            continue;
        if (strcmp(state->anchors[i].hash.hex, line->hash.hex) == 0)
            state->report->anchors++;
        else
            add_range(state, AUDIT_CHANGED, line_no, line->seq, line->seq);
    }
}

static void add_bad(struct verifying *state, struct str line, int64_t line_no)
{
    if (state->bad_count > 0 && strcmp(state->bad_file, state->file) != 0)
        judge_bad(state, NULL, NULL); /* those of the file before */
    if (state->bad_count++ == 0) {
        hash_begin(&state->bad_state);
        state->bad_bytes = 0;
        state->bad_line = line_no;
        (void)snprintf(state->bad_file, sizeof(state->bad_file), "%s", state->file);
    } else {
        hash_add(&state->bad_state, STR("\n"));
        state->bad_bytes++;
    }
    hash_add(&state->bad_state, line);
    state->bad_bytes += (int64_t)line.len;
}

static enum err_class verify_line(void *arg, struct str text, int64_t line_no, bool whole,
                                  struct err *err)
{
    struct verifying *state = arg;
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct audit_line line;
    struct audit_row row = {.seq = 0};

    (void)err;
    if (!whole || !audit_line_read(text, &line) || !audit_row_read(text, &doc, &row)) {
        if (whole)
            add_bad(state, text, line_no);
        else
            add_fault(state, AUDIT_UNFINISHED, state->file, line_no);
        return ERR_OK;
    }
    if (state->bad_count > 0)
        judge_bad(state, &line, &row);
    judge(state, &line, line_no);
    compare_anchors(state, &line, line_no);
    if (str_eq_z(row.act, "file_removed") && row.count > state->let_go)
        state->let_go = row.count;
    state->report->lines++;
    return ERR_OK;
}

/* The files, and how far the newest one goes while nobody writes. */
static enum err_class look(const struct ctx *ctx, const char *dir, struct audit_files **ret,
                           int64_t *ret_size, struct err *err)
{
    AUTO(free_autop) struct audit_files *files = NULL;
    struct disk_file lock = {-1}, file = {-1};
    enum err_class rc = ERR_OK;

    /* A copy of the folder may lack it, and has no writer. */
    if (audit_file_open(ctx, dir, "lock", false, &lock, err) == ERR_OK)
        rc = disk_file_lock(ctx, &lock, false, err);
    if (rc == ERR_OK)
        rc = audit_files(ctx, dir, &files, err);
    if (rc == ERR_OK && files->count > 0)
        rc = audit_file_open(ctx, dir, files->names[files->count - 1], false, &file, err);
    if (rc == ERR_OK && files->count > 0)
        rc = disk_file_size(ctx, &file, ret_size, err);
    disk_file_close(ctx, &file);
    disk_file_close(ctx, &lock);
    if (rc == ERR_OK)
        *ret = TAKE(files);
    return rc;
}

/* What only the end can tell. */
static void judge_end(struct verifying *state)
{
    struct audit_report *report = state->report;
    int64_t last = state->expected - 1, anchored = 0;

    if (state->bad_count > 0)
        judge_bad(state, NULL, NULL);
    if (report->first_seq > 1 && report->first_seq - 1 > state->let_go) {
        state->file = "";
        add_range(state, AUDIT_REMOVED, 0, state->let_go + 1, report->first_seq - 1);
    }
    for (size_t i = 0; i < state->anchor_count; i++)
        if (state->anchors[i].seq > anchored)
            anchored = state->anchors[i].seq;
    if (anchored > last) {
        state->file = "";
        add_range(state, AUDIT_TRUNCATED, 0, last + 1, anchored);
    }
    report->last_seq = report->lines > 0 ? last : 0;
    report->head = state->hash;
}

enum err_class audit_verify(const struct ctx *ctx, const char *data_dir,
                            const struct audit_anchor_seen *anchors, size_t anchor_count,
                            struct audit_report *ret, struct err *err)
{
    AUTO(free_autop) char *dir = disk_join(data_dir, "audit");
    AUTO(free_autop) struct audit_files *files = NULL;
    struct verifying state = {.report = ret,
                              .anchors = anchors,
                              .anchor_count = anchor_count,
                              .hash = audit_hash_none,
                              .expected = 1};
    const struct audit_scan scan = {dir, verify_line, &state};
    int64_t size = 0;
    enum err_class rc = dir ? look(ctx, dir, &files, &size, err) : err_memory(err);

    *ret = (struct audit_report){.files = rc == ERR_OK ? files->count : 0};
    for (size_t i = 0; rc == ERR_OK && i < files->count; i++) {
        state.file = files->names[i];
        rc = audit_scan_file(ctx, &scan, state.file, i + 1 == files->count ? size : -1, err);
    }
    if (rc == ERR_OK)
        judge_end(&state);
    return rc;
}

static void put_numbers(const struct audit_fault *fault, struct strbuf *buf)
{
    if (fault->seq_from == fault->seq_to)
        strbuf_addf(buf, "number %lld", (long long)fault->seq_from);
    else
        strbuf_addf(buf, "numbers %lld to %lld", (long long)fault->seq_from,
                    (long long)fault->seq_to);
}

void audit_fault_text(const struct audit_fault *fault, struct strbuf *buf)
{
    if (fault->line > 0)
        strbuf_addf(buf, "%s line %lld: ", fault->file, (long long)fault->line);
    switch (fault->kind) {
    case AUDIT_CHANGED:
        strbuf_add_z(buf, "changed: its bytes are not those that were written");
        break;
    case AUDIT_REMOVED:
        strbuf_add_z(buf, "removed: before it, ");
        put_numbers(fault, buf);
        strbuf_add_z(buf, fault->line ? " is missing" : " is missing, and no sweep let it go");
        break;
    case AUDIT_REORDERED:
        strbuf_add_z(buf, "reordered: ");
        put_numbers(fault, buf);
        strbuf_add_z(buf, " belongs elsewhere");
        break;
    case AUDIT_INSERTED:
        strbuf_add_z(buf, "inserted: it was not written here");
        break;
    case AUDIT_TRUNCATED:
        strbuf_add_z(buf, "truncated: ");
        put_numbers(fault, buf);
        strbuf_add_z(buf, " was written, as the log's anchor says, and is gone");
        break;
    case AUDIT_UNFINISHED:
        strbuf_add_z(buf, "unfinished: it has no end; after a crash the next act closes it and "
                          "says so, else it was cut");
        break;
    }
}
