/* app.c: the timesheet app as the daemon sees it. */
#include "apps/timesheet/app.h"

const struct app timesheet_app = {
    .name = "timesheet",
};
