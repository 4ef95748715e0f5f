/*
 * people_records.c: what is kept of people who sign in.
 *
 * Of a cookie, a link or a token of ours only a digest is stored: whoever reads the database cannot
 * use it. Jira's refresh token is different: it must be presented again, so it is sealed.
 */
#include "connect/people_records.h"

#define SINCE 2

static const struct field administrator_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "always 1: there is one local administrator"},
    {"password", TYPE_TEXT, CLASS_SECRET, 0, "the Argon2id hash of the password"},
    {"made", TYPE_TIME, CLASS_META, 0, "when the password was set"},
    {"last_sign_in", TYPE_TIME, CLASS_META, FIELD_NULL, "when it was last used"},
};

const struct record administrator_record = {
    .name = "administrator",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "so that the server's own administrator can sign in",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    .since = SINCE,
    RECORD_FIELDS(administrator_fields),
};

static const struct field sign_in_link_fields[] = {
    {"digest", TYPE_BLOB, CLASS_ID, FIELD_KEY, "a digest of the link, to recognize it by"},
    {"expires", TYPE_TIME, CLASS_META, FIELD_INDEX, "until when it can be used, once"},
};

const struct record sign_in_link_record = {
    .name = "sign_in_link",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "so that whoever runs the server can set the administrator's password",
    .retention = RETAIN_DAYS,
    .retention_days = 1,
    .retention_field = "expires",
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    .since = SINCE,
    RECORD_FIELDS(sign_in_link_fields),
};

#define SESSION_DIGEST "a digest of the cookie, to recognize it by"
#define SESSION_EXPIRES "when it ends at the latest"
#define SESSION_SEEN "when it was last used, to within minutes"

static const struct field admin_session_fields[] = {
    {"digest", TYPE_BLOB, CLASS_ID, FIELD_KEY, SESSION_DIGEST},
    {"expires", TYPE_TIME, CLASS_META, FIELD_INDEX, SESSION_EXPIRES},
    {"seen", TYPE_TIME, CLASS_META, 0, SESSION_SEEN},
};

const struct record admin_session_record = {
    .name = "admin_session",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to know the administrator's browser again after signing in",
    .retention = RETAIN_DAYS,
    .retention_days = 1,
    .retention_field = "expires",
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    .since = SINCE,
    RECORD_FIELDS(admin_session_fields),
};

static const struct field session_fields[] = {
    {"digest", TYPE_BLOB, CLASS_ID, FIELD_KEY, SESSION_DIGEST},
    {"person", TYPE_REF, CLASS_PERSON, FIELD_INDEX, "who signed in (account_id)", .ref = "person"},
    {"expires", TYPE_TIME, CLASS_META, FIELD_INDEX, SESSION_EXPIRES},
    {"seen", TYPE_TIME, CLASS_META, 0, SESSION_SEEN},
};

const struct record session_record = {
    .name = "session",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "to know a person's browser again after signing in",
    .retention = RETAIN_DAYS,
    .retention_days = 1,
    .retention_field = "expires",
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_FOLLOW,
    .shown_to = "nobody",
    .since = SINCE,
    RECORD_FIELDS(session_fields),
};

static const struct field api_token_fields[] = {
    {"id", TYPE_INT, CLASS_ID, FIELD_KEY, "our own identifier of the token"},
    {"name", TYPE_TEXT, CLASS_CONTENT, 0, "what its maker calls it"},
    {"person", TYPE_REF, CLASS_PERSON, FIELD_NULL | FIELD_INDEX,
     "for whom it acts (account_id); none: for the administrator", .ref = "person"},
    {"role", TYPE_TEXT, CLASS_META, 0, "person or admin"},
    {"scopes", TYPE_INT, CLASS_SETTING, 0, "what it may do: 1 read, 2 write, 4 administer"},
    {"digest", TYPE_BLOB, CLASS_ID, FIELD_UNIQUE, "a digest of the token, to recognize it by"},
    {"made", TYPE_TIME, CLASS_META, 0, "when it was made"},
    {"expires", TYPE_TIME, CLASS_META, FIELD_NULL,
     "when it ends; one without an end stays until it is removed"},
    {"last_used", TYPE_TIME, CLASS_META, FIELD_NULL, "the day of its last use"},
};

const struct record api_token_record = {
    .name = "api_token",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "so that programs can use Tenon on behalf of a person or of the administrator",
    .access = true,
    .retention = RETAIN_DAYS,
    .retention_days = 30,
    .retention_field = "expires",
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_FOLLOW,
    .shown_to = "the person it acts for, and administrators",
    .since = SINCE,
    RECORD_FIELDS(api_token_fields),
};

static const struct field oauth_grant_fields[] = {
    {"person", TYPE_REF, CLASS_PERSON, FIELD_KEY, "who consented (account_id)", .ref = "person"},
    {"refresh_token", TYPE_TEXT, CLASS_SECRET, FIELD_NULL,
     "Jira's refresh token; none when Jira no longer takes it"},
    {"generation", TYPE_INT, CLASS_META, 0, "goes up each time it is replaced"},
    {"claimed_until", TYPE_TIME, CLASS_META, FIELD_NULL, "until when a process is replacing it"},
    {"cloud_id", TYPE_TEXT, CLASS_ID, 0, "the Jira site's id at Atlassian"},
    {"scopes", TYPE_TEXT, CLASS_META, 0, "what the person let us do in Jira"},
    {"consented", TYPE_TIME, CLASS_META, 0, "when the person consented"},
    {"expires", TYPE_TIME, CLASS_META, FIELD_INDEX, "when the consent ends"},
};

const struct record oauth_grant_record = {
    .name = "oauth_grant",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "to do in Jira, as the person, what that person asks for here",
    .retention = RETAIN_DAYS,
    .retention_days = 1,
    .retention_field = "expires",
    .basis = BASIS_CONTRACT,
    .source = SOURCE_JIRA,
    .erase = ERASE_FOLLOW,
    .shown_to = "nobody",
    .since = SINCE,
    RECORD_FIELDS(oauth_grant_fields),
};
