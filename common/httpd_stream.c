/*
 * Streams of the HTTP server (httpd.h): answers that stay open. Bytes are shared between streams; libmicrohttpd takes
 * them as the socket does, and a stream with none sleeps (its connection is suspended) until the next chunk wakes it.
 */
#include "httpd_internal.h"

#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STREAM_BLOCK   1024
#define STALL_COMMENTS 4 /* a client that takes nothing for so many comment intervals is given up */

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
    bool suspended, closing, aborted;
    bool events;      /* text/event-stream, which has comments */
    int64_t taken_ms; /* when bytes were last taken, or the stream began or was closed */
    httpd_closed_fn *closed;
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
    httpd_want_run(stream->request->httpd);
}

void httpd_stream_send(struct httpd_stream *stream, struct httpd_chunk *chunk)
{
    if (chunk->size == 0 || stream->closing || stream->aborted)
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
    if (stream->closing || stream->aborted)
        return;
    stream->closing = true;
    stream->taken_ms = loop_now_ms(stream->request->httpd->loop);
    stream_wake(stream);
}

void httpd_stream_abort(struct httpd_stream *stream)
{
    if (stream->aborted)
        return;
    stream->aborted = true;
    if (stream->request->peer)
        shutdown(stream->request->peer->fd, SHUT_RDWR); /* libmicrohttpd may be waiting for room in the socket */
    stream_wake(stream);
}

void httpd_stream_watch(struct httpd_stream *stream, int64_t now_ms)
{
    int64_t quiet_ms = now_ms - stream->taken_ms, comment_ms = stream->request->httpd->comment_ms;
    if (stream->pending > 0 || stream->closing) {
        if (quiet_ms > STALL_COMMENTS * comment_ms)
            httpd_stream_abort(stream);
    } else if (stream->events && quiet_ms > comment_ms) {
        struct httpd_chunk *comment = httpd_chunk_new(":\n\n", 3);
        httpd_stream_send(stream, comment);
        httpd_chunk_unref(comment);
    }
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
    if (stream->aborted)
        return MHD_CONTENT_READER_END_WITH_ERROR;
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
        stream->taken_ms = loop_now_ms(stream->request->httpd->loop);
    }
    return (ssize_t)size;
}

void httpd_stream_free(struct httpd_stream *stream)
{
    if (stream->closed)
        stream->closed(stream->arg, stream);
    while (stream->first)
        stream_pop(stream);
    free(stream);
}

struct httpd_stream *httpd_reply_stream(struct httpd_request *request, const char *content_type,
                                        httpd_closed_fn *closed, void *arg)
{
    struct httpd_stream *stream = mem_alloc(sizeof *stream);
    *stream = (struct httpd_stream){.request = request,
                                    .closed = closed,
                                    .arg = arg,
                                    .taken_ms = loop_now_ms(request->httpd->loop),
                                    .events = strcmp(content_type, "text/event-stream") == 0};
    request->stream = stream;
    if (request->peer)
        request->peer->stream = stream;
    httpd_request_answer(request, 200, content_type,
                         MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, stream, NULL));
    return stream;
}
