/*
 * comment.c: comments out of a seed, and ADF to text and back.
 *
 * A generated comment is a short list of tokens (words, breaks, a mention, an emoji, a link); three
 * writers turn the same tokens into ADF, wiki text and plain text, so the forms cannot disagree.
 */
#include "comment.h"

#include <assert.h>

uint64_t mix64(uint64_t seed, uint64_t n)
{
    /* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
    uint64_t z = seed + (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void put_json_text(struct strbuf *buf, struct str text)
{
    static const char hex[] = "0123456789abcdef";
    struct json_out json = json_out(buf);
    size_t plain = 0;

    if (!str_is_utf8(text)) { /* from outside: a file's name, a recorded text */
        json_put_str(&json, text);
        return;
    }
    strbuf_add_char(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        strbuf_add(buf, text.ptr + plain, i - plain);
        plain = i + 1;
        if (c == '\n') {
            strbuf_add(buf, "\\n", 2);
        } else if (c >= 0x20) {
            strbuf_add_char(buf, '\\');
            strbuf_add_char(buf, (char)c);
        } else {
            char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

            strbuf_add(buf, escape, sizeof(escape));
        }
    }
    if (text.len > 0)
        strbuf_add(buf, text.ptr + plain, text.len - plain);
    strbuf_add_char(buf, '"');
}

/* ---- Tokens ---- */

enum token_kind {
    TOKEN_TEXT,
    TOKEN_BREAK,
    TOKEN_PARAGRAPH,
    TOKEN_MENTION,
    TOKEN_EMOJI,
    TOKEN_LINK
};

struct token {
    enum token_kind kind;
    struct str text; /* TOKEN_TEXT, TOKEN_LINK */
    uint64_t number; /* TOKEN_MENTION: who; TOKEN_EMOJI: which */
};

#define TOKENS_MAX 16
#define TEXT_ROOM 1024

struct tokens {
    struct token items[TOKENS_MAX];
    size_t count;
    char room[TEXT_ROOM];
    size_t used;
};

static const struct emoji {
    const char *short_name, *id, *text; /* text NULL: a site's own emoji has none */
} emojis[] = {
    {":tada:", "1f389", "🎉"},
    {":coffee:", "2615", "☕"},
    {":bug:", "1f41b", "🐛"},
    {":man_technologist:", "1f468-200d-1f4bb", "👨‍💻"},
    {":acme-parrot:", "7c6b8c1a-5d5e-4f0e-9a52-0f6f7b4a7d11", NULL},
};

static const struct str words[] = {
    STR("reviewed"), STR("the"),         STR("login"),       STR("page"),          STR("fixed"),
    STR("a"),        STR("race"),        STR("in"),          STR("export"),        STR("with"),
    STR("customer"), STR("call"),        STR("about"),       STR("invoices"),      STR("wrote"),
    STR("tests"),    STR("for"),         STR("migration"),   STR("and"),           STR("deployed"),
    STR("to"),       STR("staging"),     STR("Besprechung"), STR("Überprüfung"),   STR("größere"),
    STR("Änderung"), STR("réunion"),     STR("déploiement"), STR("会议"),          STR("修复"),
    STR("отчёт"),    STR("\"quoted\""),  STR("C:\\temp"),    STR("<b>"),           STR("&"),
    STR("100%"),     STR("refactoring"), STR("of"),          STR("search"),        STR("index"),
    STR("pairing"),  STR("on"),          STR("sprint"),      STR("planning"),      STR("backlog"),
    STR("support"),  STR("ticket"),      STR("analysis"),    STR("root"),          STR("cause"),
    STR("API"),      STR("rate"),        STR("limits"),      STR("documentation"), STR("design"),
    STR("workshop"), STR("estimate"),    STR("follow-up"),   STR("release"),       STR("notes"),
};

static struct token *add_token(struct tokens *tokens, enum token_kind kind)
{
    assert(tokens->count < TOKENS_MAX);

    struct token *token = &tokens->items[tokens->count++];

    *token = (struct token){.kind = kind};
    return token;
}

static void add_words(struct tokens *tokens, uint64_t seed, size_t count)
{
    struct token *token = add_token(tokens, TOKEN_TEXT);
    size_t start = tokens->used;
    uint64_t roll = 0;

    for (size_t i = 0; i < count; i++) {
        if (i % 8 == 0)
            roll = mix64(seed, i); /* 8 bits a word */

        struct str word = words[(roll & 255) % ARRAY_LEN(words)];

        roll >>= 8;
        if (tokens->used + word.len + 1 > TEXT_ROOM)
            break;
        if (i > 0)
            tokens->room[tokens->used++] = ' ';
        memcpy(tokens->room + tokens->used, word.ptr, word.len);
        tokens->used += word.len;
    }
    token->text = (struct str){tokens->room + start, tokens->used - start};
}

