/*
 * clang-tidy.h: put before every source by tools/test when clang-tidy reads it; never compiled.
 *
 * Why: the analyzer reads one source at a time, so it must suppose that `return err_set(…)` may
 * return ERR_OK, and then reports every caller that trusts a result after ERR_OK. Here each call
 * that reports an error is seen to end in a class that is not ERR_OK, in its value and in the
 * struct, as base/err.c sees to it.
 */
#include "base/err.h"

#define err_set(err, kind, ...)                                                                    \
    (__extension__({                                                                               \
        (void)err_set((err), (kind), __VA_ARGS__);                                                 \
        (err)->class = (kind);                                                                     \
    }))
#define err_wrap(err, ...)                                                                         \
    (__extension__({                                                                               \
        (void)err_wrap((err), __VA_ARGS__);                                                        \
        (err)->class = ERR_BUG;                                                                    \
    }))
#define err_errno(err, errnum, ...)                                                                \
    (__extension__({                                                                               \
        (void)err_errno((err), (errnum), __VA_ARGS__);                                             \
        (err)->class = ERR_DISK;                                                                   \
    }))
#define err_memory(err)                                                                            \
    (__extension__({                                                                               \
        (void)err_memory(err);                                                                     \
        (err)->class = ERR_MEMORY;                                                                 \
    }))
