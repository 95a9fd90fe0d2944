/* Options of isobar-dashboard. */
#ifndef DASHBOARD_OPTIONS_H
#define DASHBOARD_OPTIONS_H

#include "option.h"

#define DASHBOARD_OPTIONS(X)                                                                                           \
    OPTION_COMMON(X)                                                                                                   \
    X(TEXT, bind, "127.0.0.1", 0, 0,                                                                                   \
      "address of the page and the API; other than loopback needs a token for reading, users of a proxy, or "          \
      "--insecure")                                                                                                    \
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
    X(TEXT, style, "", 0, 0, "style sheet of your own for the page, a file of at most 64 KiB; empty: none")            \
    X(SECRET, operator_token, "", 0, 0,                                                                                \
      "token that lets operators give commands; only from the environment or a file")                                  \
    X(TEXT, operator_token_file, "", 0, 0, "file whose first line is that token; read again on SIGHUP")                \
    X(SECRET, read_token, "", 0, 0, "token without which nothing is shown; only from the environment or a file")       \
    X(TEXT, read_token_file, "", 0, 0, "file whose first line is that token; read again on SIGHUP")                    \
    X(TEXT, proxy_user_header, "", 0, 0,                                                                               \
      "header in which a front proxy names the user, as X-Remote-User; empty: none")                                   \
    X(TEXT, proxy_from, "", 0, 0, "networks of front proxies, 10.1.0.0/16,::1: whose words about users are believed")  \
    X(TEXT, operators, "", 0, 0, "users of the proxy who may give commands, comma list; empty: none")                  \
    X(TEXT, coordinator, "", 0, 0, "for commands: coordinators, tcp://host:port[,...]; empty: the leader in Redis")    \
    X(TEXT, id, "", 0, 0, "for commands, with keys: this program's id in the coordinators' allow file")                \
    X(TEXT, curve_key_file, "", 0, 0, "for commands: file with this program's secret key, an operator's")              \
    X(TEXT, curve_server_key, "", 0, 0, "for commands: coordinators' public key, or a file with those to try")         \
    X(TEXT, table, "", 0, 0, "table of known places for adding cities, CSV; empty: the one that came with Isobar")     \
    X(TEXT, zoneinfo, "/usr/share/zoneinfo", 0, 0, "folder of the IANA time zones that added cities may name")

struct dashboard_options {
    OPTION_STRUCT(DASHBOARD_OPTIONS)
};

#endif
