/* The lease on a real Redis: two coordinators in one loop, each with a connection of its own. Real time, deadlines
 * everywhere. */
#include "../../coordinator/lease.h"

#include "loop_kit.h"
#include "redis_client.h"

struct side {
    struct fixture *fixture;
    struct store *store;
    struct lease *lease;
    bool told; /* by the callback */
    int gained, lost;
};

struct fixture {
    struct loop *loop;
    struct side sides[2];
    bool both; /* held at once, ever */
};

static void on_lease(void *arg, bool held)
{
    struct side *side = arg;
    assert_true(side->told != held); /* only changes are told */
    side->told = held;
    if (held)
        side->gained++;
    else
        side->lost++;
}

static void watch(void *arg)
{
    struct fixture *fixture = arg;
    const struct side *a = &fixture->sides[0], *b = &fixture->sides[1];
    fixture->both |= a->lease && b->lease && lease_held(a->lease) && lease_held(b->lease);
}

static void open_side(struct fixture *fixture, int index)
{
    struct side *side = &fixture->sides[index];
    struct store_config config = {.address = server.address, .timeout_ms = 2000};
    struct buf error = BUF_EMPTY;
    *side = (struct side){.fixture = fixture};
    side->store = store_new(fixture->loop, &config, NULL, NULL, &error);
    assert_non_null(side->store);
    side->lease =
        lease_new(fixture->loop, side->store, "isobar:", index ? "c-2" : "c-1", "tcp://127.0.0.1:1", on_lease, side);
    buf_release(&error);
}

