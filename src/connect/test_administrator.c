/* Tests of administrator.c and password.c: links, passwords, the brake, few hashes at a time. */
#include "connect/administrator.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/people_world.h"
#include "base/civil.h"

#define GOOD "correct horse battery"
#define WRONG "wrong horse, no battery"
#define HOME STR("192.0.2.7")

struct office {
    struct passwords *passwords;
    char link[SECRET_TEXT_BYTES + 1];
    int64_t wait_ms;
};

static void begin(struct people_world *world, struct office *office)
{
    *office = (struct office){0};
    people_ok(world, passwords_new(world->ctx, &office->passwords, &world->err));
}

static void end(struct office *office)
{
    passwords_free(office->passwords);
}

static void make_link(struct people_world *world, struct office *office)
{
    people_ok(world, administrator_link(world->store.data, office->link, &world->err));
}

static enum err_class set(struct people_world *world, struct office *office, const char *password)
{
    world->err = (struct err){0};
    return administrator_set(world->store.data, office->passwords, str_from(office->link),
                             str_from(password), &world->err);
}

static enum err_class check_from(struct people_world *world, struct office *office,
                                 struct str address, const char *password)
{
    world->err = (struct err){0};
    return administrator_check(world->store.data, office->passwords, address, str_from(password),
                               &office->wait_ms, &world->err);
}

static enum err_class check(struct people_world *world, struct office *office, const char *password)
{
    return check_from(world, office, HOME, password);
}

static void a_link_sets_the_password_once(void **state)
{
    struct people_world *world = *state;
    struct office office;
    bool there = true;

    begin(world, &office);
    people_ok(world, administrator_exists(world->store.data, &there, &world->err));
    assert_false(there);
    make_link(world, &office);
    people_ok(world, set(world, &office, GOOD));
    people_ok(world, administrator_exists(world->store.data, &there, &world->err));
    assert_true(there);
    people_ok(world, check(world, &office, GOOD));
    assert_int_equal(people_number(world, true, SQL("SELECT last_sign_in FROM administrator")),
                     FAKE_NOW_MS);
    assert_int_equal(set(world, &office, "another password"), ERR_DENIED);
    people_ok(world, check(world, &office, GOOD));
    end(&office);
}

static void a_link_is_good_for_fifteen_minutes_and_the_latest_only(void **state)
{
    struct people_world *world = *state;
    struct office office, old;

    begin(world, &office);
    make_link(world, &office);
    old = office;
    make_link(world, &office);
    assert_int_equal(set(world, &old, GOOD), ERR_DENIED);
    fake_ctx_advance(&world->store.fake, SIGN_IN_LINK_MS - 1);
    assert_int_equal(set(world, &office, "too short"), ERR_INPUT); /* and the link is still good */
    fake_ctx_advance(&world->store.fake, 1);
    assert_int_equal(set(world, &office, GOOD), ERR_DENIED);
    assert_non_null(strstr(world->err.msg, "tenon admin"));
    make_link(world, &office);
    fake_ctx_advance(&world->store.fake, SIGN_IN_LINK_MS - 1);
    people_ok(world, set(world, &office, GOOD));
    end(&office);
}

