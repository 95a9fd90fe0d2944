/*
 * What must hold (sim.h, redis.h). At each commit: the chain of ids and owners (I4, I5), offset and clock that only
 * grow (I3), counters that are exactly what the log gives up to that offset (so I1 and I2, and that nothing was lost or
 * counted twice), the rows in all panes, and dead letters acknowledged before. At each step: one leader. At the end:
 * every pane and window against the readings in it.
 *
 * With a mutant the chain is not looked at, since the mutant is its guard: what it does to the results must be seen.
 */
#include "feed.h"
#include "process.h"
#include "redis.h"
#include "reference.h"

#include "citystate.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who made a commit id. */
struct link_of_chain {
    char cid[CID_BYTES];
    int node;
    uint64_t life;
    UT_hash_handle hh;
};

static struct link_of_chain *chain;

static struct {
    int64_t offset, clock_ms;
} before[PARTITIONS_MAX];

/* ---- the chain ---- */

static void chain_add(const struct redis_command *command, const char *cid)
{
    struct link_of_chain *link;
    HASH_FIND_STR(chain, cid, link);
    if (link && world.mutant == MUTANT_NONE)
        violation("I4: commit id %s comes a second time", cid);
    if (link)
        return;
    link = mem_alloc(sizeof *link);
    snprintf(link->cid, sizeof link->cid, "%s", cid);
    link->node = command->node;
    link->life = command->life;
    HASH_ADD_STR(chain, cid, link);
}

void check_acquired(const struct redis_command *command, int32_t partition, const char *next)
{
    world.counters->acquires++;
    if (world.anew)
        return;
    note("redis: %s acquires partition %d as %s", world.nodes[command->node].id, partition,
         command->argv[command->keys]);
    chain_add(command, next);
}

void check_commit_begins(const struct redis_command *command, int32_t partition, const char *next)
{
    const struct redis_key *ledger = redis_ledger(partition);
    const char *stored = redis_get(ledger, "cid")->bytes, *expected = command->argv[command->keys];
    const struct link_of_chain *link;
    before[partition].offset = redis_integer(ledger, "offset");
    before[partition].clock_ms = redis_integer(ledger, "clock_ms");
    world.counters->commits++;
    if (world.anew)
        return;
    if (world.mutant == MUTANT_NONE) {
        HASH_FIND_STR(chain, stored, link);
        if (strcmp(stored, expected) != 0)
            violation("I4: partition %d has id %s, a commit expects %s", partition, stored, expected);
        if (!link || link->node != command->node || link->life != command->life)
            violation("I5: %s commits to partition %d, which another has acquired", world.nodes[command->node].id,
                      partition);
    }
    chain_add(command, next);
}

/* ---- counters ---- */

static void same(int32_t partition, const char *what, int64_t value, int64_t wanted)
{
    if (value != wanted)
        violation("partition %d at offset %lld: %s is %lld, the log gives %lld", partition,
                  (long long)redis_integer(redis_ledger(partition), "offset"), what, (long long)value,
                  (long long)wanted);
}

static void check_counters(int32_t p, const struct redis_key *ledger, const struct expected *expected)
{
    same(p, "applied", redis_integer(ledger, "applied"), expected->applied);
    same(p, "gaps", redis_integer(ledger, "gaps"), expected->gaps);
    same(p, "rows", redis_integer(ledger, "rows"), expected->rows);
    same(p, "rows_in + rows_late", redis_integer(ledger, "rows_in") + redis_integer(ledger, "rows_late"),
         expected->accepted);
    same(p, "rows_duplicate", redis_integer(ledger, "rows_duplicate"), expected->duplicate);
    same(p, "rows_correction", redis_integer(ledger, "rows_correction"), expected->correction);
    same(p, "rows_bad", redis_integer(ledger, "rows_bad"), expected->bad);
    same(p, "rows_checked", redis_integer(ledger, "rows_checked"), expected->checked);
    same(p, "rows_tick", redis_integer(ledger, "rows_tick"), expected->tick);
    same(p, "rows_control", redis_integer(ledger, "rows_control"), expected->control);
    same(p, "rows_retired", redis_integer(ledger, "rows_retired"), expected->retired);
    same(p, "clock_ms", redis_integer(ledger, "clock_ms"), expected->clock_ms);
}

