/* See survey.h. */
#include "survey.h"

#include "mem.h"
#include "metric.h"
#include "quantity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PROVIDERS  32 /* numbers of isobar.v1.Provider that are told apart; others count as 0, unknown */
#define PER_OCTAVE 16
#define BUCKETS    (PER_OCTAVE * 42) /* 2^42 ms are 139 years */

static const char *const names[] = {"observed", "fetched", "produced", "committed"};

struct ages {
    int64_t count;
    int32_t buckets[BUCKETS];
};

int64_t survey_age_ms(const struct city *city, enum survey_stage stage, int64_t now_ms)
{
    const int64_t times[] = {city->latest.observed_at_ms, city->latest.fetched_at_ms, city->latest.produced_at_ms,
                             city->committed_at_ms};
    int64_t at = city->has_latest ? times[stage] : 0;
    return at <= 0 ? -1 : now_ms > at ? now_ms - at : 0;
}

void survey_encode(const struct city *city, int64_t now_ms, struct buf *out)
{
    const char *comma = "";
    buf_text(out, "\"ages\":{");
    for (int stage = 0; stage < SURVEY_STAGES; stage++) {
        int64_t age = survey_age_ms(city, (enum survey_stage)stage, now_ms);
        if (age < 0)
            continue;
        buf_printf(out, "%s\"%s_ms\":%lld", comma, names[stage], (long long)age);
        comma = ",";
    }
    buf_byte(out, '}');
}

static void add(struct ages *ages, int64_t age_ms)
{
    int bucket = (int)(PER_OCTAVE * log2((double)age_ms + 1));
    ages->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    ages->count++;
}

/* Seconds at which the bucket of the quantile ends. */
static double quantile_s(const struct ages *ages, double quantile)
{
    int64_t rank = (int64_t)ceil(quantile * (double)ages->count), below = 0;
    int bucket = 0;
    while (bucket < BUCKETS - 1 && (below += ages->buckets[bucket]) < rank)
        bucket++;
    return (exp2((double)(bucket + 1) / PER_OCTAVE) - 1) / 1000;
}

static void samples(const struct ages *ages, int32_t provider, int stage, struct buf *out)
{
    static const double quantiles[] = {0.5, 0.9, 0.99, 1};
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        struct buf labels = BUF_EMPTY;
        char quantile[16];
        (void)snprintf(quantile, sizeof quantile, "%g", quantiles[i]);
        metric_label(&labels, "provider", provider_name(provider));
        metric_label(&labels, "stage", names[stage]);
        metric_label(&labels, "quantile", quantile);
        metric_sample(out, "dashboard", "age_seconds", labels.data, quantile_s(ages, quantiles[i]));
        buf_release(&labels);
    }
}

void survey_families(const struct atlas *atlas, int64_t now_ms, struct buf *out)
{
    struct ages(*all)[SURVEY_STAGES] = mem_calloc(PROVIDERS, sizeof *all);
    for (const struct city *city = atlas->table; city; city = city->hh.next) {
        int32_t provider = city->latest.provider;
        for (int stage = 0; city_has_reading(city) && stage < SURVEY_STAGES; stage++) {
            int64_t age = survey_age_ms(city, (enum survey_stage)stage, now_ms);
            if (age >= 0)
                add(&all[provider > 0 && provider < PROVIDERS ? provider : 0][stage], age);
        }
    }
    metric_head(out, "dashboard", "age_seconds", METRIC_GAUGE,
                "age of the latest readings of all cities now, since they were observed, fetched, produced, committed");
    for (int32_t provider = 0; provider < PROVIDERS; provider++) {
        for (int stage = 0; stage < SURVEY_STAGES; stage++) {
            if (all[provider][stage].count > 0)
                samples(&all[provider][stage], provider, stage, out);
        }
    }
    free(all);
}
