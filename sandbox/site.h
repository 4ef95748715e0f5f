#ifndef SANDBOX_SITE_H
#define SANDBOX_SITE_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "comment.h"
#include "feed.h"

/*
 * The stand-in site: its people, projects, issues and worklogs, in memory. Rows refer to each other
 * by index; nothing is ever taken out of an array, what is deleted is marked. Strings live in the
 * site's arena as long as the site.
 *
 * Threads: everything but the clock is under `lock`; readers hold SITE_READ, changers SITE_WRITE
 * for the rest of their block. The lock is not recursive.
 */
#define NONE UINT32_MAX /* "no such index" */

struct property { /* of an issue or a worklog */
    struct str key;
    struct str value; /* JSON text */
    struct property *next;
};

struct user {
    struct str account_id; /* cloud */
    struct str name, key;  /* Data Center */
    struct str display, email, zone, type;
    int32_t offset_minutes; /* of their time zone; the zones used have no summer time */
    bool active;
    struct str recorded;  /* JSON of a loaded row, NULL pointer: made up */
    struct str author[2]; /* rendered once: [0] REST v2, [1] v3 */
};

struct project {
    int64_t id;
    struct str key, name;
    uint32_t lead; /* user */
    struct str recorded;
};

struct issue {
    int64_t id;
    int64_t created_ms, updated_ms;
    struct str key, summary;
    uint32_t project, type, status, assignee, reporter; /* assignee may be NONE */
    uint32_t first_row, last_row;                       /* its worklogs, chained; NONE: none */
    bool deleted, hidden;
    struct str concealed; /* account ids of those who may not browse it, each behind a comma */
    struct str recorded;  /* JSON of a loaded row, NULL pointer: made up */
    struct property *properties;
    int64_t estimate_s; /* remaining */
    struct {
        int64_t start_ms;
        int64_t count;
    } writes[2]; /* in the present windows of 2 and of 30 seconds; see throttle.h */
};

/* What few worklogs have. */
struct extra {
    bool has_comment;      /* the comment below counts, not the seed */
    bool comment_is_adf;   /* JSON text of a document; else plain text */
    struct str comment;    /* NULL pointer: none */
    struct str visibility; /* JSON object, NULL pointer: none */
    struct str recorded;   /* JSON of a loaded row */
    struct property *properties;
    struct str adjust_estimate; /* the last one asked for */
};

enum worklog_flags {
    WORKLOG_DELETED = 1 << 0,
    WORKLOG_SILENT = 1 << 1,   /* deleted without a trace in the feed */
    WORKLOG_HIDDEN = 1 << 2,   /* no right to see it: left out by the list, 404 when read */
    WORKLOG_UNLISTED = 1 << 3, /* and the feed of updates does not name it either */
    WORKLOG_ROLE = 1 << 4,     /* generated with a visibility */
    WORKLOG_EDITED = 1 << 5,   /* a recorded row whose fields have changed since */
};

struct worklog {
    int64_t id; /* rising with the index */
    int64_t created_ms, updated_ms, started_ms, deleted_ms;
    uint32_t issue, author, update_author;
    uint32_t seconds;
    uint32_t comment; /* seed of a generated comment, 0: none */
    uint32_t next;    /* in its issue's chain */
    struct extra *extra;
    uint32_t flags; /* of enum worklog_flags */
};

/* Things whose whole state is the JSON they are answered with. */
struct item {
    int64_t id;
    uint32_t issue;  /* NONE: of the site */
    uint32_t other;  /* links: the second issue */
    uint32_t kind;   /* links: place in the table of types */
    uint32_t author; /* user */
    struct str key;  /* remote links: globalId; statuses, types: name; attachments: file name */
    struct str json; /* as the items' owner says: an object, or what it keeps beside the rest */
    struct str text; /* comments: ADF or text; attachments: the bytes */
    bool text_is_adf, deleted;
    int64_t created_ms, updated_ms;
};

struct items {
    struct item *rows;
    size_t count, room;
};

struct index_slot {
    struct str key;
    uint32_t value;
};
struct index { /* text to index; open addressing */
    struct index_slot *slots;
    size_t room, count;
};

/* What may be done with worklogs; all zero: everything. */
struct site_rules {
    bool no_create, no_edit, no_delete; /* permissions that the caller lacks */
    bool tracking_off;
    bool not_editable;    /* every issue is in a state that does not let it be edited */
    bool foreign;         /* refusals are told in a language that is not English */
    int64_t worklogs_max; /* of one issue; 0: no limit */
};

/* That a user is in a group; of one that left, `in` is false. */
struct membership {
    uint32_t user;
    struct str group; /* Cloud: its id, Data Center: its name */
    bool in;
};

struct site {
    struct site_rules rules;
    pthread_rwlock_t lock;
    struct arena *arena;
    char base_url[256];
    bool datacenter;
    bool since_exclusive; /* feeds leave out what happened at `since` exactly */
    struct user *users;
    size_t user_count, user_room;
    struct project *projects;
    size_t project_count, project_room;
    struct issue *issues; /* ids rising */
    size_t issue_count, issue_room;
    struct worklog *worklogs; /* ids rising */
    size_t worklog_count, worklog_room;
    struct membership *memberships; /* of the groups that the control path made */
    size_t membership_count, membership_room;
    struct feed updated, deleted;
    struct index users_by_id, issues_by_key, projects_by_key;
    struct items statuses, types, fields; /* json is the whole object, key its name or id */
    struct items comments, attachments, links, remote_links, webhooks;
    int64_t next_item_id;
    uint64_t picks; /* random choices of the control path so far */
    /* UTC ms minus the monotonic clock's: what the control path moves. */
    _Atomic int64_t clock_ms;
};

