/* The clerk: order, bounds, what is not begun, and an end that leaves nothing behind. */
#include "../../dashboard/clerk.h"

#include "loop_kit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4

struct piece {
    struct clerk_job job;
    int number;
    pthread_t thread;
    pthread_mutex_t *gate; /* waited for in the thread; NULL: not */
    int *order, *ended;
    bool done;
};

static void run(struct clerk_job *job)
{
    struct piece *piece = (struct piece *)job;
    piece->thread = pthread_self();
    if (piece->gate) {
        (void)pthread_mutex_lock(piece->gate);
        (void)pthread_mutex_unlock(piece->gate);
    }
}

static void end(struct clerk_job *job, bool done)
{
    struct piece *piece = (struct piece *)job;
    piece->done = done;
    piece->order[(*piece->ended)++] = piece->number;
}

struct world {
    struct loop *loop;
    struct clerk *clerk;
    struct piece pieces[MOST + 1];
    int order[MOST + 1], ended;
    pthread_mutex_t gate;
};

static int start(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    world->loop = loop_new();
    world->clerk = clerk_new(world->loop, MOST);
    assert_non_null(world->clerk);
    (void)pthread_mutex_init(&world->gate, NULL);
    for (int i = 0; i <= MOST; i++)
        world->pieces[i] = (struct piece){.job = {.run = run, .end = end, .until_ms = INT64_MAX},
                                          .number = i,
                                          .order = world->order,
                                          .ended = &world->ended};
    *state = world;
    return 0;
}

static int stop(void **state)
{
    struct world *world = *state;
    clerk_free(world->clerk);
    loop_free(world->loop);
    (void)pthread_mutex_destroy(&world->gate);
    free(world);
    return 0;
}

static void pieces_are_done_one_after_the_other(void **state)
{
    struct world *world = *state;
    for (int round = 1; round <= 3; round++) {
        world->ended = 0;
        for (int i = 0; i < MOST; i++)
            assert_int_equal(clerk_give(world->clerk, &world->pieces[i].job), 0);
        UNTIL(world->loop, world->ended == MOST);
        for (int i = 0; i < MOST; i++) {
            assert_int_equal(world->order[i], i);
            assert_true(world->pieces[i].done);
            assert_false(pthread_equal(world->pieces[i].thread, pthread_self()));
        }
    }
}

static void no_more_than_most_wait(void **state)
{
    struct world *world = *state;
    (void)pthread_mutex_lock(&world->gate);
    world->pieces[0].gate = &world->gate;
    for (int i = 0; i < MOST; i++)
        assert_int_equal(clerk_give(world->clerk, &world->pieces[i].job), 0);
    assert_int_equal(clerk_give(world->clerk, &world->pieces[MOST].job), ERR_BUSY);
    run_for(world->loop, 5);
    assert_int_equal(world->ended, 0); /* the loop goes on meanwhile */
    (void)pthread_mutex_unlock(&world->gate);
    UNTIL(world->loop, world->ended == MOST);
    assert_int_equal(clerk_give(world->clerk, &world->pieces[MOST].job), 0);
    UNTIL(world->loop, world->ended == MOST + 1);
}

static void what_waited_too_long_is_not_begun(void **state)
{
    struct world *world = *state;
    world->pieces[1].job.until_ms = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(clerk_give(world->clerk, &world->pieces[i].job), 0);
    UNTIL(world->loop, world->ended == 3);
    assert_true(world->pieces[0].done && !world->pieces[1].done && world->pieces[2].done);
}

/* How many of them were begun before the end is left to chance; which are, and that all come back, is not. */
static void the_end_finishes_what_is_begun_and_returns_the_rest(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < MOST; i++)
        assert_int_equal(clerk_give(world->clerk, &world->pieces[i].job), 0);
    clerk_free(world->clerk);
    world->clerk = NULL;
    assert_int_equal(world->ended, MOST);
    bool done = true; /* those that are done come first */
    for (int i = 0; i < MOST; i++) {
        assert_int_equal(world->order[i], i);
        assert_false(world->pieces[i].done && !done);
        done = world->pieces[i].done;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_are_done_one_after_the_other, start, stop),
        cmocka_unit_test_setup_teardown(no_more_than_most_wait, start, stop),
        cmocka_unit_test_setup_teardown(what_waited_too_long_is_not_begun, start, stop),
        cmocka_unit_test_setup_teardown(the_end_finishes_what_is_begun_and_returns_the_rest, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
