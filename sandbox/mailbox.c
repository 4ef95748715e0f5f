/*
 * mailbox.c: letters by SMTP, kept in memory.
 *
 * One thread accepts and talks (RFC 5321: EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, QUIT; RFC 3207:
 * STARTTLS; RFC 4954: AUTH PLAIN). It ends when its listener and the connection it talks on are
 * shut. The lock guards the letters, what came in the clear, and that connection's descriptor.
 */
#include "mailbox.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "mailbox_tls.h"

#define LETTERS_MAX 10000
#define LETTER_BYTES ((size_t)1024 * 1024)
#define LINE_BYTES 4096
#define CLEAR_BYTES ((size_t)64 * 1024)
#define LOGIN_BYTES 512

struct letter {
    struct strbuf from, to, data;
    bool tls, user; /* how it came, and whether by somebody who had signed in */
};

struct mailbox {
    int listener;
    uint16_t port;
    enum mail_tls mode;
    struct mailbox_tls *tls; /* NULL: plain */
    const char *user;        /* NULL: nobody signs in */
    char login[LOGIN_BYTES]; /* what AUTH PLAIN must say, in base64 */
    bool threaded;
    pthread_t thread;
    pthread_mutex_t lock;
    int talking; /* the connection's descriptor; -1: none */
    bool quit;
    struct letter *letters;
    size_t count, room;
    struct strbuf clear;
};

/* A connection; the thread's own. */
struct talk {
    struct mailbox *mailbox;
    int fd;
    struct ssl_st *tls; /* NULL: not yet, or not at all */
    bool user;          /* has signed in */
    char read[LINE_BYTES];
    size_t read_at, read_len; /* what came and is not heard yet */
    struct letter letter;     /* what was said so far */
};

static void letter_done(struct letter *letter)
{
    strbuf_done(&letter->from);
    strbuf_done(&letter->to);
    strbuf_done(&letter->data);
}

static void letter_begin(struct talk *talk)
{
    letter_done(&talk->letter);
    talk->letter = (struct letter){STRBUF_INIT(LINE_BYTES), STRBUF_INIT(LINE_BYTES),
                                   STRBUF_INIT(LETTER_BYTES), talk->tls != NULL, talk->user};
}

/* ---- Talking ---- */

static bool say(struct talk *talk, const char *line)
{
    char bytes[128];
    int len = snprintf(bytes, sizeof(bytes), "%s\r\n", line);

    if (talk->tls)
        return mailbox_tls_write(talk->tls, (struct str){bytes, (size_t)len});
    return send(talk->fd, bytes, (size_t)len, MSG_NOSIGNAL) == len;
}

static bool hear_byte(struct talk *talk, char *ret)
{
    if (talk->read_at == talk->read_len) {
        ssize_t got = talk->tls ? mailbox_tls_read(talk->tls, talk->read, sizeof(talk->read))
                                : recv(talk->fd, talk->read, sizeof(talk->read), 0);

        if (got <= 0)
            return false;
        talk->read_at = 0;
        talk->read_len = (size_t)got;
    }
    *ret = talk->read[talk->read_at++];
    return true;
}

/* A line without its end; false when the peer has gone or talks too long. */
static bool hear(struct talk *talk, char line[LINE_BYTES], struct str *ret)
{
    size_t len = 0;

    while (len < LINE_BYTES && hear_byte(talk, &line[len]))
        if (line[len++] == '\n')
            break;
    if (len < 2 || line[len - 1] != '\n' || line[len - 2] != '\r')
        return false;
    *ret = (struct str){line, len - 2};
    if (!talk->tls) {
        struct strbuf *clear = &talk->mailbox->clear;

        (void)pthread_mutex_lock(&talk->mailbox->lock);
        if (clear->len + len < CLEAR_BYTES) {
            strbuf_add_str(clear, *ret);
            strbuf_add_char(clear, '\n');
        }
        (void)pthread_mutex_unlock(&talk->mailbox->lock);
    }
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
        talk->letter = (struct letter){0};
    }
    (void)pthread_mutex_unlock(&mailbox->lock);
    letter_begin(talk);
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

static bool greet(struct talk *talk)
{
    const struct mailbox *mailbox = talk->mailbox;
    bool offered = mailbox->mode == MAIL_TLS_STARTTLS && !talk->tls;

    return say(talk, "250-tenon-sandbox") && (!offered || say(talk, "250-STARTTLS")) &&
           (!mailbox->user || say(talk, "250-AUTH PLAIN")) && say(talk, "250 8BITMIME");
}

