/* Live streams: order, sharing, clients that vanish in every way, clients that do not read, comments, ends. */
#include "httpd.h"

#include "http_fixture.h"

#include <dirent.h>

#define GET_STREAM "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_PLAIN  "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n"
#define BUSY_MS    3000 /* more than a busy machine loses */

/* Connects and waits until the stream is open; returns it. */
static struct httpd_stream *open_one(struct fixture *fixture, struct client *client, const char *request,
                                     int receive_bytes)
{
    int opened = fixture->opened;
    client_open(client, httpd_port(fixture->httpd), NULL, receive_bytes);
    client_send(fixture->loop, client, request);
    UNTIL(fixture->loop, fixture->opened == opened + 1);
    return fixture->streams[opened];
}

/* All that came of the body so far, dechunked (without an incomplete chunk at its end). The caller releases. */
static void body_so_far(struct client *client, struct buf *out)
{
    client_read(client);
    const char *at = strstr(client->in.data, "\r\n\r\n"), *end = client->in.data + client->in.size;
    if (at)
        (void)dechunk(at + 4, end, out);
}

/* Descriptors of this process. */
static int descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void send_all(struct fixture *fixture, struct httpd_chunk *chunk)
{
    for (int i = 0; i < fixture->opened; i++) {
        if (fixture->streams[i])
            httpd_stream_send(fixture->streams[i], chunk);
    }
}

static void a_quiet_stream_is_woken(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture, (struct httpd_config){0});
    struct httpd_stream *stream = open_one(&fixture, &client, GET_STREAM, 0);
    UNTIL(fixture.loop, client_has(&client, "\r\n\r\n"));
    assert_memory_equal(head_find(client.in.data, "Content-Type"), "text/event-stream\r\n", 19);
    for (int i = 0; i < 30; i++) { /* nothing else moves the server */
        char text[32];
        snprintf(text, sizeof text, "data: number %d\n\n", i);
        stream_text(stream, text);
        assert_int_equal(httpd_stream_pending(stream), strlen(text));
        UNTIL(fixture.loop, client_has(&client, text));
        assert_int_equal(httpd_stream_pending(stream), 0);
    }
    stream_text(stream, ""); /* an empty chunk is not the end of the body */
    stream_text(stream, "data: after\n\n");
    UNTIL(fixture.loop, client_has(&client, "data: after\n\n"));
    client_close(&client, false);
    UNTIL(fixture.loop, fixture.closed == 1);
    fixture_stop(&fixture);
}

/* Chunks of all sizes, queued faster than they are taken, arrive whole and in order. */
static void bytes_arrive_in_order(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client client;
    struct buf sent = BUF_EMPTY, got = BUF_EMPTY;
    fixture_start(&fixture, (struct httpd_config){0});
    struct httpd_stream *stream = open_one(&fixture, &client, GET_PLAIN, 8192);
    for (int i = 0; i < 400; i++) {
        size_t size = (size_t)(i * i % 7919), from = sent.size;
        for (size_t k = 0; k < size; k++)
            buf_byte(&sent, (char)('A' + (from + k) % 53));
        struct httpd_chunk *chunk = httpd_chunk_new(sent.data + from, size);
        httpd_stream_send(stream, chunk);
        httpd_chunk_unref(chunk);
        if (i % 50 == 0)
            turn(fixture.loop);
    }
    httpd_stream_close(stream);
    UNTIL(fixture.loop, client_has(&client, "\r\n0\r\n\r\n"));
    body_so_far(&client, &got);
    assert_int_equal(got.size, sent.size);
    assert_memory_equal(got.data, sent.data, sent.size);
    UNTIL(fixture.loop, fixture.closed == 1);
    client_close(&client, false);
    buf_release(&sent);
    buf_release(&got);
    fixture_stop(&fixture);
}

/* Clients that close, reset, half-close, or get killed with unread bytes: each is noticed soon, and the others get
 * everything. */