static void make_tokens(uint64_t seed, struct tokens *ret)
{
    uint64_t roll = mix64(seed, 1000);
    size_t count = 3 + (roll >> 8) % 14;

    ret->count = 0;
    ret->used = 0;
    add_words(ret, seed, count);
    switch (roll % 16) {
    case 0: /* several paragraphs */
        add_token(ret, TOKEN_PARAGRAPH);
        add_words(ret, seed ^ 1, 12);
        add_token(ret, TOKEN_PARAGRAPH);
        add_words(ret, seed ^ 2, 5);
        break;
    case 1:
        add_token(ret, TOKEN_BREAK);
        add_words(ret, seed ^ 3, 6);
        break;
    case 2:
        add_token(ret, TOKEN_EMOJI)->number = roll >> 16;
        break;
    case 3:
        add_token(ret, TOKEN_MENTION)->number = roll >> 16;
        add_words(ret, seed ^ 4, 3);
        break;
    case 4:
        add_token(ret, TOKEN_LINK)->text = STR("https://wiki.example.com/x/AbC-12?page=3&v=2");
        break;
    default:
        break;
    }
}

/* ---- Writers ---- */

static void put_node_adf(struct strbuf *buf, const struct token *token,
                         const struct comment_people *people)
{
    const struct emoji *emoji = &emojis[token->number % ARRAY_LEN(emojis)];
    struct strbuf at AUTO(strbuf_done) = STRBUF_INIT(COMMENT_BYTES_MAX);
    struct mention mention;

    switch (token->kind) {
    case TOKEN_TEXT:
        strbuf_add_str(buf, STR("{\"type\":\"text\",\"text\":"));
        put_json_text(buf, token->text);
        strbuf_add_char(buf, '}');
        break;
    case TOKEN_BREAK:
        strbuf_add_str(buf, STR("{\"type\":\"hardBreak\"}"));
        break;
    case TOKEN_MENTION:
        mention = people->get(people->arg, token->number);
        strbuf_add_str(buf, STR("{\"type\":\"mention\",\"attrs\":{\"id\":"));
        put_json_text(buf, mention.account_id);
        strbuf_add_char(&at, '@');
        strbuf_add_str(&at, mention.display);
        strbuf_add_str(buf, STR(",\"text\":"));
        put_json_text(buf, strbuf_str(&at));
        strbuf_add_str(buf, STR(",\"accessLevel\":\"\"}}"));
        break;
    case TOKEN_EMOJI:
        strbuf_addf(buf, "{\"type\":\"emoji\",\"attrs\":{\"shortName\":\"%s\",\"id\":\"%s\"",
                    emoji->short_name, emoji->id);
        if (emoji->text)
            strbuf_addf(buf, ",\"text\":\"%s\"", emoji->text);
        strbuf_add_str(buf, STR("}}"));
        break;
    case TOKEN_LINK:
        strbuf_add_str(buf, STR("{\"type\":\"inlineCard\",\"attrs\":{\"url\":"));
        put_json_text(buf, token->text);
        strbuf_add_str(buf, STR("}}"));
        break;
    case TOKEN_PARAGRAPH:
        break; /* the caller's */
    }
}

void comment_put_adf(struct strbuf *buf, uint64_t seed, const struct comment_people *people)
{
    struct tokens tokens;
    bool first = true;

    make_tokens(seed, &tokens);
    strbuf_add_str(buf, STR("{\"version\":1,\"type\":\"doc\",\"content\":["
                            "{\"type\":\"paragraph\",\"content\":["));
    for (size_t i = 0; i < tokens.count; i++) {
        if (tokens.items[i].kind == TOKEN_PARAGRAPH) {
            strbuf_add_str(buf, STR("]},{\"type\":\"paragraph\",\"content\":["));
            first = true;
            continue;
        }
        if (!first)
            strbuf_add_char(buf, ',');
        first = false;
        put_node_adf(buf, &tokens.items[i], people);
    }
    strbuf_add_str(buf, STR("]}]}"));
}

