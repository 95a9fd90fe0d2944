/*
 * A whole fetcher with two sources in order: one place a call (the replay), and many (Open-Meteo). Whose readings a
 * city gets when the first fails, comes back, refuses its key or does not know a place; and both at once.
 */
#include "fetcher_fixture.h"

static char both[] = "replay,open-meteo", urls[200];

static void begin(struct fixture *fixture, bool second_opinion)
{
    snprintf(urls, sizeof urls, "open-meteo=%s,replay=%s", fixture->base_url, fixture->base_url);
    fixture->options.source = both;
    fixture->options.base_url = urls;
    fixture->options.history_hours = 0;
    fixture->options.second_opinion = second_opinion;
    fixture->places_good = true;
    start(fixture);
    UNTIL(fixture->loop, fixture->heartbeats > 0);
    say_target(fixture, 0, BUCKET_UNLIMITED);
}

static int64_t in_use(const struct fixture *fixture, int source)
{
    return cities_count(&fixture->fetcher.cities).used[source];
}

/* Every city has so many more readings of both APIs together. */
static void go_on(struct fixture *fixture, int64_t *count, int64_t more)
{
    int64_t until = *count + more;
    UNTIL(fixture->loop, *count >= until);
}

static void test_the_second_is_not_asked_while_the_first_is_good(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, false);
    UNTIL(fixture->loop, fewest(fixture) >= 3);
    go_on(fixture, &fixture->of_replay[0], CITIES);
    assert_int_equal(fixture->widest, 0);
    assert_int_equal(fixture->fetcher.sources[1].calls, 0);
    assert_int_equal(in_use(fixture, 0), CITIES);
    check_topic(fixture);
}

static void test_it_takes_over_and_gives_back(void **state)
{
    struct fixture *fixture = *state;
    const struct fetcher *fetcher = &fixture->fetcher;
    struct buf out = BUF_EMPTY;
    begin(fixture, false);
    go_on(fixture, &fixture->of_replay[0], CITIES);
    set_mood(fixture, BROKEN);
    UNTIL(fixture->loop, in_use(fixture, 1) == CITIES);
    go_on(fixture, &fixture->of_open_meteo[0], CITIES * 3);
    assert_true(fixture->widest > 1); /* many a call */
    assert_int_equal(fetcher->metrics.failovers_total, CITIES);
    assert_int_equal(fetcher->metrics.cities_failing, 0); /* by the source in use */
    int64_t calls = fetcher->sources[0].calls;
    UNTIL(fixture->loop, fetcher->sources[0].calls > calls); /* whether it is good again */
    set_mood(fixture, GOOD);
    UNTIL(fixture->loop, in_use(fixture, 0) == CITIES);
    assert_true(fetcher->metrics.probes_total >= CITIES); /* not at the first good answer */
    UNTIL(fixture->loop, fetcher->sources[1].running == 0);
    calls = fetcher->sources[1].calls;
    go_on(fixture, &fixture->of_replay[0], CITIES * 3);
    assert_int_equal(fetcher->sources[1].calls, calls);
    assert_int_equal(fixture->of_replay[1] + fixture->of_open_meteo[1], 0);
    fetcher_families(fetcher, &out);
    assert_non_null(strstr(out.data, "isobar_fetcher_source_cities_used{source=\"replay\"} 8\n"));
    assert_non_null(strstr(out.data, "isobar_fetcher_source_cities_asked{source=\"open-meteo\"} 0\n"));
    buf_release(&out);
}

static void test_a_refused_key_is_no_reason_to_wait(void **state)
{
    struct fixture *fixture = *state;
    struct buf missing = BUF_EMPTY;
    set_mood(fixture, REFUSE_KEY);
    begin(fixture, false);
    go_on(fixture, &fixture->of_open_meteo[0], CITIES * 2);
    assert_int_equal(in_use(fixture, 1), CITIES);
    assert_int_equal(fixture->of_replay[0], 0);
    fetcher_missing(&fixture->fetcher, &missing);
    assert_string_equal(missing.data, "replay: calls are stopped: key_refused\n");
    buf_release(&missing);
}

static void test_a_place_that_the_first_does_not_know_is_the_seconds(void **state)
{
    struct fixture *fixture = *state;
    fixture->places[3].mood = BAD_PLACE;
    begin(fixture, false);
    go_on(fixture, &fixture->of_open_meteo[0], 3);
    go_on(fixture, &fixture->of_replay[0], CITIES * 2);
    assert_int_equal(in_use(fixture, 1), 1);
    assert_int_equal(fixture->widest, 1);
    fixture->places[3].mood = GOOD;
    UNTIL(fixture->loop, in_use(fixture, 1) == 0);
}