static const struct redis_key *alerts_of(int32_t p)
{
    char name[96];
    return redis_find(redis_name(p, "alerts", name));
}

/* The stream has the events of the log up to the offset, each once: here their number, at the end their bytes. */
static void check_alert_count(int32_t p, const struct expected *expected)
{
    const struct redis_key *stream = alerts_of(p);
    same(p, "alert events", stream ? (int64_t)stream->present : 0, expected->alerts);
}

static void check_alerts(int32_t p)
{
    const struct alert_queue *wanted = reference_alerts(p);
    const struct redis_key *stream = alerts_of(p);
    for (size_t i = 0; i < wanted->count; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        const struct redis_value *value = redis_get(stream, number);
        if (!value || value->size != wanted->events[i].size ||
            memcmp(value->bytes, wanted->events[i].data, value->size) != 0)
            violation("partition %d: alert event %zu is not that of the log", p, i);
    }
}

static void check_panes(int32_t p, const struct redis_key *ledger)
{
    int64_t rows = redis_integer(ledger, "retired");
    for (const struct redis_key *key = redis.keys; key; key = key->hh.next) {
        if (key->partition != p || key->present == 0)
            continue;
        if (key->kind == 'p')
            rows += redis_integer(key, "#n");
        for (const struct redis_slot *slot = key->kind == 'c' ? key->fields : NULL; slot; slot = slot->hh.next)
            rows += slot->value.bytes ? slot->value.rows : 0;
    }
    same(p, "I2: rows in all panes", rows, redis_integer(ledger, "rows_in") + redis_integer(ledger, "rows_late"));
}

static void check_letters(int32_t p, const struct feed *feed, size_t end)
{
    for (size_t i = feed_find(feed, before[p].offset); i < end; i++) {
        if (feed->records[i].letters != feed->records[i].letters_due)
            violation("partition %d: a commit passes record %lld before its dead letters are there", p,
                      (long long)feed->records[i].offset);
    }
}

void check_commit_done(int32_t partition)
{
    static const struct expected nothing;
    const struct redis_key *ledger = redis_ledger(partition);
    const struct feed *feed = &feeds[partition];
    int64_t offset = redis_integer(ledger, "offset");
    size_t end = feed_find(feed, offset);
    if (world.anew)
        return;
    if (offset < before[partition].offset || redis_integer(ledger, "clock_ms") < before[partition].clock_ms)
        violation("I3: partition %d goes back from %lld to %lld", partition, (long long)before[partition].offset,
                  (long long)offset);
    if (offset > 0 && (end == 0 || feed->records[end - 1].offset != offset - 1))
        violation("partition %d: offset %lld is not behind a record", partition, (long long)offset);
    note("redis: partition %d is committed up to %lld", partition, (long long)offset);
    check_counters(partition, ledger, end ? &feed->records[end - 1].after : &nothing);
    check_alert_count(partition, end ? &feed->records[end - 1].after : &nothing);
    if (end)
        same(partition, "version of the rules", redis_integer(ledger, "config_version"),
             feed->records[end - 1].after.version);
    check_panes(partition, ledger);
    check_letters(partition, feed, end);
}

/* ---- each target ---- */

void check_target(const struct node *node, const Isobar__V1__Envelope *envelope)
{
    const struct coordinator *leader = coordinator_of(node);
    const Isobar__V1__Target *target = envelope->target;
    if (leader && drained_holds(&leader->drained, envelope->member, envelope->incarnation) &&
        (target->n_partitions > 0 || target->n_shards > 0 || target->calls_per_minute_milli > 0))
        violation("%s gives something to %s, which is drained", node->id, envelope->member);
}

/* ---- each step ---- */

