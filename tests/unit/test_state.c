/*
 * A partition's state between ingest and storage: cities that are taken back, changes that are sent, stored or dirty
 * again, and the cache of records.
 */
#include "worker_fixture.h"

/* ---- cities ---- */

static void stored_cities_are_taken_back(void **state)
{
    (void)state;
    struct buf bytes = BUF_EMPTY, again = BUF_EMPTY;
    kit_one(&kit, kit_row(CITY, NOON, 123), NOON);
    citystate_encode(kit_city(&kit, CITY), &bytes);
    kit_release(&kit);
    kit_init(&kit);
    char field[CITY_FIELD_BYTES];
    citystate_field(CITY, 0, field);
    for (int i = 0; i < 2; i++) { /* a scan may return a city twice */
        assert_int_equal(state_take_city(&kit.state, field, bytes.data, bytes.size), 0);
        assert_int_equal(HASH_COUNT(kit.state.cities), 1);
        assert_int_equal(kit.metrics.cities, 1);
    }
    citystate_encode(kit_city(&kit, CITY), &again);
    assert_int_equal(again.size, bytes.size);
    assert_memory_equal(again.data, bytes.data, bytes.size);
    assert_int_equal(state_dirty(&kit.state), 0);
    assert_int_equal(state_watermark(&kit.state), NOON);
    buf_release(&bytes);
    buf_release(&again);
}

struct odd {
    const char *field;
    int64_t closed_ms, start_ms, span_ms;
};

static void cities_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct odd odd[] = {
        {"5809845", 0, NOON, PANE},                   /* stored under another city's field */
        {"5809844/1", 0, NOON, PANE},                 /* … another series' */
        {"", 0, NOON, PANE},                          /* … or under no city's */
        {"5809844", NOON + 1, NOON + 2 * PANE, PANE}, /* closed in the middle of a pane */
        {"5809844", NOON + PANE, NOON, PANE},         /* open and closed at once */
        {"5809844", 0, NOON + 1, PANE},               /* a pane that starts anywhere */
        {"5809844", 0, NOON, PANE / 5},               /* panes of another configuration */
    };
    for (size_t i = 0; i <= sizeof odd / sizeof *odd; i++) {
        const struct odd good = {"5809844", NOON, NOON, PANE}, *one = i < sizeof odd / sizeof *odd ? &odd[i] : &good;
        struct citystate city;
        struct buf bytes = BUF_EMPTY;
        citystate_init(&city, CITY, 0);
        city.closed_through_ms = one->closed_ms;
        struct observation row = kit_row(CITY, one->start_ms + 5, 1);
        assert_true(pane_add(citystate_pane(&city, one->start_ms, one->span_ms), &row, 0));
        citystate_encode(&city, &bytes);
        assert_int_equal(state_take_city(&kit.state, one->field, bytes.data, bytes.size),
                         one == &good ? 0 : ERR_INVALID);
        assert_int_equal(HASH_COUNT(kit.state.cities), one == &good);
        citystate_release(&city);
        buf_release(&bytes);
    }
    assert_int_equal(kit.metrics.bad_states_total, 7);
    assert_int_equal(state_take_city(&kit.state, "5809844", "junk", 4), ERR_INVALID);
}

static void the_watermark_is_the_smallest(void **state)
{
    (void)state;
    assert_int_equal(state_watermark(&kit.state), 0);
    kit_one(&kit, kit_kind(ISOBAR__V1__ROW_KIND__CHECKED, 1, NOON), NOON); /* a city that has none */
    assert_int_equal(state_watermark(&kit.state), 0);
    kit_one(&kit, kit_row(2, NOON - MINUTE, 1), NOON);
    kit_one(&kit, kit_row(3, NOON - HOUR, 1), NOON);
    kit_one(&kit, kit_row(4, NOON, 1), NOON);
    assert_int_equal(state_watermark(&kit.state), NOON - HOUR);
}

/* ---- changes ---- */

/*
 * Records of two rows an hour apart: when the first comes, the windows of the hour before it (six of ten minutes, an
 * hour, a day); when the second does, the first one's pane and the windows of the hour between them.
 */
enum { BEFORE = 6 + 1 + 1, FOLDED = BEFORE + 1 + 6 + 1 };

/* Records that a late row wants: the closed panes an hour before and after it, and its windows. */
enum { PANES = 23, WANTED = PANES + 3 };

