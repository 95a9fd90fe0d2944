/*
 * isobar-coordinator: knows the members, gives partitions to workers and city shards and quota to fetchers. Parts:
 * lease (who leads), reading and former (what a new leader learns from Redis), leader (the lead and time), inbox and
 * report (members' messages), operator (commands), orders (targets), stall (lack of progress), member, assign, slot,
 * spread, load, quota, quota_ledger, quota_deal, account, drained and progress (pure tables and rules), share (limits
 * of a second and of a minute), grant (limits of an hour and more), enough (whether limits suffice), account_view (the
 * quota, for people), reason (why slots move), catalogue, publish (the view), backlog (what Redis is still to be told),
 * webhook and delivery (who is told of alerts), security and redirect (whom it listens to, and where it sends them).
 */
#include "coordinator.h"
#include "daemon.h"
#include "error.h"
#include "reason.h"

#define OPTION_OWNER struct coordinator_options
static const struct option_row option_rows[] = {COORDINATOR_OPTIONS(OPTION_ROW)};
#define METRIC_OWNER struct coordinator_metrics
static const struct metric_row metric_rows[] = {COORDINATOR_METRICS(METRIC_ROW)};

#define DRAIN_LIMIT_MS 1000 /* a Redis that does not answer is not waited for: the lease runs out by itself */

static void on_drain(void *arg)
{
    coordinator_drain(arg);
}

static void on_ready(void *arg, struct buf *out)
{
    coordinator_missing(arg, out);
}

static void on_metrics(void *arg, struct buf *out)
{
    const struct coordinator *coordinator = arg;
    metric_head(out, "coordinator", "moves_total", METRIC_COUNTER,
                "changes of owner of partitions and shards by cause");
    for (int i = 0; i < CAUSE_COUNT; i++) {
        struct buf labels = BUF_EMPTY;
        metric_label(&labels, "cause", reason_causes[i]);
        metric_sample(out, "coordinator", "moves_total", labels.data, (double)coordinator->causes[i]);
        buf_release(&labels);
    }
    account_metrics(coordinator, out);
}

static int serve(struct coordinator *coordinator)
{
    const struct coordinator_options *options = coordinator->options;
    int code = EXIT_CODE_OK;
    struct metric_page page = {.component = "coordinator",
                               .rows = metric_rows,
                               .row_count = sizeof metric_rows / sizeof *metric_rows,
                               .values = &coordinator->metrics,
                               .more = on_metrics,
                               .arg = coordinator};
    struct daemon_config config = {.component = "coordinator",
                                   .log_level = options->log_level,
                                   .log_format = options->log_format,
                                   .admin_bind = options->admin_bind,
                                   .admin_port = (int)options->admin_port,
                                   .insecure = options->insecure,
                                   .drain_limit_ms = DRAIN_LIMIT_MS,
                                   .metrics = &page,
                                   .drain = on_drain,
                                   .ready = on_ready,
                                   .arg = coordinator};
    struct daemon *daemon = daemon_new(&config, &code);
    if (!daemon)
        return code;
    code = coordinator_start(coordinator, daemon);
    if (code == EXIT_CODE_OK)
        code = daemon_run(daemon);
    coordinator_release(coordinator);
    daemon_free(daemon);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option_program program = {
        .name = "isobar-coordinator",
        .section = "coordinator",
        .usage = "[options]",
        .summary = "gives partitions to workers, and city shards and quota to fetchers",
        .rows = option_rows,
        .row_count = sizeof option_rows / sizeof *option_rows};
    static struct coordinator_options options;
    static struct coordinator coordinator;
    int code = EXIT_CODE_OK;
    coordinator.options = &options;
    if (option_parse(&program, &options, argc, argv, NULL, &code) == OPTION_RUN)
        code = serve(&coordinator);
    option_release(&program, &options);
    return code;
}
