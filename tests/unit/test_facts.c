/* What control rows say of a city: for all its series, over hand-overs, and what cannot be. */
#include "worker_fixture.h"

static void say(struct kit *to, const struct control *control, int64_t city, int32_t shard)
{
    struct observation row = {.kind = ISOBAR__V1__ROW_KIND__CONTROL, .city_id = city};
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(batch_encode_control(&row, control, shard, &bytes), 0);
    kit_bytes(to, bytes.data, bytes.size, NOON);
    buf_release(&bytes);
}

static void a_control_row_holds_for_all_series(void **state)
{
    (void)state;
    struct observation second = kit_row(CITY, NOON, 5);
    second.series = 2;
    kit_one(&kit, second, NOON);
    say(&kit, &(struct control){.zone = "Asia/Kathmandu", .country = "NP", .interval_s = 600}, CITY, 0);
    second.series = 1; /* new, and knows it all the same */
    kit_one(&kit, second, NOON);
    for (int32_t series = 0; series < 3; series++) {
        const struct citystate *city = &state_city(&kit.state, CITY, series)->city;
        assert_string_equal(zone_name(city->zone), "Asia/Kathmandu");
        assert_string_equal(city->country, "NP");
        assert_int_equal(city->interval_s, 600);
    }
    say(&kit, &(struct control){.zone = "", .country = "", .interval_s = 300}, CITY, 0); /* the rest stays */
    assert_string_equal(zone_name(kit_city(&kit, CITY)->zone), "Asia/Kathmandu");
    assert_string_equal(kit_city(&kit, CITY)->country, "NP");
    assert_int_equal(kit_city(&kit, CITY)->interval_s, 300);
    assert_int_equal(kit.state.ledger.rows_control, 2);
    assert_int_equal(kit.letters, 0);
}

static void facts_survive_a_hand_over(void **state)
{
    (void)state;
    struct citystate city;
    struct buf bytes = BUF_EMPTY;
    char field[CITY_FIELD_BYTES];
    say(&kit, &(struct control){.zone = "Pacific/Chatham", .country = "NZ", .interval_s = 3600}, CITY, 0);
    kit_city(&kit, CITY)->zoned_until_ms = NOON;
    citystate_encode(kit_city(&kit, CITY), &bytes);
    kit_release(&kit);
    kit_init(&kit);
    assert_int_equal(state_take_city(&kit.state, citystate_field(CITY, 0, field), bytes.data, bytes.size), 0);
    assert_ptr_equal(kit_city(&kit, CITY)->zone, zone_get("Pacific/Chatham"));
    assert_string_equal(kit_city(&kit, CITY)->country, "NZ");
    assert_int_equal(kit_city(&kit, CITY)->interval_s, 3600);
    assert_int_equal(kit_city(&kit, CITY)->zoned_until_ms, NOON);
    citystate_init(&city, CITY, 0);
    citystate_release(&city);
    buf_release(&bytes);
}

static void controls_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        struct control control;
        int64_t city;
        int32_t shard;
        const char *reason; /* NULL: it is taken, and says nothing */
    } rows[] = {
        {{.zone = "Mars/Olympus", .country = ""}, CITY, 0, "unknown_zone"},
        {{.zone = "../../etc/passwd", .country = ""}, CITY, 0, "unknown_zone"},
        {{.zone = "UTC", .country = ""}, CITY, 1, "foreign_partition"},
        {{.zone = "", .country = "NPL", .interval_s = -5}, CITY, 0, NULL},
        {{.zone = "UTC", .country = "NP"}, 0, 0, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t bad = kit.state.ledger.rows_bad, control = kit.state.ledger.rows_control;
        kit.letters = 0;
        say(&kit, &rows[i].control, rows[i].city, rows[i].shard);
        assert_int_equal(kit.state.ledger.rows_bad - bad, rows[i].reason != NULL);
        assert_int_equal(kit.state.ledger.rows_control - control, rows[i].reason == NULL);
        if (rows[i].reason)
            assert_string_equal(kit.reason, rows[i].reason);
        assert_int_equal(kit.letters, rows[i].reason != NULL);
    }
    assert_null(kit_city(&kit, CITY)->zone);
    assert_int_equal(kit_city(&kit, CITY)->interval_s, 0);
    assert_string_equal(kit_city(&kit, CITY)->country, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_control_row_holds_for_all_series), TEST(facts_survive_a_hand_over),
                                       TEST(controls_that_cannot_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
