/*
 * Random ids and jitter. Ids are from the kernel (getrandom) since exactly-once depends on their being unique;
 * jitter is from a small seeded generator so that tests repeat.
 */
#ifndef ISOBAR_ENTROPY_H
#define ISOBAR_ENTROPY_H

#include <stdint.h>

#define ENTROPY_ID_BYTES 33

/* Writes a 128-bit random id as 32 lower-case hex digits and '\0' into `out` (ENTROPY_ID_BYTES). */
void entropy_id(char *out);
/* A random positive 63-bit number from the kernel, for incarnations. */
int64_t entropy_i63(void);

struct jitter {
    uint64_t state;
};

/* Seeds `jitter`; seed 0 takes one from the kernel. */
void jitter_init(struct jitter *jitter, uint64_t seed);
/* Uniform in [0, bound); 0 when bound <= 0. Generator: SplitMix64 (Steele et al. 2014). */
int64_t jitter_below(struct jitter *jitter, int64_t bound);
/*
 * Full-jitter back-off (AWS architecture blog, 2015): uniform in [0, min(cap_ms, base_ms * 2^attempt)].
 * attempt counts from 0, as far as one likes. 0 when base_ms or cap_ms is 0.
 */
int64_t jitter_backoff_ms(struct jitter *jitter, int attempt, int64_t base_ms, int64_t cap_ms);

#endif
