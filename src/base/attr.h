#ifndef BASE_ATTR_H
#define BASE_ATTR_H

/* The result must be looked at. */
#define MUST_USE __attribute__((warn_unused_result))

/* printf-like: `fmt` is the position of the format, `args` of the first argument (1-based). */
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * Runs `fn(&variable)` when the variable goes out of scope. The variable must be initialised where
 * it is declared (NULL, -1, {0}); a function that uses AUTO has no goto.
 */
#define AUTO(fn) __attribute__((cleanup(fn)))

/* Hands a pointer out of an AUTO local: yields its value and nulls the local. */
#define TAKE(ptr)                                                                                  \
    __extension__({                                                                                \
        __typeof__(ptr) take_ = (ptr);                                                             \
        (ptr) = NULL;                                                                              \
        take_;                                                                                     \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Declares `name_autop`, the AUTO form of `name(type *)`. */
#define AUTO_DEFINE(type, name)                                                                    \
    static inline void name##_autop(type **ptr)                                                    \
    {                                                                                              \
        name(*ptr);                                                                                \
    }

#endif