static void clients_that_vanish_are_noticed(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct fixture fixture;
    static struct client clients[COUNT];
    fixture_start(&fixture, (struct httpd_config){0});
    for (int i = 0; i < COUNT; i++)
        (void)open_one(&fixture, &clients[i], i % 4 < 2 ? GET_STREAM : GET_PLAIN, 0);
    assert_int_equal(fixture.open, COUNT);
    assert_int_equal(httpd_connections(fixture.httpd), COUNT);
    struct httpd_chunk *chunk = httpd_chunk_new("data: first\n\n", 13);
    send_all(&fixture, chunk);
    httpd_chunk_unref(chunk);
    for (int i = 0; i < COUNT; i++)
        UNTIL(fixture.loop, client_has(&clients[i], "data: first\n\n"));
    int64_t start = clock_monotonic_ms();
    for (int i = 0; i < COUNT; i += 2) {
        if (i % 3 == 0)
            assert_int_equal(shutdown(clients[i].fd, SHUT_WR), 0);
        else
            client_close(&clients[i], i % 3 == 1);
    }
    UNTIL(fixture.loop, fixture.open == COUNT / 2 && httpd_connections(fixture.httpd) == COUNT / 2);
    assert_true(clock_monotonic_ms() - start < 1000 + BUSY_MS); /* without a byte sent, long before a comment */
    chunk = httpd_chunk_new("data: second\n\n", 14);
    send_all(&fixture, chunk);
    httpd_chunk_unref(chunk);
    for (int i = 1; i < COUNT; i += 2)
        UNTIL(fixture.loop, client_has(&clients[i], "data: second\n\n"));
    assert_int_equal(fixture.open, COUNT / 2);
    for (int i = 0; i < COUNT; i++)
        client_close(&clients[i], true);
    UNTIL(fixture.loop, fixture.open == 0 && httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

static void streams_come_and_go_at_random(void **state)
{
    (void)state;
    enum { COUNT = 32 };
    struct fixture fixture;
    static struct client clients[COUNT];
    uint32_t dice = 12345;
    fixture_start(&fixture, (struct httpd_config){0});
    for (int i = 0; i < COUNT; i++)
        clients[i].fd = -1;
    for (int round = 0; round < 400; round++) {
        dice = dice * 1664525 + 1013904223;
        int i = (int)(dice >> 8) % COUNT;
        if (clients[i].fd < 0) {
            connect_to(&fixture, &clients[i]);
            (void)client_write(&clients[i], GET_STREAM, sizeof GET_STREAM - 1); /* not waited for */
        } else if ((dice >> 20) % 2) {
            client_close(&clients[i], (dice >> 21) % 2);
        } else {
            struct httpd_chunk *chunk = httpd_chunk_new("data: x\n\n", 9);
            send_all(&fixture, chunk);
            httpd_chunk_unref(chunk);
        }
        if (fixture.opened > STREAMS_MAX - COUNT)
            break;
        if (round % 3 == 0)
            turn(fixture.loop);
    }
    int left = 0;
    for (int i = 0; i < COUNT; i++)
        left += clients[i].fd >= 0;
    UNTIL(fixture.loop, fixture.open == left && httpd_connections(fixture.httpd) == left);
    for (int i = 0; i < COUNT; i++)
        client_close(&clients[i], false);
    UNTIL(fixture.loop, fixture.open == 0);
    assert_true(fixture.opened > 100);
    fixture_stop(&fixture);
}

static void a_client_that_does_not_read_blocks_nobody(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client slow, quick;
    fixture_start(&fixture, (struct httpd_config){.comment_ms = 200});
    struct httpd_stream *stuck = open_one(&fixture, &slow, GET_STREAM, 4096);
    struct httpd_stream *flowing = open_one(&fixture, &quick, GET_STREAM, 0);
    size_t size = 40000, total = 0;
    char *bytes = malloc(size);
    memset(bytes, 'z', size);
    struct httpd_chunk *chunk = httpd_chunk_new(bytes, size); /* shared by both */
    int64_t start = clock_monotonic_ms();
    for (int i = 0; i < 300; i++, total += size) {
        if (fixture.streams[0])
            httpd_stream_send(stuck, chunk);
        httpd_stream_send(flowing, chunk);
        UNTIL(fixture.loop, (client_read(&quick), httpd_stream_pending(flowing) == 0));
        if (i == 200)
            assert_true(!fixture.streams[0] || httpd_stream_pending(stuck) > size); /* what the owner looks at */
    }
    struct buf got = BUF_EMPTY;
    UNTIL(fixture.loop, (client_read(&quick), quick.in.size > total));
    body_so_far(&quick, &got);
    for (size_t i = 0; i < got.size; i++)
        total -= got.data[i] == 'z'; /* there may be comments in between when the machine is slow */
    assert_int_equal(total, 0);
    UNTIL(fixture.loop, fixture.closed == 1); /* given up after four comment intervals without a byte taken */
    assert_true(clock_monotonic_ms() - start >= 4 * 200);
    assert_null(fixture.streams[0]);
    assert_int_equal(fixture.open, 1);
    stream_text(flowing, "data: alive\n\n");
    UNTIL(fixture.loop, client_has(&quick, "data: alive\n\n"));
    httpd_chunk_unref(chunk);
    httpd_chunk_unref(NULL);
    free(bytes);
    buf_release(&got);
    client_close(&slow, false);
    client_close(&quick, false);
    fixture_stop(&fixture);
}

static void a_closed_stream_whose_client_does_not_read_is_given_up(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client slow;
    fixture_start(&fixture, (struct httpd_config){.comment_ms = 150});
    struct httpd_stream *stream = open_one(&fixture, &slow, GET_PLAIN, 4096);
    size_t size = 10 << 20;
    char *bytes = calloc(1, size);
    struct httpd_chunk *chunk = httpd_chunk_new(bytes, size);
    httpd_stream_send(stream, chunk);
    httpd_chunk_unref(chunk);
    free(bytes);
    httpd_stream_close(stream);
    httpd_stream_close(stream);      /* twice is fine */
    stream_text(stream, "too late"); /* and this is dropped */
    int64_t start = clock_monotonic_ms();
    UNTIL(fixture.loop, fixture.closed == 1);
    assert_in_range(clock_monotonic_ms() - start, 4 * 150, 4 * 150 + 1000 + BUSY_MS);
    client_close(&slow, false);
    UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    fixture_stop(&fixture);
}

static void quiet_event_streams_get_comments(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client events, plain, busy;
    fixture_start(&fixture, (struct httpd_config){.comment_ms = 100});
    (void)open_one(&fixture, &events, GET_STREAM, 0);
    (void)open_one(&fixture, &plain, GET_PLAIN, 0);
    struct httpd_stream *stream = open_one(&fixture, &busy, GET_STREAM, 0);
    int sent = 0;
    int64_t last = clock_monotonic_ms(), longest = 0;
    UNTIL(fixture.loop, ({
              int64_t now = clock_monotonic_ms();
              longest = now - last > longest ? now - last : longest;
              last = now;
              stream_text(stream, "data: x\n\n");
              sent++;
              client_count(&events, "\r\n:\n\n\r\n") >= 3;
          }));
    UNTIL(fixture.loop, client_count(&busy, "data: x\n\n") == sent);
    assert_true(longest > 100 || client_count(&busy, "\n:\n") == 0); /* not where it is not needed */
    assert_int_equal(client_count(&plain, ":\n\n"), 0);              /* nor where it would be content */
    assert_int_equal(fixture.open, 3);
    client_close(&events, false);
    client_close(&plain, false);
    client_close(&busy, false);
    fixture_stop(&fixture);
}

static void a_stream_outlives_the_deadline_of_requests(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture, (struct httpd_config){.deadline_ms = 200});
    struct httpd_stream *stream = open_one(&fixture, &client, GET_STREAM, 0);
    int64_t start = clock_monotonic_ms();
    UNTIL(fixture.loop, clock_monotonic_ms() > start + 900);
    assert_int_equal(fixture.open, 1);
    stream_text(stream, "data: still\n\n");
    UNTIL(fixture.loop, client_has(&client, "data: still\n\n"));
    httpd_stream_close(stream); /* and after its end the connection is an ordinary one again, with a deadline */
    UNTIL(fixture.loop, client_has(&client, "\r\n0\r\n\r\n"));
    UNTIL(fixture.loop, client_ended(&client));
    assert_int_equal(fixture.closed, 1);
    client_close(&client, false);
    fixture_stop(&fixture);
}

/* Its socket has been taken from libmicrohttpd: nothing else can follow on it, which the client is told. */
static void a_connection_ends_with_its_stream(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client client;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){0});
    for (int i = 0; i < 3; i++) {
        (void)open_one(&fixture, &client, GET_STREAM, 0);
        if (i == 1) /* with the header on its way, or sent */
            UNTIL(fixture.loop, client_has(&client, "\r\n\r\n"));
        stream_text(fixture.streams[i], "data: only\n\n");
        httpd_stream_close(fixture.streams[i]);
        UNTIL(fixture.loop, response_take(&client, false, &response));
        assert_string_equal(response.body, "data: only\n\n");
        assert_memory_equal(head_find(response.head, "Connection"), "close\r\n", 7);
        response_free(&response);
        UNTIL(fixture.loop, fixture.closed == i + 1 && client_ended(&client));
        client_close(&client, false);
        UNTIL(fixture.loop, httpd_connections(fixture.httpd) == 0);
    }
    fixture_stop(&fixture);
}

