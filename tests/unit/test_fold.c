/*
 * Folding: whatever order accepted rows come in, windows have the same bits; late rows raise the revision of what was
 * complete; deltas meet what is stored; and what is over is retired in order.
 */
#include "worker_fixture.h"

/* ---- order ---- */

enum { ROWS_COUNT = 400 };

/* Distinct readings of one city over six hours. */
static void make_rows(struct dice *dice, struct observation *rows)
{
    for (int i = 0; i < ROWS_COUNT; i++) {
        rows[i] = row_random(dice, NOON - 6 * HOUR, 1, 1);
        rows[i].city_id = CITY;
        rows[i].series = 0;
        rows[i].observed_at_ms += i * 54 * SECOND; /* none twice */
    }
}

static void shuffle(struct dice *dice, struct observation *rows)
{
    for (int i = ROWS_COUNT - 1; i > 0; i--) {
        int k = (int)dice_below(dice, i + 1);
        struct observation other = rows[i];
        rows[i] = rows[k];
        rows[k] = other;
    }
}

/* Applies the rows in batches of random size, commits now and then, closes everything with a tick; all windows as
 * bytes. */
static void windows_of(struct dice *dice, const struct observation *rows, struct buf *out, int64_t *late)
{
    kit_init(&kit);
    kit.cache.limit = SIZE_MAX; /* nothing is stored in these tests: it must stay in memory */
    for (size_t i = 0; i < ROWS_COUNT;) {
        size_t count = (size_t)dice_between(dice, 1, 9);
        count = count < ROWS_COUNT - i ? count : ROWS_COUNT - i;
        kit_feed(&kit, rows + i, count, NOON);
        i += count;
        if (dice_below(dice, 5) == 0) {
            (void)!kit_send(&kit);
            state_committed(&kit.state); /* without eviction */
        }
    }
    kit_tick(&kit, NOON + 40 * MINUTE);
    kit_resolve(&kit);
    assert_int_equal(kit_open_rows(&kit.state), 0);
    for (int32_t kind = RECORD_PANE; kind <= 3; kind++) {
        int64_t span = state_span(&kit.state, kind);
        for (int64_t at = window_start(NOON - 6 * HOUR, span); at < NOON; at += span) {
            struct window copy = *kit_window(&kit, kind, CITY, at);
            copy.revision = copy.final_at_ms = copy.revised_at_ms = 0; /* these follow log order */
            window_encode(&copy, out);
            if (kind == RECORD_PANE)
                assert_int_equal(kit_record(&kit, kind, CITY, at)->pane.seen_count, copy.rows);
        }
    }
    *late = kit.state.ledger.rows_late;
    assert_int_equal(kit.state.ledger.rows_in + *late, ROWS_COUNT);
    kit_release(&kit);
}

static void any_order_gives_the_same_windows(void **state)
{
    (void)state;
    struct dice dice = {7};
    struct observation rows[ROWS_COUNT];
    struct buf first = BUF_EMPTY, again = BUF_EMPTY;
    int64_t late = 0, most = 0;
    kit_release(&kit); /* windows_of has its own */
    make_rows(&dice, rows);
    windows_of(&dice, rows, &first, &late);
    assert_int_equal(late, 0);
    for (int i = 0; i < 40; i++) {
        shuffle(&dice, rows);
        buf_reset(&again);
        windows_of(&dice, rows, &again, &late);
        assert_int_equal(again.size, first.size);
        assert_memory_equal(again.data, first.data, first.size);
        most = late > most ? late : most;
    }
    assert_true(most > ROWS_COUNT / 2); /* mostly late rows */
    buf_release(&first);
    buf_release(&again);
    kit_init(&kit);
}

/* ---- late rows ---- */

static void a_late_row_revises_what_was_complete(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
    kit_one(&kit, kit_row(CITY, NOON + 20 * MINUTE, 100), NOON + 20 * MINUTE); /* closed through 12:15 */
    kit_resolve(&kit);
    kit_one(&kit, kit_row(CITY, NOON + MINUTE, 200), NOON + 21 * MINUTE);
    kit_resolve(&kit);
    assert_int_equal(kit_window(&kit, 1, CITY, NOON)->revision, 1); /* 12:00 to 12:10 was complete */
    assert_int_equal(kit_window(&kit, 2, CITY, NOON)->revision, 0); /* the hour was not */
    assert_int_equal(kit_window(&kit, 3, CITY, NOON)->revision, 0);
    for (int32_t kind = 1; kind <= 3; kind++) {
        assert_int_equal(kit_window(&kit, kind, CITY, NOON)->rows, 2);
        assert_int_equal(kit_window(&kit, kind, CITY, NOON)->updated_at_ms, NOON + 21 * MINUTE);
    }
    assert_int_equal(kit_record(&kit, RECORD_PANE, CITY, NOON)->pane.seen_count, 2);
    kit_one(&kit, kit_row(CITY, NOON + 12 * MINUTE, 300), NOON + 22 * MINUTE); /* 12:10 to 12:20 is not complete */
    kit_resolve(&kit);
    assert_int_equal(kit_window(&kit, 1, CITY, NOON + 12 * MINUTE)->revision, 0);
    assert_int_equal(kit.state.ledger.rows_late, 2);
}

