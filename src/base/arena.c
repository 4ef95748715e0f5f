/* arena.c: memory that is freed whole. One list of blocks, each at least twice the one before. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#define BLOCK_MIN 4096
#define ALIGN alignof(max_align_t)

struct block {
    struct block *next;
    size_t room; /* bytes after the header */
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *blocks; /* the first is the one in use */
    size_t held;          /* bytes of all blocks */
    size_t bytes_max;
};

struct arena *arena_new(size_t bytes_max)
{
    struct arena *arena = calloc(1, sizeof(*arena));

    if (arena)
        arena->bytes_max = bytes_max;
    return arena;
}

static void free_blocks(struct block *block)
{
    while (block) {
        struct block *next = block->next;

        free(block);
        block = next;
    }
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    free_blocks(arena->blocks);
    free(arena);
}

/* Keeps the newest block, which is the largest. */
void arena_reset(struct arena *arena)
{
    if (!arena->blocks)
        return;
    free_blocks(arena->blocks->next);
    arena->blocks->next = NULL;
    arena->blocks->used = 0;
    arena->held = arena->blocks->room;
}

static struct block *add_block(struct arena *arena, size_t need)
{
    size_t room = arena->blocks ? arena->blocks->room * 2 : BLOCK_MIN;

    if (room < need)
        room = need;
    if (room > arena->bytes_max - arena->held)
        room = need;
    if (room > arena->bytes_max - arena->held)
        return NULL;

    struct block *block = malloc(sizeof(*block) + room);

    if (!block)
        return NULL;
    *block = (struct block){.next = arena->blocks, .room = room};
    arena->blocks = block;
    arena->held += room;
    return block;
}

void *arena_alloc(struct arena *arena, size_t len)
{
    if (len > arena->bytes_max)
        return NULL;
    len = (len + ALIGN - 1) / ALIGN * ALIGN;

    struct block *block = arena->blocks;

    if (!block || len > block->room - block->used)
        block = add_block(arena, len);
    if (!block)
        return NULL;

    void *at = block->bytes + block->used;

    block->used += len;
    memset(at, 0, len);
    return at;
}

char *arena_dup_z(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);

    if (copy && s.len)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

struct str arena_dup(struct arena *arena, struct str s)
{
    char *copy = arena_dup_z(arena, s);

    return (struct str){copy, copy ? s.len : 0};
}
