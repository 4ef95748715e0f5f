/*
 * Letters over TLS, both sides: what http/mail.c says to a server that can do it, and that it says
 * nothing worth having to one that cannot or is not who it should be. The mailbox takes letters and
 * passwords in the clear, so only the sender's care keeps them from it. EV-18.
 */
#include "mailbox.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../tests/lib/fake_ctx.h"
#include "../tests/lib/scratch.h"

#define PASSWORD "pass-word-planted"
#define LOGIN "AHRlbm9uAHBhc3Mtd29yZC1wbGFudGVk" /* NUL tenon NUL pass-word-planted, in base64 */

struct fixture {
    struct fake_ctx fake;
    struct mailbox *mailbox;
    struct mail_curl *mail;
    struct scratch scratch;
    const char *authorities; /* SSL_CERT_FILE */
    struct err err;
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    fake_ctx_init(&f->fake, 5);
    (void)signal(SIGPIPE, SIG_IGN); /* as in the sandbox: OpenSSL writes to who has gone */
    scratch_begin(&f->scratch);
    f->authorities = scratch_path(&f->scratch, "authorities.pem");
    assert_int_equal(setenv("SSL_CERT_FILE", f->authorities, 1), 0);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    mail_curl_free(f->mail);
    mailbox_free(f->mailbox);
    scratch_end(&f->scratch);
    fake_ctx_done(&f->fake);
    free(f);
    return 0;
}

/* A mailbox whose certificate the sender trusts. */
static void open_box(struct fixture *f, enum mail_tls tls, bool login)
{
    const struct mailbox_options options = {
        .tls = tls, .user = login ? "tenon" : NULL, .password = PASSWORD};

    if (mailbox_new(&options, &f->mailbox, &f->err) != ERR_OK)
        fail_msg("%s", f->err.msg);
    scratch_write(f->authorities, mailbox_certificate(f->mailbox));
}

static enum err_class send_by(struct fixture *f, const char *host, enum mail_tls tls,
                              const char *user, const char *password)
{
    const struct mail_options options = {.host = host,
                                         .port = mailbox_port(f->mailbox),
                                         .tls = tls,
                                         .from = "tenon@example.com",
                                         .user = user,
                                         .password = str_from(password),
                                         .total_ms = 10000};
    const struct mail_letter letter = {STR("ana@example.com"), STR("Two issues"),
                                       STR("Hello,\nW\xc3\xb6rk.\n.\nend\n")};
    enum mail_end ended = MAIL_REFUSED;
    struct mailer mailer;
    enum err_class rc;

    mail_curl_free(f->mail);
    f->mail = NULL;
    f->err = (struct err){0};
    if (mail_curl_new(&options, &f->mail, &f->err) != ERR_OK)
        fail_msg("%s", f->err.msg);
    mailer = mail_curl_mailer(f->mail);
    rc = mailer.ops->send(mailer.self, &f->fake.ctx, &letter, &ended, &f->err);
    if (rc == ERR_OK)
        assert_int_equal(ended, MAIL_TAKEN);
    return rc;
}

