/* log.c: typed JSON lines. Nothing here can carry a free text; see log.h. */
#include "base/log.h"

#include <unistd.h>

#include "base/json.h"

#define LINE_MAX_BYTES 4096

struct log {
    int fd;
    enum log_level least;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct log *log_new(int fd, enum log_level least)
{
    struct log *log = calloc(1, sizeof(*log));

    if (log)
        *log = (struct log){.fd = fd, .least = least};
    return log;
}

void log_free(struct log *log)
{
    free(log);
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
    const struct log *log = ctx->log;

    if (!log || level < log->least)
        return;

    struct strbuf line = STRBUF_INIT(LINE_MAX_BYTES);
    struct json_out out = json_out(&line);

    json_object(&out);
    json_key(&out, "at");
    json_put_stamp(&out, ctx_now_ms(ctx));
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

    if (strbuf_check(&line, "a log line", &err) == ERR_OK) {
        ssize_t put = write(log->fd, line.ptr, line.len); /* one call, so lines do not mix */

        (void)put; /* there is nobody to tell */
    }
    strbuf_done(&line);
}
