#ifndef CUSTODY_LEAVE_H
#define CUSTODY_LEAVE_H
#include "store/data.h"

/* What becomes of a tenant whose app was uninstalled. */
enum leave_choice {
    LEAVE_STAYS,    /* it is connected again: nothing */
    LEAVE_SETTINGS, /* its configuration is kept for a later install, everything else goes */
    LEAVE_NOTHING,  /* it is erased; the usual */
};
const char *leave_choice_name(enum leave_choice choice);

/*
 * Removes every row of the tenant but its configuration (record_is_configuration) and the persons
 * that the configuration names. Takes the writer lock; ERR_CONFLICT: a sync has it for longer than
 * wait_ms. One transaction; harmless when repeated.
 */
MUST_USE enum err_class leave_settings(struct tenant *tenant, int64_t wait_ms, struct err *err);

#endif
