/*
 * json.c: reading JSON that came from outside, and the typed look-ups in it.
 *
 * The input is the text. Holds: both readers agree; what is refused is what yyjson refuses or what
 * a count of its brackets calls too deep; a look-up never gives a value of the wrong type; names
 * that stand twice are found; and what our writer makes of a document reads as the same document.
 */
#include "base/json.h"
#include "base/limits.h"
#include "fuzz.h"

/* Levels of a text that is JSON, by its brackets. */
static size_t count_depth(struct str text)
{
    size_t depth = 0, most = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (quoted && c == '\\') {
            i++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == '{' || c == '[')) {
            depth++;
            most = depth > most ? depth : most;
        } else if (!quoted && (c == '}' || c == ']')) {
            depth--;
        }
    }
    return most;
}

static struct str text_of(yyjson_val *value)
{
    return (struct str){yyjson_get_str(value), yyjson_get_len(value)};
}

static void check_number(yyjson_val *value)
{
    const int64_t untouched = 77;
    int64_t n = untouched, expected = untouched;
    bool is_number = json_to_i64(value, &n);

    if (yyjson_is_str(value))
        FUZZ_CHECK(is_number == parse_i64(text_of(value), INT64_MIN, INT64_MAX, &expected));
    else if (yyjson_is_uint(value) && yyjson_get_uint(value) <= INT64_MAX)
        expected = (int64_t)yyjson_get_uint(value);
    else if (yyjson_is_sint(value))
        expected = yyjson_get_sint(value);
    else
        FUZZ_CHECK(!is_number);
    FUZZ_CHECK(n == expected);
    FUZZ_CHECK(is_number || n == untouched);
}

/* By its name, as a caller asks for it: the first of that name. */
static void check_member(yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);
    struct str text = json_str(object, name);
    int64_t by_name = 0, by_value = 0;

    FUZZ_CHECK((text.ptr != NULL) == yyjson_is_str(value));
    FUZZ_CHECK(!text.ptr || str_eq(text, text_of(value)));
    FUZZ_CHECK(json_i64(object, name, &by_name) == json_to_i64(value, &by_value));
    FUZZ_CHECK(by_name == by_value);
    if (yyjson_is_bool(value))
        FUZZ_CHECK(json_bool(object, name, false) == json_bool(object, name, true));
    else
        FUZZ_CHECK(!json_bool(object, name, false) && json_bool(object, name, true));
}

/* What a document has that our writer does not write: see put. */
struct kinds {
    bool real, big, odd_key;
};

/* Recursion is bounded by LIMIT_JSON_DEPTH; `at` proves it. */
static void walk(yyjson_val *value, size_t at, struct kinds *kinds)
{
    yyjson_val *name, *item;
    size_t i, count;

    FUZZ_CHECK(at <= LIMIT_JSON_DEPTH);
    check_number(value);
    check_member(value, "id");
    check_member(value, "");
    kinds->real |= yyjson_is_real(value);
    kinds->big |= yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX;
    if (yyjson_is_obj(value)) {
        yyjson_obj_foreach(value, i, count, name, item)
        {
            kinds->odd_key |= strlen(yyjson_get_str(name)) != yyjson_get_len(name);
            check_member(value, yyjson_get_str(name));
            walk(item, at + 1, kinds);
        }
    } else if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, i, count, item) walk(item, at + 1, kinds);
    }
}

static void put(struct json_out *out, yyjson_val *value)
{
    yyjson_val *name, *item;
    size_t i, count;
    int64_t n = 0;

    if (yyjson_is_obj(value)) {
        json_object(out);
        yyjson_obj_foreach(value, i, count, name, item)
        {
            json_key(out, yyjson_get_str(name));
            put(out, item);
        }
        json_object_end(out);
    } else if (yyjson_is_arr(value)) {
        json_array(out);
        yyjson_arr_foreach(value, i, count, item) put(out, item);
        json_array_end(out);
    } else if (yyjson_is_str(value)) {
        json_put_str(out, text_of(value));
    } else if (yyjson_is_bool(value)) {
        json_put_bool(out, yyjson_get_bool(value));
    } else if (yyjson_is_null(value)) {
        json_put_null(out);
    } else {
        FUZZ_CHECK(json_to_i64(value, &n));
        json_put_i64(out, n);
    }
}

