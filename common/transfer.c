/*
 * See transfer.h. One easy handle per possible transfer, kept for its settings; connections are kept by the multi
 * handle. libcurl tells which sockets and which time to watch; the loop tells it what happened; finished transfers are
 * collected afterwards, outside of libcurl's callbacks, so that `done` may start new ones.
 */
#include "transfer_internal.h"

#include "error.h"
#include "mem.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOW_SPEED_BYTES 10L /* a second, for LOW_SPEED_S: then the transfer has stalled */
#define LOW_SPEED_S     5L

/* A socket that libcurl wants watched. */
struct watched {
    struct transfers *owner;
    struct loop_fd *source;
    curl_socket_t fd;
};

/* ---- libcurl's events ---- */

static void collect(struct transfers *transfers);

static void on_socket_event(void *arg, unsigned events)
{
    const struct watched *watched = arg;
    struct transfers *transfers = watched->owner;
    int running = 0, flags = (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(transfers->multi, watched->fd, flags, &running);
    collect(transfers);
}

static void on_timer(void *arg)
{
    struct transfers *transfers = arg;
    int running = 0;
    curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(transfers);
}

static int on_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct transfers *transfers = arg;
    struct watched *watched = socket_arg;
    unsigned events = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watched)
            loop_fd_remove(watched->source);
        free(watched);
        curl_multi_assign(transfers->multi, fd, NULL);
        return 0;
    }
    if (watched) {
        loop_fd_set(watched->source, events);
        return 0;
    }
    watched = mem_alloc(sizeof *watched);
    watched->owner = transfers;
    watched->fd = fd;
    watched->source = loop_fd_add(transfers->loop, fd, events, on_socket_event, watched);
    if (!watched->source) {
        free(watched);
        return -1;
    }
    curl_multi_assign(transfers->multi, fd, watched);
    return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *arg)
{
    struct transfers *transfers = arg;
    (void)multi;
    if (timeout_ms < 0)
        loop_timer_cancel(transfers->timer);
    else
        loop_timer_set(transfers->timer, timeout_ms, 0);
    return 0;
}

/* ---- the end of a transfer ---- */

static void drop_headers(struct transfer *transfer)
{
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
}

static void finish(struct transfer *transfer)
{
    struct transfers *transfers = transfer->owner;
    curl_multi_remove_handle(transfers->multi, transfer->easy);
    curl_easy_setopt(transfer->easy, CURLOPT_URL, NULL); /* it has the key in it */
    drop_headers(transfer);
    transfer->running = false;
    transfers->running--;
}

static void collect(struct transfers *transfers)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(transfers->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;
        struct transfer_result result;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        transfer_describe(transfer, code, &result);
        /* The slot may be taken again in the callback, so its body is ours until then. */
        struct buf body = transfer->body;
        buf_init(&transfer->body);
        char reason[CURL_ERROR_SIZE];
        snprintf(reason, sizeof reason, "%s", result.reason);
        result.reason = reason;
        finish(transfer);
        transfers->done(transfers->arg, transfer->opaque, &result);
        buf_release(&body);
    }
}

/* ---- life ---- */

/*
 * Sets a handle up. Names are looked up in threads of libcurl's; one that is given up while its thread waits for a name
 * server would be waited for with it (for as long as the resolver has patience, half a minute), and with it the whole
 * loop. QUICK_EXIT lets go of the thread, which cleans up after itself.
 */
static bool prepare(struct transfer *transfer, const struct transfer_config *config)
{
    CURL *easy = transfer->easy = curl_easy_init();
    if (!easy)
        return false;
    const char *protocols = config->allow_http ? "http,https" : "https";
    struct buf agent = BUF_EMPTY;
    buf_printf(&agent, "%s/%s", config->agent, ISOBAR_VERSION);
    CURLcode code = CURLE_OK;
#define SET(option, value) (code = code ? code : curl_easy_setopt(easy, option, value))
    SET(CURLOPT_PRIVATE, transfer);
    SET(CURLOPT_ERRORBUFFER, transfer->error);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_PROTOCOLS_STR, protocols);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_PROXY, config->proxy);
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)config->timeout_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
    SET(CURLOPT_LOW_SPEED_TIME, LOW_SPEED_S);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(CURLOPT_USERAGENT, agent.data);
    SET(CURLOPT_OPENSOCKETFUNCTION, transfer_open);
    SET(CURLOPT_OPENSOCKETDATA, transfer);
    SET(CURLOPT_HEADERFUNCTION, transfer_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, transfer_body);
    SET(CURLOPT_WRITEDATA, transfer);
    if (*config->ca_file) {
        SET(CURLOPT_CAINFO, config->ca_file);
        SET(CURLOPT_CAPATH, NULL); /* or the system's authorities would be trusted as well */
    }
