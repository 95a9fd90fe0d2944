/* Panes: duplicates by (observed-at, provider), any order gives the same bytes, and what must not parse. */
#include "error.h"
#include "mem.h"
#include "rows.h"
#include "spoil.h"
#include "trail.h"
#include "window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define START INT64_C(1790000400000)
#define SPAN  INT64_C(300000)

static struct observation reading(int64_t at_ms, int32_t provider, int32_t temperature)
{
    struct observation row = {.city_id = 1, .observed_at_ms = START + at_ms, .provider = provider};
    observation_set(&row, ISOBAR__V1__VALUE__TEMPERATURE, temperature);
    return row;
}

static void duplicates(void **state)
{
    (void)state;
    struct pane pane;
    pane_init(&pane, START, START + SPAN);
    const struct {
        int64_t at;
        int32_t provider;
        bool added;
    } rows[] = {{100, 1, true},  {100, 1, false},     {100, 2, true},       {50, 1, true},
                {100, 2, false}, {100, 0, true},      {50, 1, false},       {0, 1, true},
                {0, 1, false},   {SPAN - 1, 1, true}, {SPAN - 1, 1, false}, {100, 17, true},
                {99, 17, true},  {101, 0, true},      {100, 16, true},      {100, 17, false}};
    int64_t added = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        /* The first one wins: a duplicate with another value changes nothing. */
        struct observation row = reading(rows[i].at, rows[i].provider, (int32_t)i);
        assert_int_equal(pane_add(&pane, &row, 0), rows[i].added);
        added += rows[i].added;
        assert_int_equal(pane.window.rows, added);
        assert_int_equal(pane.seen_count, added);
    }
    for (int32_t i = 1; i < pane.seen_count; i++) {
        const struct pane_entry *a = &pane.seen[i - 1], *b = &pane.seen[i];
        assert_true(a->at < b->at || (a->at == b->at && a->provider < b->provider));
    }
    assert_int_equal(window_find(&pane.window, ISOBAR__V1__METRIC__METRIC_TEMPERATURE)->sum,
                     0 + 2 + 3 + 5 + 7 + 9 + 11 + 12 + 13 + 14);
    pane_release(&pane);
    assert_int_equal(pane.seen_count, 0);
    assert_null(pane.seen);
}

/* Adds rows in a random order; equal keys keep their order, since the first of them wins. */
static void add_in_random_order(struct dice *dice, struct pane *pane, const struct observation *rows, size_t count)
{
    bool *taken = mem_calloc(count, sizeof *taken);
    for (size_t left = count; left > 0; left--) {
        size_t at = (size_t)dice_below(dice, (int64_t)count);
        while (taken[at])
            at = (at + 1) % count;
        for (size_t i = 0; i < at; i++)
            if (!taken[i] && rows[i].observed_at_ms == rows[at].observed_at_ms && rows[i].provider == rows[at].provider)
                at = i;
        taken[at] = true;
        (void)!pane_add(pane, &rows[at], 0);
    }
    free(taken);
}

static void any_order_gives_the_same_bytes(void **state)
{
    (void)state;
    struct dice dice = {9};
    struct observation rows[50];
    for (int round = 0; round < 200; round++) {
        size_t count = 1 + (size_t)dice_below(&dice, 50);
        for (size_t i = 0; i < count; i++)
            rows[i] = row_random(&dice, START, 20, SPAN / 20);
        struct buf expected = BUF_EMPTY;
        for (int way = 0; way < 4; way++) {
            struct pane pane, back;
            struct buf bytes = BUF_EMPTY;
            pane_init(&pane, START, START + SPAN);
            add_in_random_order(&dice, &pane, rows, count);
            pane_encode(&pane, &bytes);
            if (way == 0)
                buf_append(&expected, bytes.data, bytes.size);
            assert_int_equal(bytes.size, expected.size);
            assert_memory_equal(bytes.data, expected.data, bytes.size);

            assert_int_equal(pane_decode(&back, bytes.data, bytes.size), 0);
            assert_int_equal(back.seen_count, pane.seen_count);
            assert_memory_equal(back.seen, pane.seen, (size_t)pane.seen_count * sizeof *pane.seen);
            buf_reset(&bytes);
            pane_encode(&back, &bytes);
            assert_memory_equal(bytes.data, expected.data, bytes.size);
            for (size_t i = 0; i < count; i++)
                assert_false(pane_add(&back, &rows[i], 0)); /* it knows them all */
            pane_release(&pane);
            pane_release(&back);
            buf_release(&bytes);
        }
        buf_release(&expected);
    }
}

/* Values all over the range of their type, within what derives something. */
static int32_t full_value(struct dice *dice, int bit)
{
    if (bit == ISOBAR__V1__VALUE__TEMPERATURE || bit == ISOBAR__V1__VALUE__DEW_POINT)
        return dice_between(dice, -20000, 20000);
    if (bit == ISOBAR__V1__VALUE__HUMIDITY || bit == ISOBAR__V1__VALUE__CLOUD)
        return dice_between(dice, 0, 10000);
    if (bit == ISOBAR__V1__VALUE__WIND_DIRECTION)
        return dice_between(dice, 0, 35999);
    return dice_between(dice, 0, INT32_MAX);
}

