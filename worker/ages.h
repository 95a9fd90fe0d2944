/*
 * How old readings are when their commit is acknowledged, by provider: since they were observed, fetched and produced,
 * and when the newest of each stage was. Pure; all times are Unix ms. The newest reading of a city counts, once: what a
 * page shows. Nothing of it is stored, so a worker knows of what it committed itself.
 */
#ifndef WORKER_AGES_H
#define WORKER_AGES_H

#include "buf.h"

#include <stddef.h>
#include <stdint.h>

#define AGES_PROVIDERS 32 /* numbers of isobar.v1.Provider that are told apart; others count as 0, unknown */
#define AGES_BOUNDS    17

enum ages_stage { AGES_OBSERVED, AGES_FETCHED, AGES_PRODUCED, AGES_COMMITTED, AGES_STAGES };

struct ages_histogram {
    int64_t buckets[AGES_BOUNDS + 1]; /* the last one: above all bounds */
    int64_t count, sum_ms;
};

struct ages_provider {
    struct ages_histogram histograms[AGES_COMMITTED]; /* ages at the commit */
    int64_t newest_ms[AGES_STAGES];                   /* 0: none yet */
};

/* Zero-initialise. */
struct ages {
    struct ages_provider providers[AGES_PROVIDERS];
};

/* A reading was committed at `times_ms[AGES_COMMITTED]`. A stage whose time is not known (0) is left out. */
void ages_note(struct ages *ages, int32_t provider, const int64_t times_ms[AGES_STAGES]);
/* How long ago the newest reading of a stage was, not below 0; -1: there was none. */
int64_t ages_newest_ms(const struct ages *ages, int32_t provider, enum ages_stage stage, int64_t now_ms);
/* "observed", "fetched", "produced" or "committed". */
const char *ages_stage_name(enum ages_stage stage);
/* Writes the families age_seconds (a histogram of ages at the commit) and newest_age_seconds (now) of `component`. */
void ages_families(const struct ages *ages, const char *component, int64_t now_ms, struct buf *out);

#endif
