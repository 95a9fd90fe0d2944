/* Ages at the commit: histograms, the newest of each stage, and the metrics that tell of them. */
#include "../../worker/ages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1790000000000)

static void note(struct ages *ages, int32_t provider, int64_t observed_ago, int64_t fetched_ago, int64_t produced_ago)
{
    ages_note(ages, provider,
              (const int64_t[AGES_STAGES]){NOW - observed_ago, NOW - fetched_ago, NOW - produced_ago, NOW});
}

static bool says(const struct ages *ages, int64_t now_ms, const char *line)
{
    struct buf out = BUF_EMPTY;
    char whole[256];
    ages_families(ages, "worker", now_ms, &out);
    (void)snprintf(whole, sizeof whole, "\nisobar_worker_%s\n", line);
    bool found = strstr(out.data, whole) != NULL;
    if (!found)
        fprintf(stderr, "%s", out.data);
    buf_release(&out);
    return found;
}

static void nothing_was_committed(void **state)
{
    static struct ages ages;
    struct buf out = BUF_EMPTY;
    (void)state;
    assert_int_equal(ages_newest_ms(&ages, 1, AGES_OBSERVED, NOW), -1);
    ages_families(&ages, "worker", NOW, &out);
    assert_non_null(strstr(out.data, "# TYPE isobar_worker_age_seconds histogram\n"));
    assert_non_null(strstr(out.data, "# TYPE isobar_worker_newest_age_seconds gauge\n"));
    assert_null(strchr(out.data, '{'));
    buf_release(&out);
}

static void ages_fall_into_buckets(void **state)
{
    static struct ages ages;
    (void)state;
    note(&ages, 1, 300000, 1000, 50);
    note(&ages, 1, 300001, 900, 20);
    note(&ages, 1, INT64_C(90000000), 800, 10);
    assert_true(says(&ages, NOW, "age_seconds_bucket{provider=\"openweathermap\",stage=\"observed\",le=\"60\"} 0"));
    assert_true(says(&ages, NOW, "age_seconds_bucket{provider=\"openweathermap\",stage=\"observed\",le=\"300\"} 1"));
    assert_true(says(&ages, NOW, "age_seconds_bucket{provider=\"openweathermap\",stage=\"observed\",le=\"600\"} 2"));
    assert_true(says(&ages, NOW, "age_seconds_bucket{provider=\"openweathermap\",stage=\"observed\",le=\"86400\"} 2"));
    assert_true(says(&ages, NOW, "age_seconds_bucket{provider=\"openweathermap\",stage=\"observed\",le=\"+Inf\"} 3"));
    assert_true(says(&ages, NOW, "age_seconds_count{provider=\"openweathermap\",stage=\"fetched\"} 3"));
    assert_true(says(&ages, NOW, "age_seconds_bucket{provider=\"openweathermap\",stage=\"produced\",le=\"0.05\"} 3"));
    struct buf out = BUF_EMPTY;
    ages_families(&ages, "worker", NOW, &out);
    assert_null(strstr(out.data, "age_seconds_count{provider=\"openweathermap\",stage=\"committed\"}"));
    assert_non_null(strstr(out.data, "stage=\"fetched\"} 2.7"));
    buf_release(&out);
}

static void the_newest_of_each_stage(void **state)
{
    static struct ages ages;
    (void)state;
    note(&ages, 2, 300000, 1000, 50);
    note(&ages, 2, 900000, 500, 10); /* fetched later, of an older time */
    assert_int_equal(ages_newest_ms(&ages, 2, AGES_OBSERVED, NOW + 7), 300007);
    assert_int_equal(ages_newest_ms(&ages, 2, AGES_FETCHED, NOW + 7), 507);
    assert_int_equal(ages_newest_ms(&ages, 2, AGES_PRODUCED, NOW + 7), 17);
    assert_int_equal(ages_newest_ms(&ages, 2, AGES_COMMITTED, NOW + 7), 7);
    assert_int_equal(ages_newest_ms(&ages, 2, AGES_COMMITTED, NOW - 7), 0); /* the clock was set back */
    assert_int_equal(ages_newest_ms(&ages, 1, AGES_COMMITTED, NOW), -1);
    assert_true(says(&ages, NOW + 1000, "newest_age_seconds{provider=\"open-meteo\",stage=\"committed\"} 1"));
}

static void what_is_not_known_is_left_out(void **state)
{
    static struct ages ages;
    (void)state;
    ages_note(&ages, 1, (const int64_t[AGES_STAGES]){NOW - 5, 0, NOW - 1, NOW});
    ages_note(&ages, 1, (const int64_t[AGES_STAGES]){NOW + 60000, 0, NOW - 1, NOW}); /* of the future: 0 */
    assert_int_equal(ages_newest_ms(&ages, 1, AGES_FETCHED, NOW), -1);
    assert_int_equal(ages_newest_ms(&ages, 1, AGES_OBSERVED, NOW), 0);
    assert_true(says(&ages, NOW, "age_seconds_bucket{provider=\"openweathermap\",stage=\"observed\",le=\"0.05\"} 2"));
}

static void strange_providers_are_unknown(void **state)
{
    static struct ages ages;
    (void)state;
    note(&ages, -1, 1, 1, 1);
    note(&ages, INT32_MAX, 1, 1, 1);
    note(&ages, AGES_PROVIDERS, 1, 1, 1);
    assert_true(says(&ages, NOW, "age_seconds_count{provider=\"unknown\",stage=\"observed\"} 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_was_committed),         cmocka_unit_test(ages_fall_into_buckets),
        cmocka_unit_test(the_newest_of_each_stage),      cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(strange_providers_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
