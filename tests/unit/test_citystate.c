/* City state: open panes in order, round trips, what must not parse, and the memory that a city costs. */
#include "citystate.h"
#include "error.h"
#include "mem.h"
#include "rows.h"
#include "spoil.h"

#include "city.pb-c.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define START INT64_C(1790000400000)
#define PANE  INT64_C(300000)

static void panes_stay_in_order(void **state)
{
    (void)state;
    struct citystate city;
    citystate_init(&city, 42, 0);
    struct dice dice = {11};
    bool there[40] = {false};
    int32_t count = 0;
    for (int i = 0; i < 200; i++) {
        int64_t k = dice_below(&dice, 40);
        struct pane *pane = citystate_pane(&city, START + k * PANE, PANE);
        assert_int_equal(pane->window.start_ms, START + k * PANE);
        assert_int_equal(pane->window.end_ms, START + (k + 1) * PANE);
        assert_int_equal(pane->window.rows > 0, there[k]); /* the same one again */
        struct observation row = {.city_id = 42, .observed_at_ms = START + k * PANE + i};
        assert_true(pane_add(pane, &row, 0));
        count += !there[k];
        there[k] = true;
        assert_int_equal(city.open_count, count);
    }
    for (int32_t i = 1; i < city.open_count; i++)
        assert_true(city.open[i - 1].window.end_ms <= city.open[i].window.start_ms);
    int64_t kept = city.open[count - 3].window.start_ms;
    citystate_drop_panes(&city, 0);
    citystate_drop_panes(&city, count - 3);
    assert_int_equal(city.open_count, 3);
    assert_int_equal(city.open[0].window.start_ms, kept);
    assert_true(city.open_capacity <= 7); /* a burst does not cost memory for ever */
    citystate_drop_panes(&city, 3);
    assert_int_equal(city.open_count, 0);
    citystate_pane(&city, START, PANE);
    citystate_release(&city);
    assert_int_equal(city.open_count, 0);
    assert_int_equal(city.city_id, 42);
}

static void fields(void **state)
{
    (void)state;
    char out[CITY_FIELD_BYTES];
    assert_string_equal(citystate_field(5809844, 0, out), "5809844");
    assert_string_equal(citystate_field(5809844, 12, out), "5809844/12");
    assert_string_equal(citystate_field(INT64_MAX, INT32_MAX, out), "9223372036854775807/2147483647");
    assert_string_equal(citystate_field(INT64_MIN, INT32_MIN, out), "-9223372036854775808/-2147483648");
}

static struct citystate random_city(struct dice *dice)
{
    struct citystate city;
    citystate_init(&city, 1 + dice_below(dice, INT64_C(1) << 41), dice_between(dice, 0, 2));
    for (int64_t i = dice_below(dice, 12); i > 0; i--) {
        struct observation row = row_random(dice, START, 300, 3000);
        int64_t start = row.observed_at_ms - (row.observed_at_ms - START) % PANE;
        if (!pane_add(citystate_pane(&city, start, PANE), &row, 0))
            city.rows_duplicate++;
        city.rows_in++;
        if (row.observed_at_ms >= city.watermark_ms) {
            city.watermark_ms = row.observed_at_ms;
            latest_set(&city.latest, &row, row.fetched_at_ms + 7);
            city.has_latest = true;
        }
    }
    city.heard_at_ms = dice_below(dice, START);
    city.closed_through_ms = dice_below(dice, 2) ? START : 0;
    city.checked_at_ms = dice_below(dice, 2) ? START + 5 : 0;
    for (int chain = 0; chain < TRAIL_CHAINS && city.closed_through_ms; chain++)
        city.last_ms[chain] = dice_below(dice, START);
    city.accumulation_max_s = dice_between(dice, 0, TRAIL_ACCUMULATION_S);
    city.rows_late = dice_below(dice, 100);
    city.rows_retired = dice_below(dice, 100);
    city.rows_bad = dice_below(dice, 100);
    for (int i = (int)dice_below(dice, 4); i > 0; i--) {
        struct alert_rule rule = {.name = {(char)('a' + i)}, .metric = 1, .statistic = 1 + i, .size_ms = i * PANE};
        struct alert_state *state = alert_states_add(&city.alerts, &rule);
        state->seen_ms = state->heard_ms = START;
        state->count = 1;
        state->sum = state->value = (int32_t)dice_below(dice, 9000) - 4500;
        state->phase = (int8_t)dice_below(dice, 4);
    }
    return city;
}