static void full(void **state)
{
    (void)state;
    struct dice dice = {14};
    struct pane pane, back;
    pane_init(&pane, START, START + SPAN);
    for (int i = 0; i < PANE_MAX_READINGS; i++) {
        assert_false(pane_full(&pane));
        struct observation row = reading(SPAN - 1 - i, INT32_MAX - i, 1);
        for (int bit = 0; bit < OBSERVATION_VALUES; bit++) /* every sketch as large as it can be */
            if (OBSERVATION_KNOWN >> bit & 1)
                observation_set(&row, bit, full_value(&dice, bit));
        row.accumulation_s = INT32_MAX;
        assert_true(pane_add(&pane, &row, observation_body(&row)));
    }
    assert_true(pane_full(&pane));
    struct buf bytes = BUF_EMPTY;
    pane_encode(&pane, &bytes);
    print_message("a full pane of %d metrics takes %zu bytes, %zu in memory\n", pane.window.metric_count, bytes.size,
                  window_bytes(&pane.window) + (size_t)pane.seen_capacity * sizeof *pane.seen);
    assert_int_equal(pane.window.metric_count, 37);
    assert_int_equal(pane.window.sketches.size, 37);
    assert_int_equal(pane_decode(&back, bytes.data, bytes.size), 0); /* the largest there is comes back */
    assert_int_equal(back.seen_count, PANE_MAX_READINGS);
    struct buf window = BUF_EMPTY; /* and so does the window that has the same rows */
    window_encode(&pane.window, &window);
    assert_in_range(window.size, 1, WINDOW_MAX_BYTES / 2);
    buf_release(&window);
    pane_release(&pane);
    pane_release(&back);
    buf_release(&bytes);
}

/* A good pane of three rows without values. */
struct sample {
    Isobar__V1__Pane message;
    Isobar__V1__WindowState state;
    int64_t at[4];
    int32_t provider[4], rain[4], snow[4], accumulation_s[4];
};

static void sample_init(struct sample *s)
{
    memset(s, 0, sizeof *s);
    isobar__v1__pane__init(&s->message);
    isobar__v1__window_state__init(&s->state);
    s->message.state = &s->state;
    s->state.format = 1;
    s->state.start_ms = START;
    s->state.end_ms = START + SPAN;
    s->state.rows = 3;
    s->state.first_observed_at_ms = START + 10;
    s->state.last_observed_at_ms = START + 20;
    s->message.observed_at = s->at;
    s->message.provider = s->provider;
    s->message.n_observed_at = s->message.n_provider = 3;
    s->message.rain = s->rain;
    s->message.snow = s->snow;
    s->message.accumulation_s = s->accumulation_s;
    s->message.n_rain = s->message.n_snow = s->message.n_accumulation_s = 3;
    s->rain[1] = s->snow[2] = -1;
    const int64_t at[] = {10, 10, 20, 21};
    memcpy(s->at, at, sizeof at);
    s->provider[1] = 1;
}

static int decode(const struct sample *s)
{
    uint8_t bytes[512];
    struct pane pane;
    size_t size = isobar__v1__pane__pack(&s->message, bytes);
    int status = pane_decode(&pane, bytes, size);
    if (status) {
        assert_null(pane.seen);
        assert_null(pane.window.metrics);
    }
    pane_release(&pane);
    return status;
}

#define P(member, value) SET(struct sample, member, value)

static void must_not_parse(void **state)
{
    (void)state;
    static const struct edit cases[][2] = {
        {NIL(struct sample, message.state)},
        {P(state.format, 2)},
        {P(state.rows, 2)},
        {P(state.rows, 4)},
        {P(message.n_observed_at, 2), P(message.n_provider, 2)},
        {P(message.n_observed_at, 4)},
        {P(message.n_observed_at, 0)},
        {P(message.n_provider, 0)}, /* then the first two are one */
        {P(message.n_provider, 2)},
        {P(message.n_provider, 4)},
        {P(provider[1], 0)},
        {P(provider[1], -1)},
        {P(at[0], 11)},
        {P(at[0], -1)},
        {P(at[2], SPAN)},
        {P(at[2], 9)},
        {P(at[2], INT64_MAX)},
        {P(message.n_rain, 2)},
        {P(message.n_rain, 4)},
        {P(message.n_snow, 1)},
        {P(message.n_accumulation_s, 4)},
        {P(rain[1], -2)},
        {P(snow[0], INT32_MIN)},
        {P(accumulation_s[2], -1)},
    };
    struct sample s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sample_init(&s);
        assert_int_equal(decode(&s), 0);
        for (size_t e = 0; e < 2; e++)
            edit_apply(&s, &cases[i][e]);
        if (decode(&s) == 0)
            fail_msg("case %zu parses", i);
    }
    sample_init(&s);
    s.at[0] = 9;
    s.message.n_provider = 0; /* all of provider 0: absent */
    assert_int_equal(decode(&s), 0);
}

