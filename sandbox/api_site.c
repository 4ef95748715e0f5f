/* api_site.c: the site itself and the people on it. */
#include "api.h"
#include "base/civil.h"

void api_server_info(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct strbuf *out = &ex->out;

    strbuf_addf(out, "{\"baseUrl\":\"%s\",\"version\":\"%s\",\"versionNumbers\":%s,",
                site->base_url, site->datacenter ? "9.12.5" : "1001.0.0-SNAPSHOT",
                site->datacenter ? "[9,12,5]" : "[1001,0,0]");
    strbuf_addf(out,
                "\"deploymentType\":\"%s\",\"buildNumber\":%d,\"buildDate\":\"2026-05-11T02:00:00."
                "000+0000\",\"serverTime\":\"",
                site->datacenter ? "Server" : "Cloud", site->datacenter ? 9120005 : 100330);
    show_stamp(out, site_now_ms(site), 0);
    strbuf_add_z(out, "\",\"scmInfo\":\"1f51473f5c7b75c1a69a0090f4832cdc5053702a\","
                      "\"serverTitle\":\"Sandbox\"}");
}

void api_myself(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct strbuf *out = &ex->out;

    SITE_READ(site);
    const struct user *user = &site->users[api_call(ex)->user];

    show_author(out, site, api_call(ex)->user, api_call(ex)->version);
    if (out->len == 0)
        return;
    out->len--; /* the closing brace: more follows */
    if (!site->datacenter) {
        strbuf_add_z(out, ",\"emailAddress\":");
        put_json_text(out, user->email);
    }
    strbuf_add_z(out, ",\"locale\":\"en_US\",\"groups\":{\"size\":3,\"items\":[]},"
                      "\"applicationRoles\":{\"size\":1,\"items\":[]},"
                      "\"expand\":\"groups,applicationRoles\"}");
    api_call(ex)->objects = 2; /* a user costs two */
}
