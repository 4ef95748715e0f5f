/*
 * jql.c: reading and evaluating the part of JQL that clients of the sandbox use.
 *
 * A recursive descent over one token of look-ahead: or := and ("OR" and)*, and := not ("AND" not)*,
 * not := "NOT" not | "(" or ")" | clause. Depth is limited, nodes live in the caller's arena.
 */
#include "jql.h"

#include <stdarg.h>

#include "base/civil.h"

#define DEPTH_MAX 32
#define NODES_MAX 1000
#define VALUES_MAX 5000
#define TIME_MAX_MS (INT64_C(1) << 53) /* far past the calendar, far from an overflow */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_SIGN };

struct parser {
    struct arena *arena;
    struct str rest;
    const struct jql_context *context;
    char *why; /* the first sentence stays */
    enum token_kind kind;
    struct str token; /* TOKEN_TEXT: without its quotes */
    int depth, nodes;
};

static const struct {
    const char *name;
    enum jql_field field;
    bool is_time;
} fields[] = {
    {"project", JQL_PROJECT, false},
    {"issuekey", JQL_KEY, false},
    {"key", JQL_KEY, false},
    {"issue", JQL_KEY, false},
    {"id", JQL_KEY, false},
    {"issuetype", JQL_TYPE, false},
    {"type", JQL_TYPE, false},
    {"status", JQL_STATUS, false},
    {"statusCategory", JQL_STATUS_CATEGORY, false},
    {"assignee", JQL_ASSIGNEE, false},
    {"reporter", JQL_REPORTER, false},
    {"created", JQL_CREATED, true},
    {"createdDate", JQL_CREATED, true},
    {"updated", JQL_UPDATED, true},
    {"updatedDate", JQL_UPDATED, true},
    {"worklogAuthor", JQL_WORKLOG_AUTHOR, false},
    {"worklogDate", JQL_WORKLOG_DATE, true},
    {"timespent", JQL_TIME_SPENT, true}, /* seconds, by the rules of milliseconds */
    {"remainingEstimate", JQL_REMAINING, true},
    {"timeestimate", JQL_REMAINING, true},
};

static bool fail(struct parser *parser, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool fail(struct parser *parser, const char *fmt, ...)
{
    va_list args;

    if (parser->why[0])
        return false;
    va_start(args, fmt);
    (void)vsnprintf(parser->why, JQL_WHY_BYTES, fmt, args);
    va_end(args);
    return false;
}

/* ---- Tokens ---- */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80 || strchr("_-.:@/+*", c) != NULL;
}

/* From a quote to its partner; a backslash takes the next character as it is. */
static bool next_text(struct parser *parser)
{
    char quote = parser->rest.ptr[0];
    char *text = arena_alloc(parser->arena, parser->rest.len + 1);
    size_t len = 0;

    if (!text)
        return fail(parser, "out of memory");
    for (size_t i = 1; i < parser->rest.len; i++) {
        char c = parser->rest.ptr[i];

        if (c == quote) {
            parser->kind = TOKEN_TEXT;
            parser->token = (struct str){text, len};
            parser->rest = str_sub(parser->rest, i + 1, parser->rest.len);
            return true;
        }
        if (c == '\\' && i + 1 < parser->rest.len)
            c = parser->rest.ptr[++i];
        text[len++] = c;
    }
    return fail(parser, "Error in the JQL Query: The quoted string has not been completed.");
}

static bool next(struct parser *parser)
{
    static const struct str signs[] = {STR(">="), STR("<="), STR("!="), STR("!~"),
                                       STR("="),  STR(">"),  STR("<"),  STR("~"),
                                       STR("("),  STR(")"),  STR(",")};
    size_t len = 0;

    parser->rest = str_trim(parser->rest);
    if (parser->rest.len == 0) {
        parser->kind = TOKEN_END;
        parser->token = STR("");
        return true;
    }
    if (parser->rest.ptr[0] == '"' || parser->rest.ptr[0] == '\'')
        return next_text(parser);
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (!str_starts(parser->rest, signs[i]))
            continue;
        parser->kind = TOKEN_SIGN;
        parser->token = signs[i];
        parser->rest = str_sub(parser->rest, signs[i].len, parser->rest.len);
        return true;
    }
    while (len < parser->rest.len && is_word_char(parser->rest.ptr[len]))
        len++;
    if (len == 0)
        return fail(parser,
                    "Error in the JQL Query: The character '%c' is a reserved JQL character.",
                    parser->rest.ptr[0]);
    parser->kind = TOKEN_WORD;
    parser->token = str_sub(parser->rest, 0, len);
    parser->rest = str_sub(parser->rest, len, parser->rest.len);
    return true;
}

