/* The fetcher's alarms from calls to heartbeat and metrics, on a virtual clock. */
#include "../../fetcher/fetcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS  INT64_C(1790000000000)
#define INTERVAL INT64_C(900000)

static struct fetcher *fetcher_new(void)
{
    struct fetcher *fetcher = calloc(1, sizeof *fetcher);
    assert_non_null(fetcher);
    fetcher->source_count = 1;
    fetcher->sources[0].provider = provider_find("open-meteo");
    assert_non_null(fetcher->sources[0].provider);
    fetcher->sources[0].schedules[PRODUCT_WEATHER].interval_ms = 1000; /* shorter than the source's own: that counts */
    fetcher->sources[0].air = true;
    watch_begin(&fetcher->sources[0], 0);
    return fetcher;
}

static void fetcher_free(struct fetcher *fetcher)
{
    provider_rows_release(&fetcher->rows);
    free(fetcher->rows.statuses);
    free(fetcher);
}

/* A call for two places ends. */
static void end_call(struct fetcher *fetcher, enum fetch_call kind, enum fetch_status status, int64_t observed_ms,
                     int64_t now_ms)
{
    struct call call = {.source = &fetcher->sources[0], .kind = kind, .count = 2};
    provider_rows_start(&fetcher->rows, 2);
    for (int i = 0; i < 2 && status == FETCH_OK; i++) {
        struct observation *row = provider_rows_add(&fetcher->rows);
        row->observed_at_ms = observed_ms;
        row->fetched_at_ms = WALL_MS + now_ms;
        row->present = 1;
    }
    watch_answer(fetcher, &call, status, now_ms);
}

static void test_an_alarm_is_told_until_it_is_over(void **state)
{
    struct fetcher *fetcher = fetcher_new();
    const struct cities_counts counts = {.asked = {2}};
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    struct buf out = BUF_EMPTY;
    int64_t now = 0;
    (void)state;
    for (; now < 5 * INTERVAL; now += INTERVAL / 10) {
        end_call(fetcher, FETCH_CURRENT, FETCH_OK, WALL_MS, now); /* the data stand still */
        watch_second(fetcher, &counts, now);
    }
    watch_heartbeat(fetcher, &heartbeat, now);
    assert_int_equal(heartbeat.n_alarms, 1);
    assert_string_equal(heartbeat.alarms[0]->name, "source_stale");
    assert_string_equal(heartbeat.alarms[0]->source, "open-meteo");
    assert_non_null(strstr(heartbeat.alarms[0]->text, "75 min old"));
    assert_in_range(heartbeat.alarms[0]->raised_ms, INTERVAL / 2, INTERVAL);
    watch_families(fetcher, now, &out);
    assert_non_null(strstr(out.data, "isobar_fetcher_alarm{name=\"source_stale\",source=\"open-meteo\"} 1\n"));
    assert_non_null(strstr(out.data, "isobar_fetcher_alarm{name=\"schema_changed\",source=\"open-meteo-air\"} 0\n"));
    assert_non_null(strstr(out.data, "isobar_fetcher_newest_age_seconds{source=\"open-meteo\"} 4500\n"));
    assert_null(strstr(out.data, "newest_age_seconds{source=\"open-meteo-air\"}"));
    for (int64_t end = now + 5 * INTERVAL; now < end; now += INTERVAL / 10) {
        end_call(fetcher, FETCH_CURRENT, FETCH_OK, WALL_MS + now, now);
        watch_second(fetcher, &counts, now);
    }
    heartbeat.n_alarms = 0;
    watch_heartbeat(fetcher, &heartbeat, now);
    assert_int_equal(heartbeat.n_alarms, 0);
    buf_release(&out);
    fetcher_free(fetcher);
}

static void test_products_are_told_apart(void **state)
{
    struct fetcher *fetcher = fetcher_new();
    const struct cities_counts counts = {.asked = {2}};
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    int64_t now = 0;
    (void)state;
    for (; now < 5 * 4 * INTERVAL; now += INTERVAL / 5) {
        end_call(fetcher, FETCH_CURRENT, FETCH_OK, WALL_MS + now, now);
        end_call(fetcher, FETCH_AIR, FETCH_NETWORK, 0, now);
        end_call(fetcher, FETCH_HISTORY, FETCH_UNEXPECTED_SHAPE, 0, now); /* says nothing */
        watch_second(fetcher, &counts, now);
    }
    watch_heartbeat(fetcher, &heartbeat, now);
    assert_int_equal(heartbeat.n_alarms, 1);
    assert_string_equal(heartbeat.alarms[0]->name, "source_failing");
    assert_string_equal(heartbeat.alarms[0]->source, "open-meteo-air");
    assert_non_null(strstr(heartbeat.alarms[0]->text, "network"));
    fetcher_free(fetcher);
}

/* A source that others are asked instead of has no alarm, and is judged anew when it is needed again. */
static void test_of_a_source_that_is_not_asked_nothing_is_told(void **state)
{
    struct fetcher *fetcher = fetcher_new();
    const struct cities_counts asked = {.asked = {2}}, unasked = {.asked = {0}};
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    int64_t now = 0;
    (void)state;
    end_call(fetcher, FETCH_CURRENT, FETCH_OK, WALL_MS, now);
    watch_second(fetcher, &asked, now);
    for (; now < 9 * INTERVAL; now += INTERVAL / 5)
        watch_second(fetcher, &unasked, now);
    watch_heartbeat(fetcher, &heartbeat, now);
    assert_int_equal(heartbeat.n_alarms, 0);
    for (int64_t end = now + INTERVAL; now < end; now += INTERVAL / 5)
        watch_second(fetcher, &asked, now);
    watch_heartbeat(fetcher, &heartbeat, now);
    assert_int_equal(heartbeat.n_alarms, 0);
    fetcher_free(fetcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_alarm_is_told_until_it_is_over),
        cmocka_unit_test(test_products_are_told_apart),
        cmocka_unit_test(test_of_a_source_that_is_not_asked_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
