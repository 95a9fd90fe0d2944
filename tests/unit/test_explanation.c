/* Rows behind a value: which belong to it, whether they add up, and how they are shown. */
#include "../../ctl/explanation.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START INT64_C(1796040000000) /* 2026-11-30T12:00Z */
#define END   (START + 3600000)

static struct judged row_at(int64_t at_ms, int32_t centi_c, enum verdict verdict)
{
    struct judged row = {.offset = 7, .row = 2, .produced_at_ms = at_ms + 2000, .clock_ms = at_ms + 3000};
    row.observation.city_id = 5;
    row.observation.observed_at_ms = at_ms;
    row.observation.fetched_at_ms = at_ms + 1000;
    row.observation.provider = ISOBAR__V1__PROVIDER__SIMULATED;
    observation_set(&row.observation, ISOBAR__V1__VALUE__TEMPERATURE, centi_c);
    row.verdict = verdict;
    return row;
}

static struct explanation about(size_t limit)
{
    struct explanation explanation;
    explanation_init(&explanation, limit);
    explanation.topic = "t";
    explanation.size_name = "1h";
    explanation.start_ms = START;
    explanation.end_ms = END;
    explanation.closed_through_ms = END;
    explanation.shown_at_ms = END + 1;
    explanation.city = (struct city_found){.city_id = 5, .partition = 3, .name = "Zürich"};
    return explanation;
}

static void add(struct explanation *explanation, int64_t at_ms, enum verdict verdict)
{
    struct judged row = row_at(at_ms, 1234, verdict);
    explanation_add(explanation, &row);
}

static void rows_of_the_window_are_kept_and_all_count(void **state)
{
    (void)state;
    struct explanation explanation = about(2);
    add(&explanation, START, VERDICT_IN);
    add(&explanation, END - 1, VERDICT_LATE);
    add(&explanation, START + 1, VERDICT_DUPLICATE);
    add(&explanation, START - 1, VERDICT_IN);
    add(&explanation, END, VERDICT_BAD);
    add(&explanation, START, VERDICT_CHECKED);
    assert_int_equal(explanation.count, 2);
    assert_int_equal(explanation.counts[VERDICT_IN], 1);
    assert_int_equal(explanation.counts[VERDICT_LATE], 1);
    assert_int_equal(explanation.counts[VERDICT_DUPLICATE], 1);
    assert_int_equal(explanation.counts[VERDICT_CHECKED], 0);
    assert_int_equal(explanation.outside, 2);
    explanation_restart(&explanation);
    assert_int_equal(explanation.count, 0);
    assert_int_equal(explanation.outside, 0);
    assert_int_equal(explanation.counts[VERDICT_IN], 0);
    explanation_release(&explanation);
}

static void fill(struct window *window, int32_t first, int rows)
{
    window_init(window, START, END);
    for (int i = 0; i < rows; i++) {
        struct judged row = row_at(START + i * 60000, first + i, VERDICT_IN);
        window_add(window, &row.observation);
    }
}