/* Descriptors: one of each stream, and none that is left behind. */
static void a_stream_has_one_descriptor(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct fixture fixture;
    static struct client clients[COUNT];
    fixture_start(&fixture, (struct httpd_config){0});
    int before = descriptors();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++)
            (void)open_one(&fixture, &clients[i], GET_STREAM, 0);
        UNTIL(fixture.loop, descriptors() == before + 2 * COUNT); /* the clients have as many */
        assert_int_equal(httpd_connections(fixture.httpd), COUNT);
        for (int i = 0; i < COUNT; i++)
            client_close(&clients[i], i % 2);
        UNTIL(fixture.loop, descriptors() == before);
        assert_int_equal(httpd_connections(fixture.httpd), 0);
    }
    fixture_stop(&fixture);
}

static void an_old_client_gets_a_stream_without_chunks(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture, (struct httpd_config){0});
    struct httpd_stream *stream = open_one(&fixture, &client, "GET /stream HTTP/1.0\r\n\r\n", 0);
    stream_text(stream, "data: 1\n\n");
    UNTIL(fixture.loop, client_has(&client, "\r\n\r\ndata: 1\n\n"));
    stream_text(stream, "data: 2\n\n");
    httpd_stream_close(stream);
    UNTIL(fixture.loop, client_ended(&client)); /* its end is the connection's */
    assert_non_null(strstr(client.in.data, "\r\n\r\ndata: 1\n\ndata: 2\n\n"));
    client_close(&client, false);
    UNTIL(fixture.loop, fixture.closed == 1);
    fixture_stop(&fixture);
}

