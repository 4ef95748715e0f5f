/*
 * main.c: tenon-sandbox, a stand-in for a Jira site.
 *
 * Why: a client of Jira must be tested against what the real one does in its bad hours, and
 * Atlassian forbids to try that out on theirs. It runs on the project's own server code, keeps
 * everything in memory and serves this machine only.
 *
 * The order at start: listen first (port 0 is only known then, and every `self` link holds it),
 * with the site's lock held so that early requests wait; then fill the site; then say so on stdout.
 */
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

#include "api.h"
#include "atlassian.h"
#include "base/civil.h"
#include "base/disk.h"
#include "hooks.h"
#include "mailbox.h"
#include "oauth.h"

static const char help[] =
    "usage: tenon-sandbox [--port P] [--generate worklogs=N,…] [--load DIR] [option …]\n"
    "\n"
    "A stand-in for a Jira site, for tests and demonstrations. Serves 127.0.0.1 only.\n"
    "\n"
    "  --port P            port to listen on; 0 (default) takes a free one\n"
    "  --generate LIST     made-up data: worklogs=N[,issues=M,users=U,projects=K,deleted=N,\n"
    "                      from=2025-01-01,to=2026-06-30,seed=S,comments=PERCENT,bigids=1]\n"
    "  --load DIR          recorded API rows: CSV files whose column `data` is one JSON object\n"
    "  --datacenter        be a Data Center: REST v2 only, user keys, Bearer tokens, /search\n"
    "  --email E           account name for Basic authentication (demo@example.com)\n"
    "  --token T           its API token (sandbox-token)\n"
    "  --pat T             personal access token of the Data Center (sandbox-token)\n"
    "  --webhook URL       tell this address (of this machine) of worklogs and issues that change\n"
    "  --webhook-secret S  sign what is told: X-Hub-Signature\n"
    "  --smtp PORT         take mail there too, and keep it for GET /sandbox/mail; 0: a free port\n"
    "  --smtp-tls KIND     starttls or implicit, signed in with --email and --token; none (default)\n"
    "  --smtp-cert FILE    write the certificate of --smtp-tls there, which is new with each run\n"
    "  --burst N           requests a second and method; 0 (default) no limit\n"
    "  --points N          points an hour; 0 (default) none\n"
    "  --latency MS        answer every call so much later\n"
    "  --now TIME          start the clock there: 2026-07-01T08:00:00Z\n"
    "  --base-url URL      what `self` links begin with, when a proxy stands before it\n"
    "  --threads N         server threads (2)\n"
    "  --log FILE          one line a request\n"
    "  --help              this text\n"
    "\n"
    "Prints \"tenon-sandbox listening on http://127.0.0.1:PORT\" when it is ready. Ends on SIGINT or\n"
    "SIGTERM. Tests steer it by POST /sandbox/…, see sandbox/README.md.\n"
    "\n"
    "example: tenon-sandbox --port 8090 --generate worklogs=20000,users=40,seed=7\n";

struct arguments {
    uint32_t port, threads;
    const char *generate, *load, *now, *log, *base_url;
    const char *email, *token, *pat;
    const char *webhook, *webhook_secret;
    bool datacenter, help;
    int64_t burst, points, latency_ms;
    int64_t smtp; /* -1: no mail is taken */
    enum mail_tls smtp_tls;
    const char *smtp_cert;
};

static enum err_class number(const char *name, const char *text, int64_t max, int64_t *ret,
                             struct err *err)
{
    if (parse_i64(str_from(text), 0, max, ret))
        return ERR_OK;
    return err_set(err, ERR_USAGE, "--%s %s is not a number from 0 to %lld", name, text,
                   (long long)max);
}

