/* What daemons share: phases and their order, draining with its limits, signals at every time, and the admin port. */
#include "daemon.h"

#include "capture.h"
#include "http_client.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>

#define TEST_METRICS(X) X(COUNTER, things_total, "things that were done")
struct test_metrics {
    METRIC_STRUCT(TEST_METRICS)
};
#define METRIC_OWNER struct test_metrics
static const struct metric_row metric_rows[] = {TEST_METRICS(METRIC_ROW)};

/* A program of which this is all. */
struct program {
    struct daemon *daemon;
    struct daemon_config config;
    struct test_metrics metrics;
    struct metric_page page;
    int drains;
    enum phase phase_in_drain;
    int64_t drain_takes_ms; /* -1: for ever */
    const char *missing;    /* what ready tells */
    struct loop_timer *timer;
    char *log;
};

static void on_drained(void *arg)
{
    struct program *program = arg;
    daemon_stop(program->daemon, EXIT_CODE_OK);
}

static void on_drain(void *arg)
{
    struct program *program = arg;
    program->drains++;
    program->phase_in_drain = daemon_phase(program->daemon);
    if (program->drain_takes_ms == 0)
        on_drained(program);
    else if (program->drain_takes_ms > 0)
        loop_timer_set(program->timer, program->drain_takes_ms, 0);
}

static void on_ready(void *arg, struct buf *out)
{
    const struct program *program = arg;
    buf_text(out, program->missing);
}

static void program_init(struct program *program)
{
    *program = (struct program){.missing = ""};
    program->page =
        (struct metric_page){.component = "tester", .rows = metric_rows, .row_count = 1, .values = &program->metrics};
    program->config = (struct daemon_config){.component = "tester",
                                             .log_level = "debug",
                                             .log_format = "json",
                                             .admin_bind = "127.0.0.1",
                                             .drain_limit_ms = LIMIT_MS,
                                             .metrics = &program->page,
                                             .drain = on_drain,
                                             .ready = on_ready,
                                             .arg = program};
}

static int program_new(struct program *program)
{
    int code = -1;
    program->daemon = daemon_new(&program->config, &code);
    if (program->daemon)
        program->timer = loop_timer_new(daemon_loop(program->daemon), on_drained, program);
    return code;
}

static void program_free(struct program *program)
{
    if (program->daemon)
        loop_timer_free(program->timer);
    daemon_free(program->daemon);
    free(program->log);
}

static const int both[] = {SIGTERM, SIGINT};

/* Starts the program, and sends `count` of the signals before the loop runs; returns the exit code and keeps the log.
 */
static int run_with_signals(struct program *program, const int *signals, int count)
{
    struct capture capture;
    capture_begin(&capture, STDERR_FILENO);
    int code = program_new(program);
    for (int i = 0; program->daemon && i < count; i++)
        kill(getpid(), signals[i]);
    if (program->daemon)
        code = daemon_run(program->daemon);
    program->log = capture_end(&capture);
    return code;
}

/* How many lines of the log have this event; every line must be JSON of this component. */
static int logged(const struct program *program, const char *event)
{
    int count = 0;
    char *log = strdup(program->log), *line = log;
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        json_t *object = json_loads(line, 0, NULL);
        if (!object)
            fail_msg("%s", line);
        assert_string_equal(json_string_value(json_object_get(object, "component")), "tester");
        count += strcmp(json_string_value(json_object_get(object, "event")), event) == 0;
        json_decref(object);
    }
    free(log);
    return count;
}

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

/* ---- the admin port ---- */

static void assert_answer(struct program *program, const char *request, int status, const char *body)
{
    struct response response;
    char text[256];
    snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\n\r\n", request);
    client_ask(daemon_loop(program->daemon), daemon_admin_port(program->daemon), text, &response);
    if (response.status != status || !strstr(response.body, body))
        fail_msg("%s: %s\n%s", request, response.head, response.body);
    response_free(&response);
}

