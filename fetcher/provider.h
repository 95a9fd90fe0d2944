/*
 * What the fetcher knows of a weather API, behind one small interface: how to ask, how to read the answer, whom to
 * name. A provider is one file that is pure (no socket, no curl, no clock) and one row in provider.c; nothing else
 * changes for a new one. A call may ask for many places. How fast an API may be called belongs to the coordinator's
 * share, how often a place is worth asking to the provider.
 */
#ifndef FETCHER_PROVIDER_H
#define FETCHER_PROVIDER_H

#include "buf.h"
#include "cadence.h"
#include "observation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROVIDER_URL_MAX 8000 /* bytes; servers refuse longer ones */

/* What became of a call; the second column is its name in logs, metrics and tests. */
#define FETCH_STATUSES(X)                                                                                              \
    X(FETCH_OK, "ok")                               /* rows were read */                                               \
    X(FETCH_KEY_REFUSED, "key_refused")             /* the API does not take the key */                                \
    X(FETCH_BAD_PLACE, "bad_place")                 /* this place cannot be asked for; others can */                   \
    X(FETCH_RATE_LIMITED, "rate_limited")           /* too many calls on the key */                                    \
    X(FETCH_SERVER_ERROR, "server_error")           /* the API failed */                                               \
    X(FETCH_BROKEN_BODY, "broken_body")             /* not JSON, or cut off */                                         \
    X(FETCH_UNEXPECTED_SHAPE, "unexpected_shape")   /* JSON, but not what was asked for */                             \
    X(FETCH_UNEXPECTED_STATUS, "unexpected_status") /* e.g. a redirect: none is followed */                            \
    X(FETCH_BAD_TIME, "bad_time")                   /* time of the data before 2000 or in the future */                \
    X(FETCH_TOO_LARGE, "body_too_large")            /* more than the body cap */                                       \
    X(FETCH_TIMEOUT, "timeout")                     /* no whole answer in time */                                      \
    X(FETCH_NETWORK, "network")                     /* no connection, TLS refused, connection lost */                  \
    X(FETCH_NO_NAME, "name_not_found")              /* DNS has no address for the host, or does not answer */          \
    X(FETCH_ADDRESS_REFUSED, "address_refused")     /* the host's name leads to a network that is not allowed */

#define FETCH_ENUM(id, name) id,
enum fetch_status { FETCH_STATUSES(FETCH_ENUM) FETCH_STATUS_COUNT };
#undef FETCH_ENUM

/* A provider's products: what it can be asked for. */
enum fetch_call { FETCH_CURRENT, FETCH_HISTORY, FETCH_AIR, FETCH_CALLS };

struct provider_place {
    int64_t city_id;
    int32_t latitude_e5, longitude_e5; /* 1e-5 deg north and east */
    char station[5];                   /* ICAO location indicator; "": none */
};

struct provider_request {
    enum fetch_call call;
    const struct provider_place *places; /* borrowed; cities differ; one for a history */
    size_t count;                        /* 1 to places_max */
    int64_t start_ms, end_ms;            /* history: event times wanted, Unix ms */
};

struct provider_answer {
    enum fetch_call call;
    int http_status;
    const char *body; /* borrowed; need not end in '\0' */
    size_t size;
    const struct provider_place *places; /* those of the request: matched by position, never by name or coordinates */
    size_t count;
    int64_t fetched_at_ms; /* Unix ms */
};

/*
 * What a parser reads out of an answer. Zero-initialise; reusable; released with provider_rows_release. Rows are in the
 * order of the request's places and have the place's city.
 */
struct provider_rows {
    struct observation *rows;
    size_t count, capacity;
    enum fetch_status *statuses; /* by place, when the answer as a whole is FETCH_OK */
    size_t place_count, place_capacity;
    int64_t retry_after_ms; /* for how long the body says not to call again; -1: it does not say */
    int64_t left_out;       /* values that were there but could not be used, in all since the start */
    int64_t skipped;        /* history items that could not be used, in all since the start */
    int64_t empty;          /* places of which nothing was known, in all since the start */
    char reason[160]; /* why the status is not FETCH_OK: English, without anything from the body but JSON punctuation */
};

