#ifndef APPS_TIMESHEET_ZIP_H
#define APPS_TIMESHEET_ZIP_H
#include <stdint.h>

#include "base/str.h"

/*
 * A ZIP archive written from front to back into a buffer that the caller empties as it likes
 * (PKWARE APPNOTE 6.3: deflate, sizes behind the data). Nothing is kept but the list of entries, so
 * an archive of any length takes the same memory and no file.
 */
struct zip;

#define ZIP_ENTRIES_MAX 256
#define ZIP_ENTRY_BYTES_MAX UINT32_MAX /* without ZIP64; of an entry, and of the archive */

/* `out` is borrowed. NULL when out of memory. */
struct zip *zip_new(struct strbuf *out);
void zip_free(struct zip *zip); /* NULL is fine */
AUTO_DEFINE(struct zip, zip_free)

/* The next entry; the one before ends. `name` is a literal or lives as long. */
MUST_USE enum err_class zip_begin(struct zip *zip, const char *name, struct err *err);
MUST_USE enum err_class zip_add(struct zip *zip, struct str bytes, struct err *err);
/* Bytes put into the present entry so far. */
uint64_t zip_entry_bytes(const struct zip *zip);
/* The directory; nothing may follow. ERR_LIMIT: past 4 GiB. */
MUST_USE enum err_class zip_end(struct zip *zip, struct err *err);

#endif
