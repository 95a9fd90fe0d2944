/* See plan_size.h. */
#include "plan_size.h"

#include "duration.h"

/* In Redis, with what its hash takes for a field: measured with 400 cities, a reading every 10 minutes. */
#define PANE_BYTES  455
#define SHORT_BYTES 450 /* a window below an hour */
#define HOUR_BYTES  670 /* of an hour or more: with sketches */
#define DAY_BYTES   970
#define CITY_BYTES  1180             /* state and record */
#define REDIS_BYTES INT64_C(4000000) /* the server itself */

/* Resident, of programs: each with 40 and with 10,000 cities. */
#define WORKER_BYTES       INT64_C(26000000)
#define WORKER_CITY_BYTES  3600
#define FETCHER_BYTES      INT64_C(18600000)
#define FETCHER_CITY_BYTES 330

static int64_t window_bytes(const struct window_size *size)
{
    if (size->days)
        return DAY_BYTES;
    return size->sketched ? HOUR_BYTES : SHORT_BYTES;
}

/* How many spans of the length hold a reading. */
static int64_t filled(int64_t kept_ms, int64_t span_ms, int64_t interval_ms)
{
    return kept_ms / (span_ms > interval_ms ? span_ms : interval_ms) + 1;
}

struct plan_size plan_size(const struct windowset *windows, int64_t lateness_ms, int64_t interval_ms, int64_t cities,
                           int64_t workers)
{
    struct plan_size size = {.city_bytes = CITY_BYTES};
    for (size_t i = 0; i < windows->count; i++) {
        const struct window_size *one = &windows->sizes[i];
        size.city_bytes += filled(one->retention_ms, one->size_ms, interval_ms) * window_bytes(one);
    }
    size.city_bytes += filled(lateness_ms, windows->pane_ms, interval_ms) * PANE_BYTES;
    size.redis_bytes = REDIS_BYTES + cities * size.city_bytes;
    size.worker_bytes = workers * WORKER_BYTES + cities * WORKER_CITY_BYTES;
    size.fetcher_bytes = FETCHER_BYTES + cities * FETCHER_CITY_BYTES;
    return size;
}
