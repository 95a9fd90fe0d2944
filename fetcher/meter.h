/*
 * Whether a call may start, by everything that the account's limits leave to this fetcher: its share of a second and of
 * a minute (bucket.h) and its allowance of longer spans (allowance.h). A call's whole weight is taken from all of them
 * before it is sent, and never given back. Pure; times are monotonic ms, weights thousandths of a unit.
 */
#ifndef FETCHER_METER_H
#define FETCHER_METER_H

#include "allowance.h"
#include "bucket.h"

struct meter {
    struct bucket second, minute;
    struct allowance allowance;
};

/* Nothing may start until there are shares and an allowance. */
void meter_init(struct meter *meter, int64_t now_ms);
/* The shares, 1/1000 a second and a minute; BUCKET_UNLIMITED. */
void meter_share(struct meter *meter, int32_t second_milli, int32_t minute_milli, int64_t now_ms);
/* What one call that starts now may weigh; 0: none may start. */
int64_t meter_room(struct meter *meter, int64_t now_ms);
/* When to ask again for a call of that weight; INT64_MAX: when there is another share or grant. */
int64_t meter_retry_ms(struct meter *meter, int64_t milli, int64_t now_ms);
/* A call of that weight starts (there was room). */
void meter_begin(struct meter *meter, int64_t milli, int64_t now_ms);
/* A call of that weight has ended, however. */
void meter_end(struct meter *meter, int64_t milli, int64_t now_ms);

#endif
