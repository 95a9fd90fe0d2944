/* See parts.h. Sums wrap rather than overflow: a damaged window must not be undefined behaviour. */
#include "parts.h"

static void add_amount(int64_t *sum, int64_t more)
{
    (void)__builtin_add_overflow(*sum, more, sum);
}

static void add_time(int32_t *sum, int32_t more)
{
    (void)__builtin_add_overflow(*sum, more, sum);
}

void parts_add(struct parts *parts, const struct parts *more)
{
    add_amount(&parts->rain_um, more->rain_um);
    add_amount(&parts->snow_um, more->snow_um);
    add_time(&parts->rain_covered_ms, more->rain_covered_ms);
    add_time(&parts->snow_covered_ms, more->snow_covered_ms);
    add_time(&parts->covered_ms, more->covered_ms);
}

void parts_subtract(struct parts *parts, const struct parts *less)
{
    (void)__builtin_sub_overflow(parts->rain_um, less->rain_um, &parts->rain_um);
    (void)__builtin_sub_overflow(parts->snow_um, less->snow_um, &parts->snow_um);
    (void)__builtin_sub_overflow(parts->rain_covered_ms, less->rain_covered_ms, &parts->rain_covered_ms);
    (void)__builtin_sub_overflow(parts->snow_covered_ms, less->snow_covered_ms, &parts->snow_covered_ms);
    (void)__builtin_sub_overflow(parts->covered_ms, less->covered_ms, &parts->covered_ms);
}

bool parts_any(const struct parts *parts)
{
    return parts->rain_um || parts->snow_um || parts->rain_covered_ms || parts->snow_covered_ms || parts->covered_ms;
}