static void the_revision_does_not_depend_on_when_it_is_resolved(void **state)
{
    (void)state;
    for (int at_once = 0; at_once < 2; at_once++) {
        kit_release(&kit);
        kit_init(&kit);
        kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
        kit_one(&kit, kit_row(CITY, NOON + 10 * MINUTE, 100), NOON + 10 * MINUTE); /* closed through 12:05 */
        kit_one(&kit, kit_row(CITY, NOON + MINUTE, 200), NOON + 11 * MINUTE);
        if (at_once)
            kit_resolve(&kit);
        kit_one(&kit, kit_row(CITY, NOON + 20 * MINUTE, 100), NOON + 20 * MINUTE); /* now 12:00 to 12:10 is complete */
        kit_resolve(&kit);
        assert_int_equal(kit_window(&kit, 1, CITY, NOON)->revision, 0);
        assert_int_equal(kit_window(&kit, 1, CITY, NOON)->rows, 2);
    }
}

static void late_duplicates_are_found(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 100), NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON, 100), NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON + 1, 100), NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON + 1, 100), NOON + HOUR);
    kit_resolve(&kit);
    assert_int_equal(kit.state.ledger.rows_duplicate, 2);
    assert_int_equal(kit.state.ledger.rows_late, 1);
    assert_int_equal(kit_window(&kit, 3, CITY, NOON)->rows, 2); /* the newest one's pane is open */
    assert_int_equal(kit_city(&kit, CITY)->rows_duplicate, 2);
}

static void a_late_row_for_a_full_pane_is_bad_and_has_a_letter(void **state)
{
    (void)state;
    struct observation rows[BATCH_MAX_ROWS];
    for (int64_t i = 0; i < PANE_MAX_READINGS; i += BATCH_MAX_ROWS) {
        for (int64_t k = 0; k < BATCH_MAX_ROWS; k++)
            rows[k] = kit_row(CITY, NOON + i + k, 1);
        kit_feed(&kit, rows, BATCH_MAX_ROWS, NOON);
    }
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1), NOON + HOUR);
    struct observation pair[] = {kit_row(CITY, NOON + HOUR + 1, 1), kit_row(CITY, NOON + 4 * MINUTE, 1)};
    kit_feed(&kit, pair, 2, NOON + HOUR);
    assert_int_equal(kit.letters, 0);
    kit_resolve(&kit);
    assert_int_equal(kit.letters, 1);
    assert_string_equal(kit.reason, "too_many_readings_in_one_pane");
    assert_int_equal(kit.letter_row, 1);
    assert_true(kit.letter_bytes > 0);
    assert_int_equal(kit.state.ledger.rows_bad, 1);
    assert_int_equal(kit.state.ledger.rows_late, 0);
}

/* ---- what is stored ---- */

static void deltas_meet_what_is_stored(void **state)
{
    (void)state;
    struct window stored;
    window_init(&stored, NOON, NOON + 10 * MINUTE);
    struct observation before = kit_row(CITY, NOON + 1, -500);
    window_add(&stored, &before);
    stored.revision = 4;
    struct buf bytes = BUF_EMPTY;
    window_encode(&stored, &bytes);
    kit_one(&kit, kit_row(CITY, NOON + 2, 700), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 0), NOON + HOUR);
    assert_int_equal(kit.state.missing_count, 15); /* windows that rows or stretches are in; a pane closes once */
    for (size_t i = 0; i < kit.state.missing_count; i++) {
        bool ours = kit.state.missing[i]->key.kind == 1 && kit.state.missing[i]->key.start_ms == NOON;
        assert_int_equal(
            state_loaded(&kit.state, kit.state.missing[i], ours ? bytes.data : NULL, ours ? bytes.size : 0), 0);
    }
    kit.state.missing_count = 0;
    const struct window *window = kit_window(&kit, 1, CITY, NOON);
    const struct accumulator *temperature = window_find(window, ISOBAR__V1__METRIC__METRIC_TEMPERATURE);
    assert_int_equal(window->rows, 2);
    assert_int_equal(window->revision, 4);
    assert_int_equal(temperature->minimum, -500);
    assert_int_equal(temperature->first, -500);
    assert_int_equal(temperature->maximum, 700);
    assert_int_equal(kit_record(&kit, 1, CITY, NOON)->added, 1); /* the key's #n grows by what is new */
    window_release(&stored);
    buf_release(&bytes);
}

