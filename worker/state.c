/*
 * Life cycle and the city table of a partition's state (state.h), and what became of its changes: dirty, then sent with
 * a commit, then stored, or dirty again when that commit was not executed. Ingest, folding and records are in files of
 * their own.
 */
#include "state.h"

#include "error.h"
#include "mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void state_init(struct state *state, const struct state_config *config)
{
    memset(state, 0, sizeof *state);
    state->rules = config->rules;
    state->round = 1;
    state->metrics = config->metrics;
    state->partition = config->partition;
    state->topic = config->topic;
    state->batch = config->batch;
    state->cache = config->cache;
    state->letter = config->letter;
    state->letter_arg = config->letter_arg;
}

void state_release(struct state *state)
{
    struct city_entry *cities = state->cities;
    struct record *records = state->records;
    HASH_CLEAR(hh, state->cities); /* the table; its elements are still chained */
    HASH_CLEAR(hh, state->records);
    for (struct city_entry *entry = cities, *next; entry; entry = next) {
        next = entry->hh.next;
        citystate_release(&entry->city);
        free(entry);
        state->metrics->cities--;
    }
    for (struct record *record = records, *next; record; record = next) {
        next = record->hh.next;
        state->cache->bytes -= record->bytes;
        state->cache->pinned -= record->pinned;
        pane_release(&record->pane);
        free(record);
    }
    free(state->missing);
    free(state->late);
    alert_queue_release(&state->alerts);
    free(state->closing);
    free(state->changes);
    free(state->revisions);
    trail_release(&state->trail);
    free(state->sent.cities);
    free(state->sent.records);
    memset(state, 0, sizeof *state);
}

/* ---- cities ---- */

static struct city_entry *find(const struct state *state, int64_t city_id, int32_t series)
{
    struct city_key key = {.city_id = city_id, .series = series};
    struct city_entry *entry;
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the key is set
    HASH_FIND(hh, state->cities, &key, sizeof key, entry);
    return entry;
}

/* What is known of a city is kept with its primary series, and holds for all. */
static void inherit(const struct state *state, struct citystate *city)
{
    const struct city_entry *primary = city->series > 0 ? find(state, city->city_id, 0) : NULL;
    if (!primary)
        return;
    city->zone = primary->city.zone;
    city->interval_s = primary->city.interval_s;
    memcpy(city->country, primary->city.country, sizeof city->country);
}

struct city_entry *state_city(struct state *state, int64_t city_id, int32_t series)
{
    struct city_entry *entry = find(state, city_id, series);
    if (entry)
        return entry;
    entry = mem_alloc(sizeof *entry);
    entry->key = (struct city_key){.city_id = city_id, .series = series};
    citystate_init(&entry->city, city_id, series);
    inherit(state, &entry->city);
    citystate_field(city_id, series, entry->field);
    HASH_ADD(hh, state->cities, key, sizeof entry->key, entry);
    state->series_max = series > state->series_max ? series : state->series_max;
    state->metrics->cities++;
    return entry;
}

/* Day windows with rows that the zone so far has made may end after those of the new one. */
static void change_zone(const struct state *state, struct citystate *city, const struct zone *zone)
{
    for (size_t i = 0; i < state->rules->windows.count && city->closed_through_ms > 0; i++) {
        const struct window_size *size = &state->rules->windows.sizes[i];
        int64_t end_ms = size->days ? window_span_at(size, city->zone, city->closed_through_ms - 1).end_ms : 0;
        if (end_ms > city->closed_through_ms && end_ms > city->zoned_until_ms)
            city->zoned_until_ms = end_ms;
    }
    city->zone = zone;
}

void state_set_facts(struct state *state, int64_t city_id, const struct city_facts *facts)
{
    (void)state_city(state, city_id, 0);
    for (int32_t series = 0; series <= state->series_max; series++) {
        struct city_entry *entry = find(state, city_id, series);
        if (!entry)
            continue;
        if (facts->zone && facts->zone != entry->city.zone) {
            change_zone(state, &entry->city, facts->zone);
            entry->moved = state->round;
        }
        if (facts->interval_s > 0)
            entry->city.interval_s = facts->interval_s;
        if (*facts->country)
            snprintf(entry->city.country, sizeof entry->city.country, "%s", facts->country);
        entry->alert_rules = NULL; /* others may match it */
        state_touch(state, entry);
    }
}

