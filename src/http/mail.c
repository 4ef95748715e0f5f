/*
 * mail.c: letters by SMTP, with libcurl.
 *
 * What stands in a header is made here and checked: addresses by mail_is_address, the subject is
 * printable ASCII. So no text from outside can end a header line. The body is libcurl's MIME: one
 * part, UTF-8, quoted-printable, which also takes care of long lines and of a lone dot.
 *
 * TLS is not asked for but demanded: without it no address and no text goes out, unless the
 * settings say "none"; then no password does either.
 *
 * An answer of the server is of the letter (5xx to its address or its text: refused) or of all
 * letters (login, TLS, 421). When the connection breaks after the text began to travel, nobody can
 * know whether the letter was taken: MAIL_UNSURE, and the caller decides. Most would rather miss a
 * letter than send it twice.
 *
 * Threads: a mailer belongs to one.
 */
#include "http/mail.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/civil.h"
#include "base/limits.h"

#define SUBJECT_BYTES 200
#define HEADER_BYTES 1024
#define URL_BYTES 512

struct mail_curl {
    CURL *easy;
    bool begun; /* curl_global_init was called, which counts */
    enum mail_tls tls;
    char url[URL_BYTES];
    char host[256];
    unsigned port;
    char from[MAIL_ADDRESS_BYTES + 1];
    char *user, *password; /* the latter wiped; NULL: none */
    const char *authorities;
    int64_t total_ms;
};

/* What one letter needs while it travels. */
struct travel {
    const struct ctx *ctx;
    struct strbuf text; /* its lines end as RFC 5322 wants */
    struct curl_slist *headers, *to;
    curl_mime *mime;
};

bool mail_is_address(struct str text)
{
    size_t at = 0;

    if (text.len == 0 || text.len > MAIL_ADDRESS_BYTES)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || strchr("<>()[]\\,;:\"", text.ptr[i]))
            return false;
    if (!str_find(text, '@', &at) || at == 0 || at + 1 == text.len)
        return false;
    return !str_find(str_sub(text, at + 1, text.len), '@', &at);
}

/* ---- The mailer ---- */

void mail_curl_free(struct mail_curl *mail)
{
    if (!mail)
        return;
    curl_easy_cleanup(mail->easy); /* NULL is fine */
    if (mail->begun)
        curl_global_cleanup();
    if (mail->password)
        sodium_memzero(mail->password, strlen(mail->password));
    free(mail->password);
    free(mail->user);
    free(mail);
}

static bool is_host(const char *host)
{
    for (const char *at = host; *at; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
              (*at >= '0' && *at <= '9') || strchr("-._:", *at)))
            return false;
    return *host != '\0' && strlen(host) < sizeof(((struct mail_curl *)NULL)->host);
}

static enum err_class check_options(const struct mail_options *options, struct err *err)
{
    if (!is_host(options->host))
        return err_set(err, ERR_INPUT,
                       "mail.host wants the name or address of a mail server, like "
                       "mail.example.com");
    if (!mail_is_address(str_from(options->from)))
        return err_set(err, ERR_INPUT, "mail.from wants an address like tenon@example.com");
    if (options->tls == MAIL_TLS_NONE && *options->user)
        return err_set(err, ERR_INPUT,
                       "mail.tls is none, and mail.user would send its password in the clear; use "
                       "starttls or implicit, or give no user");
    return ERR_OK;
}

static unsigned port_of(const struct mail_options *options)
{
    static const unsigned usual[] = {
        [MAIL_TLS_NONE] = 25, [MAIL_TLS_STARTTLS] = 587, [MAIL_TLS_IMPLICIT] = 465};

    return options->port ? options->port : usual[options->tls];
}

static enum err_class take_options(struct mail_curl *mail, const struct mail_options *options,
                                   struct err *err)
{
    bool v6 = strchr(options->host, ':') != NULL;

