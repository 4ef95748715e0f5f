#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * What the fuzz targets share. A target is one function over bytes, with libFuzzer's name, and says
 * with FUZZ_CHECK what must hold for any bytes. It returns 0, keeps nothing between two inputs that
 * changes what it does, and frees what it takes. The same file is linked with libFuzzer (for long
 * runs) and with replay.c (for the build's tests).
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Works with NDEBUG too; ends the process with abort, so that the driver keeps the input. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_failed(#condition, __FILE__, __LINE__))

__attribute__((noreturn)) static inline void fuzz_failed(const char *condition, const char *file,
                                                         int line)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

static inline struct str fuzz_str(const uint8_t *data, size_t size)
{
    return (struct str){(const char *)data, size};
}

/* The next line of the input, without its line feed; the empty view at the end. */
static inline struct str fuzz_line(struct str *input)
{
    return str_cut(*input, '\n', input);
}

/* The next byte of the input; 0 at the end. */
static inline uint8_t fuzz_byte(struct str *input)
{
    uint8_t byte = input->len > 0 ? (uint8_t)input->ptr[0] : 0;

    *input = str_sub(*input, 1, input->len);
    return byte;
}

/* Eight bytes, little-endian; zeros past the end. */
static inline uint64_t fuzz_u64(struct str *input)
{
    uint64_t value = 0;

    for (size_t i = 0; i < 8; i++)
        value |= (uint64_t)fuzz_byte(input) << (8 * i);
    return value;
}

/*
 * A copy in a heap block of exactly that length, so that AddressSanitizer sees a read past the end
 * of a view that came from the middle of the input. The caller frees.
 */
static inline char *fuzz_exact(struct str s)
{
    char *copy = malloc(s.len);

    FUZZ_CHECK(copy || s.len == 0);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

/* The same with a NUL behind it, for functions that take C strings. The caller frees. */
static inline char *fuzz_exact_z(struct str s)
{
    char *copy = str_dup_z(s);

    FUZZ_CHECK(copy);
    return copy;
}

/* A class that is not ERR_OK comes with a sentence: of that class, UTF-8, one line. */
static inline void fuzz_check_error(const struct err *err, enum err_class class)
{
    struct str msg = str_from(err->msg);

    FUZZ_CHECK(class != ERR_OK && class != ERR_BUG && class != ERR_MEMORY);
    FUZZ_CHECK(err->class == class);
    FUZZ_CHECK(msg.len > 0 && msg.len < ERR_MSG_MAX);
    FUZZ_CHECK(str_is_utf8(msg));
    for (size_t i = 0; i < msg.len; i++)
        FUZZ_CHECK((unsigned char)msg.ptr[i] >= 0x20 && msg.ptr[i] != 0x7f);
}

#endif
