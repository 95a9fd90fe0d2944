/* Options of isobar-coordinator. */
#ifndef COORDINATOR_OPTIONS_H
#define COORDINATOR_OPTIONS_H

#include "option.h"

#define COORDINATOR_OPTIONS(X)                                                                                         \
    OPTION_COMMON(X)                                                                                                   \
    X(TEXT, id, "", 0, 0, "name of this coordinator, [A-Za-z0-9._-]{1,64}; empty: host and process id")                \
    X(TEXT, bind, "tcp://127.0.0.1:7070", 0, 0, "endpoint for members; other than loopback needs CURVE or --insecure") \
    X(TEXT, advertise, "", 0, 0, "endpoint at which members reach this one, tcp://host:port; empty: as bound")         \
    X(TEXT, curve_key_file, "", 0, 0, "file with the coordinators' secret key; with it members need keys")             \
    X(TEXT, curve_allow_file, "", 0, 0, "file with who may connect: member, roles, public key; read again on SIGHUP")  \
    X(TEXT, redis, "127.0.0.1:6379", 0, 0, "Redis, host:port or unix:/path")                                           \
    X(TEXT, redis_user, "", 0, 0, "Redis ACL user; empty: the default user")                                           \
    X(SECRET, redis_password, "", 0, 0, "Redis password; only from the environment or a file")                         \
    X(INT, redis_timeout_ms, "2000", 100, 60000, "time after which an answer of Redis is given up, ms")                \
    X(TEXT, prefix, "isobar:", 0, 0, "prefix of all keys in Redis")                                                    \
    X(INT, calls_per_minute, "60", -1, 1000000,                                                                        \
      "API calls a minute of all fetchers together, of accounts that quota does not name; -1: no limit")               \
    X(TEXT, quota, "", 0, 0,                                                                                           \
      "limits by account, account=plan or account=60/m,1000000/mo, joined by ';'; those not named have "               \
      "calls_per_minute")                                                                                              \
    X(TEXT, every, "", 0, 0,                                                                                           \
      "time between two polls of a city that the first account of quota must suffice for, as 10m; empty: as the "      \
      "provider has it")                                                                                               \
    X(WORD, over_quota, "refuse|warn", 0, 0, "when it does not at the start: end with the numbers, or say them")       \
    X(INT, settle_ms, "1000", 0, 60000, "time a new leader listens to members before it assigns, ms")                  \
    X(INT, stall_ms, "10000", 0, 3600000,                                                                              \
      "a partition with lag that stands still so long while others get on is moved, ms; 0: never")                     \
    X(TEXT, webhook_url, "", 0, 0, "URL that alert events are POSTed to; https, unless --insecure; empty: none")       \
    X(SECRET, webhook_secret, "", 0, 0, "key that signs them; only from the environment or a file")                    \
    X(TEXT, webhook_ca_file, "", 0, 0, "PEM file with who may vouch for that server; empty: the system's")             \
    X(TEXT, webhook_allow_net, "", 0, 0,                                                                               \
      "networks that its name may lead to though they are not public: 10.1.0.0/16[,fd00::/8]")                         \
    X(INT, webhook_timeout_ms, "10000", 100, 60000, "time after which its answer is given up, ms")

struct coordinator_options {
    OPTION_STRUCT(COORDINATOR_OPTIONS)
};

#endif
