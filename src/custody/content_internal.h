#ifndef CUSTODY_CONTENT_INTERNAL_H
#define CUSTODY_CONTENT_INTERNAL_H
#include <sodium.h>

#include "base/limits.h"
#include "custody/content.h"

/* What the writing and the reading side of content.h share. */
#define CONTENT_SQL_BYTES 8192
#define CONTENT_STEP_ROWS 16384 /* rows between two questions whether to go on; a power of two */
#define CONTENT_VALUE_BYTES_MAX ((uint64_t)LIMIT_FILE_BYTES)

enum content_item { ITEM_FACTS = 'M', ITEM_TABLE = 'T', ITEM_END = 'E' };
enum { FLAG_NULL = 1, FLAG_KEY = 2 };

/* "INSERT INTO t (a, b) SELECT c1, c2 FROM db_feed" */
void content_insert_sql(const struct content_table *table, struct strbuf *sql);

static inline uint64_t zigzag(int64_t n)
{
    return (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0);
}

static inline int64_t unzigzag(uint64_t n)
{
    return (int64_t)(n >> 1 ^ (0 - (n & 1)));
}

#endif