static bool at_word(const struct parser *parser, const char *word)
{
    return parser->kind == TOKEN_WORD && str_eq_nocase(parser->token, str_from(word));
}

static bool at_sign(const struct parser *parser, const char *sign)
{
    return parser->kind == TOKEN_SIGN && str_eq_z(parser->token, sign);
}

static bool skip_sign(struct parser *parser, const char *sign)
{
    if (!at_sign(parser, sign))
        return fail(parser, "Error in the JQL Query: Expecting '%s' but got '" STR_FMT "'.", sign,
                    STR_ARG(parser->token));
    return next(parser);
}

/* ---- Values ---- */

/* A word or text; EMPTY and NULL give the NULL pointer, currentUser() the caller. */
static bool parse_value(struct parser *parser, struct str *ret)
{
    bool quoted = parser->kind == TOKEN_TEXT;
    struct str value = parser->token;

    if (parser->kind != TOKEN_WORD && parser->kind != TOKEN_TEXT)
        return fail(parser, "Error in the JQL Query: Expecting a value but got '" STR_FMT "'.",
                    STR_ARG(parser->token));
    if (!next(parser))
        return false;
    if (!quoted && at_sign(parser, "(")) {
        bool user = str_eq_nocase(value, STR("currentUser"));

        if (!user && !str_eq_nocase(value, STR("now")))
            return fail(parser, "Unable to find JQL function '" STR_FMT "()'.", STR_ARG(value));
        *ret = user ? parser->context->current_user : STR("0m");
        return next(parser) && skip_sign(parser, ")");
    }
    if (!quoted && (str_eq_nocase(value, STR("EMPTY")) || str_eq_nocase(value, STR("NULL"))))
        value = (struct str){NULL, 0};
    *ret = value;
    return true;
}

/* "-15m", "2d", "1w": an offset from now. */
static bool relative_ms(struct str text, int64_t *ret_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {
        {'m', MS_PER_MINUTE}, {'h', MS_PER_HOUR}, {'d', MS_PER_DAY}, {'w', 7 * MS_PER_DAY}};
    int64_t count = 0;

    if (text.len > 0 && text.ptr[0] == '+')
        text = str_sub(text, 1, text.len);
    if (text.len < 2 || !parse_i64(str_sub(text, 0, text.len - 1), -1000000, 1000000, &count))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (text.ptr[text.len - 1] == units[i].letter) {
            *ret_ms = count * units[i].ms;
            return true;
        }
    }
    return false;
}

/* "2026-01-31", "2026/01/31 09:30", "-15m", milliseconds. *ret_day: a whole day was named. */
static bool parse_time(struct parser *parser, struct str text, int64_t *ret_ms, bool *ret_day)
{
    char plain[16 + 6]; /* "2026-01-31T09:30" and an offset */
    int64_t ms = 0;

    *ret_day = false;
    if (relative_ms(text, &ms)) {
        *ret_ms = parser->context->now_ms + ms;
        return true;
    }
    if (text.len != 10 && text.len != 16) {
        if (parse_i64(text, -TIME_MAX_MS, TIME_MAX_MS, ret_ms))
            return true;
    } else {
        memcpy(plain, text.ptr, text.len);
        if (text.len == 10)
            memcpy(plain + 10, "T00:00", 6);
        memcpy(plain + 16, "Z", 2);
        for (size_t i = 0; i < 16; i++)
            if (plain[i] == '/')
                plain[i] = '-';
        plain[10] = 'T';
        if (civil_parse_stamp(str_from(plain), &ms)) {
            *ret_ms = ms - parser->context->offset_minutes * MS_PER_MINUTE;
            *ret_day = text.len == 10;
            return true;
        }
    }
    return fail(parser,
                "Date value '" STR_FMT "' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
                "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', "
                "'4w 2d'.",
                STR_ARG(text));
}

/* ---- Clauses ---- */

static struct jql_node *new_node(struct parser *parser, enum jql_node_kind kind)
{
    struct jql_node *node = arena_alloc(parser->arena, sizeof(*node));

    if (!node) {
        (void)fail(parser, "out of memory");
        return NULL;
    }
    if (++parser->nodes > NODES_MAX) { /* also what bounds the recursion of the evaluation */
        (void)fail(parser, "Error in the JQL Query: more than %d clauses.", NODES_MAX);
        return NULL;
    }
    node->kind = kind;
    return node;
}

