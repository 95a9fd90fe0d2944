/* Inside of transfer: one transfer and what is kept for all (transfer.c), and libcurl's callbacks (transfer_answer.c).
 */
#ifndef ISOBAR_TRANSFER_INTERNAL_H
#define ISOBAR_TRANSFER_INTERNAL_H

#include "transfer.h"

#include <curl/curl.h>

struct transfer {
    struct transfers *owner;
    CURL *easy;
    void *opaque;
    struct buf body;
    struct curl_slist *headers;   /* of a POST */
    size_t header_bytes, drained; /* of an answer; of one to a POST */
    int tried;                    /* addresses that were good enough to connect to */
    bool running, too_large, posts;
    bool enough;          /* of an answer to a POST: the rest is not waited for */
    const char *encoding; /* why its encoding is not taken; NULL: it is */
    char refused[160];    /* which address was refused, and what to do; empty: none was */
    char error[CURL_ERROR_SIZE];
};

struct transfers {
    struct loop *loop;
    struct loop_timer *timer;
    CURLM *multi;
    transfer_done_fn *done;
    void *arg;
    struct transfer *slots;
    size_t slot_count;
    int64_t running;
    bool proxied;
    struct netlist allowed;
};

/*
 * CURLOPT_OPENSOCKETFUNCTION; `arg` is the transfer. libcurl is about to connect to `address`: the socket, or
 * CURL_SOCKET_BAD when that must not be. It goes on with the host's next address then.
 */
curl_socket_t transfer_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address);
/* CURLOPT_HEADERFUNCTION: counts, and stops the transfer at an encoding that was not asked for. */
size_t transfer_header(char *line, size_t size, size_t count, void *arg);
/* CURLOPT_WRITEFUNCTION: keeps the body, as far as it is wanted and allowed. */
size_t transfer_body(char *bytes, size_t size, size_t count, void *arg);
/* What became of a transfer that libcurl ended with `code`. Body and reason are borrowed of the transfer. */
void transfer_describe(const struct transfer *transfer, CURLcode code, struct transfer_result *result);

#endif
