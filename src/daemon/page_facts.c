/* page_facts.c: what the settings say on the data-storage page. */
#include "daemon/config.h"

struct page_facts config_page_facts(const struct config *config)
{
    return (struct page_facts){
        .operator_name = config->page.operator_name,
        .contact = config->page.contact,
        .location = config->page.location,
        .processors = config->page.processors,
        .key_provider = "",
        .remote_place = config->backup.s3_endpoint,
        .backup_every_h = config->backup.every_h,
        .backup_keep_days = config->backup.keep_days,
        .remote_keep_days = config->backup.s3_keep_days,
    };
}
