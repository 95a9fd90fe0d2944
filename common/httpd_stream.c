/*
 * Streams of the HTTP server (httpd.h): answers that stay open. libmicrohttpd sends the header and then asks for bytes.
 * There its connection is suspended, which leaves the socket alone; the socket is taken from it, with one that is no
 * connection in its place (dup3), and the connection is ended. So a stream costs neither the connection's 12 KiB of
 * buffers nor a resumption for each event, which are most of what it would cost.
 *
 * Chunks are made with the frame of HTTP's chunked coding around them and shared between streams. A stream with
 * something to send waits in a list until the end of the loop's round, so that what is sent in one round is one write;
 * when the socket is full the loop tells when there is room.
 */
#include "httpd_internal.h"

#include "mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define STREAM_BLOCK 1024
#define RETRY_S      "5"
#define UNSENT_BYTES (128 * 1024) /* that the kernel keeps for a client that is slow; what is newer may be skipped */
#define WRITE_CHUNKS 16           /* at once */

/* ---- the list of those that have something to do ---- */

static void ready_add(struct httpd_stream *stream)
{
    struct httpd *httpd = stream->httpd;
    if (stream->ready)
        return;
    stream->ready = true;
    stream->ready_previous = NULL;
    stream->ready_next = httpd->ready;
    if (httpd->ready)
        httpd->ready->ready_previous = stream;
    httpd->ready = stream;
    loop_wait_at_most(httpd->loop, 0); /* for callers that are before-wait functions which run after ours */
}

static void ready_remove(struct httpd_stream *stream)
{
    if (!stream->ready)
        return;
    stream->ready = false;
    if (stream->ready_previous)
        stream->ready_previous->ready_next = stream->ready_next;
    else
        stream->httpd->ready = stream->ready_next;
    if (stream->ready_next)
        stream->ready_next->ready_previous = stream->ready_previous;
}

/* ---- streams ---- */

static void queue(struct httpd_stream *stream, struct httpd_chunk *chunk)
{
    struct httpd_queued *item = mem_alloc(sizeof *item);
    *item = (struct httpd_queued){.chunk = chunk};
    chunk->references++;
    if (stream->last)
        stream->last->next = item;
    else
        stream->first = item;
    stream->last = item;
    stream->pending += chunk->size;
    if (stream->ours && !stream->room)
        ready_add(stream);
}

void httpd_stream_send(struct httpd_stream *stream, struct httpd_chunk *chunk)
{
    if (chunk->size > 0 && !stream->closing)
        queue(stream, chunk);
}

/* Of `first`, without its frame. */
static size_t sent_of_first(const struct httpd_stream *stream)
{
    const struct httpd_chunk *chunk = stream->first ? stream->first->chunk : NULL;
    if (!chunk || stream->offset < chunk->head)
        return 0;
    return stream->offset - chunk->head < chunk->size ? stream->offset - chunk->head : chunk->size;
}

size_t httpd_stream_pending(const struct httpd_stream *stream)
{
    return stream->pending - sent_of_first(stream);
}

void httpd_stream_close(struct httpd_stream *stream)
{
    if (stream->closing)
        return;
    stream->closing = true;
    stream->acknowledged_ms = loop_now_ms(stream->httpd->loop);
    if (stream->chunked) {
        struct httpd_chunk *end = httpd_chunk_new("", 0); /* which is what ends a chunked body */
        queue(stream, end);
        httpd_chunk_unref(end);
    } else if (stream->ours && !stream->room) {
        ready_add(stream);
    }
}

void httpd_stream_on_drained(struct httpd_stream *stream, httpd_closed_fn *fn)
{
    stream->drained = fn;
}

void httpd_stream_break(struct httpd_stream *stream)
{
    stream->closing = stream->broken = true;
    if (stream->ours)
        ready_add(stream);
}

/* ---- writing ---- */

static void pop(struct httpd_stream *stream)
{
    struct httpd_queued *item = stream->first;
    stream->first = item->next;
    if (!stream->first)
        stream->last = NULL;
    stream->offset = 0;
    stream->pending -= item->chunk->size;
    httpd_chunk_unref(item->chunk);
    free(item);
}

/* What the socket has taken. */
static void took(struct httpd_stream *stream, size_t size)
{
    stream->sent_ms = loop_now_ms(stream->httpd->loop);
    stream->sent += size;
    while (size > 0) {
        const struct httpd_chunk *chunk = stream->first->chunk;
        size_t end = chunk->head + chunk->size + (stream->chunked ? HTTPD_FRAME_TAIL : 0);
        size_t from = stream->chunked || stream->offset ? stream->offset : chunk->head;
        size_t part = end - from < size ? end - from : size;
        size -= part;
        stream->offset = from + part;
        if (stream->offset == end)
            pop(stream);
    }
}

/* What is queued, as far as fits into one write. */
static size_t gather(const struct httpd_stream *stream, struct iovec parts[WRITE_CHUNKS])
{
    size_t count = 0, offset = stream->offset;
    for (const struct httpd_queued *item = stream->first; item && count < WRITE_CHUNKS; item = item->next) {
        struct httpd_chunk *chunk = item->chunk;
        size_t from = stream->chunked || offset ? offset : chunk->head;
        size_t end = chunk->head + chunk->size + (stream->chunked ? HTTPD_FRAME_TAIL : 0);
        parts[count++] = (struct iovec){chunk->bytes + from, end - from};
        offset = 0;
    }
    return count;
}

