/*
 * Tests of s3.c and its parts: what goes over the wire for which name, what is believed of the
 * answers and what is not, and which failures are tried again. The storage is played by the test.
 */
/* Its headers use names that base/banned.h poisons, so they come first. */
#include <openssl/evp.h>

#include "custody/s3.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/fake_net.h"
#include "../../tests/lib/scratch.h"
#include "base/disk_stream.h"

#define PART ((int64_t)S3_PART_BYTES)
#define SECRET "secret-planted"
#define PAGES_MAX 4
#define ROOM ((size_t)64 * 1024 * 1024)

struct fixture {
    struct fake_ctx fake;
    struct fake_net net;
    struct scratch scratch;
    struct s3 s3;
    struct err err;
    struct strbuf listed; /* "key bytes\n" */
    unsigned steps, step_stops_at;
    /* The storage: one object */
    struct strbuf object;
    bool there;
    char etag[80], range[80];
    struct strbuf upload; /* the order to put parts together */
    /* How it misbehaves */
    unsigned calls, fail_from, fail_count; /* the requests, from 1, that fail */
    int fail_status;
    const char *fail_body;
    const char *other_etag;  /* said of whatever is there */
    bool loses, flips, cuts; /* has nothing; has other bytes; gives less than it says */
    bool whole;              /* answers 200 to a range */
    bool shifts;             /* gives another range than was asked for */
    int64_t says_bytes;      /* of the size; 0: the truth */
    const char *complete;    /* answered to the order; NULL: the right thing */
    const char *pages[PAGES_MAX];
    size_t page;
    bool endless; /* lists */
};

static void ok(const struct fixture *f, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), f->err.msg);
}

/* Refused with that class; the sentence says what is looked for, and no secret. */
static void refused(const struct fixture *f, enum err_class rc, enum err_class wanted,
                    const char *says)
{
    if (rc != wanted || !strstr(f->err.msg, says))
        fail_msg("%s instead of %s, and \"%s\" in: %s", err_class_name(rc), err_class_name(wanted),
                 says, f->err.msg);
    assert_null(strstr(f->err.msg, SECRET));
}

/* ---- The storage ---- */

static const char *header_of(const struct net_request *request, const char *name)
{
    for (size_t i = 0; i < NET_HEADERS_MAX && request->headers[i].name; i++)
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

/* What signature version 4 wants of each: names and values encoded, sorted, a '=' in each pair. */
static void assert_canonical(const char *path)
{
    struct str query, last = {NULL, 0};
    struct str name = str_cut(str_from(path), '?', &query);

    for (size_t i = 0; path[i]; i++)
        assert_true(path[i] > ' ' && path[i] < 0x7f &&
                    ((i > name.len && path[i] == '&') || !strchr("+\"<>&'()*:@,;$!#", path[i])));
    while (query.len > 0) {
        struct str pair = str_cut(query, '&', &query);
        size_t at = 0;

        assert_true(str_find(pair, '=', &at));
        assert_true(last.len == 0 || str_cmp(last, str_sub(pair, 0, at)) < 0);
        last = str_sub(pair, 0, at);
    }
}

static void assert_signed(const struct fixture *f, const struct net_request *request)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof(hash) + 1];
    const char *said = header_of(request, "x-amz-content-sha256");

    (void)f;
    (void)crypto_hash_sha256(hash, (const unsigned char *)request->body.ptr, request->body.len);
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    assert_non_null(said);
    assert_string_equal(said, hex);
    assert_string_equal(request->aws_sigv4, "aws:amz:eu-test-1:s3");
    assert_string_equal(request->aws_login, "key-id:" SECRET);
    assert_null(request->authorization);
    assert_false(request->allow_http);
    assert_false(request->allow_private);
}

static void set_etag(struct fixture *f, struct str bytes)
{
    unsigned char sum[16];
    char hex[40];

    assert_int_equal(EVP_Digest(bytes.ptr, bytes.len, sum, NULL, EVP_md5(), NULL), 1);
    (void)sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
    (void)snprintf(f->etag, sizeof(f->etag), "ETag: \"%s\"", hex);
}

