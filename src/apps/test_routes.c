/*
 * Tests of the routes as they are served, all apps together: what web/openapi.yaml describes is
 * served, and what is served is described there, but for the files of the pages.
 */
#include "apps/apps.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "daemon/assets.h"
#include "daemon/internal.h"

#define BASE "/api/v1"
#define OPERATIONS_MAX 300

struct operation {
    char name[200]; /* "GET /api/v1/me" */
};

struct operations {
    size_t count;
    struct operation all[OPERATIONS_MAX];
};

struct world {
    struct daemon daemon;
    char *text; /* the description */
    struct operations served, described;
};

static void add(struct operations *list, const char *method, const char *base, struct str path)
{
    assert_true(list->count < OPERATIONS_MAX);

    struct operation *operation = &list->all[list->count++];
    int len = snprintf(operation->name, sizeof(operation->name), "%s %s" STR_FMT, method, base,
                       STR_ARG(path));

    assert_in_range(len, 1, sizeof(operation->name) - 1);
}

static bool has(const struct operations *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->all[i].name, name) == 0)
            return true;
    return false;
}

/*
 * A page, or a file of one, whether this build carries them or not; the description itself is
 * described.
 */
static bool is_file(const char *path)
{
    return strcmp(path, "/openapi.yaml") != 0 &&
           (strcmp(path, "/assets/{name}") == 0 || strcmp(path, "/licences.txt") == 0 ||
            assets_find(str_from(path)));
}

static void read_served(struct world *world)
{
    for (size_t i = 0; i < world->daemon.route_count; i++) {
        const struct http_route *route = &world->daemon.http_routes[i];

        if (!is_file(route->pattern))
            add(&world->served, http_method_name(route->method), "", str_from(route->pattern));
    }
}

/*
 * By lines, as the file is written: a path stands two in, an operation four in, and a path that is
 * not below the base says so before its operations.
 */
static void read_described(struct world *world)
{
    static const struct {
        const char *line, *method;
    } methods[] = {
        {"    get:", "GET"}, {"    post:", "POST"}, {"    put:", "PUT"}, {"    delete:", "DELETE"}};
    struct str rest = str_from(world->text), path = {NULL, 0};
    const char *base = BASE;
    bool within = false;

    while (rest.len > 0) {
        struct str line = str_cut(rest, '\n', &rest);

        if (line.len > 0 && line.ptr[0] != ' ')
            within = str_eq(line, STR("paths:"));
        if (!within)
            continue;
        if (str_starts(line, STR("  /")) && str_ends(line, STR(":"))) {
            path = str_sub(line, 2, line.len - 3);
            base = BASE;
        }
        if (str_eq(line, STR("    servers: [{url: /}]")))
            base = "";
        for (size_t i = 0; i < ARRAY_LEN(methods); i++)
            if (str_eq_z(line, methods[i].line))
                add(&world->described, methods[i].method, base, path);
    }
}

static int begin(void **state)
{
    const struct asset *asset = assets_find(STR("/openapi.yaml"));
    struct world *world = calloc(1, sizeof(*world));
    unsigned char *bytes = NULL;
    struct err err = {0};

    assert_non_null(world);
    assert_non_null(asset);
    assert_int_equal(asset_plain(asset, &bytes, &err), ERR_OK);
    world->text = str_dup_z((struct str){(const char *)bytes, asset->plain_len});
    free(bytes);
    assert_non_null(world->text);
    world->daemon.options.apps = tenon_apps;
    world->daemon.options.app_count = tenon_app_count;
    assert_int_equal(routes_bind(&world->daemon, &err), ERR_OK);
    read_served(world);
    read_described(world);
    *state = world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;

    routes_free(&world->daemon);
    free(world->text);
    free(world);
    return 0;
}

static void what_is_served_is_described(void **state)
{
    const struct world *world = *state;
    size_t missing = 0;

    assert_true(world->served.count > 50); /* they were read at all */
    for (size_t i = 0; i < world->served.count; i++)
        if (!has(&world->described, world->served.all[i].name)) {
            print_error("web/openapi.yaml lacks %s\n", world->served.all[i].name);
            missing++;
        }
    assert_int_equal(missing, 0);
}

static void what_is_described_is_served(void **state)
{
    const struct world *world = *state;
    size_t missing = 0;

    assert_true(world->described.count > 50);
    for (size_t i = 0; i < world->described.count; i++)
        if (!has(&world->served, world->described.all[i].name)) {
            print_error("nobody serves %s of web/openapi.yaml\n", world->described.all[i].name);
            missing++;
        }
    assert_int_equal(missing, 0);
}

/* Whoever may make or take away a credential must have been asked for with this very request. */
static void credentials_are_not_for_a_token_that_is_good_for_any_request(void **state)
{
    const struct world *world = *state;
    size_t found = 0;

    for (size_t i = 0; i < world->daemon.route_count; i++) {
        const struct api_route *route = world->daemon.bound[i].route;

        if (route->method == HTTP_GET || !strstr(route->path, "/tokens"))
            continue;
        found++;
        assert_true(route->flags & API_STRICT);
    }
    assert_int_equal(found, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_served_is_described),
        cmocka_unit_test(what_is_described_is_served),
        cmocka_unit_test(credentials_are_not_for_a_token_that_is_good_for_any_request),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
