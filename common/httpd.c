/*
 * The HTTP server (httpd.h) over libmicrohttpd without threads: its epoll descriptor is a source of our loop. What it
 * lacks is kept here: an absolute deadline per request (its own time-out is inactivity, which a slow client resets with
 * a byte), and live streams by the thousand, whose sockets are taken from it. Connections are in httpd_peer.c, requests
 * and answers in httpd_request.c, streams in httpd_stream.c, and how many there may be of these in httpd_place.c.
 */
#include "httpd_internal.h"

#include "clock.h"
#include "error.h"
#include "mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX (64 * 1024)
#define BODY_DRAINED                                                                                                   \
    (1024 * 1024) /* read to its end, so that the client sees the 413; above, the connection is closed */
#define REQUEST_MEMORY (12 * 1024) /* of libmicrohttpd per connection: headers and a write buffer */
#define COMMENT_MS     14000
#define LISTEN_BACKLOG 1024
#define STOP_RUNS      4 /* runs of libmicrohttpd that get a chunk and the end out: 2 are enough for a short one */

/* ---- what libmicrohttpd calls ---- */

static enum MHD_Result begin(struct httpd *httpd, struct MHD_Connection *connection, const char *path,
                             const char *method, const char *version, void **context)
{
    if (httpd->stopping)
        return MHD_NO;
    struct httpd_request *request = httpd_request_new(httpd, connection, path, method, version);
    const char *length = httpd_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    *context = request;
    if (request->peer) {
        request->peer->since_ms = clock_monotonic_ms();
        request->peer->busy = true;
    }
    if (!length || strtoull(length, NULL, 10) <= BODY_DRAINED)
        return MHD_YES;
    request->handled = true;
    httpd_reply_problem(request, 413, "Body too large", "at most 64 KiB");
    return httpd_request_queue(request);
}

static enum MHD_Result take_body(struct httpd_request *request, const char *bytes, size_t size)
{
    request->received += size;
    request->too_large = request->received > BODY_MAX;
    if (!request->too_large)
        buf_append(&request->body, bytes, size);
    return request->received > BODY_DRAINED ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
                                 const char *version, const char *upload, size_t *upload_size, void **context)
{
    struct httpd *httpd = arg;
    struct httpd_request *request = *context;
    if (!request)
        return begin(httpd, connection, path, method, version, context);
    if (*upload_size > 0) {
        size_t size = *upload_size;
        *upload_size = 0;
        return take_body(request, upload, size);
    }
    if (!request->handled) {
        request->handled = true;
        if (request->peer)
            request->peer->complete = true;
        if (request->too_large)
            httpd_reply_problem(request, 413, "Body too large", "at most 64 KiB");
        else
            httpd->fn(httpd->arg, request);
        assert(request->answered || request->deferred);
        if (request->deferred)
            return MHD_YES; /* called again when resumed */
    }
    return request->response ? httpd_request_queue(request) : MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct httpd_request *request = *context;
    (void)arg, (void)connection, (void)code;
    if (!request)
        return;
    if (request->peer) {
        request->peer->since_ms = clock_monotonic_ms();
        request->peer->busy = request->peer->complete = false;
        request->peer->served = true;
    }
    httpd_request_free(request);
    *context = NULL;
}

static void take_address(const struct sockaddr *from, struct httpd_address *to)
{
    if (from && from->sa_family == AF_INET6)
        memcpy(to->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    else if (from && from->sa_family == AF_INET)
        memcpy(to->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct httpd *httpd = arg;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct httpd_peer *peer = httpd_peer_new(httpd, info ? info->connect_fd : -1);
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        take_address(info ? info->client_addr : NULL, &peer->address);
        *context = peer;
    } else if (*context) {
        httpd_peer_free(httpd, *context);
        httpd_want_run(httpd);
        *context = NULL;
    }
}

/*
 * Decodes a path, or a name or value of the query, in place. A NUL would end it early and make it another's, "/%00" the
 * page: it becomes a control character, which nothing that we serve has.
 */
static size_t unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    size_t size = MHD_http_unescape(text);
    (void)arg, (void)connection;
    for (size_t i = 0; i < size; i++)
        text[i] = text[i] ? text[i] : '\x01';
    return size;
}