#define SITE_USER_SELF 0 /* index of the user whose credential is used */

MUST_USE enum err_class site_init(struct site *site, struct err *err);
void site_done(struct site *site);

/* Times that a site may have, 1970 to 9999: they can be shown in every time zone. */
static inline bool site_is_time(int64_t ms)
{
    return ms >= 0 && ms < INT64_C(253402214400000);
}

int64_t site_now_ms(const struct site *site);
void site_set_now_ms(struct site *site, int64_t now_ms);

static inline void site_unlock_autop(struct site **site)
{
    if (*site)
        (void)pthread_rwlock_unlock(&(*site)->lock);
}
/* Holds the lock to the end of the block. */
#define SITE_READ(which) SITE_HOLD(which, pthread_rwlock_rdlock)
#define SITE_WRITE(which) SITE_HOLD(which, pthread_rwlock_wrlock)
#define SITE_HOLD(which, lock_it)                                                                  \
    struct site *held_ AUTO(site_unlock_autop) __attribute__((unused)) =                           \
        ((void)lock_it(&(which)->lock), (which))

/* ---- Below, the caller holds the lock; adders need the write lock. ---- */

/* Text kept as long as the site; the empty view with NULL pointer when out of memory. */
struct str site_keep(struct site *site, struct str text);

/* Adders return the index, NONE when out of memory. What they are given is copied but not the text.
 */
uint32_t site_add_user(struct site *site, const struct user *user);
uint32_t site_add_project(struct site *site, const struct project *project);
uint32_t site_add_issue(struct site *site, const struct issue *issue); /* id above all others */
/* Id above all others. Puts it into its issue's chain; the feeds are the caller's. */
uint32_t site_add_worklog(struct site *site, const struct worklog *worklog);
int64_t site_next_worklog_id(const struct site *site);
uint32_t items_add(struct items *items, const struct item *item);

uint32_t site_find_user(const struct site *site, struct str account_id);
uint32_t site_find_project(const struct site *site, struct str id_or_key);
uint32_t site_find_issue_id(const struct site *site, int64_t id);
uint32_t site_find_issue(const struct site *site, struct str id_or_key);
/* `near` is where the last one was found: ids are mostly asked for in order. */
uint32_t site_find_worklog(const struct site *site, int64_t id, uint32_t near);

/* There, and the user may browse it. */
bool issue_is_visible(const struct site *site, uint32_t issue, uint32_t user);
/* Takes the right to browse an issue from a user; gives it back to all. False: out of memory. */
MUST_USE bool issue_conceal(struct site *site, uint32_t issue, uint32_t user);
void issue_reveal(struct site *site, uint32_t issue);

/* Puts a user into a group, or takes them out. False: out of memory. */
MUST_USE bool site_set_member(struct site *site, uint32_t user, struct str group, bool in);

/* Neither deleted nor on a deleted issue. */
bool worklog_is_live(const struct site *site, const struct worklog *worklog);
/* Live, and the caller has the right to see it. */
bool worklog_is_visible(const struct site *site, const struct worklog *worklog);

struct extra *worklog_extra(struct site *site, struct worklog *worklog); /* made when absent */
void worklog_set_issue(struct site *site, uint32_t row, uint32_t issue);
/* A change at `now_ms`: the row goes to the end of the feed. False: out of memory. */
MUST_USE bool worklog_touch(struct site *site, uint32_t row, int64_t now_ms);
MUST_USE bool worklog_delete(struct site *site, uint32_t row, int64_t now_ms, bool silent);

/* The entry is what the row says today, and may be told. */
bool site_updated_is_current(const void *site, const struct feed_entry *entry);
bool site_deleted_is_current(const void *site, const struct feed_entry *entry);

struct comment_people site_people(const struct site *site);
void site_render_users(struct site *site); /* once base_url is known; again after adding some */

const struct property *property_find(const struct property *list, struct str key);

/* ---- The two ways to fill it ---- */

struct generate_options {
    int64_t worklogs, issues, users, projects, deleted;
    int64_t from_ms, to_ms;
    uint64_t seed;
    int comments_percent;
    bool big_ids;
};

/* "worklogs=N,issues=M,…"; ERR_USAGE names the part that is wrong. */
MUST_USE enum err_class generate_parse(struct str text, struct generate_options *ret,
                                       struct err *err);
MUST_USE enum err_class site_generate(struct site *site, const struct generate_options *options,
                                      struct err *err);

/* Types and statuses that a fresh site has; where none were loaded. False: out of memory. */
MUST_USE bool site_add_defaults(struct site *site);

/* Recorded rows of a folder of CSV files. */
MUST_USE enum err_class site_load(struct site *site, const char *folder, struct err *err);

#endif
