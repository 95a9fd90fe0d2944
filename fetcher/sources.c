/* What is told about a fetcher's sources (fetcher.h): metrics, each labelled with the source, and what is not ready. */
#include "fetcher.h"

#include <stdio.h>

void sources_missing(const struct fetcher *fetcher, struct buf *out)
{
    for (int32_t s = 0; s < fetcher->source_count; s++) {
        const struct source *source = &fetcher->sources[s];
        if (source->gate.state != GATE_OPEN)
            buf_printf(out, "%s: calls are stopped: %s\n", source->provider->name, gate_state_name(source->gate.state));
        if (source->air_gate.state != GATE_OPEN)
            buf_printf(out, "%s-air: calls are stopped: %s\n", source->provider->name,
                       gate_state_name(source->air_gate.state));
    }
}

/* A figure of each source; `used` are the cities whose readings come from it. */
typedef double figure_fn(const struct source *source, const struct cities_counts *counts);

static double calls(const struct source *source, const struct cities_counts *counts)
{
    (void)counts;
    return (double)source->calls;
}

static double failed(const struct source *source, const struct cities_counts *counts)
{
    (void)counts;
    return (double)source->failed;
}

static double stopped(const struct source *source, const struct cities_counts *counts)
{
    (void)counts;
    return source->gate.state;
}

static double share(const struct source *source, const struct cities_counts *counts)
{
    (void)counts;
    return source->meter.minute.share_milli < 0 ? -1 : (double)source->meter.minute.share_milli / 1000;
}

static double asked(const struct source *source, const struct cities_counts *counts)
{
    return (double)counts->asked[source->index];
}

static double used(const struct source *source, const struct cities_counts *counts)
{
    return (double)counts->used[source->index];
}

static const struct figure {
    const char *name, *help;
    enum metric_type type;
    figure_fn *of;
} figures[] = {
    {"source_calls_total", "calls sent to the source", METRIC_COUNTER, calls},
    {"source_failed_total", "calls to the source that failed", METRIC_COUNTER, failed},
    {"source_stopped", "0 calls allowed, 1 key refused, 2 too many calls, 3 host failing", METRIC_GAUGE, stopped},
    {"source_share", "calls a minute allowed; -1 without limit", METRIC_GAUGE, share},
    {"source_cities_asked", "cities that the source is asked for the weather of", METRIC_GAUGE, asked},
    {"source_cities_used", "cities whose readings come from the source", METRIC_GAUGE, used},
};

void fetcher_families(const struct fetcher *fetcher, struct buf *out)
{
    char label[64];
    struct cities_counts counts = cities_count(&fetcher->cities);
    metric_head(out, "fetcher", "answers_total", METRIC_COUNTER, "calls by what became of them");
    for (int status = 0; status < FETCH_STATUS_COUNT; status++) {
        snprintf(label, sizeof label, "outcome=\"%s\"", fetch_status_name((enum fetch_status)status));
        metric_sample(out, "fetcher", "answers_total", label, (double)fetcher->answers[status]);
    }
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        metric_head(out, "fetcher", figures[i].name, figures[i].type, figures[i].help);
        for (int32_t s = 0; s < fetcher->source_count; s++) {
            snprintf(label, sizeof label, "source=\"%s\"", fetcher->sources[s].provider->name);
            metric_sample(out, "fetcher", figures[i].name, label, figures[i].of(&fetcher->sources[s], &counts));
        }
    }
    watch_families(fetcher, loop_now_ms(fetcher->loop), out);
}