static void give_range(struct fixture *f, const struct net_request *request,
                       struct fake_answer *answer)
{
    struct str rest, text = str_from(header_of(request, "Range"));
    int64_t from = 0, to = 0;
    int64_t bytes = f->says_bytes ? f->says_bytes : (int64_t)f->object.len;

    if (!f->there || f->loses) {
        answer->status = 404;
        return;
    }
    assert_true(str_starts(text, STR("bytes=")));
    text = str_cut(str_sub(text, 6, text.len), '-', &rest);
    assert_true(parse_i64(text, 0, INT64_MAX, &from) && parse_i64(rest, from, INT64_MAX, &to));
    if (to >= (int64_t)f->object.len)
        to = (int64_t)f->object.len - 1;
    strbuf_add(&answer->body, f->object.ptr + from, (size_t)(to - from + 1));
    if (f->flips)
        answer->body.ptr[answer->body.len - 1] ^= 1;
    if (f->cuts)
        answer->body.len--;
    if (f->shifts)
        from++, to++;
    (void)snprintf(f->range, sizeof(f->range), "Content-Range: bytes %lld-%lld/%lld",
                   (long long)from, (long long)to, (long long)bytes);
    answer->status = f->whole ? 200 : 206;
    answer->headers[0] = f->range;
    answer->headers[1] = f->other_etag ? f->other_etag : f->etag;
}

static void give_page(struct fixture *f, struct fake_answer *answer)
{
    if (f->endless)
        strbuf_addf(&answer->body,
                    "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%u"
                    "</NextContinuationToken></ListBucketResult>",
                    f->calls);
    else
        strbuf_add_z(&answer->body, f->pages[f->page++]);
}

/* Parts are numbered from 1, in their order. */
static void take_part(struct fixture *f, const struct net_request *request,
                      struct fake_answer *answer)
{
    strbuf_add_str(&f->object, request->body);
    set_etag(f, request->body);
    answer->headers[0] = f->etag;
}

static void put_together(struct fixture *f, const struct net_request *request,
                         struct fake_answer *answer)
{
    strbuf_add_str(&f->upload, request->body);
    strbuf_add_z(&answer->body, f->complete ? f->complete : "<CompleteMultipartUploadResult/>");
    f->there = true;
    (void)snprintf(f->etag, sizeof(f->etag), "ETag: \"not-an-md5-%zu\"", f->object.len);
}

static void storage(void *arg, const struct net_request *request, const char *path,
                    struct fake_answer *answer)
{
    struct fixture *f = arg;

    assert_canonical(path);
    assert_signed(f, request);
    f->calls++;
    if (f->fail_from > 0 && f->calls >= f->fail_from && f->calls < f->fail_from + f->fail_count) {
        answer->status = f->fail_status;
        strbuf_add_z(&answer->body, f->fail_body ? f->fail_body : "");
        return;
    }
    if (strstr(path, "list-type="))
        give_page(f, answer);
    else if (strstr(path, "?uploads="))
        strbuf_add_z(&answer->body, "<R><UploadId>a&amp;b/+</UploadId></R>");
    else if (strstr(path, "partNumber="))
        take_part(f, request, answer);
    else if (request->method == HTTP_POST)
        put_together(f, request, answer);
    else if (request->method == HTTP_PUT) {
        f->there = true;
        take_part(f, request, answer);
    } else if (request->method == HTTP_GET)
        give_range(f, request, answer);
    else
        answer->status = 204;
}

