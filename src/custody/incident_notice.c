/*
 * incident_notice.c: the draft of the notice to a tenant whose data a leak touched.
 *
 * Who runs the server promised it: affected tenants are told, with what they should do. The program
 * knows what was touched and which remedy belongs to which secret; how it happened, a person adds.
 */
#include "base/civil.h"
#include "custody/incident.h"

/* What to do about a secret of that record. */
static const struct {
    const char *record, *remedy;
} remedies[] = {
    {"credential", "Revoke the Jira API token (or personal access token) that you gave us, make a "
                   "new one, and have it stored."},
    {"connect_install", "Uninstall the app in Jira and install it again: that makes a new shared "
                        "secret, and the old one is void."},
    {"forge_install", "Nothing: the app's system token ends by itself within hours. If in doubt, "
                      "install the app again."},
    {"webhook", "Have a new webhook secret made, and enter it into Jira's webhook."},
    {"oauth_grant", "People who let the app act for them take that back in their Atlassian "
                    "account (Connected apps), and consent anew."},
    {"administrator", "We set a new administrator's password; you need to do nothing."},
};

static const char *remedy_of(const char *record)
{
    for (size_t i = 0; i < ARRAY_LEN(remedies); i++)
        if (strcmp(remedies[i].record, record) == 0)
            return remedies[i].remedy;
    return NULL;
}

static void put_window(const struct incident_question *question, struct strbuf *buf)
{
    char from[CIVIL_STAMP_BYTES + 1], to[CIVIL_STAMP_BYTES + 1];

    civil_format_stamp(question->from_ms, from);
    civil_format_stamp(question->to_ms, to);
    if (question->from_ms && question->to_ms)
        strbuf_addf(buf, "between %s and %s", from, to);
    else if (question->from_ms)
        strbuf_addf(buf, "since %s", from);
    else if (question->to_ms)
        strbuf_addf(buf, "before %s", to);
    else
        strbuf_add_z(buf, "at a time that is not limited yet");
}

static void put_touched(const struct incident_tenant *tenant, struct strbuf *buf)
{
    for (size_t i = 0; i < tenant->count; i++) {
        const struct incident_line *line = &tenant->lines[i];

        if (line->field)
            strbuf_addf(buf, "  - %s (%s)", line->field->what,
                        class_policy(line->field->class)->name);
        else
            strbuf_addf(buf, "  - records of the kind \"%s\", which we keep %s", line->record->name,
                        line->record->why);
        if (line->values)
            strbuf_addf(buf, ", stored: %lld", (long long)line->values);
        if (line->openings)
            strbuf_addf(buf, ", opened: %lld", (long long)line->openings);
        strbuf_add_char(buf, '\n');
    }
    for (size_t i = 0; i < AUDIT_ACT_COUNT; i++)
        if (tenant->let_out[i])
            strbuf_addf(buf, "  - what left the server (%s): %lld\n",
                        audit_act_name((enum audit_act)i), (long long)tenant->let_out[i]);
}

static void put_untouched(const struct incident_tenant *tenant, struct strbuf *buf)
{
    bool any = false;

    for (size_t i = 0; i < AUDIT_ACT_COUNT; i++)
        if (tenant->let_out[i])
            return; /* an export may hold any of them */
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        if (incident_has(tenant, (enum field_class)i))
            continue;
        strbuf_addf(buf, "%s%s",
                    any ? ", " : "Not touched: ", class_policy((enum field_class)i)->meaning);
        any = true;
    }
    if (any)
        strbuf_add_z(buf, ".\n\n");
}

static void put_remedies(const struct incident_tenant *tenant, struct strbuf *buf)
{
    const struct record *last = NULL;

    strbuf_add_z(buf, "What we recommend:\n");
    for (size_t i = 0; i < tenant->count; i++) {
        const struct record *record = tenant->lines[i].record;
        const char *remedy = tenant->lines[i].field ? remedy_of(record->name) : NULL;

        if (remedy && record != last)
            strbuf_addf(buf, "  - %s\n", remedy);
        last = record;
    }
    if (incident_has(tenant, CLASS_CONTENT))
        strbuf_add_z(buf, "  - Take the texts named above as read by others, and tell the people "
                          "who wrote them.\n");
    if (incident_has(tenant, CLASS_PERSON))
        strbuf_add_z(buf, "  - See whether your own duties to the people concerned, or to an "
                          "authority, begin now (in the EU: 72 hours, GDPR Art. 33).\n");
    strbuf_add_z(buf, "  - Look through Jira's audit log for what you do not know, from that time "
                      "on.\n\n");
}

void incident_notice(const struct incident_tenant *tenant, const struct incident_question *question,
                     const char *contact, struct strbuf *buf)
{
    const char *site = tenant->info.base_url[0] ? tenant->info.base_url : "a site that has left";

    strbuf_addf(buf, "Subject: Security notice about your data in Tenon (%s)\n\n",
                tenant->id[0] ? site : "the server");
    strbuf_addf(buf, "To those who administer %s:\n\n", tenant->id[0] ? site : "this server");
    strbuf_add_z(buf, "We have to tell you of a security incident that touched data of yours, ");
    put_window(question, buf);
    strbuf_add_z(buf, ".\n[What happened, when it was found, what was done since.]\n\n"
                      "What was or may have been read by somebody else:\n");
    if (question->version)
        strbuf_addf(buf, "  (with version %u of your encryption key%s)\n", question->version,
                    tenant->database ? ", which also opens a copy of the whole database" : "");
    put_touched(tenant, buf);
    strbuf_add_char(buf, '\n');
    put_untouched(tenant, buf);
    put_remedies(tenant, buf);
    if (contact[0])
        strbuf_addf(buf, "Questions: %s\n", contact);
    else
        strbuf_add_z(buf, "Questions: [where to write to; page.contact in tenon.conf]\n");
}
