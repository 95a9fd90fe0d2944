/*
 * The two clocks of the machine. Only main loops and the edges read them: pure logic gets time as a parameter.
 * Deadlines and intervals use the monotonic clock, timestamps the wall clock.
 */
#ifndef ISOBAR_CLOCK_H
#define ISOBAR_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_BYTES 32

/* Unix time in milliseconds. */
int64_t clock_wall_ms(void);
/* Milliseconds since an arbitrary point; never goes back. */
int64_t clock_monotonic_ms(void);
/* Microseconds of the monotonic clock, for latencies. */
int64_t clock_monotonic_us(void);
/* Writes Unix time `ms` as 2026-11-23T08:15:30.123Z into `out` (at least CLOCK_TEXT_BYTES) and returns it. */
const char *clock_text(int64_t ms, char *out, size_t size);

#endif
