/*
 * pipe.c: blocks between two threads.
 *
 * One maker and one taker. A block belongs to the maker from pipe_room to pipe_put, to the taker
 * from pipe_next to pipe_take; the counters and flags are under the lock, which is never held while
 * somebody works.
 */
#include "base/pipe.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum err_class pipe_init(struct pipe *pipe, struct err *err)
{
    *pipe = (struct pipe){.blocks = malloc(PIPE_BLOCKS * PIPE_BLOCK_BYTES)};
    if (!pipe->blocks)
        return err_memory(err);
    (void)pthread_mutex_init(&pipe->lock, NULL); /* these cannot fail on Linux */
    (void)pthread_cond_init(&pipe->changed, NULL);
    return ERR_OK;
}

void pipe_done(struct pipe *pipe)
{
    if (!pipe->blocks)
        return;
    explicit_bzero(pipe->blocks, PIPE_BLOCKS * PIPE_BLOCK_BYTES);
    free(pipe->blocks);
    (void)pthread_mutex_destroy(&pipe->lock);
    (void)pthread_cond_destroy(&pipe->changed);
    *pipe = (struct pipe){0};
}

static unsigned char *block(struct pipe *pipe, size_t number)
{
    return pipe->blocks + number % PIPE_BLOCKS * PIPE_BLOCK_BYTES;
}

unsigned char *pipe_room(struct pipe *pipe)
{
    unsigned char *room = NULL;

    (void)pthread_mutex_lock(&pipe->lock);
    while (pipe->made - pipe->taken == PIPE_BLOCKS && !pipe->quit)
        (void)pthread_cond_wait(&pipe->changed, &pipe->lock);
    if (!pipe->quit)
        room = block(pipe, pipe->made);
    (void)pthread_mutex_unlock(&pipe->lock);
    return room;
}

void pipe_put(struct pipe *pipe, size_t len)
{
    (void)pthread_mutex_lock(&pipe->lock);
    pipe->len[pipe->made++ % PIPE_BLOCKS] = len;
    (void)pthread_cond_signal(&pipe->changed);
    (void)pthread_mutex_unlock(&pipe->lock);
}

void pipe_wait(struct pipe *pipe)
{
    (void)pthread_mutex_lock(&pipe->lock);
    while (pipe->made > pipe->taken && !pipe->quit)
        (void)pthread_cond_wait(&pipe->changed, &pipe->lock);
    (void)pthread_mutex_unlock(&pipe->lock);
}

void pipe_end(struct pipe *pipe)
{
    (void)pthread_mutex_lock(&pipe->lock);
    pipe->ended = true;
    (void)pthread_cond_signal(&pipe->changed);
    (void)pthread_mutex_unlock(&pipe->lock);
}

const unsigned char *pipe_next(struct pipe *pipe, size_t *ret_len)
{
    const unsigned char *next = NULL;

    (void)pthread_mutex_lock(&pipe->lock);
    while (pipe->made == pipe->taken && !pipe->ended)
        (void)pthread_cond_wait(&pipe->changed, &pipe->lock);
    if (pipe->made > pipe->taken) {
        next = block(pipe, pipe->taken);
        *ret_len = pipe->len[pipe->taken % PIPE_BLOCKS];
    }
    (void)pthread_mutex_unlock(&pipe->lock);
    return next;
}

void pipe_take(struct pipe *pipe)
{
    (void)pthread_mutex_lock(&pipe->lock);
    pipe->taken++;
    (void)pthread_cond_signal(&pipe->changed);
    (void)pthread_mutex_unlock(&pipe->lock);
}

void pipe_quit(struct pipe *pipe)
{
    (void)pthread_mutex_lock(&pipe->lock);
    pipe->quit = true;
    (void)pthread_cond_signal(&pipe->changed);
    (void)pthread_mutex_unlock(&pipe->lock);
}

bool pipe_start(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
    sigset_t all, before;

    (void)sigfillset(&all); /* none of these can fail with these arguments */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);

    bool started = pthread_create(ret, NULL, run, arg) == 0;

    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}
