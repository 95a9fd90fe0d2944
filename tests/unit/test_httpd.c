/* The HTTP server's life and deadlines, on real sockets; requests, streams and places have test programs of their own.
 */
#include "httpd.h"

#include "capture.h"
#include "http_fixture.h"

#define GET      "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define WATCH_MS 250  /* how often the server looks for what is overdue */
#define BUSY_MS  3000 /* more than a busy machine loses */

/* ---- keep-alive ---- */

static void a_connection_serves_many_requests(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client client;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){0});
    connect_to(&fixture, &client);
    for (int i = 0; i < 20; i++) {
        client_send(fixture.loop, &client, GET);
        UNTIL(fixture.loop, response_take(&client, false, &response));
        assert_int_equal(response.status, 200);
        response_free(&response);
        assert_int_equal(httpd_connections(fixture.httpd), 1);
    }
    client_send(fixture.loop, &client, GET GET GET); /* pipelined */
    for (int i = 0; i < 3; i++) {
        UNTIL(fixture.loop, response_take(&client, false, &response));
        response_free(&response);
    }
    assert_int_equal(fixture.handled, 23);
    client_close(&client, false);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

static void a_client_may_ask_to_close(void **state)
{
    (void)state;
    static const char *const requests[] = {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                                           "GET / HTTP/1.0\r\n\r\n"};
    struct fixture fixture;
    fixture_start(&fixture, (struct httpd_config){0});
    for (int i = 0; i < 2; i++) {
        struct client client;
        connect_to(&fixture, &client);
        client_send(fixture.loop, &client, requests[i]);
        UNTIL(fixture.loop, client_ended(&client));
        assert_non_null(strstr(client.in.data, " 200 "));
        client_close(&client, false);
    }
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

/* ---- what is no request ---- */

static void nonsense_is_refused_before_the_handler(void **state)
{
    (void)state;
    static const char *const nonsense[] = {
        "\r\n\r\nhello\r\n\r\n",
        "GET\r\n\r\n",
        "GET / FTP/9\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", /* TLS */
    };
    struct fixture fixture;
    fixture_start(&fixture, (struct httpd_config){.deadline_ms = 300});
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct client client;
        connect_to(&fixture, &client);
        client_send(fixture.loop, &client, nonsense[i]);
        UNTIL(fixture.loop, client_ended(&client)); /* by an error, or by the deadline */
        if (client.in.size > 0 && strncmp(client.in.data + 8, " 4", 2) != 0 &&
            strncmp(client.in.data + 8, " 5", 2) != 0)
            fail_msg("'%s': %s", nonsense[i], client.in.data);
        client_close(&client, false);
    }
    assert_int_equal(fixture.handled, 0);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

/* A request whose header has `size` bytes of padding in one line; `in_path` puts them there. */
static int padded_status(struct fixture *fixture, size_t size, bool in_path)
{
    struct buf request = BUF_EMPTY;
    struct client client;
    char *padding = malloc(size + 1);
    memset(padding, 'p', size);
    padding[size] = '\0';
    buf_printf(&request, "GET /%s HTTP/1.1\r\nHost: x\r\nX-Pad: %s\r\n\r\n", in_path ? padding : "",
               in_path ? "" : padding);
    connect_to(fixture, &client);
    (void)client_send_bytes(fixture->loop, &client, request.data, request.size);
    UNTIL(fixture->loop, client_ended(&client) || strstr(client.in.data, "\r\n\r\n"));
    int status = client.in.size > 12 ? atoi(client.in.data + 9) : 0; /* 0: closed without an answer */
    client_close(&client, false);
    buf_release(&request);
    free(padding);
    return status;
}

static void a_header_has_a_limit(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, (struct httpd_config){.deadline_ms = 2000});
    assert_int_equal(padded_status(&fixture, 7000, false), 200);
    assert_int_equal(padded_status(&fixture, 3000, true), 200);
    assert_int_equal(fixture.handled, 2);
    static const size_t sizes[] = {13000, 50000, 1000000};
    for (int i = 0; i < 6; i++) {
        int status = padded_status(&fixture, sizes[i / 2], i % 2);
        assert_true(status == 0 || status == 413 || status == 414 || status == 431);
    }
    assert_int_equal(fixture.handled, 2);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

/* ---- bodies ---- */

/* Posts `size` bytes; returns the status, or 0 when the connection was closed without an answer. */
static int post(struct fixture *fixture, size_t size, bool chunked)
{
    struct buf request = BUF_EMPTY;
    struct client client;
    buf_text(&request, "POST /echo HTTP/1.1\r\nHost: x\r\n");
    if (chunked)
        buf_printf(&request, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", size);
    else
        buf_printf(&request, "Content-Length: %zu\r\n\r\n", size);
    memset(buf_reserve(&request, size), 'b', size);
    buf_advance(&request, size);
    buf_text(&request, chunked ? "\r\n0\r\n\r\n" : "");
    connect_to(fixture, &client);
    (void)client_send_bytes(fixture->loop, &client, request.data, request.size);
    struct response response = {0};
    bool answered = false;
    UNTIL(fixture->loop, (answered = response_take(&client, false, &response)) || client_ended(&client));
    int status = response.status;
    if (status == 200) {
        char expected[32];
        snprintf(expected, sizeof expected, " size=%zu body=b", size);
        assert_non_null(strstr(response.body, expected));
        assert_int_equal(strspn(strstr(response.body, "body=") + 5, "b"), size);
    }
    if (answered)
        response_free(&response);
    client_close(&client, false);
    buf_release(&request);
    return status;
}

static void a_body_has_a_limit(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, (struct httpd_config){0});
    for (int chunked = 0; chunked < 2; chunked++) {
        assert_int_equal(post(&fixture, 1, chunked), 200);
        assert_int_equal(post(&fixture, 64 * 1024, chunked), 200);
        int handled = fixture.handled;
        assert_int_equal(post(&fixture, 64 * 1024 + 1, chunked), 413);
        assert_int_equal(post(&fixture, 1024 * 1024, chunked), 413);
        assert_int_equal(fixture.handled, handled);
    }
    int status = post(&fixture, 8 * 1024 * 1024, false); /* told from the header; the answer may be lost in the reset */
    assert_true(status == 413 || status == 0);
    assert_int_equal(post(&fixture, 8 * 1024 * 1024, true), 0);
    assert_int_equal(fixture.handled, 4);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

static void a_large_body_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    struct fixture fixture;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){0});
    ask(&fixture, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", &response);
    assert_true(response.status == 413 || response.status == 400);
    response_free(&response);
    ask(&fixture, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\nExpect: 100-continue\r\n\r\n", &response);
    assert_int_equal(response.status, 413);
    response_free(&response);
    assert_int_equal(fixture.handled, 0);
    fixture_stop(&fixture);
}

/* ---- deadlines ---- */

/* Sends `text` a byte at a time until the server closes; returns after how many ms that was. */
static int64_t drip(struct fixture *fixture, struct client *client, const char *text)
{
    int64_t start = clock_monotonic_ms(), next = start;
    size_t at = 0;
    UNTIL(fixture->loop, ({
              if (clock_monotonic_ms() >= next && text[at] && client_write(client, text + at, 1) == 1) {
                  at++;
                  next = clock_monotonic_ms() + 20;
              }
              client_ended(client);
          }));
    assert_true(text[at] != '\0'); /* there was more to come */
    return clock_monotonic_ms() - start;
}

static void a_slow_sender_has_an_absolute_deadline(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client slow;
    char text[1000];
    fixture_start(&fixture, (struct httpd_config){.deadline_ms = 400});
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, "GET /", 5);
    connect_to(&fixture, &slow);
    assert_in_range(drip(&fixture, &slow, text), 400, 400 + WATCH_MS + BUSY_MS);
    client_close(&slow, false);
    connect_to(&fixture, &slow); /* a quick header, a slow body */
    client_send(fixture.loop, &slow, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n");
    assert_in_range(drip(&fixture, &slow, text), 300, 800 + WATCH_MS + BUSY_MS);
    client_close(&slow, false);
    assert_int_equal(fixture.handled, 0);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

static void a_silent_connection_is_closed(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client fresh, used;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){.deadline_ms = 300});
    int64_t start = clock_monotonic_ms();
    connect_to(&fixture, &fresh);
    connect_to(&fixture, &used);
    client_send(fixture.loop, &used, GET);
    UNTIL(fixture.loop, response_take(&used, false, &response));
    response_free(&response);
    UNTIL(fixture.loop, client_ended(&fresh));
    UNTIL(fixture.loop, client_ended(&used));
    assert_in_range(clock_monotonic_ms() - start, 300, 300 + WATCH_MS + BUSY_MS);
    client_close(&fresh, false);
    client_close(&used, false);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

static void a_slow_reader_is_given_up_and_blocks_nobody(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client slow, other;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){.deadline_ms = 800});
    client_open(&slow, httpd_port(fixture.httpd), NULL, 4096);
    connect_to(&fixture, &other);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 2);
    int64_t start = clock_monotonic_ms();
    client_send(fixture.loop, &slow, "GET /big?n=10000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(fixture.loop, fixture.handled == 1);
    int served = 0;
    do { /* meanwhile another one is served */
        client_send(fixture.loop, &other, GET);
        UNTIL(fixture.loop, response_take(&other, false, &response));
        response_free(&response);
        served++;
        assert_true(clock_monotonic_ms() - start < LIMIT_MS);
    } while (httpd_connections(fixture.httpd) == 2);
    assert_true(served >= 2);
    assert_in_range(clock_monotonic_ms() - start, 799, 2 * 800 + WATCH_MS + BUSY_MS);
    client_close(&slow, false);
    client_close(&other, false);
    fixture_stop(&fixture);
}

