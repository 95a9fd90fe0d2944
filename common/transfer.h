/*
 * HTTP transfers: libcurl's multi interface as a source of the loop. The only file that includes curl. Kept here: https
 * only unless http is allowed, certificates verified, no redirects, no proxy but a configured one, connect and total
 * time-outs, a low-speed limit, caps on headers and body, no encoding but gzip, a bounded number of transfers. It does
 * not retry and does not judge answers. The fetcher GETs from weather APIs, the coordinator POSTs to a webhook.
 *
 * A connection is made to a public address only, or to one of the networks that the operator allows (netlist.h). That
 * is decided by the address that libcurl is about to connect to, not by one that was looked up before, so that no
 * second answer of DNS gets around it. Through a proxy it is the proxy that looks names up: its address is the
 * operator's own choice and is not checked.
 *
 * URLs contain keys: they are handed to libcurl and never logged; `reason` never contains one.
 */
#ifndef ISOBAR_TRANSFER_H
#define ISOBAR_TRANSFER_H

#include "buf.h"
#include "loop.h"
#include "netlist.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSFER_BODY_MAX   (1024 * 1024) /* decompressed */
#define TRANSFER_HEADER_MAX (64 * 1024)   /* all headers of an answer */

enum transfer_end {
    TRANSFER_ANSWERED, /* with any HTTP status */
    TRANSFER_NETWORK,  /* no connection, TLS refused, connection lost, an encoding nobody asked for */
    TRANSFER_TIMEOUT,
    TRANSFER_TOO_LARGE,
    TRANSFER_NO_NAME, /* DNS has no address for the host, or does not answer */
    TRANSFER_REFUSED  /* the host's addresses are neither public nor allowed: nothing was sent */
};

struct transfer_result {
    enum transfer_end end;
    int http_status;  /* TRANSFER_ANSWERED */
    const char *body; /* borrowed, ends in '\0' */
    size_t size;
    int64_t retry_after_ms; /* of the Retry-After header; -1: none */
    int64_t took_ms;
    const char *reason; /* why not TRANSFER_ANSWERED, English */
};

/* Called on the loop, once per transfer that was not aborted. May start others. */
typedef void transfer_done_fn(void *arg, void *opaque, const struct transfer_result *result);

struct transfer_config {
    bool allow_http;
    const char *agent;             /* of the header User-Agent, without the version: isobar-fetcher */
    const char *proxy;             /* URL; empty: none, whatever the environment says */
    const char *ca_file;           /* PEM; empty: the system's */
    const struct netlist *allowed; /* beside public addresses; copied; NULL: none */
    int64_t concurrency;           /* transfers at a time */
    int64_t connect_timeout_ms, timeout_ms;
};

struct transfers;

/* NULL with text in `error`. `config` is copied. Freed by transfers_free. */
struct transfers *transfers_new(struct loop *loop, const struct transfer_config *config, transfer_done_fn *done,
                                void *arg, struct buf *error) __attribute__((warn_unused_result));
/* Aborts what is under way and frees. NULL allowed. Not from inside its callback. */
void transfers_free(struct transfers *transfers);
/* Starts a GET. ERR_BUSY when `concurrency` are under way, ERR_INVALID when libcurl does not take the URL. */
int transfers_start(struct transfers *transfers, const char *url, void *opaque) __attribute__((warn_unused_result));
/*
 * Starts a POST of `size` bytes (copied) with `count` headers "Name: value" (copied), beside those of HTTP itself. What
 * the answer says beyond its status and headers is dropped. Errors as above.
 */
int transfers_post(struct transfers *transfers, const char *url, const char *const *headers, size_t count,
                   const void *body, size_t size, void *opaque) __attribute__((warn_unused_result));
/* "answered", "network", "timeout", "body_too_large", "name_not_found" or "address_refused". */
const char *transfer_end_name(enum transfer_end end);
/* Transfers under way. */
int64_t transfers_running(const struct transfers *transfers);
/* Takes one transfer off without a callback and gives back its `opaque`; NULL when none is under way. */
void *transfers_abort(struct transfers *transfers);
/*
 * Checks a base URL: scheme (https, or http when allowed), a host, no user, query or fragment. Appends it to `out`
 * without a slash at its end. ERR_INVALID with the reason in `error`.
 */
int transfer_base_url(const char *text, bool allow_http, struct buf *out, struct buf *error)
    __attribute__((warn_unused_result));
/* Checks a whole URL, which may have a path and a query: as above. */
int transfer_check_url(const char *text, bool allow_http, struct buf *error) __attribute__((warn_unused_result));
/*
 * Allows what the host of a URL is by itself, an address or localhost (netlist_add_host): who configures that means it.
 * A URL that cannot be read allows nothing.
 */
void transfer_allow_host(struct netlist *allowed, const char *url);

#endif
