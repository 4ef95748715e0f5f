/*
 * site_records.c: what is kept of the ways in which Jira knows a tenant: its other names, the
 * installations with their secrets, the webhook's secret.
 */
#include "connect/site_records.h"

static const struct field tenant_alias_fields[] = {
    {"kind", TYPE_TEXT, CLASS_META, FIELD_KEY,
     "what it is: Connect's client key, Forge's installation id or Atlassian's cloud id"},
    {"value", TYPE_TEXT, CLASS_ID, FIELD_KEY, "the identifier that Atlassian gave"},
    {"tenant", TYPE_TEXT, CLASS_ID, FIELD_INDEX, "our own identifier of the tenant"},
    {"added", TYPE_TIME, CLASS_META, 0, "when it was first told, or given to this tenant"},
};

const struct record tenant_alias_record = {
    .name = "tenant_alias",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to know which tenant a request of Jira is about",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_JIRA,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    .since = 2,
    RECORD_FIELDS(tenant_alias_fields),
};

static const struct field connect_install_fields[] = {
    {"client_key", TYPE_TEXT, CLASS_ID, FIELD_KEY, "by which Jira names the installation"},
    {"app_key", TYPE_TEXT, CLASS_ID, 0, "by which the installation names us"},
    {"base_url", TYPE_TEXT, CLASS_ID, 0, "where the site's API is"},
    {"display_url", TYPE_TEXT, CLASS_ID, FIELD_NULL, "the site's address for people"},
    {"oauth_client_id", TYPE_TEXT, CLASS_ID, FIELD_NULL,
     "by which we name ourselves when we act for a person"},
    {"shared_secret", TYPE_BLOB, CLASS_SECRET, 0, "what Jira and we sign with"},
    {"previous_secret", TYPE_BLOB, CLASS_SECRET, FIELD_NULL,
     "the one before, for requests that were under way when it changed"},
    {"previous_until", TYPE_TIME, CLASS_META, FIELD_NULL, "how long the one before is taken"},
    {"state", TYPE_TEXT, CLASS_META, 0, "whether it is enabled, disabled or uninstalled"},
    {"installed", TYPE_TIME, CLASS_META, 0, "when it was first installed"},
    {"changed", TYPE_TIME, CLASS_META, 0, "when Jira last told of a change"},
};

const struct record connect_install_record = {
    .name = "connect_install",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "to tell Jira's requests from others, and to call Jira as an installed Connect app",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_JIRA,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    .since = 2,
    RECORD_FIELDS(connect_install_fields),
};

static const struct field forge_install_fields[] = {
    {"installation_id", TYPE_TEXT, CLASS_ID, FIELD_KEY, "by which Forge names the installation"},
    {"cloud_id", TYPE_TEXT, CLASS_ID, FIELD_NULL, "by which Atlassian names the site"},
    {"api_base_url", TYPE_TEXT, CLASS_ID, FIELD_NULL, "where the site's API is"},
    {"system_token", TYPE_BLOB, CLASS_SECRET, FIELD_NULL,
     "what Forge gives us for calls of our own; short-lived"},
    {"system_token_until", TYPE_TIME, CLASS_META, FIELD_NULL, "how long it surely works"},
    {"state", TYPE_TEXT, CLASS_META, 0, "whether it is enabled or uninstalled"},
    {"installed", TYPE_TIME, CLASS_META, 0, "when it was first told of"},
    {"changed", TYPE_TIME, CLASS_META, 0, "when Forge last told of a change"},
};

const struct record forge_install_record = {
    .name = "forge_install",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "to call Jira as an installed Forge app",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_JIRA,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    .since = 2,
    RECORD_FIELDS(forge_install_fields),
};

static const struct field webhook_fields[] = {
    {"name", TYPE_TEXT, CLASS_META, FIELD_KEY, "which webhook it is"},
    {"secret", TYPE_BLOB, CLASS_SECRET, 0, "what Jira signs its deliveries with"},
    {"made", TYPE_TIME, CLASS_META, 0, "when the secret was made"},
    {"last_seen", TYPE_TIME, CLASS_META, FIELD_NULL, "when a delivery last came, to the minute"},
};

const struct record webhook_record = {
    .name = "webhook",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "to tell what Jira sends from what others send",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "nobody; the secret once to the administrator who makes it",
    .since = 2,
    RECORD_FIELDS(webhook_fields),
};
