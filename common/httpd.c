/*
 * The HTTP server (httpd.h) over libmicrohttpd without threads: its epoll descriptor is a source of our loop. What it lacks is
 * kept here: an absolute deadline per request (its own time-out is inactivity, which a slow client resets with a byte),
 * live streams that share their bytes, and noticing that a quiet stream's client has gone (it looks at a suspended connection
 * only when that is resumed, so every stream gets a comment line at least every 15 s).
 */
#include "httpd.h"

#include "error.h"
#include "mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX        (64 * 1024)
#define REQUEST_MEMORY  (12 * 1024) /* of libmicrohttpd per connection: headers and a write buffer */
#define STREAM_BLOCK    1024
#define HEADERS_MAX     16
#define WATCH_MS        250
#define COMMENT_MS      14000
#define LISTEN_BACKLOG  1024

struct httpd_chunk {
    size_t references, size;
    char bytes[];
};

struct queued {
    struct httpd_chunk *chunk;
    struct queued *next;
};

struct httpd_stream {
    struct httpd_request *request;
    struct queued *first, *last;
    size_t offset;  /* sent of `first` */
    size_t pending; /* bytes */
    bool suspended, closing, events;
    int64_t sent_ms;
    httpd_closed_fn *closed;
    void *arg;
};

/* One accepted connection. */
struct peer {
    int fd;
    int64_t since_ms; /* accept, or end of the last answer */
    struct httpd_stream *stream;
    struct peer *previous, *next;
};

struct httpd_request {
    struct httpd *httpd;
    struct MHD_Connection *connection;
    struct peer *peer;
    char *method, *path;
    struct buf body;
    bool too_large, handled, deferred, answered;
    struct MHD_Response *response; /* waits until a deferred request is resumed */
    int status;
    char *names[HEADERS_MAX], *contents[HEADERS_MAX];
    size_t header_count;
    struct httpd_stream *stream;
};

struct httpd {
    struct loop *loop;
    struct MHD_Daemon *mhd;
    struct loop_fd *source;
    struct loop_timer *watch;
    int64_t deadline_ms;
    int port, connections;
    struct peer *peers;
    httpd_fn *fn;
    void *arg;
};

/* ---- chunks ---- */

struct httpd_chunk *httpd_chunk_new(const void *bytes, size_t size)
{
    struct httpd_chunk *chunk = mem_alloc(sizeof *chunk + size);
    chunk->references = 1;
    chunk->size = size;
    if (size)
        memcpy(chunk->bytes, bytes, size);
    return chunk;
}

void httpd_chunk_unref(struct httpd_chunk *chunk)
{
    if (chunk && --chunk->references == 0)
        free(chunk);
}

/* ---- streams ---- */

static void stream_wake(struct httpd_stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    MHD_resume_connection(stream->request->connection);
}

void httpd_stream_send(struct httpd_stream *stream, struct httpd_chunk *chunk)
{
    if (chunk->size == 0 || stream->closing)
        return;
    struct queued *item = mem_alloc(sizeof *item);
    item->chunk = chunk;
    chunk->references++;
    if (stream->last)
        stream->last->next = item;
    else
        stream->first = item;
    stream->last = item;
    stream->pending += chunk->size;
    stream_wake(stream);
}

size_t httpd_stream_pending(const struct httpd_stream *stream)
{
    return stream->pending;
}

void httpd_stream_close(struct httpd_stream *stream)
{
    stream->closing = true;
    stream_wake(stream);
}

static void stream_pop(struct httpd_stream *stream)
{
    struct queued *item = stream->first;
    stream->first = item->next;
    if (!stream->first)
        stream->last = NULL;
    stream->offset = 0;
    httpd_chunk_unref(item->chunk);
    free(item);
}

