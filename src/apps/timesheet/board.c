/* board.c: one note and the lock over it. */
#include "apps/timesheet/board.h"

#include <pthread.h>

struct board {
    pthread_mutex_t mutex;
    struct board_view view;
    bool stop;
};

struct board *board_new(void)
{
    struct board *board = calloc(1, sizeof(*board));

    if (board)
        (void)pthread_mutex_init(&board->mutex, NULL);
    return board;
}

void board_free(struct board *board)
{
    if (!board)
        return;
    (void)pthread_mutex_destroy(&board->mutex);
    free(board);
}

void board_begin(struct board *board, enum sync_mode mode, int64_t mono_ms)
{
    pthread_mutex_lock(&board->mutex);
    board->view.running = true;
    board->view.progress =
        (struct sync_progress){.mode = mode, .phase = "starting", .done = -1, .left_ms = -1};
    board->view.began_mono_ms = mono_ms;
    board->stop = false;
    pthread_mutex_unlock(&board->mutex);
}

enum err_class board_tell(struct board *board, const struct sync_progress *progress,
                          struct err *err)
{
    bool stop;

    pthread_mutex_lock(&board->mutex);
    board->view.progress = *progress;
    stop = board->stop;
    pthread_mutex_unlock(&board->mutex);
    return stop ? err_set(err, ERR_CANCELLED, "an administrator stopped the synchronization")
                : ERR_OK;
}

void board_end(struct board *board, const struct err *err, int64_t now_ms)
{
    pthread_mutex_lock(&board->mutex);
    board->view.running = false;
    board->view.failure = err ? *err : (struct err){.class = ERR_OK};
    board->view.failed_ms = err ? now_ms : 0;
    pthread_mutex_unlock(&board->mutex);
}

void board_ask_stop(struct board *board)
{
    pthread_mutex_lock(&board->mutex);
    board->stop = board->view.running;
    pthread_mutex_unlock(&board->mutex);
}

struct board_view board_look(struct board *board)
{
    struct board_view view;

    pthread_mutex_lock(&board->mutex);
    view = board->view;
    pthread_mutex_unlock(&board->mutex);
    return view;
}
