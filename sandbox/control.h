#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H
#include "http/server.h"

/*
 * The control path, /sandbox/…: how a test changes the site behind the client's back. JSON in, JSON
 * out, no credential; README.md describes each call.
 */
http_handler control_state, control_reset, control_worklogs, control_change_worklogs,
    control_change_issues, control_clock, control_webhook, control_token, control_faults_get,
    control_faults_add, control_faults_clear, control_limits, control_options, control_groups,
    control_people, control_mail, control_mail_clear;

#endif
