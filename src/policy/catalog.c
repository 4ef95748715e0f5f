/* catalog.c: look-ups, names and the catalogue's own rules. The records stand with their owners. */
#include "policy/catalog.h"

static const struct class_policy class_policies[CLASS_COUNT] = {
    [CLASS_ID] = {"ID", "an identifier of something in a remote system or of our own",
                  "the database file is encrypted (AES-256) with the tenant's own key",
                  "identifier", "system.operations", false, true},
    [CLASS_PERSON] = {"PERSON", "an identifier of a human, without name or address",
                      "the database file is encrypted (AES-256) with the tenant's own key",
                      "personal identifier (pseudonymous)", "user.unique_id", false, true},
    [CLASS_META] = {"META", "a time, a duration, a count or a state",
                    "the database file is encrypted (AES-256) with the tenant's own key",
                    "metadata", "system.operations", false, true},
    [CLASS_SETTING] = {"SETTING", "what an administrator or a user configured",
                       "the database file is encrypted (AES-256) with the tenant's own key",
                       "setting", "system.operations", false, true},
    [CLASS_CONTENT] = {"CONTENT", "text that a user wrote; may hold personal data",
                       "sealed value by value (XChaCha20-Poly1305) with the tenant's own key, "
                       "inside the encrypted database file",
                       "user content (may contain personal data)", "user.content.private", true,
                       true},
    [CLASS_SECRET] = {"SECRET", "a token or a password",
                      "sealed value by value (XChaCha20-Poly1305) with the tenant's own key, "
                      "inside the encrypted database file; every opening is in the audit trail",
                      "credential", "user.authorization.credentials", true, false},
};

const struct class_policy *class_policy(enum field_class class)
{
    return &class_policies[class];
}

enum field_class field_class_at(const struct field *field, unsigned version)
{
    return version < field->class_since ? field->class_before : field->class;
}

const struct record *catalog_record(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->record_count; i++)
        if (catalog->records[i]->name && strcmp(catalog->records[i]->name, name) == 0)
            return catalog->records[i];
    return NULL;
}

const struct field *record_field(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->field_count; i++)
        if (record->fields[i].name && strcmp(record->fields[i].name, name) == 0)
            return &record->fields[i];
    return NULL;
}

bool record_is_configuration(const struct record *record)
{
    return record->scope == SCOPE_TENANT && record->source == SOURCE_USER && !record->access;
}

const char *field_type_name(enum field_type type)
{
    static const char *const names[] = {[TYPE_INT] = "int",
                                        [TYPE_TEXT] = "text",
                                        [TYPE_TIME] = "time",
                                        [TYPE_BLOB] = "blob",
                                        [TYPE_REF] = "ref"};

    return names[type];
}

const char *record_scope_name(enum record_scope scope)
{
    static const char *const names[] = {
        [SCOPE_CONTROL] = "control", [SCOPE_TENANT] = "tenant", [SCOPE_FILE] = "file"};

    return names[scope];
}

const char *record_place(enum record_scope scope)
{
    static const char *const places[] = {[SCOPE_CONTROL] = "control database",
                                         [SCOPE_TENANT] = "tenant's database",
                                         [SCOPE_FILE] = "files of the data folder"};

    return places[scope];
}

const char *retention_name(enum retention_kind kind)
{
    static const char *const names[] = {[RETAIN_WHILE_TENANT] = "while_tenant",
                                        [RETAIN_DAYS] = "days",
                                        [RETAIN_UNTIL_WITHDRAWN] = "until_withdrawn",
                                        [RETAIN_AFTER_TENANT] = "after_tenant"};

    return names[kind];
}

const char *legal_basis_name(enum legal_basis basis)
{
    static const char *const names[] = {[BASIS_CONTRACT] = "contract",
                                        [BASIS_LEGITIMATE_INTEREST] = "legitimate_interest",
                                        [BASIS_LEGAL_DUTY] = "legal_duty"};

    return names[basis];
}

const char *record_source_name(enum record_source source)
{
    static const char *const names[] = {
        [SOURCE_JIRA] = "jira", [SOURCE_USER] = "user", [SOURCE_TENON] = "tenon"};

    return names[source];
}

const char *erase_action_name(enum erase_action action)
{
    static const char *const names[] = {
        [ERASE_DELETE] = "delete", [ERASE_FOLLOW] = "follow", [ERASE_NONE] = "none"};

    return names[action];
}

void record_retention_text(const struct record *record, struct strbuf *buf)
{
    switch (record->retention) {
    case RETAIN_WHILE_TENANT:
        strbuf_add_z(buf, "while the tenant exists");
        return;
    case RETAIN_DAYS:
        strbuf_addf(buf, "%u days after %s", record->retention_days, record->retention_field);
        return;
    case RETAIN_UNTIL_WITHDRAWN:
        strbuf_add_z(buf, "until withdrawn");
        return;
    case RETAIN_AFTER_TENANT:
        strbuf_addf(buf, "%u days after the tenant is removed", record->retention_days);
        return;
    }
}

