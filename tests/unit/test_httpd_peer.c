/* Who has the places of an HTTP server, and who gives way when all are taken, on real sockets. */
#include "httpd.h"

#include "capture.h"
#include "http_fixture.h"

#define GET      "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define STREAM   "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
#define WATCH_MS 250  /* how often the server looks for what is overdue */
#define BUSY_MS  3000 /* more than a busy machine loses */
#define PLACES   64
#define HELD     200

/* A stream for which there is no place is told so. */
static void expect_refusal(struct fixture *fixture, struct client *client, const char *from, const char *words)
{
    struct response response;
    client_open(client, httpd_port(fixture->httpd), from, 0);
    client_send(fixture->loop, client, STREAM);
    UNTIL(fixture->loop, response_take(client, false, &response));
    assert_int_equal(response.status, 503);
    assert_memory_equal(head_find(response.head, "Retry-After"), "5\r\n", 3);
    assert_non_null(strstr(response.body, "Too many live streams"));
    assert_non_null(strstr(response.body, words));
    response_free(&response);
    client_close(client, false);
}

static void open_from(struct fixture *fixture, struct client *client, const char *from)
{
    int open = fixture->open;
    client_open(client, httpd_port(fixture->httpd), from, 0);
    client_send(fixture->loop, client, STREAM);
    UNTIL(fixture->loop, fixture->open == open + 1);
}

static void streams_in_all_are_limited(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client clients[4], more;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){.connections = 5, .streams = 3});
    for (int i = 0; i < 3; i++)
        open_from(&fixture, &clients[i], NULL);
    for (int i = 0; i < 3; i++)
        expect_refusal(&fixture, &more, NULL, "all 3 places");
    ask(&fixture, GET, &response); /* streams take no places of others */
    assert_int_equal(response.status, 200);
    response_free(&response);
    client_close(&clients[0], true);
    UNTIL(fixture.loop, fixture.open == 2);
    open_from(&fixture, &clients[3], NULL);
    for (int i = 1; i < 4; i++) {
        assert_false(client_ended(&clients[i]));
        client_close(&clients[i], false);
    }
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

static void streams_per_address_are_limited(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client mine[2], others[2], more;
    fixture_start(&fixture, (struct httpd_config){.connections_per_address = 2});
    for (int i = 0; i < 2; i++) {
        open_from(&fixture, &mine[i], "127.0.0.8");
        open_from(&fixture, &others[i], "127.0.0.9");
    }
    expect_refusal(&fixture, &more, "127.0.0.8", "2 live streams of this address");
    client_close(&mine[0], false);
    UNTIL(fixture.loop, fixture.open == 3);
    open_from(&fixture, &mine[0], "127.0.0.8");
    for (int i = 0; i < 2; i++) {
        client_close(&mine[i], false);
        client_close(&others[i], false);
    }
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

/* A server without streams says so, too. */
static void a_server_may_have_no_streams(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture, (struct httpd_config){.connections = 5});
    expect_refusal(&fixture, &client, NULL, "all 0 places");
    fixture_stop(&fixture);
}

