/*
 * adf.c: Atlassian Document Format to plain text.
 *
 * The mirror keeps what a person can search and read, not the layout. The walk recurses; depth is
 * bounded by LIMIT_JSON_DEPTH, which the reader of the document has enforced.
 */
#include "jira/jira.h"

/* Nodes after which a line ends. */
static bool is_block(struct str type)
{
    static const struct str blocks[] = {
        {"paragraph", 9}, {"heading", 7},       {"codeBlock", 9}, {"blockquote", 10},
        {"listItem", 8},  {"taskItem", 8},      {"panel", 5},     {"tableRow", 8},
        {"rule", 4},      {"decisionItem", 12}, {"expand", 6},    {"mediaSingle", 11},
    };

    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        if (type.len == blocks[i].len && str_eq(type, blocks[i]))
            return true;
    return false;
}

static void end_line(struct strbuf *ret)
{
    if (ret->len > 0 && ret->ptr[ret->len - 1] != '\n')
        strbuf_add_char(ret, '\n');
}

static void add_leaf(yyjson_val *node, struct str type, struct strbuf *ret)
{
    yyjson_val *attrs = yyjson_obj_get(node, "attrs");

    if (str_eq_z(type, "hardBreak")) {
        strbuf_add_char(ret, '\n');
    } else if (str_eq_z(type, "inlineCard") || str_eq_z(type, "blockCard")) {
        strbuf_add_str(ret, json_str(attrs, "url"));
    } else {
        struct str text = json_str(attrs, "text"); /* mention, emoji, status, date … */

        if (!text.ptr)
            text = json_str(attrs, "shortName");
        strbuf_add_str(ret, text);
    }
}

static void add_node(yyjson_val *node, struct strbuf *ret)
{
    struct str type = json_str(node, "type");

    if (str_eq(type, STR("text"))) { /* by far the most */
        strbuf_add_str(ret, json_str(node, "text"));
        return;
    }

    yyjson_val *content = yyjson_obj_get(node, "content");
    size_t at, count;
    yyjson_val *child;

    if (!content) {
        add_leaf(node, type, ret);
    } else {
        yyjson_arr_foreach(content, at, count, child) add_node(child, ret);
    }
    if (is_block(type))
        end_line(ret);
}

void jira_text(yyjson_val *value, struct strbuf *ret)
{
    if (yyjson_is_str(value))
        strbuf_add(ret, yyjson_get_str(value), yyjson_get_len(value));
    else if (yyjson_is_obj(value))
        add_node(value, ret);
    while (ret->len > 0 && ret->ptr[ret->len - 1] == '\n')
        ret->ptr[--ret->len] = '\0';
}
