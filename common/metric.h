/*
 * Metrics of a program in the Prometheus text format. Plain counters and gauges are one X-macro row each over
 * a struct of int64_t, so adding one to a counter is an addition; labelled families are written by a callback.
 *
 *   #define WORKER_METRICS(X) \
 *       X(COUNTER, commits_total, "commits that Redis accepted")
 *   struct worker_metrics { METRIC_STRUCT(WORKER_METRICS) };
 *
 * Names get the prefix isobar_<component>_ (e.g. isobar_worker_commits_total). Base units, counters end in _total.
 */
#ifndef ISOBAR_METRIC_H
#define ISOBAR_METRIC_H

#include "buf.h"

#include <stddef.h>
#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_row {
    enum metric_type type;
    const char *name;
    const char *help;
    size_t offset; /* of the int64_t */
};

#define METRIC_FIELD(type, name, help) int64_t name;
#define METRIC_STRUCT(LIST)            LIST(METRIC_FIELD)
/* Use inside an array initialiser; METRIC_OWNER must be defined as the struct type before. */
#define METRIC_ROW(type, name, help) {METRIC_##type, #name, help, offsetof(METRIC_OWNER, name)},

/* Writes labelled families to `out`, with metric_head and metric_sample. */
typedef void metric_fn(void *arg, struct buf *out);

struct metric_page {
    const char *component; /* worker */
    const struct metric_row *rows;
    size_t row_count;
    const void *values;
    metric_fn *more; /* may be NULL */
    void *arg;
};

/* Appends the whole page to `out`: process metrics (start time, resident bytes, CPU seconds, fds), rows, more. */
void metric_render(const struct metric_page *page, struct buf *out);
/* Appends # HELP and # TYPE of the family isobar_<component>_<name>; once per family, before all of its samples. */
void metric_head(struct buf *out, const char *component, const char *name, enum metric_type type, const char *help);
/* Appends one sample; `labels` is what metric_label made (partition="3", no braces), or NULL. */
void metric_sample(struct buf *out, const char *component, const char *name, const char *labels, double value);
/* Appends `name`="`value`" to the `labels` of a sample, after a comma when there are some; escapes the value. */
void metric_label(struct buf *labels, const char *name, const char *value);

#endif
