/* Transfers against an HTTP server on the same loop: what libcurl must do, and above all what it must not. */
#include "httpd.h"
#include "loop_kit.h"
#include "transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct loop *loop;
    struct httpd *httpd;
    struct transfers *transfers;
    struct transfer_config config;
    struct netlist allowed;
    int requests, elsewhere;
    char agent[64], query[64], method[8], header[64];
    struct buf posted;
    /* of the last transfer */
    int ends, want;
    bool done;
    struct transfer_result result;
    struct buf body;
    char reason[256];
    void *opaque;
    const char *again; /* URL to start from inside of the callback, once */
};

static void reply_bytes(struct httpd_request *request, size_t size)
{
    char *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 'x', size);
    httpd_reply(request, 200, "application/json", bytes, size);
    free(bytes);
}

static void on_request(void *arg, struct httpd_request *request)
{
    struct fixture *fixture = arg;
    const char *path = httpd_path(request), *agent = httpd_header(request, "User-Agent"),
               *query = httpd_query(request, "appid");
    size_t size;
    const char *bytes = httpd_body(request, &size), *header = httpd_header(request, "X-Test");
    fixture->requests++;
    buf_reset(&fixture->posted);
    buf_append(&fixture->posted, bytes, size);
    snprintf(fixture->method, sizeof fixture->method, "%s", httpd_method(request));
    snprintf(fixture->header, sizeof fixture->header, "%s", header ? header : "");
    snprintf(fixture->agent, sizeof fixture->agent, "%s", agent ? agent : "");
    snprintf(fixture->query, sizeof fixture->query, "%s", query ? query : "");
    if (strcmp(path, "/redirect") == 0) {
        httpd_reply_header(request, "Location", "/elsewhere");
        httpd_reply(request, 302, "text/plain", "", 0);
    } else if (strcmp(path, "/elsewhere") == 0) {
        fixture->elsewhere++;
        httpd_reply(request, 200, "text/plain", "no", 2);
    } else if (strcmp(path, "/later") == 0) {
        httpd_reply_header(request, "Retry-After", "7");
        httpd_reply(request, 429, "text/plain", "slow down", 9);
    } else if (strcmp(path, "/much_later") == 0) {
        httpd_reply_header(request, "Retry-After", "99999999999");
        httpd_reply(request, 503, "text/plain", "", 0);
    } else if (strcmp(path, "/nonsense_later") == 0) {
        httpd_reply_header(request, "Retry-After", "soon");
        httpd_reply(request, 503, "text/plain", "", 0);
    } else if (strcmp(path, "/cap") == 0) {
        reply_bytes(request, TRANSFER_BODY_MAX);
    } else if (strcmp(path, "/over") == 0) {
        reply_bytes(request, TRANSFER_BODY_MAX + 1);
    } else if (strcmp(path, "/hang") == 0) {
        (void)httpd_reply_stream(request, "application/json", NULL, NULL);
    } else {
        httpd_reply(request, 200, "application/json", "{\"a\":1}", 7);
    }
}

static void start(struct fixture *fixture, const char *path, void *opaque);

static void on_done(void *arg, void *opaque, const struct transfer_result *result)
{
    struct fixture *fixture = arg;
    fixture->ends++;
    fixture->opaque = opaque;
    fixture->result = *result;
    buf_reset(&fixture->body);
    buf_append(&fixture->body, result->body, result->size);
    snprintf(fixture->reason, sizeof fixture->reason, "%s", result->reason);
    if (fixture->again) {
        const char *path = fixture->again;
        fixture->again = NULL;
        start(fixture, path, NULL);
        assert_int_equal(result->size, fixture->body.size); /* still ours */
        assert_memory_equal(result->body, fixture->body.data, result->size);
    }
    if (fixture->ends >= fixture->want)
        fixture->done = true;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct httpd_config listen = {
        .bind = "127.0.0.1", .connections = 60, .streams = 10, .connections_per_address = 50, .deadline_ms = 60000};
    assert_non_null(fixture);
    buf_init(&fixture->body);
    buf_init(&fixture->posted);
    fixture->loop = loop_new();
    fixture->httpd = httpd_new(fixture->loop, &listen, on_request, fixture, NULL);
    assert_non_null(fixture->httpd);
    fixture->config = (struct transfer_config){.allow_http = true,
                                               .agent = "isobar-fetcher",
                                               .proxy = "",
                                               .ca_file = "",
                                               .allowed = &fixture->allowed,
                                               .concurrency = 4,
                                               .connect_timeout_ms = 2000,
                                               .timeout_ms = 5000};
    netlist_add_host(&fixture->allowed, "localhost");
    *state = fixture;
    return 0;
}

