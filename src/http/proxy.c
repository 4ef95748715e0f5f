/* proxy.c: which proxy, if any, stands between us and a host; from the environment. */
#include "http/proxy.h"

/* The first of the two names that is set and not empty, copied. */
static bool read_one(const char *name, const char *other, char **ret)
{
    const char *value = getenv(name);

    if (other && !(value && *value))
        value = getenv(other);
    if (!(value && *value))
        return true;
    *ret = str_dup_z(str_from(value));
    return *ret;
}

enum err_class proxy_env_read(struct proxy_env *ret, struct err *err)
{
    struct proxy_env env = {0};

    if (!read_one("https_proxy", "HTTPS_PROXY", &env.https) ||
        !read_one("http_proxy", NULL, &env.http) || !read_one("all_proxy", "ALL_PROXY", &env.all) ||
        !read_one("no_proxy", "NO_PROXY", &env.none)) {
        proxy_env_done(&env);
        return err_memory(err);
    }
    *ret = env;
    return ERR_OK;
}

void proxy_env_done(struct proxy_env *env)
{
    free(env->https);
    free(env->http);
    free(env->all);
    free(env->none);
    *env = (struct proxy_env){0};
}

static bool matches(struct str host, struct str entry)
{
    if (str_eq(entry, STR("*")))
        return true;
    /* "[::1]" and "::1" are the same host. */
    if (entry.len > 2 && entry.ptr[0] == '[' && entry.ptr[entry.len - 1] == ']')
        entry = str_sub(entry, 1, entry.len - 2);
    if (entry.len > 0 && entry.ptr[0] == '.')
        entry = str_sub(entry, 1, entry.len);
    if (entry.len == 0 || entry.len > host.len)
        return false;
    if (!str_eq_nocase(str_sub(host, host.len - entry.len, entry.len), entry))
        return false;
    return entry.len == host.len || host.ptr[host.len - entry.len - 1] == '.';
}

static bool is_direct(struct str list, struct str host)
{
    /* Each turn takes at least one byte off. */
    while (list.len > 0) {
        size_t end = 0;

        while (end < list.len && list.ptr[end] != ',' && list.ptr[end] != ' ')
            end++;
        if (matches(host, str_trim(str_sub(list, 0, end))))
            return true;
        list = str_sub(list, end + 1, list.len);
    }
    return false;
}

const char *proxy_for(const struct proxy_env *env, const struct url_parts *url)
{
    const char *proxy = url->https ? env->https : env->http;

    if (!proxy)
        proxy = env->all;
    return proxy && !is_direct(str_from(env->none), url->host) ? proxy : NULL;
}