static void a_request_on_an_old_connection_has_its_full_time(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client client;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){.deadline_ms = 3000});
    connect_to(&fixture, &client);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 1);
    int64_t start = clock_monotonic_ms();
    UNTIL(fixture.loop, clock_monotonic_ms() >= start + 2000);
    client_send(fixture.loop, &client, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(fixture.loop, fixture.deferred);
    UNTIL(fixture.loop, clock_monotonic_ms() >= start + 3500);
    httpd_reply(fixture.deferred, 200, "text/plain", "done", 4);
    UNTIL(fixture.loop, response_take(&client, false, &response));
    assert_string_equal(response.body, "done");
    response_free(&response);
    client_close(&client, false);
    fixture_stop(&fixture);
}

/* ---- life ---- */

static void listening_fails_with_a_reason(void **state)
{
    (void)state;
    struct fixture fixture;
    struct buf error = BUF_EMPTY;
    char expected[64];
    fixture_start(&fixture, (struct httpd_config){0});
    struct httpd_config config = {.bind = "127.0.0.1",
                                  .port = httpd_port(fixture.httpd),
                                  .connections = 1,
                                  .connections_per_address = 1,
                                  .deadline_ms = 1000};
    assert_null(httpd_new(fixture.loop, &config, on_request, &fixture, &error));
    snprintf(expected, sizeof expected, "127.0.0.1:%d: Address already in use", config.port);
    assert_string_equal(error.data, expected);
    assert_null(httpd_new(fixture.loop, &config, on_request, &fixture, NULL));
    static const char *const names[] = {"example.org", "", "127.0.0.1.2", "::zz", "*"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        buf_reset(&error);
        config.bind = names[i];
        assert_null(httpd_new(fixture.loop, &config, on_request, &fixture, &error));
        assert_non_null(strstr(error.data, "is not a numeric address"));
    }
    buf_reset(&error);
    config.bind = "192.0.2.1"; /* TEST-NET: not an address of this machine */
    assert_null(httpd_new(fixture.loop, &config, on_request, &fixture, &error));
    assert_non_null(strstr(error.data, "192.0.2.1:"));
    buf_release(&error);
    fixture_stop(&fixture);
}

