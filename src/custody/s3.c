/*
 * s3.c: object storage.
 *
 * One request at a time, each of at most a part, through ctx->net, so that the rules for addresses
 * and the tests' networks hold here too. libcurl 7.88 signs a query as it is: so queries are built
 * here in the form that the signature wants (names sorted, values encoded, '=' always there), and
 * the hash of the body is ours. Answers are read as what they are used for: an ETag, a size, two or
 * three elements of a small XML; never as a document.
 *
 * Sources: Amazon S3 API Reference (PutObject, GetObject, CreateMultipartUpload, UploadPart,
 * CompleteMultipartUpload, AbortMultipartUpload, ListObjectsV2, DeleteObject), AWS Signature V4.
 */
/* Its headers use names that base/banned.h poisons, so they come first. */
#include <openssl/evp.h>

#include "custody/s3.h"

#include <sodium.h>

#include "base/disk_stream.h"
#include "base/retry.h"
#include "http/net.h"
#include "vault/vault.h"

#define TOTAL_MS (INT64_C(10) * 60 * 1000) /* of one part: 14 kB/s */
#define ANSWER_BYTES ((size_t)2 * 1024 * 1024)
#define ERROR_BYTES 65536 /* of an answer that says what is wrong */
#define LOOK_BYTES 64     /* asked for when only the headers matter; any backup is longer */
#define MD5_BYTES 16
#define LIST_KEYS "1000"
#define LISTS_MAX 10000 /* pages; ten million keys */

static const struct retry_policy retries = {.base_ms = 500, .cap_ms = 30000, .attempts_max = 6};

/* ---- one request ---- */

struct s3_request {
    enum http_method method;
    const char *key;   /* behind the prefix; NULL: the bucket itself */
    const char *query; /* "" or in the signature's form */
    struct str body;
    const char *range; /* "bytes=0-99", or NULL */
    size_t body_max;
};

/* RFC 3986, as the signature has it: what is not unreserved is %XX. `slash`: '/' stays. */
static void add_encoded(struct strbuf *buf, struct str text, bool slash)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~' || (slash && c == '/');

        if (plain)
            strbuf_add_char(buf, (char)c);
        else
            strbuf_addf(buf, "%%%02X", c);
    }
}

static void make_url(const struct s3 *s3, const struct s3_request *request, struct strbuf *url)
{
    strbuf_addf(url, "%s/", s3->endpoint);
    add_encoded(url, str_from(s3->bucket), false);
    if (request->key) {
        strbuf_add_char(url, '/');
        add_encoded(url, str_from(s3->prefix), true);
        add_encoded(url, str_from(request->key), true);
    }
    if (*request->query)
        strbuf_addf(url, "?%s", request->query);
}

/* The text of the first element of that name; an empty view when there is none. */
static struct str element(struct str xml, const char *name)
{
    char open[64], close[64];
    int open_len = snprintf(open, sizeof(open), "<%s>", name);

    (void)snprintf(close, sizeof(close), "</%s>", name);

    const char *from = memmem(xml.ptr ? xml.ptr : "", xml.len, open, (size_t)open_len);

    if (!from)
        return (struct str){NULL, 0};
    from += open_len;

    size_t left = xml.len - (size_t)(from - xml.ptr);
    const char *to = memmem(from, left, close, strlen(close));

    return to ? (struct str){from, (size_t)(to - from)} : (struct str){NULL, 0};
}

/* The storage's own word for what is wrong: letters only, it goes into a message. */
static void error_code(struct str body, char ret[64])
{
    struct str code = str_sub(element(body, "Code"), 0, 63);

    for (size_t i = 0; i < code.len; i++)
        if (!((code.ptr[i] | 0x20) >= 'a' && (code.ptr[i] | 0x20) <= 'z'))
            code.len = 0;
    (void)snprintf(ret, 64, STR_FMT, STR_ARG(code));
}

static const struct {
    const char *code;
    enum err_class class;
    const char *remedy;
} code_table[] = {
    {"SignatureDoesNotMatch", ERR_FORBIDDEN, "the secret does not fit backup.s3_key_id"},
    {"InvalidAccessKeyId", ERR_FORBIDDEN, "it does not know backup.s3_key_id"},
    {"AccessDenied", ERR_FORBIDDEN, "the key lacks a right: Put, Get, List and Delete are needed"},
    {"RequestTimeTooSkewed", ERR_FORBIDDEN, "the clock of this machine is wrong"},
    {"NoSuchBucket", ERR_NOT_FOUND, "make the bucket, or correct backup.s3_bucket"},
    {"QuotaExceeded", ERR_SPACE, "it is full: make room there"},
    {"XMinioStorageFull", ERR_SPACE, "it is full: make room there"},
    {"SlowDown", ERR_BUSY, "it asks to wait"},
};

