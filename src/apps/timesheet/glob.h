#ifndef APPS_TIMESHEET_GLOB_H
#define APPS_TIMESHEET_GLOB_H
#include <stdbool.h>

#include "base/str.h"

/*
 * Patterns of issue keys: '*' any characters, '?' one, "[A-Z7]" one of these, "[^A-Z]" one that is
 * not; every other character itself. ASCII letters match in either case, as Jira takes keys. The
 * whole key must match. Not regular expressions: a key has a fixed form (PROJECT-NUMBER), and a
 * glob cannot be written that takes long.
 */
#define GLOB_BYTES_MAX 255

/* Of 1 to GLOB_BYTES_MAX printable ASCII characters, every '[' closed and not empty. */
bool glob_is_valid(struct str pattern);
/*
 * Of a valid pattern. At most pattern.len * text.len steps, whatever they are, so for a pattern
 * linear in the text.
 */
bool glob_matches(struct str pattern, struct str text);

#endif