static void stopping_sends_what_it_can(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client clients[20];
    fixture_start(&fixture, (struct httpd_config){0});
    for (int i = 0; i < 20; i++)
        (void)open_one(&fixture, &clients[i], GET_STREAM, 0);
    struct httpd_chunk *chunk = httpd_chunk_new("data: bye\n\n", 11);
    send_all(&fixture, chunk);
    httpd_chunk_unref(chunk); /* the streams hold it */
    fixture_stop(&fixture);   /* looks that all closed functions ran */
    for (int i = 0; i < 20; i++) {
        client_read_to_end(&clients[i]);
        assert_non_null(strstr(clients[i].in.data, "data: bye\n\n"));
        client_close(&clients[i], false);
    }
}

/* ---- bytes made when there is room ---- */

static struct fixture *maker;
static int left;

static void make_more(void *arg, struct httpd_stream *stream)
{
    assert_ptr_equal(arg, maker);
    if (left-- > 0)
        stream_text(stream, "0123456789");
    else if (left == -1)
        httpd_stream_close(stream);
}

/* A long answer is made as the client takes it. */
static void a_drained_stream_asks_for_more(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client client;
    struct response response;
    fixture_start(&fixture, (struct httpd_config){0});
    maker = &fixture;
    left = 100;
    struct httpd_stream *stream = open_one(&fixture, &client, GET_PLAIN, 0);
    httpd_stream_on_drained(stream, make_more);
    make_more(&fixture, stream);
    UNTIL(fixture.loop, response_take(&client, false, &response));
    assert_int_equal(response.size, 100 * 10);
    response_free(&response);
    client_close(&client, false);
    UNTIL(fixture.loop, fixture.closed == 1);
    fixture_stop(&fixture);
}

/* An answer that cannot be ended well ends so that its client knows. */
static void a_broken_stream_has_no_end(void **state)
{
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture, (struct httpd_config){0});
    for (int i = 0; i < 2; i++) {
        struct httpd_stream *stream = open_one(&fixture, &client, GET_PLAIN, 0);
        if (i == 1) {
            stream_text(stream, "some");
            UNTIL(fixture.loop, client_has(&client, "some\r\n"));
        }
        httpd_stream_break(stream);
        assert_int_equal(fixture.closed, i); /* not from inside the call */
        stream_text(stream, "too late");
        UNTIL(fixture.loop, fixture.closed == i + 1 && client_ended(&client));
        assert_null(strstr(client.in.data, "\r\n0\r\n\r\n"));
        assert_null(strstr(client.in.data, "too late"));
        client_close(&client, false);
    }
    fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_stream_is_woken),
        cmocka_unit_test(bytes_arrive_in_order),
        cmocka_unit_test(clients_that_vanish_are_noticed),
        cmocka_unit_test(streams_come_and_go_at_random),
        cmocka_unit_test(a_client_that_does_not_read_blocks_nobody),
        cmocka_unit_test(a_closed_stream_whose_client_does_not_read_is_given_up),
        cmocka_unit_test(quiet_event_streams_get_comments),
        cmocka_unit_test(a_stream_outlives_the_deadline_of_requests),
        cmocka_unit_test(a_connection_ends_with_its_stream),
        cmocka_unit_test(a_stream_has_one_descriptor),
        cmocka_unit_test(an_old_client_gets_a_stream_without_chunks),
        cmocka_unit_test(stopping_sends_what_it_can),
        cmocka_unit_test(a_drained_stream_asks_for_more),
        cmocka_unit_test(a_broken_stream_has_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
