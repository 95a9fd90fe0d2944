/* Life cycle and the city table of a partition's state (state.h). Ingest and folding are in files of their own. */
#include "state.h"

#include "error.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

void state_init(struct state *state, const struct state_config *config)
{
    memset(state, 0, sizeof *state);
    state->rules = config->rules;
    state->metrics = config->metrics;
    state->partition = config->partition;
    state->cache_bytes = config->cache_bytes;
    state->cache_limit = config->cache_limit;
    state->letter = config->letter;
    state->letter_arg = config->letter_arg;
    state->batch = batch_new();
}

void state_release(struct state *state)
{
    struct city_entry *entry, *next_entry;
    HASH_ITER(hh, state->cities, entry, next_entry) {
        HASH_DEL(state->cities, entry);
        citystate_release(&entry->city);
        free(entry);
        state->metrics->cities--;
    }
    struct record *record, *next_record;
    HASH_ITER(hh, state->records, record, next_record) {
        HASH_DEL(state->records, record);
        *state->cache_bytes -= record->bytes;
        pane_release(&record->pane);
        free(record);
    }
    free(state->missing);
    free(state->late);
    batch_free(state->batch);
    memset(state, 0, sizeof *state);
}

struct city_entry *state_city(struct state *state, int64_t city_id, int32_t series)
{
    struct city_key key = {.city_id = city_id, .series = series};
    struct city_entry *entry;
    HASH_FIND(hh, state->cities, &key, sizeof key, entry);
    if (entry)
        return entry;
    entry = mem_alloc(sizeof *entry);
    entry->key = key;
    citystate_init(&entry->city, city_id, series);
    citystate_field(city_id, series, entry->field);
    HASH_ADD(hh, state->cities, key, sizeof entry->key, entry);
    state->metrics->cities++;
    return entry;
}

int state_take_city(struct state *state, const void *bytes, size_t size)
{
    struct citystate city;
    if (citystate_decode(&city, bytes, size) != 0) {
        state->metrics->bad_states_total++;
        return ERR_INVALID;
    }
    struct city_entry *entry = state_city(state, city.city_id, city.series);
    citystate_release(&entry->city); /* HSCAN may return a field twice */
    entry->city = city;
    if (city.watermark_ms > state->watermark_ms)
        state->watermark_ms = city.watermark_ms;
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

size_t state_dirty(const struct state *state)
{
    return state->dirty_city_count + state->dirty_record_count + state->late_count;
}