static const struct {
    int from, to;
    enum err_class class;
    const char *remedy;
} status_table[] = {
    {401, 403, ERR_FORBIDDEN, "look at backup.s3_key_id, its secret and its rights"},
    {404, 404, ERR_NOT_FOUND, "there is nothing of that name"},
    {408, 408, ERR_NETWORK, "it did not get all of it in time"},
    {429, 429, ERR_BUSY, "it asks to wait"},
    {507, 507, ERR_SPACE, "it is full: make room there"},
    {503, 503, ERR_BUSY, "it asks to wait"},
    {500, 599, ERR_NETWORK, "it failed"},
};

static enum err_class refusal(const struct s3 *s3, const struct net_response *answer,
                              struct err *err)
{
    char code[64];
    enum err_class class = ERR_REMOTE;
    const char *remedy = "is backup.s3_endpoint the address of an object storage?";

    error_code(strbuf_str(&answer->body), code);
    for (size_t i = ARRAY_LEN(status_table); i-- > 0;)
        if (answer->status >= status_table[i].from && answer->status <= status_table[i].to) {
            class = status_table[i].class;
            remedy = status_table[i].remedy;
        }
    for (size_t i = 0; i < ARRAY_LEN(code_table); i++)
        if (strcmp(code, code_table[i].code) == 0) {
            class = code_table[i].class;
            remedy = code_table[i].remedy;
        }
    return err_set(err, class, "the object storage %s answers %d%s%s: %s", s3->endpoint,
                   answer->status, *code ? " " : "", code, remedy);
}

static enum err_class ask_once(const struct s3 *s3, const struct s3_request *request,
                               struct net_response *ret, struct err *err)
{
    AUTO(strbuf_done) struct strbuf url = STRBUF_INIT(4096), sigv4 = STRBUF_INIT(256);
    AUTO(vault_wipe) struct strbuf login = STRBUF_INIT(16384);
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[sizeof(hash) * 2 + 1];
    struct net_call *call = NULL;
    struct net_response answer = {0};

    (void)crypto_hash_sha256(hash, (const unsigned char *)request->body.ptr, request->body.len);
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    make_url(s3, request, &url);
    strbuf_addf(&sigv4, "aws:amz:%s:s3", s3->region);
    (void)strbuf_grow(&login, 8192); /* once, so that no copy of the secret stays behind */
    strbuf_reset(&login);
    strbuf_addf(&login, "%s:%s", s3->key_id, s3->secret);

    enum err_class rc = strbuf_check(&url, "an address of the object storage", err);

    if (rc == ERR_OK)
        rc = strbuf_check(&login, "the key of the object storage", err);
    if (rc != ERR_OK)
        return rc;

    const struct net_request net = {
        .method = request->method,
        .url = strbuf_z(&url),
        .content_type = request->body.len > 0 ? "application/octet-stream" : NULL,
        .body = request->body,
        .aws_sigv4 = strbuf_z(&sigv4),
        .aws_login = strbuf_z(&login),
        .headers = {{"x-amz-content-sha256", hex},
                    {request->range ? "Range" : NULL, request->range}},
        .body_max = request->body_max,
        .total_ms = TOTAL_MS,
        .allow_http = s3->allow_http,
        .allow_private = s3->allow_private,
    };

    rc = s3->ctx->net->start(s3->ctx->net_self, s3->ctx, &net, &call, err);
    if (rc == ERR_OK)
        rc = s3->ctx->net->finish(s3->ctx->net_self, s3->ctx, call, &answer, err);
    if (rc == ERR_OK && (answer.status < 200 || answer.status > 299)) {
        rc = refusal(s3, &answer, err);
        net_response_done(&answer);
    }
    if (rc == ERR_OK)
        *ret = answer;
    return rc;
}

