/* Tests of provider.c and of the `command` and `pkcs11` providers; the latter against SoftHSM. */
#include "vault/provider.h"

#include <setjmp.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>

#include "../../tests/lib/store_world.h"
#include "base/disk.h"

struct fixture {
    struct fake_ctx fake;
    struct scratch scratch;
    const struct ctx *ctx;
    struct vault_provider *provider;
    char program[4096];
    struct strbuf wrapped;
    struct err err;
};

static const unsigned char root[VAULT_KEY_BYTES] = "a root of thirty-two bytes in al";

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    test_vault_start();
    fake_ctx_init(&fixture->fake, 3);
    scratch_begin(&fixture->scratch);
    fixture->ctx = &fixture->fake.ctx;
    fixture->wrapped = STRBUF_INIT(4096);
    (void)snprintf(fixture->program, sizeof(fixture->program), "%s",
                   scratch_path(&fixture->scratch, "kms"));
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    vault_provider_free(fixture->provider);
    strbuf_done(&fixture->wrapped);
    scratch_end(&fixture->scratch);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

/* ---- command ---- */

/* What every sound one begins with: a "service" whose wrapping is a prefix and an XOR by tr. */
#define SOUND                                                                                      \
    "case $1 in\n"                                                                                 \
    "wrap) printf 'wrapped-for-%s:' \"$2\"; tr 'a-z ' 'A-Z_' ;;\n"                                 \
    "unwrap) read -r -d : head; [ \"$head\" = \"wrapped-for-$2\" ] || exit 9; tr 'A-Z_' 'a-z ' "   \
    ";;\n"                                                                                         \
    "esac\n"

static enum err_class use_program(struct fixture *fixture, const char *script, int64_t timeout_s)
{
    const struct vault_provider_settings settings = {
        .provider = "command", .command = fixture->program, .timeout_s = timeout_s};
    struct strbuf text = STRBUF_INIT(8192);

    vault_provider_free(fixture->provider);
    fixture->provider = NULL;
    strbuf_addf(&text, "#!/bin/bash\n%s", script);
    ok(fixture, disk_write(fixture->ctx, fixture->program, strbuf_str(&text), &fixture->err));
    assert_int_equal(chmod(fixture->program, 0700), 0);
    strbuf_done(&text);
    return vault_provider_new(fixture->ctx, fixture->scratch.dir, &settings, false,
                              &fixture->provider, &fixture->err);
}

static enum err_class wrap(struct fixture *fixture)
{
    strbuf_reset(&fixture->wrapped);
    return fixture->provider->ops->wrap(fixture->provider, fixture->ctx, "acme", root,
                                        &fixture->wrapped, &fixture->err);
}

static enum err_class unwrap(struct fixture *fixture, const char *owner)
{
    unsigned char got[VAULT_KEY_BYTES] = {0};
    enum err_class rc = fixture->provider->ops->unwrap(
        fixture->provider, fixture->ctx, owner, strbuf_str(&fixture->wrapped), got, &fixture->err);

    if (rc == ERR_OK)
        assert_memory_equal(got, root, sizeof(root));
    return rc;
}

static void a_program_wraps_and_unwraps(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, use_program(fixture, SOUND, 10));
    ok(fixture, wrap(fixture));
    assert_int_equal(memcmp(fixture->wrapped.ptr, "wrapped-for-acme:", 17), 0);
    ok(fixture, unwrap(fixture, "acme"));
    assert_int_equal(unwrap(fixture, "other"), ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "exit code 9"));
}

static void a_program_that_misbehaves_is_told_and_never_believed(void **state)
{
    static const struct {
        const char *script, *word;
    } bad[] = {
        {"exit 3\n", "exit code 3"},
        {"kill -9 $$\n", "signal 9"},
        {"exit 0\n", "wrap no key"},
        {"cat\n", "wrap no key"}, /* the root itself */
        {"printf 'no key at all, but long enough for one'\n", "instead of 32"},
        {"head -c 100000 /dev/zero\n", "more than 4096"},
        {"if [ $1 = wrap ]; then printf x; cat; fi\n", "wrap no key"},
        {"if [ $1 = wrap ]; then tr 'a-z ' 'A-Z_'; else cat; fi\n", "to the same key"},
        {"sleep 60\n", "did not answer in time"},
        {"exec >&-; sleep 60\n", "in time"},
        {"(sleep 60) & printf x\n", "in time"}, /* a child keeps the output open */
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ok(fixture, use_program(fixture, bad[i].script, 1));
        assert_int_equal(wrap(fixture), ERR_KEY);
        if (!strstr(fixture->err.msg, bad[i].word))
            fail_msg("%s, not %s: %s", fixture->err.msg, bad[i].word, bad[i].script);
        assert_non_null(strstr(fixture->err.msg, fixture->program));
        assert_int_equal(fixture->wrapped.len, 0);
    }
}