    mail->tls = options->tls;
    mail->port = port_of(options);
    mail->total_ms = options->total_ms;
    (void)snprintf(mail->host, sizeof(mail->host), "%s", options->host);
    (void)snprintf(mail->from, sizeof(mail->from), "%s", options->from);
    (void)snprintf(mail->url, sizeof(mail->url), "%s://%s%s%s:%u",
                   options->tls == MAIL_TLS_IMPLICIT ? "smtps" : "smtp", v6 ? "[" : "",
                   options->host, v6 ? "]" : "", mail->port);
    mail->authorities = getenv("SSL_CERT_FILE");
    if (!*options->user)
        return ERR_OK;
    mail->user = str_dup_z(str_from(options->user));
    mail->password = str_dup_z(options->password);
    return mail->user && mail->password ? ERR_OK : err_memory(err);
}

enum err_class mail_curl_new(const struct mail_options *options, struct mail_curl **ret,
                             struct err *err)
{
    enum err_class rc = check_options(options, err);
    AUTO(mail_curl_free_autop) struct mail_curl *mail = calloc(1, sizeof(*mail));

    if (rc != ERR_OK)
        return rc;
    if (!mail)
        return err_memory(err);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, ERR_BUG, "libcurl does not start");
    mail->begun = true;
    mail->easy = curl_easy_init();
    rc = mail->easy ? take_options(mail, options, err) : err_memory(err);
    if (rc == ERR_OK)
        *ret = TAKE(mail);
    return rc;
}

/* ---- A letter ---- */

static void travel_done(struct travel *travel)
{
    curl_mime_free(travel->mime);
    curl_slist_free_all(travel->headers);
    curl_slist_free_all(travel->to);
    strbuf_done(&travel->text);
}

static enum err_class check_letter(const struct mail_letter *letter, struct err *err)
{
    if (!mail_is_address(letter->to))
        return err_set(err, ERR_INPUT, "a letter's address is none");
    if (letter->subject.len == 0 || letter->subject.len > SUBJECT_BYTES)
        return err_set(err, ERR_INPUT, "a letter's subject has %zu bytes; 1 to %d are allowed",
                       letter->subject.len, SUBJECT_BYTES);
    for (size_t i = 0; i < letter->subject.len; i++)
        if (letter->subject.ptr[i] < ' ' || letter->subject.ptr[i] >= 0x7f)
            return err_set(err, ERR_INPUT, "a letter's subject is not printable ASCII");
    if (!str_is_utf8(letter->text))
        return err_set(err, ERR_INPUT, "a letter's text is not UTF-8");
    return ERR_OK;
}

static bool add(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer)
        *list = longer;
    return longer != NULL;
}

/* "Sat, 21 Nov 2026 04:41:32 +0000": RFC 5322, 3.3. */
static void add_date(struct strbuf *buf, int64_t now_ms)
{
    static const char days[][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int32_t day = civil_day_of(now_ms);
    struct civil_date date = civil_date(day);
    int64_t second = now_ms / MS_PER_SECOND - day * (MS_PER_DAY / MS_PER_SECOND);

    strbuf_addf(buf, "Date: %s, %d %s %04d %02d:%02d:%02d +0000", days[civil_weekday(day) - 1],
                date.day, months[date.month - 1], date.year, (int)(second / 3600),
                (int)(second / 60 % 60), (int)(second % 60));
}

/* Takes the line over into the head, and empties it for the next one. */
static bool add_line(struct travel *travel, struct strbuf *line)
{
    struct err err;
    bool whole =
        strbuf_check(line, "a header", &err) == ERR_OK && add(&travel->headers, strbuf_z(line));

    strbuf_reset(line);
    return whole;
}

/* RFC 5322; and RFC 3834, so that no absence note answers it. */
static bool add_headers(const struct mail_curl *mail, const struct mail_letter *letter,
                        struct travel *travel)
{
    AUTO(strbuf_done) struct strbuf line = STRBUF_INIT(HEADER_BYTES);
    bool whole;

    add_date(&line, ctx_now_ms(travel->ctx));
    whole = add_line(travel, &line);
    strbuf_addf(&line, "From: <%s>", mail->from);
    whole = whole && add_line(travel, &line);
    strbuf_addf(&line, "To: <" STR_FMT ">", STR_ARG(letter->to));
    whole = whole && add_line(travel, &line);
    strbuf_addf(&line, "Subject: " STR_FMT, STR_ARG(letter->subject));
    whole = whole && add_line(travel, &line);
    strbuf_addf(&line, "Message-ID: <%016" PRIx64 "%016" PRIx64 "%s>", ctx_random_u64(travel->ctx),
                ctx_random_u64(travel->ctx), strchr(mail->from, '@'));
    whole = whole && add_line(travel, &line);
    strbuf_add_z(&line, "Auto-Submitted: auto-generated");
    return whole && add_line(travel, &line);
}

static void add_text(struct strbuf *to, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n')
            strbuf_add_char(to, '\r');
        if (text.ptr[i] != '\r')
            strbuf_add_char(to, text.ptr[i]);
    }
}