static void a_change_is_counted_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        kit_one(&kit, kit_row(CITY, NOON + i, 1), NOON);
    kit_one(&kit, kit_row(CITY + 1, NOON, 1), NOON);
    assert_int_equal(state_dirty(&kit.state), 2 + 2 * BEFORE);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1), NOON + HOUR);
    assert_int_equal(state_dirty(&kit.state), 2 + BEFORE + FOLDED);
    kit_one(&kit, kit_row(CITY, NOON + MINUTE, 1), NOON + HOUR);
    assert_int_equal(state_dirty(&kit.state), 2 + BEFORE + FOLDED + 1); /* and a late row */
    kit_resolve(&kit);
    assert_int_equal(state_dirty(&kit.state), 2 + BEFORE + FOLDED);
}

static void what_was_sent_is_clean_until_it_changes_again(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1), NOON + HOUR);
    assert_true(kit.state.changed);
    (void)!kit_send(&kit);
    assert_false(kit.state.changed);
    assert_int_equal(state_dirty(&kit.state), 0);
    struct record *pane = kit_record(&kit, RECORD_PANE, CITY, NOON);
    assert_true(pane->sent && !pane->dirty);
    assert_int_equal(pane->added, 0);
    assert_int_equal(pane->sent_added, 1);
    kit_one(&kit, kit_row(CITY, NOON + 1, 1), NOON + HOUR); /* while it is on the way */
    kit_resolve(&kit);
    assert_true(pane->sent && pane->dirty);
    assert_int_equal(pane->added, 1);
    assert_int_equal(state_dirty(&kit.state), 5);
    state_committed(&kit.state);
    assert_false(pane->sent);
    assert_int_equal(pane->added, 1);
    assert_int_equal(state_dirty(&kit.state), 5);
    assert_int_equal(kit.state.ledger.commits, 1);
}

static void what_was_not_executed_is_dirty_again(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1), NOON + HOUR);
    (void)!kit_send(&kit);
    kit_one(&kit, kit_row(CITY, NOON + 1, 1), NOON + HOUR);
    kit_one(&kit, kit_row(CITY + 1, NOON + HOUR, 1), NOON + HOUR);
    kit_resolve(&kit);
    state_uncommitted(&kit.state);
    struct record *pane = kit_record(&kit, RECORD_PANE, CITY, NOON);
    assert_true(pane->dirty && !pane->sent);
    assert_int_equal(pane->added, 2); /* both commits' rows */
    assert_int_equal(state_dirty(&kit.state), 2 + BEFORE + FOLDED);
    assert_true(kit.state.changed);
    assert_int_equal(kit.state.ledger.commits, 0);
    kit_commit(&kit);
    assert_int_equal(kit.state.ledger.commits, 1);
    assert_int_equal(state_dirty(&kit.state), 0);
}

static void keys_to_retire_wait_for_an_executed_commit(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON, 1), NOON);
    kit_one(&kit, kit_row(CITY, NOON + MINUTE, 1), NOON + 20 * MINUTE);
    (void)!kit_send(&kit);
    size_t first = kit.state.retiring_count;
    assert_true(first > 0);
    struct retired oldest = kit.state.retiring[0];
    state_uncommitted(&kit.state);
    kit_tick(&kit, NOON + 25 * MINUTE);
    (void)!kit_send(&kit);
    assert_true(kit.state.retiring_count > first); /* those, and the ones that were added */
    assert_int_equal(kit.state.retiring[0].start_ms, oldest.start_ms);
    for (size_t i = 0; i < kit.state.retiring_count; i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(kit.state.retiring[i].kind == kit.state.retiring[k].kind &&
                         kit.state.retiring[i].start_ms == kit.state.retiring[k].start_ms);
    }
    state_committed(&kit.state);
    assert_int_equal(kit.state.retiring_count, 0);
}

/* ---- the cache ---- */

static size_t records_of(int32_t kind)
{
    size_t count = 0;
    for (const struct record *record = kit.state.records; record; record = record->hh.next)
        count += record->key.kind == kind;
    return count;
}

static void make_windows(int64_t cities)
{
    for (int64_t city = 1; city <= cities; city++) {
        kit_one(&kit, kit_row(city, NOON, 1), NOON);
        kit_one(&kit, kit_row(city, NOON + HOUR, 1), NOON + HOUR);
    }
}