static bool parse_list(struct parser *parser, struct jql_node *node)
{
    size_t room = 8;

    node->values = arena_alloc(parser->arena, room * sizeof(*node->values));
    if (!skip_sign(parser, "("))
        return false;
    for (;;) {
        if (node->value_count == room) {
            struct str *more = arena_alloc(parser->arena, 2 * room * sizeof(*more));

            if (more)
                memcpy(more, node->values, room * sizeof(*more));
            node->values = more;
            room *= 2;
        }
        if (!node->values || node->value_count >= VALUES_MAX)
            return fail(parser, "Error in the JQL Query: a list has more than %d values.",
                        VALUES_MAX);
        if (!parse_value(parser, &node->values[node->value_count]))
            return false;
        node->value_count++;
        if (!at_sign(parser, ","))
            break;
        if (!next(parser))
            return false;
    }
    return skip_sign(parser, ")");
}

static bool parse_time_clause(struct parser *parser, const char *field, struct str op,
                              struct jql_node *node)
{
    static const char *const ops[] = {">=", ">", "<", "<=", "="};
    struct str value = {NULL, 0};
    int64_t ms = 0;
    bool day = false, known = false;

    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        known = known || str_eq_z(op, ops[i]);
    if (!known)
        return fail(parser, "The operator '" STR_FMT "' is not supported by the '%s' field.",
                    STR_ARG(op), field);
    if (!parse_value(parser, &value) || !parse_time(parser, value, &ms, &day))
        return false;

    /* Dates of worklogs are whole days; the other two are moments. */
    bool whole = day && node->field == JQL_WORKLOG_DATE;
    int64_t end_ms = ms + (whole ? MS_PER_DAY : 1);

    node->op = JQL_IN_RANGE;
    node->from_ms = INT64_MIN;
    node->to_ms = INT64_MAX;
    if (str_eq_z(op, ">="))
        node->from_ms = ms;
    else if (str_eq_z(op, ">"))
        node->from_ms = end_ms;
    else if (str_eq_z(op, "<"))
        node->to_ms = ms;
    else if (str_eq_z(op, "<="))
        node->to_ms = end_ms;
    else {
        node->from_ms = ms;
        node->to_ms = end_ms;
    }
    return true;
}

static bool parse_value_clause(struct parser *parser, const char *field, struct str op,
                               struct jql_node *node)
{
    if (str_eq_z(op, "=") || str_eq_z(op, "!=")) {
        node->op = str_eq_z(op, "=") ? JQL_IS : JQL_IS_NOT;
        node->values = arena_alloc(parser->arena, sizeof(*node->values));
        node->value_count = 1;
        return node->values ? parse_value(parser, node->values) : fail(parser, "out of memory");
    }
    if (str_eq_nocase(op, STR("in")) || str_eq_nocase(op, STR("not"))) {
        node->op = str_eq_nocase(op, STR("in")) ? JQL_IS : JQL_IS_NOT;
        if (node->op == JQL_IS_NOT && (!at_word(parser, "in") || !next(parser)))
            return fail(parser, "Error in the JQL Query: Expecting 'IN' after 'NOT'.");
        return parse_list(parser, node);
    }
    if (str_eq_nocase(op, STR("is"))) {
        node->op = JQL_IS;
        if (at_word(parser, "not")) {
            node->op = JQL_IS_NOT;
            if (!next(parser))
                return false;
        }
        node->values = arena_alloc(parser->arena, sizeof(*node->values));
        node->value_count = 1;
        return node->values ? parse_value(parser, node->values) : fail(parser, "out of memory");
    }
    return fail(parser, "The operator '" STR_FMT "' is not supported by the '%s' field.",
                STR_ARG(op), field);
}

static struct jql_node *parse_clause(struct parser *parser)
{
    struct jql_node *node = new_node(parser, JQL_CLAUSE);
    struct str name = parser->token, op;

    if (!node || (parser->kind != TOKEN_WORD && parser->kind != TOKEN_TEXT)) {
        (void)fail(parser, "Error in the JQL Query: Expecting a field name but got '" STR_FMT "'.",
                   STR_ARG(name));
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!str_eq_nocase(name, str_from(fields[i].name)))
            continue;
        node->field = fields[i].field;
        if (!next(parser))
            return NULL;
        op = parser->token;
        if (parser->kind == TOKEN_END || parser->kind == TOKEN_TEXT) {
            (void)fail(parser, "Error in the JQL Query: Expecting an operator after '%s'.",
                       fields[i].name);
            return NULL;
        }
        if (!next(parser))
            return NULL;
        return (fields[i].is_time && !str_eq_nocase(op, STR("is"))
                    ? parse_time_clause(parser, fields[i].name, op, node)
                    : parse_value_clause(parser, fields[i].name, op, node))
                   ? node
                   : NULL;
    }
    (void)fail(parser,
               "Field '" STR_FMT "' does not exist or you do not have permission to view it.",
               STR_ARG(name));
    return NULL;
}

static struct jql_node *parse_or(struct parser *parser);

