/*
 * What Kafka brings to a worker (worker.h): records, in runs of one partition, to its session; errors and doubt; and
 * the end of dead letters.
 */
#include "worker.h"

#include "clock.h"
#include "error.h"
#include "log.h"

#include <stddef.h>

#define SAY_EVERY_MS 5000
#define PAUSE_MS     1500 /* without a round of the clockwork, which comes each second */

static void on_doubt(void *arg)
{
    struct worker *worker = arg;
    int64_t now = clock_monotonic_ms();
    worker->metrics.log_doubts_total++;
    worker->second_ms = now;
    for (int32_t p = 0; worker->sessions && p < worker->meta.partitions; p++) {
        if (worker->sessions[p])
            session_doubt(worker->sessions[p], now);
    }
    worker_plan(worker);
}

void worker_awake(struct worker *worker, int64_t now_ms)
{
    if (now_ms - worker->second_ms > PAUSE_MS)
        on_doubt(worker);
}

static size_t on_records(void *arg, const struct kafka_record *records, size_t count)
{
    struct worker *worker = arg;
    int64_t now = clock_monotonic_ms();
    size_t taken = 0;
    worker_awake(worker, now);
    while (taken < count) {
        size_t run = 1;
        while (taken + run < count && records[taken + run].partition == records[taken].partition)
            run++;
        struct session *session = worker->sessions[records[taken].partition];
        size_t used = run;
        if (session && worker->options->replay)
            used = worker_replay_records(worker, session, &records[taken], run, now);
        else if (session)
            used = session_records(session, &records[taken], run, now);
        taken += used;
        if (used < run)
            break; /* the session asks to resume when it can take more */
    }
    worker_plan(worker);
    return taken;
}

static void on_partition_error(void *arg, int32_t partition, const char *reason)
{
    struct worker *worker = arg;
    if (worker->sessions[partition])
        session_failed(worker->sessions[partition], reason, clock_monotonic_ms());
    worker_plan(worker);
}

static void on_fatal(void *arg, const char *reason)
{
    struct worker *worker = arg;
    log_error("kafka_fatal", LOG_TEXT("reason", reason));
    daemon_stop(worker->daemon, EXIT_CODE_FAILURE);
}

static void on_kafka_error(void *arg, bool fatal, const char *reason)
{
    struct worker *worker = arg;
    if (fatal)
        on_fatal(worker, reason);
    else if (log_limit_pass(&worker->kafka_limit, clock_monotonic_ms(), SAY_EVERY_MS, NULL))
        log_warn("kafka_unavailable", LOG_TEXT("brokers", worker->options->kafka), LOG_TEXT("reason", reason));
}

/* No dead letter of a session is on the way any more. */
static void on_settled(void *arg, int64_t *pending)
{
    struct session *session = (struct session *)(void *)((char *)pending - offsetof(struct session, letters));
    session_letters_done(session, clock_monotonic_ms());
    worker_plan(arg);
}

bool worker_start_kafka(struct worker *worker, struct buf *error)
{
    const struct worker_options *options = worker->options;
    struct kafka_config config = {.brokers = options->kafka,
                                  .client_id = worker->id,
                                  .group = options->group,
                                  .fetch_memory = options->fetch_memory << 20,
                                  .partitions = worker->meta.partitions};
    struct kafka_consumer_events events = {.records = on_records,
                                           .partition_error = on_partition_error,
                                           .doubt = on_doubt,
                                           .error = on_kafka_error,
                                           .arg = worker};
    struct deadletter_config letters = {.loop = worker->loop,
                                        .brokers = options->kafka,
                                        .client_id = worker->id,
                                        .topic = options->deadletter_topic,
                                        .metrics = &worker->metrics,
                                        .settled = on_settled,
                                        .fatal = on_fatal,
                                        .arg = worker};
    worker->consumer = kafka_consumer_new(worker->loop, &config, worker->meta.topic, &events, error);
    worker->letters = worker->consumer ? deadletters_new(&letters, error) : NULL;
    return worker->letters != NULL;
}