static void on_room(void *arg, unsigned events);

/* Until the loop tells that there is room. */
static void wait_for_room(struct httpd_stream *stream)
{
    if (!stream->room)
        stream->room = loop_fd_add(stream->httpd->loop, stream->fd, LOOP_WRITE, on_room, stream);
    if (!stream->room)
        httpd_stream_free(stream);
}

/* Writes until nothing is left, or the socket is full. Frees the stream when it has ended. */
static void flush(struct httpd_stream *stream)
{
    struct iovec parts[WRITE_CHUNKS];
    ssize_t size = 0;
    while (stream->first && size >= 0 && !stream->broken) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = gather(stream, parts)};
        size = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size > 0)
            took(stream, (size_t)size);
    }
    bool failed = size < 0 && errno != EAGAIN && errno != EINTR;
    if (stream->broken || failed || (!stream->first && stream->closing)) {
        httpd_stream_free(stream);
    } else if (stream->first) {
        wait_for_room(stream);
    } else {
        loop_fd_remove(stream->room);
        stream->room = NULL;
        if (stream->drained)
            stream->drained(stream->arg, stream);
    }
}

static void on_room(void *arg, unsigned events)
{
    (void)events;
    flush(arg);
}

/* ---- the socket ---- */

/* libmicrohttpd asks for bytes: there are none for it. */
static ssize_t on_read(void *arg, uint64_t position, char *to, size_t most)
{
    struct httpd_request *request = arg;
    (void)position, (void)to, (void)most;
    if (!request->stream || request->stream->ours)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    request->stream->ours = true;
    MHD_suspend_connection(request->connection);
    ready_add(request->stream);
    return 0;
}

/* Takes the socket, and has libmicrohttpd end the connection; false when there are no descriptors left. */
static bool take_socket(struct httpd_stream *stream)
{
    struct httpd_request *request = stream->request;
    struct httpd_peer *peer = request->peer;
    int fd = peer ? fcntl(peer->fd, F_DUPFD_CLOEXEC, 0) : -1;
    bool taken = fd >= 0 && dup3(stream->httpd->hollow, peer->fd, O_CLOEXEC) >= 0;
    MHD_resume_connection(request->connection);
    httpd_want_run(stream->httpd);
    request->stream = NULL;
    stream->request = NULL;
    if (!taken && fd >= 0)
        close(fd);
    if (!taken)
        return false;
    int unsent = UNSENT_BYTES;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    peer->hollow = true;
    stream->fd = fd;
    stream->httpd->connections--;
    stream->httpd->taken++;
    return true;
}

void httpd_streams_flush(struct httpd *httpd)
{
    while (httpd->ready) {
        struct httpd_stream *stream = httpd->ready;
        ready_remove(stream);
        if (stream->request && !take_socket(stream))
            httpd_stream_free(stream);
        else
            flush(stream);
    }
}

/* ---- life ---- */

static void unlink_stream(struct httpd_stream *stream)
{
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        stream->httpd->streams = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
}

void httpd_stream_free(struct httpd_stream *stream)
{
    if (stream->closed)
        stream->closed(stream->arg, stream);
    ready_remove(stream);
    unlink_stream(stream);
    loop_fd_remove(stream->room);
    if (stream->fd >= 0) {
        close(stream->fd);
        stream->httpd->taken--;
    }
    while (stream->first)
        pop(stream);
    httpd_place_free(stream->httpd, stream->place);
    if (stream->request)
        stream->request->stream = NULL;
    free(stream);
}

void httpd_streams_close(struct httpd *httpd)
{
    for (struct httpd_stream *stream = httpd->streams; stream; stream = stream->next)
        httpd_stream_close(stream);
}

void httpd_streams_free(struct httpd *httpd)
{
    for (struct httpd_stream *stream = httpd->streams, *next; stream; stream = next) {
        next = stream->next;
        if (!stream->request)
            httpd_stream_free(stream);
    }
}

struct httpd_stream *httpd_reply_stream(struct httpd_request *request, const char *content_type,
                                        httpd_closed_fn *closed, void *arg)
{
    static const struct httpd_address unknown;
    struct httpd *httpd = request->httpd;
    struct buf why = BUF_EMPTY;
    struct httpd_place *place = httpd_place_take(httpd, request->peer ? &request->peer->address : &unknown, &why);
    struct httpd_stream *stream = NULL;
    if (place) {
        stream = mem_alloc(sizeof *stream);
        *stream = (struct httpd_stream){.httpd = httpd,
                                        .request = request,
                                        .place = place,
                                        .fd = -1,
                                        .turn = httpd->opened++ % HTTPD_WATCH_ROUNDS,
                                        .closed = closed,
                                        .arg = arg,
                                        .chunked = request->chunked,
                                        .sent_ms = loop_now_ms(httpd->loop),
                                        .acknowledged_ms = loop_now_ms(httpd->loop),
                                        .events = strcmp(content_type, "text/event-stream") == 0,
                                        .next = httpd->streams};
        if (httpd->streams)
            httpd->streams->previous = stream;
        httpd->streams = request->stream = stream;
        httpd_reply_header(request, MHD_HTTP_HEADER_CONNECTION, "close");
        httpd_request_answer(request, 200, content_type,
                             MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_read, request, NULL));
    } else {
        httpd_reply_header(request, "Retry-After", RETRY_S);
        httpd_reply_problem(request, 503, "Too many live streams", why.data);
    }
    buf_release(&why);
    return stream;
}
