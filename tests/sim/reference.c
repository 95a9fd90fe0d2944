/* See reference.h. What is missing was never stored: it is empty. */
#include "reference.h"

#include "mem.h"

#include <stdio.h>
#include <string.h>

static struct rules rules[RULES_VERSIONS];
static struct batch *batch;
static struct cache cache;
static struct worker_metrics metrics;
static struct state states[PARTITIONS_MAX];

static void on_letter(void *arg, const char *reason, const struct kafka_record *record, int64_t row)
{
    (void)arg, (void)reason, (void)record, (void)row; /* feed.c expects those */
}

/* Without the sizes that come later: no result of theirs is asked for, so nothing in memory has to be converted. */
static void read_rules(int64_t version)
{
    struct rules *of = &rules[version - 1];
    struct buf error = BUF_EMPTY;
    char text[sizeof RULES + 64];
    snprintf(text, sizeof text, RULES, "", (long long)(RULES_LATENESS[version - 1] / 60000));
    if (rules_parse(of, text, strlen(text), &error) != 0)
        violation("the rules of the simulator: %s", error.data);
    of->version = version;
    of->partitions = world.partitions;
}

void reference_begin(void)
{
    for (int64_t version = 1; version <= RULES_VERSIONS; version++)
        read_rules(version);
    batch = batch ? batch : batch_new();
    for (int32_t p = 0; p < world.partitions; p++) {
        struct state_config config = {.rules = &rules[0],
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
    const struct expected *now = &feeds[partition].now;
    state->rules = &rules[now->version - 1];
    state->ledger.config_version = now->version;
    state->ledger.pane_floor_ms = now->floor_ms;
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
    do {
        for (size_t i = 0; i < state->missing_count; i++) {
            if (state_loaded(state, state->missing[i], NULL, 0) != 0)
                violation("the reference cannot load nothing");
        }
        state->missing_count = 0;
        state_resolve(state);
    } while (state->missing_count > 0);
    return (int64_t)state->alerts.count;
}

const struct alert_queue *reference_alerts(int32_t partition)
{
    return &states[partition].alerts;
}
