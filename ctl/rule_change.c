/* See rule_change.h. */
#include "rule_change.h"

#include "clock.h"
#include "error.h"
#include "kafka.h"
#include "loop.h"
#include "observation.h"
#include "rule_store.h"
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int rule_change_check(const struct rule_change *change)
{
    const struct installation *installation = change->installation;
    struct context *context = change->context;
    struct buf error = BUF_EMPTY;
    char cluster_id[64];
    int32_t partitions = 0;
    int code = EXIT_CODE_OK;
    if (kafka_topic_describe(change->kafka, installation->topic, context->timeout_ms, cluster_id, &partitions, NULL,
                             NULL, &error) != 0)
        code = context_fail(context, EXIT_CODE_UNAVAILABLE, "Kafka at %s: %s", change->kafka, error.data);
    else if (partitions != installation->partitions ||
             (*installation->cluster_id && strcmp(installation->cluster_id, cluster_id) != 0))
        code = context_fail(context, EXIT_CODE_REFUSED,
                            "topic %s at %s is not the installation's: cluster %s with %d partitions, not %s with %d: "
                            "point --kafka at the right one",
                            installation->topic, change->kafka, cluster_id, partitions, installation->cluster_id,
                            installation->partitions);
    buf_release(&error);
    return code;
}

/* ---- control records ---- */

struct production {
    const struct rule_change *change;
    int64_t pending, failed;
    bool done; /* none is on the way */
};

static void on_delivered(void *arg, void *opaque, int32_t partition, int64_t offset, const char *error)
{
    struct production *production = arg;
    (void)opaque, (void)offset;
    production->done = --production->pending == 0;
    if (error && production->failed++ == 0)
        context_warn(production->change->context, "partition %d: %s", partition, error);
}

static void on_failed(void *arg, bool fatal, const char *reason)
{
    const struct production *production = arg;
    if (fatal)
        context_warn(production->change->context, "Kafka: %s", reason);
}

static int queue_all(struct production *production, struct kafka_producer *producer, int64_t version)
{
    const struct installation *installation = production->change->installation;
    int status = 0;
    for (int32_t p = 0; p < installation->partitions && status == 0; p++) {
        struct buf bytes = BUF_EMPTY;
        batch_encode_version(version, clock_wall_ms(), p, &bytes);
        status = kafka_produce(producer, installation->topic, p, NULL, 0, bytes.data, bytes.size, 0, NULL);
        production->pending += status == 0;
        buf_release(&bytes);
    }
    return status;
}

static int produce(const struct rule_change *change, int64_t version)
{
    struct production production = {.change = change};
    struct kafka_config kafka = {.brokers = change->kafka,
                                 .client_id = "isobarctl-rules",
                                 .compression = "none",
                                 .topic = change->installation->topic};
    struct buf error = BUF_EMPTY;
    struct loop *loop = loop_new();
    struct kafka_producer *producer =
        loop ? kafka_producer_new(loop, &kafka, on_delivered, on_failed, &production, &error) : NULL;
    int status = producer ? queue_all(&production, producer, version) : ERR_UNAVAILABLE;
    if (status == 0)
        status = loop_run_until(loop, &production.done, change->context->timeout_ms);
    bool good = status == 0 && production.done && production.failed == 0;
    kafka_producer_free(producer, 0);
    if (loop)
        loop_free(loop);
    buf_release(&error);
    return good ? EXIT_CODE_OK
                : context_fail(change->context, EXIT_CODE_UNAVAILABLE,
                               "Kafka at %s did not take rules %" PRId64
                               " for all partitions: those that have them work by them. isobarctl rules set --resume "
                               "goes on",
                               change->kafka, version);
}

/* ---- the version ---- */

int rule_change_announce(const struct rule_change *change, const struct rules *rules)
{
    bool raised = false;
    int code = produce(change, rules->version);
    if (code == EXIT_CODE_OK)
        code = rule_store_raise(change->context, rules, &raised);
    if (code != EXIT_CODE_OK || !raised)
        return code;
    struct buf detail = BUF_EMPTY;
    buf_printf(&detail, "version %" PRId64 ": windows ", rules->version);
    rules_windows(rules, &detail);
    code = trace_write(change->context, "rules", detail.data);
    buf_release(&detail);
    return code;
}

int rule_change_count(struct context *context, const struct installation *installation, int64_t version, int32_t *count)
{
    char key[CONTEXT_KEY_BYTES];
    *count = 0;
    for (int32_t p = 0; p < installation->partitions; p++) {
        int64_t has = 0;
        struct store_reply *reply =
            CONTEXT_ASK(context, "HGET", context_partition_key(context, p, "ledger", key), "config_version");
        if (!reply)
            return context->exit_code;
        *count += context_integer(reply, 0, INT64_MAX / 2, &has) && has >= version;
        store_reply_free(reply);
    }
    return EXIT_CODE_OK;
}
