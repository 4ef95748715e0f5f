#ifndef CUSTODY_RECEIPT_H
#define CUSTODY_RECEIPT_H
#include "store/data.h"

/*
 * Signed receipts of erasures, DATA/receipts/NAME.json. Two lines:
 *
 *     {"receipt":1,"kind":"tenant","tenant":"…","at":"…Z","site":"…","counts":{"keys":1,…}}
 *     {"key":"…","signature":"…"}
 *
 * The second line is an Ed25519 (RFC 8032) signature of the bytes of the first, without its line
 * feed, and the public key, both in base64 (RFC 4648 §4). `site` is the BLAKE2b-256 of the site's
 * address in lower-case hex. A receipt of one person has "person" instead of "site": the digest
 * that store/erased.h keeps. The folder is the erasure ledger as well: what a receipt says is gone
 * is erased again when a restore brings it back. So the end of a person's erasure is signed too
 * ("readmitted"): of the two the later one counts.
 */
enum receipt_kind { RECEIPT_TENANT, RECEIPT_PERSON, RECEIPT_READMITTED, RECEIPT_KIND_COUNT };

#define RECEIPT_KEY_BYTES 32
#define RECEIPT_COUNTS 8
struct receipt_count {
    const char *what; /* "keys", … ; a literal when it is signed */
    int64_t n;
};
struct receipt {
    enum receipt_kind kind;
    char tenant[TENANT_ID_BYTES + 1];
    char digest[2 * VAULT_DIGEST_BYTES + 1]; /* TENANT: of the site; else of the account; hex */
    int64_t at_ms;
    struct receipt_count counts[RECEIPT_COUNTS]; /* up to the first without a name; not read back */
};

/* The digest of a site's address. */
void receipt_site_digest(const char *base_url, char ret[2 * VAULT_DIGEST_BYTES + 1]);

/* Signs it with the server's key, which is made with the first one, and keeps it in its file. *ret:
 * its text, appended; NULL: not wanted. */
MUST_USE enum err_class receipt_issue(struct data *data, const struct receipt *receipt,
                                      struct strbuf *ret, struct err *err);

/*
 * The one of that kind, tenant and digest in the data folder: *ret_at_ms is when it was signed.
 * *ret_there false: there is none by this server. ERR_CORRUPT: it was changed.
 */
MUST_USE enum err_class receipt_find(struct data *data, const struct receipt *like, bool *ret_there,
                                     int64_t *ret_at_ms, struct err *err);

/*
 * What a receipt says and which key signed it. ERR_CORRUPT: it is no receipt, or was changed; the
 * sentence names `what`. Whether the key is one to trust is for the caller to know.
 */
MUST_USE enum err_class receipt_read(struct str text, const char *what, struct receipt *ret,
                                     unsigned char ret_key[RECEIPT_KEY_BYTES], struct err *err);

/* Makes the server's key when there is none: early, so that every copy of the folder knows it. */
MUST_USE enum err_class receipt_key_make(struct data *data, struct err *err);
/* The server's public key. ERR_NOT_FOUND: it has signed nothing yet. */
MUST_USE enum err_class receipt_key(struct data *data, unsigned char ret[RECEIPT_KEY_BYTES],
                                    struct err *err);
/* Whether it is, or was, one of this server's. */
MUST_USE enum err_class receipt_key_is_ours(struct data *data,
                                            const unsigned char key[RECEIPT_KEY_BYTES], bool *ret,
                                            struct err *err);
/* Base64, as it stands in a receipt. */
#define RECEIPT_KEY_TEXT 48
void receipt_key_text(const unsigned char key[RECEIPT_KEY_BYTES], char ret[RECEIPT_KEY_TEXT]);

/*
 * Each receipt of a folder that one of this server's keys signed, whole and unchanged; any other
 * file there is ERR_CORRUPT with its name. A folder that is not there has none.
 */
MUST_USE enum err_class
receipts_each(struct data *data, const char *folder,
              enum err_class (*each)(void *arg, const struct receipt *receipt, struct err *err),
              void *arg, struct err *err);
#define RECEIPTS_FOLDER "receipts" /* in the data folder */

#endif
