/*
 * audit.c: writing the audit trail.
 *
 * The model: a thread that writes puts its entry into a queue. One of those that wait leads: it
 * takes the whole queue, takes the lock of the folder (audit/lock, against other processes), looks
 * whether the file grew meanwhile, appends all lines with one write and one fdatasync, and wakes
 * the others. So one thread alone waits for the disk once per line, and a hundred together wait
 * once too.
 *
 * The head of the chain (number, hash, size of the file) is kept in memory, and believed only as
 * long as the file has just that size. What stands behind the last whole line when the file is
 * first read, or when another process died while writing, is closed by a line that says so.
 *
 * A full disk: some megabytes are reserved behind the file's end, so that reading, which opens
 * secrets, goes on for thousands of lines after everything else has failed.
 *
 * Threads: the fields of "the leader's own" belong to whoever leads; `busy` says that somebody
 * does.
 */
#include "vault/audit.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/civil.h"
#include "base/disk.h"
#include "base/limits.h"
#include "base/log.h"
#include "vault/audit_line.h"

#define BATCH_LINES_MAX 256
#define BATCH_BYTES_MAX ((BATCH_LINES_MAX + 2) * AUDIT_LINE_MAX)
#define RESERVE_BYTES INT64_C(4194304)          /* behind the end of the file: 10,000 lines */
#define RESERVE_LEAST_BYTES (RESERVE_BYTES / 2) /* with less, it is filled up again */

/* One thread's entry; on its stack until `done`. */
struct waiting {
    struct waiting *next;
    struct str middle;
    bool done;
    enum err_class rc;
    struct err err;
};

struct audit {
    const struct ctx *ctx;
    char *dir;
    _Atomic unsigned refs;
    pthread_mutex_t mutex; /* of the next three */
    pthread_cond_t changed;
    bool busy;
    struct waiting *first, **last;

    /* The leader's own. */
    struct disk_file lock, file;
    char name[AUDIT_NAME_BYTES + 1]; /* of `file` */
    bool known;                      /* size, seq and hash are those of the file */
    int64_t size, seq;
    struct audit_hash hash;
    int64_t torn_bytes; /* behind the last whole line */
    bool torn_closed;   /* they end with a newline: no crash leaves that */
    struct audit_hash torn_hash;
    int64_t reserved_to;
    int32_t anchored_day; /* the head went into the log on that day; 0: not yet */
};

/* Who acts on this thread. The one place where the caller is not a parameter: openings of secrets
 * happen far below the code that knows who asked. */
static _Thread_local const struct audit_who *acting;

static const struct audit_who the_program = {.by = AUDIT_BY_PROGRAM};

void audit_act_as(const struct audit_who *who)
{
    acting = who;
}

enum err_class audit_open(const struct ctx *ctx, const char *data_dir, struct audit **ret,
                          struct err *err)
{
    AUTO(audit_close_autop) struct audit *audit = calloc(1, sizeof(*audit));

    if (!audit)
        return err_memory(err);
    audit->ctx = ctx;
    audit->refs = 1;
    audit->lock.fd = audit->file.fd = -1;
    audit->last = &audit->first;
    (void)pthread_mutex_init(&audit->mutex, NULL);
    (void)pthread_cond_init(&audit->changed, NULL);
    audit->dir = disk_join(data_dir, "audit");
    if (!audit->dir)
        return err_memory(err);

    enum err_class rc = disk_make_dir(ctx, audit->dir, err);

    if (rc == ERR_OK)
        *ret = TAKE(audit);
    return rc;
}

struct audit *audit_ref(struct audit *audit)
{
    atomic_fetch_add(&audit->refs, 1);
    return audit;
}

void audit_close(struct audit *audit)
{
    if (!audit || atomic_fetch_sub(&audit->refs, 1) > 1)
        return;
    disk_file_close(audit->ctx, &audit->file);
    disk_file_close(audit->ctx, &audit->lock);
    (void)pthread_cond_destroy(&audit->changed);
    (void)pthread_mutex_destroy(&audit->mutex);
    free(audit->dir);
    free(audit);
}

/* ---- Finding the head ---- */

/* What another process appended, or all when nothing is known yet, up to `size`. */
static enum err_class learn(struct audit *audit, int64_t size, bool *ret_found, struct err *err)
{
    struct strbuf bytes = STRBUF_INIT(LIMIT_FILE_BYTES);
    struct audit_line line = {.seq = 0};
    size_t end = 0;
    enum err_class rc =
        audit_end_read(audit->ctx, &audit->file, size, audit->known ? audit->size : 0, &bytes,
                       &line, &end, ret_found, err);

