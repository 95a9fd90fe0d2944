/* The deadlines of the HTTP server and its limits of connections, on real sockets. */
#include "httpd.h"

#include "http_fixture.h"

#define WATCH_MS 250  /* how often the server looks for what is overdue */
#define BUSY_MS  3000 /* more than a busy machine loses */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_sender_has_an_absolute_deadline),
        cmocka_unit_test(a_silent_connection_is_closed),
        cmocka_unit_test(a_slow_reader_is_given_up_and_blocks_nobody),
        cmocka_unit_test(a_request_on_an_old_connection_has_its_full_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
