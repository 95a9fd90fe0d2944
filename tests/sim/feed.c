/* See feed.h. */
#include "feed.h"
#include "redis.h"
#include "reference.h"

#include "mem.h"
#include "observation.h"
#include "shard.h"
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAST      600 /* a second is ten minutes at the broker */
#define FUTURE_MS (5 * 60000)
#define HOTTEST   6000 /* 0.01 deg C, that the gross range allows */

struct feed feeds[PARTITIONS_MAX];

static struct event generator;
static struct batch *decoder;

int64_t feed_clock_ms(void)
{
    return WALL_START_MS + world.now_ms * FAST;
}

/* ---- what it adds up to ---- */

/* FNV-1a of what a reading says. */
static uint64_t said(const struct observation *row)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ row->present;
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        hash = (hash * UINT64_C(1099511628211)) ^ (uint32_t)row->value[bit];
    return hash * UINT64_C(1099511628211) ^ (uint32_t)row->accumulation_s;
}

/* The reading of that place, time and provider that counts, or NULL. */
static const struct feed_reading *known(const struct feed *feed, const struct observation *row)
{
    for (size_t i = feed->reading_count; i-- > 0;) {
        const struct feed_reading *reading = &feed->readings[i];
        if (reading->city_id == row->city_id && reading->observed_at_ms == row->observed_at_ms &&
            reading->provider == row->provider)
            return reading;
    }
    return NULL;
}

static void keep(struct feed *feed, const struct observation *row)
{
    if (feed->reading_count == feed->reading_capacity) {
        feed->reading_capacity = feed->reading_capacity ? feed->reading_capacity * 2 : 64;
        feed->readings = mem_grow(feed->readings, feed->reading_capacity, sizeof *feed->readings);
    }
    int32_t temperature = row->value[ISOBAR__V1__VALUE__TEMPERATURE];
    feed->readings[feed->reading_count++] = (struct feed_reading){.city_id = row->city_id,
                                                                  .observed_at_ms = row->observed_at_ms,
                                                                  .provider = row->provider,
                                                                  .temperature = temperature,
                                                                  .counted = temperature <= HOTTEST,
                                                                  .said = said(row)};
}

static bool ours(const struct observation *row, int32_t partition)
{
    return batch_shard(decoder) == partition && shard_of_city(row->city_id, world.partitions) == partition;
}

/* A control row says no zone, or one that there is. */
static bool zone_known(size_t index)
{
    struct control control;
    return !batch_control(decoder, index, &control) || *control.zone == '\0' || zone_get(control.zone);
}

/* Counts the row; true when it is due as a dead letter. */
static bool expect_row(struct feed *feed, const struct observation *row, size_t index)
{
    struct expected *now = &feed->now;
    const struct feed_reading *before = known(feed, row);
    int32_t partition = (int32_t)(feed - feeds);
    int64_t pane_end = row->observed_at_ms / PANE_MS * PANE_MS + PANE_MS;
    now->rows++;
    if (row->kind == ISOBAR__V1__ROW_KIND__TICK) {
        now->tick++;
    } else if (row->kind == ISOBAR__V1__ROW_KIND__CONTROL) {
        bool known = zone_known(index);
        now->control += known;
        now->bad += !known;
        return !known;
    } else if (!ours(row, partition) ||
               (row->kind == ISOBAR__V1__ROW_KIND__OBSERVATION && row->observed_at_ms > now->clock_ms + FUTURE_MS)) {
        now->bad++;
        return true;
    } else if (row->kind == ISOBAR__V1__ROW_KIND__CHECKED) {
        now->checked++;
    } else if (now->clock_ms - pane_end > RULES_LATENESS[now->version - 1] || pane_end - PANE_MS < now->floor_ms) {
        now->retired++;
        return true;
    } else if (before) {
        now->duplicate += before->said == said(row);
        now->correction += before->said != said(row);
    } else {
        now->accepted++;
        keep(feed, row);
    }
    return false;
}

