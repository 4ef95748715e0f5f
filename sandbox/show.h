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

#endif
