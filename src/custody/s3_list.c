/*
 * s3_list.c: which objects there are.
 *
 * By a list, copies of what was erased are found and removed: one that says too little would leave
 * them there and call it done. So a page must be a list to its end, say whether it is the last one,
 * and name another page when it is not.
 *
 * Source: Amazon S3 API Reference, ListObjectsV2.
 */
#include "custody/s3_internal.h"

#define LIST_KEYS "1000"
#define PAGES_MAX 10000 /* ten million keys */
#define TOKEN_BYTES 8192

struct listing {
    const struct s3 *s3;
    enum err_class (*each)(void *arg, const char *key, int64_t bytes, struct err *err);
    void *arg;
    struct strbuf key;         /* of the entry at hand */
    struct strbuf token, last; /* where the next page begins, encoded; where this one did */
};

static void listing_done(struct listing *listing)
{
    strbuf_done(&listing->key);
    strbuf_done(&listing->token);
    strbuf_done(&listing->last);
}

static enum err_class no_list(const struct s3 *s3, struct err *err)
{
    return err_set(err, ERR_REMOTE,
                   "the object storage %s answers with no list, or with half of one: is it one?",
                   s3->endpoint);
}

static enum err_class take_entry(struct listing *listing, struct str entry, struct err *err)
{
    const struct s3 *s3 = listing->s3;
    int64_t bytes = 0;

    strbuf_reset(&listing->key);
    if (!s3_add_text(&listing->key, s3_element(entry, "Key")))
        return no_list(s3, err);
    if (strbuf_check(&listing->key, "the name of an object", err) == ERR_MEMORY)
        return err->class;
    if (listing->key.failed != ERR_OK || /* too long */
        !str_starts(strbuf_str(&listing->key), str_from(s3->prefix)) ||
        !parse_i64(s3_element(entry, "Size"), 0, INT64_MAX, &bytes))
        return ERR_OK; /* none of ours */
    return listing->each(listing->arg, strbuf_z(&listing->key) + strlen(s3->prefix), bytes, err);
}

/* What the page says of the next one: its token, or that there is none. */
static enum err_class take_token(struct listing *listing, struct str xml, struct err *err)
{
    AUTO(strbuf_done) struct strbuf token = STRBUF_INIT(TOKEN_BYTES);
    struct str more = s3_element(xml, "IsTruncated");

    strbuf_reset(&listing->last);
    strbuf_add_str(&listing->last, strbuf_str(&listing->token));
    strbuf_reset(&listing->token);
    if (str_eq_z(more, "false"))
        return strbuf_check(&listing->last, "the place in a list", err);
    if (!str_eq_z(more, "true") || !s3_add_text(&token, s3_element(xml, "NextContinuationToken")))
        return no_list(listing->s3, err);
    s3_add_encoded(&listing->token, strbuf_str(&token), false);

    enum err_class rc = strbuf_check(&token, "the place in a list", err);

    if (rc == ERR_OK)
        rc = strbuf_check(&listing->last, "the place in a list", err);
    if (rc == ERR_OK)
        rc = strbuf_check(&listing->token, "the place in a list", err);
    if (rc == ERR_OK &&
        (token.len == 0 || str_eq(strbuf_str(&listing->token), strbuf_str(&listing->last))))
        return no_list(listing->s3, err);
    return rc;
}

static enum err_class take_page(struct listing *listing, struct str xml, struct err *err)
{
    struct str entry, rest = xml;
    enum err_class rc = ERR_OK;

    if (!memmem(xml.ptr ? xml.ptr : "", xml.len, "<ListBucketResult", 17) ||
        !memmem(xml.ptr, xml.len, "</ListBucketResult>", 19))
        return no_list(listing->s3, err);
    while (rc == ERR_OK && (entry = s3_element(rest, "Contents")).ptr) {
        rest = str_sub(rest, (size_t)(entry.ptr + entry.len - rest.ptr), rest.len);
        rc = take_entry(listing, entry, err);
    }
    if (rc == ERR_OK && memmem(rest.ptr, rest.len, "<Contents>", 10)) /* has no end */
        return no_list(listing->s3, err);
    return rc == ERR_OK ? take_token(listing, xml, err) : rc;
}

static enum err_class ask_page(struct listing *listing, const char *under, struct err *err)
{
    AUTO(strbuf_done) struct strbuf query = STRBUF_INIT(4 * TOKEN_BYTES);
    struct net_response answer = {0};

    /* In the order of their names. */
    if (listing->token.len > 0)
        strbuf_addf(&query, "continuation-token=%s&", strbuf_z(&listing->token));
    strbuf_add_z(&query, "list-type=2&max-keys=" LIST_KEYS "&prefix=");
    s3_add_encoded(&query, str_from(listing->s3->prefix), false);
    s3_add_encoded(&query, str_from(under), false);

    const struct s3_request request = {
        .method = HTTP_GET, .query = strbuf_z(&query), .body_max = S3_ANSWER_BYTES};
    enum err_class rc = strbuf_check(&query, "the question for a list", err);

    if (rc == ERR_OK)
        rc = s3_ask(listing->s3, &request, &answer, err);
    if (rc == ERR_OK)
        rc = take_page(listing, strbuf_str(&answer.body), err);
    net_response_done(&answer);
    return rc;
}

enum err_class s3_list(const struct s3 *s3, const char *under,
                       enum err_class (*each)(void *arg, const char *key, int64_t bytes,
                                              struct err *err),
                       void *arg, struct err *err)
{
    AUTO(listing_done)
    struct listing listing = {.s3 = s3,
                              .each = each,
                              .arg = arg,
                              .key = STRBUF_INIT(S3_KEY_BYTES),
                              .token = STRBUF_INIT(3 * TOKEN_BYTES),
                              .last = STRBUF_INIT(3 * TOKEN_BYTES)};

    for (unsigned page = 0; page < PAGES_MAX; page++) {
        enum err_class rc = ask_page(&listing, under, err);

        if (rc != ERR_OK || listing.token.len == 0)
            return rc;
    }
    return err_set(err, ERR_LIMIT,
                   "the object storage %s has more than the %d pages of names that are read: give "
                   "the backups a bucket or a backup.s3_prefix of their own",
                   s3->endpoint, PAGES_MAX);
}