enum option_id {
    OPT_PORT = 256,
    OPT_GENERATE,
    OPT_LOAD,
    OPT_DATACENTER,
    OPT_EMAIL,
    OPT_TOKEN,
    OPT_PAT,
    OPT_BURST,
    OPT_POINTS,
    OPT_LATENCY,
    OPT_NOW,
    OPT_BASE_URL,
    OPT_THREADS,
    OPT_LOG,
    OPT_WEBHOOK,
    OPT_WEBHOOK_SECRET,
    OPT_SMTP,
    OPT_SMTP_TLS,
    OPT_SMTP_CERT,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, OPT_PORT},
    {"generate", required_argument, NULL, OPT_GENERATE},
    {"load", required_argument, NULL, OPT_LOAD},
    {"datacenter", no_argument, NULL, OPT_DATACENTER},
    {"email", required_argument, NULL, OPT_EMAIL},
    {"token", required_argument, NULL, OPT_TOKEN},
    {"pat", required_argument, NULL, OPT_PAT},
    {"burst", required_argument, NULL, OPT_BURST},
    {"points", required_argument, NULL, OPT_POINTS},
    {"latency", required_argument, NULL, OPT_LATENCY},
    {"now", required_argument, NULL, OPT_NOW},
    {"base-url", required_argument, NULL, OPT_BASE_URL},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"log", required_argument, NULL, OPT_LOG},
    {"webhook", required_argument, NULL, OPT_WEBHOOK},
    {"webhook-secret", required_argument, NULL, OPT_WEBHOOK_SECRET},
    {"smtp", required_argument, NULL, OPT_SMTP},
    {"smtp-tls", required_argument, NULL, OPT_SMTP_TLS},
    {"smtp-cert", required_argument, NULL, OPT_SMTP_CERT},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static enum err_class kind_of_tls(const char *text, enum mail_tls *ret, struct err *err)
{
    static const char *const kinds[] = {[MAIL_TLS_NONE] = "none",
                                        [MAIL_TLS_STARTTLS] = "starttls",
                                        [MAIL_TLS_IMPLICIT] = "implicit"};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(text, kinds[i]) == 0) {
            *ret = (enum mail_tls)i;
            return ERR_OK;
        }
    return err_set(err, ERR_USAGE, "--smtp-tls %s is none of none, starttls, implicit", text);
}

static enum err_class take_option(int id, const char *value, struct arguments *to, struct err *err)
{
    int64_t n = 0;
    enum err_class rc = ERR_OK;

    switch (id) {
    case OPT_PORT:
        rc = number("port", value, UINT16_MAX, &n, err);
        to->port = (uint32_t)n;
        break;
    case OPT_GENERATE:
        to->generate = value;
        break;
    case OPT_LOAD:
        to->load = value;
        break;
    case OPT_DATACENTER:
        to->datacenter = true;
        break;
    case OPT_EMAIL:
        to->email = value;
        break;
    case OPT_TOKEN:
        to->token = value;
        break;
    case OPT_PAT:
        to->pat = value;
        break;
    case OPT_BURST:
        rc = number("burst", value, 1000000, &to->burst, err);
        break;
    case OPT_POINTS:
        rc = number("points", value, INT64_C(1000000000), &to->points, err);
        break;
    case OPT_LATENCY:
        rc = number("latency", value, 60000, &to->latency_ms, err);
        break;
    case OPT_NOW:
        to->now = value;
        break;
    case OPT_BASE_URL:
        to->base_url = value;
        break;
    case OPT_THREADS:
        rc = number("threads", value, 64, &n, err);
        to->threads = (uint32_t)n;
        break;
    case OPT_LOG:
        to->log = value;
        break;
    case OPT_WEBHOOK:
        to->webhook = value;
        break;
    case OPT_WEBHOOK_SECRET:
        to->webhook_secret = value;
        break;
    case OPT_SMTP:
        rc = number("smtp", value, UINT16_MAX, &to->smtp, err);
        break;
    case OPT_SMTP_TLS:
        rc = kind_of_tls(value, &to->smtp_tls, err);
        break;
    case OPT_SMTP_CERT:
        to->smtp_cert = value;
        break;
    case OPT_HELP:
        to->help = true;
        break;
    default:
        rc = err_set(err, ERR_USAGE, "tenon-sandbox --help tells what can be said");
    }
    return rc;
}

static enum err_class take_arguments(int argc, char **argv, struct arguments *ret, struct err *err)
{
    int id;

    *ret = (struct arguments){.threads = 2,
                              .smtp = -1,
                              .email = "demo@example.com",
                              .token = "sandbox-token",
                              .pat = "sandbox-token"};
    while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        enum err_class rc = take_option(id, optarg, ret, err);

        if (rc != ERR_OK)
            return rc;
    }
    if (optind < argc)
        return err_set(err, ERR_USAGE, "\"%s\" is not an option; tenon-sandbox --help",
                       argv[optind]);
    if (ret->threads == 0)
        return err_set(err, ERR_USAGE, "--threads must be 1 or more");
    return ERR_OK;
}

