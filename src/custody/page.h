#ifndef CUSTODY_PAGE_H
#define CUSTODY_PAGE_H
#include "policy/catalog.h"

/*
 * The data-storage page, from the catalogue alone: every record and field, its class, why it is
 * kept, for how long, how it is protected.
 */
enum page_form { PAGE_TEXT, PAGE_JSON, PAGE_HTML };
MUST_USE enum err_class page_write(const struct catalog *catalog, enum page_form form,
                                   struct strbuf *ret, struct err *err);

#endif