/* With retries; every request here may be repeated. */
static enum err_class ask(const struct s3 *s3, const struct s3_request *request,
                          struct net_response *ret, struct err *err)
{
    for (uint32_t tries = 1;; tries++) {
        struct err ignored = {0};
        int64_t wait_ms = 0;
        enum err_class rc = s3->step ? s3->step(s3->step_arg, err) : ERR_OK;

        if (rc != ERR_OK)
            return rc;
        rc = ask_once(s3, request, ret, err);
        if ((rc != ERR_NETWORK && rc != ERR_BUSY) ||
            retry_next(&retries, tries, 0, ctx_random_u64(s3->ctx), &wait_ms, &ignored) != ERR_OK)
            return rc;
        ctx_sleep_ms(s3->ctx, wait_ms);
        rc = ctx_check(s3->ctx, err);
        if (rc != ERR_OK)
            return rc;
    }
}

/* The same where the answer's body is of no use. */
static enum err_class tell(const struct s3 *s3, const struct s3_request *request, char ret_etag[80],
                           struct err *err)
{
    struct net_response answer = {0};
    enum err_class rc = ask(s3, request, &answer, err);
    struct str etag = net_header(&answer, "etag");

    while (etag.len > 0 && (*etag.ptr == '"' || *etag.ptr == 'W' || *etag.ptr == '/'))
        etag = str_sub(etag, 1, etag.len);
    while (etag.len > 0 && etag.ptr[etag.len - 1] == '"')
        etag.len--;
    if (rc == ERR_OK && ret_etag)
        (void)snprintf(ret_etag, 80, "%.*s", etag.len < 79 ? (int)etag.len : 79,
                       etag.ptr ? etag.ptr : "");
    net_response_done(&answer);
    return rc;
}

/* ---- putting ---- */

struct upload {
    const struct s3 *s3;
    const char *key;
    struct disk_stream file;
    char *part; /* room for S3_PART_BYTES */
    unsigned parts;
    struct strbuf id;       /* of the multipart upload */
    struct strbuf complete; /* the order to put it together */
    EVP_MD_CTX *sums;       /* MD5 over the parts' MD5s: the ETag that the whole should get */
    char etag[80];          /* what it should be */
    bool known;             /* the parts had the ETags that we know */
};

static void upload_done(struct upload *upload)
{
    disk_discard(upload->s3->ctx, &upload->file);
    free(upload->part);
    strbuf_done(&upload->id);
    strbuf_done(&upload->complete);
    EVP_MD_CTX_free(upload->sums);
}

/* S3's checksum is MD5; it proves nothing against an attacker, and our file does that itself. */
static enum err_class md5(struct str bytes, unsigned char ret[MD5_BYTES], struct err *err)
{
    return EVP_Digest(bytes.ptr, bytes.len, ret, NULL, EVP_md5(), NULL) == 1
               ? ERR_OK
               : err_set(err, ERR_BUG, "libcrypto does not make an MD5");
}

static void to_hex(const unsigned char sum[MD5_BYTES], char ret[80])
{
    (void)sodium_bin2hex(ret, 80, sum, MD5_BYTES);
}

static enum err_class read_part(struct upload *upload, size_t *ret, struct err *err)
{
    return disk_read_part(upload->s3->ctx, &upload->file, upload->part, S3_PART_BYTES, ret, err);
}

static enum err_class put_whole(struct upload *upload, struct err *err)
{
    unsigned char sum[MD5_BYTES];
    char etag[80] = "";
    size_t len = 0;
    enum err_class rc = read_part(upload, &len, err);
    const struct s3_request request = {.method = HTTP_PUT,
                                       .key = upload->key,
                                       .query = "",
                                       .body = {upload->part, len},
                                       .body_max = ANSWER_BYTES};

    if (rc == ERR_OK)
        rc = md5(request.body, sum, err);
    if (rc == ERR_OK)
        rc = tell(upload->s3, &request, etag, err);
    if (rc == ERR_OK)
        to_hex(sum, upload->etag);
    return rc;
}

static enum err_class begin_upload(struct upload *upload, struct err *err)
{
    const struct s3_request request = {
        .method = HTTP_POST, .key = upload->key, .query = "uploads=", .body_max = ANSWER_BYTES};
    struct net_response answer = {0};
    enum err_class rc = ask(upload->s3, &request, &answer, err);
    struct str id = element(strbuf_str(&answer.body), "UploadId");

