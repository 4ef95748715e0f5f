#ifndef DAEMON_AUTH_H
#define DAEMON_AUTH_H
#include "connect/api_token.h"
#include "connect/identities.h"
#include "connect/oauth.h"
#include "connect/password.h"
#include "connect/session.h"

/*
 * All ways of proving who one is, made at the start and shared by all threads. Each member is
 * thread-safe by itself.
 */
struct auth {
    struct passwords *passwords;
    struct sessions *sessions;
    struct api_tokens *tokens;
    struct oauth *oauth;           /* NULL: not set up */
    struct identities *identities; /* of Jira: Connect, Forge, webhooks */
};

#endif
