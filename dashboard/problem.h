/* Errors as the API tells them: problem documents (RFC 9457), counted, never kept by a cache. */
#ifndef DASHBOARD_PROBLEM_H
#define DASHBOARD_PROBLEM_H

#include "httpd.h"
#include "metrics.h"

/* Answers `status` (400 or more); with 503 the client is asked to come back in 2 s. */
void problem_reply(struct dashboard_metrics *metrics, struct httpd_request *request, int status, const char *title,
                   const char *detail);
/* The same about one field of what was sent, which the member `field` names; NULL: none. */
void problem_reply_field(struct dashboard_metrics *metrics, struct httpd_request *request, int status,
                         const char *title, const char *detail, const char *field);

#endif
