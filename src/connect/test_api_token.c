/* Tests of api_token.c: making, listing, removing, and who presents one. */
#include "connect/api_token.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/people_world.h"
#include "base/civil.h"

#define ANNA STR("712020:anna")

struct desk {
    struct api_tokens *tokens; /* of our process */
    struct api_tokens *others; /* of another one */
    struct api_token made;
    char text[API_TOKEN_BYTES + 1];
    struct principal who;
};

static void begin(struct people_world *world, struct desk *desk)
{
    *desk = (struct desk){0};
    people_ok(world, api_tokens_new(world->ctx, world->pool, &desk->tokens, &world->err));
    people_ok(world, api_tokens_new(world->ctx, world->pool, &desk->others, &world->err));
}

static void end(struct desk *desk)
{
    api_tokens_free(desk->tokens);
    api_tokens_free(desk->others);
}

static enum err_class add(struct people_world *world, struct desk *desk, struct api_token token)
{
    world->err = (struct err){0};
    desk->made = token;
    return api_token_add(world->store.tenant, &desk->made, desk->text, &world->err);
}

static struct api_token anna_reads(void)
{
    return (struct api_token){.name = STR("spreadsheet"), .account = ANNA, .scopes = MAY_READ};
}

static enum err_class present(struct people_world *world, struct api_tokens *tokens,
                              struct desk *desk, struct str text)
{
    world->err = (struct err){0};
    return api_token_authenticate(tokens, text, &desk->who, &world->err);
}

static enum err_class use(struct people_world *world, struct desk *desk)
{
    return present(world, desk->tokens, desk, str_from(desk->text));
}

static void a_token_acts_for_its_account_with_its_scopes(void **state)
{
    struct people_world *world = *state;
    struct desk desk;

    begin(world, &desk);
    people_ok(world, add(world, &desk, anna_reads()));
    people_ok(world, use(world, &desk));
    assert_int_equal(desk.who.by, BY_TOKEN);
    assert_int_equal(desk.who.role, ROLE_PERSON);
    assert_int_equal(desk.who.scopes, MAY_READ);
    assert_string_equal(desk.who.account, "712020:anna");
    assert_string_equal(desk.who.tenant, world->store.info.id);
    people_ok(world, present(world, desk.others, &desk, str_from(desk.text)));
    assert_string_equal(desk.who.account, "712020:anna");
    end(&desk);
}

static void a_token_without_an_account_is_the_administrators_in_its_tenant(void **state)
{
    struct people_world *world = *state;
    struct desk desk;

    begin(world, &desk);
    people_ok(world, add(world, &desk, (struct api_token){.name = STR("ci"), .scopes = MAY_ALL}));
    people_ok(world, use(world, &desk));
    assert_int_equal(desk.who.role, ROLE_ADMIN);
    assert_string_equal(desk.who.tenant, world->store.info.id);
    assert_string_equal(desk.who.account, "");
    end(&desk);
}

/* Were the person's row gone and the token's left, it must not become the administrator's. */
static void a_persons_token_without_its_person_is_nobodys(void **state)
{
    struct people_world *world = *state;
    struct desk desk;

    begin(world, &desk);
    people_ok(world, add(world, &desk, anna_reads()));
    people_ok(world, db_exec(world->store.tenant->db, SQL("UPDATE api_token SET person = NULL"),
                             &world->err));
    assert_int_equal(use(world, &desk), ERR_DENIED);
    people_ok(world, add(world, &desk, anna_reads()));
    people_ok(world, db_exec(world->store.tenant->db, SQL("DELETE FROM person"), &world->err));
    assert_int_equal(use(world, &desk), ERR_DENIED);
    end(&desk);
}

static void what_is_not_a_token_of_ours_is_left_to_others_or_refused(void **state)
{
    static const char *const others[] = {"", "tenon", "Tenon_x", "eyJhbGciOiJSUzI1NiJ9.e30.x",
                                         "xtenon_"};
    struct people_world *world = *state;
    struct desk desk;
    char text[API_TOKEN_BYTES + 8];

    begin(world, &desk);
    people_ok(world, add(world, &desk, anna_reads()));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        people_ok(world, present(world, desk.tokens, &desk, str_from(others[i])));
        assert_int_equal(desk.who.by, BY_NOBODY);
    }
    /* Cut anywhere, longer, or another byte anywhere. */
    for (size_t len = 6; len < API_TOKEN_BYTES; len++)
        assert_int_equal(present(world, desk.tokens, &desk, (struct str){desk.text, len}),
                         ERR_DENIED);
    (void)snprintf(text, sizeof(text), "%sA", desk.text);
    assert_int_equal(present(world, desk.tokens, &desk, str_from(text)), ERR_DENIED);
    for (size_t i = 6; i < API_TOKEN_BYTES; i++) {
        memcpy(text, desk.text, API_TOKEN_BYTES + 1);
        text[i] = text[i] == 'a' ? 'b' : 'a';
        assert_int_equal(present(world, desk.tokens, &desk, str_from(text)), ERR_DENIED);
        assert_null(strstr(world->err.msg, desk.text + 27));
        assert_null(strstr(world->err.msg, "acme"));
        text[i] = '\xff';
        assert_int_equal(present(world, desk.tokens, &desk, str_from(text)), ERR_DENIED);
    }
    people_ok(world, use(world, &desk));
    end(&desk);
}

