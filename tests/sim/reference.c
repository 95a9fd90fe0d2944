/* See reference.h. What is missing was never stored: it is empty. */
#include "reference.h"

#include "mem.h"

#include <string.h>

static struct rules rules;
static struct batch *batch;
static struct cache cache;
static struct worker_metrics metrics;
static struct state states[PARTITIONS_MAX];

static void on_letter(void *arg, const char *reason, const struct kafka_record *record, int64_t row)
{
    (void)arg, (void)reason, (void)record, (void)row; /* feed.c expects those */
}

void reference_begin(void)
{
    struct buf error = BUF_EMPTY;
    if (rules_parse(&rules, RULES, strlen(RULES), &error) != 0)
        violation("the rules of the simulator: %s", error.data);
    rules.version = 1;
    rules.partitions = world.partitions;
    batch = batch ? batch : batch_new();
    for (int32_t p = 0; p < world.partitions; p++) {
        struct state_config config = {.rules = &rules,
                                      .metrics = &metrics,
                                      .partition = p,
                                      .topic = TOPIC,
                                      .batch = batch,
                                      .cache = &cache,
                                      .letter = on_letter};
        state_init(&states[p], &config);
        states[p].ledger.record_offset = states[p].ledger.anchor_offset = -1;
        states[p].ledger.config_version = 1;
    }
}

void reference_end(void)
{
    for (int32_t p = 0; p < world.partitions; p++)
        state_release(&states[p]);
    batch_free(batch);
    batch = NULL;
}

int64_t reference_apply(int32_t partition, const struct feed_record *record)
{
    struct state *state = &states[partition];
    struct kafka_record applied = {.topic = TOPIC,
                                   .partition = partition,
                                   .offset = record->offset,
                                   .timestamp_ms = record->timestamp_ms,
                                   .value = record->value,
                                   .size = record->size};
    if (!state_apply(state, &applied))
        violation("the reference refuses a record");
    while (state_ticking(state))
        state_tick_step(state);
    for (size_t i = 0; i < state->missing_count; i++) {
        if (state_loaded(state, state->missing[i], NULL, 0) != 0)
            violation("the reference cannot load nothing");
    }
    state->missing_count = 0;
    state_resolve(state);
    return (int64_t)state->alerts.count;
}

const struct alert_queue *reference_alerts(int32_t partition)
{
    return &states[partition].alerts;
}
