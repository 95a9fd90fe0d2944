/*
 * isobar-worker: consumes its partitions, aggregates by event time and commits to Redis exactly once. Parts: state,
 * ingest and fold (what records do, pure), commit (encoding), session (one partition's life), worker and orders (the
 * process around them).
 */
#include "clock.h"
#include "daemon.h"
#include "error.h"
#include "worker.h"

#include <malloc.h>

#define OPTION_OWNER struct worker_options
static const struct option_row option_rows[] = {WORKER_OPTIONS(OPTION_ROW)};
#define METRIC_OWNER struct worker_metrics
static const struct metric_row metric_rows[] = {WORKER_METRICS(METRIC_ROW)};

#define DRAIN_LIMIT_MS 8000
#define LARGE_BYTES    (128 * 1024)

static void on_drain(void *arg)
{
    worker_drain(arg);
}

static void on_ready(void *arg, struct buf *out)
{
    worker_missing(arg, out);
}

/* The family quality_flags_total. */
static void on_metrics(void *arg, struct buf *out)
{
    const struct worker *worker = arg;
    metric_head(out, "worker", "quality_flags_total", METRIC_COUNTER,
                "accepted rows that failed or were suspect, by test");
    for (int bit = 0; bit < QUALITY_FLAGS; bit++) {
        struct buf labels = BUF_EMPTY;
        metric_label(&labels, "test", quality_test_name(bit / QUALITY_GROUPS));
        metric_label(&labels, "group", quality_group_name(bit % QUALITY_GROUPS));
        metric_sample(out, "worker", "quality_flags_total", labels.data, (double)worker->metrics.quality_flags[bit]);
        buf_release(&labels);
    }
    ages_families(&worker->ages, "worker", clock_wall_ms(), out);
}

static int serve(struct worker *worker)
{
    int code = EXIT_CODE_OK;
    struct metric_page page = {.component = "worker",
                               .rows = metric_rows,
                               .row_count = sizeof metric_rows / sizeof *metric_rows,
                               .values = &worker->metrics,
                               .more = on_metrics,
                               .arg = worker};
    struct daemon_config config = {.component = "worker",
                                   .log_level = worker->options->log_level,
                                   .log_format = worker->options->log_format,
                                   .admin_bind = worker->options->admin_bind,
                                   .admin_port = (int)worker->options->admin_port,
                                   .insecure = worker->options->insecure,
                                   .drain_limit_ms = DRAIN_LIMIT_MS,
                                   .metrics = &page,
                                   .drain = on_drain,
                                   .ready = on_ready,
                                   .arg = worker};
    struct daemon *daemon = daemon_new(&config, &code);
    if (!daemon)
        return code;
    code = worker_start(worker, daemon);
    if (code == EXIT_CODE_OK)
        code = daemon_run(daemon);
    worker_release(worker);
    daemon_free(daemon);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option_program program = {
        .name = "isobar-worker",
        .section = "worker",
        .usage = "[options]",
        .summary = "aggregates its partitions of the topic into windows in Redis, exactly once",
        .rows = option_rows,
        .row_count = sizeof option_rows / sizeof *option_rows};
    static struct worker_options options;
    static struct worker worker;
    /* Commits and answers of megabytes come and go: each has pages of its own that go back at once. Left to itself
     * glibc raises the limit after the first, and holes stay in the heap: with 10,000 cities 5 MB more. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    int code = EXIT_CODE_OK;
    worker.options = &options;
    if (option_parse(&program, &options, argc, argv, NULL, &code) == OPTION_RUN)
        code = serve(&worker);
    option_release(&program, &options);
    return code;
}
