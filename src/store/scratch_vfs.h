#ifndef STORE_SCRATCH_VFS_H
#define STORE_SCRATCH_VFS_H
#include <sqlite3.h>

#include "base/attr.h"

/*
 * A file system of SQLite's for one connection to a database that is made in one go: its writes go
 * to the disk on a thread of their own. `parent`: the name of the one that does the work (NULL: the
 * default). An error of a write is told by a later call, at the latest by the commit's.
 */
struct scratch_vfs;
struct scratch_vfs *scratch_vfs_new(const char *parent); /* NULL: out of memory */
const char *scratch_vfs_name(const struct scratch_vfs *vfs);
void scratch_vfs_free(struct scratch_vfs *vfs); /* the connection is closed; NULL is fine */
AUTO_DEFINE(struct scratch_vfs, scratch_vfs_free)

#endif
