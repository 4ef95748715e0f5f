#ifndef TESTS_LIB_FAULT_VFS_H
#define TESTS_LIB_FAULT_VFS_H

/*
 * A layer below SQLite (a VFS over the default one) that counts what reaches the disk and can
 * refuse it: the n-th change of a file, or all from there on, as a full disk does. One for the
 * whole program; not thread-safe. Put its name into disk_ops.sqlite_vfs.
 */
#define FAULT_VFS_NAME "tenon-fault"

enum fault_kind {
    FAULT_FULL,  /* no room left; what needs none still works */
    FAULT_ERROR, /* an input/output error */
};

struct fault_vfs {
    long changes; /* writes and syncs so far; truncations and deletions too, when those can fail */
    long syncs;
    long writers;    /* write transactions so far, also those that changed nothing */
    long temporary;  /* files without a name that SQLite has opened for itself */
    long fail_from;  /* the change (from 0) that is the first to fail; -1: none */
    long fail_count; /* how many fail; a full disk stays full: LONG_MAX */
    enum fault_kind kind;
};
extern struct fault_vfs fault_vfs;

void fault_vfs_install(void); /* twice is fine */
/* Counts anew; nothing fails. */
void fault_vfs_reset(void);

#endif
