/* Ages of what is shown: of one city, and quantiles over all. */
#include "../../dashboard/survey.h"
#include "dashboard_records.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void ages_of_a_city(void **state)
{
    struct city city = {.has_latest = true,
                        .latest = {.observed_at_ms = AT, .fetched_at_ms = AT + 1000, .produced_at_ms = AT + 2000}};
    struct buf out = BUF_EMPTY;
    (void)state;
    assert_int_equal(survey_age_ms(&city, SURVEY_OBSERVED, AT + 5000), 5000);
    assert_int_equal(survey_age_ms(&city, SURVEY_FETCHED, AT + 5000), 4000);
    assert_int_equal(survey_age_ms(&city, SURVEY_PRODUCED, AT + 5000), 3000);
    assert_int_equal(survey_age_ms(&city, SURVEY_COMMITTED, AT + 5000), -1);
    assert_int_equal(survey_age_ms(&city, SURVEY_OBSERVED, AT - 1), 0);
    survey_encode(&city, AT + 5000, &out);
    assert_string_equal(out.data, "\"ages\":{\"observed_ms\":5000,\"fetched_ms\":4000,\"produced_ms\":3000}");
    city.committed_at_ms = AT + 4999;
    buf_reset(&out);
    survey_encode(&city, AT + 5000, &out);
    assert_non_null(strstr(out.data, ",\"committed_ms\":1}"));
    city.has_latest = false;
    buf_reset(&out);
    survey_encode(&city, AT + 5000, &out);
    assert_string_equal(out.data, "\"ages\":{}");
    buf_release(&out);
}

/* The sample of that stage and quantile; -1: there is none. */
static double sample(const struct buf *out, const char *stage, const char *quantile)
{
    char want[160];
    (void)snprintf(want, sizeof want,
                   "\nisobar_dashboard_age_seconds{provider=\"simulated\",stage=\"%s\",quantile=\"%s\"} ", stage,
                   quantile);
    const char *place = strstr(out->data, want);
    return place ? strtod(place + strlen(want), NULL) : -1;
}

static void near(double got, double want)
{
    if (got < want || got > want * 1.046 + 0.001)
        fail_msg("%g instead of %g", got, want);
}

static void quantiles_over_all_cities(void **state)
{
    struct atlas atlas;
    struct buf out = BUF_EMPTY;
    (void)state;
    atlas_init(&atlas, PARTS);
    for (int i = 1; i <= 200; i++) {
        struct observation row = record_reading(1000 + i, AT - i * MINUTE, 100);
        record_put(&atlas, 1000 + i, "Somewhere", &row);
    }
    survey_families(&atlas, AT, &out);
    near(sample(&out, "observed", "0.5"), 100 * 60);
    near(sample(&out, "observed", "0.9"), 180 * 60);
    near(sample(&out, "observed", "0.99"), 198 * 60);
    near(sample(&out, "observed", "1"), 200 * 60);
    near(sample(&out, "fetched", "1"), 200 * 60 - 1);
    near(sample(&out, "produced", "0.5"), 100 * 60 - 2);
    assert_true(sample(&out, "committed", "0.5") < 0); /* they were there before */
    assert_non_null(strstr(out.data, "# TYPE isobar_dashboard_age_seconds gauge\n"));
    atlas_release(&atlas);
    buf_release(&out);
}

static void extremes(void **state)
{
    struct atlas atlas;
    struct buf out = BUF_EMPTY;
    struct observation row = record_reading(7, AT, 100);
    (void)state;
    atlas_init(&atlas, PARTS);
    survey_families(&atlas, AT, &out);
    assert_null(strchr(out.data, '{'));
    record_put(&atlas, 7, "Somewhere", &row);
    survey_families(&atlas, AT, &out);
    near(sample(&out, "observed", "1"), 0);
    buf_reset(&out);
    survey_families(&atlas, INT64_MAX, &out);
    assert_true(isfinite(sample(&out, "observed", "1")));
    atlas_release(&atlas);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ages_of_a_city),
        cmocka_unit_test(quantiles_over_all_cities),
        cmocka_unit_test(extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
