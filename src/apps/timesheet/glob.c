/*
 * glob.c: patterns of issue keys.
 *
 * Why it cannot take long: when a match fails behind a '*', only the last '*' takes one character
 * more; an earlier one never has to, since what lies between the two was found at its first place
 * already. So each '*' moves forward only, and the text is passed once for each place of it. The
 * textbook way, which tries every '*' again, is exponential: "A*A*A*…B" against "AAAA…".
 */
#include "apps/timesheet/glob.h"

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The length of the class that begins here, its brackets included; 0: it is not closed, or empty.
 */
static size_t class_len(struct str at)
{
    size_t i = at.len > 1 && at.ptr[1] == '^' ? 2 : 1;
    size_t first = i;

    while (i < at.len && at.ptr[i] != ']')
        i++;
    return i < at.len && i > first ? i + 1 : 0;
}

bool glob_is_valid(struct str pattern)
{
    if (pattern.len == 0 || pattern.len > GLOB_BYTES_MAX)
        return false;
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] <= ' ' || pattern.ptr[i] >= 0x7f || pattern.ptr[i] == ']')
            return false;
        if (pattern.ptr[i] != '[')
            continue;

        size_t len = class_len(str_sub(pattern, i, pattern.len));

        for (size_t k = i; k < i + len; k++)
            if (pattern.ptr[k] <= ' ' || pattern.ptr[k] >= 0x7f)
                return false;
        if (len == 0)
            return false;
        i += len - 1;
    }
    return true;
}

/* Is the character in the class "[…]"? */
static bool in_class(struct str class, char c)
{
    bool not = class.ptr[1] == '^', found = false;

    for (size_t i = not ? 2 : 1; i + 1 < class.len; i++) {
        bool range = i + 3 < class.len && class.ptr[i + 1] == '-';
        char from = upper(class.ptr[i]), to = upper(class.ptr[range ? i + 2 : i]);

        found = found || (c >= from && c <= to);
        i += range ? 2 : 0;
    }
    return found != not ;
}

/* Does the pattern's part at its beginning, no '*', take the character? *ret_len is its length. */
static bool takes(struct str pattern, char c, size_t *ret_len)
{
    *ret_len = 1;
    if (pattern.len == 0)
        return false;
    if (pattern.ptr[0] == '[') {
        *ret_len = class_len(pattern);
        return in_class(str_sub(pattern, 0, *ret_len), upper(c));
    }
    return pattern.ptr[0] == '?' || upper(pattern.ptr[0]) == upper(c);
}

bool glob_matches(struct str pattern, struct str text)
{
    struct str star = {NULL, 0}; /* the pattern behind the last '*'; NULL: none yet */
    size_t at = 0, star_at = 0;  /* where its match begins in the text */

    while (at < text.len) {
        size_t len = 0;

        if (pattern.len > 0 && pattern.ptr[0] == '*') {
            pattern = star = str_sub(pattern, 1, pattern.len);
            star_at = at;
        } else if (takes(pattern, text.ptr[at], &len)) {
            pattern = str_sub(pattern, len, pattern.len);
            at++;
        } else if (star.ptr) {
            pattern = star;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (pattern.len > 0 && pattern.ptr[0] == '*')
        pattern = str_sub(pattern, 1, pattern.len);
    return pattern.len == 0;
}