void check_step(void)
{
    const struct node *leader = NULL;
    for (int i = 0; i < world.coordinators; i++) {
        const struct coordinator *coordinator = coordinator_of(&world.nodes[i]);
        if (!coordinator || world.nodes[i].paused || coordinator->leading != LEAD_ACTING ||
            !lease_held(coordinator->lease))
            continue;
        if (leader && world.now_ms - redis.lost_ms > REDIS_LEASE_MS)
            violation("%s and %s lead at once", leader->id, world.nodes[i].id);
        leader = &world.nodes[i];
    }
    api_check();
}

/* ---- results ---- */

struct sum {
    int64_t rows, count, temperature; /* count: of temperatures */
};

/* What the readings of the city in a span add up to, leaving out those in its open panes. */
static struct sum sum_of(const struct feed *feed, int64_t city_id, int64_t start_ms, int64_t end_ms,
                         const struct citystate *without)
{
    struct sum sum = {0};
    for (size_t i = 0; i < feed->reading_count; i++) {
        const struct feed_reading *reading = &feed->readings[i];
        bool open = false;
        if (reading->city_id != city_id || reading->observed_at_ms < start_ms || reading->observed_at_ms >= end_ms)
            continue;
        for (int32_t k = 0; without && k < without->open_count; k++)
            open |= reading->observed_at_ms >= without->open[k].window.start_ms &&
                    reading->observed_at_ms < without->open[k].window.end_ms;
        sum.rows += !open;
        sum.count += !open && reading->counted;
        sum.temperature += open || !reading->counted ? 0 : reading->temperature;
    }
    return sum;
}

static void same_window(const char *name, const char *field, const struct window *window, struct sum wanted)
{
    const struct accumulator *found = window_find(window, ISOBAR__V1__METRIC__METRIC_TEMPERATURE);
    struct sum sum = {window->rows, found ? found->count : 0, found ? found->sum : 0};
    if (sum.rows != wanted.rows || sum.temperature != wanted.temperature || sum.count != wanted.count)
        violation("%s of city %s has %lld rows, %lld temperatures of sum %lld, the log gives %lld, %lld of %lld", name,
                  field, (long long)sum.rows, (long long)sum.count, (long long)sum.temperature, (long long)wanted.rows,
                  (long long)wanted.count, (long long)wanted.temperature);
}

static bool is_day(const struct redis_key *key)
{
    return key->kind == 'w' && strstr(key->name, ":w:1d:");
}

/* The city's state, empty when there is none. */
static void city_of(int32_t p, int64_t city_id, struct citystate *city)
{
    char name[96], field[CITY_FIELD_BYTES];
    const struct redis_value *value =
        redis_get(redis_find(redis_name(p, "city", name)), citystate_field(city_id, 0, field));
    if (!value)
        citystate_init(city, city_id, 0);
    else if (citystate_decode(city, value->bytes, value->size) != 0)
        violation("city %s cannot be decoded", field);
}

static void check_record(const struct redis_key *key, const char *field, const struct redis_value *value,
                         const struct citystate *city)
{
    struct pane pane;
    int status = key->kind == 'p' ? pane_decode(&pane, value->bytes, value->size)
                                  : window_decode(&pane.window, value->bytes, value->size);
    if (status != 0)
        violation("%s of city %s cannot be decoded", key->name, field);
    same_window(key->name, field, &pane.window,
                sum_of(&feeds[key->partition], city->city_id, pane.window.start_ms, pane.window.end_ms, city));
    if (key->kind == 'p')
        pane_release(&pane);
    else
        window_release(&pane.window);
}

