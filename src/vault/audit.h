#ifndef VAULT_AUDIT_H
#define VAULT_AUDIT_H
#include <stdint.h>

#include "base/ctx.h"
#include "base/str.h"

/*
 * The audit trail of a data folder: who did what, to which tenant, why, when, and how it ended;
 * never a value, a text or an account id. DATA/audit/2026-01.log, one JSON object a line, each
 * bound to the one before it by its BLAKE2b-256 hash, so that a changed, removed, moved or inserted
 * line shows (vault/audit_read.h). An act that cannot be written here is refused.
 *
 * docs/audit.md has the format.
 */
enum audit_act {
    AUDIT_OPEN_SECRET,  /* a value of class SECRET was opened; written by vault_unseal_secret alone
                         */
    AUDIT_SIGN_IN,      /* result: ok or denied */
    AUDIT_SIGN_IN_LINK, /* a sign-in link for an administrator was made */
    AUDIT_PASSWORD_SET,
    AUDIT_PASSWORD_RESET,
    AUDIT_SESSION_ENDED, /* count: how many */
    AUDIT_CONSENT_GIVEN, /* a person let us act for them in Jira */
    AUDIT_CONSENT_WITHDRAWN,
    AUDIT_TOKEN_ADDED, /* an API token of ours; row: its number */
    AUDIT_TOKEN_REMOVED,
    AUDIT_SETTINGS_CHANGED, /* record: whose settings */
    AUDIT_TENANT_ADDED,
    AUDIT_TENANT_REMOVED,
    AUDIT_CREDENTIAL_SET,       /* the token that we call Jira with, a webhook's secret */
    AUDIT_CONNECTION_INSTALLED, /* why: "connect", "forge" */
    AUDIT_CONNECTION_ENDED,
    AUDIT_SYNC_RESTARTED,
    AUDIT_WORKLOG_REMOVED, /* row: its id in Jira */
    AUDIT_JOB_CHANGED,     /* an administrator let a job run again or removed it */
    AUDIT_KEY_CREATED,
    AUDIT_KEY_ROTATED, /* row: the version, here and below */
    AUDIT_KEY_REWRAPPED,
    AUDIT_KEY_RETIRED,
    AUDIT_KEY_SPLIT,     /* count: of shares */
    AUDIT_KEY_RECOVERED, /* from shares */
    AUDIT_BACKUP_TAKEN,
    AUDIT_BACKUP_REMOVED,
    AUDIT_BACKUP_VERIFIED,
    AUDIT_RESTORED,
    AUDIT_RESTORE_DRILLED,
    AUDIT_EXPORTED, /* why: what kind; count: of rows */
    AUDIT_IMPORTED,
    AUDIT_PERSON_SHOWN, /* row: the person's number, here and below */
    AUDIT_PERSON_EXPORTED,
    AUDIT_PERSON_ERASED,
    AUDIT_TENANT_ERASED,
    AUDIT_SWEPT, /* a retention rule let rows go; record; count */
    /* Lines of the trail about itself; written by audit.c alone. */
    AUDIT_FILE_BEGUN,
    AUDIT_FILE_REMOVED, /* why: its name; count: the last number that went with it */
    AUDIT_TORN,         /* count bytes before this line are no line: a crash, or damage */
    AUDIT_ACT_COUNT
};
const char *audit_act_name(enum audit_act act); /* "open_secret" */
/* False: there is no such act. */
MUST_USE bool audit_act_parse(struct str name, enum audit_act *ret);

enum audit_by {
    AUDIT_BY_PROGRAM,  /* the program itself: its schedules, its start */
    AUDIT_BY_NOBODY,   /* somebody who has not proved who they are: a failed sign-in */
    AUDIT_BY_PERSON,   /* number: of the row `person` in the tenant's database; 0: not kept */
    AUDIT_BY_ADMIN,    /* the server's own administrator; number: 0 */
    AUDIT_BY_TOKEN,    /* one of our API tokens that acts for the administrator; 0: not known */
    AUDIT_BY_JOB,      /* name: its kind */
    AUDIT_BY_OPERATOR, /* on the command line; number: their uid on this machine */
    AUDIT_BY_REMOTE,   /* Jira, by a signed call; name: "connect", "forge", "webhook" */
    AUDIT_BY_COUNT
};

MUST_USE bool audit_by_parse(struct str name, enum audit_by *ret); /* "person" */

struct audit_who {
    enum audit_by by;
    int64_t number;   /* what it counts depends on `by`; 0: none */
    const char *name; /* a literal, or a name from our own tables; NULL: none */
    /* Asked for the number when one is needed and `number` is 0; NULL: it stays 0. */
    int64_t (*find)(void *arg);
    void *arg;
};

/*
 * Who acts on this thread from now on; NULL: the program itself. The struct is borrowed until the
 * next call. Whoever lets a thread act for somebody calls it before, and with NULL after.
 */
void audit_act_as(const struct audit_who *who);

struct audit_entry {
    enum audit_act act;
    const char *tenant; /* its id; NULL or "": the whole server */
    /*
     * What it was done to: names of the catalogue, or of our own tables. Each is 1..128 of
     * [A-Za-z0-9:._ -], anything else is written as "?"; NULL: none.
     */
    const char *record, *field;
    int64_t row;              /* the row's number; 0: none */
    const unsigned char *key; /* AUDIT_KEY_BYTES of a keyed digest of a row's text key; or NULL */
    uint32_t version;         /* of the root that the value is sealed with; 0: none */
    const char *why;          /* the purpose, a literal */
    int64_t count;            /* 0: none */
    enum err_class result;    /* ERR_OK: it is done, or is done next; else how it failed */
    const struct audit_who *who; /* NULL: whom audit_act_as named */
};
#define AUDIT_KEY_BYTES 16

/* The trail of one data folder. Thread-safe; other processes may write to it at the same time. */
struct audit;

/*
 * Makes the folder when it is not there; opens no file yet. `ctx` stays borrowed. One reference,
 * the caller's.
 */
MUST_USE enum err_class audit_open(const struct ctx *ctx, const char *data_dir, struct audit **ret,
                                   struct err *err);
struct audit *audit_ref(struct audit *audit); /* one more reference */
void audit_close(struct audit *audit);        /* one less; NULL is fine */
AUTO_DEFINE(struct audit, audit_close)

/*
 * Writes one line and makes it durable; threads that write at the same time share the waiting for
 * the disk. On an error nothing was written, and the act must not be done: ERR_SPACE, ERR_DISK;
 * ERR_CORRUPT when the file was cut or removed behind our back. So: first write, then act, when the
 * act cannot be taken back; within the act's transaction before its commit, when it can.
 */
MUST_USE enum err_class audit_write(struct audit *audit, const struct ctx *ctx,
                                    const struct audit_entry *entry, struct err *err);

/*
 * Puts the chain's head into the log, once a day and process, so that a trail that was cut shows.
 * Every write does it; this is for days without one. Does nothing without a log.
 */
void audit_anchor(struct audit *audit, const struct ctx *ctx);

/*
 * Lets files go whose month ended more than `days` ago, and says so in the trail first. The file
 * in use stays.
 */
#define AUDIT_DAYS_DEFAULT 365
MUST_USE enum err_class audit_sweep(struct audit *audit, const struct ctx *ctx, int days,
                                    size_t *ret_files, struct err *err);

#endif