static void only_a_digest_and_a_sealed_name_are_stored(void **state)
{
    struct people_world *world = *state;
    struct desk desk;

    begin(world, &desk);
    people_ok(world, add(world, &desk, anna_reads()));
    assert_int_equal(people_number(world, false,
                                   SQL("SELECT length(digest) FROM api_token WHERE"
                                       " instr(name, 'spreadsheet') = 0")),
                     SECRET_DIGEST_BYTES);
    /* Its name opens in its own row only. */
    struct api_token *list = NULL;
    size_t count = 0;
    struct arena *arena = arena_new(1 << 20);

    people_ok(world, api_token_list(world->store.tenant, arena, NULL, &list, &count, &world->err));
    assert_int_equal(count, 1);
    assert_true(str_eq(list[0].name, STR("spreadsheet")));
    assert_int_equal(list[0].id, desk.made.id);
    people_ok(world, db_exec(world->store.tenant->db, SQL("UPDATE api_token SET id = id + 1"),
                             &world->err));
    assert_int_equal(api_token_list(world->store.tenant, arena, NULL, &list, &count, &world->err),
                     ERR_KEY);
    arena_free(arena);
    end(&desk);
}

static void a_token_ends(void **state)
{
    struct people_world *world = *state;
    struct desk desk;
    struct api_token token = anna_reads();

    begin(world, &desk);
    token.expires_ms = FAKE_NOW_MS + MS_PER_DAY;
    people_ok(world, add(world, &desk, token));
    people_ok(world, use(world, &desk));
    fake_ctx_advance(&world->store.fake, MS_PER_DAY - 1);
    people_ok(world, use(world, &desk));
    fake_ctx_advance(&world->store.fake, 1); /* its proof is still believed, its end is past */
    assert_int_equal(use(world, &desk), ERR_DENIED);
    end(&desk);
}

static void bad_names_scopes_and_ends_are_refused(void **state)
{
    struct people_world *world = *state;
    struct desk desk;
    struct api_token token;
    char name[4 * API_TOKEN_NAME_CHARS_MAX + 2];

    begin(world, &desk);
    memset(name, 'n', sizeof(name));
    const struct str names[] = {
        {NULL, 0},       {name, API_TOKEN_NAME_CHARS_MAX + 1}, STR("two\nlines"), STR("\x7f"),
        STR("\xff\xfe"),
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        token = anna_reads();
        token.name = names[i];
        assert_int_equal(add(world, &desk, token), ERR_INPUT);
    }
    token = anna_reads();
    token.name = (struct str){name, API_TOKEN_NAME_CHARS_MAX};
    people_ok(world, add(world, &desk, token));
    token = anna_reads();
    token.scopes = 0;
    assert_int_equal(add(world, &desk, token), ERR_INPUT);
    token.scopes = 8;
    assert_int_equal(add(world, &desk, token), ERR_INPUT);
    token = anna_reads();
    token.expires_ms = FAKE_NOW_MS;
    assert_int_equal(add(world, &desk, token), ERR_INPUT);
    token.expires_ms = FAKE_NOW_MS + (API_TOKEN_DAYS_MAX + 1) * MS_PER_DAY;
    assert_int_equal(add(world, &desk, token), ERR_INPUT);
    end(&desk);
}

static void an_account_has_at_most_so_many(void **state)
{
    struct people_world *world = *state;
    struct desk desk;

    begin(world, &desk);
    for (int i = 0; i < API_TOKENS_MAX; i++)
        people_ok(world, add(world, &desk, anna_reads()));
    assert_int_equal(add(world, &desk, anna_reads()), ERR_LIMIT);
    struct api_token other = anna_reads();

    other.account = STR("712020:bert");
    people_ok(world, add(world, &desk, other));
    other.account = (struct str){NULL, 0};
    people_ok(world, add(world, &desk, other));
    end(&desk);
}