/* ---- The fixture ---- */

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    fake_ctx_init(&f->fake, 7);
    fake_net_init(&f->net, storage, f);
    fake_net_install(&f->net, &f->fake.ctx);
    scratch_begin(&f->scratch);
    f->object = STRBUF_INIT(ROOM);
    f->upload = STRBUF_INIT(ROOM);
    f->listed = STRBUF_INIT(ROOM);
    f->s3 = (struct s3){.ctx = &f->fake.ctx,
                        .endpoint = "https://s3.example",
                        .region = "eu-test-1",
                        .bucket = "backups",
                        .prefix = "tenon/",
                        .key_id = "key-id",
                        .secret = SECRET};
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    fake_net_done(&f->net);
    scratch_end(&f->scratch);
    strbuf_done(&f->object);
    strbuf_done(&f->upload);
    strbuf_done(&f->listed);
    fake_ctx_done(&f->fake);
    free(f);
    return 0;
}

static const char *make_file(struct fixture *f, size_t len)
{
    AUTO(strbuf_done) struct strbuf bytes = STRBUF_INIT(ROOM);
    const char *path = scratch_path(&f->scratch, "file");

    for (size_t i = 0; i < len; i++)
        strbuf_add_char(&bytes, (char)(i * 131 >> 3));
    scratch_write(path, strbuf_str(&bytes));
    return path;
}

static enum err_class put(struct fixture *f, size_t len, const char *key)
{
    const char *path = make_file(f, len);

    strbuf_reset(&f->object);
    f->there = false;
    f->calls = 0;
    f->err = (struct err){0};
    return s3_put(&f->s3, path, key, &f->err);
}

static enum err_class get(struct fixture *f)
{
    f->calls = 0;
    f->err = (struct err){0};
    return s3_get(&f->s3, "t1/a.tenon", scratch_path(&f->scratch, "back"), &f->err);
}

static void seen(const struct fixture *f, const char *wanted)
{
    assert_string_equal(strbuf_z(&f->net.seen), wanted);
}

static enum err_class note(void *arg, const char *key, int64_t bytes, struct err *err)
{
    struct fixture *f = arg;

    if (strcmp(key, "stop") == 0)
        return err_set(err, ERR_CONFLICT, "the test stops");
    strbuf_addf(&f->listed, "%s %lld\n", key, (long long)bytes);
    return ERR_OK;
}

static enum err_class list(struct fixture *f, const char *under)
{
    f->calls = 0;
    f->page = 0;
    f->err = (struct err){0};
    strbuf_reset(&f->listed);
    return s3_list(&f->s3, under, note, f, &f->err);
}

static enum err_class step(void *arg, struct err *err)
{
    struct fixture *f = arg;

    return ++f->steps == f->step_stops_at ? err_set(err, ERR_CANCELLED, "the test stops") : ERR_OK;
}

/* ---- Putting ---- */

static void a_file_is_put_whole_and_looked_at(void **state)
{
    struct fixture *f = *state;

    ok(f, put(f, 1000, "t1/a.tenon"));
    seen(f, "PUT /backups/tenon/t1/a.tenon\nGET /backups/tenon/t1/a.tenon\n");
    assert_string_equal(f->range, "Content-Range: bytes 0-63/1000");
}

static void names_are_encoded_as_the_signature_wants(void **state)
{
    struct fixture *f = *state;

    f->s3.bucket = "back.ups";
    f->s3.prefix = "our own/\xc3\xb6+&=?#/";
    ok(f, put(f, 100, "t 1/100%~(a)*'\"<b>.tenon"));
    seen(f, "PUT /back.ups/our%20own/%C3%B6%2B%26%3D%3F%23/"
            "t%201/100%25~%28a%29%2A%27%22%3Cb%3E.tenon\n"
            "GET /back.ups/our%20own/%C3%B6%2B%26%3D%3F%23/"
            "t%201/100%25~%28a%29%2A%27%22%3Cb%3E.tenon\n");
    f->pages[0] = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    strbuf_reset(&f->net.seen);
    ok(f, list(f, "t 1/"));
    seen(f, "GET /back.ups?list-type=2&max-keys=1000&"
            "prefix=our%20own%2F%C3%B6%2B%26%3D%3F%23%2Ft%201%2F\n");
}

