#ifndef APPS_TIMESHEET_CHANGED_H
#define APPS_TIMESHEET_CHANGED_H
#include "store/data.h"

/*
 * Rows of this app's records were taken out or put in by the platform (app.rows_changed). In the
 * open write transaction. ERR_INPUT, ERR_LIMIT: what is there now is not what the settings may be.
 */
MUST_USE enum err_class timesheet_rows_changed(struct tenant *tenant, struct err *err);

#endif