static void links_that_were_never_made_are_refused_unhashed(void **state)
{
    static const char *const links[] = {"", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    make_link(world, &office);
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        assert_int_equal(administrator_set(world->store.data, office.passwords, str_from(links[i]),
                                           STR(GOOD), &world->err),
                         ERR_DENIED);
    assert_int_equal(passwords_running_most(office.passwords), 0);
    end(&office);
}

static void a_new_password_and_a_reset_end_all_sessions(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    make_link(world, &office);
    people_ok(world, db_exec(world->store.data->control,
                             SQL("INSERT INTO admin_session VALUES (x'00', 9, 9)"), &world->err));
    people_ok(world, set(world, &office, GOOD));
    assert_int_equal(people_number(world, true, SQL("SELECT count(*) FROM admin_session")), 0);

    people_ok(world, db_exec(world->store.data->control,
                             SQL("INSERT INTO admin_session VALUES (x'01', 9, 9)"), &world->err));
    make_link(world, &office);
    people_ok(world, administrator_reset(world->store.data, &world->err));
    assert_int_equal(people_number(world, true, SQL("SELECT count(*) FROM admin_session")), 0);
    assert_int_equal(check(world, &office, GOOD), ERR_DENIED);
    assert_int_equal(set(world, &office, GOOD), ERR_DENIED); /* the links are gone too */
    end(&office);
}

static void the_hash_is_argon2id_and_sealed(void **state)
{
    struct people_world *world = *state;
    struct office office;
    char hash[PASSWORD_HASH_BYTES], again[PASSWORD_HASH_BYTES];

    begin(world, &office);
    people_ok(world, password_hash(office.passwords, STR(GOOD), hash, &world->err));
    people_ok(world, password_hash(office.passwords, STR(GOOD), again, &world->err));
    assert_true(str_starts(str_from(hash), STR("$argon2id$v=19$m=65536,t=2,p=1$")));
    assert_string_not_equal(hash, again); /* salted */
    make_link(world, &office);
    people_ok(world, set(world, &office, GOOD));
    assert_int_equal(people_number(world, true,
                                   SQL("SELECT count(*) FROM administrator WHERE"
                                       " instr(password, 'argon') > 0")),
                     0);
    end(&office);
}

static void wrong_and_absent_get_one_answer_and_one_hash(void **state)
{
    struct people_world *world = *state;
    struct office office;
    struct err absent;

    begin(world, &office);
    assert_int_equal(check(world, &office, GOOD), ERR_DENIED);
    absent = world->err;
    assert_int_equal(passwords_running_most(office.passwords), 1); /* it was not skipped */
    make_link(world, &office);
    people_ok(world, set(world, &office, GOOD));
    assert_int_equal(check(world, &office, WRONG), ERR_DENIED);
    assert_string_equal(world->err.msg, absent.msg);
    end(&office);
}

static void passwords_have_a_length_and_nothing_else(void **state)
{
    char longest[PASSWORD_BYTES_MAX + 2];
    struct err err = {0};

    (void)state;
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(password_acceptable(STR("elevenchars"), &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "11 characters"));
    assert_int_equal(password_acceptable(STR("twelve chars"), &err), ERR_OK);
    assert_int_equal(password_acceptable(STR("            "), &err), ERR_OK);
    assert_int_equal(
        password_acceptable(STR("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"), &err),
        ERR_INPUT); /* six characters in twelve bytes */
    assert_int_equal(password_acceptable(STR("not utf-8 \xff\xff\xff\xff"), &err), ERR_INPUT);
    assert_int_equal(password_acceptable((struct str){longest, PASSWORD_BYTES_MAX}, &err), ERR_OK);
    assert_int_equal(password_acceptable((struct str){longest, PASSWORD_BYTES_MAX + 1}, &err),
                     ERR_INPUT);
    assert_null(strstr(err.msg, "xx"));
}

/* Three are free, then 1 s, 2 s, 4 s … 15 min. */
static void each_wrong_password_makes_the_next_one_wait_longer(void **state)
{
    struct people_world *world = *state;
    struct office office;
    int64_t wait = 1000;

    begin(world, &office);
    make_link(world, &office);
    people_ok(world, set(world, &office, GOOD));
    for (int i = 0; i < 3; i++)
        assert_int_equal(check(world, &office, WRONG), ERR_DENIED);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(check(world, &office, WRONG), ERR_DENIED);
        /* Too early, by the right one too; and that does not count. */
        assert_int_equal(check(world, &office, GOOD), ERR_BUSY);
        assert_int_equal(office.wait_ms, wait);
        assert_int_equal(check_from(world, &office, STR("::ffff:192.0.2.7"), GOOD), ERR_BUSY);
        fake_ctx_advance(&world->store.fake, wait - 1);
        assert_int_equal(check(world, &office, GOOD), ERR_BUSY);
        fake_ctx_advance(&world->store.fake, 1);
        wait = wait * 2 < 15 * MS_PER_MINUTE ? wait * 2 : 15 * MS_PER_MINUTE;
    }
    /* Others are not held up. */
    people_ok(world, check_from(world, &office, STR("192.0.2.8"), GOOD));
    people_ok(world, check(world, &office, GOOD));
    assert_int_equal(check(world, &office, WRONG), ERR_DENIED); /* all is forgiven */
    people_ok(world, check(world, &office, GOOD));
    end(&office);
}

