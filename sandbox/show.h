#ifndef SANDBOX_SHOW_H
#define SANDBOX_SHOW_H
#include "site.h"

/*
 * The site's rows as the JSON that Jira answers with. The caller holds the site's lock. `version`
 * is 2 or 3: the `self` links and the form of texts follow it.
 */

/* "2026-01-05T10:00:00.000+0100": an offset without a colon, as Jira writes it. */
void show_stamp(struct strbuf *buf, int64_t ms, int32_t offset_minutes);
/* "1w 2d 3h 4m", with weeks of five days of eight hours. */
void show_duration(struct strbuf *buf, int64_t seconds);
/* The other direction; false when it is not of that form or is zero. */
MUST_USE bool parse_duration(struct str text, int64_t *ret_seconds);

void show_worklog(struct strbuf *buf, const struct site *site, const struct worklog *worklog,
                  int version, bool with_properties);
/* One line in the form of `tenon worklogs --json`, for comparing. */
void show_worklog_line(struct strbuf *buf, const struct site *site, const struct worklog *worklog);

/* As an author stands in other objects. */
void show_author(struct strbuf *buf, const struct site *site, uint32_t user, int version);
/* "[{"key":…,"value":…},…]" */
void show_properties(struct strbuf *buf, const struct property *list);
/*
 * A recorded value with every "self" (and other link into the recorded site's REST API) moved to
 * this site and version.
 */
void show_recorded(struct strbuf *buf, const struct site *site, yyjson_val *value, int version);
/* The same from JSON text; "null" when it is none. */
void show_recorded_text(struct strbuf *buf, const struct site *site, struct str text, int version);
/* Text in the form of the version: an ADF document or a JSON string. */
void show_text(struct strbuf *buf, struct str text, bool is_adf, int version);

/* ---- show_issue.c ---- */

/* Which fields of an issue are asked for: "summary,status", "*all,-comment"; empty view: none. */
struct field_filter {
    struct str list;
};
bool field_filter_wants(const struct field_filter *filter, const char *field);
/* Asks for nothing but id and key: such a search may return 5000 at once. */
bool field_filter_is_lean(const struct field_filter *filter);

/* Seconds of its living worklogs. */
int64_t issue_time_spent(const struct site *site, const struct issue *issue);
void show_issue(struct strbuf *buf, const struct site *site, uint32_t issue, int version,
                const struct field_filter *filter, bool with_changelog);
/* As it stands in a link: id, key, self and a few fields. */
void show_issue_short(struct strbuf *buf, const struct site *site, uint32_t issue, int version);
void show_project(struct strbuf *buf, const struct site *site, uint32_t project, int version,
                  bool whole);

/* ---- show_content.c ---- */

void show_comment(struct strbuf *buf, const struct site *site, const struct item *comment,
                  int version);
/* Its id is a number when it is read alone and a text in lists: that is so. */
void show_attachment(struct strbuf *buf, const struct site *site, const struct item *attachment,
                     int version, bool alone);
/* From the view of one of its issues; NONE: both ends. */
void show_link(struct strbuf *buf, const struct site *site, const struct item *link, uint32_t from,
               int version);
void show_remote_link(struct strbuf *buf, const struct site *site, const struct item *link,
                      int version);

struct link_type {
    int64_t id;
    const char *name, *inward, *outward;
};
extern const struct link_type link_types[];
extern const size_t link_type_count;
void show_link_type(struct strbuf *buf, const struct site *site, const struct link_type *type,
                    int version);

#endif
