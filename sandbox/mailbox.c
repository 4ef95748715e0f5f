/*
 * mailbox.c: letters by SMTP, kept in memory.
 *
 * One thread accepts and talks (RFC 5321: EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, QUIT). It ends
 * when its listener and the connection it talks on are shut. The lock guards the letters and that
 * connection's descriptor.
 */
#include "mailbox.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LETTERS_MAX 10000
#define LETTER_BYTES ((size_t)1024 * 1024)
#define LINE_BYTES 4096

struct letter {
    struct strbuf from, to, data;
};

struct mailbox {
    int listener;
    uint16_t port;
    bool threaded;
    pthread_t thread;
    pthread_mutex_t lock;
    int talking; /* the connection's descriptor; -1: none */
    bool quit;
    struct letter *letters;
    size_t count, room;
};

/* A connection; the thread's own. */
struct talk {
    struct mailbox *mailbox;
    int fd;
    FILE *stream;         /* the same, for reading */
    struct letter letter; /* what was said so far */
};

static void letter_done(struct letter *letter)
{
    strbuf_done(&letter->from);
    strbuf_done(&letter->to);
    strbuf_done(&letter->data);
}

static struct letter letter_new(void)
{
    return (struct letter){STRBUF_INIT(LINE_BYTES), STRBUF_INIT(LINE_BYTES),
                           STRBUF_INIT(LETTER_BYTES)};
}

/* ---- Talking ---- */

static bool say(struct talk *talk, const char *line)
{
    char bytes[128];
    int len = snprintf(bytes, sizeof(bytes), "%s\r\n", line);

    return send(talk->fd, bytes, (size_t)len, MSG_NOSIGNAL) == len;
}

/* A line without its end; false when the peer has gone or talks too long. */
static bool hear(struct talk *talk, char line[LINE_BYTES], struct str *ret)
{
    size_t len;

    if (!fgets(line, LINE_BYTES, talk->stream))
        return false;
    len = strlen(line);
    if (len < 2 || line[len - 1] != '\n' || line[len - 2] != '\r')
        return false;
    *ret = (struct str){line, len - 2};
    return true;
}

/* "MAIL FROM:<a@b> …": what stands in the brackets. */
static struct str bracketed(struct str line)
{
    struct str rest = {NULL, 0};

    (void)str_cut(line, '<', &rest);
    return str_cut(rest, '>', &rest);
}

static bool keep(struct talk *talk)
{
    struct mailbox *mailbox = talk->mailbox;
    bool kept = talk->letter.data.failed == ERR_OK;

    (void)pthread_mutex_lock(&mailbox->lock);
    if (kept && mailbox->count == mailbox->room) {
        size_t room = mailbox->room ? 2 * mailbox->room : 64;
        struct letter *more =
            room <= 2 * LETTERS_MAX ? reallocarray(mailbox->letters, room, sizeof(*more)) : NULL;

        mailbox->letters = more ? more : mailbox->letters;
        mailbox->room = more ? room : mailbox->room;
        kept = more != NULL;
    }
    if (kept) {
        mailbox->letters[mailbox->count++] = talk->letter;
        talk->letter = letter_new();
    }
    (void)pthread_mutex_unlock(&mailbox->lock);
    return kept;
}

static bool take_data(struct talk *talk)
{
    char line[LINE_BYTES];
    struct str text;

    if (!say(talk, "354 go ahead"))
        return false;
    while (hear(talk, line, &text)) {
        if (str_eq_z(text, "."))
            return say(talk, keep(talk) ? "250 kept" : "552 too much");
        if (str_starts(text, STR("."))) /* RFC 5321, 4.5.2 */
            text = str_sub(text, 1, text.len);
        strbuf_add_str(&talk->letter.data, text);
        strbuf_add_z(&talk->letter.data, "\r\n");
    }
    return false;
}

static bool is_command(struct str line, const char *name)
{
    return str_eq_nocase(str_sub(line, 0, strlen(name)), str_from(name));
}

/* False: the connection ends. */
static bool obey(struct talk *talk, struct str line)
{
    if (is_command(line, "EHLO") || is_command(line, "HELO"))
        return say(talk, "250 tenon-sandbox");
    if (is_command(line, "MAIL FROM:")) {
        letter_done(&talk->letter);
        talk->letter = letter_new();
        strbuf_add_str(&talk->letter.from, bracketed(line));
        return say(talk, "250 so be it");
    }
    if (is_command(line, "RCPT TO:")) {
        if (str_starts(bracketed(line), STR("refused")))
            return say(talk, "550 no such mailbox");
        strbuf_add_z(&talk->letter.to, talk->letter.to.len > 0 ? "," : "");
        strbuf_add_str(&talk->letter.to, bracketed(line));
        return say(talk, "250 so be it");
    }
    if (is_command(line, "DATA"))
        return talk->letter.to.len > 0 ? take_data(talk) : say(talk, "503 to whom?");
    if (is_command(line, "RSET") || is_command(line, "NOOP"))
        return say(talk, "250 so be it");
    (void)say(talk, is_command(line, "QUIT") ? "221 bye" : "502 not here");
    return !is_command(line, "QUIT");
}