#undef SET
    buf_release(&agent);
    return code == CURLE_OK;
}

struct transfers *transfers_new(struct loop *loop, const struct transfer_config *config, transfer_done_fn *done,
                                void *arg, struct buf *error)
{
    struct transfers *transfers = mem_alloc(sizeof *transfers);
    bool good = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    transfers->loop = loop;
    transfers->done = done;
    transfers->arg = arg;
    transfers->proxied = *config->proxy != '\0';
    transfers->allowed = config->allowed ? *config->allowed : (struct netlist){0};
    transfers->slot_count = (size_t)config->concurrency;
    transfers->slots = mem_calloc(transfers->slot_count, sizeof *transfers->slots);
    transfers->timer = loop_timer_new(loop, on_timer, transfers);
    transfers->multi = good ? curl_multi_init() : NULL;
    good = transfers->multi != NULL;
    for (size_t i = 0; i < transfers->slot_count; i++) {
        transfers->slots[i].owner = transfers;
        buf_init(&transfers->slots[i].body);
        good = good && prepare(&transfers->slots[i], config);
    }
    if (!good) {
        buf_text(error, "libcurl cannot be set up (is it at least 7.87, with TLS?)");
        transfers_free(transfers);
        return NULL;
    }
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, on_watch);
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, (long)config->concurrency);
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    if (!transfers)
        return;
    while (transfers_abort(transfers))
        ;
    for (size_t i = 0; i < transfers->slot_count; i++) {
        curl_easy_cleanup(transfers->slots[i].easy);
        buf_release(&transfers->slots[i].body);
    }
    curl_multi_cleanup(transfers->multi);
    loop_timer_free(transfers->timer);
    free(transfers->slots);
    free(transfers);
    curl_global_cleanup();
}

/* A free one, for a GET or a POST; NULL when all are under way. */
static struct transfer *take_slot(struct transfers *transfers, bool posts, void *opaque)
{
    struct transfer *transfer = NULL;
    for (size_t i = 0; i < transfers->slot_count && !transfer; i++)
        transfer = transfers->slots[i].running ? NULL : &transfers->slots[i];
    if (!transfer)
        return NULL;
    buf_reset(&transfer->body);
    transfer->opaque = opaque;
    transfer->too_large = transfer->enough = false;
    transfer->encoding = NULL;
    transfer->header_bytes = transfer->drained = 0;
    transfer->tried = 0;
    transfer->refused[0] = '\0';
    transfer->posts = posts;
    curl_easy_setopt(transfer->easy, CURLOPT_MAXFILESIZE, posts ? 0L : (long)TRANSFER_BODY_MAX);
    transfer->error[0] = '\0';
    return transfer;
}

static int begin(struct transfer *transfer, const char *url)
{
    struct transfers *transfers = transfer->owner;
    if (curl_easy_setopt(transfer->easy, CURLOPT_URL, url) != CURLE_OK ||
        curl_multi_add_handle(transfers->multi, transfer->easy) != CURLM_OK)
        return ERR_INVALID;
    transfer->running = true;
    transfers->running++;
    return 0;
}

int transfers_start(struct transfers *transfers, const char *url, void *opaque)
{
    struct transfer *transfer = take_slot(transfers, false, opaque);
    if (!transfer)
        return ERR_BUSY;
    return curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L) == CURLE_OK ? begin(transfer, url) : ERR_INVALID;
}

int transfers_post(struct transfers *transfers, const char *url, const char *const *headers, size_t count,
                   const void *body, size_t size, void *opaque)
{
    struct transfer *transfer = take_slot(transfers, true, opaque);
    if (!transfer)
        return ERR_BUSY;
    CURLcode code = curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE, (long)size); /* before the bytes */
    code = code ? code : curl_easy_setopt(transfer->easy, CURLOPT_COPYPOSTFIELDS, body);
    for (size_t i = 0; i < count && !code; i++) {
        struct curl_slist *longer = curl_slist_append(transfer->headers, headers[i]);
        code = longer ? CURLE_OK : CURLE_OUT_OF_MEMORY;
        transfer->headers = longer ? longer : transfer->headers;
    }
    code = code ? code : curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
    if (!code && begin(transfer, url) == 0)
        return 0;
    drop_headers(transfer);
    return ERR_INVALID;
}

int64_t transfers_running(const struct transfers *transfers)
{
    return transfers->running;
}

void *transfers_abort(struct transfers *transfers)
{
    for (size_t i = 0; i < transfers->slot_count; i++) {
        if (transfers->slots[i].running) {
            finish(&transfers->slots[i]);
            buf_release(&transfers->slots[i].body);
            return transfers->slots[i].opaque;
        }
    }
    return NULL;
}
