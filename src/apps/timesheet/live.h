#ifndef APPS_TIMESHEET_LIVE_H
#define APPS_TIMESHEET_LIVE_H
#include "apps/timesheet/report.h"
#include "apps/timesheet/viewing.h"

/*
 * What Jira says of issues and people while somebody waits for a report or a file: fields that are
 * shown and never stored. It lives in memory as long as the answer is made.
 */
enum live_field {
    LIVE_KEY,
    LIVE_SUMMARY,
    LIVE_PROJECT,
    LIVE_PROJECT_NAME,
    LIVE_TYPE,
    LIVE_STATUS,
    LIVE_STATUS_CATEGORY,
    LIVE_PRIORITY,
    LIVE_RESOLUTION,
    LIVE_EPIC,
    LIVE_PARENT,
    LIVE_PARENT_SUMMARY,
    LIVE_COMPONENTS,
    LIVE_VERSIONS,
    LIVE_FIX_VERSIONS,
    LIVE_LABELS,
    LIVE_ASSIGNEE,
    LIVE_REPORTER,
    LIVE_CREATOR,
    LIVE_CREATED,
    LIVE_UPDATED,
    LIVE_RESOLVED,
    LIVE_DUE,
    LIVE_ESTIMATE,
    LIVE_REMAINING,
    LIVE_SPENT,
    LIVE_EXPECTED,
    LIVE_FIELD_COUNT
};

enum live_kind { LIVE_TEXT, LIVE_STAMP /* UTC ms */, LIVE_TIME /* seconds */ };

struct live_info {
    const char *name; /* as the API and the headings of files have it */
    enum live_kind kind;
};
extern const struct live_info live_info[LIVE_FIELD_COUNT];

#define LIVE_ISSUES_MAX 20000 /* of one answer: 200 calls of Jira */
#define LIVE_BIT(field) (UINT64_C(1) << (field))

struct live;

/*
 * Asks Jira for the fields of some issues, as the viewer where the connection allows that.
 *   ids     ascending, each once; those that the viewer may see and no others
 *   fields  bits LIVE_BIT(field)
 *   caller  what was asked for that needs this, for the message ("columns")
 * Errors: ERR_LIMIT, more than LIVE_ISSUES_MAX; those of Jira; ERR_MEMORY.
 */
MUST_USE enum err_class live_ask(struct viewing *viewing, const char *caller, const int64_t *ids,
                                 size_t count, uint64_t fields, struct live **ret, struct err *err);
/* The same of another connection. `jira` is borrowed. */
MUST_USE enum err_class live_ask_jira(struct jira *jira, const char *caller, const int64_t *ids,
                                      size_t count, uint64_t fields, struct live **ret,
                                      struct err *err);
void live_free(struct live *live); /* NULL is fine */
AUTO_DEFINE(struct live, live_free)

/* ptr NULL: Jira does not say, or it was not asked. A view into `live`. */
struct str live_text(const struct live *live, int64_t issue, enum live_field field);
/* False: the same. */
MUST_USE bool live_number(const struct live *live, int64_t issue, enum live_field field,
                          int64_t *ret);

/* The projects of all issues in `live`, asked with LIVE_PROJECT. Views into `live` and `ret`. */
struct live_projects {
    struct report_projects list; /* its arrays are owned by this */
    int64_t *issues;
    uint32_t *projects;
    struct str *keys;
    struct report_name *names; /* of each key, when asked with LIVE_PROJECT_NAME too */
};
MUST_USE enum err_class live_projects(const struct live *live, struct live_projects *ret,
                                      struct err *err);
void live_projects_done(struct live_projects *projects);
/* 1 + the place of the key in the list; 0: it is not there, or NULL. */
uint32_t live_project_of(const struct live_projects *projects, struct str key);

/* ---- People ---- */

struct live_people;
#define LIVE_PEOPLE_MAX 2000
/* Errors: as live_ask. */
MUST_USE enum err_class live_ask_people(struct viewing *viewing, const char *caller,
                                        const struct str *accounts, size_t count,
                                        struct live_people **ret, struct err *err);
void live_people_free(struct live_people *people); /* NULL is fine */
AUTO_DEFINE(struct live_people, live_people_free)
/* ptr NULL: not known. */
struct str live_name(const struct live_people *people, struct str account);

#endif