static void assert_same_city(const struct citystate *a, const struct citystate *b)
{
    assert_int_equal(a->city_id, b->city_id);
    assert_int_equal(a->series, b->series);
    assert_int_equal(a->watermark_ms, b->watermark_ms);
    assert_int_equal(a->heard_at_ms, b->heard_at_ms);
    assert_int_equal(a->closed_through_ms, b->closed_through_ms);
    assert_int_equal(a->checked_at_ms, b->checked_at_ms);
    assert_int_equal(a->has_latest, b->has_latest);
    struct observation left, right;
    latest_row(&a->latest, &left);
    latest_row(&b->latest, &right);
    assert_memory_equal(&left, &right, sizeof left);
    assert_int_equal(a->latest.produced_at_ms, b->latest.produced_at_ms);
    assert_int_equal(a->rows_in, b->rows_in);
    assert_int_equal(a->rows_late, b->rows_late);
    assert_int_equal(a->rows_duplicate, b->rows_duplicate);
    assert_int_equal(a->rows_retired, b->rows_retired);
    assert_int_equal(a->rows_bad, b->rows_bad);
    assert_memory_equal(a->last_ms, b->last_ms, sizeof a->last_ms);
    assert_int_equal(a->accumulation_max_s, b->accumulation_max_s);
    assert_int_equal(a->open_count, b->open_count);
    assert_int_equal(a->alerts.count, b->alerts.count);
    for (int32_t i = 0; i < a->alerts.count; i++)
        assert_memory_equal(&a->alerts.states[i], &b->alerts.states[i], sizeof *a->alerts.states);
    for (int32_t i = 0; i < a->open_count; i++) {
        struct buf x = BUF_EMPTY, y = BUF_EMPTY;
        pane_encode(&a->open[i], &x);
        pane_encode(&b->open[i], &y);
        assert_int_equal(x.size, y.size);
        assert_memory_equal(x.data, y.data, x.size);
        buf_release(&x);
        buf_release(&y);
    }
}

static void round_trip(void **state)
{
    (void)state;
    struct dice dice = {12};
    for (int round = 0; round < 500; round++) {
        struct citystate city = random_city(&dice), back;
        struct buf bytes = BUF_EMPTY, again = BUF_EMPTY;
        citystate_encode(&city, &bytes);
        char *exact = mem_dup(bytes.data, bytes.size);
        assert_int_equal(citystate_decode(&back, exact, bytes.size), 0);
        free(exact);
        assert_same_city(&city, &back);
        citystate_encode(&back, &again);
        assert_int_equal(again.size, bytes.size);
        assert_memory_equal(again.data, bytes.data, bytes.size);
        citystate_release(&city);
        citystate_release(&back);
        buf_release(&bytes);
        buf_release(&again);
    }
}

/* A good message: a reading of two values, two panes of one row each. */
struct sample {
    Isobar__V1__CityState message;
    Isobar__V1__Reading latest;
    Isobar__V1__Pane pane[2], *open[2];
    Isobar__V1__WindowState state[2];
    int64_t at[2];
    int32_t value[4];
};

static void sample_init(struct sample *s)
{
    memset(s, 0, sizeof *s);
    isobar__v1__city_state__init(&s->message);
    isobar__v1__reading__init(&s->latest);
    s->message.format = 1;
    s->message.city_id = 42;
    s->message.watermark_ms = s->message.heard_at_ms = START;
    s->message.latest = &s->latest;
    s->latest.observed_at_ms = s->latest.fetched_at_ms = s->latest.produced_at_ms = START;
    s->latest.present = 1 << 23 | 1 << 6;
    s->latest.value = s->value;
    s->latest.n_value = 2;
    s->value[0] = 8100;
    s->value[1] = -3;
    for (int i = 0; i < 2; i++) {
        isobar__v1__pane__init(&s->pane[i]);
        isobar__v1__window_state__init(&s->state[i]);
        s->open[i] = &s->pane[i];
        s->pane[i].state = &s->state[i];
        s->pane[i].observed_at = &s->at[i];
        s->pane[i].n_observed_at = 1;
        s->state[i].format = 1;
        s->state[i].rows = 1;
        s->state[i].start_ms = s->state[i].first_observed_at_ms = s->state[i].last_observed_at_ms = START + i * PANE;
        s->state[i].end_ms = s->state[i].start_ms + PANE;
    }
    s->message.open = s->open;
    s->message.n_open = 2;
}