static void what_cannot_be_decoded_is_refused(void **state)
{
    (void)state;
    struct pane pane;
    struct buf window = BUF_EMPTY, other = BUF_EMPTY, full = BUF_EMPTY;
    pane_init(&pane, NOON + 9 * DAY, NOON + 9 * DAY + PANE);
    struct observation row = kit_row(CITY, NOON + 9 * DAY, 1);
    assert_true(pane_add(&pane, &row, 0));
    window_encode(&pane.window, &window);
    pane_encode(&pane, &other);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1), NOON + HOUR);
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON + HOUR); /* late */
    assert_int_equal(kit.state.missing_count, 31);      /* windows of the stretch, and panes an hour before and after */
    for (size_t i = 0; i < 31; i++) {
        struct record *record = kit.state.missing[i];
        assert_int_equal(state_loaded(&kit.state, record, "\x08\x02junk", 6), ERR_INVALID);
        const struct buf *wrong = record->key.kind == RECORD_PANE ? &other : &window; /* well-formed, of another span */
        assert_int_equal(state_loaded(&kit.state, record, wrong->data, wrong->size), ERR_INVALID);
        assert_true(record->missing && !record->loaded);
    }
    assert_int_equal(kit.metrics.bad_states_total, 62);
    pane_release(&pane);
    buf_release(&window);
    buf_release(&other);
    buf_release(&full);
}

/* ---- retirement ---- */

static size_t retiring(int32_t kind, int64_t *first, int64_t *last)
{
    size_t count = 0;
    for (size_t i = 0; i < kit.state.retiring_count; i++) {
        const struct retired *retired = &kit.state.retiring[i];
        if (retired->kind != kind)
            continue;
        *first = count ? *first : retired->start_ms;
        assert_true(count == 0 || retired->start_ms == *last + state_span(&kit.state, kind));
        *last = retired->start_ms;
        count++;
    }
    return count;
}

static void cursors_start_at_the_horizon_of_the_first_record(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON + 1);
    const struct ledger *l = &kit.state.ledger;
    assert_int_equal(l->pane_cursor_ms, NOON - 2 * DAY); /* the pane before ended more than two days ago */
    assert_int_equal(l->window_cursor_ms[0], NOON - 2 * DAY);
    assert_int_equal(l->window_cursor_ms[1], NOON - 30 * DAY);
    assert_int_equal(l->window_cursor_ms[2], NOON - 731 * DAY - 12 * HOUR); /* a day has ended everywhere a day later */
    kit_commit(&kit);
    assert_int_equal(kit.state.retiring_count, 0);
}

static void a_size_that_is_new_gets_its_cursor(void **state)
{
    (void)state;
    kit.state.ledger.pane_cursor_ms = kit.state.ledger.window_cursor_ms[0] = NOON - PANE;
    kit.state.ledger.window_cursor_ms[2] = NOON - 12 * HOUR;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    assert_int_equal(kit.state.ledger.pane_cursor_ms, NOON - PANE);
    assert_int_equal(kit.state.ledger.window_cursor_ms[1], window_start(NOON - 30 * DAY - 1, HOUR));
}

static void what_is_over_is_retired_in_order_and_bounded(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON + 1);
    kit_tick(&kit, NOON + HOUR);
    kit_commit(&kit);
    /* Ten days without a record: 2,880 panes and 1,440 windows of 10 minutes are over, whether there are keys or not.
     */
    kit_tick(&kit, NOON + 10 * DAY);
    int64_t next = kit.state.ledger.pane_cursor_ms, first = 0, last = 0;
    assert_int_equal(next, NOON - 2 * DAY + HOUR - PANE);
    size_t keys = 0;
    do {
        (void)!kit_send(&kit);
        assert_true(kit.state.retiring_count <= RETIRE_KEYS);
        if (retiring(RECORD_PANE, &first, &last)) {
            assert_int_equal(first, next);
            next = last + PANE;
        }
        keys += kit.state.retiring_count;
        state_committed(&kit.state);
        assert_int_equal(kit.state.retiring_count, 0);
    } while (kit.state.ledger.window_cursor_ms[0] < NOON + 8 * DAY - 10 * MINUTE);
    assert_int_equal(next, kit.state.ledger.pane_cursor_ms);
    assert_int_equal(next, NOON + 8 * DAY - PANE); /* that one ended two days ago, not more */
    kit_commit(&kit);
    kit_commit(&kit);
    kit_commit(&kit);
    assert_true(keys >= (10 * DAY - HOUR) / PANE + (10 * DAY - HOUR) / (10 * MINUTE));
    assert_int_equal(kit.state.ledger.window_cursor_ms[0], NOON + 8 * DAY - 10 * MINUTE);
    assert_int_equal(kit.state.ledger.window_cursor_ms[1], NOON - 20 * DAY - HOUR);
    assert_int_equal(kit.state.ledger.window_cursor_ms[2], NOON - 721 * DAY - 12 * HOUR);
}