static void the_admin_port_before_the_start(void **state)
{
    (void)state;
    struct program program;
    program_init(&program);
    program.config.log_level = "error";
    program.missing = "kafka: no broker answers\n";
    program.metrics.things_total = 42;
    assert_int_equal(program_new(&program), EXIT_CODE_OK);
    assert_answer(&program, "GET /livez", 200, "ok\n");
    assert_answer(&program, "HEAD /livez", 200, "");
    assert_answer(&program, "GET /readyz", 503, "not ready; ?verbose tells why\n");
    assert_answer(&program, "GET /readyz?verbose", 503, "starting\nkafka: no broker answers\n");
    program.missing = "";
    assert_answer(&program, "GET /readyz?verbose", 503, "starting\n");
    assert_answer(&program, "GET /metrics", 200, "\nisobar_tester_things_total 42\n");
    assert_answer(&program, "GET /metrics", 200, "# TYPE process_open_fds gauge\n");
    assert_answer(&program, "GET /", 404, "\"Not found\"");
    assert_answer(&program, "GET /livez/", 404, "/livez/");
    assert_answer(&program, "POST /livez", 405, "\"POST\"");
    assert_answer(&program, "DELETE /metrics", 405, "Method not allowed");
    program_free(&program);
}

/* A client on a thread of its own, since daemon_run does not return: blocking sockets, its findings looked at
 * afterwards. */
struct probe {
    struct program *program;
    int port;
    char answers[4][512];
};

static void probe_ask(int port, const char *path, char *answer, size_t size)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char request[128];
    size_t used = 0;
    ssize_t got;
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, request, (size_t)length, MSG_NOSIGNAL) == length) {
        while (used + 1 < size && (got = recv(fd, answer + used, size - 1 - used, 0)) > 0)
            used += (size_t)got;
    }
    answer[used] = '\0';
    close(fd);
}

static void *probe_running(void *arg)
{
    struct probe *probe = arg;
    probe_ask(probe->port, "/readyz", probe->answers[0], sizeof probe->answers[0]);
    probe_ask(probe->port, "/livez", probe->answers[1], sizeof probe->answers[1]);
    kill(getpid(), SIGTERM);
    do /* until the signal has reached the loop */
        probe_ask(probe->port, "/readyz?verbose", probe->answers[2], sizeof probe->answers[2]);
    while (strstr(probe->answers[2], "200 OK"));
    probe_ask(probe->port, "/livez", probe->answers[3], sizeof probe->answers[3]);
    kill(getpid(), SIGTERM);
    return NULL;
}

static void readiness_follows_the_phase(void **state)
{
    (void)state;
    struct program program;
    struct capture capture;
    pthread_t thread;
    program_init(&program);
    program.drain_takes_ms = -1;
    capture_begin(&capture, STDERR_FILENO);
    int code = program_new(&program);
    struct probe probe = {.program = &program, .port = daemon_admin_port(program.daemon)};
    pthread_create(&thread, NULL, probe_running, &probe);
    code = code == EXIT_CODE_OK ? daemon_run(program.daemon) : -1;
    pthread_join(thread, NULL);
    program.log = capture_end(&capture);
    assert_int_equal(code, EXIT_CODE_FAILURE); /* the second signal */
    assert_non_null(strstr(probe.answers[0], "200 OK"));
    assert_non_null(strstr(probe.answers[0], "\r\n\r\nok\n"));
    assert_non_null(strstr(probe.answers[1], "200 OK"));
    assert_non_null(strstr(probe.answers[2], " 503 "));
    assert_non_null(strstr(probe.answers[2], "\r\n\r\ndraining\n"));
    assert_non_null(strstr(probe.answers[3], "200 OK")); /* alive until the end */
    program_free(&program);
}

static void a_broken_pipe_is_an_error_and_no_signal(void **state)
{
    (void)state;
    struct program program;
    int pair[2];
    program_init(&program);
    program.config.log_level = "error";
    assert_int_equal(program_new(&program), EXIT_CODE_OK);
    assert_int_equal(pipe(pair), 0);
    close(pair[0]);
    errno = 0;
    assert_int_equal(write(pair[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(pair[1]);
    program_free(&program);
    daemon_free(NULL);
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
        cmocka_unit_test(the_admin_port_before_the_start),
        cmocka_unit_test(readiness_follows_the_phase),
        cmocka_unit_test(a_broken_pipe_is_an_error_and_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