static void localhost_and_a_port_that_is_free_again(void **state)
{
    (void)state;
    struct fixture fixture;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){.bind = "localhost"});
    int port = httpd_port(fixture.httpd);
    ask(&fixture, GET, &response);
    response_free(&response);
    fixture_stop(&fixture);
    fixture_start(&fixture, (struct httpd_config){.port = port}); /* at once, whatever lingers */
    assert_int_equal(httpd_port(fixture.httpd), port);
    ask(&fixture, GET, &response);
    response_free(&response);
    fixture_stop(&fixture);
    httpd_free(NULL);
}

static void ipv6_loopback(void **state)
{
    (void)state;
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool here = probe >= 0 && bind(probe, (const struct sockaddr *)&to, sizeof to) == 0;
    if (probe >= 0)
        close(probe);
    if (!here)
        skip(); /* the machine has no IPv6 */
    struct fixture fixture;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){.bind = "::1"});
    struct client client = {.fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .in = BUF_EMPTY};
    to.sin6_port = htons((uint16_t)httpd_port(fixture.httpd));
    (void)connect(client.fd, (const struct sockaddr *)&to, sizeof to);
    client_send(fixture.loop, &client, GET);
    UNTIL(fixture.loop, response_take(&client, false, &response));
    assert_int_equal(response.status, 200);
    response_free(&response);
    client_close(&client, false);
    fixture_stop(&fixture);
}

