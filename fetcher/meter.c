/* See meter.h. */
#include "meter.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void meter_init(struct meter *meter, int64_t now_ms)
{
    *meter = (struct meter){0};
    bucket_init(&meter->second, BUCKET_SECOND_MS, now_ms);
    bucket_init(&meter->minute, BUCKET_MINUTE_MS, now_ms);
}

void meter_share(struct meter *meter, int32_t second_milli, int32_t minute_milli, int64_t now_ms)
{
    bucket_set(&meter->second, second_milli, now_ms);
    bucket_set(&meter->minute, minute_milli, now_ms);
}

int64_t meter_room(struct meter *meter, int64_t now_ms)
{
    int64_t brief = smaller(bucket_room(&meter->second, now_ms), bucket_room(&meter->minute, now_ms));
    return smaller(brief, allowance_room(&meter->allowance, now_ms));
}

int64_t meter_retry_ms(struct meter *meter, int64_t milli, int64_t now_ms)
{
    int64_t retry_ms = now_ms;
    struct bucket *const buckets[] = {&meter->second, &meter->minute};
    if (allowance_room(&meter->allowance, now_ms) < milli)
        return INT64_MAX;
    for (int i = 0; i < 2; i++) {
        int64_t ready_ms =
            bucket_room(buckets[i], now_ms) < milli ? bucket_retry_ms(buckets[i], milli, now_ms) : now_ms;
        retry_ms = ready_ms > retry_ms ? ready_ms : retry_ms;
    }
    return retry_ms;
}

void meter_begin(struct meter *meter, int64_t milli, int64_t now_ms)
{
    bucket_begin(&meter->second, milli, now_ms);
    bucket_begin(&meter->minute, milli, now_ms);
    allowance_take(&meter->allowance, milli);
}

void meter_end(struct meter *meter, int64_t milli, int64_t now_ms)
{
    bucket_end(&meter->second, milli, now_ms);
    bucket_end(&meter->minute, milli, now_ms);
    allowance_end(&meter->allowance, milli);
}