static void a_program_sees_no_other_environment_or_descriptor(void **state)
{
    struct fixture *fixture = *state;
    int fd = dup(STDERR_FILENO);

    assert_int_equal(setenv("PLANTED_SECRET", "x", 1), 0);
    assert_true(fd > 2);
    assert_int_equal(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
    ok(fixture, use_program(fixture,
                            "[ -z \"$PLANTED_SECRET\" ] || exit 41\n"
                            "[ -n \"$PATH\" ] && [ -n \"$HOME\" ] || exit 42\n" SOUND,
                            10));
    ok(fixture, wrap(fixture));
    (void)close(fd);
    (void)unsetenv("PLANTED_SECRET");
}

static void a_program_that_is_not_there_is_told(void **state)
{
    struct vault_provider_settings settings = {.provider = "command",
                                               .command = "/no/such/program"};
    struct fixture *fixture = *state;

    assert_int_equal(vault_command_provider(&settings, &fixture->provider, &fixture->err), ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "/no/such/program"));
    settings.command = "kms"; /* no whole path: what it is would depend on where one stands */
    assert_int_equal(vault_command_provider(&settings, &fixture->provider, &fixture->err), ERR_KEY);
    assert_null(fixture->provider);
}

/* ---- Which provider it is ---- */

static enum err_class open_with_conf(struct fixture *fixture, const char *conf)
{
    AUTO(free_autop) char *keys = disk_join(fixture->scratch.dir, "keys");
    AUTO(free_autop) char *path = disk_join(fixture->scratch.dir, VAULT_PROVIDER_CONF);

    vault_provider_free(fixture->provider);
    fixture->provider = NULL;
    ok(fixture, disk_make_dir(fixture->ctx, keys, &fixture->err));
    ok(fixture, disk_write(fixture->ctx, path, str_from(conf), &fixture->err));
    return vault_provider_open(fixture->ctx, fixture->scratch.dir, true, &fixture->provider,
                               &fixture->err);
}

static void the_folder_says_which_provider_it_uses(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf text = STRBUF_INIT(8192);
    struct vault_provider_settings settings = {
        .provider = "command", .command = fixture->program, .timeout_s = 7};

    ok(fixture, vault_provider_open(fixture->ctx, fixture->scratch.dir, true, &fixture->provider,
                                    &fixture->err));
    assert_string_equal(fixture->provider->ops->name, "file");
    ok(fixture, use_program(fixture, SOUND, 10));
    ok(fixture, vault_provider_write(&settings, &text, &fixture->err));
    ok(fixture, open_with_conf(fixture, strbuf_z(&text)));
    assert_string_equal(fixture->provider->ops->name, "command");
    ok(fixture, wrap(fixture));
    strbuf_done(&text);
    settings.command = "/a\nprovider = file";
    text = STRBUF_INIT(8192);
    assert_int_equal(vault_provider_write(&settings, &text, &fixture->err), ERR_INPUT);
    strbuf_done(&text);
}

