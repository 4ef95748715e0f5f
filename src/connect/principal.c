/* principal.c: names for people and metrics. */
#include "connect/principal.h"

const char *principal_by_name(enum principal_by by)
{
    static const char *const names[BY_COUNT] = {
        [BY_NOBODY] = "nobody",   [BY_CONNECT] = "connect", [BY_FORGE] = "forge",
        [BY_SESSION] = "session", [BY_TOKEN] = "token",
    };

    return names[by];
}
