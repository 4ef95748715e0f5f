#ifndef APPS_TIMESHEET_GATE_H
#define APPS_TIMESHEET_GATE_H
#include <stddef.h>

/*
 * Lets so many threads in at once and the others wait, first come, first served. For work that only
 * computes: more at once than there are cores does not make more of it, and makes each of it slower
 * by turns. Nobody waits inside for a network, or for somebody who waits outside.
 */
struct gate;

struct gate *gate_new(unsigned room); /* >= 1; NULL when out of memory */
void gate_free(struct gate *gate);    /* nobody is in it; NULL is fine */
void gate_enter(struct gate *gate);
void gate_leave(struct gate *gate);
size_t gate_waiting(struct gate *gate); /* how many stand before it now */

#endif
