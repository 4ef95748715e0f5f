#ifndef TESTS_LIB_SCRATCH_H
#define TESTS_LIB_SCRATCH_H
#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

/*
 * A folder of a test's own, and looks at what is in it without the code under test. It is made
 * where files are fast (/dev/shm) unless TMPDIR says otherwise, and removed with all that is in it.
 * Every function fails the test when the system refuses.
 */
struct scratch {
    char dir[200];
    char paths[16][300]; /* what scratch_path has handed out, in turns */
    unsigned next;
};

void scratch_begin(struct scratch *scratch);
void scratch_end(struct scratch *scratch);
/* "<dir>/<name>"; good until 16 further calls. */
const char *scratch_path(struct scratch *scratch, const char *name);

void scratch_write(const char *path, struct str bytes); /* made 0600, or cut and written anew */
/* Up to 64 MB. The caller calls strbuf_done. */
struct strbuf scratch_read(const char *path);
bool scratch_exists(const char *path);
unsigned scratch_mode(const char *path); /* permission bits */
/* Flips the lowest bit of the byte at that place. */
void scratch_flip(const char *path, off_t at);
/* Does the text stand in any file of the folder or of one below it? Names of files count too. */
bool scratch_grep(const char *dir, struct str text);

/*
 * Runs `run(arg)` in a child process that has no privileges (uid and gid 65534, if we are root) and
 * gives back what it returns, 0..100. It must not use assertions: their way out is the parent's.
 */
int scratch_unprivileged(int (*run)(void *arg), void *arg);

#endif