static int decode(const struct sample *s, struct citystate *city)
{
    uint8_t bytes[1024];
    size_t size = isobar__v1__city_state__pack(&s->message, bytes);
    return citystate_decode(city, bytes, size);
}

#define C(member, value) SET(struct sample, member, value)

static void must_not_parse(void **state)
{
    (void)state;
    static const struct edit cases[][3] = {
        {C(message.format, 0)},
        {C(message.format, 2)},
        {C(message.city_id, -1)},
        {C(message.series, -1)},
        {C(message.watermark_ms, -1)},
        {C(message.watermark_ms, INT64_MAX)},
        {C(message.heard_at_ms, -1)},
        {C(message.closed_through_ms, TIME_MAX_MS + 1)},
        {C(message.checked_at_ms, -1)},
        {C(message.rows_in, -1)},
        {C(message.rows_late, -1)},
        {C(message.rows_duplicate, -1)},
        {C(message.rows_retired, -1)},
        {C(message.rows_bad, -1)},
        {C(message.interval_s, -1)},
        {C(message.zoned_until_ms, -1)},
        {C(message.covered_last_ms, 1)}, /* nothing is closed */
        {C(message.closed_through_ms, START), C(message.rain_last_ms, START)},
        {C(message.closed_through_ms, START), C(message.snow_last_ms, -1)},
        {C(message.accumulation_max_s, -1)},
        {C(message.accumulation_max_s, TRAIL_ACCUMULATION_S + 1)},
        {C(latest.n_value, 1)},
        {C(latest.n_value, 3)},
        {C(latest.n_value, 0)},
        {C(latest.present, 0)},
        {C(latest.present, INT64_MIN)},
        {C(latest.observed_at_ms, -1)},
        {C(latest.fetched_at_ms, INT64_MIN)},
        {C(latest.produced_at_ms, TIME_MAX_MS + 1)},
        {C(latest.accumulation_s, -1)},
        {NIL(struct sample, pane[1].state)},
        {C(state[1].format, 0)},
        {C(state[1].start_ms, START + PANE - 1)}, /* overlaps the first */
        {C(state[0].start_ms, START + PANE), C(state[0].first_observed_at_ms, START + PANE),
         C(state[0].last_observed_at_ms, START + PANE)},
        {C(at[1], PANE)},
        {C(pane[1].n_observed_at, 0)},
    };
    struct citystate city;
    struct sample s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sample_init(&s);
        assert_int_equal(decode(&s, &city), 0);
        citystate_release(&city);
        for (size_t e = 0; e < 3; e++)
            edit_apply(&s, &cases[i][e]);
        if (decode(&s, &city) == 0)
            fail_msg("case %zu parses", i);
        assert_null(city.open);
        assert_false(city.has_latest);
    }
}

static void facts(void **state)
{
    (void)state;
    struct citystate city, back;
    struct buf bytes = BUF_EMPTY;
    citystate_init(&city, 7, 0);
    city.zone = zone_get("Asia/Kathmandu");
    city.interval_s = 600;
    memcpy(city.country, "NP", 3);
    city.zoned_until_ms = START;
    citystate_encode(&city, &bytes);
    assert_int_equal(citystate_decode(&back, bytes.data, bytes.size), 0);
    assert_ptr_equal(back.zone, city.zone);
    assert_int_equal(back.interval_s, 600);
    assert_string_equal(back.country, "NP");
    assert_int_equal(back.zoned_until_ms, START);
    citystate_release(&back);
    char *at = memmem(bytes.data, bytes.size, "Kathmandu", 9);
    assert_non_null(at);
    at[8] = 'x'; /* the time zone data do not have it */
    assert_int_equal(citystate_decode(&back, bytes.data, bytes.size), ERR_INVALID);
    buf_release(&bytes);
}

static void values_of_newer_software_are_passed_over(void **state)
{
    (void)state;
    struct citystate city;
    struct sample s;
    sample_init(&s);
    s.latest.present |= INT64_C(1) << 30 | INT64_MIN;
    s.latest.n_value = 4;
    assert_int_equal(decode(&s, &city), 0);
    assert_int_equal(city.latest.present, 1 << 23 | 1 << 6);
    int32_t value;
    assert_true(latest_value(&city.latest, 6, &value));
    assert_int_equal(value, 8100);
    assert_true(latest_value(&city.latest, 23, &value));
    assert_int_equal(value, -3);
    assert_false(latest_value(&city.latest, 30, &value));
    citystate_release(&city);
    s.message.latest = NULL;
    s.message.n_open = 0;
    assert_int_equal(decode(&s, &city), 0);
    assert_false(city.has_latest);
    citystate_release(&city);
}