/* Values of a document lie in the order of the text, so two equal ones are equal one by one. */
static void check_same(yyjson_doc *a, yyjson_doc *b)
{
    size_t count = yyjson_doc_get_val_count(a);
    yyjson_val *x = yyjson_doc_get_root(a), *y = yyjson_doc_get_root(b);

    FUZZ_CHECK(count == yyjson_doc_get_val_count(b));
    for (size_t i = 0; i < count; i++, x++, y++) {
        FUZZ_CHECK(unsafe_yyjson_get_type(x) == unsafe_yyjson_get_type(y));
        if (yyjson_is_str(x))
            FUZZ_CHECK(str_eq(text_of(x), text_of(y)));
        else if (yyjson_is_ctn(x))
            FUZZ_CHECK(unsafe_yyjson_get_len(x) == unsafe_yyjson_get_len(y));
        else if (yyjson_is_int(x))
            FUZZ_CHECK(yyjson_get_uint(x) == yyjson_get_uint(y)); /* the same bits as sint */
        else if (yyjson_is_bool(x))
            FUZZ_CHECK(yyjson_get_bool(x) == yyjson_get_bool(y));
    }
}

static void check_written(yyjson_doc *doc, size_t input_bytes)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(16 * input_bytes + 64);
    AUTO(yyjson_doc_autop) yyjson_doc *again = NULL;
    struct json_out out = json_out(&text);
    struct err err = {0};

    put(&out, yyjson_doc_get_root(doc));
    FUZZ_CHECK(strbuf_check(&text, "the text", &err) == ERR_OK);
    FUZZ_CHECK(str_is_utf8(strbuf_str(&text)));
    FUZZ_CHECK(json_read(strbuf_str(&text), "the text", &again, &err) == ERR_OK);
    check_same(doc, again);
}

static enum err_class expected_class(struct str text, size_t depth)
{
    yyjson_doc *doc = yyjson_read(text.ptr, text.len, 0);

    yyjson_doc_free(doc);
    if (!doc)
        return ERR_REMOTE;
    return depth > LIMIT_JSON_DEPTH ? ERR_LIMIT : ERR_OK;
}

/* A plain way: each name's text against all that came before it. Stops at the first offence. */
static enum err_class twins(yyjson_val *value, size_t members_max)
{
    yyjson_val *name, *item, *other_name, *other;
    size_t i, count, k, other_count;

    if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, i, count,
                           item) if (twins(item, members_max) != ERR_OK) return ERR_INPUT;
        return ERR_OK;
    }
    if (!yyjson_is_obj(value))
        return ERR_OK;
    if (yyjson_obj_size(value) > members_max)
        return ERR_INPUT;
    yyjson_obj_foreach(value, i, count, name, item)
    {
        yyjson_obj_foreach(value, k, other_count, other_name, other)
        {
            if (k < i && str_eq(text_of(name), text_of(other_name)))
                return ERR_INPUT;
        }
        if (twins(item, members_max) != ERR_OK)
            return ERR_INPUT;
    }
    return ERR_OK;
}

static void check_twins(yyjson_doc *doc, size_t members_max)
{
    struct err err = {0};
    enum err_class class = json_refuse_twins(doc, members_max, "the text", &err);

    FUZZ_CHECK((class == ERR_OK) == (twins(yyjson_doc_get_root(doc), members_max) == ERR_OK));
    FUZZ_CHECK(class == ERR_OK || class == ERR_INPUT || class == ERR_LIMIT);
    if (class != ERR_OK)
        fuzz_check_error(&err, class);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    AUTO(free_autop) char *copy = calloc(1, size + YYJSON_PADDING_SIZE);
    yyjson_doc *in_place = NULL; /* freed before the bytes it stands on */
    struct str text = fuzz_str(data, size);
    struct err err = {0}, other = {0};
    struct kinds kinds = {0};
    size_t depth = count_depth(text);

    FUZZ_CHECK(copy);
    if (size > 0)
        memcpy(copy, data, size);

    enum err_class class = json_read(text, "the text", &doc, &err);

    FUZZ_CHECK(json_read_insitu(copy, size, "the text", &in_place, &other) == class);
    FUZZ_CHECK(class == expected_class(text, depth));
    if (class != ERR_OK) {
        fuzz_check_error(&err, class);
        fuzz_check_error(&other, class);
        FUZZ_CHECK(!doc && !in_place);
        return 0;
    }
    check_same(doc, in_place);
    yyjson_doc_free(in_place);
    check_twins(doc, 4);
    check_twins(doc, LIMIT_JSON_MEMBERS);
    walk(yyjson_doc_get_root(doc), 0, &kinds);
    if (!kinds.real && !kinds.big && !kinds.odd_key && depth < 32)
        check_written(doc, size);
    return 0;
}