/* libmicrohttpd asks for bytes: as many as fit, or none and the connection sleeps until stream_wake. */
static ssize_t stream_read(void *arg, uint64_t position, char *to, size_t most)
{
    struct httpd_stream *stream = arg;
    size_t size = 0;
    (void)position;
    while (stream->first && size < most) {
        struct httpd_chunk *chunk = stream->first->chunk;
        size_t part = chunk->size - stream->offset;
        part = part < most - size ? part : most - size;
        memcpy(to + size, chunk->bytes + stream->offset, part);
        size += part;
        stream->offset += part;
        stream->pending -= part;
        if (stream->offset == chunk->size)
            stream_pop(stream);
    }
    if (size == 0 && stream->closing)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (size == 0) {
        stream->suspended = true;
        MHD_suspend_connection(stream->request->connection);
    } else {
        stream->sent_ms = loop_now_ms(stream->request->httpd->loop);
    }
    return (ssize_t)size;
}

static void stream_free(struct httpd_stream *stream)
{
    if (stream->closed)
        stream->closed(stream->arg, stream);
    while (stream->first)
        stream_pop(stream);
    free(stream);
}

/* ---- requests ---- */

static struct httpd_request *request_new(struct httpd *httpd, struct MHD_Connection *connection, const char *path, const char *method)
{
    struct httpd_request *request = mem_alloc(sizeof *request);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->httpd = httpd;
    request->connection = connection;
    request->peer = info ? info->socket_context : NULL;
    request->path = mem_strdup(path);
    request->method = mem_strdup(method);
    buf_init(&request->body);
    return request;
}

static void request_free(struct httpd_request *request)
{
    if (request->stream) {
        if (request->peer)
            request->peer->stream = NULL;
        stream_free(request->stream);
    }
    if (request->response)
        MHD_destroy_response(request->response);
    for (size_t i = 0; i < request->header_count; i++) {
        free(request->names[i]);
        free(request->contents[i]);
    }
    buf_release(&request->body);
    free(request->path);
    free(request->method);
    free(request);
}

const char *httpd_method(const struct httpd_request *request)
{
    return request->method;
}

const char *httpd_path(const struct httpd_request *request)
{
    return request->path;
}

const char *httpd_query(const struct httpd_request *request, const char *key)
{
    const char *value = NULL;
    size_t size = 0;
    if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, key, strlen(key), &value, &size) != MHD_YES)
        return NULL;
    return value ? value : "";
}

const char *httpd_header(const struct httpd_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *httpd_body(const struct httpd_request *request, size_t *size)
{
    *size = request->body.size;
    return request->body.data;
}

bool httpd_accepts_gzip(const struct httpd_request *request)
{
    const char *accept = httpd_header(request, "Accept-Encoding");
    const char *found = accept ? strstr(accept, "gzip") : NULL;
    /* "gzip;q=0" is the only way to refuse it by name. */
    return found && strncmp(found, "gzip;q=0,", 9) != 0 && strcmp(found, "gzip;q=0") != 0;
}

void httpd_reply_header(struct httpd_request *request, const char *name, const char *value)
{
    assert(request->header_count < HEADERS_MAX);
    request->names[request->header_count] = mem_strdup(name);
    request->contents[request->header_count++] = mem_strdup(value);
}

/* Hands the response over: at once inside the handler, or by waking a deferred request. */
static void answer(struct httpd_request *request, int status, const char *content_type, struct MHD_Response *response)
{
    assert(!request->answered);
    request->answered = true;
    request->status = status;
    request->response = response;
    if (content_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    for (size_t i = 0; i < request->header_count; i++)
        MHD_add_response_header(response, request->names[i], request->contents[i]);
    if (request->deferred)
        MHD_resume_connection(request->connection);
}

void httpd_reply(struct httpd_request *request, int status, const char *content_type, const void *bytes, size_t size)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(size, (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY);
    answer(request, status, content_type, response);
}

void httpd_reply_static(struct httpd_request *request, int status, const char *content_type, const void *bytes, size_t size)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(size, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);
    answer(request, status, content_type, response);
}

static void add_json_text(struct buf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == '"' || *p == '\\' || *p == '<' || *p >= 0x7f)
            buf_printf(out, "\\u%04x", *p); /* bytes above 0x7e as Latin-1: a detail echoes input that may be no UTF-8 */
        else
            buf_byte(out, (char)*p);
    }
}