static void open_transfers(struct fixture *fixture)
{
    struct buf error = BUF_EMPTY;
    fixture->transfers = transfers_new(fixture->loop, &fixture->config, on_done, fixture, &error);
    assert_non_null(fixture->transfers);
    buf_release(&error);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    transfers_free(fixture->transfers);
    httpd_free(fixture->httpd);
    loop_free(fixture->loop);
    buf_release(&fixture->body);
    buf_release(&fixture->posted);
    free(fixture);
    return 0;
}

static void start(struct fixture *fixture, const char *path, void *opaque)
{
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", httpd_port(fixture->httpd), path);
    assert_int_equal(transfers_start(fixture->transfers, url, opaque), 0);
}

static void wait_for(struct fixture *fixture, int ends)
{
    fixture->want = ends;
    fixture->done = fixture->ends >= ends;
    assert_int_equal(loop_run_until(fixture->loop, &fixture->done, LIMIT_MS), 0);
}

static void get(struct fixture *fixture, const char *path)
{
    start(fixture, path, fixture);
    wait_for(fixture, fixture->ends + 1);
}

static void test_an_answer_arrives_whole(void **state)
{
    struct fixture *fixture = *state;
    open_transfers(fixture);
    get(fixture, "/x?appid=k%26");
    assert_int_equal(fixture->result.end, TRANSFER_ANSWERED);
    assert_int_equal(fixture->result.http_status, 200);
    assert_string_equal(fixture->body.data, "{\"a\":1}");
    assert_int_equal(fixture->result.retry_after_ms, -1);
    assert_ptr_equal(fixture->opaque, fixture);
    assert_string_equal(fixture->query, "k&");
    assert_string_equal(fixture->agent, "isobar-fetcher/" ISOBAR_VERSION);
    assert_int_equal(transfers_running(fixture->transfers), 0);
}

static void test_a_post_arrives_whole(void **state)
{
    static const char *const headers[] = {"X-Test: yes", "Content-Type: application/json"};
    struct fixture *fixture = *state;
    char url[256];
    open_transfers(fixture);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/over?appid=1", httpd_port(fixture->httpd));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(transfers_post(fixture->transfers, url, headers, 2, "a\0b", 3, fixture), 0);
        wait_for(fixture, fixture->ends + 1);
        assert_string_equal(fixture->method, "POST");
        assert_string_equal(fixture->header, "yes");
        assert_int_equal(fixture->posted.size, 3);
        assert_memory_equal(fixture->posted.data, "a\0b", 3);
        assert_int_equal(fixture->result.end, TRANSFER_ANSWERED); /* of a size that a GET would not take */
        assert_int_equal(fixture->result.http_status, 200);
        assert_int_equal(fixture->body.size, 0);
        get(fixture, "/x"); /* the same handle: nothing of the POST is left */
        assert_string_equal(fixture->method, "GET");
        assert_string_equal(fixture->header, "");
        assert_int_equal(fixture->posted.size, 0);
        assert_string_equal(fixture->body.data, "{\"a\":1}");
    }
}

static void test_whole_urls(void **state)
{
    static const struct {
        const char *text;
        bool allow_http, good;
    } rows[] = {{"https://example.org/a?b=c", false, true},
                {"http://example.org/a", true, true},
                {"http://example.org/a", false, false},
                {"https://u@example.org/", true, false},
                {"https://example.org/#f", true, false},
                {"file:///etc/passwd", true, false},
                {"", true, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf error = BUF_EMPTY;
        assert_int_equal(transfer_check_url(rows[i].text, rows[i].allow_http, &error), rows[i].good ? 0 : ERR_INVALID);
        assert_int_equal(error.size == 0, rows[i].good);
        buf_release(&error);
    }
}

static void test_redirects_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    open_transfers(fixture);
    get(fixture, "/redirect");
    assert_int_equal(fixture->result.end, TRANSFER_ANSWERED);
    assert_int_equal(fixture->result.http_status, 302);
    assert_int_equal(fixture->elsewhere, 0);
    assert_int_equal(fixture->requests, 1);
}

