#ifndef TESTS_FUZZ_JIRA_CHECK_H
#define TESTS_FUZZ_JIRA_CHECK_H
#include "../lib/fake_ctx.h"
#include "../lib/fake_net.h"
#include "base/civil.h"
#include "fuzz.h"
#include "jira/jira.h"

/* A Jira whose every answer is the bytes at hand; for the targets that read answers of Jira. */
struct fuzz_jira {
    struct fake_ctx fake;
    struct fake_net net;
    struct http_budget *budget;
    struct jira jira;
    struct str body; /* of every answer */
    int status;
};

static inline void fuzz_jira_answer(void *arg, const struct net_request *request, const char *path,
                                    struct fake_answer *answer)
{
    const struct fuzz_jira *world = arg;

    FUZZ_CHECK(strncmp(request->url, "https://acme.example/jira/rest/api/", 35) == 0);
    FUZZ_CHECK(strcmp(request->authorization, "Bearer t0ken") == 0);
    FUZZ_CHECK(path[0] == '/');
    answer->status = world->status;
    strbuf_add_str(&answer->body, world->body);
}

static inline void fuzz_jira_begin(struct fuzz_jira *world, bool datacenter, struct str body)
{
    static const struct http_budget_options options = {0};

    *world = (struct fuzz_jira){.body = body, .status = 200};
    fake_ctx_init(&world->fake, 1);
    fake_net_init(&world->net, fuzz_jira_answer, world);
    fake_net_install(&world->net, &world->fake.ctx);
    world->budget = http_budget_new(&options);
    FUZZ_CHECK(world->budget);
    world->jira = (struct jira){.http = {.ctx = &world->fake.ctx,
                                         .budget = world->budget,
                                         .base_url = "https://acme.example/jira",
                                         .authorization = "Bearer t0ken"},
                                .datacenter = datacenter};
}

/* Every exchange was ended. */
static inline void fuzz_jira_end(struct fuzz_jira *world)
{
    FUZZ_CHECK(world->net.in_flight == 0);
    http_budget_free(world->budget);
    fake_net_done(&world->net);
    fake_ctx_done(&world->fake);
}

/* A time that the rest of the program can count with: within the calendar. */
static inline bool fuzz_is_time(int64_t ms)
{
    return ms >= INT64_C(-719162) * MS_PER_DAY && ms < INT64_C(2932897) * MS_PER_DAY;
}

#endif