struct provider {
    const char *name;         /* as --source names it */
    const char *account;      /* what its limits are counted for, over all its products */
    const char *base_url;     /* default; empty: must be given */
    const char *air_base_url; /* of the air, when it has a host of its own; NULL: base_url. A given one is of both */
    bool needs_key;
    bool needs_station;      /* places without a station are not asked for */
    int64_t interval_ms;     /* a place asked more often says nothing new */
    int64_t reading_ms;      /* a place that is well has a new reading so often at least; 0: whenever it is asked */
    int64_t air_interval_ms; /* the same of its air; 0: has none */
    bool air_by_default;     /* unless --air says otherwise */
    int64_t history_hours;   /* asked for once per city at the start; 0: has no history */
    size_t places_max;       /* places of one call, but of a history one; its URL is below PROVIDER_URL_MAX then */
    int64_t concurrency_max; /* calls at a time of one fetcher; 0: as many as its option says */
    const char *attribution; /* that the API's terms want shown */
    const char *attribution_url;
    /* The weight of a call for so many places, in thousandths of what the provider counts as a call; above 0. */
    int32_t (*cost_milli)(enum fetch_call call, size_t places);
    /* Appends the URL of `request` below `base` (no slash at its end). The result contains the key: it is a secret. */
    void (*url)(const struct provider_request *request, const char *base, const char *key, struct buf *out);
    /*
     * Reads an answer into `rows` (by provider_rows_start first). The result is that of the answer as a whole; when it
     * is FETCH_OK, each place has a status of its own in `rows`, of which at least one is FETCH_OK. A place that is
     * FETCH_OK has one row; none when nothing is known there; any number in a history. Rows pass batch_decode; what
     * would not is left out and counted. Never fails otherwise than by its result.
     */
    enum fetch_status (*parse)(const struct provider_answer *answer, struct provider_rows *rows);
};

/* The provider of a --source; NULL when there is none of that name. */
const struct provider *provider_find(const char *name);
/* What one of its cities costs when it is asked each `every_ms` (0: as often as the provider has something new). */
struct cadence provider_cadence(const struct provider *provider, bool air, int64_t every_ms);
/* Appends the names of all providers, comma-separated, for messages. */
void provider_names(struct buf *out);
/* How often its cities have a new reading, at least, when they are asked each `every_ms`. */
int64_t provider_reading_ms(const struct provider *provider, int64_t every_ms);
/* Name of a status, e.g. "rate_limited". */
const char *fetch_status_name(enum fetch_status status);
/* What an HTTP status other than 200 means for every provider that keeps to HTTP; FETCH_OK for 200. */
enum fetch_status fetch_status_of_http(int http_status);
/* Empties `rows` for the answer to a call for so many places, each FETCH_OK as yet; counters stay. */
void provider_rows_start(struct provider_rows *rows, size_t places);
/* A zeroed row at the end of `rows`. The pointer is valid until the next one is added. */
struct observation *provider_rows_add(struct provider_rows *rows);
/* Sets the reason, printf-like, and returns `status`. */
enum fetch_status provider_fail(struct provider_rows *rows, enum fetch_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* True when data of that time, Unix s, can be the current ones: from 2000 on, and at most 5 min after `fetched_at_ms`.
 */
bool provider_time_is_good(double seconds, int64_t fetched_at_ms);
/* Appends a coordinate in degrees, with all five decimals. */
void provider_append_degrees(struct buf *out, int32_t degrees_e5);
/* Appends `text` with everything but unreserved characters (RFC 3986) percent-encoded. */
void provider_append_encoded(struct buf *out, const char *text);
/* Frees the rows; counters stay. */
void provider_rows_release(struct provider_rows *rows);

#endif
