/* Options of isobar-worker. */
#ifndef WORKER_OPTIONS_H
#define WORKER_OPTIONS_H

#include "option.h"

#define WORKER_OPTIONS(X)                                                                                              \
    OPTION_COMMON(X)                                                                                                   \
    X(TEXT, id, "", 0, 0, "member id, [A-Za-z0-9._-]{1,64}; empty: host and process id")                               \
    X(TEXT, zone, "", 0, 0, "failure domain, for spreading")                                                           \
    X(INT, capacity, "100", 1, 100000, "relative capacity; 100 is one core")                                           \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers, host:port[,host:port]")                           \
    X(TEXT, group, "isobar", 0, 0, "Kafka group under which offsets are noted for lag tools")                          \
    X(TEXT, deadletter_topic, "weather.deadletter", 0, 0, "topic for rows that could not be used")                     \
    X(TEXT, redis, "127.0.0.1:6379", 0, 0, "Redis, host:port or unix:/path")                                           \
    X(TEXT, redis_user, "", 0, 0, "Redis ACL user; empty: the default user")                                           \
    X(SECRET, redis_password, "", 0, 0, "Redis password; only from the environment or a file")                         \
    X(INT, redis_timeout_ms, "3000", 100, 60000, "time after which an answer of Redis is given up, ms")                \
    X(TEXT, prefix, "isobar:", 0, 0, "prefix of all keys in Redis")                                                    \
    X(TEXT, coordinator, "tcp://127.0.0.1:7070", 0, 0, "coordinators' endpoints, comma-separated; empty: Redis tells") \
    X(TEXT, curve_key_file, "", 0, 0, "file with this member's secret key; with it coordinators need CURVE")           \
    X(TEXT, curve_server_key, "", 0, 0,                                                                                \
      "coordinators' public key, or a file with those to try; a list: one per endpoint")                               \
    X(INT, fetch_memory, "16", 1, 65536, "Kafka fetch queue over all partitions, MiB")                                 \
    X(INT, window_memory, "8", 1, 65536, "cache of folded windows over all partitions, MiB")                          \
    X(INT, commit_ms, "5", 1, 10000, "least time between two commits of a partition, ms")                              \
    X(INT, commit_max_ms, "100", 1, 60000, "the same when the worker is busy, ms")                                     \
    X(INT, commit_fields, "1000", 10, 4000, "changed records that make a commit due at once")                          \
    X(INT, acquires_per_second, "500", 0, 100000, "partitions acquired a second at most; 0: no limit")                 \
    X(INT, tick_s, "10", 1, 3600, "time between ticks of a partition, s")                                              \
    X(INT, log_check_s, "10", 1, 3600, "time between two checks that a partition's log is still the same, s")          \
    X(FLAG, replay, "false", 0, 0,                                                                                     \
      "replays what isobarctl replay has prepared under the prefix, without a coordinator")                            \
    X(TEXT, journal, "", 0, 0, "file that gets a line per acquire and commit, with monotonic ms; for tests")

struct worker_options {
    OPTION_STRUCT(WORKER_OPTIONS)
};

#endif
