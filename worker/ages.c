/* See ages.h. */
#include "ages.h"

#include "metric.h"
#include "quantity.h"

#include <stdio.h>

/* From what Kafka and a commit take to what makes data worthless. */
static const double bounds_s[AGES_BOUNDS] = {0.05, 0.1, 0.25, 0.5, 1,    2.5,  5,     10,   30,
                                             60,   300, 600,  900, 1800, 3600, 10800, 86400};

static void histogram_add(struct ages_histogram *histogram, int64_t age_ms)
{
    size_t bucket = 0;
    while (bucket < AGES_BOUNDS && (double)age_ms > bounds_s[bucket] * 1000)
        bucket++;
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum_ms += age_ms;
}

void ages_note(struct ages *ages, int32_t provider, const int64_t times_ms[AGES_STAGES])
{
    struct ages_provider *of = &ages->providers[provider > 0 && provider < AGES_PROVIDERS ? provider : 0];
    for (int stage = 0; stage < AGES_STAGES; stage++) {
        if (times_ms[stage] <= 0)
            continue;
        int64_t age = times_ms[AGES_COMMITTED] - times_ms[stage];
        if (stage < AGES_COMMITTED)
            histogram_add(&of->histograms[stage], age > 0 ? age : 0);
        if (times_ms[stage] > of->newest_ms[stage])
            of->newest_ms[stage] = times_ms[stage];
    }
}

int64_t ages_newest_ms(const struct ages *ages, int32_t provider, enum ages_stage stage, int64_t now_ms)
{
    int64_t newest = ages->providers[provider].newest_ms[stage];
    return newest == 0 ? -1 : now_ms > newest ? now_ms - newest : 0;
}

const char *ages_stage_name(enum ages_stage stage)
{
    static const char *const names[] = {"observed", "fetched", "produced", "committed"};
    return names[stage];
}

/* ---- metrics ---- */

static void labels_of(int32_t provider, enum ages_stage stage, struct buf *labels)
{
    buf_reset(labels);
    metric_label(labels, "provider", provider_name(provider));
    metric_label(labels, "stage", ages_stage_name(stage));
}

static void histogram_samples(const struct ages_histogram *histogram, const char *component, struct buf *labels,
                              struct buf *out)
{
    size_t plain = labels->size;
    int64_t below = 0;
    for (size_t i = 0; i <= AGES_BOUNDS; i++) {
        char bound[24] = "+Inf";
        below += histogram->buckets[i];
        if (i < AGES_BOUNDS)
            (void)snprintf(bound, sizeof bound, "%g", bounds_s[i]);
        metric_label(labels, "le", bound);
        metric_sample(out, component, "age_seconds_bucket", labels->data, (double)below);
        labels->size = plain;
        labels->data[plain] = '\0';
    }
    metric_sample(out, component, "age_seconds_sum", labels->data, (double)histogram->sum_ms / 1000);
    metric_sample(out, component, "age_seconds_count", labels->data, (double)histogram->count);
}

void ages_families(const struct ages *ages, const char *component, int64_t now_ms, struct buf *out)
{
    struct buf labels = BUF_EMPTY;
    metric_head(out, component, "age_seconds", METRIC_HISTOGRAM,
                "age of new readings when they were committed, since they were observed, fetched and produced");
    for (int32_t provider = 0; provider < AGES_PROVIDERS; provider++) {
        for (int stage = 0; stage < AGES_COMMITTED; stage++) {
            const struct ages_histogram *histogram = &ages->providers[provider].histograms[stage];
            labels_of(provider, (enum ages_stage)stage, &labels);
            if (histogram->count > 0)
                histogram_samples(histogram, component, &labels, out);
        }
    }
    metric_head(out, component, "newest_age_seconds", METRIC_GAUGE,
                "how long ago the newest reading was observed, fetched, produced and committed");
    for (int32_t provider = 0; provider < AGES_PROVIDERS; provider++) {
        for (int stage = 0; stage < AGES_STAGES; stage++) {
            int64_t age = ages_newest_ms(ages, provider, (enum ages_stage)stage, now_ms);
            labels_of(provider, (enum ages_stage)stage, &labels);
            if (age >= 0)
                metric_sample(out, component, "newest_age_seconds", labels.data, (double)age / 1000);
        }
    }
    buf_release(&labels);
}