    if (rc != ERR_OK) {
        strbuf_done(&bytes);
        return err_wrap(err, "the audit trail %s/%s", audit->dir, audit->name);
    }
    if (*ret_found) {
        audit->seq = line.seq;
        audit->hash = line.hash;
    } else {
        end = 0;
    }

    struct str torn = str_sub(strbuf_str(&bytes), end, bytes.len);

    audit->torn_bytes = (int64_t)torn.len;
    audit->torn_closed = torn.len > 0 && torn.ptr[torn.len - 1] == '\n';
    audit_hash_of(torn, &audit->torn_hash);
    audit->size = size;
    strbuf_done(&bytes);
    return ERR_OK;
}

/* The head, when the newest file has no whole line: a crash at its first one. */
static enum err_class learn_before(struct audit *audit, const struct audit_files *files,
                                   struct err *err)
{
    enum err_class rc = ERR_OK;
    bool found = false;

    for (size_t i = files->count - 1; i > 0 && rc == ERR_OK && !found; i--) {
        struct audit_line line = {.seq = 0};

        rc = audit_file_end(audit->ctx, audit->dir, files->names[i - 1], &line, &found, err);
        if (rc == ERR_OK && found) {
            audit->seq = line.seq;
            audit->hash = line.hash;
        }
    }
    return rc;
}

/* Opens the newest file and finds the head of the chain. None: the chain begins. */
static enum err_class find_head(struct audit *audit, struct err *err)
{
    AUTO(free_autop) struct audit_files *files = NULL;
    enum err_class rc = audit_files(audit->ctx, audit->dir, &files, err);
    bool found = false;
    int64_t size = 0;

    disk_file_close(audit->ctx, &audit->file);
    audit->known = false;
    audit->seq = audit->size = audit->torn_bytes = audit->reserved_to = 0;
    audit->hash = audit_hash_none;
    if (rc != ERR_OK || files->count == 0)
        return rc;
    memcpy(audit->name, files->names[files->count - 1], sizeof(audit->name));
    rc = audit_file_open(audit->ctx, audit->dir, audit->name, false, &audit->file, err);
    if (rc == ERR_OK)
        rc = disk_file_size(audit->ctx, &audit->file, &size, err);
    if (rc == ERR_OK)
        rc = learn(audit, size, &found, err);
    if (rc == ERR_OK && !found)
        rc = learn_before(audit, files, err);
    audit->known = rc == ERR_OK;
    return rc;
}

static enum err_class was_cut(const struct audit *audit, const char *how, struct err *err)
{
    return err_set(err, ERR_CORRUPT,
                   "the audit trail %s/%s was %s while it was in use, and nothing is done without "
                   "it: put it back, look with `tenon audit verify`, and start the server again",
                   audit->dir, audit->name, how);
}

/* The head is that of the file as it is now; under the lock. */
static enum err_class catch_up(struct audit *audit, struct err *err)
{
    bool found = false;
    int64_t size = 0;

    if (audit->file.fd < 0 || !audit->known)
        return find_head(audit, err);

    enum err_class rc = disk_file_size(audit->ctx, &audit->file, &size, err);

    if (rc == ERR_NOT_FOUND)
        return was_cut(audit, "removed", err);
    if (rc != ERR_OK || size == audit->size)
        return rc;
    if (size < audit->size)
        return was_cut(audit, "cut", err);
    return learn(audit, size, &found, err);
}

/* ---- Appending ---- */

/* Room ahead; with none, there may still be what was reserved before. */
static void reserve(struct audit *audit, size_t bytes)
{
    struct err ignored = {0};

    if (audit->size + (int64_t)bytes + RESERVE_LEAST_BYTES <= audit->reserved_to)
        return;
    if (disk_file_reserve(audit->ctx, &audit->file, audit->size, RESERVE_BYTES, &ignored) == ERR_OK)
        audit->reserved_to = audit->size + RESERVE_BYTES;
}