static void an_ipv6_client_is_its_network(void **state)
{
    struct people_world *world = *state;
    struct office office;

    begin(world, &office);
    for (int i = 0; i < 4; i++) {
        char address[64];

        (void)snprintf(address, sizeof(address), "2001:db8:1:2:%x::1", i);
        assert_int_equal(check_from(world, &office, str_from(address), WRONG), ERR_DENIED);
    }
    assert_int_equal(check_from(world, &office, STR("2001:db8:1:2::9"), WRONG), ERR_BUSY);
    assert_int_equal(check_from(world, &office, STR("2001:db8:1:3::9"), WRONG), ERR_DENIED);
    assert_int_equal(check_from(world, &office, STR(""), WRONG), ERR_DENIED);
    end(&office);
}

static void guessing_from_everywhere_is_slowed_for_all(void **state)
{
    struct people_world *world = *state;
    struct office office;
    char hash[PASSWORD_HASH_BYTES], address[64];
    unsigned denied = 0;

    begin(world, &office);
    people_ok(world, password_hash(office.passwords, STR(GOOD), hash, &world->err));
    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(address, sizeof(address), "198.51.100.%u", i);
        denied += password_check(office.passwords, str_from(address), STR(WRONG), str_from(hash),
                                 &office.wait_ms, &world->err) == ERR_DENIED;
    }
    assert_int_equal(denied, 51); /* the free ones, and the one that began the delay */
    assert_true(office.wait_ms > 0);
    fake_ctx_advance(&world->store.fake, 10 * MS_PER_MINUTE);
    people_ok(world, password_check(office.passwords, HOME, STR(GOOD), str_from(hash),
                                    &office.wait_ms, &world->err));
    end(&office);
}

/* ---- threads ---- */

struct guesser {
    struct office *office;
    const char *hash;
    struct str address;
    enum err_class rc;
};

static void *guess(void *arg)
{
    struct guesser *guesser = arg;
    struct err err = {0};
    int64_t wait_ms;

    guesser->rc = password_check(guesser->office->passwords, guesser->address, STR(WRONG),
                                 str_from(guesser->hash), &wait_ms, &err);
    return NULL;
}

static void a_hundred_at_once_are_counted_and_two_run(void **state)
{
    struct people_world *world = *state;
    struct office office;
    char hash[PASSWORD_HASH_BYTES];
    struct guesser guessers[12];
    pthread_t threads[ARRAY_LEN(guessers)];
    unsigned denied = 0;

    begin(world, &office);
    people_ok(world, password_hash(office.passwords, STR(GOOD), hash, &world->err));
    for (size_t i = 0; i < ARRAY_LEN(guessers); i++) {
        guessers[i] = (struct guesser){&office, hash, HOME, ERR_OK};
        assert_int_equal(pthread_create(&threads[i], NULL, guess, &guessers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(guessers); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        denied += guessers[i].rc == ERR_DENIED;
        assert_true(guessers[i].rc == ERR_DENIED || guessers[i].rc == ERR_BUSY);
    }
    assert_int_equal(denied, 4); /* three are free, the fourth begins the delay */
    assert_int_equal(passwords_running_most(office.passwords), 2);
    end(&office);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, people_world_begin, people_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_link_sets_the_password_once),
        TEST(a_link_is_good_for_fifteen_minutes_and_the_latest_only),
        TEST(links_that_were_never_made_are_refused_unhashed),
        TEST(a_new_password_and_a_reset_end_all_sessions),
        TEST(the_hash_is_argon2id_and_sealed),
        TEST(wrong_and_absent_get_one_answer_and_one_hash),
        cmocka_unit_test(passwords_have_a_length_and_nothing_else),
        TEST(each_wrong_password_makes_the_next_one_wait_longer),
        TEST(an_ipv6_client_is_its_network),
        TEST(guessing_from_everywhere_is_slowed_for_all),
        TEST(a_hundred_at_once_are_counted_and_two_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
