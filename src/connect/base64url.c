/*
 * base64url.c: bytes in text, in one form only.
 *
 * Decoding is our own: libsodium 1.0.18's takes bytes above 0x7f for some of the letters (its
 * comparisons are made for 0 to 0x7f), so that one signature had many texts. Found by
 * tests/fuzz/jwt.c. Encoding is libsodium's.
 */
#include "connect/base64url.h"

#include <sodium.h>

/* A character's six bits, plus one; 0 for what is not of the alphabet. */
static const unsigned char six_bits[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

bool base64url_decode(struct str text, void *ret, size_t room, size_t *ret_len)
{
    unsigned char *at = ret;
    uint32_t held = 0; /* its low `bits` bits are not yet written */
    unsigned bits = 0;

    /* One character alone has too few bits for a byte. */
    if (text.len % 4 == 1 || room < text.len / 4 * 3 + (text.len % 4 ? text.len % 4 - 1 : 0))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned six = six_bits[(unsigned char)text.ptr[i]];

        if (six == 0)
            return false;
        held = held << 6 | (six - 1);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *at++ = (unsigned char)(held >> bits);
        }
    }
    if ((held & ((1U << bits) - 1)) != 0)
        return false;
    *ret_len = (size_t)(at - (unsigned char *)ret);
    return true;
}

void base64url_add(struct strbuf *buf, const void *bytes, size_t len)
{
    size_t room = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *at = strbuf_grow(buf, room - 1); /* `room` counts a NUL, which the buffer keeps itself */

    if (at)
        sodium_bin2base64(at, room, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
