#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/civil.h"
#include "jql.h"

/* One issue to ask about. */
struct facts {
    const char *project, *key, *assignee; /* assignee NULL: nobody */
    int64_t created_ms, updated_ms, worked_ms;
};

static bool has(const char *mine, struct str value)
{
    return value.ptr ? mine && str_eq_nocase(str_from(mine), value) : !mine;
}

static bool is(const void *arg, enum jql_field field, struct str value)
{
    const struct facts *facts = arg;

    switch (field) {
    case JQL_PROJECT:
        return has(facts->project, value);
    case JQL_KEY:
        return has(facts->key, value);
    case JQL_ASSIGNEE:
        return has(facts->assignee, value);
    case JQL_TYPE:
    case JQL_STATUS:
    case JQL_STATUS_CATEGORY:
    case JQL_REPORTER:
    case JQL_CREATED:
    case JQL_UPDATED:
    case JQL_WORKLOG_AUTHOR:
    case JQL_WORKLOG_DATE:
    case JQL_TIME_SPENT:
    case JQL_REMAINING:
    case JQL_OTHER:
        break;
    }
    return false;
}

static bool in_range(const void *arg, enum jql_field field, int64_t from_ms, int64_t to_ms)
{
    const struct facts *facts = arg;
    int64_t ms = field == JQL_CREATED      ? facts->created_ms
                 : field == JQL_UPDATED    ? facts->updated_ms
                 : field == JQL_TIME_SPENT ? 3600
                 : field == JQL_REMAINING  ? 0
                                           : facts->worked_ms;

    return ms >= from_ms && ms < to_ms;
}

static int64_t at(const char *stamp)
{
    int64_t ms = 0;

    assert_true(civil_parse_stamp(str_from(stamp), &ms));
    return ms;
}

static struct jql_context context_of(int32_t offset_minutes)
{
    return (struct jql_context){.now_ms = at("2026-07-01T12:00:00Z"),
                                .offset_minutes = offset_minutes,
                                .current_user = STR("me")};
}

static struct facts the_issue(void)
{
    return (struct facts){.project = "WEB",
                          .key = "WEB-7",
                          .assignee = "me",
                          .created_ms = at("2026-06-01T10:00:00Z"),
                          .updated_ms = at("2026-07-01T11:50:00Z"),
                          .worked_ms = at("2026-06-15T09:00:00Z")};
}

static bool matches(const char *text, int32_t offset_minutes)
{
    struct arena *arena AUTO(arena_free_autop) = arena_new(1 << 20);
    struct jql_context context = context_of(offset_minutes);
    struct facts facts = the_issue();
    struct jql_subject subject = {is, in_range, &facts};
    struct jql jql;
    char why[JQL_WHY_BYTES];

    assert_non_null(arena);
    if (!jql_parse(arena, str_from(text), &context, &jql, why))
        fail_msg("%s: %s", text, why);
    return jql_matches(&jql, &subject);
}