    add_encoded(&upload->id, id, false);
    if (rc == ERR_OK && id.len == 0)
        rc = err_set(err, ERR_REMOTE,
                     "the object storage %s began an upload without an id: is it one?",
                     upload->s3->endpoint);
    net_response_done(&answer);
    return rc == ERR_OK ? strbuf_check(&upload->id, "the id of an upload", err) : rc;
}

static enum err_class put_part(struct upload *upload, size_t len, struct err *err)
{
    AUTO(strbuf_done) struct strbuf query = STRBUF_INIT(2048);
    unsigned char sum[MD5_BYTES];
    char etag[80] = "", own[80];
    const struct s3_request request = {.method = HTTP_PUT,
                                       .key = upload->key,
                                       .query = "",
                                       .body = {upload->part, len},
                                       .body_max = ANSWER_BYTES};
    struct s3_request numbered = request;

    strbuf_addf(&query, "partNumber=%u&uploadId=%s", ++upload->parts, strbuf_z(&upload->id));
    numbered.query = strbuf_z(&query);

    enum err_class rc = md5(request.body, sum, err);

    if (rc == ERR_OK)
        rc = tell(upload->s3, &numbered, etag, err);
    if (rc != ERR_OK)
        return rc;
    to_hex(sum, own);
    upload->known = upload->known && strcmp(own, etag) == 0;
    (void)EVP_DigestUpdate(upload->sums, sum, sizeof(sum)); /* fails when not begun only */
    strbuf_addf(&upload->complete,
                "<Part><PartNumber>%u</PartNumber><ETag>&quot;%s&quot;</ETag></Part>",
                upload->parts, etag);
    return ERR_OK;
}

static enum err_class put_together(struct upload *upload, struct err *err)
{
    AUTO(strbuf_done) struct strbuf query = STRBUF_INIT(2048);
    struct net_response answer = {0};
    unsigned char sum[MD5_BYTES];

    strbuf_add_z(&upload->complete, "</CompleteMultipartUpload>");
    strbuf_addf(&query, "uploadId=%s", strbuf_z(&upload->id));

    const struct s3_request request = {.method = HTTP_POST,
                                       .key = upload->key,
                                       .query = strbuf_z(&query),
                                       .body = strbuf_str(&upload->complete),
                                       .body_max = ANSWER_BYTES};
    enum err_class rc = strbuf_check(&upload->complete, "the parts of an upload", err);

    if (rc == ERR_OK)
        rc = ask(upload->s3, &request, &answer, err);
    /* It may answer 200 at once and say later that it failed. */
    if (rc == ERR_OK && memmem(strbuf_z(&answer.body), answer.body.len, "<Error>", 7)) {
        answer.status = 500;
        rc = refusal(upload->s3, &answer, err);
    }
    net_response_done(&answer);
    if (rc != ERR_OK)
        return rc;
    (void)EVP_DigestFinal_ex(upload->sums, sum, NULL); /* the same */
    to_hex(sum, upload->etag);
    (void)snprintf(upload->etag + 2 * MD5_BYTES, sizeof(upload->etag) - 2 * MD5_BYTES, "-%u",
                   upload->parts);
    return ERR_OK;
}

/* Parts that are not put together cost room until somebody removes them. */
static void abort_upload(struct upload *upload)
{
    AUTO(strbuf_done) struct strbuf query = STRBUF_INIT(2048);
    struct err ignored = {0};

    strbuf_addf(&query, "uploadId=%s", strbuf_z(&upload->id));

    const struct s3_request request = {.method = HTTP_DELETE,
                                       .key = upload->key,
                                       .query = strbuf_z(&query),
                                       .body_max = ANSWER_BYTES};
    struct net_response answer = {0};

    err_ignore(ask_once(upload->s3, &request, &answer, &ignored)); /* an undo */
    net_response_done(&answer);
}

static enum err_class put_parts(struct upload *upload, struct err *err)
{
    size_t len = 0;
    enum err_class rc = begin_upload(upload, err);

    if (rc != ERR_OK)
        return rc;
    strbuf_add_z(&upload->complete, "<CompleteMultipartUpload>");
    while (rc == ERR_OK && (rc = read_part(upload, &len, err)) == ERR_OK && len > 0)
        rc = put_part(upload, len, err);
    if (rc == ERR_OK)
        rc = put_together(upload, err);
    if (rc != ERR_OK)
        abort_upload(upload);
    return rc;
}

