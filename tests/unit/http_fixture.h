/* The HTTP server under test, with a handler that answers in every way there is. */
#ifndef ISOBAR_TEST_HTTP_FIXTURE_H
#define ISOBAR_TEST_HTTP_FIXTURE_H

#include "httpd.h"

#include "http_client.h"

#define STREAMS_MAX 512
#define GET         "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

struct fixture {
    struct loop *loop;
    struct httpd *httpd;
    int handled;
    struct httpd_request *deferred;
    struct httpd_stream *streams[STREAMS_MAX];
    int opened, open, closed;
};

static inline void on_stream_closed(void *arg, struct httpd_stream *stream)
{
    struct fixture *fixture = arg;
    int found = 0;
    for (int i = 0; i < fixture->opened; i++) {
        if (fixture->streams[i] == stream) {
            fixture->streams[i] = NULL;
            found++;
        }
    }
    assert_int_equal(found, 1); /* exactly once for each */
    fixture->open--;
    fixture->closed++;
}

static inline void open_stream(struct fixture *fixture, struct httpd_request *request, const char *type)
{
    assert_true(fixture->opened < STREAMS_MAX);
    struct httpd_stream *stream = httpd_reply_stream(request, type, on_stream_closed, fixture);
    if (!stream)
        return; /* there is no place for it */
    fixture->streams[fixture->opened++] = stream;
    fixture->open++;
}

static inline void reply_echo(struct httpd_request *request)
{
    struct buf out = BUF_EMPTY;
    size_t size = 0;
    const char *body = httpd_body(request, &size), *a = httpd_query(request, "a"),
               *header = httpd_header(request, "x-test");
    buf_printf(&out, "method=%s path=%s a=%s header=%s size=%zu body=", httpd_method(request), httpd_path(request),
               a ? a : "(none)", header ? header : "(none)", size);
    buf_append(&out, body, size);
    httpd_reply(request, 200, "text/plain", out.data, out.size);
    buf_release(&out);
}

static inline void reply_big(struct httpd_request *request)
{
    size_t size = strtoul(httpd_query(request, "n"), NULL, 10);
    char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)('a' + i % 26);
    httpd_reply(request, 200, "text/plain", bytes, size);
    free(bytes);
}

static inline void on_request(void *arg, struct httpd_request *request)
{
    struct fixture *fixture = arg;
    const char *path = httpd_path(request);
    fixture->handled++;
    if (strcmp(path, "/stream") == 0) {
        open_stream(fixture, request, "text/event-stream");
    } else if (strcmp(path, "/plain") == 0) {
        open_stream(fixture, request, "text/plain");
    } else if (strcmp(path, "/big") == 0) {
        reply_big(request);
    } else if (strcmp(path, "/static") == 0) {
        httpd_reply_static(request, 200, "text/css", "body{}", 6);
    } else if (strcmp(path, "/gzip") == 0) {
        httpd_reply(request, httpd_accepts_gzip(request) ? 200 : 406, "text/plain", "", 0);
    } else if (strcmp(path, "/problem") == 0) {
        httpd_reply_header(request, "Retry-After", "7");
        httpd_reply_header(request, "X-Kind", "test");
        httpd_reply_problem(request, 503, "Not \"now\"", httpd_query(request, "detail"));
    } else if (strcmp(path, "/last") == 0) {
        int count;
        const char *last = httpd_header_last(request, "x-test", &count);
        struct buf out = BUF_EMPTY;
        buf_printf(&out, "%d %s", count, last ? last : "(none)");
        httpd_reply(request, 200, "text/plain", out.data, out.size);
        buf_release(&out);
    } else if (strcmp(path, "/later") == 0) {
        fixture->deferred = request;
        httpd_defer(request);
    } else if (strcmp(path, "/later-now") == 0) {
        httpd_defer(request);
        httpd_reply(request, 200, "text/plain", "now", 3); /* the owner had the answer at hand */
    } else {
        reply_echo(request);
    }
}

/* Starts the server; values that are 0 in `config` get roomy ones. */
static inline void fixture_start(struct fixture *fixture, struct httpd_config config)
{
    struct buf error = BUF_EMPTY;
    *fixture = (struct fixture){.loop = loop_new()};
    config.bind = config.bind ? config.bind : "127.0.0.1";
    if (!config.connections) {
        config.connections = 1000 + STREAMS_MAX;
        config.streams = STREAMS_MAX;
    }
    config.connections_per_address = config.connections_per_address ? config.connections_per_address : 1000;
    config.deadline_ms = config.deadline_ms ? config.deadline_ms : 60000;
    fixture->httpd = httpd_new(fixture->loop, &config, on_request, fixture, &error);
    if (!fixture->httpd)
        fail_msg("%s", error.data);
    assert_in_range(httpd_port(fixture->httpd), 1, 65535);
    buf_release(&error);
}

/* Stops it: every stream must have been closed then. */
static inline void fixture_stop(struct fixture *fixture)
{
    httpd_free(fixture->httpd);
    assert_int_equal(fixture->open, 0);
    assert_int_equal(fixture->closed, fixture->opened);
    loop_free(fixture->loop);
}

static inline void ask(struct fixture *fixture, const char *request, struct response *response)
{
    client_ask(fixture->loop, httpd_port(fixture->httpd), request, response);
}

static inline void connect_to(struct fixture *fixture, struct client *client)
{
    client_open(client, httpd_port(fixture->httpd), NULL, 0);
}

/* Sends a text chunk on the stream. */
static inline void stream_text(struct httpd_stream *stream, const char *text)
{
    struct httpd_chunk *chunk = httpd_chunk_new(text, strlen(text));
    httpd_stream_send(stream, chunk);
    httpd_chunk_unref(chunk);
}

#endif