void httpd_reply_problem(struct httpd_request *request, int status, const char *title, const char *detail)
{
    struct buf out = BUF_EMPTY;
    buf_text(&out, "{\"type\":\"about:blank\",\"title\":\"");
    add_json_text(&out, title);
    buf_printf(&out, "\",\"status\":%d,\"detail\":\"", status);
    add_json_text(&out, detail);
    buf_text(&out, "\"}\n");
    httpd_reply(request, status, "application/problem+json", out.data, out.size);
    buf_release(&out);
}

void httpd_defer(struct httpd_request *request)
{
    assert(!request->answered && !request->deferred);
    request->deferred = true;
    MHD_suspend_connection(request->connection);
}

struct httpd_stream *httpd_reply_stream(struct httpd_request *request, const char *content_type, httpd_closed_fn *closed, void *arg)
{
    struct httpd_stream *stream = mem_alloc(sizeof *stream);
    *stream = (struct httpd_stream){.request = request, .closed = closed, .arg = arg, .sent_ms = loop_now_ms(request->httpd->loop),
                                    .events = strcmp(content_type, "text/event-stream") == 0};
    request->stream = stream;
    if (request->peer)
        request->peer->stream = stream;
    answer(request, 200, content_type, MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, stream, NULL));
    return stream;
}

/* ---- what libmicrohttpd calls ---- */