static enum err_class append(struct audit *audit, const struct strbuf *batch, int64_t seq,
                             const struct audit_hash *hash, struct err *err)
{
    enum err_class rc = strbuf_check(batch, "lines of the audit trail", err);

    if (rc != ERR_OK)
        return rc;
    reserve(audit, batch->len);
    rc = disk_file_append(audit->ctx, &audit->file, audit->size, strbuf_str(batch), err);
    if (rc != ERR_OK) {
        audit->known = false; /* perhaps some of it is there: look again next time */
        return err_wrap(err, "refused, since the audit trail %s/%s cannot be written", audit->dir,
                        audit->name);
    }
    audit->size += (int64_t)batch->len;
    audit->seq = seq;
    audit->hash = *hash;
    return ERR_OK;
}

/* One line of the trail about itself, added to the batch. */
static void put_own(struct strbuf *batch, int64_t at_ms, const struct audit_entry *entry,
                    int64_t *seq, struct audit_hash *hash)
{
    struct strbuf middle = STRBUF_INIT(AUDIT_LINE_MAX);
    struct audit_entry own = *entry;

    own.who = &the_program;
    audit_line_middle(&own, &middle);
    audit_line_put(batch, ++*seq, at_ms, strbuf_str(&middle), hash);
    strbuf_done(&middle);
}

/* What is behind the last whole line is closed, and said: how much, and its hash. */
static enum err_class close_torn(struct audit *audit, int64_t at_ms, struct err *err)
{
    struct strbuf batch = STRBUF_INIT(2 * AUDIT_LINE_MAX);
    struct audit_hash hash = audit->hash;
    int64_t seq = audit->seq;

    if (audit->torn_bytes == 0)
        return ERR_OK;
    if (!audit->torn_closed)
        strbuf_add_char(&batch, '\n');
    put_own(&batch, at_ms,
            &(struct audit_entry){.act = AUDIT_TORN,
                                  .record = audit->torn_hash.hex,
                                  .count = audit->torn_bytes,
                                  .why = audit->torn_closed ? "damaged" : "torn",
                                  .result = ERR_CORRUPT},
            &seq, &hash);

    enum err_class rc = append(audit, &batch, seq, &hash, err);

    strbuf_done(&batch);
    if (rc == ERR_OK)
        audit->torn_bytes = 0;
    return rc;
}

/*
 * The file of this month, which is a new one when its name is later than that of the file in use.
 * Without room for a new one, the old one's reserve goes on.
 */
static enum err_class turn_to(struct audit *audit, int64_t at_ms, struct err *err)
{
    char name[AUDIT_NAME_BYTES + 1];
    struct disk_file file = {-1};
    struct err refusal = {0};

    audit_file_name(at_ms, name);
    if (audit->file.fd >= 0 && strcmp(name, audit->name) <= 0)
        return ERR_OK;

    enum err_class rc = audit_file_open(audit->ctx, audit->dir, name, true, &file, err);

    if (rc == ERR_OK && audit->file.fd >= 0)
        rc = disk_file_reserve(audit->ctx, &file, 0, RESERVE_BYTES, &refusal);
    if (rc == ERR_SPACE && audit->file.fd >= 0) {
        AUTO(free_autop) char *path = disk_join(audit->dir, name);

        disk_file_close(audit->ctx, &file);
        if (path)
            err_ignore(disk_remove(audit->ctx, path, &refusal)); /* empty: does no harm */
        return ERR_OK;
    }
    if (rc != ERR_OK) {
        disk_file_close(audit->ctx, &file);
        return rc;
    }
    disk_file_close(audit->ctx, &audit->file);
    audit->file = file;
    memcpy(audit->name, name, sizeof(audit->name));
    audit->size = audit->reserved_to = 0;
    audit->known = true;
    return ERR_OK;
}

static enum err_class write_lines(struct audit *audit, const struct ctx *ctx,
                                  const struct waiting *chain, struct err *err)
{
    struct strbuf batch = STRBUF_INIT(BATCH_BYTES_MAX);
    int64_t at_ms = ctx_now_ms(ctx);
    enum err_class rc = catch_up(audit, err);

    if (rc == ERR_OK)
        rc = close_torn(audit, at_ms, err);
    if (rc == ERR_OK)
        rc = turn_to(audit, at_ms, err);
    if (rc != ERR_OK)
        return rc;

    struct audit_hash hash = audit->hash;
    int64_t seq = audit->seq;

    if (audit->size == 0)
        put_own(&batch, at_ms, &(struct audit_entry){.act = AUDIT_FILE_BEGUN}, &seq, &hash);
    for (const struct waiting *at = chain; at; at = at->next)
        audit_line_put(&batch, ++seq, at_ms, at->middle, &hash);
    rc = append(audit, &batch, seq, &hash, err);
    strbuf_done(&batch);
    return rc;
}

