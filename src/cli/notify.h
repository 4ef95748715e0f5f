#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

/*
 * Tells systemd how the service is (sd_notify(3)): a datagram to the socket that it names in
 * NOTIFY_SOCKET. Nothing happens when nobody started us that way; a failure is not told, since
 * there is nobody to tell.
 *   state  "READY=1", "STOPPING=1", …; lines
 */
void notify(const char *state);
/* The same, with the monotonic time that RELOADING=1 wants beside it. */
void notify_reloading(void);

#endif