/* What the rules before gave up stays so. */
static void change_rules(struct expected *now, int64_t version)
{
    int64_t given_up = window_start(now->clock_ms - RULES_LATENESS[now->version - 1] - 1, PANE_MS);
    now->floor_ms = given_up > now->floor_ms ? given_up : now->floor_ms;
    now->version = version;
}

static void expect(struct feed *feed, struct feed_record *record)
{
    struct expected *now = &feed->now;
    struct observation row;
    const char *reason;
    now->applied++;
    if (record->timestamp_ms > now->clock_ms)
        now->clock_ms = record->timestamp_ms;
    if (batch_decode(decoder, record->value, record->size, &reason) != 0) {
        now->rows++;
        now->bad++;
        record->letters_due = 1;
    }
    if (batch_shard(decoder) == feed - feeds && batch_version(decoder) > now->version)
        change_rules(now, batch_version(decoder));
    for (size_t i = 0; i < batch_rows(decoder); i++) {
        batch_row(decoder, i, &row);
        record->letters_due |= (uint32_t)expect_row(feed, &row, i) << (1 + i);
    }
    if (!world.anew)
        now->alerts = reference_apply((int32_t)(feed - feeds), record);
    record->after = *now;
}

/* ---- the log ---- */

int64_t feed_append(int32_t partition, const void *value, size_t size)
{
    struct feed *feed = &feeds[partition];
    if (feed->count == feed->capacity) {
        feed->capacity = feed->capacity ? feed->capacity * 2 : 64;
        feed->records = mem_grow(feed->records, feed->capacity, sizeof *feed->records);
    }
    int64_t gap = fault(30) ? between(1, 3) : 0; /* offsets that the log never delivers */
    struct feed_record *record = &feed->records[feed->count++];
    *record = (struct feed_record){
        .offset = feed->high + gap, .timestamp_ms = feed_clock_ms(), .value = mem_dup(value, size), .size = size};
    feed->high = record->offset + 1;
    feed->now.gaps += gap;
    expect(feed, record);
    world.counters->records++;
    for (int i = 0; i < world.node_count; i++) {
        if (world.nodes[i].consumer)
            consumer_hint(world.nodes[i].consumer, partition);
    }
    return record->offset;
}