static struct jql_node *parse_not(struct parser *parser)
{
    struct jql_node *node = NULL;

    if (++parser->depth > DEPTH_MAX) {
        (void)fail(parser, "Error in the JQL Query: nested deeper than %d levels.", DEPTH_MAX);
        return NULL;
    }
    if (at_word(parser, "not")) {
        node = new_node(parser, JQL_NOT);
        if (node && next(parser))
            node->left = parse_not(parser);
        node = node && node->left ? node : NULL;
    } else if (at_sign(parser, "(")) {
        node = next(parser) ? parse_or(parser) : NULL;
        if (node && !skip_sign(parser, ")"))
            node = NULL;
    } else {
        node = parse_clause(parser);
    }
    parser->depth--;
    return node;
}

/* One or more of `part`, joined by the word. */
static struct jql_node *parse_joined(struct parser *parser, const char *word,
                                     enum jql_node_kind kind,
                                     struct jql_node *(*part)(struct parser *parser))
{
    struct jql_node *left = part(parser);

    while (left && at_word(parser, word)) {
        struct jql_node *node = new_node(parser, kind);

        if (!node || !next(parser))
            return NULL;
        node->left = left;
        node->right = part(parser);
        left = node->right ? node : NULL;
    }
    return left;
}

static struct jql_node *parse_and(struct parser *parser)
{
    return parse_joined(parser, "and", JQL_AND, parse_not);
}

static struct jql_node *parse_or(struct parser *parser)
{
    return parse_joined(parser, "or", JQL_OR, parse_and);
}

static bool parse_order(struct parser *parser, struct jql *ret)
{
    if (!next(parser) || !at_word(parser, "by") || !next(parser))
        return fail(parser, "Error in the JQL Query: Expecting 'BY' after 'ORDER'.");
    for (;;) {
        if (ret->order_count == JQL_ORDER_MAX)
            return fail(parser, "The JQL query orders by more than %d fields.", JQL_ORDER_MAX);
        if (parser->kind != TOKEN_WORD && parser->kind != TOKEN_TEXT)
            return fail(parser, "Error in the JQL Query: Expecting a field to order by.");
        ret->order[ret->order_count].field = JQL_OTHER;
        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
            if (str_eq_nocase(parser->token, str_from(fields[i].name)))
                ret->order[ret->order_count].field = fields[i].field;
        if (!next(parser))
            return false;
        ret->order[ret->order_count].descending = at_word(parser, "desc");
        if ((at_word(parser, "desc") || at_word(parser, "asc")) && !next(parser))
            return false;
        ret->order_count++;
        if (!at_sign(parser, ","))
            return true;
        if (!next(parser))
            return false;
    }
}

bool jql_parse(struct arena *arena, struct str text, const struct jql_context *context,
               struct jql *ret, char why[JQL_WHY_BYTES])
{
    struct parser parser = {.arena = arena, .rest = text, .context = context, .why = why};

    *ret = (struct jql){.root = NULL};
    why[0] = '\0';
    if (!next(&parser))
        return false;
    if (parser.kind != TOKEN_END && !at_word(&parser, "order")) {
        ret->root = parse_or(&parser);
        if (!ret->root)
            return fail(&parser, "Error in the JQL Query.");
    }
    if (at_word(&parser, "order") && !parse_order(&parser, ret))
        return false;
    if (parser.kind != TOKEN_END)
        return fail(&parser,
                    "Error in the JQL Query: Expecting either 'OR' or 'AND' but got '" STR_FMT "'.",
                    STR_ARG(parser.token));
    return true;
}

/* ---- Evaluation ---- */

static bool clause_matches(const struct jql_node *node, const struct jql_subject *subject)
{
    if (node->op == JQL_IN_RANGE)
        return subject->in_range(subject->arg, node->field, node->from_ms, node->to_ms);
    for (size_t i = 0; i < node->value_count; i++)
        if (subject->is(subject->arg, node->field, node->values[i]))
            return node->op == JQL_IS;
    /* What is empty is not "not" something either. */
    return node->op == JQL_IS_NOT && !subject->is(subject->arg, node->field, (struct str){NULL, 0});
}

static bool node_matches(const struct jql_node *node, const struct jql_subject *subject)
{
    switch (node->kind) {
    case JQL_AND:
        return node_matches(node->left, subject) && node_matches(node->right, subject);
    case JQL_OR:
        return node_matches(node->left, subject) || node_matches(node->right, subject);
    case JQL_NOT:
        return !node_matches(node->left, subject);
    case JQL_CLAUSE:
        return clause_matches(node, subject);
    }
    return false;
}

bool jql_matches(const struct jql *jql, const struct jql_subject *subject)
{
    return !jql->root || node_matches(jql->root, subject);
}