/* ---- the loop's side ---- */

static void on_epoll(void *arg, unsigned events)
{
    struct httpd *httpd = arg;
    (void)events;
    MHD_run(httpd->mhd);
}

void httpd_want_run(struct httpd *httpd)
{
    httpd->wanted = true;
    loop_wait_at_most(httpd->loop, 0); /* for callers that are before-wait functions which run after ours */
}

static void on_before_wait(void *arg)
{
    struct httpd *httpd = arg;
    MHD_UNSIGNED_LONG_LONG timeout = 1;
    if (httpd->wanted || (MHD_get_timeout(httpd->mhd, &timeout) == MHD_YES && timeout == 0)) {
        httpd->wanted = false;
        MHD_run(httpd->mhd);
    }
    httpd_streams_flush(httpd);
    bool limited = MHD_get_timeout(httpd->mhd, &timeout) == MHD_YES;
    if (limited)
        loop_wait_at_most(httpd->loop, timeout > 60000 ? 60000 : (int64_t)timeout);
    if (!limited || timeout > 0) /* what has come is taken before anybody is judged */
        httpd_peers_make_room(httpd);
}

static void on_watch(void *arg)
{
    struct httpd *httpd = arg;
    int64_t now_ms = clock_monotonic_ms();
    httpd_peers_watch(httpd, now_ms);
    httpd_streams_watch(httpd, now_ms);
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

struct httpd *httpd_new(struct loop *loop, const struct httpd_config *config, httpd_fn *fn, void *arg,
                        struct buf *error)
{
    int port = 0, listener = listen_on(config, &port, error);
    if (listener < 0)
        return NULL;
    struct httpd *httpd = mem_alloc(sizeof *httpd);
    *httpd = (struct httpd){.loop = loop,
                            .deadline_ms = config->deadline_ms,
                            .comment_ms = config->comment_ms > 0 ? config->comment_ms : COMMENT_MS,
                            .port = port,
                            .listener = listener,
                            .places = config->connections - config->streams,
                            .stream_places = config->streams,
                            .stream_places_each = config->connections_per_address,
                            .hollow = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                            .watched_ms = clock_monotonic_ms(),
                            .fn = fn,
                            .arg = arg};
    httpd->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, httpd,
                                  MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_LISTEN_SOCKET, listener,
                                  MHD_OPTION_NOTIFY_COMPLETED, on_completed, httpd, MHD_OPTION_NOTIFY_CONNECTION,
                                  on_connection, httpd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)httpd->places,
                                  MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)config->connections_per_address,
                                  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MEMORY, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = httpd->mhd ? MHD_get_daemon_info(httpd->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    httpd->source = info ? loop_fd_add(loop, info->listen_fd, LOOP_READ, on_epoll, httpd) : NULL;
    if (!httpd->source) {
        if (error)
            buf_printf(error, "%s:%d: the HTTP server cannot start", config->bind, config->port);
        if (httpd->mhd)
            MHD_stop_daemon(httpd->mhd);
        else
            close(listener);
        close(httpd->hollow);
        free(httpd);
        return NULL;
    }
    httpd->watch = loop_timer_new(loop, on_watch, httpd);
    loop_timer_set(httpd->watch, HTTPD_WATCH_MS, HTTPD_WATCH_MS);
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
    httpd->stopping = true;
    /* A daemon may not be stopped with suspended connections. */
    httpd_streams_close(httpd);
    for (int i = 0; i < STOP_RUNS; i++) {
        MHD_run(httpd->mhd);
        httpd_streams_flush(httpd);
    }
    httpd_streams_free(httpd);
    MHD_stop_daemon(httpd->mhd);
    close(httpd->hollow);
    free(httpd);
}

int httpd_port(const struct httpd *httpd)
{
    return httpd->port;
}

int httpd_connections(const struct httpd *httpd)
{
    return httpd->connections + httpd->taken;
}
