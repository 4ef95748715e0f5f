#ifndef APPS_TIMESHEET_ROUTES_REPORT_H
#define APPS_TIMESHEET_ROUTES_REPORT_H
#include "daemon/app.h"

/* What report_area is made of. Inside the routes_*.c of reports only. */
api_handler report_labels, report_issues, report_people, report_filters,
    report_jql_check;                                             /* routes_find.c */
api_handler saved_list, saved_create, saved_update, saved_delete; /* routes_saved.c */

#endif
