/* What daemons share: phases and their order, draining with its limits, and signals at every time. */
#include "daemon_program.h"

/* ---- draining ---- */

static void a_signal_drains(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        for (int64_t takes = 0; takes <= 30; takes += 30) {
            struct program program;
            program_init(&program);
            program.drain_takes_ms = takes;
            assert_int_equal(run_with_signals(&program, &both[i], 1), EXIT_CODE_OK);
            assert_int_equal(program.drains, 1);
            assert_int_equal(program.phase_in_drain, PHASE_DRAINING);
            assert_int_equal(daemon_phase(program.daemon), PHASE_STOPPED);
            assert_int_equal(logged(&program, "started"), 1);
            assert_int_equal(logged(&program, "draining"), 1);
            assert_int_equal(logged(&program, "stopped"), 1);
            assert_int_equal(logged(&program, "phase"), 3);
            assert_int_equal(logged(&program, "drain_timeout") + logged(&program, "stopped_at_once"), 0);
            program_free(&program);
        }
    }
}

static void a_drain_has_a_limit(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    program.drain_takes_ms = -1;
    program.config.drain_limit_ms = 60;
    int64_t start = clock_monotonic_ms();
    assert_int_equal(run_with_signals(&program, both, 1), EXIT_CODE_FAILURE);
    assert_true(clock_monotonic_ms() - start >= 60);
    assert_int_equal(logged(&program, "drain_timeout"), 1);
    program_free(&program);
}

static void send_int(void *arg)
{
    (void)arg;
    kill(getpid(), SIGINT);
}

static void a_second_signal_stops_at_once(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    program.drain_takes_ms = -1;
    int64_t start = clock_monotonic_ms();
    assert_int_equal(run_with_signals(&program, both, 2), EXIT_CODE_FAILURE); /* both waiting in the same round */
    assert_int_equal(program.drains, 1);
    assert_int_equal(logged(&program, "stopped_at_once"), 1);
    program_free(&program);
    program_init(&program); /* and one that comes while it drains */
    program.drain_takes_ms = -1;
    struct capture capture;
    capture_begin(&capture, STDERR_FILENO);
    assert_int_equal(program_new(&program), EXIT_CODE_OK);
    struct loop_timer *later = loop_timer_new(daemon_loop(program.daemon), send_int, NULL);
    loop_timer_set(later, 40, 0);
    kill(getpid(), SIGTERM);
    int code = daemon_run(program.daemon);
    program.log = capture_end(&capture);
    assert_int_equal(code, EXIT_CODE_FAILURE);
    assert_int_equal(program.drains, 1);
    assert_true(clock_monotonic_ms() - start < LIMIT_MS); /* long before the limit */
    loop_timer_free(later);
    program_free(&program);
}

static void signals_after_the_stop_change_nothing(void **state)
{
    (void)state;
    struct program program;
    program_init(&program); /* drains at once: the second signal, waiting in the same round, finds it stopped */
    assert_int_equal(run_with_signals(&program, both, 2), EXIT_CODE_OK);
    assert_int_equal(program.drains, 1);
    assert_int_equal(daemon_phase(program.daemon), PHASE_STOPPED);
    kill(getpid(), SIGTERM); /* while it is torn down */
    program_free(&program);
    sigset_t pending; /* is still pending: take it, for the next test */
    sigpending(&pending);
    assert_true(sigismember(&pending, SIGTERM));
    int signo = 0;
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    assert_int_equal(sigwait(&term, &signo), 0);
}

static void a_signal_while_starting_stops(void **state)
{
    (void)state;
    struct program program;
    struct capture capture;
    program_init(&program);
    capture_begin(&capture, STDERR_FILENO);
    assert_int_equal(program_new(&program), EXIT_CODE_OK);
    enum phase before = daemon_phase(program.daemon);
    kill(getpid(), SIGTERM);
    bool never = false;
    int waited =
        loop_run_until(daemon_loop(program.daemon), &never, LIMIT_MS); /* as a part does that waits for its peer */
    enum phase after = daemon_phase(program.daemon);
    int code = daemon_run(program.daemon);
    program.log = capture_end(&capture);
    assert_int_equal(before, PHASE_STARTING);
    assert_int_equal(waited, 0);
    assert_int_equal(after, PHASE_STOPPED);
    assert_int_equal(code, EXIT_CODE_OK);
    assert_int_equal(program.drains, 0); /* its parts may not be there */
    assert_int_equal(logged(&program, "stopped_while_starting"), 1);
    assert_int_equal(logged(&program, "started"), 0);
    program_free(&program);
}

/* ---- stopping by itself ---- */

static void give_up(void *arg)
{
    struct program *program = arg;
    daemon_stop(program->daemon, EXIT_CODE_UNAVAILABLE);
    daemon_stop(program->daemon, EXIT_CODE_OK); /* the first one counts */
}