/* ---- reading back ---- */

/* "bytes 0-99/1234"; false when there is no such header. */
static bool total_of(const struct net_response *answer, int64_t *ret)
{
    struct str rest = {NULL, 0};

    (void)str_cut(net_header(answer, "content-range"), '/', &rest);
    return parse_i64(rest, 0, INT64_MAX, ret);
}

static enum err_class get_part(const struct s3 *s3, const char *key, int64_t from, size_t len,
                               struct net_response *ret, int64_t *ret_total, struct err *err)
{
    char range[80];

    (void)snprintf(range, sizeof(range), "bytes=%lld-%lld", (long long)from,
                   (long long)(from + (int64_t)len - 1));

    const struct s3_request request = {
        .method = HTTP_GET, .key = key, .query = "", .range = range, .body_max = len + ERROR_BYTES};
    enum err_class rc = ask(s3, &request, ret, err);

    if (rc == ERR_OK && (ret->status != 206 || !total_of(ret, ret_total))) {
        net_response_done(ret);
        rc = err_set(err, ERR_REMOTE,
                     "the object storage %s does not give parts of an object: is it one?",
                     s3->endpoint);
    }
    return rc;
}

static enum err_class not_there(const struct upload *upload, const char *what, struct err *err)
{
    return err_set(err, ERR_CORRUPT,
                   "the object storage %s said that it has %s, and what it has is %s; it is put "
                   "there again with the next run",
                   upload->s3->endpoint, upload->key, what);
}

/* Part by part against the file; for storage whose ETag is no MD5. */
static enum err_class compare_all(struct upload *upload, struct err *err)
{
    const struct ctx *ctx = upload->s3->ctx;
    AUTO(free_autop) char *path = str_dup_z(str_from(upload->file.path));
    int64_t at = 0;
    size_t len = 0;

    if (!path)
        return err_memory(err);
    disk_discard(ctx, &upload->file);

    enum err_class rc = disk_open(ctx, path, &upload->file, err);

    while (rc == ERR_OK && (rc = read_part(upload, &len, err)) == ERR_OK && len > 0) {
        struct net_response answer = {0};
        int64_t total = 0;

        rc = get_part(upload->s3, upload->key, at, len, &answer, &total, err);
        if (rc == ERR_OK &&
            (answer.body.len != len || memcmp(answer.body.ptr, upload->part, len) != 0))
            rc = not_there(upload, "something else", err);
        at += (int64_t)len;
        net_response_done(&answer);
    }
    return rc;
}

static enum err_class read_back(struct upload *upload, struct err *err)
{
    struct net_response answer = {0};
    int64_t total = 0;
    enum err_class rc = get_part(upload->s3, upload->key, 0, LOOK_BYTES, &answer, &total, err);
    struct str etag = net_header(&answer, "etag");
    bool same = etag.len >= 2 && str_eq_z(str_sub(etag, 1, etag.len - 2), upload->etag);

    net_response_done(&answer);
    if (rc == ERR_NOT_FOUND || (rc == ERR_OK && total != upload->file.bytes))
        return not_there(upload, rc == ERR_OK ? "of another size" : "nothing", err);
    if (rc == ERR_OK && !(same && upload->known))
        rc = compare_all(upload, err);
    return rc;
}

enum err_class s3_put(const struct s3 *s3, const char *path, const char *key, struct err *err)
{
    AUTO(upload_done)
    struct upload upload = {.s3 = s3,
                            .key = key,
                            .file = DISK_STREAM_INIT,
                            .part = malloc(S3_PART_BYTES),
                            .id = STRBUF_INIT(1024),
                            .complete = STRBUF_INIT(ANSWER_BYTES),
                            .sums = EVP_MD_CTX_new(),
                            .known = true};

    if (!upload.part || !upload.sums || EVP_DigestInit_ex(upload.sums, EVP_md5(), NULL) != 1)
        return err_memory(err);

    enum err_class rc = disk_open(s3->ctx, path, &upload.file, err);

    if (rc == ERR_OK && upload.file.bytes > (int64_t)S3_PARTS_MAX * (int64_t)S3_PART_BYTES)
        rc = err_set(err, ERR_LIMIT, "%s has more than the %lld bytes that a copy may have", path,
                     (long long)S3_PARTS_MAX * (long long)S3_PART_BYTES);
    if (rc == ERR_OK)
        rc = upload.file.bytes <= (int64_t)S3_PART_BYTES ? put_whole(&upload, err)
                                                         : put_parts(&upload, err);
    return rc == ERR_OK ? read_back(&upload, err) : rc;
}