static void a_large_file_goes_in_parts(void **state)
{
    struct fixture *f = *state;

    ok(f, put(f, 2 * S3_PART_BYTES + 5, "t1/a.tenon"));
    assert_int_equal(f->object.len, 2 * PART + 5);
    /* The id is decoded from its XML; the ETag was unknown, so all was read back. */
    seen(f, "POST /backups/tenon/t1/a.tenon?uploads=\n"
            "PUT /backups/tenon/t1/a.tenon?partNumber=1&uploadId=a%26b%2F%2B\n"
            "PUT /backups/tenon/t1/a.tenon?partNumber=2&uploadId=a%26b%2F%2B\n"
            "PUT /backups/tenon/t1/a.tenon?partNumber=3&uploadId=a%26b%2F%2B\n"
            "POST /backups/tenon/t1/a.tenon?uploadId=a%26b%2F%2B\n"
            "GET /backups/tenon/t1/a.tenon\nGET /backups/tenon/t1/a.tenon\n"
            "GET /backups/tenon/t1/a.tenon\nGET /backups/tenon/t1/a.tenon\n");
    assert_true(str_starts(strbuf_str(&f->upload), STR("<CompleteMultipartUpload><Part>"
                                                       "<PartNumber>1</PartNumber><ETag>&quot;")));
    assert_true(str_ends(strbuf_str(&f->upload), STR("</Part></CompleteMultipartUpload>")));
}

static void what_began_in_parts_and_failed_is_cleared_away(void **state)
{
    static const struct {
        unsigned at;
        int status;
        const char *complete;
        enum err_class rc;
    } cases[] = {
        {2, 403, NULL, ERR_FORBIDDEN},
        {3, 507, NULL, ERR_SPACE},
        {4, 400, NULL, ERR_REMOTE},
        {0, 0, "<Error><Code>InternalError</Code></Error>", ERR_NETWORK},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f->fail_from = cases[i].at;
        f->fail_count = 1;
        f->fail_status = cases[i].status;
        f->complete = cases[i].complete;
        strbuf_reset(&f->net.seen);
        refused(f, put(f, S3_PART_BYTES + 5, "k"), cases[i].rc, "https://s3.example answers");
        assert_true(str_ends(strbuf_str(&f->net.seen),
                             STR("DELETE /backups/tenon/k?uploadId=a%26b%2F%2B\n")));
    }
}

static void a_yes_is_not_believed(void **state)
{
    struct fixture *f = *state;

    f->loses = true;
    refused(f, put(f, 1000, "k"), ERR_CORRUPT, "what it has is nothing");
    f->loses = false;
    f->says_bytes = 999;
    refused(f, put(f, 1000, "k"), ERR_CORRUPT, "of another size");
    f->says_bytes = 0;
    f->other_etag = "ETag: \"0123\"";
    ok(f, put(f, 1000, "k")); /* it encrypts by itself: so all was read back */
    assert_int_equal(f->calls, 3);
    f->flips = true;
    refused(f, put(f, 1000, "k"), ERR_CORRUPT, "something else");
    f->flips = false;
    f->other_etag = "X: no ETag at all";
    ok(f, put(f, 1000, "k"));
    f->other_etag = NULL;
    f->whole = true;
    refused(f, put(f, 1000, "k"), ERR_REMOTE, "does not give");
}

static void an_upload_without_an_id_is_none(void **state)
{
    struct fixture *f = *state;

    f->fail_from = f->fail_count = 1;
    f->fail_status = 200;
    f->fail_body = "<html>welcome</html>";
    refused(f, put(f, S3_PART_BYTES + 1, "k"), ERR_REMOTE, "without an id");
}

/* ---- Errors ---- */

