#ifndef BASE_BANNED_H
#define BASE_BANNED_H
/*
 * Functions nobody here may call: unbounded writes, hidden state, silent parse errors. Using one is
 * a compile error. Included by base/str.h and so by nearly every file.
 * The system headers that declare them come first; poisoning an identifier before its own
 * declaration would break that header instead of our code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One compiler is enough to refuse them; clang with fortified headers has some as macros. */
#ifndef __clang__
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atoll
#pragma GCC poison gmtime localtime asctime ctime mktime rand srand drand48 tmpnam mktemp gets
#endif

#endif