/* ---- fetching, deleting, listing ---- */

enum err_class s3_get(const struct s3 *s3, const char *key, const char *path, struct err *err)
{
    struct disk_stream file = DISK_STREAM_INIT;
    int64_t total = 1;
    enum err_class rc = disk_create(s3->ctx, path, &file, err);

    while (rc == ERR_OK && file.bytes < total) {
        struct net_response answer = {0};

        rc = get_part(s3, key, file.bytes, S3_PART_BYTES, &answer, &total, err);
        if (rc == ERR_OK && answer.body.len == 0)
            rc = err_set(err, ERR_REMOTE, "the object storage %s gives an empty part of %s",
                         s3->endpoint, key);
        if (rc == ERR_OK)
            rc = disk_append(s3->ctx, &file, strbuf_str(&answer.body), err);
        net_response_done(&answer);
    }
    if (rc == ERR_OK)
        rc = disk_keep(s3->ctx, &file, err);
    disk_discard(s3->ctx, &file);
    return rc;
}

enum err_class s3_delete(const struct s3 *s3, const char *key, struct err *err)
{
    const struct s3_request request = {
        .method = HTTP_DELETE, .key = key, .query = "", .body_max = ANSWER_BYTES};
    enum err_class rc = tell(s3, &request, NULL, err);

    return rc == ERR_NOT_FOUND && !strstr(err->msg, "NoSuchBucket") ? ERR_OK : rc;
}

/* One page of keys. */
static enum err_class take_keys(const struct s3 *s3, struct str xml,
                                enum err_class (*each)(void *arg, const char *key, int64_t bytes,
                                                       struct err *err),
                                void *arg, struct err *err)
{
    size_t prefix_len = strlen(s3->prefix);
    enum err_class rc = ERR_OK;

    for (struct str entry = element(xml, "Contents"); entry.ptr && rc == ERR_OK;
         entry = element(xml, "Contents")) {
        struct str key = element(entry, "Key");
        char name[S3_KEY_BYTES + 1];
        int64_t bytes = 0;

        xml = str_sub(xml, (size_t)(entry.ptr + entry.len - xml.ptr), xml.len);
        if (key.len > S3_KEY_BYTES || !str_starts(key, str_from(s3->prefix)) ||
            !parse_i64(element(entry, "Size"), 0, INT64_MAX, &bytes))
            continue; /* none of ours */
        key = str_sub(key, prefix_len, key.len);
        (void)snprintf(name, sizeof(name), STR_FMT, STR_ARG(key));
        rc = each(arg, name, bytes, err);
    }
    return rc;
}

enum err_class s3_list(const struct s3 *s3, const char *under,
                       enum err_class (*each)(void *arg, const char *key, int64_t bytes,
                                              struct err *err),
                       void *arg, struct err *err)
{
    AUTO(strbuf_done) struct strbuf token = STRBUF_INIT(8192);
    enum err_class rc = ERR_OK;

    for (unsigned page = 0; page < LISTS_MAX && rc == ERR_OK; page++) {
        AUTO(strbuf_done) struct strbuf query = STRBUF_INIT(16384);
        struct net_response answer = {0};

        /* In the order of their names. */
        if (token.len > 0)
            strbuf_addf(&query, "continuation-token=%s&", strbuf_z(&token));
        strbuf_add_z(&query, "list-type=2&max-keys=" LIST_KEYS "&prefix=");
        add_encoded(&query, str_from(s3->prefix), false);
        add_encoded(&query, str_from(under), false);

        const struct s3_request request = {
            .method = HTTP_GET, .query = strbuf_z(&query), .body_max = ANSWER_BYTES};

        rc = ask(s3, &request, &answer, err);
        if (rc == ERR_OK)
            rc = take_keys(s3, strbuf_str(&answer.body), each, arg, err);
        strbuf_reset(&token);
        if (str_eq_z(element(strbuf_str(&answer.body), "IsTruncated"), "true"))
            add_encoded(&token, element(strbuf_str(&answer.body), "NextContinuationToken"), false);
        net_response_done(&answer);
        if (token.len == 0)
            break;
    }
    return rc;
}
