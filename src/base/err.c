/*
 * err.c: error classes and their one table.
 *
 * Why a class and a sentence, and nothing more: the caller acts on the class (retry, answer, exit),
 * the person acts on the sentence. Exit codes follow sysexits(3) where it has a word for the case.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct class_info {
    const char *name;
    const char *help;
    int exit_code;
    int http_status;
    bool transient;
} class_info[ERR_CLASS_COUNT] = {
    [ERR_OK] = {"ok", "done", 0, 200, false},
    [ERR_USAGE] = {"usage", "the command line is not well formed", 64, 400, false},
    [ERR_INPUT] = {"input", "a value given is not acceptable", 65, 422, false},
    [ERR_NOT_FOUND] = {"not_found", "the thing named does not exist", 66, 404, false},
    [ERR_CONFLICT] = {"conflict", "it exists already, or another process is at it", 75, 409, false},
    [ERR_DENIED] = {"denied", "the remote refuses the credential", 77, 401, false},
    [ERR_FORBIDDEN] = {"forbidden", "a right is missing, or a rule forbids it", 77, 403, false},
    [ERR_KEY] = {"key", "a key is missing or wrong", 78, 500, false},
    [ERR_REMOTE] = {"remote", "the remote answered something unusable", 76, 502, false},
    [ERR_BUSY] = {"busy", "the remote says: later", 75, 503, true},
    [ERR_NETWORK] = {"network", "the remote cannot be reached", 69, 502, true},
    [ERR_DISK] = {"disk", "reading or writing failed", 74, 500, false},
    [ERR_SPACE] = {"space", "no room left on the disk", 74, 507, true},
    [ERR_SCHEMA] = {"schema", "the database is not what the catalogue declares", 78, 500, false},
    [ERR_CORRUPT] = {"corrupt", "stored bytes are not what was written", 74, 500, false},
    [ERR_LIMIT] = {"limit", "a limit was reached", 65, 413, false},
    [ERR_MEMORY] = {"memory", "out of memory", 71, 503, true},
    [ERR_CANCELLED] = {"cancelled", "stopped on request; run it again to go on", 130, 503, false},
    [ERR_BUG] = {"bug", "a mistake of the program; please report it", 70, 500, false},
};

PRINTF_LIKE(3, 0)
static enum err_class PRINTF_LIKE(3, 0)
    set_v(struct err *err, enum err_class class, const char *fmt, va_list args)
{
    err->class = class;
    (void)vsnprintf(err->msg, sizeof(err->msg), fmt, args); /* a cut message is still a message */
    return class;
}

enum err_class err_set(struct err *err, enum err_class class, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    set_v(err, class, fmt, args);
    va_end(args);
    return class;
}

/* Puts `before` and ": " in front of the message, cutting its end where there is no room. */
static void put_before(struct err *err, const char *before)
{
    char old[ERR_MSG_MAX];
    size_t at = strlen(before), room = sizeof(err->msg) - 1;

    memcpy(old, err->msg, sizeof(old));
    if (at > ERR_MSG_MAX / 2)
        at = ERR_MSG_MAX / 2;
    memcpy(err->msg, before, at);
    memcpy(err->msg + at, ": ", 2);
    at += 2;

    size_t rest = strlen(old) < room - at ? strlen(old) : room - at;

    memcpy(err->msg + at, old, rest);
    err->msg[at + rest] = '\0';
}

enum err_class err_wrap(struct err *err, const char *fmt, ...)
{
    char before[ERR_MSG_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(before, sizeof(before), fmt, args);
    va_end(args);
    put_before(err, before);
    return err->class;
}

enum err_class err_errno(struct err *err, int errnum, const char *fmt, ...)
{
    enum err_class class = ERR_DISK;
    char why[128];
    va_list args;

    if (errnum == ENOSPC || errnum == EDQUOT)
        class = ERR_SPACE;
    else if (errnum == ENOENT)
        class = ERR_NOT_FOUND;
    else if (errnum == ENOMEM)
        class = ERR_MEMORY;

    va_start(args, fmt);
    set_v(err, class, fmt, args);
    va_end(args);

    size_t used = strlen(err->msg);

    /* GNU strerror_r: may return its own constant instead of filling the buffer. */
    const char *text = strerror_r(errnum, why, sizeof(why));

    (void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", text);
    return class;
}

enum err_class err_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "out of memory");
}

static const struct class_info *info(enum err_class class)
{
    return &class_info[(unsigned)class < ERR_CLASS_COUNT ? class : ERR_BUG];
}

const char *err_class_name(enum err_class class)
{
    return info(class)->name;
}

const char *err_class_help(enum err_class class)
{
    return info(class)->help;
}

int err_exit_code(enum err_class class)
{
    return info(class)->exit_code;
}

int err_http_status(enum err_class class)
{
    return info(class)->http_status;
}

bool err_is_transient(enum err_class class)
{
    return info(class)->transient;
}
