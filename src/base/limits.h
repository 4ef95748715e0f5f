#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H
/*
 * Every limit of the program, in one table. Bytes unless the name says otherwise. A limit is
 * reached with an error that names it, never with a crash or a silent cut.
 */

/* Values */
#define LIMIT_TENANT_NAME_BYTES 63
#define LIMIT_URL_BYTES 2048
#define LIMIT_ACCOUNT_ID_BYTES 255 /* Jira Cloud says 128; Data Center keys are user chosen */
#define LIMIT_COMMENT_BYTES (1024 * 1024)
#define LIMIT_TAG_NAME_BYTES 255
#define LIMIT_TAGS_PER_WORKLOG 100
#define LIMIT_SECRET_BYTES (16 * 1024)

/* JSON and text */
#define LIMIT_JSON_DEPTH 64
#define LIMIT_JSON_BYTES (64 * 1024 * 1024)
#define LIMIT_JSON_MEMBERS 256 /* of one object in a request */
#define LIMIT_FILE_BYTES (64 * 1024 * 1024)

/* Remote calls */
#define LIMIT_HTTP_BODY_BYTES (64 * 1024 * 1024) /* of one answer */
#define LIMIT_HTTP_HEADERS_BYTES (64 * 1024)     /* of one answer, all header lines */
#define LIMIT_HTTP_REDIRECTS 3
#define LIMIT_HTTP_CONNECT_MS 10000
#define LIMIT_HTTP_TOTAL_MS 120000
#define LIMIT_HTTP_TRIES 4 /* the first one included */
#define LIMIT_HTTP_IN_FLIGHT 8

/* Jira */
#define LIMIT_FEED_PAGE_ROWS 1000   /* the official maximum of the worklog feeds */
#define LIMIT_JQL_BYTES (32 * 1024) /* of one query */
#define LIMIT_WARNINGS_KEPT 10000   /* warnings kept of one run */

/* Jobs */
#define LIMIT_JOBS 1000000          /* in the queue, whatever their state */
#define LIMIT_JOBS_OF_TENANT 100000 /* the same, of one tenant */
#define LIMIT_JOB_TRIES 12
#define LIMIT_WORKERS 64

/* Reports */
#define LIMIT_REPORT_GROUPS 4
#define LIMIT_REPORT_CELLS 4000000 /* cells of one report's result */
#define LIMIT_REPORT_YEARS 100
#define LIMIT_COLUMNS_ROWS 100000000

/* Store */
#define LIMIT_SQL_PARAMETERS 64

#endif
