/*
 * keys.c: `tenon keys status`, `rotate`, `retire`: the life of the keys; keys_copies.c has the
 * rest.
 *
 * A tenant that a server has open cannot be taken alone from here. Then the server is asked, by a
 * job in the queue; the rest of the command is the same.
 */
#include "apps/apps.h"
#include "base/civil.h"
#include "base/json.h"
#include "cli/cli.h"
#include "custody/rotate.h"
#include "daemon/keys_job.h"

#define TEXT_BYTES ((size_t)16 * 1024 * 1024)
#define OWNERS_MAX 100000

/* One whose keys are meant. */
struct keys_owner {
    struct tenant_info info; /* id "": the control data */
};

struct keys_cli {
    struct cli *cli;
    struct data *data; /* NULL once let go, to have the control data alone */
    struct vault_provider *provider;
    struct audit *audit;
    struct keys_owner *owners;
    size_t count;
    struct strbuf text;
    struct json_out json;
    bool as_json;
};

static void keys_done(struct keys_cli *keys)
{
    data_close(keys->data);
    vault_provider_free(keys->provider);
    audit_close(keys->audit);
    free(keys->owners);
    strbuf_done(&keys->text);
}

static const char *name_of(const struct keys_owner *owner)
{
    return owner->info.id[0] ? owner->info.name : "control";
}

static struct key_owner key_owner_of(const struct keys_cli *keys, const struct keys_owner *owner)
{
    return (struct key_owner){.ctx = &keys->cli->ctx,
                              .catalog = &tenon_catalog,
                              .provider = keys->provider,
                              .audit = keys->audit,
                              .data_dir = keys->cli->data_dir,
                              .tenant = owner->info.id[0] ? owner->info.id : NULL};
}

static enum err_class add_owner(void *arg, const struct tenant_info *info, struct err *err)
{
    struct keys_cli *keys = arg;
    struct keys_owner *grown;

    if (keys->count == OWNERS_MAX)
        return err_set(err, ERR_LIMIT, "there are more than %d tenants", OWNERS_MAX);
    grown = realloc(keys->owners, (keys->count + 1) * sizeof(*grown));
    if (!grown)
        return err_memory(err);
    keys->owners = grown;
    keys->owners[keys->count++] = (struct keys_owner){.info = *info};
    return ERR_OK;
}

/* `named` NULL: all tenants, and the control data last. */
static enum err_class find_owners(struct keys_cli *keys, const char *named, struct err *err)
{
    const struct tenant_info control = {.id = ""};
    struct tenant_info info;
    enum err_class rc = ERR_OK;

    if (!named) {
        rc = tenant_each(keys->data, add_owner, keys, err);
        return rc == ERR_OK ? add_owner(keys, &control, err) : rc;
    }
    if (strcmp(named, "control") == 0)
        return add_owner(keys, &control, err);
    rc = tenant_find(keys->data, str_from(named), &info, err);
    return rc == ERR_OK ? add_owner(keys, &info, err) : rc;
}

static enum err_class keys_open(struct cli *cli, const char *named, struct keys_cli *ret,
                                struct err *err)
{
    enum err_class rc;

    *ret = (struct keys_cli){
        .cli = cli, .text = STRBUF_INIT(TEXT_BYTES), .as_json = cli_flag(cli, "json")};
    rc = cli_open_data(cli, false, &ret->data, err);
    if (rc == ERR_OK) {
        ret->audit = audit_ref(ret->data->audit);
        rc = vault_provider_open(&cli->ctx, cli->data_dir, false, &ret->provider, err);
    }
    return rc == ERR_OK ? find_owners(ret, named, err) : rc;
}

/* ---- status ---- */

static int64_t count_of(const struct reseal_counts *counts, uint32_t version)
{
    for (size_t i = 0; i < counts->count; i++)
        if (counts->version[i] == version)
            return counts->values[i];
    return 0;
}

