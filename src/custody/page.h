#ifndef CUSTODY_PAGE_H
#define CUSTODY_PAGE_H
#include "policy/catalog.h"

/*
 * The data-storage page, from the catalogue and the configuration alone: every record and field,
 * its class, why it is kept, for how long, how it is protected; where it lies and who else handles
 * it; what is not stored; backups, removal, export, contacts. One source, many forms, none of which
 * can say more or less than another.
 */

/* What the configuration adds. Borrowed texts; "": not said, and the page says so. */
struct page_facts {
    const char *operator_name; /* who runs this server */
    const char *contact;       /* where to write to about data and security */
    const char *location;      /* where the server and its disk stand */
    const char *processors;    /* others who handle the data, split by ';'; "none" is an answer */
    const char *key_provider;  /* what wraps the keys: "file", "pkcs11", "command" */
    const char *remote_place;  /* where copies of backups go; "": nowhere */
    int64_t backup_every_h;    /* 0: no backups by themselves */
    int64_t backup_keep_days, remote_keep_days;
};

struct page {
    const struct catalog *catalog;
    const struct page_facts *facts;
    const char *app; /* only that app, and the platform under it; NULL: all */
};

enum page_form {
    PAGE_TEXT,
    PAGE_JSON,
    PAGE_HTML,
    PAGE_ARTICLE_30, /* the record of processing activities that GDPR Art. 30 asks for; text */
    PAGE_FIDES,      /* JSON of Fides: a dataset an app, data categories of fideslang 3 */
};
/* ERR_INPUT: there is no such app; the sentence lists those there are. */
MUST_USE enum err_class page_write(const struct page *page, enum page_form form, struct strbuf *ret,
                                   struct err *err);

/*
 * What changed on the page from one version of the catalogue to a later one: records and fields
 * that came, fields whose class changed. ERR_INPUT: no such versions.
 */
MUST_USE enum err_class page_diff(const struct catalog *catalog, unsigned from, unsigned to,
                                  bool json, struct strbuf *ret, struct err *err);

#endif