/* What came before the handshake and was not heard is forgotten (RFC 3207, 4.2). */
static bool begin_tls(struct talk *talk)
{
    if (talk->mailbox->mode != MAIL_TLS_STARTTLS || talk->tls)
        return say(talk, "502 not here");
    if (!say(talk, "220 go ahead"))
        return false;
    talk->read_at = talk->read_len = 0;
    talk->user = false;
    talk->tls = mailbox_tls_accept(talk->mailbox->tls, talk->fd);
    letter_begin(talk);
    return talk->tls != NULL;
}

/* The answer stands in the command's line or in the next one (RFC 4954, 4). */
static bool sign_in(struct talk *talk, struct str line)
{
    char next[LINE_BYTES];
    struct str said = str_sub(line, strlen("AUTH PLAIN "), line.len);

    if (said.len == 0 && (!say(talk, "334 ") || !hear(talk, next, &said)))
        return false;
    talk->user = talk->mailbox->user && str_eq_z(said, talk->mailbox->login);
    return say(talk, talk->user ? "235 welcome" : "535 who are you?");
}

/* False: the connection ends. */
static bool obey(struct talk *talk, struct str line)
{
    if (is_command(line, "EHLO") || is_command(line, "HELO"))
        return greet(talk);
    if (is_command(line, "STARTTLS"))
        return begin_tls(talk);
    if (is_command(line, "AUTH PLAIN"))
        return sign_in(talk, line);
    if (is_command(line, "MAIL FROM:")) {
        if (talk->mailbox->user && !talk->user)
            return say(talk, "530 who are you?");
        letter_begin(talk);
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
    struct talk talk = {.mailbox = mailbox, .fd = fd};
    char line[LINE_BYTES];
    struct str text;
    bool on = true;

    if (mailbox->mode == MAIL_TLS_IMPLICIT) {
        talk.tls = mailbox_tls_accept(mailbox->tls, fd);
        on = talk.tls != NULL;
    }
    letter_begin(&talk);
    if (on && say(&talk, "220 tenon-sandbox"))
        while (hear(&talk, line, &text) && obey(&talk, text))
            continue;
    letter_done(&talk.letter);
    mailbox_tls_end(talk.tls);
    (void)pthread_mutex_lock(
        &mailbox->lock); /* nobody shuts a descriptor that is another's by now */
    mailbox->talking = -1;
    (void)close(fd);
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
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
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

/* RFC 4616: nobody else's name, NUL, the name, NUL, the password. */
static enum err_class know_login(struct mailbox *mailbox, const struct mailbox_options *options,
                                 struct err *err)
{
    char plain[LOGIN_BYTES / 2];
    int len;

    mailbox->user = options->user;
    if (!options->user)
        return ERR_OK;
    len = snprintf(plain, sizeof(plain), "%c%s%c%s", '\0', options->user, '\0', options->password);
    if (len < 0 || (size_t)len >= sizeof(plain))
        return err_set(err, ERR_USAGE, "the mailbox's user and password are too long together");
    (void)sodium_bin2base64(mailbox->login, sizeof(mailbox->login), (const unsigned char *)plain,
                            (size_t)len, sodium_base64_VARIANT_ORIGINAL);
    return ERR_OK;
}

enum err_class mailbox_new(const struct mailbox_options *options, struct mailbox **ret,
                           struct err *err)
{
    AUTO(mailbox_free_autop) struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
    enum err_class rc;

    if (!mailbox)
        return err_memory(err);
    mailbox->listener = mailbox->talking = -1;
    mailbox->mode = options->tls;
    mailbox->clear = STRBUF_INIT(CLEAR_BYTES);
    (void)pthread_mutex_init(&mailbox->lock, NULL);
    rc = know_login(mailbox, options, err);
    if (rc == ERR_OK && options->tls != MAIL_TLS_NONE)
        rc = mailbox_tls_new(&mailbox->tls, err);
    if (rc == ERR_OK)
        rc = listen_on(mailbox, options->port, err);
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
    strbuf_done(&mailbox->clear);
    mailbox_tls_free(mailbox->tls);
    (void)pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

uint16_t mailbox_port(const struct mailbox *mailbox)
{
    return mailbox->port;
}

struct str mailbox_certificate(const struct mailbox *mailbox)
{
    return mailbox->tls ? mailbox_tls_certificate(mailbox->tls) : (struct str){NULL, 0};
}

void mailbox_put_clear(struct mailbox *mailbox, struct strbuf *to)
{
    (void)pthread_mutex_lock(&mailbox->lock);
    strbuf_add_str(to, strbuf_str(&mailbox->clear));
    (void)pthread_mutex_unlock(&mailbox->lock);
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
        json_key(out, "tls");
        json_put_bool(out, letter->tls);
        json_key(out, "user");
        json_put_str(out, str_from(letter->user ? mailbox->user : ""));
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
