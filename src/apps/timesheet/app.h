#ifndef APPS_TIMESHEET_APP_H
#define APPS_TIMESHEET_APP_H
#include "daemon/app.h"

/* The app as the daemon sees it. */
extern const struct app timesheet_app;

/* What the app keeps in memory for a tenant; each part is thread-safe by itself. */
struct timesheet_state {
    struct site_columns *columns; /* site.h: the worklogs, for reports */
    struct board *board;          /* board.h: the synchronization under way */
    struct groups *groups;        /* rights.h: who is in which group, for a while */
};
struct timesheet_state *timesheet_state(const struct site *site);

/* Its routes, one area a file. */
extern const struct api_area worklog_area;  /* routes_worklogs.c */
extern const struct api_area write_area;    /* routes_write.c */
extern const struct api_area report_area;   /* routes_report.c */
extern const struct api_area sync_area;     /* routes_sync.c */
extern const struct api_area settings_area; /* routes_settings.c */

#endif