static bool add_body(const struct mail_curl *mail, struct travel *travel)
{
    curl_mimepart *part;

    travel->mime = curl_mime_init(mail->easy);
    part = travel->mime ? curl_mime_addpart(travel->mime) : NULL;
    return part && curl_mime_data(part, strbuf_z(&travel->text), travel->text.len) == CURLE_OK &&
           curl_mime_type(part, "text/plain; charset=utf-8") == CURLE_OK &&
           curl_mime_encoder(part, "quoted-printable") == CURLE_OK;
}

static enum err_class pack(const struct mail_curl *mail, const struct mail_letter *letter,
                           struct travel *travel, struct err *err)
{
    AUTO(strbuf_done) struct strbuf to = STRBUF_INIT(MAIL_ADDRESS_BYTES + 2);
    enum err_class rc = check_letter(letter, err);

    if (rc != ERR_OK)
        return rc;
    add_text(&travel->text, letter->text);
    rc = strbuf_check(&travel->text, "a letter's text", err);
    if (rc != ERR_OK)
        return rc;
    strbuf_addf(&to, "<" STR_FMT ">", STR_ARG(letter->to));
    if (!add(&travel->to, strbuf_z(&to)) || !add_headers(mail, letter, travel) ||
        !add_body(mail, travel))
        return err_memory(err);
    return ERR_OK;
}

/* Not 0 ends the transfer. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct travel *travel = arg;

    (void)a, (void)b, (void)c, (void)d;
    return ctx_stopped(travel->ctx);
}

#define SET(option, value)                                                                         \
    (code = code == CURLE_OK ? curl_easy_setopt(mail->easy, (option), (value)) : code)

static CURLcode set_options(const struct mail_curl *mail, struct travel *travel)
{
    CURLcode code = CURLE_OK;
    int64_t connect_ms =
        mail->total_ms < LIMIT_HTTP_CONNECT_MS ? mail->total_ms : LIMIT_HTTP_CONNECT_MS;

    curl_easy_reset(mail->easy); /* keeps the connection */
    SET(CURLOPT_URL, mail->url);
    SET(CURLOPT_PROTOCOLS_STR, mail->tls == MAIL_TLS_IMPLICIT ? "smtps" : "smtp");
    SET(CURLOPT_USE_SSL, (long)(mail->tls == MAIL_TLS_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (mail->authorities && *mail->authorities)
        SET(CURLOPT_CAINFO, mail->authorities);
    SET(CURLOPT_PROXY, ""); /* not even the environment's */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)mail->total_ms);
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(mail->total_ms / 1000 + 1));
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, travel);
    if (mail->user) {
        SET(CURLOPT_USERNAME, mail->user);
        SET(CURLOPT_PASSWORD, mail->password);
    }
    SET(CURLOPT_MAIL_FROM, mail->from);
    SET(CURLOPT_MAIL_RCPT, travel->to);
    SET(CURLOPT_HTTPHEADER, travel->headers);
    SET(CURLOPT_MIMEPOST, travel->mime);
    return code;
}
#undef SET

