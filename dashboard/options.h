/* Options of isobar-dashboard. */
#ifndef DASHBOARD_OPTIONS_H
#define DASHBOARD_OPTIONS_H

#include "option.h"

#define DASHBOARD_OPTIONS(X)                                                                                           \
    OPTION_COMMON(X)                                                                                                   \
    X(TEXT, bind, "127.0.0.1", 0, 0, "address of the page and the API; other than loopback needs --insecure")          \
    X(INT, port, "8080", 0, 65535, "port of the page and the API; 0 takes a free one and logs it")                     \
    X(TEXT, redis, "127.0.0.1:6379", 0, 0, "Redis, host:port or unix:/path")                                           \
    X(TEXT, redis_user, "", 0, 0, "Redis ACL user; empty: the default user")                                           \
    X(SECRET, redis_password, "", 0, 0, "Redis password; only from the environment or a file")                         \
    X(TEXT, prefix, "isobar:", 0, 0, "prefix of all keys in Redis")                                                    \
    X(INT, redis_timeout_ms, "3000", 100, 60000, "time after which an answer of Redis is given up, ms")                \
    X(INT, connections, "12000", 10, 100000, "open connections in all, most of them for live streams")                 \
    X(INT, connections_per_address, "1000", 1, 100000, "live streams of one address, and as many other connections")   \
    X(INT, deadline_ms, "10000", 100, 600000, "time for one request, live streams excepted, ms")                       \
    X(INT, update_ms, "200", 20, 5000, "least time between two live updates, ms")                                      \
    X(TEXT, style, "", 0, 0, "style sheet of your own for the page, a file of at most 64 KiB; empty: none")

struct dashboard_options {
    OPTION_STRUCT(DASHBOARD_OPTIONS)
};

#endif
