/* What the files of the HTTP server share (httpd.c, httpd_peer.c, httpd_request.c, httpd_stream.c); nobody else
 * includes this. */
#ifndef ISOBAR_HTTPD_INTERNAL_H
#define ISOBAR_HTTPD_INTERNAL_H

#include "httpd.h"

#include <microhttpd.h>

#define HTTPD_HEADERS_MAX 16
#define HTTPD_WATCH_MS    250

/* One accepted connection; libmicrohttpd's socket context. */
struct httpd_peer {
    int fd;
    int64_t since_ms; /* accept, end of the last answer, or the end of this request's header */
    bool busy;        /* a request's header is complete, and its answer is not */
    bool complete;    /* so is its body: the answer is ours to give */
    bool served;      /* it has had an answer */
    bool fresh;       /* accepted, and not looked at yet */
    bool dropped;     /* it gives its place to another */
    struct httpd_stream *stream;
    struct httpd_peer *previous, *next;
};

struct httpd_request {
    struct httpd *httpd;
    struct MHD_Connection *connection;
    struct httpd_peer *peer;
    char *method, *path;
    struct buf body;
    size_t received; /* bytes of the body, kept or not */
    bool too_large, handled, deferred, answered;
    struct MHD_Response *response; /* waits until a deferred request is resumed */
    int status;
    char *names[HTTPD_HEADERS_MAX], *contents[HTTPD_HEADERS_MAX];
    size_t header_count;
    struct httpd_stream *stream;
};

struct httpd {
    struct loop *loop;
    struct MHD_Daemon *mhd;
    struct loop_fd *source;
    struct loop_timer *watch;
    int64_t deadline_ms, comment_ms;
    int port, connections, places; /* open, and how many there may be */
    int listener;                  /* libmicrohttpd's, to ask whether anybody waits */
    int64_t watched_ms;
    bool wanted;   /* libmicrohttpd has to run although its descriptor tells nothing */
    bool stopping; /* nothing new is begun, streams end */
    struct httpd_peer *peers;
    httpd_fn *fn;
    void *arg;
};

/*
 * Lets libmicrohttpd run before the loop waits next. Without threads it neither wakes its descriptor nor shortens its
 * time-out when a connection is resumed, nor takes the listener up again when there is room for a connection.
 */
void httpd_want_run(struct httpd *httpd);

/* A connection that was accepted, in the list of `httpd`; freed by httpd_peer_free. */
struct httpd_peer *httpd_peer_new(struct httpd *httpd, int fd) __attribute__((returns_nonnull, warn_unused_result));
/* Takes it off the list and frees it. */
void httpd_peer_free(struct httpd *httpd, struct httpd_peer *peer);
/* Each HTTPD_WATCH_MS: ends connections that have hung up or are overdue, and looks after streams. */
void httpd_peers_watch(struct httpd *httpd);
/* When all places are taken and somebody waits: ends the idlest connection, if there is one; live streams and requests
 * that wait for their answer stay. */
void httpd_peers_make_room(struct httpd *httpd);

/* A request whose header is complete. The caller frees it with httpd_request_free. */
struct httpd_request *httpd_request_new(struct httpd *httpd, struct MHD_Connection *connection, const char *path,
                                        const char *method);
/* Frees the request and its stream, whose closed function runs. */
void httpd_request_free(struct httpd_request *request);
/* Gives the request its answer, `response` (taken); inside the handler it is queued after it, a deferred request is
 * woken. */
void httpd_request_answer(struct httpd_request *request, int status, const char *content_type,
                          struct MHD_Response *response);
/* Hands the answer that was made to libmicrohttpd. */
enum MHD_Result httpd_request_queue(struct httpd_request *request) __attribute__((warn_unused_result));

/* Runs the closed function and frees. */
void httpd_stream_free(struct httpd_stream *stream);
/* What has to be done at `now_ms` for a client that may be slow or silent: a comment, or giving it up. */
void httpd_stream_watch(struct httpd_stream *stream, int64_t now_ms);
/* The client has gone: ends the stream at once, whatever is queued. */
void httpd_stream_abort(struct httpd_stream *stream);

#endif
