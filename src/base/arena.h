#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

/*
 * Memory that is freed whole: the lifetime of a request, a job or a page. Nothing in it is freed
 * alone. Reset keeps the blocks for the next round, so that a loop over pages settles.
 */
struct arena;

struct arena *arena_new(size_t bytes_max); /* NULL when out of memory */
void arena_free(struct arena *arena);      /* NULL is fine */
AUTO_DEFINE(struct arena, arena_free)
void arena_reset(struct arena *arena);
/* Zeroed, aligned for any type; NULL when out of memory or past bytes_max. */
void *arena_alloc(struct arena *arena, size_t len);
char *arena_dup_z(struct arena *arena, struct str s);
/* A copy of the view, in the arena; ret->ptr is NULL on failure. */
struct str arena_dup(struct arena *arena, struct str s);

#endif
