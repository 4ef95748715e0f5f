/*
 * lifecycle.c: what Atlassian says when an app is installed, as Connect's body and as Forge's
 * claims.
 *
 * The first line is "connect", or anything else for Forge; what follows is JSON. Both are read only
 * after their proof, and still by anybody who installs the app; what they say becomes the name of a
 * tenant, an address that is called, and a header that names who may frame our pages. Holds: what
 * is taken keeps its limits, is UTF-8, and its addresses are those of sites that we may call; what
 * is refused comes with a sentence.
 */
#include "connect/connect_internal.h"
#include "connect/forge_internal.h"
#include "fuzz.h"
#include "http/url.h"

static const struct identities ids = {
    .options = {.app_key = "tenon", .forge_api_hosts = "api.atlassian.com acme.example"}};

static void check_text(const char *text, size_t room)
{
    FUZZ_CHECK(memchr(text, '\0', room));
    FUZZ_CHECK(str_is_utf8(str_from(text)));
}

/* One word: it stands in a list of such, in a header. */
static void check_address(const char *url)
{
    char origin[LIMIT_URL_BYTES + 1];
    struct url_parts parts;
    struct err err = {0};

    FUZZ_CHECK(url_split(str_from(url), &parts, &err) == ERR_OK);
    FUZZ_CHECK(!str_ends(str_from(url), STR("/")));
    url_show_origin(str_from(url), origin, sizeof(origin));
    FUZZ_CHECK(str_starts(str_from(origin), STR("http")));
    for (const char *at = origin; *at; at++)
        FUZZ_CHECK(*at > ' ' && *at < 0x7f && !strchr(";,'\"*", *at));
}

static void check_install(yyjson_val *body)
{
    struct connect_install install = {.secret = STRBUF_INIT(INSTALL_SECRET_BYTES_MAX),
                                      .previous = STRBUF_INIT(INSTALL_SECRET_BYTES_MAX)};
    struct err err = {0};
    enum err_class class = connect_read_install(&ids, body, &install, &err);

    if (class != ERR_OK) {
        FUZZ_CHECK(class == ERR_INPUT);
        fuzz_check_error(&err, class);
    } else {
        check_text(install.client_key, sizeof(install.client_key));
        check_text(install.oauth_client_id, sizeof(install.oauth_client_id));
        FUZZ_CHECK(strcmp(install.app_key, "tenon") == 0);
        check_address(install.base_url);
        FUZZ_CHECK(str_starts(str_from(install.base_url), STR("https://")));
        if (install.display_url[0])
            check_address(install.display_url);
        FUZZ_CHECK(install.secret.len >= JWT_SECRET_BYTES_MIN &&
                   install.secret.len <= INSTALL_SECRET_BYTES_MAX);
    }
    connect_install_done(&install);
}

static void check_claims(yyjson_val *root)
{
    const struct jwt jwt = {.claims = root};
    struct forge_claims claims = {0};
    struct url_parts parts;
    struct err err = {0};
    enum err_class class = forge_read_claims(&ids, &jwt, &claims, &err);

    if (class != ERR_OK) {
        FUZZ_CHECK(class == ERR_DENIED);
        fuzz_check_error(&err, class);
        return;
    }
    FUZZ_CHECK(alias_value_is_valid(claims.installation_id));
    FUZZ_CHECK(claims.cloud_id.len == 0 || alias_value_is_valid(claims.cloud_id));
    if (!claims.api_base_url[0])
        return;
    check_address(claims.api_base_url);
    FUZZ_CHECK(url_split(str_from(claims.api_base_url), &parts, &err) == ERR_OK && parts.https);
    FUZZ_CHECK(str_eq_nocase(parts.host, STR("api.atlassian.com")) ||
               str_eq_nocase(parts.host, STR("acme.example")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct str text = fuzz_str(data, size);
    struct str way = fuzz_line(&text);
    struct err err = {0};

    if (json_read(text, "a lifecycle body", &doc, &err) != ERR_OK)
        return 0;
    if (str_eq(way, STR("connect")))
        check_install(yyjson_doc_get_root(doc));
    else
        check_claims(yyjson_doc_get_root(doc));
    return 0;
}