static void test_retry_after(void **state)
{
    struct fixture *fixture = *state;
    open_transfers(fixture);
    get(fixture, "/later");
    assert_int_equal(fixture->result.http_status, 429);
    assert_int_equal(fixture->result.retry_after_ms, 7000);
    get(fixture, "/much_later");
    assert_int_equal(fixture->result.http_status, 503);
    assert_true(fixture->result.retry_after_ms <= INT64_C(7) * 24 * 3600 * 1000);
    get(fixture, "/nonsense_later");
    assert_int_equal(fixture->result.retry_after_ms, -1);
}

static void test_bodies_are_capped(void **state)
{
    struct fixture *fixture = *state;
    open_transfers(fixture);
    get(fixture, "/cap");
    assert_int_equal(fixture->result.end, TRANSFER_ANSWERED);
    assert_int_equal(fixture->body.size, TRANSFER_BODY_MAX);
    get(fixture, "/over");
    assert_int_equal(fixture->result.end, TRANSFER_TOO_LARGE);
    assert_true(fixture->body.size <= TRANSFER_BODY_MAX);
    get(fixture, "/x");
    assert_int_equal(fixture->result.end, TRANSFER_ANSWERED);
}

static void test_a_server_that_stalls_is_given_up(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.timeout_ms = 300;
    open_transfers(fixture);
    int64_t before = clock_monotonic_ms();
    get(fixture, "/hang?appid=SECRET");
    assert_int_equal(fixture->result.end, TRANSFER_TIMEOUT);
    assert_true(clock_monotonic_ms() - before < 3000);
    assert_true(*fixture->reason != '\0');
    assert_null(strstr(fixture->reason, "SECRET"));
}

/* A port of this machine on which nobody listens. */
static int dead_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void test_nobody_listens(void **state)
{
    struct fixture *fixture = *state;
    char url[128];
    open_transfers(fixture);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/x?appid=SECRET", dead_port());
    assert_int_equal(transfers_start(fixture->transfers, url, NULL), 0);
    wait_for(fixture, 1);
    assert_int_equal(fixture->result.end, TRANSFER_NETWORK);
    assert_non_null(strstr(fixture->reason, "127.0.0.1"));
    assert_null(strstr(fixture->reason, "SECRET"));
}

static void test_http_is_refused_unless_allowed_and_files_always(void **state)
{
    struct fixture *fixture = *state;
    static const char *const urls[] = {"file:///etc/passwd?SECRET", "ftp://127.0.0.1/SECRET",
                                       "gopher://127.0.0.1/SECRET", "nonsense:SECRET", "http://127.0.0.1:99999/SECRET"};
    fixture->config.allow_http = false;
    open_transfers(fixture);
    get(fixture, "/x?appid=SECRET");
    assert_int_equal(fixture->result.end, TRANSFER_NETWORK);
    assert_int_equal(fixture->requests, 0);
    assert_null(strstr(fixture->reason, "SECRET"));
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        if (transfers_start(fixture->transfers, urls[i], NULL) != 0)
            continue;
        wait_for(fixture, fixture->ends + 1);
        assert_int_equal(fixture->result.end, TRANSFER_NETWORK);
        assert_int_equal(fixture->result.size, 0);
        assert_null(strstr(fixture->reason, "SECRET"));
    }
}

/* TLS to a server without it must fail, not fall back. */
static void test_https_does_not_fall_back(void **state)
{
    struct fixture *fixture = *state;
    char url[128];
    open_transfers(fixture);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/x", httpd_port(fixture->httpd));
    assert_int_equal(transfers_start(fixture->transfers, url, NULL), 0);
    wait_for(fixture, 1);
    assert_int_equal(fixture->result.end, TRANSFER_NETWORK);
    assert_int_equal(fixture->requests, 0);
}

static void test_only_a_configured_proxy_is_used(void **state)
{
    struct fixture *fixture = *state;
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", dead_port());
    setenv("http_proxy", proxy, 1);
    setenv("all_proxy", proxy, 1);
    open_transfers(fixture);
    get(fixture, "/x");
    assert_int_equal(fixture->result.end, TRANSFER_ANSWERED);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    transfers_free(fixture->transfers);
    fixture->config.proxy = proxy;
    setenv("no_proxy", "127.0.0.1", 1);
    open_transfers(fixture);
    get(fixture, "/x");
    assert_int_equal(fixture->result.end, TRANSFER_NETWORK);
    unsetenv("no_proxy");
}