/* What processing takes for granted of a city, and decoding cannot know. */
static bool fits(const struct state *state, const struct citystate *city, const char *field)
{
    char own[CITY_FIELD_BYTES];
    int64_t pane_ms = state->rules->windows.pane_ms;
    if (strcmp(citystate_field(city->city_id, city->series, own), field) != 0 || city->closed_through_ms % pane_ms != 0)
        return false;
    for (int32_t i = 0; i < city->open_count; i++) {
        const struct window *window = &city->open[i].window;
        if (window->start_ms % pane_ms != 0 || window->end_ms != window->start_ms + pane_ms ||
            window->start_ms < city->closed_through_ms)
            return false;
    }
    return true;
}

int state_take_city(struct state *state, const char *field, const void *bytes, size_t size)
{
    struct citystate city;
    int status = citystate_decode(&city, bytes, size);
    if (status == 0 && !fits(state, &city, field)) {
        citystate_release(&city);
        status = ERR_INVALID;
    }
    if (status != 0) {
        state->metrics->bad_states_total++;
        return status;
    }
    struct city_entry *entry = state_city(state, city.city_id, city.series);
    citystate_release(&entry->city); /* HSCAN may return a field twice */
    entry->city = city;
    for (int32_t i = 0; i < city.open_count; i++)
        window_pack(&city.open[i].window);
    entry->alert_rules = NULL;
    return 0;
}

void state_touch(struct state *state, struct city_entry *entry)
{
    state->changed = true;
    if (entry->dirty)
        return;
    entry->dirty = true;
    entry->next_dirty = state->dirty_cities;
    state->dirty_cities = entry;
    state->dirty_city_count++;
}

int64_t state_watermark(const struct state *state)
{
    int64_t least = 0;
    for (const struct city_entry *entry = state->cities; entry; entry = entry->hh.next) {
        int64_t watermark = entry->city.watermark_ms;
        if (watermark > 0 && (least == 0 || watermark < least))
            least = watermark;
    }
    return least;
}

/* ---- changes ---- */

size_t state_dirty(const struct state *state)
{
    return state->dirty_city_count + state->dirty_record_count + state->late_count + state->change_count +
           state->alerts.count - state->alerts.sent;
}

static void send_cities(struct state *state)
{
    struct sent *sent = &state->sent;
    if (sent->city_capacity < state->dirty_city_count) {
        sent->city_capacity = state->dirty_city_count;
        sent->cities = mem_grow(sent->cities, sent->city_capacity, sizeof(struct city_entry *));
    }
    for (struct city_entry *entry = state->dirty_cities, *next; entry; entry = next) {
        next = entry->next_dirty;
        entry->dirty = false;
        entry->next_dirty = NULL;
        sent->cities[sent->city_count++] = entry;
    }
    state->dirty_cities = NULL;
    state->dirty_city_count = 0;
}

static void send_records(struct state *state)
{
    struct sent *sent = &state->sent;
    if (sent->record_capacity < state->dirty_record_count) {
        sent->record_capacity = state->dirty_record_count;
        sent->records = mem_grow(sent->records, sent->record_capacity, sizeof(struct record *));
    }
    for (struct record *record = state->dirty_records, *next; record; record = next) {
        next = record->next_dirty;
        record->dirty = false;
        record->next_dirty = NULL;
        record->sent = true;
        record->sent_added = record->added;
        record->added = 0;
        sent->records[sent->record_count++] = record;
    }
    state->dirty_records = NULL;
    state->dirty_record_count = 0;
}

void state_sent(struct state *state)
{
    assert(!state->sent.any);
    send_cities(state);
    send_records(state);
    alert_queue_sent(&state->alerts);
    state->sent.any = true;
    state->sent.offset = state->ledger.offset;
    state->sent.commits = state->ledger.commits;
    state->changed = false;
}

/* Ends the commit on the way. */
static void settle(struct state *state)
{
    struct sent *sent = &state->sent;
    assert(sent->any);
    for (size_t i = 0; i < sent->record_count; i++) {
        sent->records[i]->sent = false;
        state_pin(state, sent->records[i]);
    }
    sent->any = false;
    sent->city_count = sent->record_count = 0;
}

void state_committed(struct state *state)
{
    settle(state);
    alert_queue_committed(&state->alerts);
    state->retiring_count = 0;
}

void state_uncommitted(struct state *state)
{
    struct sent *sent = &state->sent;
    for (size_t i = 0; i < sent->city_count; i++)
        state_touch(state, sent->cities[i]);
    for (size_t i = 0; i < sent->record_count; i++) {
        struct record *record = sent->records[i];
        record->added += record->sent_added;
        state_dirty_record(state, record);
    }
    settle(state);
    alert_queue_uncommitted(&state->alerts);
    state->ledger.commits--;
    state->changed = true; /* the ledger at least; keys that were retired are still in the list */
}