static void each_refusal_has_its_class_and_remedy(void **state)
{
    static const struct {
        int status;
        const char *body, *says;
        enum err_class rc;
        unsigned tries;
    } cases[] = {
        {403, "", "backup.s3_key_id", ERR_FORBIDDEN, 1},
        {403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", "the secret does not fit",
         ERR_FORBIDDEN, 1},
        {403, "<Error><Code>RequestTimeTooSkewed</Code></Error>", "the clock", ERR_FORBIDDEN, 1},
        {404, "<Error><Code>NoSuchBucket</Code></Error>", "make the bucket", ERR_NOT_FOUND, 1},
        {400, "<Error><Code>AWS \r\nlies</Code></Error>", "answers 400: ", ERR_REMOTE, 1},
        {302, "", "is backup.s3_endpoint the address", ERR_REMOTE, 1},
        {507, "", "it is full", ERR_SPACE, 1},
        {503, "<Error><Code>SlowDown</Code></Error>", "503 SlowDown: it asks to wait", ERR_BUSY, 6},
        {429, "", "it asks to wait", ERR_BUSY, 6},
        {500, "", "it failed", ERR_NETWORK, 6},
        {403, "<Error><Code>Access", "backup.s3_key_id", ERR_FORBIDDEN, 1},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f->fail_from = 1;
        f->fail_count = 100;
        f->fail_status = cases[i].status;
        f->fail_body = cases[i].body;
        refused(f, put(f, 10, "k"), cases[i].rc, cases[i].says);
        assert_int_equal(f->calls, cases[i].tries);
        assert_null(strstr(f->err.msg, "lies"));
    }
}

static void what_passes_is_tried_again_with_growing_waits(void **state)
{
    struct fixture *f = *state;

    f->fail_from = 1;
    f->fail_count = 5;
    f->fail_status = 503;
    ok(f, put(f, 10, "k"));
    assert_int_equal(f->calls, 5 + 2);
    assert_int_equal(f->fake.sleeps, 5);
    assert_in_range(f->fake.slept_ms, 5, 500 + 1000 + 2000 + 4000 + 8000);
    f->fake.stop_at_sleep = f->fake.sleeps + 2;
    assert_int_equal(put(f, 10, "k"), ERR_CANCELLED);
    assert_int_equal(f->calls, 2);
}

static void a_wish_to_stop_is_heard_before_each_part(void **state)
{
    struct fixture *f = *state;

    f->s3.step = step;
    f->s3.step_arg = f;
    f->step_stops_at = 3; /* the second part's */
    refused(f, put(f, 2 * S3_PART_BYTES, "k"), ERR_CANCELLED, "the test stops");
    assert_int_equal(f->object.len, S3_PART_BYTES);
    assert_true(str_ends(strbuf_str(&f->net.seen), STR("?uploadId=a%26b%2F%2B\n")));
}

/* ---- Fetching ---- */

static void what_was_put_comes_back(void **state)
{
    struct fixture *f = *state;
    struct strbuf back;

    ok(f, put(f, S3_PART_BYTES + 77, "t1/a.tenon"));
    ok(f, get(f));
    assert_int_equal(f->calls, 2);
    back = scratch_read(scratch_path(&f->scratch, "back"));
    assert_true(str_eq(strbuf_str(&back), strbuf_str(&f->object)));
    strbuf_done(&back);
}

static void nothing_is_left_of_what_does_not_come_whole(void **state)
{
    struct fixture *f = *state;

    ok(f, put(f, S3_PART_BYTES + 77, "t1/a.tenon"));
    f->cuts = true;
    refused(f, get(f), ERR_REMOTE, "does not give");
    f->cuts = false;
    f->shifts = true;
    refused(f, get(f), ERR_REMOTE, "does not give");
    f->shifts = false;
    f->whole = true;
    refused(f, get(f), ERR_REMOTE, "does not give");
    f->whole = false;
    f->says_bytes = (int64_t)S3_PARTS_MAX * PART + 1; /* it would fill the disk */
    refused(f, get(f), ERR_LIMIT, "bytes");
    assert_int_equal(f->calls, 1);
    f->says_bytes = 0;
    f->fail_from = 2;
    f->fail_count = 1;
    f->fail_status = 403;
    refused(f, get(f), ERR_FORBIDDEN, "s3_key_id");
    f->fail_from = 0;
    f->loses = true;
    refused(f, get(f), ERR_NOT_FOUND, "nothing of that name");
    assert_false(scratch_exists(scratch_path(&f->scratch, "back")));
    assert_false(scratch_exists(scratch_path(&f->scratch, "back" DISK_PART_SUFFIX)));
}