static enum err_class count_values(const struct keys_cli *keys, const struct keys_owner *owner,
                                   struct reseal_counts *ret, struct err *err)
{
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct reseal reseal = {.ctx = &keys->cli->ctx,
                            .catalog = &tenon_catalog,
                            .scope = SCOPE_CONTROL,
                            .vault = keys->data->vault,
                            .db = keys->data->control};
    enum err_class rc = ERR_OK;

    if (owner->info.id[0]) {
        rc = tenant_open(keys->data, &owner->info, &tenant, err);
        if (rc != ERR_OK)
            return rc;
        reseal.scope = SCOPE_TENANT;
        reseal.vault = tenant->vault;
        reseal.db = tenant->db;
    }
    return reseal_count(&reseal, ret, err);
}

static void put_json(struct keys_cli *keys, const struct keys_owner *owner,
                     const struct key_state *state, const struct reseal_counts *counts)
{
    struct json_out *out = &keys->json;

    json_object(out);
    json_key(out, "owner");
    json_put_z(out, owner->info.id[0] ? owner->info.id : "control");
    json_key(out, "name");
    json_put_z(out, name_of(owner));
    json_key(out, "provider");
    json_put_z(out, state->provider);
    json_key(out, "seals");
    json_put_i64(out, state->seal);
    json_key(out, "database");
    json_put_i64(out, state->db);
    json_key(out, "rotating");
    json_put_bool(out, state->seal != state->db || state->db_next != 0);
    json_key(out, "versions");
    json_array(out);
    for (size_t i = 0; i < state->count; i++) {
        json_object(out);
        json_key(out, "version");
        json_put_i64(out, state->versions[i].version);
        json_key(out, "created");
        if (state->versions[i].created_ms)
            json_put_stamp(out, state->versions[i].created_ms);
        else
            json_put_null(out);
        json_key(out, "values");
        json_put_i64(out, count_of(counts, state->versions[i].version));
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

static void put_text(struct keys_cli *keys, const struct keys_owner *owner,
                     const struct key_state *state, const struct reseal_counts *counts)
{
    for (size_t i = 0; i < state->count; i++) {
        uint32_t version = state->versions[i].version;
        int64_t values = count_of(counts, version);
        char created[CIVIL_STAMP_BYTES + 1] = "before keyrings";

        if (state->versions[i].created_ms)
            civil_format_stamp(state->versions[i].created_ms, created);
        strbuf_addf(&keys->text, "%-16s %-8s %7u  %-25s ", i == 0 ? name_of(owner) : "",
                    i == 0 ? state->provider : "", version, created);
        cli_put_count(&keys->text, values);
        strbuf_addf(&keys->text, " value%s%s%s%s\n", values == 1 ? "" : "s",
                    version == state->db ? ", the database" : "",
                    version == state->seal ? ", what is written now" : "",
                    values == 0 && version != state->db && version != state->seal &&
                            version != state->db_next
                        ? ": may be retired"
                        : "");
    }
}

static enum err_class run_status(struct cli *cli, struct err *err)
{
    AUTO(keys_done) struct keys_cli keys = {0};
    enum err_class rc = keys_open(cli, cli->arg_count ? cli->args[0] : NULL, &keys, err);

    if (rc != ERR_OK)
        return rc;
    keys.json = json_out(&keys.text);
    if (keys.as_json)
        json_array(&keys.json);
    else
        strbuf_addf(&keys.text, "%-16s %-8s %7s  %-25s %s\n", "OWNER", "PROVIDER", "VERSION",
                    "CREATED", "SEALED WITH IT");
    for (size_t i = 0; i < keys.count && rc == ERR_OK; i++) {
        const struct key_owner owner = key_owner_of(&keys, &keys.owners[i]);
        struct reseal_counts counts;
        struct key_state state;

        rc = rotate_look(&owner, &state, err);
        if (rc == ERR_OK)
            rc = count_values(&keys, &keys.owners[i], &counts, err);
        if (rc == ERR_OK)
            (keys.as_json ? put_json : put_text)(&keys, &keys.owners[i], &state, &counts);
    }
    if (keys.as_json) {
        json_array_end(&keys.json);
        strbuf_add_char(&keys.text, '\n');
    }
    return rc == ERR_OK ? cli_print_buf(&keys.text, err) : rc;
}

const struct cli_verb verb_keys_status = {
    .name = "keys status",
    .args = "[TENANT]",
    .summary = "Show the versions of all keys and what uses them",
    .about =
        "For each tenant, and for the control data at the end. Reads every sealed value's head.\n\n"
        "  tenon keys status",
    .args_max = 1,
    .run = run_status,
};

/* ---- rotate ---- */

/* The server does it: durable in the queue. */
static enum err_class ask_server(struct keys_cli *keys, const struct keys_owner *owner,
                                 const char *what, uint32_t version, struct err *err)
{
    char key[JOB_KEY_BYTES + 1];
    const struct job_order order = {.tenant = owner->info.id,
                                    .kind = KEYS_JOB,
                                    .key = key,
                                    .due_ms = ctx_now_ms(&keys->cli->ctx),
                                    .asked = true};
    bool joined = false;
    enum err_class rc;

    (void)snprintf(key, sizeof(key), "%s:%u", what, version);
    rc = jobs_add(keys->data->control, &keys->cli->ctx, &order, &joined, err);
    if (rc == ERR_OK)
        strbuf_addf(&keys->text,
                    "%s: is in use; the server was asked to do it. `tenon keys status` shows how "
                    "far it is.\n",
                    name_of(owner));
    return rc;
}

static enum err_class show(void *arg, int64_t done, int64_t total, struct err *err)
{
    struct keys_cli *keys = arg;

    cli_progress(keys->cli, "sealing", done, total > 0 ? (double)done / (double)total : -1, -1);
    return ctx_check(&keys->cli->ctx, err);
}

static enum err_class reseal_owner(struct keys_cli *keys, const struct keys_owner *owner,
                                   int64_t *ret_values, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct reseal reseal = {.ctx = &keys->cli->ctx,
                            .catalog = &tenon_catalog,
                            .scope = SCOPE_CONTROL,
                            .watch = show,
                            .arg = keys};
    enum err_class rc;

    rc = cli_open_data(keys->cli, false, &data, err);
    if (rc == ERR_OK && owner->info.id[0])
        rc = tenant_open(data, &owner->info, &tenant, err);
    if (rc != ERR_OK)
        return rc;
    reseal.vault = tenant ? tenant->vault : data->vault;
    reseal.db = tenant ? tenant->db : data->control;
    if (tenant)
        reseal.scope = SCOPE_TENANT;
    rc = reseal_all(&reseal, ret_values, err);
    cli_progress_end(keys->cli);
    return rc;
}

static enum err_class rotate_owner(struct keys_cli *keys, const struct keys_owner *owner,
                                   struct err *err)
{
    const struct key_owner whose = key_owner_of(keys, owner);
    struct key_state state;
    uint32_t version = 0;
    int64_t values = 0;
    enum err_class rc;

    if (!owner->info.id[0]) { /* to have it alone, our own handle must go */
        data_close(keys->data);
        keys->data = NULL;
    }
    rc = rotate_look(&whose, &state, err);
    if (rc != ERR_OK)
        return rc;
    rc = rotate_begin(&whose, &version, err);
    if (rc == ERR_OK)
        rc = reseal_owner(keys, owner, &values, err);
    if (rc == ERR_OK)
        rc = rotate_database(&whose, err);
    if (rc == ERR_CONFLICT && owner->info.id[0]) {
        uint32_t newest = state.versions[state.count - 1].version;

        *err = (struct err){0};
        return ask_server(keys, owner, "rotate",
                          version                  ? version
                          : state.seal == state.db ? newest + 1
                                                   : state.seal,
                          err);
    }
    if (rc == ERR_CONFLICT)
        return err_set(
            err, ERR_CONFLICT,
            "the control data is in use by a server or another command; its keys are "
            "rotated while no server runs: stop it, and run `tenon keys rotate control`");
    if (rc != ERR_OK)
        return rc;
    strbuf_addf(&keys->text, "%s: version %u, ", name_of(owner), version);
    cli_put_count(&keys->text, values);
    strbuf_addf(&keys->text, " values sealed anew, the database encrypted anew.\n");
    return ERR_OK;
}

static enum err_class run_rotate(struct cli *cli, struct err *err)
{
    AUTO(keys_done) struct keys_cli keys = {0};
    bool all = cli_flag(cli, "all");
    enum err_class rc;

    if (all == (cli->arg_count > 0))
        return err_set(err, ERR_USAGE,
                       "name one tenant, or `control` for the control data, or --all");
    rc = keys_open(cli, all ? NULL : cli->args[0], &keys, err);
    for (size_t i = 0; i < keys.count && rc == ERR_OK; i++)
        rc = rotate_owner(&keys, &keys.owners[i], err);
    if (keys.text.len > 0) {
        struct err printing = {0};
        enum err_class printed = cli_print_buf(&keys.text, &printing);

        if (rc == ERR_OK && printed != ERR_OK) {
            *err = printing;
            rc = printed;
        }
    }
    return rc;
}

const struct cli_verb verb_keys_rotate = {
    .name = "keys rotate",
    .args = "[TENANT]",
    .summary = "Give a tenant a new version of its key",
    .about =
        "From now on the new version seals; what the old one sealed is sealed anew, and the\n"
        "database is encrypted anew. Everything stays readable; cut at any moment, it goes on\n"
        "when run again. A tenant that a server has open is left to the server. The old\n"
        "version stays until it is retired.\n\n"
        "  tenon keys rotate acme\n"
        "  tenon keys rotate --all",
    .options = {{"all", NULL, "all tenants, and the control data"}},
    .args_max = 1,
    .run = run_rotate,
};

/* ---- retire ---- */

static enum err_class retire_owner(struct keys_cli *keys, const struct keys_owner *owner,
                                   uint32_t version, struct err *err)
{
    const struct key_owner whose = key_owner_of(keys, owner);
    struct reseal_counts counts;
    struct key_state state;
    enum err_class rc = rotate_look(&whose, &state, err);
    bool unused =
        rc == ERR_OK && version != state.seal && version != state.db && version != state.db_next;

    if (unused)
        rc = count_values(keys, owner, &counts, err);
    unused = unused && rc == ERR_OK && count_of(&counts, version) == 0;
    if (rc != ERR_OK)
        return rc;
    if (!owner->info.id[0]) {
        data_close(keys->data);
        keys->data = NULL;
    }
    rc = rotate_retire(&whose, version, err);
    if (rc == ERR_CONFLICT && unused && owner->info.id[0]) { /* so it is in use by a process */
        *err = (struct err){0};
        return ask_server(keys, owner, "retire", version, err);
    }
    if (rc == ERR_OK)
        strbuf_addf(&keys->text, "%s: version %u is destroyed.\n", name_of(owner), version);
    return rc;
}

static enum err_class run_retire(struct cli *cli, struct err *err)
{
    AUTO(keys_done) struct keys_cli keys = {0};
    uint32_t version = 0;
    enum err_class rc;

    if (!parse_u32(str_from(cli->args[1]), 1, UINT32_MAX, &version))
        return err_set(err, ERR_USAGE, "\"%.40s\" is no version; `tenon keys status` shows them",
                       cli->args[1]);
    rc = keys_open(cli, cli->args[0], &keys, err);
    if (rc == ERR_OK)
        rc = retire_owner(&keys, &keys.owners[0], version, err);
    return rc == ERR_OK ? cli_print_buf(&keys.text, err) : rc;
}

const struct cli_verb verb_keys_retire = {
    .name = "keys retire",
    .args = "TENANT VERSION",
    .summary = "Destroy an old version of a key",
    .about = "Refused while anything is sealed with it. Backups hold the keys that they need\n"
             "themselves. TENANT may be `control`.\n\n"
             "  tenon keys retire acme 1",
    .args_min = 2,
    .args_max = 2,
    .run = run_retire,
};
