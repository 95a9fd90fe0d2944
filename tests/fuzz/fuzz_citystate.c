/*
 * A city's state as Redis has it: what citystate_decode takes, encodes and decodes to the same, and what the dashboard
 * makes of it is JSON.
 */
#include "../../dashboard/atlas.h"
#include "../../dashboard/encode.h"
#include "../../dashboard/reader.h"
#include "citystate.h"
#include "fuzz.h"
#include "shard.h"

#include <stdlib.h>
#include <string.h>

#define PARTITIONS 4
#define NOW_MS     INT64_C(1795500000000)

static void check_state(const struct citystate *city)
{
    FUZZ_CHECK(city->rows_in >= 0 && city->watermark_ms >= 0 && city->heard_at_ms >= 0 && city->series >= 0);
    for (int32_t i = 0; i < city->open_count; i++) {
        const struct window *pane = &city->open[i].window;
        FUZZ_CHECK(pane->start_ms < pane->end_ms);
        FUZZ_CHECK(i == 0 || city->open[i - 1].window.end_ms <= pane->start_ms);
        FUZZ_CHECK(city->open[i].seen_count == pane->rows);
    }
    for (int32_t i = 1; i < city->alerts.count; i++)
        FUZZ_CHECK(strcmp(city->alerts.states[i - 1].rule, city->alerts.states[i].rule) < 0);
}

static void check_again(const struct citystate *city)
{
    struct citystate again;
    struct buf one = BUF_EMPTY, other = BUF_EMPTY;
    citystate_encode(city, &one);
    if (one.size <= CITYSTATE_MAX_BYTES) {
        FUZZ_CHECK(citystate_decode(&again, one.data, one.size) == 0);
        citystate_encode(&again, &other);
        fuzz_check_same(&one, &other);
        citystate_release(&again);
    }
    buf_release(&one);
    buf_release(&other);
}

/* The newest windows of an hour with the open panes merged into them. */
static void check_windows(const struct citystate *city)
{
    struct window_query query = {.city_id = city->city_id, .limit = 24, .series = city->series};
    struct custom_set custom = {0};
    struct windowset set = {0};
    struct buf out = BUF_EMPTY;
    FUZZ_CHECK(windowset_parse(&set, "1h:30d", &out) == 0);
    query.size = set.sizes[0];
    int64_t at_ms = city->open_count ? city->open[city->open_count - 1].window.start_ms : NOW_MS;
    query.from_ms = window_start(at_ms, query.size.size_ms) - 20 * query.size.size_ms;
    query.from_ms = query.from_ms < 0 ? 0 : query.from_ms;
    query.to_ms = query.from_ms + 24 * query.size.size_ms;
    struct reader_keys keys = reader_plan(&query);
    struct window *windows = calloc(keys.count, sizeof *windows);
    for (size_t i = 0; i < keys.count; i++) {
        int64_t start_ms = keys.first_ms + (int64_t)i * query.size.size_ms;
        window_init(&windows[i], start_ms, start_ms + query.size.size_ms);
    }
    reader_merge(&query, &keys, city, windows);
    struct window_answer answer = {.closed_through_ms = city->closed_through_ms, .interval_s = city->interval_s};
    answer.windows = reader_select(&query, &keys, city->zone, windows, &answer.count);
    reader_json(&query, &answer, &custom, &out);
    fuzz_check_json(&out);
    for (size_t i = 0; i < answer.count; i++)
        window_release(&answer.windows[i]);
    free(answer.windows);
    buf_release(&out);
}

/* The dashboard's atlas takes it where it belongs, and shows it. */
static void check_atlas(const uint8_t *data, size_t size, const struct citystate *city)
{
    struct atlas atlas;
    struct buf out = BUF_EMPTY;
    atlas_init(&atlas, PARTITIONS);
    int32_t partition = shard_of_city(city->city_id, PARTITIONS);
    if (atlas_take_state(&atlas, partition, 0, (const char *)data, size, NOW_MS)) {
        for (const struct city *it = atlas.table; it; it = it->hh.next) {
            if (!it->has_latest)
                continue;
            encode_latest(&out, it, &atlas.custom);
            fuzz_check_json(&out);
            buf_reset(&out);
        }
    }
    FUZZ_CHECK(!atlas_take_state(&atlas, (partition + 1) % PARTITIONS, 0, (const char *)data, size, NOW_MS));
    buf_release(&out);
    atlas_release(&atlas);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct citystate city;
    if (citystate_decode(&city, data, size) == 0) {
        check_state(&city);
        check_again(&city);
        check_windows(&city);
        check_atlas(data, size, &city);
    }
    citystate_release(&city); /* released is as good as decoded */
    return 0;
}
