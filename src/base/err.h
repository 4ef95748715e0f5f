#ifndef BASE_ERR_H
#define BASE_ERR_H
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

#define ERR_MSG_MAX 1024 /* bytes of a message, the final NUL included; longer ones are cut */

/*
 * What went wrong, as far as the caller must act on it. One table in err.c maps a class to its exit
 * code, HTTP status, log level and "worth a retry"; nobody else maps.
 */
enum err_class {
    ERR_OK = 0,
    ERR_USAGE,     /* the command line or a request is not well formed */
    ERR_INPUT,     /* a value is well formed and not acceptable */
    ERR_NOT_FOUND, /* the thing named does not exist */
    ERR_CONFLICT,  /* it exists already, or somebody else is at it */
    ERR_DENIED,    /* a remote refuses our credential */
    ERR_FORBIDDEN, /* the credential is good, the right is missing; or our own rules forbid it */
    ERR_KEY,       /* a key is missing, wrong, or a sealed value does not open */
    ERR_REMOTE,    /* a remote answers something that is not of its protocol */
    ERR_BUSY,      /* a remote or a budget says "later" */
    ERR_NETWORK,   /* a remote cannot be reached, or the connection broke */
    ERR_DISK,      /* reading or writing the data folder failed */
    ERR_SPACE,     /* no room left on the disk */
    ERR_SCHEMA,    /* the database is not what the catalogue declares */
    ERR_CORRUPT,   /* stored bytes are not what was written */
    ERR_LIMIT,     /* one of our limits was reached */
    ERR_MEMORY,    /* out of memory */
    ERR_CANCELLED, /* the user or a signal asked to stop */
    ERR_BUG,       /* our own mistake */
    ERR_CLASS_COUNT
};

/*
 * An error: its class and one sentence for a person: what was tried, the value, the remedy. Inline,
 * so that telling of ENOMEM cannot fail. Passed in by the caller, never thread-local. Never holds a
 * secret, a body of a remote, or a text that a user wrote into Jira.
 */
struct err {
    enum err_class class;
    char msg[ERR_MSG_MAX];
};

/* Sets the error and returns its class, so that `return err_set(…)` is the common form. */
enum err_class err_set(struct err *err, enum err_class class, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Puts "what: " before the message, once, where an error crosses a layer. Returns its class. */
enum err_class err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ERR_SPACE or ERR_DISK (or ERR_NOT_FOUND, ERR_MEMORY) from errno, with a sentence. */
enum err_class err_errno(struct err *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "out of memory"; every failed allocation ends here. */
enum err_class err_memory(struct err *err);

/* For an undo whose own failure must not hide the first error: err_ignore(f(…)), with the reason.
 */
static inline void err_ignore(enum err_class class)
{
    (void)class;
}

const char *err_class_name(enum err_class class); /* "denied"; stable, for logs and --json */
int err_exit_code(enum err_class class);          /* sysexits-like; listed in docs/exit-codes.md */
int err_http_status(enum err_class class);
bool err_is_transient(enum err_class class);      /* may go away by itself: worth a retry later */
const char *err_class_help(enum err_class class); /* what the exit code means, for --help */

#endif
