/* A program of which the daemon is all. */
#ifndef ISOBAR_TEST_DAEMON_PROGRAM_H
#define ISOBAR_TEST_DAEMON_PROGRAM_H

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

static inline void on_drained(void *arg)
{
    struct program *program = arg;
    daemon_stop(program->daemon, EXIT_CODE_OK);
}

static inline void on_drain(void *arg)
{
    struct program *program = arg;
    program->drains++;
    program->phase_in_drain = daemon_phase(program->daemon);
    if (program->drain_takes_ms == 0)
        on_drained(program);
    else if (program->drain_takes_ms > 0)
        loop_timer_set(program->timer, program->drain_takes_ms, 0);
}

static inline void on_ready(void *arg, struct buf *out)
{
    const struct program *program = arg;
    buf_text(out, program->missing);
}

static inline void program_init(struct program *program)
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

static inline int program_new(struct program *program)
{
    int code = -1;
    program->daemon = daemon_new(&program->config, &code);
    if (program->daemon)
        program->timer = loop_timer_new(daemon_loop(program->daemon), on_drained, program);
    return code;
}

static inline void program_free(struct program *program)
{
    if (program->daemon)
        loop_timer_free(program->timer);
    daemon_free(program->daemon);
    free(program->log);
}

static const int both[] = {SIGTERM, SIGINT};

/* Starts the program, and sends `count` of the signals before the loop runs; returns the exit code and keeps the log.
 */
static inline int run_with_signals(struct program *program, const int *signals, int count)
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
static inline int logged(const struct program *program, const char *event)
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

#endif