static void the_cache_keeps_within_its_limit(void **state)
{
    (void)state;
    make_windows(100);
    size_t all = kit.cache.bytes;
    kit.cache.limit = all / 4;
    (void)!kit_send(&kit);
    state_evict(&kit.state);
    assert_int_equal(kit.cache.bytes, all); /* on the way: it may have to be sent again */
    state_committed(&kit.state);
    state_evict(&kit.state);
    assert_int_equal(records_of(RECORD_PANE), 0); /* stored panes are of little use */
    assert_true(kit.cache.bytes <= kit.cache.limit && kit.cache.bytes > kit.cache.limit / 2);
    assert_null(kit_record(&kit, 1, 1, NOON));
    assert_non_null(kit_record(&kit, 1, 100, NOON)); /* the newest stay */
}

static void what_cannot_be_forgotten_is_counted(void **state)
{
    (void)state;
    kit_one(&kit, kit_row(CITY, NOON + HOUR, 1), NOON + HOUR);
    assert_int_equal(kit.cache.pinned, kit.cache.bytes); /* dirty, and missing */
    (void)!kit_send(&kit);
    assert_int_equal(kit.cache.pinned, kit.cache.bytes); /* on the way */
    state_committed(&kit.state);
    assert_int_equal(kit.cache.pinned, 0);
    assert_true(kit.cache.bytes > 0);
    kit_one(&kit, kit_row(CITY, NOON - HOUR, 1), NOON + HOUR); /* late: what must be loaded is pinned */
    assert_true(kit.cache.pinned > 0);
    kit_resolve(&kit);
    size_t pinned = kit.cache.pinned;
    assert_true(pinned > 0); /* some of it is dirty */
    (void)!kit_send(&kit);
    state_uncommitted(&kit.state);
    assert_int_equal(kit.cache.pinned, pinned);
    kit_commit(&kit);
    assert_int_equal(kit.cache.pinned, 0);
}

static void use_keeps_a_record_in_the_cache(void **state)
{
    (void)state;
    make_windows(100);
    kit_commit(&kit);
    assert_int_equal(records_of(1), 100 * 12);
    kit_one(&kit, kit_row(1, NOON + 2 * HOUR, 1),
            NOON + 2 * HOUR); /* city 1 again: its windows of the next hour and of the day */
    kit_commit(&kit);
    kit.cache.limit = kit.cache.bytes / 10;
    state_evict(&kit.state);
    assert_non_null(kit_record(&kit, 3, 1, NOON));
    assert_null(kit_record(&kit, 3, 2, NOON));
}

static void late_rows_keep_what_they_count_on(void **state)
{
    (void)state;
    make_windows(1);
    (void)!kit_send(&kit);
    kit_one(&kit, kit_row(1, NOON + 1, 1), NOON + HOUR);
    assert_int_equal(kit.state.missing_count, PANES - 1); /* its own and the windows are in memory */
    kit.cache.limit = 0;
    state_committed(&kit.state);
    state_evict(&kit.state);
    assert_non_null(kit_record(&kit, RECORD_PANE, 1, NOON));
    kit_commit(&kit);
    assert_int_equal(kit.state.ledger.rows_late, 1);
    assert_int_equal(kit.cache.bytes, 0);
    kit_one(&kit, kit_row(1, NOON + 2, 1), NOON + HOUR);
    assert_int_equal(kit.state.missing_count, WANTED);
}

static void partitions_share_the_limit(void **state)
{
    (void)state;
    struct kit other;
    kit_init(&other);
    other.state.cache = &kit.cache;
    make_windows(10);
    kit_commit(&kit);
    size_t before = kit.cache.bytes;
    kit_one(&other, kit_row(1, NOON, 1), NOON);
    kit_one(&other, kit_row(1, NOON + HOUR, 1), NOON + HOUR);
    assert_true(kit.cache.bytes > before);
    kit_release(&other);
    assert_int_equal(kit.cache.bytes, before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(stored_cities_are_taken_back),
        TEST(cities_that_do_not_fit_are_refused),
        TEST(the_watermark_is_the_smallest),
        TEST(a_change_is_counted_once),
        TEST(what_was_sent_is_clean_until_it_changes_again),
        TEST(what_was_not_executed_is_dirty_again),
        TEST(keys_to_retire_wait_for_an_executed_commit),
        TEST(the_cache_keeps_within_its_limit),
        TEST(what_cannot_be_forgotten_is_counted),
        TEST(use_keeps_a_record_in_the_cache),
        TEST(late_rows_keep_what_they_count_on),
        TEST(partitions_share_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
