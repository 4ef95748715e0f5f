/* log.c: typed JSON lines. Nothing here can carry a free text; see log.h. */
#include "base/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/json.h"

#define LINE_MAX_BYTES 4096

#define DAY_NAME_BYTES (CIVIL_DATE_BYTES + 4)

struct log {
    int fd;            /* -1: none yet */
    _Atomic int least; /* of enum log_level */
    /* Day files: */
    char *dir; /* NULL: one file, borrowed */
    _Atomic int keep_days;
    int32_t day; /* of fd, days since 1970 */
    bool also_stderr;
    pthread_mutex_t mutex; /* of fd and day */
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct log *log_new(int fd, enum log_level least)
{
    struct log *log = calloc(1, sizeof(*log));

    if (!log)
        return NULL;
    log->fd = fd;
    log->least = (int)least;
    (void)pthread_mutex_init(&log->mutex, NULL);
    return log;
}

struct log *log_new_daily(const char *dir, int keep_days, enum log_level least, bool also_stderr)
{
    struct log *log = log_new(-1, least);

    if (!log)
        return NULL;
    log->dir = strdup(dir);
    log->keep_days = keep_days;
    log->also_stderr = also_stderr;
    if (log->dir)
        return log;
    log_free(log);
    return NULL;
}

void log_free(struct log *log)
{
    if (!log)
        return;
    if (log->dir && log->fd >= 0)
        (void)close(log->fd);
    (void)pthread_mutex_destroy(&log->mutex);
    free(log->dir);
    free(log);
}

void log_retune(struct log *log, int keep_days, enum log_level least)
{
    log->keep_days = keep_days;
    log->least = (int)least;
}

/* ---- Day files ---- */

static void day_name(int32_t day, char ret[DAY_NAME_BYTES + 1])
{
    civil_format_date(day, ret);
    memcpy(ret + CIVIL_DATE_BYTES, ".log", 5);
}

/* Names of day files sort by their day; nothing else in the folder is touched. */
static bool is_day_name(const char *name)
{
    struct civil_date date;

    return strlen(name) == DAY_NAME_BYTES && strcmp(name + CIVIL_DATE_BYTES, ".log") == 0 &&
           civil_parse_date((struct str){name, CIVIL_DATE_BYTES}, &date);
}

static void remove_old(const struct log *log, int32_t today)
{
    char oldest[DAY_NAME_BYTES + 1];
    DIR *dir = opendir(log->dir);
    const struct dirent *entry;

    if (!dir)
        return;
    day_name(today - log->keep_days, oldest);
    while ((entry = readdir(dir)) != NULL)
        if (is_day_name(entry->d_name) && strcmp(entry->d_name, oldest) < 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    (void)closedir(dir);
}

/* The file of that day is open, or fd is -1; under the mutex. */
static void turn_to(struct log *log, int32_t day)
{
    char path[4096], name[DAY_NAME_BYTES + 1];

    if (log->fd >= 0 && log->day == day)
        return;
    if (log->fd >= 0)
        (void)close(log->fd);
    day_name(day, name);
    (void)snprintf(path, sizeof(path), "%s/%s", log->dir, name);
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    log->day = day;
    remove_old(log, day);
}

/* One write a line, so that lines do not mix. There is nobody to tell of a failure. */
static void put_line(struct log *log, int64_t now_ms, struct str line)
{
    ssize_t put;

    pthread_mutex_lock(&log->mutex);
    if (log->dir)
        turn_to(log, civil_day_of(now_ms));
    if (log->fd >= 0)
        put = write(log->fd, line.ptr, line.len);
    if (log->also_stderr)
        put = write(STDERR_FILENO, line.ptr, line.len);
    (void)put;
    pthread_mutex_unlock(&log->mutex);
}

static bool is_ident(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  ":._-";
    size_t len = text ? strlen(text) : 0;

    return len >= 1 && len <= 128 && strspn(text, allowed) == len;
}

void log_event(const struct ctx *ctx, enum log_level level, const char *event,
               const struct log_field *fields)
{
    struct log *log = ctx->log;

    if (!log || (int)level < log->least)
        return;

    struct strbuf line = STRBUF_INIT(LINE_MAX_BYTES);
    struct json_out out = json_out(&line);
    int64_t now_ms = ctx_now_ms(ctx);

    json_object(&out);
    json_key(&out, "at");
    json_put_stamp(&out, now_ms);
    json_key(&out, "level");
    json_put_z(&out, level_names[level]);
    json_key(&out, "event");
    json_put_z(&out, event);
    for (const struct log_field *field = fields; field->key; field++) {
        json_key(&out, field->key);
        switch (field->kind) {
        case LOG_I64:
            json_put_i64(&out, field->number);
            break;
        case LOG_ENUM:
            json_put_z(&out, field->text);
            break;
        case LOG_ID:
            json_put_z(&out, is_ident(field->text) ? field->text : "?");
            break;
        }
    }
    json_object_end(&out);
    strbuf_add_char(&line, '\n');

    struct err err = {0};

    if (strbuf_check(&line, "a log line", &err) == ERR_OK)
        put_line(log, now_ms, strbuf_str(&line));
    strbuf_done(&line);
}