static void close_side(struct fixture *fixture, int index)
{
    struct side *side = &fixture->sides[index];
    struct lease *lease = side->lease;
    side->lease = NULL;
    store_free(side->store);
    side->store = NULL;
    lease_free(lease);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    (void)kill(server.pid, SIGCONT);
    REDIS_DO("FLUSHALL");
    fixture->loop = loop_new();
    loop_before_wait(fixture->loop, watch, fixture);
    open_side(fixture, 0);
    UNTIL(fixture->loop, lease_held(fixture->sides[0].lease));
    open_side(fixture, 1);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    (void)kill(server.pid, SIGCONT);
    assert_false(fixture->both);
    for (int i = 0; i < 2; i++) {
        if (fixture->sides[i].store)
            close_side(fixture, i);
    }
    loop_before_wait_remove(fixture->loop, watch, fixture);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void is_renewed(void **state)
{
    struct fixture *fixture = *state;
    run_for(fixture->loop, 3500); /* longer than one grant */
    assert_true(lease_held(fixture->sides[0].lease));
    assert_int_equal(fixture->sides[0].gained, 1);
    assert_int_equal(fixture->sides[0].lost, 0);
    assert_int_equal(fixture->sides[1].gained, 0);
    struct store_reply *reply = REDIS_CALL("GET", "isobar:leader");
    assert_int_equal(reply->type, STORE_TEXT);
    assert_string_equal(reply->text + 32, " c-1 tcp://127.0.0.1:1");
    store_reply_free(reply);
}

static void a_holder_that_dies_is_followed(void **state)
{
    struct fixture *fixture = *state;
    run_for(fixture->loop, 1200);
    close_side(fixture, 0);
    int64_t took_ms = UNTIL(fixture->loop, lease_held(fixture->sides[1].lease));
    assert_in_range(took_ms, 1000, 3500);
}

static void yielding_hands_it_over_at_once(void **state)
{
    struct fixture *fixture = *state;
    run_for(fixture->loop, 300);
    int lost = fixture->sides[0].lost;
    lease_yield(fixture->sides[0].lease);
    assert_false(lease_held(fixture->sides[0].lease));
    assert_int_equal(fixture->sides[0].lost, lost); /* who yields knows */
    lease_yield(fixture->sides[0].lease);
    int64_t took_ms = UNTIL(fixture->loop, lease_held(fixture->sides[1].lease));
    assert_true(took_ms < 1000);
    run_for(fixture->loop, 1500);
    assert_int_equal(fixture->sides[0].gained, 1); /* it tries no more */
}

/* A grant that is on its way when we yield is given back. */
static void yielding_gives_back_what_is_on_its_way(void **state)
{
    struct fixture *fixture = *state;
    close_side(fixture, 0);
    REDIS_DO("DEL", "isobar:leader");
    UNTIL(fixture->loop, store_outstanding(fixture->sides[1].store) > 0 || lease_held(fixture->sides[1].lease));
    lease_yield(fixture->sides[1].lease);
    run_for(fixture->loop, 500);
    assert_false(lease_held(fixture->sides[1].lease));
    struct store_reply *reply = REDIS_CALL("EXISTS", "isobar:leader");
    assert_int_equal(reply->integer, 0);
    store_reply_free(reply);
}

static void a_redis_that_hangs_ends_the_lead_in_two_seconds(void **state)
{
    struct fixture *fixture = *state;
    run_for(fixture->loop, 300);
    (void)kill(server.pid, SIGSTOP);
    int64_t took_ms = UNTIL(fixture->loop, fixture->sides[0].lost == 1);
    assert_in_range(took_ms, 500, 2200);
    assert_false(lease_held(fixture->sides[0].lease));
    run_for(fixture->loop, 1500); /* the key runs out meanwhile */
    (void)kill(server.pid, SIGCONT);
    UNTIL(fixture->loop, lease_held(fixture->sides[0].lease) || lease_held(fixture->sides[1].lease));
    run_for(fixture->loop, 1000);
    assert_true(lease_held(fixture->sides[0].lease) != lease_held(fixture->sides[1].lease));
}

/* After a hang that is shorter than the key lives it is ours still, and nobody has to wait until it runs out. */
static void a_short_hang_gives_it_back_to_its_holder(void **state)
{
    struct fixture *fixture = *state;
    close_side(fixture, 1);
    run_for(fixture->loop, 300);
    (void)kill(server.pid, SIGSTOP);
    UNTIL(fixture->loop, fixture->sides[0].lost == 1);
    (void)kill(server.pid, SIGCONT);
    int64_t took_ms = UNTIL(fixture->loop, lease_held(fixture->sides[0].lease));
    assert_true(took_ms < 2000);
    assert_int_equal(fixture->sides[0].gained, 2);
}

static void a_redis_that_forgets_ends_the_lead(void **state)
{
    struct fixture *fixture = *state;
    REDIS_DO("SET", "isobar:leader", "somebody else", "PX", "1500");
    UNTIL(fixture->loop, fixture->sides[0].lost == 1);
    UNTIL(fixture->loop, lease_held(fixture->sides[0].lease) || lease_held(fixture->sides[1].lease));
}

static void a_key_of_another_type_is_no_lease(void **state)
{
    struct fixture *fixture = *state;
    close_side(fixture, 0);
    REDIS_DO("DEL", "isobar:leader");
    REDIS_DO("LPUSH", "isobar:leader", "x");
    close_side(fixture, 1);
    open_side(fixture, 1);
    run_for(fixture->loop, 700);
    assert_int_equal(fixture->sides[1].gained, 0);
    REDIS_DO("DEL", "isobar:leader");
    UNTIL(fixture->loop, lease_held(fixture->sides[1].lease));
}

/* What a standby tells members: fresh, and nothing that it does not know. */
static void a_standby_knows_who_leads(void **state)
{
    struct fixture *fixture = *state;
    const struct lease *standby = fixture->sides[1].lease;
    struct lease_leader leader;
    REDIS_DO("SET", "isobar:term", "41");
    UNTIL(fixture->loop, lease_leader(standby, &leader) && leader.term == 41);
    assert_string_equal(leader.id, "c-1");
    assert_string_equal(leader.endpoint, "tcp://127.0.0.1:1");
    assert_false(lease_leader(fixture->sides[0].lease, &leader)); /* it is it itself */
    REDIS_DO("SET", "isobar:term", "a lot");
    REDIS_DO("SET", "isobar:leader", "somebody else, in another form", "PX", "1000");
    UNTIL(fixture->loop, lease_leader(standby, &leader) && *leader.id == '\0' && leader.term == 0);
    assert_string_equal(leader.endpoint, "");
    UNTIL(fixture->loop, lease_held(fixture->sides[0].lease) || lease_held(standby));
    if (lease_held(standby))
        return; /* then it tells nobody that another leads */
    UNTIL(fixture->loop, lease_leader(standby, &leader) && *leader.id);
    (void)kill(server.pid, SIGSTOP);
    int64_t took_ms = UNTIL(fixture->loop, !lease_leader(standby, &leader));
    assert_in_range(took_ms, 300, 1500);
    (void)kill(server.pid, SIGCONT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(is_renewed),
        T(a_holder_that_dies_is_followed),
        T(yielding_hands_it_over_at_once),
        T(yielding_gives_back_what_is_on_its_way),
        T(a_redis_that_hangs_ends_the_lead_in_two_seconds),
        T(a_short_hang_gives_it_back_to_its_holder),
        T(a_redis_that_forgets_ends_the_lead),
        T(a_key_of_another_type_is_no_lease),
        T(a_standby_knows_who_leads),
    };
    return cmocka_run_group_tests(tests, redis_client_start, redis_client_stop);
}