/* `text`: what each of those who hold the places has sent. */
static void probe_beside(const char *text)
{
    struct fixture fixture;
    static struct client held[HELD], streams[8];
    struct response response;
    fixture_start(&fixture, (struct httpd_config){.connections = PLACES, .streams = 8});
    for (int i = 0; i < 8; i++) {
        connect_to(&fixture, &streams[i]);
        client_send(fixture.loop, &streams[i], STREAM);
        UNTIL(fixture.loop, fixture.open == i + 1);
    }
    for (int i = 0; i < HELD; i++) {
        connect_to(&fixture, &held[i]);
        assert_int_equal(client_write(&held[i], text, strlen(text)), strlen(text));
    }
    for (int probe = 0; probe < 5; probe++) {
        int64_t start = clock_monotonic_ms();
        ask(&fixture, GET, &response);
        assert_int_equal(response.status, 200);
        response_free(&response);
        assert_in_range(clock_monotonic_ms() - start, 0, 1000);
        assert_true(httpd_connections(fixture.httpd) <= PLACES);
    }
    assert_int_equal(fixture.open, 8); /* none of the streams has gone */
    stream_text(fixture.streams[0], "data: still there\n\n");
    UNTIL(fixture.loop, client_has(&streams[0], "still there"));
    for (int i = 0; i < HELD; i++)
        client_close(&held[i], false);
    for (int i = 0; i < 8; i++)
        client_close(&streams[i], false);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

static void idle_connections_give_way(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "GET / HTTP/1.1\r\nHost:", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1", GET};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        probe_beside(texts[i]);
}

/* Who has said what it wants, and waits for us, is not thrown out for others. */
static void a_request_that_waits_for_its_answer_stays(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client waits, other[6];
    struct response response;
    fixture_start(&fixture, (struct httpd_config){.connections = 2});
    connect_to(&fixture, &waits);
    client_send(fixture.loop, &waits, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(fixture.loop, fixture.deferred);
    for (int i = 0; i < 6; i++)
        connect_to(&fixture, &other[i]);
    ask(&fixture, GET, &response);
    response_free(&response);
    httpd_reply(fixture.deferred, 200, "text/plain", "done", 4);
    UNTIL(fixture.loop, response_take(&waits, false, &response));
    assert_string_equal(response.body, "done");
    response_free(&response);
    client_close(&waits, false);
    for (int i = 0; i < 6; i++)
        client_close(&other[i], false);
    fixture_stop(&fixture);
}

/* ---- a process that did not run ---- */

static void pass_time(void *arg)
{
    int64_t end = clock_monotonic_ms() + *(int64_t *)arg;
    while (clock_monotonic_ms() < end)
        ; /* as a SIGSTOP would */
}

static void time_in_which_the_server_did_not_run_is_not_the_clients(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client before, queued;
    struct response response;
    int64_t stopped_ms = 900;
    fixture_start(&fixture, (struct httpd_config){.deadline_ms = 600});
    struct loop_timer *stop = loop_timer_new(fixture.loop, pass_time, &stopped_ms);
    connect_to(&fixture, &before);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 1);
    loop_timer_set(stop, 0, 0);
    connect_to(&fixture, &queued);
    UNTIL(fixture.loop, !loop_timer_armed(stop));
    int64_t resumed_ms = clock_monotonic_ms();
    UNTIL(fixture.loop, clock_monotonic_ms() > resumed_ms + 150);
    struct client *clients[] = {&before, &queued};
    for (int i = 0; i < 2; i++) {
        client_send(fixture.loop, clients[i], GET);
        UNTIL(fixture.loop, response_take(clients[i], false, &response) || client_ended(clients[i]));
        assert_int_equal(response.status, 200);
        response_free(&response);
        client_close(clients[i], false);
    }
    loop_timer_free(stop);
    fixture_stop(&fixture);
}

/* Clients that gave up in the listen queue, in the middle of their header, do not hold their places. */
static void half_a_header_and_gone_makes_room(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client gone[12];
    struct response response;
    fixture_start(&fixture, (struct httpd_config){.connections = 3});
    for (int i = 0; i < 12; i++) {
        connect_to(&fixture, &gone[i]);
        assert_int_equal(client_write(&gone[i], "GET /x HTTP/1.1\r\n", 17), 17);
        client_close(&gone[i], false);
    }
    int64_t start = clock_monotonic_ms();
    ask(&fixture, GET, &response);
    assert_int_equal(response.status, 200);
    response_free(&response);
    assert_in_range(clock_monotonic_ms() - start, 0, 12 / 3 * 2 * WATCH_MS + BUSY_MS); /* and not the deadline */
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

static void connections_per_address_are_limited(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client mine[3], other, again;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){.connections_per_address = 2});
    for (int i = 0; i < 2; i++) {
        connect_to(&fixture, &mine[i]);
        client_send(fixture.loop, &mine[i], GET);
        UNTIL(fixture.loop, response_take(&mine[i], false, &response));
        response_free(&response);
    }
    connect_to(&fixture, &mine[2]);
    UNTIL(fixture.loop, client_ended(&mine[2]));
    assert_int_equal(mine[2].in.size, 0);
    client_open(&other, httpd_port(fixture.httpd), "127.0.0.2", 0); /* another address has its own count */
    client_send(fixture.loop, &other, GET);
    UNTIL(fixture.loop, response_take(&other, false, &response));
    response_free(&response);
    client_close(&mine[0], false);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 2);
    connect_to(&fixture, &again);
    client_send(fixture.loop, &again, GET);
    UNTIL(fixture.loop, response_take(&again, false, &response));
    response_free(&response);
    struct client *all[] = {&mine[1], &mine[2], &other, &again};
    for (int i = 0; i < 4; i++)
        client_close(all[i], false);
    fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_in_all_are_limited),
        cmocka_unit_test(streams_per_address_are_limited),
        cmocka_unit_test(a_server_may_have_no_streams),
        cmocka_unit_test(idle_connections_give_way),
        cmocka_unit_test(a_request_that_waits_for_its_answer_stays),
        cmocka_unit_test(time_in_which_the_server_did_not_run_is_not_the_clients),
        cmocka_unit_test(half_a_header_and_gone_makes_room),
        cmocka_unit_test(connections_per_address_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