static void talk_on(struct mailbox *mailbox, int fd)
{
    struct talk talk = {
        .mailbox = mailbox, .fd = fd, .stream = fdopen(fd, "r"), .letter = letter_new()};
    char line[LINE_BYTES];
    struct str text;

    if (!talk.stream) {
        (void)close(fd);
        return;
    }
    if (say(&talk, "220 tenon-sandbox"))
        while (hear(&talk, line, &text) && obey(&talk, text))
            continue;
    letter_done(&talk.letter);
    (void)pthread_mutex_lock(
        &mailbox->lock); /* nobody shuts a descriptor that is another's by now */
    mailbox->talking = -1;
    (void)fclose(talk.stream);
    (void)pthread_mutex_unlock(&mailbox->lock);
}

static void *run(void *arg)
{
    struct mailbox *mailbox = arg;
    const struct timeval limit = {.tv_sec = 30};
    int fd;

    while ((fd = accept4(mailbox->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        bool quit;

        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        (void)pthread_mutex_lock(&mailbox->lock);
        quit = mailbox->quit;
        mailbox->talking = quit ? -1 : fd;
        (void)pthread_mutex_unlock(&mailbox->lock);
        if (quit)
            (void)close(fd);
        else
            talk_on(mailbox, fd);
    }
    return NULL;
}

/* ---- The box ---- */

static enum err_class listen_on(struct mailbox *mailbox, uint16_t port, struct err *err)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int one = 1;

    mailbox->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (mailbox->listener < 0 ||
        setsockopt(mailbox->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(mailbox->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(mailbox->listener, 16) != 0 ||
        getsockname(mailbox->listener, (struct sockaddr *)&address, &len) != 0)
        return err_set(err, ERR_NETWORK,
                       "cannot take mail on 127.0.0.1 port %u; name another --smtp PORT, or 0",
                       port);
    mailbox->port = ntohs(address.sin_port);
    return ERR_OK;
}

AUTO_DEFINE(struct mailbox, mailbox_free)

enum err_class mailbox_new(uint16_t port, struct mailbox **ret, struct err *err)
{
    AUTO(mailbox_free_autop) struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
    enum err_class rc;

    if (!mailbox)
        return err_memory(err);
    mailbox->listener = mailbox->talking = -1;
    (void)pthread_mutex_init(&mailbox->lock, NULL);
    rc = listen_on(mailbox, port, err);
    if (rc != ERR_OK)
        return rc;
    mailbox->threaded = pthread_create(&mailbox->thread, NULL, run, mailbox) == 0;
    if (!mailbox->threaded)
        return err_memory(err);
    *ret = TAKE(mailbox);
    return ERR_OK;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (!mailbox)
        return;
    if (mailbox->listener >= 0)
        (void)shutdown(mailbox->listener, SHUT_RDWR);
    (void)pthread_mutex_lock(&mailbox->lock);
    mailbox->quit = true;
    if (mailbox->talking >= 0)
        (void)shutdown(mailbox->talking, SHUT_RDWR);
    (void)pthread_mutex_unlock(&mailbox->lock);
    if (mailbox->threaded)
        (void)pthread_join(mailbox->thread, NULL);
    if (mailbox->listener >= 0)
        (void)close(mailbox->listener);
    mailbox_clear(mailbox);
    free(mailbox->letters);
    (void)pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

uint16_t mailbox_port(const struct mailbox *mailbox)
{
    return mailbox->port;
}

void mailbox_put(struct mailbox *mailbox, struct json_out *out)
{
    (void)pthread_mutex_lock(&mailbox->lock);
    json_array(out);
    for (size_t i = 0; i < mailbox->count; i++) {
        const struct letter *letter = &mailbox->letters[i];

        json_object(out);
        json_key(out, "from");
        json_put_str(out, strbuf_str(&letter->from));
        json_key(out, "to");
        json_put_str(out, strbuf_str(&letter->to));
        json_key(out, "data");
        json_put_str(out, strbuf_str(&letter->data));
        json_object_end(out);
    }
    json_array_end(out);
    (void)pthread_mutex_unlock(&mailbox->lock);
}

void mailbox_clear(struct mailbox *mailbox)
{
    (void)pthread_mutex_lock(&mailbox->lock);
    for (size_t i = 0; i < mailbox->count; i++)
        letter_done(&mailbox->letters[i]);
    mailbox->count = 0;
    (void)pthread_mutex_unlock(&mailbox->lock);
}
