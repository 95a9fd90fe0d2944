/* The machine's clocks (clock.h). */
#include "clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

const char *clock_text(int64_t ms, char *out, size_t size)
{
    int64_t seconds = ms / 1000, part = ms % 1000;
    if (part < 0) {
        part += 1000;
        seconds--;
    }
    time_t at = (time_t)seconds;
    struct tm utc;
    size_t used = gmtime_r(&at, &utc) ? strftime(out, size, "%Y-%m-%dT%H:%M:%S", &utc) : 0;
    if (used == 0)
        snprintf(out, size, "out-of-range");
    else
        snprintf(out + used, size - used, ".%03dZ", (int)part);
    return out;
}