static void test_no_more_than_the_limit_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    open_transfers(fixture);
    for (int i = 0; i < 4; i++)
        start(fixture, "/x", NULL);
    assert_int_equal(transfers_running(fixture->transfers), 4);
    assert_int_equal(transfers_start(fixture->transfers, "http://127.0.0.1:1/", NULL), ERR_BUSY);
    wait_for(fixture, 4);
    assert_int_equal(transfers_running(fixture->transfers), 0);
    assert_int_equal(fixture->requests, 4);
    start(fixture, "/x", NULL);
    wait_for(fixture, 5);
}

static void test_a_callback_may_start_the_next(void **state)
{
    struct fixture *fixture = *state;
    fixture->config.concurrency = 1;
    open_transfers(fixture);
    fixture->again = "/later";
    start(fixture, "/x", NULL);
    wait_for(fixture, 2);
    assert_int_equal(fixture->result.http_status, 429);
}

static void test_connections_are_kept(void **state)
{
    struct fixture *fixture = *state;
    open_transfers(fixture);
    for (int i = 0; i < 20; i++)
        get(fixture, "/x");
    assert_int_equal(fixture->requests, 20);
    assert_int_equal(httpd_connections(fixture->httpd), 1);
}

static void test_what_is_aborted_is_never_reported(void **state)
{
    struct fixture *fixture = *state;
    int marks[3];
    open_transfers(fixture);
    for (int i = 0; i < 3; i++)
        start(fixture, "/hang", &marks[i]);
    run_for(fixture->loop, 100);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(transfers_abort(fixture->transfers), &marks[i]);
    assert_null(transfers_abort(fixture->transfers));
    assert_int_equal(transfers_running(fixture->transfers), 0);
    get(fixture, "/x");
    assert_int_equal(fixture->ends, 1);
    start(fixture, "/hang", marks); /* and what runs at the end is freed */
}

static void test_base_urls(void **state)
{
    static const struct {
        const char *text;
        bool allow_http;
        const char *want; /* NULL: refused */
    } cases[] = {
        {"https://api.example.org", false, "https://api.example.org"},
        {"https://api.example.org/", false, "https://api.example.org"},
        {"https://api.example.org:8443/base//", false, "https://api.example.org:8443/base"},
        {"https://[::1]:1", false, "https://[::1]:1"},
        {"http://127.0.0.1:1", true, "http://127.0.0.1:1"},
        {"http://127.0.0.1:1", false, NULL},
        {"api.example.org", false, NULL},
        {"", false, NULL},
        {"https://", false, NULL},
        {"ftp://h", true, NULL},
        {"file:///etc/passwd", true, NULL},
        {"https://user@h", false, NULL},
        {"https://user:password@h", false, NULL},
        {"https://h?x=1", false, NULL},
        {"https://h?", false, NULL},
        {"https://h/#", false, NULL},
        {"https://h/#x", false, NULL},
        {"https://h:99999", false, NULL},
        {"https://a b", false, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_EMPTY, error = BUF_EMPTY;
        int status = transfer_base_url(cases[i].text, cases[i].allow_http, &out, &error);
        if ((status == 0) != (cases[i].want != NULL))
            fail_msg("'%s': %d %s", cases[i].text, status, error.data);
        assert_string_equal(out.data, cases[i].want ? cases[i].want : "");
        assert_int_equal(error.size > 0, cases[i].want == NULL);
        buf_release(&out);
        buf_release(&error);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_arrives_whole),
        TEST(test_a_post_arrives_whole),
        TEST(test_redirects_are_not_followed),
        TEST(test_retry_after),
        TEST(test_bodies_are_capped),
        TEST(test_a_server_that_stalls_is_given_up),
        TEST(test_nobody_listens),
        TEST(test_http_is_refused_unless_allowed_and_files_always),
        TEST(test_https_does_not_fall_back),
        TEST(test_only_a_configured_proxy_is_used),
        TEST(test_no_more_than_the_limit_at_a_time),
        TEST(test_a_callback_may_start_the_next),
        TEST(test_connections_are_kept),
        TEST(test_what_is_aborted_is_never_reported),
        cmocka_unit_test(test_base_urls),
        cmocka_unit_test(test_whole_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