static void a_conf_that_is_not_understood_stops_everything(void **state)
{
    static const char *const bad[] = {"",
                                      "provider = none\n",
                                      "provider = file\ncolour = red\n",
                                      "provider = command\ntimeout_s = 0\n",
                                      "provider = command\n",
                                      "provider = pkcs11\nmodule = /x\n",
                                      "no sense\n"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_not_equal(open_with_conf(fixture, bad[i]), ERR_OK);
}

/* ---- pkcs11 ---- */

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

static bool run(const char *command)
{
    char *const argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
    pid_t pid = -1;
    int status = -1;

    return posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0 &&
           waitpid(pid, &status, 0) == pid && status == 0;
}

/* What a key of the token is allowed. */
struct may {
    const char *label;
    bool encrypt, decrypt, leave;
};

/* As `pkcs11-tool --keygen` does: an AES key of 256 bits. */
static void make_key(const struct may *may)
{
    CK_FUNCTION_LIST *module = p11_kit_module_load(MODULE, 0);
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE, encrypt = may->encrypt, decrypt = may->decrypt, leave = may->leave;
    CK_ULONG len = 32, count = 8;
    CK_ATTRIBUTE attributes[] = {{CKA_TOKEN, &yes, sizeof(yes)},
                                 {CKA_SENSITIVE, &yes, sizeof(yes)},
                                 {CKA_EXTRACTABLE, &leave, sizeof(leave)},
                                 {CKA_ENCRYPT, &encrypt, sizeof(encrypt)},
                                 {CKA_DECRYPT, &decrypt, sizeof(decrypt)},
                                 {CKA_VALUE_LEN, &len, sizeof(len)},
                                 {CKA_LABEL, (void *)(uintptr_t)may->label, strlen(may->label)}};
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE key = 0;
    CK_SLOT_ID slots[8];
    CK_RV code = CKR_SLOT_ID_INVALID;

    assert_non_null(module);
    assert_int_equal(p11_kit_module_initialize(module), CKR_OK);
    assert_int_equal(module->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count && code != CKR_OK; i++) /* the other is not initialized */
        code = module->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                     &session);
    assert_int_equal(code, CKR_OK);
    assert_int_equal(module->C_Login(session, CKU_USER, (CK_UTF8CHAR[]){"1234"}, 4), CKR_OK);
    assert_int_equal(
        module->C_GenerateKey(session, &mechanism, attributes, ARRAY_LEN(attributes), &key),
        CKR_OK);
    (void)module->C_CloseSession(session);
    (void)p11_kit_module_finalize(module);
    p11_kit_module_release(module);
}

/* A token with one AES key. False: SoftHSM or its tools are not here. */
static bool make_token(struct fixture *fixture)
{
    struct strbuf command = STRBUF_INIT(8192);
    bool made;

    if (access(MODULE, R_OK) != 0 || !run("command -v softhsm2-util >/dev/null"))
        return false;
    strbuf_addf(
        &command,
        "cd '%s' && mkdir tokens && echo \"directories.tokendir = $PWD/tokens\" > hsm.conf &&"
        " SOFTHSM2_CONF=$PWD/hsm.conf softhsm2-util --init-token --free --label tenon-test"
        " --so-pin 5678 --pin 1234 >/dev/null && printf 1234 > pin && chmod 600 pin",
        fixture->scratch.dir);
    made = run(strbuf_z(&command));
    strbuf_done(&command);
    assert_int_equal(setenv("SOFTHSM2_CONF", scratch_path(&fixture->scratch, "hsm.conf"), 1), 0);
    if (made)
        make_key(&(struct may){"root", .encrypt = true, .decrypt = true});
    return made;
}

static void a_token_wraps_and_unwraps_and_its_key_stays_in_it(void **state)
{
    struct fixture *fixture = *state;
    AUTO(free_autop) char *pin = disk_join(fixture->scratch.dir, "pin");
    struct vault_provider_settings settings = {.provider = "pkcs11",
                                               .module = MODULE,
                                               .token = "tenon-test",
                                               .key_label = "root",
                                               .pin_file = pin};
    struct vault_provider *second = NULL;

    if (!make_token(fixture)) {
        print_message("softhsm2 is not installed: the PKCS#11 provider is not tested\n");
        skip();
    }
    ok(fixture, vault_provider_new(fixture->ctx, fixture->scratch.dir, &settings, false,
                                   &fixture->provider, &fixture->err));
    ok(fixture, wrap(fixture));
    assert_null(memmem(fixture->wrapped.ptr, fixture->wrapped.len, root, sizeof(root)));
    ok(fixture, unwrap(fixture, "acme"));
    assert_int_equal(unwrap(fixture, "other"), ERR_KEY); /* the owner is bound to it */

    /* Several handles of one process come and go. */
    ok(fixture, vault_provider_new(fixture->ctx, fixture->scratch.dir, &settings, false, &second,
                                   &fixture->err));
    vault_provider_free(second);
    ok(fixture, unwrap(fixture, "acme"));
    for (size_t i = 0; i < fixture->wrapped.len; i++) {
        fixture->wrapped.ptr[i] = (char)(fixture->wrapped.ptr[i] ^ 1);
        assert_int_equal(unwrap(fixture, "acme"), ERR_KEY);
        fixture->wrapped.ptr[i] = (char)(fixture->wrapped.ptr[i] ^ 1);
    }

    settings.key_label = "another";
    assert_int_equal(vault_pkcs11_provider(fixture->ctx, &settings, &second, &fixture->err),
                     ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "no AES key labelled \"another\""));
    settings.key_label = "root";
    settings.token = "gone";
    assert_int_equal(vault_pkcs11_provider(fixture->ctx, &settings, &second, &fixture->err),
                     ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "no PKCS#11 token \"gone\""));
    settings.token = "tenon-test";
    assert_int_equal(chmod(pin, 0644), 0);
    assert_int_equal(vault_pkcs11_provider(fixture->ctx, &settings, &second, &fixture->err),
                     ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "chmod 600"));
    settings.module = "/no/such/module.so";
    assert_int_equal(vault_pkcs11_provider(fixture->ctx, &settings, &second, &fixture->err),
                     ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "/no/such/module.so"));
}

