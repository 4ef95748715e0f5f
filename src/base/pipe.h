#ifndef BASE_PIPE_H
#define BASE_PIPE_H
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * A few blocks of memory that go from one thread to another and back, in order: what makes waits
 * when all are full, what takes waits when all are empty. So reading rows and compressing them (or
 * the reverse), or making pages and writing them, use two cores, and memory stays bounded.
 */
#define PIPE_BLOCK_BYTES ((size_t)512 * 1024)
#define PIPE_BLOCKS 4

struct pipe {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t made, taken; /* blocks, since the start */
    bool ended;         /* no more will be made */
    bool quit;          /* no more will be taken */
    size_t len[PIPE_BLOCKS];
    unsigned char *blocks; /* PIPE_BLOCKS of PIPE_BLOCK_BYTES */
};

MUST_USE enum err_class pipe_init(struct pipe *pipe, struct err *err);
void pipe_done(struct pipe *pipe); /* wipes; both threads are done with it; zeroed: fine */

/* The maker: a block to fill; NULL: nobody takes any more. */
unsigned char *pipe_room(struct pipe *pipe);
void pipe_put(struct pipe *pipe, size_t len); /* that block has so many bytes */
void pipe_wait(struct pipe *pipe); /* until all that was put was taken, or nobody takes any more */
void pipe_end(struct pipe *pipe);
/* The taker: the next block; NULL: the maker has ended. */
const unsigned char *pipe_next(struct pipe *pipe, size_t *ret_len);
void pipe_take(struct pipe *pipe); /* done with that block */
void pipe_quit(struct pipe *pipe);

/* Starts the other side, with all signals blocked: they are for the threads that wait for them. */
MUST_USE bool pipe_start(pthread_t *ret, void *(*run)(void *arg), void *arg);

#endif