static void a_part_may_give_up(void **state)
{
    (void)state;
    for (int running = 0; running < 2; running++) {
        struct program program;
        struct capture capture;
        program_init(&program);
        capture_begin(&capture, STDERR_FILENO);
        int code = program_new(&program);
        struct loop_timer *timer = loop_timer_new(daemon_loop(program.daemon), give_up, &program);
        if (running)
            loop_timer_set(timer, 5, 0);
        else
            give_up(&program);
        code = code == EXIT_CODE_OK ? daemon_run(program.daemon) : -1;
        program.log = capture_end(&capture);
        assert_int_equal(code, EXIT_CODE_UNAVAILABLE);
        assert_int_equal(program.drains, 0);
        assert_int_equal(logged(&program, "started"), running);
        loop_timer_free(timer);
        program_free(&program);
    }
}

/* ---- what cannot start ---- */

static void assert_refused(struct program *program, int code, const char *event)
{
    assert_int_equal(run_with_signals(program, NULL, 0), code);
    assert_null(program->daemon);
    assert_int_equal(logged(program, event), 1);
    program_free(program);
}

static void only_loopback_without_insecure(void **state)
{
    (void)state;
    static const char *const addresses[] = {"0.0.0.0", "::", "192.0.2.1", "example.org", "127.evil.example", ""};
    struct program program;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        program_init(&program);
        program.config.admin_bind = addresses[i];
        assert_refused(&program, EXIT_CODE_CONFIG, "bind_refused");
        program_init(&program);
        program.config.admin_bind = addresses[i];
        program.config.admin_port = -1; /* no admin port: nothing to refuse */
        assert_int_equal(run_with_signals(&program, both, 1), EXIT_CODE_OK);
        assert_int_equal(daemon_admin_port(program.daemon), -1);
        program_free(&program);
    }
    program_init(&program);
    program.config.admin_bind = "0.0.0.0";
    program.config.insecure = true;
    assert_int_equal(run_with_signals(&program, both, 1), EXIT_CODE_OK);
    program_free(&program);
}

static void a_port_that_is_taken(void **state)
{
    (void)state;
    struct program first, second;
    struct capture capture;
    program_init(&first);
    capture_begin(&capture, STDERR_FILENO);
    int code = program_new(&first);
    first.log = capture_end(&capture);
    assert_int_equal(code, EXIT_CODE_OK);
    assert_int_equal(logged(&first, "admin_listening"), 1);
    program_init(&second);
    second.config.admin_port = daemon_admin_port(first.daemon);
    assert_refused(&second, EXIT_CODE_UNAVAILABLE, "admin_failed");
    program_free(&first);
}

static void log_options_are_checked(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    program.config.log_level = "loud";
    assert_refused(&program, EXIT_CODE_CONFIG, "bad_option");
    program_init(&program);
    program.config.log_format = "xml";
    struct capture capture;
    capture_begin(&capture, STDERR_FILENO);
    int code = program_new(&program);
    program.log = capture_end(&capture);
    assert_int_equal(code, EXIT_CODE_CONFIG);
    assert_null(program.daemon);
    assert_non_null(strstr(program.log, "event=bad_option option=log_format value=xml"));
    program_free(&program);
}

static void loopback_addresses(void **state)
{
    (void)state;
    static const char *const yes[] = {"127.0.0.1",      "127.255.0.9", "::1",         "[::1]",          "localhost",
                                      "127.0.0.1:7070", "[::1]:7070",  "localhost:1", "0:0:0:0:0:0:0:1"};
    static const char *const no[] = {"",
                                     "0.0.0.0",
                                     "128.0.0.1",
                                     "10.0.0.1",
                                     "::",
                                     "::2",
                                     "127.example.org",
                                     "127.0.0.1.example.org",
                                     "localhost.example.org",
                                     "localhosts",
                                     "127",
                                     "::ffff:10.0.0.1",
                                     "[::2]:1",
                                     "*:7070",
                                     ":7070",
                                     "a-name-that-is-very-long-and-longer-than-any-address-can-be-at-all.example.org"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!daemon_is_loopback(yes[i]))
            fail_msg("%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (daemon_is_loopback(no[i]))
            fail_msg("%s", no[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_drains),
        cmocka_unit_test(a_drain_has_a_limit),
        cmocka_unit_test(a_second_signal_stops_at_once),
        cmocka_unit_test(signals_after_the_stop_change_nothing),
        cmocka_unit_test(a_signal_while_starting_stops),
        cmocka_unit_test(a_part_may_give_up),
        cmocka_unit_test(only_loopback_without_insecure),
        cmocka_unit_test(a_port_that_is_taken),
        cmocka_unit_test(log_options_are_checked),
        cmocka_unit_test(loopback_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
