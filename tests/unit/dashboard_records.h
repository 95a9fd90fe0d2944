/* Records as Redis holds them, made by hand for the dashboard's tests: a catalogue entry and a city's state.
 */
#ifndef ISOBAR_TEST_DASHBOARD_RECORDS_H
#define ISOBAR_TEST_DASHBOARD_RECORDS_H

#include "../../dashboard/atlas.h"
#include "shard.h"

#include "city.pb-c.h"

#define PARTS  24
#define MINUTE INT64_C(60000)
#define AT     INT64_C(1790000400000) /* 2026-09-21T14:20:00Z, the start of a 10-minute window */

/* An encoded catalogue entry; the caller releases it. */
static inline struct buf record_entry(int64_t id, const char *name)
{
    struct buf out = BUF_EMPTY;
    Isobar__V1__City entry = ISOBAR__V1__CITY__INIT;
    entry.format = 1;
    entry.city_id = id;
    entry.name = (char *)(uintptr_t)name;
    entry.ascii_name = (char *)(uintptr_t) "ascii";
    entry.country = (char *)(uintptr_t) "US";
    entry.zone = (char *)(uintptr_t) "America/Los_Angeles";
    entry.latitude_e5 = 4760621;
    entry.longitude_e5 = -12233207;
    entry.population = 684451;
    size_t size = isobar__v1__city__get_packed_size(&entry);
    buf_advance(&out, isobar__v1__city__pack(&entry, (uint8_t *)buf_reserve(&out, size)));
    return out;
}

/* A reading of `centi_c` at `at_ms`. */
static inline struct observation record_reading(int64_t id, int64_t at_ms, int32_t centi_c)
{
    struct observation row = {.city_id = id,
                              .observed_at_ms = at_ms,
                              .fetched_at_ms = at_ms + 1000,
                              .provider = ISOBAR__V1__PROVIDER__SIMULATED,
                              .kind = ISOBAR__V1__ROW_KIND__OBSERVATION};
    observation_set(&row, ISOBAR__V1__VALUE__TEMPERATURE, centi_c);
    return row;
}

/* An encoded state whose latest reading is `row`, in one open pane of `pane_ms` (0: none); the caller
 * releases it. */
static inline struct buf record_state(const struct observation *row, int64_t pane_ms)
{
    struct buf out = BUF_EMPTY;
    struct citystate state;
    citystate_init(&state, row->city_id, row->series);
    state.watermark_ms = row->observed_at_ms;
    state.has_latest = true;
    latest_set(&state.latest, row, row->observed_at_ms + 2000);
    state.rows_in = 1;
    if (pane_ms) {
        struct pane *pane = citystate_pane(&state, row->observed_at_ms / pane_ms * pane_ms, pane_ms);
        (void)!pane_add(pane, row, 0);
    }
    citystate_encode(&state, &out);
    citystate_release(&state);
    return out;
}

/* Puts both into the atlas. */
static inline void record_put(struct atlas *atlas, int64_t id, const char *name, const struct observation *row)
{
    int32_t partition = shard_of_city(id, atlas->partitions);
    struct buf entry = record_entry(id, name), state = record_state(row, 0);
    (void)atlas_take_entry(atlas, partition, 0, entry.data, entry.size);
    (void)atlas_take_state(atlas, partition, 0, state.data, state.size, 0);
    buf_release(&entry);
    buf_release(&state);
}

#endif