static void test_a_second_opinion_is_a_series_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, true);
    go_on(fixture, &fixture->of_replay[0], CITIES * 2);
    go_on(fixture, &fixture->of_open_meteo[1], CITIES * 2);
    assert_int_equal(fixture->of_replay[1] + fixture->of_open_meteo[0], 0);
    set_mood(fixture, BROKEN);
    UNTIL(fixture->loop, in_use(fixture, 1) == CITIES);
    go_on(fixture, &fixture->of_open_meteo[0], CITIES * 2);
    int64_t before = fixture->of_open_meteo[1];
    go_on(fixture, &fixture->of_open_meteo[0], CITIES);
    assert_int_equal(fixture->of_open_meteo[1], before); /* it is the first opinion now */
    set_mood(fixture, GOOD);
    go_on(fixture, &fixture->of_open_meteo[1], CITIES);
    assert_int_equal(in_use(fixture, 0), CITIES);
}

/* The share of the further account is told by its name, and said back. */
static void test_each_account_has_its_own_share(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.calls_per_minute = 7;
    begin(fixture, false);
    UNTIL(fixture->loop, fixture->fetcher.sources[0].meter.minute.share_milli == 7000);
    assert_int_equal(fixture->fetcher.sources[1].meter.minute.share_milli, 7000);
    fixture->second_share = 0; /* the coordinator has not heard of it yet */
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fixture->fetcher.sources[1].meter.minute.share_milli == 0);
    UNTIL(fixture->loop, fixture->second_in_force == 0);
    fixture->second_share = 2600;
    say_target(fixture, 0, BUCKET_UNLIMITED);
    UNTIL(fixture->loop, fixture->second_in_force == 2600);
    assert_int_equal(fixture->fetcher.sources[0].meter.minute.share_milli, 7000);
}

static void test_bad_lists_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static char twice[] = "replay,open-meteo,replay", blank[] = "replay,", odd[] = "replay,odd", on[] = "on",
                plain[] = "http://127.0.0.1:1", one[] = "replay=http://127.0.0.1:1,https://api.example.org",
                other[] = "open-meteo=http://127.0.0.1:1", keys[] = "open-meteo=" KEY, pair[] = "replay,open-meteo";
    static const struct {
        char *source, *base_url, *api_key, *air;
        const char *want; /* NULL: it is taken */
    } cases[] = {
        {twice, urls, NULL, NULL, "source 'replay' is named twice"},
        {blank, urls, NULL, NULL, "source '' is not one of openweathermap"},
        {odd, urls, NULL, NULL, "source 'odd' is not one of openweathermap"},
        {pair, plain, NULL, NULL, "base_url: with several sources it must say of which: replay=..."},
        {pair, one, NULL, NULL, "base_url: every part must begin with the name of a source and '='"},
        {pair, other, NULL, NULL, "source replay needs --base-url"},
        {pair, urls, keys, NULL, "no API key"},
        {pair, urls, NULL, on, NULL}, /* one of them has air */
    };
    snprintf(urls, sizeof urls, "open-meteo=%s,replay=%s", fixture->base_url, fixture->base_url);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fetcher_options options = fixture->options;
        struct source sources[SOURCES_MAX] = {0};
        struct netlist allowed = {0};
        struct buf error = BUF_EMPTY;
        options.source = cases[i].source;
        options.base_url = cases[i].base_url;
        options.api_key = cases[i].api_key ? cases[i].api_key : options.api_key;
        options.air = cases[i].air ? cases[i].air : options.air;
        int32_t count = sources_choose(sources, &options, &allowed, &error);
        if (cases[i].want ? count != 0 || !strstr(error.data, cases[i].want) : count != 2)
            fail_msg("case %zu: %d, '%s'", i, count, error.data);
        for (int s = 0; s < SOURCES_MAX; s++)
            source_end(&sources[s]);
        buf_release(&error);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_second_is_not_asked_while_the_first_is_good),
        TEST(test_it_takes_over_and_gives_back),
        TEST(test_a_refused_key_is_no_reason_to_wait),
        TEST(test_a_place_that_the_first_does_not_know_is_the_seconds),
        TEST(test_a_second_opinion_is_a_series_of_its_own),
        TEST(test_each_account_has_its_own_share),
        TEST(test_bad_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