/* ---- Deleting ---- */

static void what_is_absent_is_deleted_and_a_missing_bucket_is_a_mistake(void **state)
{
    struct fixture *f = *state;

    ok(f, s3_delete(&f->s3, "t 1/a", &f->err));
    seen(f, "DELETE /backups/tenon/t%201/a\n");
    f->fail_from = 2;
    f->fail_count = 10;
    f->fail_status = 404;
    f->fail_body = "<Error><Code>NoSuchKey</Code></Error>";
    ok(f, s3_delete(&f->s3, "a", &f->err));
    f->fail_body = "<Error><Code>NoSuchBucket</Code></Error>";
    refused(f, s3_delete(&f->s3, "a", &f->err), ERR_NOT_FOUND, "make the bucket");
    f->fail_status = 403;
    f->fail_body = "";
    refused(f, s3_delete(&f->s3, "a", &f->err), ERR_FORBIDDEN, "s3_key_id");
}

/* ---- Listing ---- */

#define BEGIN "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc\">"
#define END "</ListBucketResult>"
#define ENTRY(key, size) "<Contents><Key>" key "</Key><Size>" size "</Size></Contents>"
#define LAST "<IsTruncated>false</IsTruncated>"
#define MORE(token)                                                                                \
    "<IsTruncated>true</IsTruncated><NextContinuationToken>" token "</NextContinuationToken>"

static void a_list_goes_on_from_page_to_page(void **state)
{
    struct fixture *f = *state;

    f->pages[0] = BEGIN MORE("1/+&amp;=&#x41;") ENTRY("tenon/t1/a", "5") END;
    f->pages[1] = BEGIN MORE("two") END; /* an empty page is none that ends it */
    f->pages[2] = BEGIN LAST ENTRY("tenon/t1/b", "9007199254740993") END;
    ok(f, list(f, "t1/"));
    assert_string_equal(strbuf_z(&f->listed), "t1/a 5\nt1/b 9007199254740993\n");
    seen(f, "GET /backups?list-type=2&max-keys=1000&prefix=tenon%2Ft1%2F\n"
            "GET /backups?continuation-token=1%2F%2B%26%3DA&list-type=2&max-keys=1000&"
            "prefix=tenon%2Ft1%2F\n"
            "GET /backups?continuation-token=two&list-type=2&max-keys=1000&"
            "prefix=tenon%2Ft1%2F\n");
}

static void keys_are_read_as_xml_has_them(void **state)
{
    struct fixture *f = *state;

    f->s3.prefix = "a&b/";
    f->pages[0] = BEGIN LAST ENTRY("a&amp;b/&lt;x&gt; &quot;&apos;&#43;&#xf6;\xc3\xbc", "1")
        ENTRY("a&b/raw", "2")       /* some do not escape */
        ENTRY("other/x", "3")       /* none of ours: another prefix */
        ENTRY("a&amp;b/size", "-1") /* no size */
        "<Contents><Size>4</Size></Contents>" END;
    ok(f, list(f, ""));
    assert_string_equal(strbuf_z(&f->listed), "<x> \"'+\xc3\xb6\xc3\xbc 1\nraw 2\n");
    f->pages[0] = BEGIN LAST ENTRY("a&amp;b/a", "1") ENTRY("a&amp;b/stop", "1") END;
    refused(f, list(f, ""), ERR_CONFLICT, "the test stops");
}