static bool is_name(const char *name)
{
    size_t len = name ? strlen(name) : 0;

    return len >= 1 && len < 64 && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static bool is_sentence(const char *text)
{
    return text && strlen(text) >= 3;
}

static enum err_class check_field(const struct catalog *catalog, const struct record *record,
                                  size_t at, struct err *err)
{
    const struct field *field = &record->fields[at];
    const struct field *second = field->index_then ? record_field(record, field->index_then) : NULL;
    const char *wrong = NULL;

    if (!is_name(field->name))
        wrong = "its name is not lower_snake_case";
    else if (!is_sentence(field->what))
        wrong = "it does not say what it is";
    else if (record_field(record, field->name) != field)
        wrong = "it is declared twice";
    else if ((field->flags & FIELD_KEY) && at > 0 && !(record->fields[at - 1].flags & FIELD_KEY))
        wrong = "key fields must stand first";
    else if ((field->flags & FIELD_KEY) && (field->flags & FIELD_NULL))
        wrong = "a key field cannot be absent";
    else if ((field->type == TYPE_REF) != (field->ref != NULL))
        wrong = "TYPE_REF and .ref belong together";
    else if (field->ref && !catalog_record(catalog, field->ref))
        wrong = "it refers to a record that is not declared";
    else if (field->digest_of && !record_field(record, field->digest_of))
        wrong = "it is the digest of a field that is not declared";
    else if (class_policy(field->class)->sealed && field->type != TYPE_TEXT &&
             field->type != TYPE_BLOB)
        wrong = "only text and blobs can be sealed";
    else if (class_policy(field->class)->sealed &&
             (field->flags & (FIELD_KEY | FIELD_UNIQUE | FIELD_INDEX) || field->index_then))
        wrong = "a sealed field cannot be searched; declare a digest of it";
    else if (field->index_then && (!second || second == field))
        wrong = "its index goes on with a field that is not declared";
    else if (second && class_policy(second->class)->sealed)
        wrong = "its index goes on with a sealed field, which cannot be searched";
    else if (field->class_since > catalog->version || field->class_since == 1)
        wrong = "its class changed in a version that is not one of the past";
    else if (field->class_since > 0 && field->class_before == field->class)
        wrong = "its class is said to have changed and did not";
    else if (field->class_since > 0 && class_policy(field->class_before)->sealed)
        wrong = "what was sealed stays sealed";
    else if (field->class_since > 0 && class_policy(field->class)->sealed &&
             (field->type != TYPE_TEXT || record->field_count < 2 ||
              (record->fields[1].flags & FIELD_KEY)))
        wrong = "only texts of records with one key can become sealed";
    else if (at > 0 && field->since > 1 && !(field->flags & FIELD_NULL) && !field->default_sql)
        wrong = "a later field must be nullable or have a default for the rows that exist";

    if (wrong)
        return err_set(err, ERR_BUG, "the catalogue's field %s.%s is wrong: %s", record->name,
                       field->name ? field->name : "?", wrong);
    return ERR_OK;
}

static enum err_class check_record(const struct catalog *catalog, const struct record *record,
                                   struct err *err)
{
    const char *wrong = NULL;

    if (!is_name(record->name))
        wrong = "its name is not lower_snake_case";
    else if (catalog_record(catalog, record->name) != record)
        wrong = "it is declared twice";
    else if (!is_name(record->app) || !is_sentence(record->why) || !is_sentence(record->shown_to))
        wrong = "app, purpose and audience must be said";
    else if ((record->scope == SCOPE_FILE) != (record->protection != NULL))
        wrong = "what lies in files, and nothing else, says how it is protected";
    else if (record->field_count == 0 || !(record->fields[0].flags & FIELD_KEY))
        wrong = "it has no key";
    else if ((record->retention == RETAIN_DAYS || record->retention == RETAIN_AFTER_TENANT) !=
             (record->retention_days > 0))
        wrong = "days belong to a retention in days";
    else if ((record->retention == RETAIN_DAYS) != (record->retention_field != NULL))
        wrong = "a retention in days names the time that it counts from";
    else if (record->retention_field && !record_field(record, record->retention_field))
        wrong = "its retention counts from a field that is not declared";
    if (wrong)
        return err_set(err, ERR_BUG, "the catalogue's record %s is wrong: %s",
                       record->name ? record->name : "?", wrong);

    for (size_t i = 0; i < record->field_count; i++) {
        enum err_class rc = check_field(catalog, record, i, err);

        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

enum err_class catalog_check(const struct catalog *catalog, struct err *err)
{
    for (size_t i = 0; i < catalog->record_count; i++) {
        enum err_class rc = check_record(catalog, catalog->records[i], err);

        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}
