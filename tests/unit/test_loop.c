/* The event loop: descriptors and their removal inside callbacks, running and stopping, hooks, signals. */
#include "loop.h"

#include "capture.h"
#include "error.h"
#include "loop_tick.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- descriptors ---- */

struct watch {
    struct loop *loop;
    struct loop_fd *source;
    int fd;
    unsigned events;
    int calls;
    bool drain, removes_self;
    struct watch *victim;
};

static void on_fd(void *arg, unsigned events)
{
    struct watch *watch = arg;
    char bytes[64];
    watch->calls++;
    watch->events |= events;
    while (watch->drain && read(watch->fd, bytes, sizeof bytes) > 0)
        ;
    if (watch->victim && watch->victim->source) {
        loop_fd_remove(watch->victim->source);
        watch->victim->source = NULL;
    }
    if (watch->removes_self) {
        loop_fd_remove(watch->source);
        watch->source = NULL;
    }
}

static void pair_open(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

static struct watch watch_of(struct loop *loop, int fd)
{
    return (struct watch){.loop = loop, .fd = fd};
}

static void watch_add(struct watch *watch, unsigned events)
{
    watch->source = loop_fd_add(watch->loop, watch->fd, events, on_fd, watch);
    assert_non_null(watch->source);
}

static void descriptors_report_what_is_watched(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int pair[2];
    pair_open(pair);
    struct watch watch = watch_of(loop, pair[0]);
    watch_add(&watch, LOOP_READ);
    run_for(loop, 5);
    assert_int_equal(watch.calls, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    run_until_count(loop, &watch.calls, 3); /* level-triggered: until it is read */
    assert_int_equal(watch.events, LOOP_READ);
    watch.drain = true;
    run_until_count(loop, &watch.calls, watch.calls + 1);
    watch.calls = 0;
    run_for(loop, 5);
    assert_int_equal(watch.calls, 0);
    watch.events = 0;
    loop_fd_set(watch.source, LOOP_READ | LOOP_WRITE);
    run_until_count(loop, &watch.calls, 1);
    assert_int_equal(watch.events, LOOP_WRITE);
    loop_fd_set(watch.source, 0);
    watch.calls = 0;
    assert_int_equal(write(pair[1], "x", 1), 1);
    run_for(loop, 5);
    assert_int_equal(watch.calls, 0);
    watch.removes_self = true;
    watch.events = 0;
    close(pair[1]); /* a hang-up is reported as both, whatever is watched */
    run_until_count(loop, &watch.calls, 1);
    run_for(loop, 5);
    assert_int_equal(watch.calls, 1);
    assert_int_equal(watch.events, LOOP_READ | LOOP_WRITE);
    loop_fd_remove(NULL);
    close(pair[0]);
    loop_free(loop);
}

static void an_edge_is_reported_once(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int pair[2];
    pair_open(pair);
    struct watch watch = watch_of(loop, pair[0]);
    watch_add(&watch, LOOP_READ | LOOP_EDGE);
    assert_int_equal(write(pair[1], "x", 1), 1);
    run_until_count(loop, &watch.calls, 1);
    run_for(loop, 5);
    assert_int_equal(watch.calls, 1);
    assert_int_equal(write(pair[1], "x", 1), 1);
    run_until_count(loop, &watch.calls, 2);
    run_for(loop, 5);
    assert_int_equal(watch.calls, 2);
    loop_fd_remove(watch.source);
    close(pair[0]);
    close(pair[1]);
    loop_free(loop);
}

/* Two descriptors are ready in the same round; the first one called removes the other, whose memory must stay until
 * then. */
static void a_removed_source_is_not_called(void **state)
{
    (void)state;
    for (int turn = 0; turn < 50; turn++) {
        struct loop *loop = loop_new();
        int a[2], b[2];
        pair_open(a);
        pair_open(b);
        struct watch first = watch_of(loop, a[0]), second = watch_of(loop, b[0]);
        first.victim = &second;
        second.victim = &first;
        first.drain = second.drain = true;
        watch_add(&first, LOOP_READ);
        watch_add(&second, LOOP_READ);
        assert_int_equal(write(a[1], "x", 1) + write(b[1], "x", 1), 2);
        run_for(loop, 1);
        assert_int_equal(first.calls + second.calls, 1);
        loop_fd_remove(first.source);
        loop_fd_remove(second.source);
        for (int i = 0; i < 2; i++) {
            close(a[i]);
            close(b[i]);
        }
        loop_free(loop);
    }
}

static void on_replacing(void *arg, unsigned events)
{
    struct watch *watch = arg;
    (void)events;
    watch->calls++;
    loop_fd_remove(watch->source);
    close(watch->fd); /* the number is free, and taken again at once */
    int pair[2];
    pair_open(pair);
    watch->fd = pair[0];
    close(pair[1]);
    watch->source = watch->calls < 200 ? loop_fd_add(watch->loop, watch->fd, LOOP_READ, on_replacing, watch) : NULL;
    if (!watch->source)
        loop_stop(watch->loop);
}

static void a_descriptor_number_may_come_back_at_once(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int pair[2];
    pair_open(pair);
    struct watch watch = watch_of(loop, pair[0]);
    watch.source = loop_fd_add(loop, pair[0], LOOP_READ, on_replacing, &watch);
    close(pair[1]);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(watch.calls, 200);
    close(watch.fd);
    loop_free(loop);
}

static void many_descriptors_all_get_a_turn(void **state)
{
    (void)state;
    enum { COUNT = 200 }; /* more than are taken in one round */
    struct loop *loop = loop_new();
    static struct watch watches[COUNT];
    static int pairs[COUNT][2];
    for (int i = 0; i < COUNT; i++) {
        pair_open(pairs[i]);
        watches[i] = watch_of(loop, pairs[i][0]);
        watch_add(&watches[i], LOOP_READ); /* never drained: always ready */
        assert_int_equal(write(pairs[i][1], "x", 1), 1);
    }
    int order[100], count = 0;
    struct tick tick = {.order = order, .count = &count};
    tick.timer = loop_timer_new(loop, on_tick, &tick);
    loop_timer_set(tick.timer, 10, 10);
    run_until_count(loop, &count, 2); /* busy descriptors do not starve timers */
    for (int i = 0; i < COUNT; i++)
        run_until_count(loop, &watches[i].calls, 2);
    loop_timer_free(tick.timer);
    for (int i = 0; i < COUNT; i += 2)
        loop_fd_remove(watches[i].source);
    loop_free(loop); /* removes the rest */
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(write(pairs[i][0], "y", 1), 1); /* the owners' descriptors stay open */
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
}

static void a_bad_descriptor_is_an_error(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct watch watch = watch_of(loop, -1);
    errno = 0;
    assert_null(loop_fd_add(loop, -1, LOOP_READ, on_fd, &watch));
    assert_int_equal(errno, EBADF);
    loop_free(loop);
    loop_free(NULL);
}

/* ---- running ---- */

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

static void run_until_ends_three_ways(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    bool done = false;
    struct loop_timer *timer = loop_timer_new(loop, set_true, &done);
    loop_timer_set(timer, 10, 0);
    assert_int_equal(loop_run_until(loop, &done, LIMIT_MS), 0);
    assert_true(done);
    assert_int_equal(loop_run_until(loop, &done, 0), 0); /* already true: no round is run */
    done = false;
    int64_t start = clock_monotonic_ms();
    assert_int_equal(loop_run_until(loop, &done, 30), ERR_TIMEOUT);
    assert_true(clock_monotonic_ms() - start >= 29);
    assert_int_equal(loop_run_until(loop, &done, 0), ERR_TIMEOUT);
    loop_timer_free(timer);
    timer = loop_timer_new(loop, stop, loop);
    loop_timer_set(timer, 5, 0);
    assert_int_equal(loop_run_until(loop, &done, LIMIT_MS), 0); /* stopped */
    assert_false(done);
    loop_timer_free(timer);
    loop_free(loop);
}

static void the_loop_runs_again(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int order[8], count = 0;
    struct tick tick = {.order = order, .count = &count};
    tick.timer = loop_timer_new(loop, on_tick, &tick);
    for (int i = 1; i <= 5; i++) {
        loop_timer_set(tick.timer, 0, 0);
        run_for(loop, 2);
        assert_int_equal(count, i);
    }
    int64_t now = loop_now_ms(loop);
    assert_true(clock_monotonic_ms() - now < LIMIT_MS && clock_monotonic_ms() >= now);
    loop_timer_free(tick.timer);
    loop_free(loop);
}

static void run_nested(void *arg)
{
    bool done = false;
    int status = loop_run_until(arg, &done, 1);
    (void)status; /* not reached */
}

static void run_with_nested(void *arg)
{
    struct loop_timer *timer = loop_timer_new(arg, run_nested, arg);
    loop_timer_set(timer, 0, 0);
    bool done = false;
    int status = loop_run_until(arg, &done, 100);
    (void)status;
}

static void rounds_do_not_nest(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    assert_true(dies(run_with_nested, loop));
    loop_free(loop);
}

/* ---- hooks ---- */

struct hook {
    struct loop *loop;
    int calls;
    struct hook *victim;
    int64_t wait_ms;
    bool *done; /* set at the twentieth call */
};

static void on_hook(void *arg)
{
    struct hook *hook = arg;
    if (++hook->calls == 20 && hook->done)
        *hook->done = true;
    if (hook->wait_ms >= 0)
        loop_wait_at_most(hook->loop, hook->wait_ms);
    if (hook->victim)
        loop_before_wait_remove(hook->loop, on_hook, hook->victim);
}

static void hooks_run_every_round(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct hook hooks[4];
    for (int i = 0; i < 4; i++) {
        hooks[i] = (struct hook){.loop = loop, .wait_ms = -1};
        loop_before_wait(loop, on_hook, &hooks[i]);
    }
    run_for(loop, 5);
    int rounds = hooks[0].calls;
    assert_in_range(rounds, 1, 8); /* they do not keep the loop awake */
    for (int i = 0; i < 4; i++)
        assert_int_equal(hooks[i].calls, rounds);
    hooks[1].victim = &hooks[1]; /* removes itself: none of the others may miss a round */
    hooks[2].victim = &hooks[0]; /* one that was called already */
    for (int i = 0; i < 4; i++)
        hooks[i].calls = 0;
    bool done = false;
    assert_int_equal(loop_run_until(loop, &done, 5), ERR_TIMEOUT);
    assert_int_equal(hooks[0].calls, 1);
    assert_int_equal(hooks[1].calls, 1);
    assert_true(hooks[2].calls >= 1 && hooks[3].calls == hooks[2].calls);
    hooks[2].victim = &hooks[3]; /* one that is still to be called */
    hooks[3].calls = 0;
    assert_int_equal(loop_run_until(loop, &done, 5), ERR_TIMEOUT);
    assert_int_equal(hooks[3].calls, 0);
    hooks[2].victim = NULL;
    loop_before_wait_remove(loop, on_hook, &hooks[2]);
    loop_before_wait_remove(loop, on_hook, &hooks[2]); /* not there: nothing happens */
    hooks[2].calls = 0;
    assert_int_equal(loop_run_until(loop, &done, 5), ERR_TIMEOUT);
    assert_int_equal(hooks[2].calls, 0);
    for (int i = 0; i < 8; i++) /* all eight places are free again */
        loop_before_wait(loop, on_hook, &hooks[i % 4]);
    loop_free(loop);
}

static void a_hook_shortens_the_wait(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct hook hook = {.loop = loop, .wait_ms = 5};
    bool done = false;
    loop_before_wait(loop, on_hook, &hook);
    int64_t start = clock_monotonic_ms();
    hook.done = &done;
    assert_int_equal(loop_run_until(loop, &done, LIMIT_MS), 0);
    assert_true(clock_monotonic_ms() - start >= 19 * 4); /* nineteen waits of 5 ms */
    hook.calls = 0;
    hook.wait_ms = -1;
    done = false;
    assert_int_equal(loop_run_until(loop, &done, 30), ERR_TIMEOUT);
    assert_in_range(hook.calls, 1, 2); /* waits as long as it may */
    loop_free(loop);
}

/* ---- signals ---- */

struct caught {
    struct loop *loop;
    int numbers[8];
    int count, stop_after;
};

static void on_signal(void *arg, int signo)
{
    struct caught *caught = arg;
    caught->numbers[caught->count++] = signo;
    if (caught->count == caught->stop_after)
        loop_stop(caught->loop);
}

static void *sends_late(void *arg)
{
    (void)arg;
    kill(getpid(), SIGUSR1); /* while the loop waits, or just before */
    return NULL;
}

static void signals_arrive_on_the_loop(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct caught caught = {.loop = loop, .stop_after = 2};
    assert_int_equal(loop_signal(loop, SIGUSR1, on_signal, &caught), 0);
    assert_int_equal(loop_signal(loop, SIGUSR2, on_signal, &caught), 0);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    assert_int_equal(caught.count, 0); /* not before the loop runs */
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(caught.count, 2);
    assert_int_equal(caught.numbers[0] + caught.numbers[1], SIGUSR1 + SIGUSR2);
    caught.count = 0;
    caught.stop_after = 1;
    pthread_t thread;
    pthread_create(&thread, NULL, sends_late, NULL);
    assert_int_equal(loop_run(loop), 0);
    pthread_join(thread, NULL);
    assert_int_equal(caught.numbers[0], SIGUSR1);
    loop_free(loop);
    kill(getpid(), SIGUSR1); /* still blocked: a late one does not kill */
    sigset_t pending;
    sigpending(&pending);
    assert_true(sigismember(&pending, SIGUSR1));
    loop = loop_new(); /* and the next loop gets it */
    caught = (struct caught){.loop = loop, .stop_after = 1};
    assert_int_equal(loop_signal(loop, SIGUSR1, on_signal, &caught), 0);
    assert_int_equal(loop_run(loop), 0);
    loop_free(loop);
}

/* ---- time ---- */

struct clocked {
    struct loop *loop;
    int64_t pass_ms, lag_ms;
};

static void on_clocked(void *arg, unsigned events)
{
    struct clocked *clocked = arg;
    (void)events;
    clocked->lag_ms = clock_monotonic_ms() - loop_now_ms(clocked->loop);
    for (int64_t end = clock_monotonic_ms() + clocked->pass_ms; clock_monotonic_ms() < end;)
        ;
}

/* A deadline that a callback computes is not shortened by what the one before it took, or by a stopped process. */
static void each_callback_has_the_time_of_its_own(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int pairs[3][2];
    struct clocked clocked[3];
    struct loop_fd *sources[3];
    for (int i = 0; i < 3; i++) {
        pair_open(pairs[i]);
        clocked[i] = (struct clocked){.loop = loop, .pass_ms = 200};
        assert_int_equal(write(pairs[i][1], "x", 1), 1);
        sources[i] = loop_fd_add(loop, pairs[i][0], LOOP_READ | LOOP_EDGE, on_clocked, &clocked[i]);
    }
    run_for(loop, 1);
    for (int i = 0; i < 3; i++) {
        assert_in_range(clocked[i].lag_ms, 0, 150);
        loop_fd_remove(sources[i]);
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_report_what_is_watched),
        cmocka_unit_test(an_edge_is_reported_once),
        cmocka_unit_test(a_removed_source_is_not_called),
        cmocka_unit_test(a_descriptor_number_may_come_back_at_once),
        cmocka_unit_test(many_descriptors_all_get_a_turn),
        cmocka_unit_test(a_bad_descriptor_is_an_error),
        cmocka_unit_test(run_until_ends_three_ways),
        cmocka_unit_test(the_loop_runs_again),
        cmocka_unit_test(rounds_do_not_nest),
        cmocka_unit_test(hooks_run_every_round),
        cmocka_unit_test(a_hook_shortens_the_wait),
        cmocka_unit_test(signals_arrive_on_the_loop),
        cmocka_unit_test(each_callback_has_the_time_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