static void put_tokens(struct strbuf *buf, uint64_t seed, const struct comment_people *people,
                       bool wiki)
{
    struct tokens tokens;

    make_tokens(seed, &tokens);
    for (size_t i = 0; i < tokens.count; i++) {
        const struct token *token = &tokens.items[i];
        const struct emoji *emoji = &emojis[token->number % ARRAY_LEN(emojis)];
        struct mention mention;

        switch (token->kind) {
        case TOKEN_TEXT:
            strbuf_add_str(buf, token->text);
            break;
        case TOKEN_BREAK:
            strbuf_add_char(buf, '\n');
            break;
        case TOKEN_PARAGRAPH:
            strbuf_add_z(buf, wiki ? "\n\n" : "\n");
            break;
        case TOKEN_MENTION:
            mention = people->get(people->arg, token->number);
            if (!wiki)
                strbuf_addf(buf, "@" STR_FMT, STR_ARG(mention.display));
            else if (people->datacenter)
                strbuf_addf(buf, "[~" STR_FMT "]", STR_ARG(mention.name));
            else
                strbuf_addf(buf, "[~accountid:" STR_FMT "]", STR_ARG(mention.account_id));
            break;
        case TOKEN_EMOJI:
            strbuf_add_z(buf, emoji->text ? emoji->text : emoji->short_name);
            break;
        case TOKEN_LINK:
            strbuf_add_str(buf, token->text);
            break;
        }
    }
}

void comment_put_wiki_json(struct strbuf *buf, uint64_t seed, const struct comment_people *people)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(COMMENT_BYTES_MAX);

    put_tokens(&text, seed, people, true);
    put_json_text(buf, strbuf_str(&text));
}

void comment_put_plain(struct strbuf *buf, uint64_t seed, const struct comment_people *people)
{
    put_tokens(buf, seed, people, people->datacenter);
}

/* ---- Documents from outside ---- */

bool adf_is_document(yyjson_val *value)
{
    int64_t version = 0;

    return yyjson_is_obj(value) && str_eq_z(json_str(value, "type"), "doc") &&
           json_i64(value, "version", &version) && version == 1 &&
           yyjson_is_arr(yyjson_obj_get(value, "content"));
}

static bool is_inline(struct str type)
{
    static const char *const names[] = {"text",       "hardBreak", "mention", "emoji",
                                        "inlineCard", "status",    "date",    "inlineExtension"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_z(type, names[i]))
            return true;
    return false;
}

static void put_inline(struct strbuf *buf, yyjson_val *node, struct str type)
{
    yyjson_val *attrs = yyjson_obj_get(node, "attrs");
    struct str text = json_str(attrs, "text");

    if (str_eq_z(type, "text"))
        strbuf_add_str(buf, json_str(node, "text"));
    else if (str_eq_z(type, "hardBreak"))
        strbuf_add_char(buf, '\n');
    else if (str_eq_z(type, "emoji") && !text.ptr)
        strbuf_add_str(buf, json_str(attrs, "shortName"));
    else if (str_eq_z(type, "inlineCard"))
        strbuf_add_str(buf, json_str(attrs, "url"));
    else
        strbuf_add_str(buf, text);
}

/* json_read has limited the depth, so the recursion is bounded by LIMIT_JSON_DEPTH. */
static void put_block(struct strbuf *buf, yyjson_val *block)
{
    yyjson_val *node;
    yyjson_arr_iter iter;
    bool first = true;

    yyjson_arr_iter_init(yyjson_obj_get(block, "content"), &iter);
    while ((node = yyjson_arr_iter_next(&iter))) {
        struct str type = json_str(node, "type");

        if (is_inline(type)) {
            put_inline(buf, node, type);
        } else {
            if (!first)
                strbuf_add_char(buf, '\n');
            put_block(buf, node);
        }
        first = false;
    }
}

void adf_put_plain(struct strbuf *buf, yyjson_val *document)
{
    size_t start = buf->len;

    put_block(buf, document);
    while (buf->failed == ERR_OK && buf->len > start && buf->ptr[buf->len - 1] == '\n')
        buf->ptr[--buf->len] = '\0';
}

void adf_put_from_text(struct strbuf *buf, struct str text)
{
    bool first = true, more = text.len > 0;

    strbuf_add_str(buf, STR("{\"version\":1,\"type\":\"doc\",\"content\":["));
    if (more)
        strbuf_add_str(buf, STR("{\"type\":\"paragraph\",\"content\":["));
    while (more) {
        struct str rest = {NULL, 0};
        struct str line = str_cut(text, '\n', &rest);

        more = line.len < text.len;
        text = rest;
        if (line.len > 0) {
            strbuf_add_z(buf, first ? "" : ",");
            strbuf_add_str(buf, STR("{\"type\":\"text\",\"text\":"));
            put_json_text(buf, line);
            strbuf_add_char(buf, '}');
            first = false;
        }
        if (more) {
            strbuf_add_z(buf, first ? "" : ",");
            strbuf_add_str(buf, STR("{\"type\":\"hardBreak\"}"));
            first = false;
        }
        if (text.len == 0 && more)
            more = false;
    }
    strbuf_add_z(buf, first ? "]}" : "]}]}");
}