static void comparisons_say_what_they_mean(void **state)
{
    static const struct {
        const char *text;
        bool matches;
    } cases[] = {
        {"project = WEB", true},
        {"project = web", true},
        {"PROJECT = 'WEB'", true},
        {"project=WEB", true},
        {"project != WEB", false},
        {"project != PLA", true},
        {"project in (PLA, \"WEB\")", true},
        {"project not in (PLA, WEB)", false},
        {"issuekey = WEB-7", true},
        {"key in (WEB-1,WEB-7)", true},
        {"assignee = currentUser()", true},
        {"assignee is EMPTY", false},
        {"assignee is not EMPTY", true},
        {"assignee = empty", false},
        {"project = WEB AND key = WEB-8", false},
        {"project = PLA OR key = WEB-7", true},
        {"project = WEB OR project = PLA AND key = WEB-8", true}, /* AND binds closer */
        {"(project = WEB OR project = PLA) AND key = WEB-8", false},
        {"NOT project = WEB", false},
        {"not (project = PLA or not key = WEB-7)", true},
        {"project = WEB ORDER BY created DESC, key", true},
        {"timespent > 0", true},
        {"timespent > 3600", false},
        {"remainingEstimate = 0", true},
        {"remainingEstimate > 0", false},
        {"timeestimate is EMPTY", false},
        {"(remainingEstimate is not EMPTY)", true},
        {"updated >= -15m", true},
        {"updated >= \"-9m\"", false},
        {"updated > -1w and updated <= now()", true},
        {"created >= 2026-06-01", true},
        {"created >= '2026/06/01 10:00'", true},
        {"created > '2026-06-01 10:00'", false},
        {"created < '2026-06-01 10:00'", false},
        {"created <= '2026-06-01 10:00'", true},
        {"worklogDate = 2026-06-15", true},
        {"worklogDate <= 2026-06-15", true}, /* a worklog's date is the whole day */
        {"worklogDate < 2026-06-15", false},
        {"worklogDate > 2026-06-15", false},
        {"worklogDate >= 2026-06-15 and worklogDate <= 2026-06-30", true},
        {"", true},
        {"order by key", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (matches(cases[i].text, 0) != cases[i].matches)
            fail_msg("%s does not give %d", cases[i].text, cases[i].matches);
}

static void times_are_in_the_zone_of_the_caller(void **state)
{
    (void)state;
    assert_true(matches("created >= '2026-06-01 15:30'", 330)); /* 10:00 UTC in India */
    assert_false(matches("created > '2026-06-01 15:30'", 330));
    assert_false(matches("created >= '2026-06-01 15:31'", 330));
}

static void nobody_is_not_not_somebody(void **state)
{
    struct arena *arena AUTO(arena_free_autop) = arena_new(1 << 20);
    struct jql_context context = context_of(0);
    struct facts facts = the_issue();
    struct jql_subject subject = {is, in_range, &facts};
    struct jql jql;
    char why[JQL_WHY_BYTES];

    (void)state;
    facts.assignee = NULL;
    assert_true(jql_parse(arena, STR("assignee != you"), &context, &jql, why));
    assert_false(jql_matches(&jql, &subject));
    assert_true(jql_parse(arena, STR("assignee is EMPTY"), &context, &jql, why));
    assert_true(jql_matches(&jql, &subject));
}

static void an_empty_query_is_known_as_unbounded(void **state)
{
    struct arena *arena AUTO(arena_free_autop) = arena_new(1 << 20);
    struct jql_context context = context_of(0);
    struct jql jql;
    char why[JQL_WHY_BYTES];

    (void)state;
    assert_true(jql_parse(arena, STR("ORDER BY updated"), &context, &jql, why));
    assert_null(jql.root);
    assert_int_equal(jql.order_count, 1);
    assert_int_equal(jql.order[0].field, JQL_UPDATED);
    assert_false(jql.order[0].descending);
    assert_true(
        jql_parse(arena, STR("project = A order by rank asc, updated desc"), &context, &jql, why));
    assert_non_null(jql.root);
    assert_int_equal(jql.order_count, 2);
    assert_int_equal(jql.order[0].field, JQL_OTHER);
    assert_true(jql.order[1].descending);
}

static void what_is_not_understood_is_refused_with_a_sentence(void **state)
{
    static const struct {
        const char *text, *why; /* a part of the sentence */
    } cases[] = {
        {"foo = 1", "Field 'foo' does not exist"},
        {"project", "operator after 'project'"},
        {"project =", "Expecting a value"},
        {"project = WEB key = X", "Expecting either 'OR' or 'AND'"},
        {"project = WEB AND", "Expecting a field name"},
        {"project ~ WEB", "operator '~' is not supported by the 'project' field"},
        {"updated in (1)", "operator 'in' is not supported"},
        {"updated >= tomorrow", "Date value 'tomorrow' is invalid"},
        {"updated >= '2026-02-30'", "Date value '2026-02-30' is invalid"},
        {"assignee = membersOf(x)", "JQL function 'membersOf()'"},
        {"project in (A, B", "Expecting ')'"},
        {"project in A", "Expecting '('"},
        {"(project = A", "Expecting ')'"},
        {"project = 'A", "quoted string"},
        {"project = A;", "reserved JQL character"},
        {"project = A ORDER key", "'BY'"},
        {"ORDER BY a,b,c,d,e,f,g,h", "more than 7"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena AUTO(arena_free_autop) = arena_new(1 << 20);
        struct jql_context context = context_of(0);
        struct jql jql;
        char why[JQL_WHY_BYTES];

        assert_false(jql_parse(arena, str_from(cases[i].text), &context, &jql, why));
        if (!strstr(why, cases[i].why))
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, why, cases[i].why);
    }
}

static void queries_without_end_are_refused_and_not_run_into(void **state)
{
    struct arena *arena AUTO(arena_free_autop) = arena_new(16 << 20);
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(1 << 20);
    struct jql_context context = context_of(0);
    struct jql jql;
    char why[JQL_WHY_BYTES];

    (void)state;
    for (int i = 0; i < 5000; i++)
        strbuf_add_z(&text, "(");
    assert_false(jql_parse(arena, strbuf_str(&text), &context, &jql, why));
    assert_non_null(strstr(why, "nested deeper"));
    strbuf_reset(&text);
    for (int i = 0; i < 5000; i++)
        strbuf_add_z(&text, "not ");
    assert_false(jql_parse(arena, strbuf_str(&text), &context, &jql, why));
    assert_non_null(strstr(why, "nested deeper"));
    strbuf_reset(&text);
    strbuf_add_z(&text, "key = A");
    for (int i = 0; i < 5000; i++)
        strbuf_add_z(&text, " or key = A");
    assert_false(jql_parse(arena, strbuf_str(&text), &context, &jql, why));
    assert_non_null(strstr(why, "more than"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons_say_what_they_mean),
        cmocka_unit_test(times_are_in_the_zone_of_the_caller),
        cmocka_unit_test(nobody_is_not_not_somebody),
        cmocka_unit_test(an_empty_query_is_known_as_unbounded),
        cmocka_unit_test(what_is_not_understood_is_refused_with_a_sentence),
        cmocka_unit_test(queries_without_end_are_refused_and_not_run_into),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
