/* Options of isobar-fetcher. */
#ifndef FETCHER_OPTIONS_H
#define FETCHER_OPTIONS_H

#include "option.h"

#define FETCHER_OPTIONS(X)                                                                                             \
    OPTION_COMMON(X)                                                                                                   \
    X(TEXT, id, "", 0, 0, "member id, [A-Za-z0-9._-]{1,64}; empty: host and process id")                               \
    X(TEXT, zone, "", 0, 0, "failure domain, for spreading")                                                           \
    X(INT, capacity, "100", 1, 100000, "relative capacity; 100 is one core")                                           \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers, host:port[,host:port]")                           \
    X(TEXT, topic, "weather.observations", 0, 0, "topic for observations; its partitions are the shards")              \
    X(WORD, compression, "lz4|zstd|snappy|gzip|none", 0, 0, "compression of records")                                  \
    X(TEXT, coordinator, "tcp://127.0.0.1:7070", 0, 0, "coordinators' endpoints, comma-separated")                     \
    X(TEXT, curve_key_file, "", 0, 0, "file with this member's secret key; with it coordinators need CURVE")           \
    X(TEXT, curve_server_key, "", 0, 0,                                                                                \
      "coordinators' public key, or a file with those to try; a list: one per endpoint")                               \
    X(TEXT, source, "openweathermap", 0, 0,                                                                            \
      "where the weather comes from: openweathermap, open-meteo, metar or replay; several in order, comma-separated: " \
      "the "                                                                                                           \
      "next "                                                                                                          \
      "is asked for a city when those before it fail there")                                                           \
    X(FLAG, second_opinion, "false", 0, 0, "with several sources: ask two of them, the second makes series 1")         \
    X(SECRET, api_key, "", 0, 0, "key of the source, or source=key[,source=key]; only from the environment or a file") \
    X(TEXT, base_url, "", 0, 0,                                                                                        \
      "https://host[:port] of the source, or source=https://...[,source=https://...]; empty: its own")                 \
    X(WORD, air, "auto|on|off", 0, 0, "air quality too, hourly; auto: with open-meteo, not with openweathermap")       \
    X(TEXT, air_base_url, "", 0, 0, "https://host[:port] of the air quality; empty: base_url, or the source's own")    \
    X(FLAG, allow_http, "false", 0, 0, "allow http in base_url, for a server of one's own; keys travel in clear")      \
    X(TEXT, allow_net, "", 0, 0,                                                                                       \
      "networks that base_url's name may lead to though they are not public: 10.1.0.0/16[,fd00::/8]")                  \
    X(TEXT, proxy, "", 0, 0, "HTTP proxy for the source; empty: none, whatever the environment says")                  \
    X(TEXT, ca_file, "", 0, 0, "PEM file of the authorities trusted for the source; empty: the system's")              \
    X(INT, interval_s, "0", 0, 86400, "time between two polls of a city, s; 0: each source's own")                     \
    X(WORD, rhythm, "on|off", 0, 0, "poll right after a city's readings change, as was learnt; off: every interval_s") \
    X(INT, calls_per_minute, "-1", -1, 1000000,                                                                        \
      "most calls a minute of this fetcher to each source, whatever its share; -1: its share")                         \
    X(INT, history_hours, "-1", -1, 168, "history to ask for once per city, hours; 0: none, -1: as the source has it") \
    X(INT, concurrency, "8", 1, 64, "calls at a time")                                                                 \
    X(INT, connect_timeout_ms, "5000", 100, 60000, "time to connect to the source, ms")                                \
    X(INT, timeout_ms, "10000", 100, 120000, "time for a whole call, ms")

struct fetcher_options {
    OPTION_STRUCT(FETCHER_OPTIONS)
};

#endif