/* How often `what` stands in the letters that are there. */
static size_t in_letters(const struct fixture *f, const char *what)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT((size_t)1024 * 1024);
    struct json_out out = json_out(&text);
    size_t count = 0;

    mailbox_put(f->mailbox, &out);
    assert_int_equal(text.failed, ERR_OK);
    for (const char *at = strbuf_z(&text); (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static bool in_clear(const struct fixture *f, const char *what)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT((size_t)128 * 1024);

    mailbox_put_clear(f->mailbox, &text);
    assert_int_equal(text.failed, ERR_OK);
    return strstr(strbuf_z(&text), what) != NULL;
}

static void assert_nothing_was_told(const struct fixture *f)
{
    static const char *const secrets[] = {"AUTH", LOGIN, PASSWORD, "MAIL", "RCPT", "ana"};

    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        if (in_clear(f, secrets[i]))
            fail_msg("\"%s\" was said in the clear", secrets[i]);
    assert_null(strstr(f->err.msg, PASSWORD));
    assert_null(strstr(f->err.msg, "ana@"));
}

static void a_letter_arrives_by_starttls(void **state)
{
    struct fixture *f = *state;

    open_box(f, MAIL_TLS_STARTTLS, false);
    if (send_by(f, "127.0.0.1", MAIL_TLS_STARTTLS, "", "") != ERR_OK)
        fail_msg("%s", f->err.msg);
    assert_int_equal(in_letters(f, "\"tls\":true"), 1);
    assert_int_equal(in_letters(f, "ana@example.com\""), 1);
    assert_int_equal(in_letters(f, "W=C3=B6rk."), 1);
    assert_true(in_clear(f, "STARTTLS"));
    assert_nothing_was_told(f);
}

static void a_password_goes_only_after_starttls(void **state)
{
    struct fixture *f = *state;

    open_box(f, MAIL_TLS_STARTTLS, true);
    if (send_by(f, "127.0.0.1", MAIL_TLS_STARTTLS, "tenon", PASSWORD) != ERR_OK)
        fail_msg("%s", f->err.msg);
    assert_int_equal(in_letters(f, "\"user\":\"tenon\""), 1);
    assert_nothing_was_told(f);
    assert_int_equal(send_by(f, "127.0.0.1", MAIL_TLS_STARTTLS, "tenon", "another"), ERR_DENIED);
    assert_non_null(strstr(f->err.msg, "mail.password_file"));
    assert_int_equal(in_letters(f, "\"from\""), 1);
    assert_nothing_was_told(f);
}

static void a_letter_arrives_by_implicit_tls(void **state)
{
    struct fixture *f = *state;

    open_box(f, MAIL_TLS_IMPLICIT, true);
    if (send_by(f, "127.0.0.1", MAIL_TLS_IMPLICIT, "tenon", PASSWORD) != ERR_OK)
        fail_msg("%s", f->err.msg);
    assert_int_equal(in_letters(f, "\"tls\":true,\"user\":\"tenon\""), 1);
    assert_int_equal(send_by(f, "127.0.0.1", MAIL_TLS_IMPLICIT, "", ""), ERR_DENIED);
    assert_int_equal(in_letters(f, "\"from\""), 1);
    assert_nothing_was_told(f);
}

static void a_server_without_starttls_is_told_nothing_though_it_offers_a_login(void **state)
{
    struct fixture *f = *state;

    open_box(f, MAIL_TLS_NONE, true);
    assert_int_equal(send_by(f, "127.0.0.1", MAIL_TLS_STARTTLS, "tenon", PASSWORD), ERR_REMOTE);
    assert_non_null(strstr(f->err.msg, "offers no STARTTLS"));
    assert_non_null(strstr(f->err.msg, "mail.tls"));
    assert_int_equal(in_letters(f, "\"from\""), 0);
    assert_nothing_was_told(f);
    assert_int_equal(send_by(f, "127.0.0.1", MAIL_TLS_IMPLICIT, "tenon", PASSWORD), ERR_REMOTE);
    assert_int_equal(in_letters(f, "\"from\""), 0);
    assert_nothing_was_told(f);
}

static void a_certificate_that_is_not_trusted_gets_no_letter(void **state)
{
    static const enum mail_tls kinds[] = {MAIL_TLS_STARTTLS, MAIL_TLS_IMPLICIT};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct mailbox *other = NULL;
        const struct mailbox_options options = {.tls = kinds[i]};

        open_box(f, kinds[i], true);
        assert_int_equal(mailbox_new(&options, &other, &f->err), ERR_OK);
        scratch_write(f->authorities, mailbox_certificate(other)); /* the same names, another key */
        mailbox_free(other);
        assert_int_equal(send_by(f, "127.0.0.1", kinds[i], "tenon", PASSWORD), ERR_REMOTE);
        assert_non_null(strstr(f->err.msg, "no certificate that is trusted"));
        assert_non_null(strstr(f->err.msg, "SSL_CERT_FILE"));
        assert_int_equal(in_letters(f, "\"from\""), 0);
        assert_nothing_was_told(f);
        mailbox_free(f->mailbox);
        f->mailbox = NULL;
    }
}

static void a_certificate_of_another_name_gets_no_letter(void **state)
{
    struct fixture *f = *state;

    open_box(f, MAIL_TLS_STARTTLS, true); /* which names 127.0.0.1 alone */
    assert_int_equal(send_by(f, "localhost", MAIL_TLS_STARTTLS, "tenon", PASSWORD), ERR_REMOTE);
    assert_non_null(strstr(f->err.msg, "names it"));
    assert_int_equal(in_letters(f, "\"from\""), 0);
    assert_true(in_clear(f, "STARTTLS"));
    assert_nothing_was_told(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_letter_arrives_by_starttls),
        TEST(a_password_goes_only_after_starttls),
        TEST(a_letter_arrives_by_implicit_tls),
        TEST(a_server_without_starttls_is_told_nothing_though_it_offers_a_login),
        TEST(a_certificate_that_is_not_trusted_gets_no_letter),
        TEST(a_certificate_of_another_name_gets_no_letter),
    };

    return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
