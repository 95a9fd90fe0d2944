/*
 * A small HTTP/1.1 server on the loop (libmicrohttpd in external epoll mode; no thread). One handler function
 * gets every request; it answers at once, later, or opens a live stream. Limits: request header about 8 KiB, body 64
 * KiB, connections in all and per address, and an absolute deadline per request that is not a stream;
 * time in which this process did not run does not count. Places of streams and of other connections are counted apart:
 * when all of the latter are taken and somebody waits, the connection that has been longest without a complete request
 * gives way, never a request that waits for its answer; above its address's limit a connection is closed. A stream for
 * which there is no place is answered 503. A stream ends within a second when its client hangs up (a half-closed
 * connection counts), and when bytes were not acknowledged, or nothing was taken of what waits, for 12 s (or four
 * comment intervals, when these are shorter); its end is the connection's. No function calls back into its caller:
 * handlers and closed functions run from the loop, or from httpd_free.
 */
#ifndef ISOBAR_HTTPD_H
#define ISOBAR_HTTPD_H

#include "buf.h"
#include "loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct httpd;
struct httpd_request;
struct httpd_stream;

struct httpd_config {
    const char *bind;            /* numeric address; "127.0.0.1" */
    int port;                    /* 0 takes a free one */
    int connections;             /* limit in all, streams included; more than `streams` */
    int streams;                 /* limit of streams; 0: none is served */
    int connections_per_address; /* streams, and as many others */
    int64_t deadline_ms; /* absolute, twice: from accept or the previous answer's end to the end of the request's
                            header, and from there to the answer's end */
    int64_t comment_ms;  /* interval of the comment on quiet event streams; 0: 14 s */
};

/* Called for each complete request; must answer it with exactly one of the functions below before it returns,
 * or call httpd_defer. */
typedef void httpd_fn(void *arg, struct httpd_request *request);
/* Called once when a stream's client has gone or the server stops; the stream is invalid afterwards. May be NULL. */
typedef void httpd_closed_fn(void *arg, struct httpd_stream *stream);

/*
 * Starts listening. NULL on failure, with `error` (may be NULL) naming address and reason ("127.0.0.1:8080:
 * Address already in use"). The caller frees with httpd_free.
 */
struct httpd *httpd_new(struct loop *loop, const struct httpd_config *config, httpd_fn *fn, void *arg,
                        struct buf *error) __attribute__((warn_unused_result));
/* Closes all connections (streams' closed functions run) and frees. NULL allowed. */
void httpd_free(struct httpd *httpd);
/* The port listened on. */
int httpd_port(const struct httpd *httpd);
/* Open connections, streams included. */
int httpd_connections(const struct httpd *httpd);

/* All borrowed until the request is answered. */
const char *httpd_method(const struct httpd_request *request);
const char *httpd_path(const struct httpd_request *request);                     /* decoded, starts with '/' */
const char *httpd_query(const struct httpd_request *request, const char *key);   /* decoded, NULL when absent */
const char *httpd_header(const struct httpd_request *request, const char *name); /* NULL when absent */
/*
 * The same, for what a proxy adds: of several lines of that name the last, which is its own when it keeps those of its
 * client; their number into `*count`.
 */
const char *httpd_header_last(const struct httpd_request *request, const char *name, int *count);
const char *httpd_body(const struct httpd_request *request, size_t *size);
const struct sockaddr *httpd_peer_address(const struct httpd_request *request); /* of the connection */
bool httpd_accepts_gzip(const struct httpd_request *request);

/* Adds a header to the answer; call before answering. Copies both. */
void httpd_reply_header(struct httpd_request *request, const char *name, const char *value);
/* Answers with `size` bytes, copied. */
void httpd_reply(struct httpd_request *request, int status, const char *content_type, const void *bytes, size_t size);
/* Answers with bytes that outlive the server (embedded assets): not copied. */
void httpd_reply_static(struct httpd_request *request, int status, const char *content_type, const void *bytes,
                        size_t size);
/* Answers with an application/problem+json body (RFC 9457): status, title, detail. */
void httpd_reply_problem(struct httpd_request *request, int status, const char *title, const char *detail);

/*
 * Lets the handler return without an answer: the owner answers later with one of the functions above, exactly once,
 * also when the client has gone meanwhile (the answer is then dropped) and at the latest before httpd_free. What
 * httpd_path and the like returned stays valid until then.
 */
void httpd_defer(struct httpd_request *request);

/*
 * Answers 200 with a body that stays open (text/event-stream). `arg` is handed to `closed`. The stream belongs
 * to the server; write to it until `closed` was called. NULL when there is no place for it: then the request was
 * answered 503, as httpd_reply_problem does, and `closed` is not called.
 */
struct httpd_stream *httpd_reply_stream(struct httpd_request *request, const char *content_type,
                                        httpd_closed_fn *closed, void *arg);

/* Bytes shared by many streams: made once, freed when the last one has sent them. */
struct httpd_chunk;
/* A chunk with one reference of the caller's, holding a copy of `size` bytes. */
struct httpd_chunk *httpd_chunk_new(const void *bytes, size_t size) __attribute__((warn_unused_result));
/* Drops the caller's reference. NULL allowed. */
void httpd_chunk_unref(struct httpd_chunk *chunk);
/* Queues the chunk on the stream (takes a reference of its own) and wakes the connection. */
void httpd_stream_send(struct httpd_stream *stream, struct httpd_chunk *chunk);
/* Bytes queued and not yet taken by the socket: skip stale updates for a client where this is large. */
size_t httpd_stream_pending(const struct httpd_stream *stream);
/* `fn` is called, with the stream's `arg`, whenever the socket has taken all that was queued: for who makes more then.
 */
void httpd_stream_on_drained(struct httpd_stream *stream, httpd_closed_fn *fn);
/* Ends the stream after what is queued. */
void httpd_stream_close(struct httpd_stream *stream);
/* Ends it in the next round without the end of a body, so that the client knows that bytes are missing. */
void httpd_stream_break(struct httpd_stream *stream);

#endif