static void log_head(struct audit *audit, const struct ctx *ctx)
{
    int32_t day = civil_day_of(ctx_now_ms(ctx));

    if (!ctx->log || day == audit->anchored_day || audit->seq == 0)
        return;
    audit->anchored_day = day;
    LOG(ctx, LOG_WARN, "audit_anchor", LOG_NUM("seq", audit->seq),
        LOG_IDENT("hash", audit->hash.hex), LOG_IDENT("file", audit->name));
}

/* `chain` may be empty: then only the head is looked at. */
static enum err_class commit(struct audit *audit, const struct ctx *ctx,
                             const struct waiting *chain, struct err *err)
{
    enum err_class rc = ERR_OK;

    if (audit->lock.fd < 0)
        rc = audit_file_open(audit->ctx, audit->dir, "lock", true, &audit->lock, err);
    if (rc == ERR_OK)
        rc = disk_file_lock(ctx, &audit->lock, true, err);
    if (rc != ERR_OK)
        return err_wrap(err, "refused, since the audit trail in %s cannot be written", audit->dir);
    rc = chain ? write_lines(audit, ctx, chain, err) : catch_up(audit, err);
    disk_file_unlock(ctx, &audit->lock);
    if (rc == ERR_OK)
        log_head(audit, ctx);
    return rc;
}

/* ---- Who leads ---- */

/* At most BATCH_LINES_MAX of the queue, taken out of it; under the mutex. */
static struct waiting *take_batch(struct audit *audit)
{
    struct waiting *chain = audit->first, *last = chain;

    if (!chain)
        return NULL;
    for (size_t n = 1; n < BATCH_LINES_MAX && last->next; n++)
        last = last->next;
    audit->first = last->next;
    if (!audit->first)
        audit->last = &audit->first;
    last->next = NULL;
    return chain;
}

/* Leads once: writes what waits. Called and left under the mutex. */
static void lead(struct audit *audit, const struct ctx *ctx)
{
    struct waiting *chain = take_batch(audit);
    struct err err = {0};

    audit->busy = true;
    pthread_mutex_unlock(&audit->mutex);

    enum err_class rc = commit(audit, ctx, chain, &err);

    pthread_mutex_lock(&audit->mutex);
    audit->busy = false;
    while (chain) {
        struct waiting *next = chain->next; /* its thread may be gone once it is done */

        chain->rc = rc;
        chain->err = err;
        chain->done = true;
        chain = next;
    }
    pthread_cond_broadcast(&audit->changed);
}

const char *audit_dir(const struct audit *audit)
{
    return audit->dir;
}

enum err_class audit_write(struct audit *audit, const struct ctx *ctx,
                           const struct audit_entry *entry, struct err *err)
{
    assert(entry->act < AUDIT_FILE_BEGUN);
    return audit_write_any(audit, ctx, entry, err);
}

enum err_class audit_write_any(struct audit *audit, const struct ctx *ctx,
                               const struct audit_entry *entry, struct err *err)
{
    struct strbuf middle = STRBUF_INIT(AUDIT_LINE_MAX);
    struct audit_entry full = *entry;
    struct waiting mine = {.next = NULL};

    if (!full.who)
        full.who = acting ? acting : &the_program;
    audit_line_middle(&full, &middle);

    enum err_class rc = strbuf_check(&middle, "a line of the audit trail", err);

    if (rc != ERR_OK) {
        strbuf_done(&middle);
        return rc;
    }
    mine.middle = strbuf_str(&middle);
    pthread_mutex_lock(&audit->mutex);
    *audit->last = &mine;
    audit->last = &mine.next;
    while (!mine.done) {
        if (audit->busy)
            pthread_cond_wait(&audit->changed, &audit->mutex);
        else
            lead(audit, ctx);
    }
    pthread_mutex_unlock(&audit->mutex);
    strbuf_done(&middle);
    if (mine.rc != ERR_OK)
        *err = mine.err;
    return mine.rc;
}

void audit_anchor(struct audit *audit, const struct ctx *ctx)
{
    pthread_mutex_lock(&audit->mutex);
    if (!audit->busy && ctx->log && audit->anchored_day != civil_day_of(ctx_now_ms(ctx)))
        lead(audit, ctx);
    pthread_mutex_unlock(&audit->mutex);
}
