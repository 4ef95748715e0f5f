/*
 * s3.c: files into object storage, and back.
 *
 * One request at a time (s3_ask.c), each of at most a part, through ctx->net, so that the rules for
 * addresses and the tests' networks hold here too. What the storage says is checked: that a part
 * which it gives is the one that was asked for, and after a put that it has what it was given.
 *
 * Sources: Amazon S3 API Reference (PutObject, GetObject, CreateMultipartUpload, UploadPart,
 * CompleteMultipartUpload, AbortMultipartUpload, DeleteObject).
 */
/* Its headers use names that base/banned.h poisons, so they come first. */
#include <openssl/evp.h>

#include "custody/s3_internal.h"

#include <sodium.h>

#include "base/disk_stream.h"

#define FILE_BYTES_MAX ((int64_t)S3_PARTS_MAX * (int64_t)S3_PART_BYTES)
#define ERROR_BYTES 65536 /* of an answer that says what is wrong */
#define LOOK_BYTES 64     /* asked for when only the headers matter; any backup is longer */
#define MD5_BYTES 16

/* s3_ask, where the answer's body is of no use. */
static enum err_class tell(const struct s3 *s3, const struct s3_request *request, char ret_etag[80],
                           struct err *err)
{
    struct net_response answer = {0};
    enum err_class rc = s3_ask(s3, request, &answer, err);
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
                                       .body_max = S3_ANSWER_BYTES};

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
        .method = HTTP_POST, .key = upload->key, .query = "uploads=", .body_max = S3_ANSWER_BYTES};
    struct net_response answer = {0};
    enum err_class rc = s3_ask(upload->s3, &request, &answer, err);
    AUTO(strbuf_done) struct strbuf id = STRBUF_INIT(1024);
    bool told = s3_add_text(&id, s3_element(strbuf_str(&answer.body), "UploadId"));

    s3_add_encoded(&upload->id, strbuf_str(&id), false);
    if (rc == ERR_OK && (!told || id.len == 0))
        rc = err_set(err, ERR_REMOTE,
                     "the object storage %s began an upload without an id: is it one?",
                     upload->s3->endpoint);
    net_response_done(&answer);
    if (rc == ERR_OK)
        rc = strbuf_check(&id, "the id of an upload", err);
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
                                       .body_max = S3_ANSWER_BYTES};
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
                                       .body_max = S3_ANSWER_BYTES};
    enum err_class rc = strbuf_check(&upload->complete, "the parts of an upload", err);

    if (rc == ERR_OK)
        rc = s3_ask(upload->s3, &request, &answer, err);
    /* It may answer 200 at once and say later that it failed. */
    if (rc == ERR_OK && memmem(strbuf_z(&answer.body), answer.body.len, "<Error>", 7)) {
        answer.status = 500;
        rc = s3_refusal(upload->s3, &answer, err);
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
                                       .body_max = S3_ANSWER_BYTES};
    struct net_response answer = {0};

    err_ignore(s3_ask_once(upload->s3, &request, &answer, &ignored)); /* an undo */
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

/*
 * The part's place, "bytes 0-99/1234", must be the one that was asked for (or what there is of it),
 * and hold what came. False: it is another.
 */
static bool is_part(const struct net_response *answer, int64_t from, size_t len, int64_t *ret_total)
{
    struct str total = {NULL, 0}, last = {NULL, 0};
    struct str range = str_cut(net_header(answer, "content-range"), '/', &total);
    struct str first = str_cut(range, '-', &last);
    int64_t a = 0, b = 0;

    return answer->status == 206 && str_starts(first, STR("bytes ")) &&
           parse_i64(str_sub(first, 6, first.len), from, from, &a) &&
           parse_i64(last, from, from + (int64_t)len - 1, &b) &&
           parse_i64(total, b + 1, INT64_MAX, ret_total) && (int64_t)answer->body.len == b - a + 1;
}

static enum err_class get_part(const struct s3 *s3, const char *key, int64_t from, size_t len,
                               struct net_response *ret, int64_t *ret_total, struct err *err)
{
    char range[80];

    (void)snprintf(range, sizeof(range), "bytes=%lld-%lld", (long long)from,
                   (long long)(from + (int64_t)len - 1));

    const struct s3_request request = {
        .method = HTTP_GET, .key = key, .query = "", .range = range, .body_max = len + ERROR_BYTES};
    enum err_class rc = s3_ask(s3, &request, ret, err);

    if (rc == ERR_OK && !is_part(ret, from, len, ret_total)) {
        net_response_done(ret);
        rc = err_set(err, ERR_REMOTE,
                     "the object storage %s does not give the part of an object that was asked "
                     "for: is it one?",
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
                            .complete = STRBUF_INIT(S3_ANSWER_BYTES),
                            .sums = EVP_MD_CTX_new(),
                            .known = true};

    if (!upload.part || !upload.sums || EVP_DigestInit_ex(upload.sums, EVP_md5(), NULL) != 1)
        return err_memory(err);

    enum err_class rc = disk_open(s3->ctx, path, &upload.file, err);

    if (rc == ERR_OK && upload.file.bytes > FILE_BYTES_MAX)
        rc = err_set(err, ERR_LIMIT, "%s has more than the %lld bytes that a copy may have", path,
                     (long long)FILE_BYTES_MAX);
    if (rc == ERR_OK)
        rc = upload.file.bytes <= (int64_t)S3_PART_BYTES ? put_whole(&upload, err)
                                                         : put_parts(&upload, err);
    return rc == ERR_OK ? read_back(&upload, err) : rc;
}

/* ---- fetching, deleting ---- */

enum err_class s3_get(const struct s3 *s3, const char *key, const char *path, struct err *err)
{
    struct disk_stream file = DISK_STREAM_INIT;
    int64_t total = 1;
    enum err_class rc = disk_create(s3->ctx, path, &file, err);

    while (rc == ERR_OK && file.bytes < total) {
        struct net_response answer = {0};

        rc = get_part(s3, key, file.bytes, S3_PART_BYTES, &answer, &total, err);
        if (rc == ERR_OK && total > FILE_BYTES_MAX)
            rc = err_set(err, ERR_LIMIT,
                         "the object storage %s has more than the %lld bytes that a copy may have "
                         "as %s: it is none of ours",
                         s3->endpoint, (long long)FILE_BYTES_MAX, key);
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
        .method = HTTP_DELETE, .key = key, .query = "", .body_max = S3_ANSWER_BYTES};
    enum err_class rc = tell(s3, &request, NULL, err);

    return rc == ERR_NOT_FOUND && !strstr(err->msg, "NoSuchBucket") ? ERR_OK : rc;
}
