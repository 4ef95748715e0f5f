#ifndef BASE_LOG_H
#define BASE_LOG_H
#include <stdint.h>

#include "base/ctx.h"

/*
 * One JSON object a line: time, level, event, then typed fields. There is no field for free text:
 * events and keys are literals, values are numbers, enumeration names from our own tables, or ids
 * (checked against a narrow alphabet; anything else is written as "?"). So no user's text and no
 * remote's text can get in. Library layers do not log; the handler, job runner or command does.
 */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *key; /* literal; NULL ends the list */
    enum { LOG_I64, LOG_ENUM, LOG_ID } kind;
    int64_t number;
    const char *text; /* LOG_ENUM: a name from a table of ours. LOG_ID: [A-Za-z0-9:._-]{1,128} */
};

#define LOG_NUM(key_, n) ((struct log_field){.key = (key_), .kind = LOG_I64, .number = (n)})
#define LOG_NAME(key_, t) ((struct log_field){.key = (key_), .kind = LOG_ENUM, .text = (t)})
#define LOG_IDENT(key_, t) ((struct log_field){.key = (key_), .kind = LOG_ID, .text = (t)})

struct log; /* a sink: a file descriptor and a least level; thread-safe, one write per line */

struct log *log_new(int fd, enum log_level least); /* fd is borrowed; NULL when out of memory */
/*
 * Day files DIR/2026-01-31.log (UTC, 0600), the one of today appended to; with each new day those
 * older than `keep_days` are removed. The folder must be there. Also to standard error when asked.
 */
struct log *log_new_daily(const char *dir, int keep_days, enum log_level least, bool also_stderr);
void log_free(struct log *log); /* NULL is fine */
/* From now on: the least level, and how long day files are kept. Any thread. */
void log_retune(struct log *log, int keep_days, enum log_level least);
/* Does nothing when ctx->log is NULL. Never fails: a line that cannot be written is dropped. */
void log_event(const struct ctx *ctx, enum log_level level, const char *event,
               const struct log_field *fields);
#define LOG(ctx, level, event, ...)                                                                \
    log_event((ctx), (level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

#endif