static void a_key_that_is_too_long_is_none_of_ours(void **state)
{
    struct fixture *f = *state;
    AUTO(strbuf_done) struct strbuf page = STRBUF_INIT(ROOM);

    strbuf_add_z(&page, BEGIN LAST "<Contents><Key>tenon/");
    for (size_t i = 0; i <= S3_KEY_BYTES; i++)
        strbuf_add_char(&page, 'k');
    strbuf_add_z(&page, "</Key><Size>1</Size></Contents>" ENTRY("tenon/k", "1") END);
    f->pages[0] = strbuf_z(&page);
    ok(f, list(f, ""));
    assert_string_equal(strbuf_z(&f->listed), "k 1\n");
}

/* By a list that says too little, copies of what was erased would be forgotten. */
static void half_a_list_is_none(void **state)
{
    static const char *const pages[][PAGES_MAX] = {
        {""},
        {"<html><body>welcome</body></html>"},
        {BEGIN LAST ENTRY("tenon/a", "1")},                                   /* cut */
        {BEGIN ENTRY("tenon/a", "1") END},                                    /* is that all? */
        {BEGIN "<IsTruncated>true</IsTruncated>" ENTRY("tenon/a", "1") END},  /* and where on? */
        {BEGIN MORE("") END},                                                 /* the same */
        {BEGIN MORE("same") END, BEGIN MORE("same") END},                     /* a circle */
        {BEGIN MORE("a&nosuch;b") END},                                       /* no XML */
        {BEGIN LAST "<Contents><Key>tenon/a</Key><Size>1</Size>" END},        /* the entry is cut */
        {BEGIN MORE("two") END, "<Error><Code>InternalError</Code></Error>"}, /* 200, and later */
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        memcpy(f->pages, pages[i], sizeof(f->pages));
        if (list(f, "") != ERR_REMOTE)
            fail_msg("page %zu: %s %s", i, err_class_name(f->err.class), f->err.msg);
    }
}

static void a_list_has_an_end(void **state)
{
    struct fixture *f = *state;

    f->endless = true;
    refused(f, list(f, ""), ERR_LIMIT, "10000");
    f->endless = false;
    f->fail_from = 1;
    f->fail_count = 100;
    f->fail_status = 404;
    f->fail_body = "<Error><Code>NoSuchBucket</Code></Error>";
    refused(f, list(f, ""), ERR_NOT_FOUND, "make the bucket");
}

static void a_page_of_any_size_is_not_taken(void **state)
{
    struct fixture *f = *state;
    AUTO(strbuf_done) struct strbuf page = STRBUF_INIT(ROOM);

    strbuf_add_z(&page, BEGIN);
    while (page.len < (size_t)3 * 1024 * 1024)
        strbuf_add_z(&page, ENTRY("other/key", "1"));
    strbuf_add_z(&page, END);
    f->pages[0] = strbuf_z(&page);
    assert_int_equal(list(f, ""), ERR_LIMIT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_put_whole_and_looked_at),
        TEST(names_are_encoded_as_the_signature_wants),
        TEST(a_large_file_goes_in_parts),
        TEST(what_began_in_parts_and_failed_is_cleared_away),
        TEST(a_yes_is_not_believed),
        TEST(an_upload_without_an_id_is_none),
        TEST(each_refusal_has_its_class_and_remedy),
        TEST(what_passes_is_tried_again_with_growing_waits),
        TEST(a_wish_to_stop_is_heard_before_each_part),
        TEST(what_was_put_comes_back),
        TEST(nothing_is_left_of_what_does_not_come_whole),
        TEST(what_is_absent_is_deleted_and_a_missing_bucket_is_a_mistake),
        TEST(a_list_goes_on_from_page_to_page),
        TEST(keys_are_read_as_xml_has_them),
        TEST(a_key_that_is_too_long_is_none_of_ours),
        TEST(half_a_list_is_none),
        TEST(a_list_has_an_end),
        TEST(a_page_of_any_size_is_not_taken),
    };

    return cmocka_run_group_tests_name("s3", tests, NULL, NULL);
}