static void amounts(void **state)
{
    (void)state;
    struct observation row = reading(5, 1, 0);
    struct pane pane, back;
    struct buf bytes = BUF_EMPTY;
    pane_init(&pane, START, START + SPAN);
    assert_true(pane_add(&pane, &row, 0)); /* no precipitation: no columns */
    const Isobar__V1__Pane *message;
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES);
    message = pane_message(&pane, &arena);
    assert_int_equal(message->n_rain + message->n_snow + message->n_accumulation_s, 0);
    pane_encode(&pane, &bytes);
    assert_int_equal(pane_decode(&back, bytes.data, bytes.size), 0);
    assert_int_equal(back.seen[0].rain, -1);
    assert_int_equal(back.seen[0].snow, -1);
    assert_int_equal(back.seen[0].accumulation_s, 0);
    pane_release(&back);

    row = reading(6, 1, 0);
    row.accumulation_s = 3600;
    observation_set(&row, ISOBAR__V1__VALUE__RAIN, 0); /* dry is not unknown */
    assert_true(pane_add(&pane, &row, 0));
    message = pane_message(&pane, &arena);
    assert_int_equal(message->n_rain, 2);
    assert_int_equal(message->rain[0], -1);
    assert_int_equal(message->rain[1], 0);
    assert_int_equal(message->n_snow, 0);
    assert_int_equal(message->n_accumulation_s, 2);
    buf_reset(&bytes);
    pane_encode(&pane, &bytes);
    assert_int_equal(pane_decode(&back, bytes.data, bytes.size), 0);
    assert_memory_equal(back.seen, pane.seen, 2 * sizeof *pane.seen);
    pane_release(&back);
    pane_release(&pane);
    arena_release(&arena);
    buf_release(&bytes);
}

static void sizes(void **state)
{
    (void)state;
    struct pane pane;
    char *bytes = mem_alloc(PANE_MAX_BYTES + 1);
    assert_int_equal(pane_decode(&pane, bytes, PANE_MAX_BYTES + 1), ERR_INVALID);
    free(bytes);

    pane_init(&pane, START, START + SPAN);
    struct dice dice = {10};
    struct observation row = row_random(&dice, START, 300, 1000);
    assert_true(pane_add(&pane, &row, 0));
    struct buf out = BUF_EMPTY;
    pane_encode(&pane, &out);
    assert_in_range(out.size, 1, 800);
    buf_release(&out);
    pane_release(&pane);
}

/* A reading of the air alone is counted, and stands for no time; old bytes have none. */
static void readings_of_the_air(void **state)
{
    (void)state;
    struct pane pane, read, again;
    struct buf bytes = BUF_EMPTY;
    pane_init(&pane, START, START + SPAN);
    struct observation weather = reading(10, 1, 100), air = {.city_id = 1, .observed_at_ms = START + 10, .provider = 4};
    weather.accumulation_s = 3600;
    observation_set(&air, ISOBAR__V1__VALUE__PM10, 7);
    air.of_air = true;
    air.accumulation_s = 600; /* of nothing */
    assert_true(pane_add(&pane, &weather, 0));
    assert_true(pane_add(&pane, &air, 0));
    assert_false(pane_add(&pane, &air, 0));
    pane_encode(&pane, &bytes);
    assert_int_equal(pane_decode(&read, bytes.data, bytes.size), 0);
    assert_int_equal(read.window.rows, 2);
    assert_int_equal(read.window.air_rows, 1);
    assert_int_equal(read.seen[0].accumulation_s, 3600);
    assert_int_equal(read.seen[1].accumulation_s, PANE_OF_AIR);
    for (int i = 0; i < 2; i++)
        assert_int_equal(trail_period_s(&read.seen[i], TRAIL_COVERED), i == 0 ? TRAIL_COVERED_S : 0);
    struct window day;
    window_init(&day, START, START + 10 * SPAN);
    window_merge(&day, &read.window);
    window_merge(&day, &pane.window);
    assert_int_equal(day.air_rows, 2);
    assert_int_equal(day.rows, 4);
    window_release(&day);
    /* One whose count of them is more than all. */
    Isobar__V1__Pane *message = isobar__v1__pane__unpack(NULL, bytes.size, (const uint8_t *)bytes.data);
    message->state->air_rows = 3;
    assert_int_equal(pane_unpack(&again, message), ERR_INVALID);
    message->state->air_rows = 1;
    message->n_of_air = 1;
    assert_int_equal(pane_unpack(&again, message), ERR_INVALID);
    isobar__v1__pane__free_unpacked(message, NULL);
    pane_release(&read);
    pane_release(&pane);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duplicates),
        cmocka_unit_test(any_order_gives_the_same_bytes),
        cmocka_unit_test(full),
        cmocka_unit_test(must_not_parse),
        cmocka_unit_test(readings_of_the_air),
        cmocka_unit_test(amounts),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
