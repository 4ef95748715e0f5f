#ifndef CUSTODY_S3_INTERNAL_H
#define CUSTODY_S3_INTERNAL_H
#include "custody/s3.h"
#include "http/net.h"

/* What the files of s3.h share: one request, and what is read of an answer. */
#define S3_ANSWER_BYTES ((size_t)2 * 1024 * 1024)

struct s3_request {
    enum http_method method;
    const char *key;   /* behind the prefix; NULL: the bucket itself */
    const char *query; /* "" or in the signature's form */
    struct str body;
    const char *range; /* "bytes=0-99", or NULL */
    size_t body_max;
};

/* With retries; every request here may be repeated. The caller ends with net_response_done. */
MUST_USE enum err_class s3_ask(const struct s3 *s3, const struct s3_request *request,
                               struct net_response *ret, struct err *err);
/* Without. */
MUST_USE enum err_class s3_ask_once(const struct s3 *s3, const struct s3_request *request,
                                    struct net_response *ret, struct err *err);
/* The error that an answer is: by its status, and by the storage's own word for it. */
MUST_USE enum err_class s3_refusal(const struct s3 *s3, const struct net_response *answer,
                                   struct err *err);

/* RFC 3986, as the signature has it: what is not unreserved is %XX. `slash`: '/' stays. */
void s3_add_encoded(struct strbuf *buf, struct str text, bool slash);
/* What stands in the first element of that name, as it stands; a NULL view when there is none. */
struct str s3_element(struct str xml, const char *name);
/* Its text: XML's references become what they stand for. False: one is none of XML's. */
MUST_USE bool s3_add_text(struct strbuf *buf, struct str xml);

#endif