/* The server is freed in every state that a connection can be in. */
static void stopping_closes_everything(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "GET / HT",
                                        GET,
                                        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12",
                                        "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
                                        "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n",
                                        "GET /big?n=20000000 HTTP/1.1\r\nHost: x\r\n\r\n"};
    enum { COUNT = sizeof texts / sizeof *texts };
    for (int turns = 0; turns < 6; turns++) { /* with requests that are in the sockets, not read yet, too */
        struct fixture fixture;
        struct client clients[COUNT];
        fixture_start(&fixture, (struct httpd_config){0});
        for (int i = 0; i < COUNT; i++) {
            connect_to(&fixture, &clients[i]);
            UNTIL(fixture.loop, httpd_connections(fixture.httpd) == i + 1);
            if (*texts[i])
                assert_int_equal(client_write(&clients[i], texts[i], strlen(texts[i])), strlen(texts[i]));
        }
        for (int i = 0; i < turns; i++)
            turn(fixture.loop);
        for (int i = 0; i < fixture.opened; i++)
            stream_text(fixture.streams[i], "data: last\n\n");
        fixture_stop(&fixture);
        for (int i = 0; i < COUNT; i++) {
            int64_t limit = clock_monotonic_ms() + LIMIT_MS;
            while (!client_ended(&clients[i]))
                assert_true(clock_monotonic_ms() < limit);
            client_close(&clients[i], false);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_many_requests),
        cmocka_unit_test(a_client_may_ask_to_close),
        cmocka_unit_test(nonsense_is_refused_before_the_handler),
        cmocka_unit_test(a_header_has_a_limit),
        cmocka_unit_test(a_body_has_a_limit),
        cmocka_unit_test(a_large_body_is_refused_before_it_is_sent),
        cmocka_unit_test(a_slow_sender_has_an_absolute_deadline),
        cmocka_unit_test(a_silent_connection_is_closed),
        cmocka_unit_test(a_slow_reader_is_given_up_and_blocks_nobody),
        cmocka_unit_test(a_request_on_an_old_connection_has_its_full_time),
        cmocka_unit_test(listening_fails_with_a_reason),
        cmocka_unit_test(localhost_and_a_port_that_is_free_again),
        cmocka_unit_test(ipv6_loopback),
        cmocka_unit_test(stopping_closes_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