static void differences_are_named(void **state)
{
    (void)state;
    static const struct {
        int stored, made, stored_rows, made_rows;
        const char *text;
    } rows[] = {
        {100, 100, 3, 3, ""},
        {0, 0, 0, 0, ""},
        {100, 100, 3, 2,
         "rows: stored 3, made of the rows 2\n"
         "temperature count: stored 3, made of the rows 2\ntemperature sum: stored 303, made of the rows 201\n"
         "temperature maximum: stored 102, made of the rows 101\ntemperature last: stored 102, made of the rows 101\n"},
        {100, 101, 1, 1,
         "temperature sum: stored 100, made of the rows 101\ntemperature minimum: stored 100, made of the rows 101\n"
         "temperature maximum: stored 100, made of the rows 101\ntemperature first: stored 100, made of the rows 101\n"
         "temperature last: stored 100, made of the rows 101\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct explanation explanation = about(9);
        struct buf out = BUF_EMPTY;
        explanation.has_stored = rows[i].stored_rows > 0;
        explanation.has_made = rows[i].made_rows > 0;
        if (explanation.has_stored)
            fill(&explanation.stored, rows[i].stored, rows[i].stored_rows);
        if (explanation.has_made)
            fill(&explanation.made, rows[i].made, rows[i].made_rows);
        assert_int_equal(explanation_differs(&explanation, &out), *rows[i].text != '\0');
        assert_string_equal(out.data, rows[i].text);
        buf_release(&out);
        explanation_release(&explanation);
    }
}

static void a_side_that_is_missing_counts_as_nothing(void **state)
{
    (void)state;
    struct explanation explanation = about(9);
    struct buf out = BUF_EMPTY;
    explanation.has_made = true;
    fill(&explanation.made, 100, 1);
    assert_true(explanation_differs(&explanation, &out));
    assert_non_null(strstr(out.data, "rows: stored 0, made of the rows 1\n"));
    assert_non_null(strstr(out.data, "temperature count: stored 0, made of the rows 1\n"));
    buf_release(&out);
    explanation_release(&explanation);
}

static void wind_and_the_rest_are_compared_too(void **state)
{
    (void)state;
    struct explanation explanation = about(9);
    struct buf out = BUF_EMPTY;
    explanation.has_stored = explanation.has_made = true;
    window_init(&explanation.stored, START, END);
    window_init(&explanation.made, START, END);
    for (int i = 0; i < 2; i++) {
        struct judged row = row_at(START, 100, VERDICT_IN);
        observation_set(&row.observation, ISOBAR__V1__VALUE__WIND_SPEED, 500);
        observation_set(&row.observation, ISOBAR__V1__VALUE__WIND_DIRECTION, 9000 * (i + 1));
        window_add(i ? &explanation.made : &explanation.stored, &row.observation);
    }
    explanation.made.updated_at_ms = START; /* is no part of the value */
    assert_true(explanation_differs(&explanation, &out));
    assert_string_equal(out.data, "sums of wind, stretches of precipitation or quantiles differ\n");
    buf_release(&out);
    explanation_release(&explanation);
}

static struct explanation one_of_each(void)
{
    struct explanation explanation = about(9);
    struct judged bad = row_at(START + 60000, -5, VERDICT_BAD);
    strcpy(bad.reason, "observed_in_the_future");
    struct judged flagged = row_at(START, 1234, VERDICT_IN);
    flagged.flags = 1; /* range, temperature */
    explanation_add(&explanation, &flagged);
    explanation_add(&explanation, &bad);
    explanation.has_stored = explanation.has_made = true;
    fill(&explanation.stored, 1234, 1);
    fill(&explanation.made, 1234, 1);
    explanation.stored.revision = explanation.made.revision = 1;
    return explanation;
}

static void json_has_all_of_it(void **state)
{
    (void)state;
    struct explanation explanation = one_of_each();
    struct buf out = BUF_EMPTY;
    explanation_json(&explanation, &out);
    json_t *root = json_loads(out.data, 0, NULL);
    assert_non_null(root);
    const char *name, *status, *verdict, *reason, *flag, *provider;
    json_int_t observed, fetched, produced, processed, bad;
    double temperature;
    int equal, complete;
    assert_int_equal(json_unpack(root, "{s:s,s:s,s:b,s:b,s:{s:I},s:[{s:s,s:s,s:I,s:I,s:I,s:I,s:{s:F},s:[s]},{s:s}]}",
                                 "name", &name, "status", &status, "equal", &equal, "complete", &complete, "verdicts",
                                 "bad", &bad, "rows", "verdict", &verdict, "provider", &provider, "observed_at",
                                 &observed, "fetched_at", &fetched, "produced_at", &produced, "processed_at",
                                 &processed, "values", "temperature", &temperature, "flags", &flag, "reason", &reason),
                     0);
    assert_string_equal(name, "Zürich");
    assert_string_equal(status, "revised");
    assert_string_equal(verdict, "in");
    assert_string_equal(provider, "simulated");
    assert_string_equal(reason, "observed_in_the_future");
    assert_string_equal(flag, "range_temperature");
    assert_true(equal && complete && bad == 1 && temperature == 12.34);
    assert_true(observed == START && fetched == START + 1000 && produced == START + 2000 && processed == START + 3000);
    json_decref(root);
    buf_release(&out);
    explanation_release(&explanation);
}

static void text_and_csv_have_a_line_for_each_row(void **state)
{
    (void)state;
    struct explanation explanation = one_of_each();
    struct buf out = BUF_EMPTY;
    explanation_text(&explanation, &out);
    assert_non_null(strstr(out.data, "Zürich, 5, series 0"));
    assert_non_null(strstr(out.data, "(observed_in_the_future) temperature=-0.05\n"));
    assert_non_null(strstr(out.data, "temperature=12.34  flags: range_temperature\n"));
    assert_non_null(strstr(out.data, "1 in, 0 late, 1 bad; 0 of the city outside the window\n"));
    assert_non_null(strstr(out.data, "the rows make what is stored: 1 rows, revision 1\n"));
    assert_null(strstr(out.data, "not all"));
    buf_reset(&out);
    explanation.complete = false;
    explanation.made.rows = 2;
    explanation.undecodable = 4;
    explanation_text(&explanation, &out);
    assert_non_null(
        strstr(out.data, "what is stored is not what the rows make:\nrows: stored 1, made of the rows 2\n"));
    assert_non_null(strstr(out.data, "4 records that cannot be decoded"));
    assert_non_null(strstr(out.data, "not all that counted is known any more"));
    buf_reset(&out);
    explanation_csv(&explanation, &out);
    assert_non_null(strstr(out.data, "partition,offset,row,verdict,reason,provider,series,observed,fetched,produced,"
                                     "processed,shown,flags,temperature,"));
    assert_non_null(strstr(out.data, "\r\n3,7,2,in,,simulated,0,2026-11-30T12:00:00.000Z,2026-11-30T12:00:01.000Z,"
                                     "2026-11-30T12:00:02.000Z,2026-11-30T12:00:03.000Z,2026-11-30T13:00:00.001Z,"
                                     "range_temperature,12.34,"));
    buf_release(&out);
    explanation_release(&explanation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_the_window_are_kept_and_all_count),
        cmocka_unit_test(differences_are_named),
        cmocka_unit_test(a_side_that_is_missing_counts_as_nothing),
        cmocka_unit_test(wind_and_the_rest_are_compared_too),
        cmocka_unit_test(json_has_all_of_it),
        cmocka_unit_test(text_and_csv_have_a_line_for_each_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
