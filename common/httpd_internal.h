/* What the files of the HTTP server share (httpd.c, httpd_peer.c, httpd_request.c, httpd_stream.c); nobody else
 * includes this. */
#ifndef ISOBAR_HTTPD_INTERNAL_H
#define ISOBAR_HTTPD_INTERNAL_H

#include "httpd.h"

#include <microhttpd.h>

#define HTTPD_HEADERS_MAX  16
#define HTTPD_WATCH_MS     250
#define HTTPD_WATCH_ROUNDS 4 /* a stream is looked at in every fourth, so that thousands are not all asked at once */
#define HTTPD_FRAME_TAIL   2 /* bytes behind those of a chunk, in the chunked coding */

struct httpd_chunk {
    size_t references;
    size_t size, head; /* bytes, and of the frame before them; HTTPD_FRAME_TAIL are behind */
    char bytes[];
};

struct httpd_queued {
    struct httpd_chunk *chunk;
    struct httpd_queued *next;
};

struct httpd_stream {
    struct httpd *httpd;
    struct httpd_request *request; /* libmicrohttpd has the socket; NULL: we have, in `fd` */
    struct httpd_place *place;
    int fd;
    struct httpd_queued *first, *last;
    size_t offset;               /* sent of `first`, its frame included */
    size_t pending;              /* bytes of all chunks queued */
    bool chunked;                /* HTTP/1.0 has no frames */
    bool events;                 /* text/event-stream, which has comments */
    bool ours;                   /* the header is sent, and the connection is suspended */
    bool closing;                /* nothing more is queued */
    bool ready;                  /* in the list of those that have something to do */
    unsigned turn;               /* in which round of httpd_streams_watch it is looked at */
    uint64_t sent, acknowledged; /* bytes */
    int64_t sent_ms;             /* the last ones, or the stream began or was closed */
    int64_t acknowledged_ms;     /* when it was last seen that more were acknowledged, or none were left to be */
    struct loop_fd *room;        /* the socket is full */
    struct httpd_stream *previous, *next; /* of all */
    struct httpd_stream *ready_previous, *ready_next;
    bool broken; /* it ends without an end */
    httpd_closed_fn *closed, *drained;
    void *arg;
};

/* An address of clients: IPv6, or IPv4 in the first four bytes and nothing behind. */
struct httpd_address {
    unsigned char bytes[16];
};
struct httpd_place; /* of the streams of one address */

/* One accepted connection; libmicrohttpd's socket context. */
struct httpd_peer {
    int fd;
    int64_t since_ms; /* accept, end of the last answer, or the end of this request's header */
    bool busy;        /* a request's header is complete, and its answer is not */
    bool complete;    /* so is its body: the answer is ours to give */
    bool served;      /* it has had an answer */
    bool fresh;       /* accepted, and not looked at yet */
    bool dropped;     /* it gives its place to another */
    bool hollow;      /* a stream has taken its socket */
    struct httpd_address address;
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
    bool chunked;                  /* the client knows the chunked coding: it speaks HTTP/1.1 */
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
    int port, connections, places;   /* open, streams not among them, and how many there may be */
    int stream_count, stream_places; /* streams likewise, */
    int taken;                       /* of them, those that are no connections any more */
    int stream_places_each;          /* and of one address */
    int listener;                    /* libmicrohttpd's, to ask whether anybody waits */
    int64_t watched_ms;
    unsigned rounds, opened; /* of httpd_streams_watch; streams */
    bool wanted;             /* libmicrohttpd has to run although its descriptor tells nothing */
    bool stopping;           /* nothing new is begun, streams end */
    struct httpd_peer *peers;
    struct httpd_stream *streams, *ready; /* all, and those that have something to send */
    struct httpd_place *stream_addresses; /* hash, uthash */
    int hollow; /* a socket that is no connection, left to libmicrohttpd in place of a stream's */
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
/* Each HTTPD_WATCH_MS: ends connections that have hung up or are overdue. */
void httpd_peers_watch(struct httpd *httpd, int64_t now_ms);
/* When all places are taken and somebody waits: ends the idlest connection, if there is one; requests that wait for
 * their answer stay. */
void httpd_peers_make_room(struct httpd *httpd);

/* A place for a stream of `address`, given back with httpd_place_free; NULL with a sentence in `why` when all are
 * taken. */
struct httpd_place *httpd_place_take(struct httpd *httpd, const struct httpd_address *address, struct buf *why)
    __attribute__((warn_unused_result));
void httpd_place_free(struct httpd *httpd, struct httpd_place *place);

/* A request whose header is complete. The caller frees it with httpd_request_free. */
struct httpd_request *httpd_request_new(struct httpd *httpd, struct MHD_Connection *connection, const char *path,
                                        const char *method, const char *version);
/* Frees the request, and its stream when that has not begun; its closed function runs. */
void httpd_request_free(struct httpd_request *request);
/* Gives the request its answer, `response` (taken); inside the handler it is queued after it, a deferred request is
 * woken. */
void httpd_request_answer(struct httpd_request *request, int status, const char *content_type,
                          struct MHD_Response *response);
/* Hands the answer that was made to libmicrohttpd. */
enum MHD_Result httpd_request_queue(struct httpd_request *request) __attribute__((warn_unused_result));

/* Writes what streams have to send, as far as their sockets take it. */
void httpd_streams_flush(struct httpd *httpd);
/* Each HTTPD_WATCH_MS: what has to be done for clients that have hung up, or may be slow or silent. */
void httpd_streams_watch(struct httpd *httpd, int64_t now_ms);
/* Runs the closed function and frees. */
void httpd_stream_free(struct httpd_stream *stream);
/* The server stops: all end after what their sockets take at once. */
void httpd_streams_close(struct httpd *httpd);
/* Frees those that are left; their clients see the end. */
void httpd_streams_free(struct httpd *httpd);

#endif
