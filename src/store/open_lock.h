#ifndef STORE_OPEN_LOCK_H
#define STORE_OPEN_LOCK_H
#include "base/disk.h"

/*
 * Whoever has a folder's key and database open (a tenant's, or the control data's) holds its
 * open.lock together with others; whoever puts another key or database in their place holds it
 * alone. So nobody works with what was replaced. A lock of the kernel, between processes and
 * between the handles of one.
 */

/* Waits while somebody holds it alone. The folder is there. disk_file_close lets go. */
MUST_USE enum err_class open_lock_share(const struct ctx *ctx, const char *dir,
                                        struct disk_file *ret, struct err *err);
/* Alone, or not at all: ERR_CONFLICT when others hold it and do not all let go for a moment within
 * a second or two. disk_unlock lets go. */
MUST_USE enum err_class open_lock_alone(const struct ctx *ctx, const char *dir,
                                        struct disk_lock *ret, struct err *err);

#endif