static enum err_class say_failure(const struct mail_curl *mail, CURLcode code, long answer,
                                  struct err *err)
{
    switch ((int)code) {
    case CURLE_OUT_OF_MEMORY:
        return err_memory(err);
    case CURLE_LOGIN_DENIED:
        return err_set(err, ERR_DENIED,
                       "the mail server %s refuses the login (answer %ld); look at mail.user and "
                       "mail.password_file",
                       mail->host, answer);
    case CURLE_USE_SSL_FAILED:
        return err_set(err, ERR_REMOTE,
                       "the mail server %s port %u offers no STARTTLS, so nothing was sent; see "
                       "mail.tls and mail.port",
                       mail->host, mail->port);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_REMOTE,
                       "the mail server %s port %u has no certificate that is trusted and names "
                       "it, or speaks no TLS there; see mail.tls, and SSL_CERT_FILE for an "
                       "authority of your own",
                       mail->host, mail->port);
    default:
        return err_set(err, ERR_NETWORK,
                       "the mail server %s port %u is not reached, is too slow or breaks off "
                       "(libcurl's code %d, last answer %ld)",
                       mail->host, mail->port, (int)code, answer);
    }
}

/* Who are you: RFC 4954, 6. */
static bool is_of_login(long answer)
{
    return answer == 530 || answer == 534 || answer == 535 || answer == 538;
}

/* Of an answer: the server speaks of this letter alone. */
static bool is_of_letter(CURLcode code, long answer)
{
    return (code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY ||
            code == CURLE_RECV_ERROR) &&
           answer >= 400 && answer != 421 && !is_of_login(answer);
}

static enum err_class judge(const struct mail_curl *mail, const struct travel *travel,
                            CURLcode code, enum mail_end *ret, struct err *err)
{
    curl_off_t sent = 0;
    long answer = 0;

    (void)curl_easy_getinfo(mail->easy, CURLINFO_RESPONSE_CODE, &answer);
    (void)curl_easy_getinfo(mail->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    if (code == CURLE_OK)
        *ret = MAIL_TAKEN;
    else if (is_of_letter(code, answer))
        *ret = MAIL_REFUSED;
    else if (sent > 0)
        *ret = MAIL_UNSURE;
    else if (code == CURLE_ABORTED_BY_CALLBACK)
        return ctx_check(travel->ctx, err);
    else
        return say_failure(mail, is_of_login(answer) ? CURLE_LOGIN_DENIED : code, answer, err);
    return ERR_OK;
}

static enum err_class mail_send(void *self, const struct ctx *ctx, const struct mail_letter *letter,
                                enum mail_end *ret, struct err *err)
{
    struct mail_curl *mail = self;
    AUTO(travel_done) struct travel travel = {.ctx = ctx, .text = STRBUF_INIT(MAIL_TEXT_BYTES)};
    enum err_class rc = ctx_check(ctx, err);
    CURLcode code;

    if (rc == ERR_OK)
        rc = pack(mail, letter, &travel, err);
    if (rc != ERR_OK)
        return rc;
    code = set_options(mail, &travel);
    if (code == CURLE_OK)
        rc = judge(mail, &travel, curl_easy_perform(mail->easy), ret, err);
    else if (code == CURLE_OUT_OF_MEMORY)
        rc = err_memory(err);
    else
        rc = err_set(err, ERR_BUG, "libcurl %s does not take an option (code %d)", curl_version(),
                     (int)code);
    curl_easy_reset(mail->easy); /* before the memory that it refers to */
    return rc;
}

static const struct mail_ops mail_curl_ops = {mail_send};

struct mailer mail_curl_mailer(struct mail_curl *mail)
{
    return (struct mailer){&mail_curl_ops, mail};
}
