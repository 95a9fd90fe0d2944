/* The admin port of daemons, from before the start to the end. */
#include "daemon_program.h"

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
        cmocka_unit_test(the_admin_port_before_the_start),
        cmocka_unit_test(readiness_follows_the_phase),
        cmocka_unit_test(a_broken_pipe_is_an_error_and_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
