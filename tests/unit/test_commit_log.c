/*
 * Whole logs through commits and loads: a partition that forgets and loads, or is taken over, is never different from
 * one that keeps everything.
 */
#include "commit_kit.h"
#include "seeds.h"

/* Takes the cities of Redis into an empty state, as after a take-over. */
static void take_over(struct kit *one)
{
    struct commit_ids ids = {.prefix = "t:", .expected = cid};
    struct buf error = BUF_EMPTY;
    struct store_reply *pairs = REDIS_CALL("HGETALL", LEDGER);
    assert_int_equal(ledger_parse(&one->state.ledger, pairs, &one->rules.windows, &error), 0);
    store_reply_free(pairs);
    char cursor[32] = "0";
    do {
        struct store_reply *reply =
            redis_eval(SCRIPT_LOAD, scan_build(&one->state, &ids, cursor, &one->args), &one->args);
        const struct store_reply *page = reply->elements[1], *items = page->elements[1];
        (void)snprintf(cursor, sizeof cursor, "%s", page->elements[0]->text);
        for (size_t i = 0; i < items->count; i += 2)
            assert_int_equal(state_take_city(&one->state, items->elements[i]->text, items->elements[i + 1]->text,
                                             items->elements[i + 1]->size),
                             0);
        store_reply_free(reply);
    } while (strcmp(cursor, "0") != 0);
    one->next_offset = one->state.ledger.offset;
}

/* A random log, with late, repeated, foreign-looking and hopeless rows, silences and ticks. */
static size_t random_rows(struct dice *dice, struct observation *rows, int64_t *clock)
{
    size_t count = (size_t)dice_between(dice, 1, 6);
    *clock += dice_below(dice, 30) ? dice_below(dice, MINUTE) : dice_below(dice, 3 * HOUR);
    for (size_t i = 0; i < count; i++) {
        rows[i] = row_random(dice, window_start(*clock, MINUTE) - (dice_below(dice, 12) ? 40 * MINUTE : 5 * HOUR), 42,
                             MINUTE);
        rows[i].city_id = 1 + dice_below(dice, 6);
        rows[i].series = rows[i].provider = 0;
        rows[i].kind = dice_below(dice, 12) ? ISOBAR__V1__ROW_KIND__OBSERVATION : dice_between(dice, 0, 3);
    }
    return count;
}

/* Panes in all keys and open ones, plus what was retired, are the rows accepted. */
static void assert_panes_add_up(const struct kit *one)
{
    int64_t total = redis_number(LEDGER, "retired") + kit_open_rows(&one->state);
    const struct store_reply **keys;
    struct store_reply *reply = redis_keys("t:{0}:pane:", &keys);
    for (size_t i = 0; i < reply->count; i++)
        total += redis_number(keys[i]->text, "#n");
    free(keys);
    store_reply_free(reply);
    assert_int_equal(total, redis_number(LEDGER, "rows_in") + redis_number(LEDGER, "rows_late"));
}

enum how { KEEPS_ALL, FORGETS, TAKES_OVER, HOWS };

static void run_log(uint64_t seed, enum how how, struct buf *out)
{
    struct dice log = {seed}, choice = {seed + 1000 * (uint64_t)(how + 1)};
    int64_t clock = NOON;
    REDIS_DO("FLUSHALL");
    redis_make_ledger(LEDGER);
    ask_cid();
    kit_release(&kit);
    kit_init(&kit);
    kit_watch(&kit);
    kit.cache.limit = how == KEEPS_ALL ? SIZE_MAX : 0;
    kit.rules.lateness_ms = 4 * HOUR;
    for (int i = 0; i < 250; i++) {
        struct observation rows[8];
        size_t count = random_rows(&log, rows, &clock);
        while (state_ticking(&kit.state))
            store(&kit), state_tick_step(&kit.state);
        kit_feed(&kit, rows, count, clock);
        if (dice_below(&choice, how == KEEPS_ALL ? 12 : 3) == 0)
            store(&kit);
        if (how == TAKES_OVER && dice_below(&choice, 25) == 0) {
            store(&kit);
            kit_release(&kit);
            kit_init(&kit);
            kit_watch(&kit);
            kit.cache.limit = 0;
            kit.rules.lateness_ms = 4 * HOUR;
            take_over(&kit);
        }
    }
    for (int i = 0; i < 30; i++) {
        kit_tick(&kit, clock + i * HOUR);
        store(&kit);
    }
    assert_panes_add_up(&kit);
    redis_dump("t:", out);
}

static void who_forgets_and_loads_is_never_different(void **state)
{
    (void)state;
    enum { SEEDS = SEEDS_OF(12) };
    int64_t late = 0, retired = 0, alerts = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct buf want = BUF_EMPTY;
        for (int how = KEEPS_ALL; how < HOWS; how++) {
            struct buf have = BUF_EMPTY;
            run_log(seed, (enum how)how, &have);
            if (how == KEEPS_ALL) {
                want = have;
                late += kit.state.ledger.rows_late;
                retired += redis_number(LEDGER, "retired");
                alerts += redis_length("t:{0}:alerts");
                continue;
            }
            if (strcmp(want.data, have.data) != 0)
                fail_msg("seed %d, way %d: the stored states differ", (int)seed, how);
            buf_release(&have);
        }
        buf_release(&want);
    }
    assert_true(late > 42 * SEEDS && retired > 42 * SEEDS && alerts > 42 * SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_forgets_and_loads_is_never_different, begin_stored, end),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
