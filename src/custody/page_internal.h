#ifndef CUSTODY_PAGE_INTERNAL_H
#define CUSTODY_PAGE_INTERNAL_H
#include "custody/page.h"

/* What the forms of the page share; see page.c. */

/* Whether the record stands on this page. */
bool page_shows(const struct page *page, const struct record *record);
/* How a field is protected where its record lies. */
void page_protection(const struct record *record, const struct field *field, struct strbuf *buf);

/* The sentences beside the records, in the order of the page. */
struct page_statement {
    const char *id, *title; /* "location", "Where the data lies" */
    void (*say)(const struct page *page, struct strbuf *buf);
};
extern const struct page_statement page_statements[];
extern const size_t page_statement_count;

void page_put_json(const struct page *page, struct strbuf *buf);
void page_put_html(const struct page *page, struct strbuf *buf);
void page_put_article_30(const struct page *page, struct strbuf *buf);
void page_put_fides(const struct page *page, struct strbuf *buf);

#endif