size_t feed_find(const struct feed *feed, int64_t offset)
{
    size_t low = 0, high = feed->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (feed->records[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void feed_letter(const char *key)
{
    int partition;
    long long offset, row;
    if (sscanf(key, TOPIC "/%d/%lld/%lld", &partition, &offset, &row) != 3)
        violation("a dead letter has the key %s", key);
    const struct feed *feed = &feeds[partition];
    size_t at = feed_find(feed, offset);
    if (world.anew)
        return;
    if (at == feed->count || feed->records[at].offset != offset || !(feed->records[at].letters_due >> (1 + row) & 1))
        violation("a dead letter about nothing: %s", key);
    feed->records[at].letters |= 1u << (1 + row);
}

void feed_retention(void)
{
    char name[96];
    redis_settle(); /* what goes back behind this would find its records gone: not ours to survive */
    for (int32_t p = 0; p < world.partitions; p++)
        feeds[p].low = redis_integer(redis_key(redis_name(p, "ledger", name)), "offset");
    note("the log is deleted up to the ledgers");
}

/* ---- the generator ---- */

static struct observation reading(const struct feed *feed, int64_t back_ms)
{
    struct observation row = {.kind = ISOBAR__V1__ROW_KIND__OBSERVATION,
                              .city_id = feed->cities[between(0, FEED_CITIES - 1)],
                              .provider = (int32_t)between(1, 2),
                              .fetched_at_ms = feed_clock_ms()};
    row.observed_at_ms = (feed_clock_ms() - back_ms) / 20000 * 20000;
    /* So close together that none is taken for a jump, but for some that fail by themselves. */
    observation_set(&row, ISOBAR__V1__VALUE__TEMPERATURE, (int32_t)(chance(30) ? HOTTEST + 1 : between(0, 1900)));
    return row;
}

static struct observation any_row(const struct feed *feed)
{
    int64_t kind = between(0, 99);
    if (kind < 60)
        return reading(feed, between(0, 60000));
    if (kind < 80)
        return reading(feed, between(0, 3000000)); /* late, mostly */
    struct observation row = reading(feed, kind < 84   ? between(4000000, 6000000)
                                           : kind < 87 ? -900000
                                                       : between(0, 600000));
    if (kind >= 96)
        row.kind = ISOBAR__V1__ROW_KIND__CHECKED;
    else if (kind >= 94)
        row.kind = ISOBAR__V1__ROW_KIND__CONTROL;
    else if (kind >= 92)
        row.city_id++;                                /* another partition's, mostly */
    else if (kind >= 87 && feed->reading_count > 0) { /* one more time */
        const struct feed_reading *before = &feed->readings[between(0, (int64_t)feed->reading_count - 1)];
        row.city_id = before->city_id;
        row.observed_at_ms = before->observed_at_ms;
        row.provider = before->provider;
        if (chance(500))
            row.value[ISOBAR__V1__VALUE__TEMPERATURE] = before->temperature;
    }
    return row;
}

/* A city moves to another zone, which may be none. */
static void generate_zone(int32_t partition)
{
    static const char *const zones[] = {"Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati", "Etc/GMT+12", "UTC",
                                        "Mars/Olympus"};
    struct observation row = reading(&feeds[partition], 0);
    struct control control = {.zone = zones[between(0, 5)], .country = "", .interval_s = 600};
    struct buf out = BUF_EMPTY;
    row.kind = ISOBAR__V1__ROW_KIND__CONTROL;
    if (batch_encode_control(&row, &control, partition, &out) != 0)
        violation("the generator made a bad control");
    feed_append(partition, out.data, out.size);
    buf_release(&out);
}

/* Rules of some version, for this partition or, by mistake, for another. */
static void generate_rules(int32_t partition)
{
    struct buf out = BUF_EMPTY;
    int32_t shard = chance(100) ? (partition + 1) % world.partitions : partition;
    batch_encode_version(between(1, RULES_VERSIONS), feed_clock_ms(), shard, &out);
    feed_append(partition, out.data, out.size);
    buf_release(&out);
}

static void generate(int32_t partition)
{
    if (chance(10))
        generate_rules(partition);
    if (chance(30))
        generate_zone(partition);
    struct observation rows[FEED_ROWS];
    struct buf out = BUF_EMPTY;
    size_t count = (size_t)between(1, FEED_ROWS);
    for (size_t i = 0; i < count; i++)
        rows[i] = any_row(&feeds[partition]);
    if (chance(20))
        buf_text(&out, "no batch");
    else if (batch_encode(rows, count, partition, &out) != 0)
        violation("the generator made a bad batch");
    feed_append(partition, out.data, out.size);
    buf_release(&out);
}

void feed_anew(int32_t partition, int64_t high)
{
    struct feed *feed = &feeds[partition];
    for (size_t i = 0; i < feed->count; i++)
        free(feed->records[i].value);
    feed->count = 0;
    feed->low = feed->high = 0;
    while (feed->high < high)
        generate(partition);
}

static void on_generate(struct event *event)
{
    if (!world.faults)
        return;
    int32_t partition = (int32_t)between(0, world.partitions - 1);
    int64_t burst = chance(50) ? between(2, 20) : 1;
    while (burst-- > 0)
        generate(partition);
    event_at(event, world.now_ms + between(0, 2 * 200 / world.partitions));
}

void feed_begin(void)
{
    int64_t id = 100;
    decoder = decoder ? decoder : batch_new();
    reference_begin();
    for (int32_t p = 0; p < world.partitions; p++) {
        feeds[p] = (struct feed){.now = {.version = 1}};
        for (int i = 0; i < FEED_CITIES; id++) {
            if (shard_of_city(id, world.partitions) == p)
                feeds[p].cities[i++] = id;
        }
    }
    generator = (struct event){.fn = on_generate};
    event_at(&generator, 0);
}

void feed_end(void)
{
    for (int32_t p = 0; p < world.partitions; p++) {
        for (size_t i = 0; i < feeds[p].count; i++)
            free(feeds[p].records[i].value);
        free(feeds[p].records);
        free(feeds[p].readings);
    }
    event_cancel(&generator);
    reference_end();
}
