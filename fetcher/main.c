/*
 * isobar-fetcher: polls the cities of its shards within its share of the API quota and produces what it reads. Parts:
 * provider (an API's format), schedule, meter (of bucket and allowance) and gate (when a call may start), cities (the
 * catalogue), all pure; transfer (libcurl), outbox (Kafka), calls and orders, and fetcher around them.
 */
#include "daemon.h"
#include "error.h"
#include "fetcher.h"

#define OPTION_OWNER struct fetcher_options
static const struct option_row option_rows[] = {FETCHER_OPTIONS(OPTION_ROW)};
#define METRIC_OWNER struct fetcher_metrics
static const struct metric_row metric_rows[] = {FETCHER_METRICS(METRIC_ROW)};

#define DRAIN_LIMIT_MS 1500

static void on_drain(void *arg)
{
    fetcher_drain(arg);
}

static void on_ready(void *arg, struct buf *out)
{
    fetcher_missing(arg, out);
}

static void on_metrics(void *arg, struct buf *out)
{
    fetcher_families(arg, out);
}

static int serve(struct fetcher *fetcher)
{
    int code = EXIT_CODE_OK;
    struct metric_page page = {.component = "fetcher",
                               .rows = metric_rows,
                               .row_count = sizeof metric_rows / sizeof *metric_rows,
                               .values = &fetcher->metrics,
                               .more = on_metrics,
                               .arg = fetcher};
    struct daemon_config config = {.component = "fetcher",
                                   .log_level = fetcher->options->log_level,
                                   .log_format = fetcher->options->log_format,
                                   .admin_bind = fetcher->options->admin_bind,
                                   .admin_port = (int)fetcher->options->admin_port,
                                   .insecure = fetcher->options->insecure,
                                   .drain_limit_ms = DRAIN_LIMIT_MS,
                                   .metrics = &page,
                                   .drain = on_drain,
                                   .ready = on_ready,
                                   .arg = fetcher};
    struct daemon *daemon = daemon_new(&config, &code);
    if (!daemon)
        return code;
    code = fetcher_start(fetcher, daemon);
    if (code == EXIT_CODE_OK)
        code = daemon_run(daemon);
    fetcher_release(fetcher);
    daemon_free(daemon);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option_program program = {
        .name = "isobar-fetcher",
        .section = "fetcher",
        .usage = "[options]",
        .summary = "polls weather APIs within a shared quota and produces observations",
        .rows = option_rows,
        .row_count = sizeof option_rows / sizeof *option_rows};
    static struct fetcher_options options;
    static struct fetcher fetcher;
    int code = EXIT_CODE_OK;
    fetcher.options = &options;
    if (option_parse(&program, &options, argc, argv, NULL, &code) == OPTION_RUN)
        code = serve(&fetcher);
    option_release(&program, &options);
    return code;
}