static void bytes_that_are_no_city(void **state)
{
    (void)state;
    struct dice dice = {13};
    struct citystate city, other;
    do {
        city = random_city(&dice);
        if (city.open_count < 2)
            citystate_release(&city);
    } while (city.open_count < 2);
    struct buf bytes = BUF_EMPTY;
    citystate_encode(&city, &bytes);
    for (int i = 0; i < 10000; i++) {
        char *spoiled = mem_dup(bytes.data, bytes.size);
        size_t size = i % 2 ? bytes.size : (size_t)dice_below(&dice, (int64_t)bytes.size);
        for (int64_t n = dice_below(&dice, 3); i % 2 && n >= 0; n--)
            spoiled[dice_below(&dice, (int64_t)size)] = (char)dice_below(&dice, 256);
        spoiled = mem_grow(spoiled, size + 1, 1);
        if (citystate_decode(&other, spoiled, size) != 0)
            assert_null(other.open);
        citystate_release(&other);
        free(spoiled);
    }
    citystate_release(&city);
    buf_release(&bytes);

    char *large = mem_alloc(CITYSTATE_MAX_BYTES + 1);
    assert_int_equal(citystate_decode(&other, large, CITYSTATE_MAX_BYTES + 1), ERR_INVALID);
    for (size_t i = 0; i < CITYSTATE_MAX_BYTES; i += 2)
        large[i] = 0x42; /* half a million empty panes: over the arena's limit */
    assert_int_equal(citystate_decode(&other, large, CITYSTATE_MAX_BYTES), ERR_INVALID);
    free(large);
}

static size_t usable(void *block)
{
    return block ? malloc_usable_size(block) : 0;
}

/* What a worker keeps for each city: it must fit 10,000 of them into its 64 MB. */
static void memory_of_a_city(void **state)
{
    (void)state;
    struct citystate city, back;
    citystate_init(&city, 5809844, 0);
    for (int i = 0; i < 3; i++) {
        struct observation row = {.city_id = 5809844, .observed_at_ms = START + i * PANE + 60000, .provider = 1};
        const int bits[] = {0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
        for (size_t b = 0; b < sizeof bits / sizeof *bits; b++)
            observation_set(&row, bits[b], 100 + i);
        assert_true(pane_add(citystate_pane(&city, START + i * PANE, PANE), &row, 0));
        latest_set(&city.latest, &row, START);
        city.has_latest = true;
    }
    struct buf bytes = BUF_EMPTY;
    citystate_encode(&city, &bytes);
    assert_int_equal(citystate_decode(&back, bytes.data, bytes.size), 0);
    print_message("sizeof: accumulator %zu, wind_vector %zu, window %zu, pane %zu, citystate %zu, observation %zu\n",
                  sizeof(struct accumulator), sizeof(struct wind_vector), sizeof(struct window), sizeof(struct pane),
                  sizeof(struct citystate), sizeof(struct observation));
    struct citystate *both[] = {&city, &back};
    for (int which = 0; which < 2; which++) {
        const struct citystate *c = both[which];
        size_t total = sizeof *c + usable(c->open) + usable(c->latest.values);
        for (int32_t i = 0; i < c->open_count; i++) {
            const struct pane *pane = &c->open[i];
            assert_int_equal(pane->window.metric_count, 13);
            total += usable(pane->seen) + usable(pane->window.metrics) + usable(pane->window.wind);
        }
        print_message("a city with 3 open panes of 13 metrics, %s: %zu bytes in memory, %zu encoded\n",
                      which ? "decoded" : "built", total, bytes.size);
        assert_in_range(total, 1, 3900 + 16 * 11); /* malloc may leave up to 16 bytes more in each of the 11 blocks */
        citystate_release(both[which]);
    }
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panes_stay_in_order),
        cmocka_unit_test(fields),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(must_not_parse),
        cmocka_unit_test(facts),
        cmocka_unit_test(values_of_newer_software_are_passed_over),
        cmocka_unit_test(bytes_that_are_no_city),
        cmocka_unit_test(memory_of_a_city),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
