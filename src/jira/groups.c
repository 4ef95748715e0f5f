/* groups.c: who is in which group, and what the connection's own account may. */
#include "jira/groups.h"

#include "http/url.h"
#include "jira/answer.h"

#define PATH_BYTES 1024

enum err_class jira_user_groups(struct jira *jira, struct str account,
                                enum err_class (*each)(void *arg, struct str id, struct err *err),
                                void *arg, struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf path = STRBUF_INIT(PATH_BYTES);
    AUTO(answer_done) struct answer answer = {0};
    yyjson_val *list, *group;
    yyjson_arr_iter at;

    strbuf_add_z(&path, jira->datacenter ? "/user" : "/user/groups");
    url_add_query(&path, jira->datacenter ? "key" : "accountId", account);
    if (jira->datacenter)
        url_add_query(&path, "expand", STR("groups"));

    enum err_class rc = strbuf_check(&path, "the question for groups", err);

    if (rc == ERR_OK)
        rc = answer_get(jira, strbuf_z(&path), "the list of groups", 2, &answer, err);
    if (rc != ERR_OK)
        return rc;
    list = jira->datacenter ? yyjson_obj_get(yyjson_obj_get(answer.root, "groups"), "items")
                            : answer.root;
    if (!yyjson_is_arr(list))
        return answer_broken(jira, "the list of groups", "items", err);
    yyjson_arr_iter_init(list, &at);
    while (rc == ERR_OK && (group = yyjson_arr_iter_next(&at)) != NULL) {
        struct str id = json_str(group, jira->datacenter ? "name" : "groupId");

        if (id.len > 0)
            rc = each(arg, id, err);
    }
    return rc;
}

enum err_class jira_my_permissions(struct jira *jira, const char *const *names, bool ret[],
                                   struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf path = STRBUF_INIT(PATH_BYTES);
    AUTO(answer_done) struct answer answer = {0};
    enum err_class rc;

    strbuf_add_z(&path, "/mypermissions?permissions=");
    for (size_t i = 0; names[i]; i++)
        strbuf_addf(&path, "%s%s", i ? "," : "", names[i]);
    rc = strbuf_check(&path, "the question for permissions", err);
    if (rc == ERR_OK)
        rc = answer_get(jira, strbuf_z(&path), "Jira's mypermissions", 2, &answer, err);
    if (rc != ERR_OK)
        return rc;

    yyjson_val *permissions = yyjson_obj_get(answer.root, "permissions");

    if (!yyjson_is_obj(permissions))
        return answer_broken(jira, "Jira's mypermissions", "permissions", err);
    for (size_t i = 0; names[i]; i++)
        ret[i] = json_bool(yyjson_obj_get(permissions, names[i]), "havePermission", false);
    return ERR_OK;
}
