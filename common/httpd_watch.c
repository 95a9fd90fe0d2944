/*
 * Clients of the HTTP server's streams (httpd.h) that are silent, slow or gone. Who hangs up is found by poll. Who goes
 * without a word is known by acknowledging nothing, as who stops to read; a time-out of the socket's own would take a
 * slow client with a small window for one that is gone.
 */
#include "httpd_internal.h"

#include "mem.h"

#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define STALL_COMMENTS 4     /* a client that acknowledges nothing for so many comment intervals is given up, */
#define GONE_MS        12000 /* or for so long */

/* Whether the client has acknowledged nothing for too long: the only sign of one that is gone without a word. */
static bool stalls(struct httpd_stream *stream, int64_t now_ms)
{
    int64_t limit_ms = STALL_COMMENTS * stream->httpd->comment_ms;
    int left = 0;
    if (ioctl(stream->fd, SIOCOUTQ, &left) != 0)
        return true;
    uint64_t acknowledged = stream->sent - (uint64_t)left;
    if ((left == 0 && !stream->first) || acknowledged != stream->acknowledged)
        stream->acknowledged_ms = now_ms;
    stream->acknowledged = acknowledged;
    return now_ms - stream->acknowledged_ms > (limit_ms < GONE_MS ? limit_ms : GONE_MS);
}

/* Nothing is left for the kernel to do: what was not taken is thrown away. */
static void give_up(struct httpd_stream *stream)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    httpd_stream_free(stream);
}

/* The end, or a comment. */
static void watch(struct httpd_stream *stream, int64_t now_ms)
{
    if (stalls(stream, now_ms)) {
        give_up(stream);
    } else if (!stream->first && stream->events && now_ms - stream->sent_ms > stream->httpd->comment_ms) {
        struct httpd_chunk *comment = httpd_chunk_new(":\n\n", 3);
        httpd_stream_send(stream, comment);
        httpd_chunk_unref(comment);
    }
}

/* Who has hung up is looked for among all, and one in HTTPD_WATCH_ROUNDS is looked at. */
void httpd_streams_watch(struct httpd *httpd, int64_t now_ms)
{
    struct pollfd *asked = mem_calloc((size_t)httpd->stream_count + 1, sizeof *asked), *at = asked;
    nfds_t count = 0;
    unsigned turn = httpd->rounds++ % HTTPD_WATCH_ROUNDS;
    for (const struct httpd_stream *stream = httpd->streams; stream; stream = stream->next)
        asked[count++] = (struct pollfd){.fd = stream->fd, .events = POLLRDHUP}; /* -1 is not looked at */
    (void)poll(asked, count, 0);
    for (struct httpd_stream *stream = httpd->streams, *next; stream; stream = next, at++) {
        next = stream->next;
        if (at->revents)
            httpd_stream_free(stream);
        else if (!stream->request && stream->turn == turn)
            watch(stream, now_ms);
    }
    free(asked);
}