static void people_see_and_remove_their_own_only(void **state)
{
    struct people_world *world = *state;
    struct tenant *tenant = world->store.tenant;
    struct arena *arena = arena_new(1 << 20);
    struct api_token *list = NULL;
    struct desk desk;
    size_t count = 0;
    int64_t annas;

    begin(world, &desk);
    people_ok(world, add(world, &desk, anna_reads()));
    annas = desk.made.id;
    people_ok(world, use(world, &desk));
    people_ok(world, api_token_list(tenant, arena, "712020:bert", &list, &count, &world->err));
    assert_int_equal(count, 0);
    people_ok(world, api_token_list(tenant, arena, "712020:anna", &list, &count, &world->err));
    assert_int_equal(count, 1);
    people_ok(world, api_token_list(tenant, arena, "", &list, &count, &world->err));
    assert_int_equal(count, 0);

    assert_int_equal(api_token_remove(desk.tokens, tenant, annas, "712020:bert", &world->err),
                     ERR_NOT_FOUND);
    assert_int_equal(api_token_remove(desk.tokens, tenant, annas, "", &world->err), ERR_NOT_FOUND);
    people_ok(world, use(world, &desk));
    people_ok(world, present(world, desk.others, &desk, str_from(desk.text)));
    people_ok(world, api_token_remove(desk.tokens, tenant, annas, "712020:anna", &world->err));
    assert_int_equal(use(world, &desk), ERR_DENIED); /* at once */
    people_ok(world, present(world, desk.others, &desk, str_from(desk.text)));
    fake_ctx_advance(&world->store.fake, 10 * MS_PER_SECOND);
    assert_int_equal(present(world, desk.others, &desk, str_from(desk.text)), ERR_DENIED);
    assert_int_equal(api_token_remove(NULL, tenant, annas, NULL, &world->err), ERR_NOT_FOUND);
    arena_free(arena);
    end(&desk);
}

static void a_closed_account_has_no_tokens(void **state)
{
    struct people_world *world = *state;
    struct desk desk;
    char annas[API_TOKEN_BYTES + 1];
    struct api_token berts = anna_reads();

    begin(world, &desk);
    people_ok(world, add(world, &desk, anna_reads()));
    memcpy(annas, desk.text, sizeof(annas));
    people_ok(world, use(world, &desk));
    berts.account = STR("712020:bert");
    people_ok(world, add(world, &desk, berts));
    people_ok(world, api_token_close_account(desk.tokens, world->store.tenant, "712020:anna",
                                             &world->err));
    assert_int_equal(present(world, desk.tokens, &desk, str_from(annas)), ERR_DENIED);
    people_ok(world, use(world, &desk));
    assert_int_equal(people_number(world, false, SQL("SELECT count(*) FROM api_token")), 1);
    end(&desk);
}

static void the_day_of_the_last_use_is_kept_and_no_more(void **state)
{
    struct people_world *world = *state;
    struct desk desk;
    int64_t day = civil_day_of(FAKE_NOW_MS) * MS_PER_DAY;

    begin(world, &desk);
    people_ok(world, add(world, &desk, anna_reads()));
    assert_int_equal(people_number(world, false, SQL("SELECT count(last_used) FROM api_token")), 0);
    people_ok(world, use(world, &desk));
    people_ok(world, api_tokens_tick(desk.tokens, &world->err));
    assert_int_equal(people_number(world, false, SQL("SELECT last_used FROM api_token")), day);
    /* Ten at night is the same day, ten in the morning is the next. */
    fake_ctx_advance(&world->store.fake, 12 * MS_PER_HOUR);
    people_ok(world, use(world, &desk));
    people_ok(world, api_tokens_tick(desk.tokens, &world->err));
    assert_int_equal(people_number(world, false, SQL("SELECT last_used FROM api_token")), day);
    fake_ctx_advance(&world->store.fake, 12 * MS_PER_HOUR);
    people_ok(world, use(world, &desk));
    people_ok(world, api_tokens_tick(desk.tokens, &world->err));
    assert_int_equal(people_number(world, false, SQL("SELECT last_used FROM api_token")),
                     day + MS_PER_DAY);
    end(&desk);
}

static void scopes_are_words(void **state)
{
    static const struct {
        const char *words;
        unsigned bits; /* 0: refused */
    } cases[] = {
        {"read", MAY_READ},
        {"read,write", MAY_READ | MAY_WRITE},
        {"admin, write ,read", MAY_ALL},
        {"", 0},
        {"READ", 0},
        {"read,", MAY_READ},
        {"read,,write", 0},
        {"everything", 0},
        {"read write", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned bits = 77;

        assert_int_equal(api_token_parse_scopes(str_from(cases[i].words), &bits),
                         cases[i].bits != 0);
        assert_int_equal(bits, cases[i].bits ? cases[i].bits : 77);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, people_world_begin, people_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_acts_for_its_account_with_its_scopes),
        TEST(a_token_without_an_account_is_the_administrators_in_its_tenant),
        TEST(a_persons_token_without_its_person_is_nobodys),
        TEST(what_is_not_a_token_of_ours_is_left_to_others_or_refused),
        TEST(only_a_digest_and_a_sealed_name_are_stored),
        TEST(a_token_ends),
        TEST(bad_names_scopes_and_ends_are_refused),
        TEST(an_account_has_at_most_so_many),
        TEST(people_see_and_remove_their_own_only),
        TEST(a_closed_account_has_no_tokens),
        TEST(the_day_of_the_last_use_is_kept_and_no_more),
        cmocka_unit_test(scopes_are_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
