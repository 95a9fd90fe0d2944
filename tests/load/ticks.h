/*
 * When each client of a crowd had each event of the server: how long after it was made, and after the first client had
 * it. An event is known by its version, the number in its id.
 */
#ifndef LOAD_TICKS_H
#define LOAD_TICKS_H

#include <stddef.h>
#include <stdint.h>

struct tick {
    uint64_t version;
    int64_t first_us; /* wall clock, when the first client had it */
    uint32_t received;
};

struct samples {
    uint32_t *values; /* us */
    size_t count, capacity;
};

struct ticks {
    struct tick *items; /* ascending by version */
    size_t count, capacity;
    uint64_t before;             /* versions up to this are not measured */
    struct samples late, behind; /* after the server made it, and after the first client had it */
};

/* Forgets what was measured; versions seen so far are not measured any more. */
void ticks_reset(struct ticks *ticks);
void ticks_release(struct ticks *ticks);
/* A client has the event of `version`, made at `at_ms`, at `now_us`; both of the wall clock. */
void ticks_take(struct ticks *ticks, uint64_t version, int64_t at_ms, int64_t now_us);
/* Events that at least `clients` have had. */
size_t ticks_complete(const struct ticks *ticks, uint32_t clients);
void samples_add(struct samples *samples, int64_t us);
void samples_release(struct samples *samples);
/* The value, ms, that a share `q` of the samples does not exceed; 0 without samples. Sorts them. */
double samples_quantile(struct samples *samples, double q);

#endif