/* The header that is let in. */
static enum err_class set_authorization(struct sandbox *sandbox, const struct arguments *args,
                                        struct err *err)
{
    char pair[512], encoded[sizeof(sandbox->authorization) - 8];
    const char *secret = args->datacenter ? args->pat : args->token;

    int len = snprintf(pair, sizeof(pair), "%s:%s", args->email, secret);

    if (len < 0 || (size_t)len >= sizeof(pair))
        return err_set(err, ERR_USAGE, "--email and --token are too long together");
    if (args->datacenter) {
        (void)snprintf(sandbox->authorization, sizeof(sandbox->authorization), "Bearer %.500s",
                       secret);
        return ERR_OK;
    }
    (void)sodium_bin2base64(encoded, sizeof(encoded), (const unsigned char *)pair, (size_t)len,
                            sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(sandbox->authorization, sizeof(sandbox->authorization), "Basic %s", encoded);
    return ERR_OK;
}

static enum err_class set_clock(struct site *site, const char *text, struct err *err)
{
    int64_t ms = 0;

    if (!text)
        return ERR_OK;
    if (!civil_parse_stamp(str_from(text), &ms))
        return err_set(err, ERR_USAGE, "--now %s is not a time; write it like 2026-07-01T08:00:00Z",
                       text);
    site_set_now_ms(site, ms);
    return ERR_OK;
}

/* The person whose token is used. */
static enum err_class add_self(struct site *site, const struct arguments *args, struct err *err)
{
    struct user self = {
        .account_id = STR("712020:5a4d0b5e-0000-4000-a000-000000000001"),
        .name = STR("admin"),
        .key = STR("JIRAUSER10000"),
        .display = STR("Demo Admin"),
        .zone = STR("Etc/UTC"),
        .type = STR("atlassian"),
        .active = true,
    };

    self.email = site_keep(site, str_from(args->email));
    return site_add_user(site, &self) == NONE ? err_memory(err) : ERR_OK;
}

static enum err_class fill(struct sandbox *sandbox, const struct arguments *args, struct err *err)
{
    struct site *site = &sandbox->site;
    struct generate_options generate;
    enum err_class rc = add_self(site, args, err);

    if (rc == ERR_OK && args->load)
        rc = site_load(site, args->load, err);
    if (rc == ERR_OK && !site_add_defaults(site))
        rc = err_memory(err);
    if (rc == ERR_OK && args->generate) {
        rc = generate_parse(str_from(args->generate), &generate, err);
        if (rc == ERR_OK)
            rc = site_generate(site, &generate, err);
    }
    if (rc == ERR_OK)
        site_render_users(site);
    return rc;
}

static enum err_class open_log(struct sandbox *sandbox, const char *path, struct err *err)
{
    sandbox->log_fd = -1;
    if (!path)
        return ERR_OK;
    sandbox->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (sandbox->log_fd < 0)
        return err_set(err, ERR_DISK, "cannot open the log %s for writing; name another --log file",
                       path);
    return ERR_OK;
}

static enum err_class take_mail(struct sandbox *sandbox, const struct arguments *args,
                                struct err *err)
{
    const bool tls = args->smtp_tls != MAIL_TLS_NONE;
    const struct mailbox_options options = {.port = (uint16_t)args->smtp,
                                            .tls = args->smtp_tls,
                                            .user = tls ? args->email : NULL,
                                            .password = args->token};
    enum err_class rc;