static enum MHD_Result queue(struct httpd_request *request)
{
    struct MHD_Response *response = request->response;
    request->response = NULL;
    enum MHD_Result result = MHD_queue_response(request->connection, (unsigned)request->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
                                 const char *version, const char *upload, size_t *upload_size, void **context)
{
    struct httpd *httpd = arg;
    struct httpd_request *request = *context;
    (void)version;
    if (!request) {
        *context = request_new(httpd, connection, path, method);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        if (request->body.size + *upload_size > BODY_MAX)
            request->too_large = true;
        else
            buf_append(&request->body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (!request->handled) {
        request->handled = true;
        if (request->too_large)
            httpd_reply_problem(request, 413, "Body too large", "at most 64 KiB");
        else
            httpd->fn(httpd->arg, request);
        assert(request->answered || request->deferred);
        if (request->deferred)
            return MHD_YES; /* called again when resumed */
    }
    return request->response ? queue(request) : MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code)
{
    struct httpd_request *request = *context;
    (void)arg, (void)connection, (void)code;
    if (!request)
        return;
    if (request->peer)
        request->peer->since_ms = loop_now_ms(request->httpd->loop);
    request_free(request);
    *context = NULL;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
    struct httpd *httpd = arg;
    struct peer *peer = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        peer = mem_alloc(sizeof *peer);
        *peer = (struct peer){.fd = info ? info->connect_fd : -1, .since_ms = loop_now_ms(httpd->loop), .next = httpd->peers};
        if (httpd->peers)
            httpd->peers->previous = peer;
        httpd->peers = peer;
        httpd->connections++;
        *context = peer;
    } else if (peer) {
        if (peer->previous)
            peer->previous->next = peer->next;
        else
            httpd->peers = peer->next;
        if (peer->next)
            peer->next->previous = peer->previous;
        httpd->connections--;
        free(peer);
        *context = NULL;
    }
}

/* ---- the loop's side ---- */

static void on_epoll(void *arg, unsigned events)
{
    struct httpd *httpd = arg;
    (void)events;
    MHD_run(httpd->mhd);
}

static void on_before_wait(void *arg)
{
    struct httpd *httpd = arg;
    MHD_UNSIGNED_LONG_LONG timeout;
    if (MHD_get_timeout(httpd->mhd, &timeout) != MHD_YES)
        return;
    if (timeout == 0)
        MHD_run(httpd->mhd);
    if (MHD_get_timeout(httpd->mhd, &timeout) == MHD_YES)
        loop_wait_at_most(httpd->loop, timeout > 60000 ? 60000 : (int64_t)timeout);
}

/* Deadlines, and the comment that finds out whether a quiet stream's client is still there. */
static void on_watch(void *arg)
{
    struct httpd *httpd = arg;
    int64_t now = loop_now_ms(httpd->loop);
    struct httpd_chunk *comment = NULL;
    for (struct peer *peer = httpd->peers, *next; peer; peer = next) {
        next = peer->next;
        if (!peer->stream) {
            if (now - peer->since_ms > httpd->deadline_ms && peer->fd >= 0)
                shutdown(peer->fd, SHUT_RDWR);
        } else if (peer->stream->events && now - peer->stream->sent_ms > COMMENT_MS) {
            if (!comment)
                comment = httpd_chunk_new(":\n\n", 3);
            if (peer->stream->pending == 0)
                httpd_stream_send(peer->stream, comment);
            else if (now - peer->stream->sent_ms > 4 * COMMENT_MS && peer->fd >= 0)
                shutdown(peer->fd, SHUT_RDWR); /* takes nothing for a minute */
        }
    }
    httpd_chunk_unref(comment);
}

/* ---- life ---- */

static int listen_on(const struct httpd_config *config, int *port, struct buf *error)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)config->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)config->port)};
    bool six = strchr(config->bind, ':') != NULL;
    const char *name = strcmp(config->bind, "localhost") == 0 ? "127.0.0.1" : config->bind;
    if (inet_pton(six ? AF_INET6 : AF_INET, name, six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1) {
        if (error)
            buf_printf(error, "%s is not a numeric address", config->bind);
        return -1;
    }
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr *address = six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t size = six ? sizeof v6 : sizeof v4;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0 || bind(fd, address, size) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0 || getsockname(fd, address, &size) != 0) {
        if (error)
            buf_printf(error, "%s:%d: %s", config->bind, config->port, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *port = ntohs(six ? v6.sin6_port : v4.sin_port);
    return fd;
}

struct httpd *httpd_new(struct loop *loop, const struct httpd_config *config, httpd_fn *fn, void *arg, struct buf *error)
{
    int port = 0, listener = listen_on(config, &port, error);
    if (listener < 0)
        return NULL;
    struct httpd *httpd = mem_alloc(sizeof *httpd);
    *httpd = (struct httpd){.loop = loop, .deadline_ms = config->deadline_ms, .port = port, .fn = fn, .arg = arg};
    httpd->mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, httpd,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_NOTIFY_COMPLETED, on_completed, httpd, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, httpd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)config->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)config->connections_per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MEMORY, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = httpd->mhd ? MHD_get_daemon_info(httpd->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    httpd->source = info ? loop_fd_add(loop, info->listen_fd, LOOP_READ, on_epoll, httpd) : NULL;
    if (!httpd->source) {
        if (error)
            buf_printf(error, "%s:%d: the HTTP server cannot start", config->bind, config->port);
        if (httpd->mhd)
            MHD_stop_daemon(httpd->mhd);
        else
            close(listener);
        free(httpd);
        return NULL;
    }
    httpd->watch = loop_timer_new(loop, on_watch, httpd);
    loop_timer_set(httpd->watch, WATCH_MS, WATCH_MS);
    loop_before_wait(loop, on_before_wait, httpd);
    return httpd;
}

void httpd_free(struct httpd *httpd)
{
    if (!httpd)
        return;
    loop_before_wait_remove(httpd->loop, on_before_wait, httpd);
    loop_timer_free(httpd->watch);
    loop_fd_remove(httpd->source);
    /* A daemon may not be stopped with suspended connections. */
    for (struct peer *peer = httpd->peers; peer; peer = peer->next) {
        if (peer->stream)
            httpd_stream_close(peer->stream);
    }
    MHD_run(httpd->mhd);
    MHD_stop_daemon(httpd->mhd);
    free(httpd);
}

int httpd_port(const struct httpd *httpd)
{
    return httpd->port;
}

int httpd_connections(const struct httpd *httpd)
{
    return httpd->connections;
}
