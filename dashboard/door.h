/*
 * The door of the API: every request below /api/ comes through here. It finds out who sends it (access.h), keeps out
 * who may not read, hands commands of operators to the desk, and does what has to do with sessions:
 *
 *     GET    /api/v1/session    who one is, and what is possible
 *     POST   /api/v1/session    changes a token (Authorization: Bearer) into a cookie, since a browser's event stream
 *                               can send no header
 *     DELETE /api/v1/session    takes the cookie back
 *     GET    /api/v1/audit      who had what done; for operators
 */
#ifndef DASHBOARD_DOOR_H
#define DASHBOARD_DOOR_H

#include "access.h"
#include "desk.h"
#include "httpd.h"
#include "metrics.h"
#include "store.h"

struct door {
    struct access access;
    struct desk *desk;   /* NULL: no commands; before desk_free they are not given any more */
    struct store *store; /* for the audit; NULL while the program stops */
    const char *prefix;
    struct dashboard_metrics *metrics;
};

/*
 * True when the request may go on to the routes that read. Else it has been answered, or will be. Paths that are not of
 * the API, the page's files, are for everybody; so is /livez, and of /readyz whether it is.
 */
bool door_opens(struct door *door, struct httpd_request *request) __attribute__((warn_unused_result));

#endif