/* Every closed pane's readings are in a window of each size, unless that was retired. */
static void check_windows_there(int32_t p, const struct citystate *city)
{
    static const struct {
        const char *name;
        int64_t size_ms, retention_ms;
    } sizes[] = {{"10m", 600000, 7200000}, {"1h", 3600000, 21600000}};
    const struct feed *feed = &feeds[p];
    char rest[64], name[96], field[CITY_FIELD_BYTES];
    citystate_field(city->city_id, 0, field);
    for (size_t i = 0; i < feed->reading_count; i++) {
        const struct feed_reading *reading = &feed->readings[i];
        for (size_t k = 0; k < 2 && reading->city_id == city->city_id; k++) {
            int64_t start = window_start(reading->observed_at_ms, sizes[k].size_ms);
            snprintf(rest, sizeof rest, "w:%s:%lld", sizes[k].name, (long long)start);
            if (start + sizes[k].size_ms + sizes[k].retention_ms < feed->now.clock_ms ||
                sum_of(feed, city->city_id, start, start + sizes[k].size_ms, city).rows == 0 ||
                redis_get(redis_find(redis_name(p, rest, name)), field))
                continue;
            violation("%s has nothing of city %s", name, field);
        }
    }
}

/* Zones change at will, so a reading of a closed pane is in one of the days, and in one only: none is retired here. */
static void check_days(int32_t p, const struct citystate *city)
{
    char field[CITY_FIELD_BYTES];
    int64_t rows = 0;
    citystate_field(city->city_id, 0, field);
    for (const struct redis_key *key = redis.keys; key; key = key->hh.next) {
        const struct redis_value *value = key->partition == p && is_day(key) ? redis_get(key, field) : NULL;
        struct window window;
        if (!value)
            continue;
        if (window_decode(&window, value->bytes, value->size) != 0)
            violation("%s of city %s cannot be decoded", key->name, field);
        if (window.end_ms <= city->closed_through_ms ? window.final_at_ms == 0 && window.revision == 0
                                                     : window.final_at_ms != 0)
            violation("%s of city %s ends at %lld, all is closed through %lld, and it became final at %lld", key->name,
                      field, (long long)window.end_ms, (long long)city->closed_through_ms,
                      (long long)window.final_at_ms);
        rows += window.rows;
        window_release(&window);
    }
    struct sum wanted = sum_of(&feeds[p], city->city_id, 0, INT64_MAX, city);
    if (rows != wanted.rows)
        violation("the days of city %s have %lld rows, the log gives %lld", field, (long long)rows,
                  (long long)wanted.rows);
}

static void check_city(int32_t p, int64_t city_id)
{
    struct citystate city;
    char field[CITY_FIELD_BYTES];
    city_of(p, city_id, &city);
    citystate_field(city_id, 0, field);
    for (int32_t i = 0; i < city.open_count; i++) {
        const struct window *window = &city.open[i].window;
        same_window("an open pane", field, window, sum_of(&feeds[p], city_id, window->start_ms, window->end_ms, NULL));
    }
    for (const struct redis_key *key = redis.keys; key; key = key->hh.next) {
        const struct redis_value *value =
            key->partition == p && (key->kind == 'p' || (key->kind == 'w' && !is_day(key))) ? redis_get(key, field)
                                                                                            : NULL;
        if (value)
            check_record(key, field, value, &city);
    }
    check_windows_there(p, &city);
    check_days(p, &city);
    citystate_release(&city);
}

/* Leaders judge by the monotonic clock alone. */
static void check_judgement(void)
{
    for (int i = 0; i < world.coordinators && world.only_clocks; i++) {
        const struct coordinator *coordinator = coordinator_of(&world.nodes[i]);
        if (coordinator && (coordinator->metrics.suspicions_total > 0 || coordinator->metrics.stalls_total > 0))
            violation("%s suspects somebody, though only wall clocks were set", coordinator->id);
    }
}

void check_results(void)
{
    check_judgement();
    struct link_of_chain *links = chain;
    for (int32_t p = 0; p < world.partitions; p++) {
        before[p].offset = 0; /* all letters */
        before[p].clock_ms = 0;
        check_commit_done(p);
        check_alerts(p);
        for (int i = 0; i < FEED_CITIES; i++)
            check_city(p, feeds[p].cities[i]);
    }
    HASH_CLEAR(hh, chain);
    for (struct link_of_chain *link = links, *next; link; link = next) {
        next = link->hh.next;
        free(link);
    }
}