    if (args->smtp < 0 && !tls && !args->smtp_cert)
        return ERR_OK;
    if (args->smtp < 0 || (args->smtp_cert && !tls))
        return err_set(err, ERR_USAGE, "--smtp-tls wants --smtp, and --smtp-cert wants both");
    rc = mailbox_new(&options, &sandbox->mailbox, err);
    if (rc == ERR_OK && args->smtp_cert)
        rc = disk_write(&sandbox->ctx, args->smtp_cert, mailbox_certificate(sandbox->mailbox), err);
    return rc;
}

static void wait_for_signal(void)
{
    sigset_t set;
    int got = 0;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigwait(&set, &got);
}

/* Before any thread starts: they inherit it, so that only wait_for_signal sees them. */
static void block_signals(void)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static enum err_class serve(struct sandbox *sandbox, const struct arguments *args,
                            const struct ctx *ctx, struct err *err)
{
    struct http_server *server AUTO(http_server_free_autop) = NULL;
    struct http_server_options options = {
        .address = "127.0.0.1",
        .port = (uint16_t)args->port,
        .threads = args->threads,
        .routes = sandbox->routes->routes,
        .route_count = sandbox->routes->count,
        .app = sandbox,
        .before = api_before,
        .after = api_after,
        .not_found = api_not_found,
    };
    struct site *site = &sandbox->site;
    enum err_class rc;

    {
        SITE_WRITE(site);
        rc = http_server_new(ctx, &options, &server, err);
        if (rc != ERR_OK)
            return rc;
        if (args->base_url)
            (void)snprintf(site->base_url, sizeof(site->base_url), "%s", args->base_url);
        else
            (void)snprintf(site->base_url, sizeof(site->base_url), "http://127.0.0.1:%u",
                           http_server_port(server));
        rc = fill(sandbox, args, err);
    }
    if (rc != ERR_OK)
        return rc;
    if (sandbox->mailbox)
        (void)printf("tenon-sandbox takes mail on 127.0.0.1:%u\n", mailbox_port(sandbox->mailbox));
    (void)printf("tenon-sandbox listening on http://127.0.0.1:%u\n", http_server_port(server));
    if (fflush(stdout) != 0)
        return err_set(err, ERR_DISK, "cannot write to standard output");
    wait_for_signal();
    return ERR_OK;
}

static enum err_class run(int argc, char **argv, struct err *err)
{
    static struct sandbox sandbox; /* large */
    struct ctx ctx = ctx_real(NULL);
    struct arguments args;
    enum err_class rc = take_arguments(argc, argv, &args, err);

    if (rc != ERR_OK)
        return rc;
    if (args.help) {
        (void)fputs(help, stdout);
        return ERR_OK;
    }
    block_signals();
    /* Pages of two megabytes come and go: keep their memory instead of giving it back each time. */
    (void)mallopt(M_MMAP_THRESHOLD, 32 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
    if (sodium_init() < 0)
        return err_set(err, ERR_BUG, "libsodium cannot start");
    sandbox.latency_ms = args.latency_ms;
    throttle_init(&sandbox.throttle);
    sandbox.throttle.burst = args.burst;
    sandbox.throttle.points_per_hour = args.points;
    faults_init(&sandbox.faults);
    rc = site_init(&sandbox.site, err);
    sandbox.site.datacenter = args.datacenter;
    if (rc == ERR_OK)
        rc = set_authorization(&sandbox, &args, err);
    if (rc == ERR_OK)
        rc = set_clock(&sandbox.site, args.now, err);
    if (rc == ERR_OK)
        rc = open_log(&sandbox, args.log, err);
    sandbox.ctx = ctx;
    sandbox.atlassian = atlassian_new(&sandbox);
    sandbox.consents = consents_new(&sandbox);
    sandbox.routes = api_served_new();
    if (rc == ERR_OK && (!sandbox.atlassian || !sandbox.consents || !sandbox.routes))
        rc = err_memory(err);
    if (rc == ERR_OK)
        rc = hooks_new(args.webhook, args.webhook_secret, &sandbox.hooks, err);
    if (rc == ERR_OK)
        hooks_set_app(sandbox.hooks, atlassian_address, sandbox.atlassian);
    if (rc == ERR_OK)
        rc = take_mail(&sandbox, &args, err);
    if (rc == ERR_OK)
        rc = serve(&sandbox, &args, &ctx, err);
    mailbox_free(sandbox.mailbox);
    hooks_free(sandbox.hooks);
    atlassian_free(sandbox.atlassian);
    consents_free(sandbox.consents);
    api_served_free(sandbox.routes);
    site_done(&sandbox.site);
    faults_done(&sandbox.faults);
    throttle_done(&sandbox.throttle);
    if (sandbox.log_fd > 0)
        (void)close(sandbox.log_fd);
    return rc;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    enum err_class rc = run(argc, argv, &err);

    if (rc != ERR_OK)
        (void)fprintf(stderr, "tenon-sandbox: %s\n", err.msg);
    return err_exit_code(rc);
}