static void open_panes_hold_up_retirement(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON + 1);
    struct observation awake = kit_kind(ISOBAR__V1__ROW_KIND__CHECKED, CITY, NOON);
    for (int i = 0; i < 10; i++) {
        kit_one(&kit, awake, NOON + 3 * DAY);
        kit_commit(&kit);
    }
    assert_int_equal(kit.state.ledger.pane_cursor_ms, NOON);
    assert_int_equal(kit.state.ledger.window_cursor_ms[0], NOON);
    kit_one(&kit, kit_row(CITY, NOON + 3 * DAY, 1), NOON + 3 * DAY); /* closes it */
    kit_commit(&kit);
    assert_int_equal(kit.state.ledger.pane_cursor_ms, NOON); /* it is written by this commit, not unlinked */
    kit_one(&kit, awake, NOON + 3 * DAY);
    kit_commit(&kit);
    assert_true(kit.state.ledger.pane_cursor_ms > NOON);
}

static void a_late_row_holds_up_the_retirement_of_its_keys(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON + 1);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1), NOON + HOUR);
    for (int i = 0; i < 10; i++) {
        kit_tick(&kit, NOON + 2 * DAY - HOUR);
        kit_commit(&kit);
    }
    /* Just in time, and then the clock passes the horizon within the same commit. */
    kit_one(&kit, kit_row(CITY, NOON + MINUTE, 1), NOON + 2 * DAY + PANE);
    kit_one(&kit, kit_kind(ISOBAR__V1__ROW_KIND__CHECKED, CITY, NOON), NOON + 2 * DAY + HOUR);
    (void)!kit_send(&kit);
    int64_t first = 0, last = 0;
    assert_true(retiring(RECORD_PANE, &first, &last) > 0);
    assert_int_equal(last, NOON - PANE);
    assert_true(retiring(1, &first, &last) > 0);
    assert_int_equal(last, NOON - 10 * MINUTE);
    state_committed(&kit.state);
    kit_tick(&kit, NOON + 2 * DAY + HOUR);
    (void)!kit_send(&kit);
    assert_true(retiring(RECORD_PANE, &first, &last) > 0);
    assert_int_equal(first, NOON);
    state_committed(&kit.state);
}

static void retired_windows_take_no_deltas(void **state)
{
    (void)state;
    kit_release(&kit);
    kit_init(&kit);
    kit_rules(&kit.rules, "10m:1h,1h:30d,1d:2y"); /* kept for less than rows are accepted */
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON - 5 * HOUR, 1), NOON); /* opens a pane far back */
    kit_tick(&kit, NOON + HOUR);
    kit_resolve(&kit);
    assert_null(kit_record(&kit, 1, CITY, NOON - 5 * HOUR));
    assert_int_equal(kit_window(&kit, 2, CITY, NOON - 5 * HOUR)->rows, 1);
    assert_int_equal(kit_window(&kit, 3, CITY, NOON)->rows, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(any_order_gives_the_same_windows),
        TEST(a_late_row_revises_what_was_complete),
        TEST(the_revision_does_not_depend_on_when_it_is_resolved),
        TEST(late_duplicates_are_found),
        TEST(a_late_row_for_a_full_pane_is_bad_and_has_a_letter),
        TEST(deltas_meet_what_is_stored),
        TEST(what_cannot_be_decoded_is_refused),
        TEST(cursors_start_at_the_horizon_of_the_first_record),
        TEST(a_size_that_is_new_gets_its_cursor),
        TEST(what_is_over_is_retired_in_order_and_bounded),
        TEST(open_panes_hold_up_retirement),
        TEST(a_late_row_holds_up_the_retirement_of_its_keys),
        TEST(retired_windows_take_no_deltas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