static void what_is_wrong_with_a_token_is_said(void **state)
{
    static const struct may keys[] = {{"twice", .encrypt = true, .decrypt = true},
                                      {"twice", .encrypt = true, .decrypt = true},
                                      {"wraps-only", .encrypt = true},
                                      {"unwraps-only", .decrypt = true},
                                      {"leaves", true, true, .leave = true}};
    static const struct {
        const char *label, *pin, *says;
    } cases[] = {
        {"root", "4321", "refuses the PIN"},
        {"root", "\n", "is empty"},
        {"twice", "1234", "more than one AES key labelled \"twice\""},
        {"wraps-only", "1234", "\"wraps-only\" is not allowed to decrypt"},
        {"unwraps-only", "1234", "\"unwraps-only\" is not allowed to encrypt"},
        {"leaves", "1234", "CKA_EXTRACTABLE"},
    };
    struct fixture *fixture = *state;
    AUTO(free_autop) char *pin = disk_join(fixture->scratch.dir, "pin");
    struct vault_provider_settings settings = {
        .provider = "pkcs11", .module = MODULE, .token = "tenon-test", .pin_file = pin};
    struct vault_provider *provider = NULL;

    if (!make_token(fixture)) {
        print_message("softhsm2 is not installed: the PKCS#11 provider is not tested\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        make_key(&keys[i]);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        settings.key_label = cases[i].label;
        scratch_write(pin, str_from(cases[i].pin));
        if (vault_pkcs11_provider(fixture->ctx, &settings, &provider, &fixture->err) != ERR_KEY ||
            !strstr(fixture->err.msg, cases[i].says))
            fail_msg("case %zu: %s", i, fixture->err.msg);
        assert_null(strstr(fixture->err.msg, "4321"));
    }
    scratch_write(pin, STR("1234\n")); /* all of that has spoilt nothing */
    settings.key_label = "root";
    ok(fixture, vault_pkcs11_provider(fixture->ctx, &settings, &fixture->provider, &fixture->err));
    ok(fixture, wrap(fixture));
}

static void of_two_tokens_with_one_name_none_is_taken(void **state)
{
    struct fixture *fixture = *state;
    AUTO(free_autop) char *pin = disk_join(fixture->scratch.dir, "pin");
    const struct vault_provider_settings settings = {.provider = "pkcs11",
                                                     .module = MODULE,
                                                     .token = "tenon-test",
                                                     .key_label = "root",
                                                     .pin_file = pin};
    struct vault_provider *provider = NULL;

    if (!make_token(fixture)) {
        print_message("softhsm2 is not installed: the PKCS#11 provider is not tested\n");
        skip();
    }
    assert_true(run("softhsm2-util --init-token --free --label tenon-test --so-pin 5678 --pin 1234"
                    " >/dev/null"));
    assert_int_equal(vault_pkcs11_provider(fixture->ctx, &settings, &provider, &fixture->err),
                     ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "more than one PKCS#11 token \"tenon-test\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_program_wraps_and_unwraps),
        TEST(a_program_that_misbehaves_is_told_and_never_believed),
        TEST(a_program_sees_no_other_environment_or_descriptor),
        TEST(a_program_that_is_not_there_is_told),
        TEST(the_folder_says_which_provider_it_uses),
        TEST(a_conf_that_is_not_understood_stops_everything),
        TEST(a_token_wraps_and_unwraps_and_its_key_stays_in_it),
        TEST(what_is_wrong_with_a_token_is_said),
        TEST(of_two_tokens_with_one_name_none_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
