/*
 * The connections of the HTTP server (httpd.h) that are no streams: how long each has to say what it wants, and who
 * gives way when all places are taken. libmicrohttpd then accepts nobody; who waits in the listen queue is seen by
 * asking the listening socket.
 */
#include "httpd_internal.h"

#include "clock.h"
#include "mem.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

struct httpd_peer *httpd_peer_new(struct httpd *httpd, int fd)
{
    struct httpd_peer *peer = mem_alloc(sizeof *peer);
    *peer = (struct httpd_peer){.fd = fd, .since_ms = clock_monotonic_ms(), .fresh = true, .next = httpd->peers};
    if (httpd->peers)
        httpd->peers->previous = peer;
    httpd->peers = peer;
    httpd->connections++;
    return peer;
}

void httpd_peer_free(struct httpd *httpd, struct httpd_peer *peer)
{
    if (peer->previous)
        peer->previous->next = peer->next;
    else
        httpd->peers = peer->next;
    if (peer->next)
        peer->next->previous = peer->previous;
    httpd->connections -= !peer->hollow;
    free(peer);
}

/* ---- places ---- */

/*
 * Whom the server has nothing to do for: who has not said what it wants, before who was served and stayed; then the
 * oldest. Who has just been accepted is not judged before libmicrohttpd has had a look at its descriptor.
 */
static struct httpd_peer *idlest(struct httpd *httpd)
{
    struct httpd_peer *found = NULL;
    for (struct httpd_peer *peer = httpd->peers; peer; peer = peer->next) { /* the newest first */
        bool fresh = peer->fresh;
        peer->fresh = false;
        if (fresh)
            loop_wait_at_most(httpd->loop, 0);
        if (fresh || peer->complete || peer->dropped || peer->hollow)
            continue;
        bool before = !found || (found->served && !peer->served) ||
                      (found->served == peer->served && peer->since_ms <= found->since_ms);
        found = before ? peer : found;
    }
    return found;
}

void httpd_peers_make_room(struct httpd *httpd)
{
    struct pollfd listener = {.fd = httpd->listener, .events = POLLIN};
    struct httpd_peer *peer;
    if (httpd->connections < httpd->places || poll(&listener, 1, 0) <= 0 || !(peer = idlest(httpd)))
        return;
    peer->dropped = true;
    shutdown(peer->fd, SHUT_RDWR);
    httpd_want_run(httpd);
}

/* ---- deadlines ---- */

/* Whether a client that has hung up would go unnoticed: libmicrohttpd hears no second edge after a half-sent header. */
static bool may_be_left(const struct httpd_peer *peer, int64_t now_ms)
{
    return !peer->busy && !peer->hollow && now_ms - peer->since_ms >= HTTPD_WATCH_MS;
}

/* Ends connections of those who hung up before they had sent a header: they would hold their places until the deadline.
 * One poll over all of them. */
static void drop_hung_up(struct httpd *httpd, int64_t now_ms)
{
    struct pollfd *asked = mem_calloc((size_t)httpd->connections + 1, sizeof *asked);
    nfds_t count = 0;
    for (const struct httpd_peer *peer = httpd->peers; peer; peer = peer->next) {
        if (may_be_left(peer, now_ms))
            asked[count++] = (struct pollfd){.fd = peer->fd, .events = POLLRDHUP};
    }
    if (count > 0 && poll(asked, count, 0) > 0) {
        for (nfds_t i = 0; i < count; i++) {
            if (asked[i].revents)
                shutdown(asked[i].fd, SHUT_RDWR);
        }
    }
    free(asked);
}

/*
 * Time in which the server itself did not run, after a SIGSTOP or in a long callback, is not the clients': what they
 * sent meanwhile has not been looked at.
 */
static void forgive(struct httpd *httpd, int64_t now_ms)
{
    int64_t late_ms = now_ms - httpd->watched_ms - HTTPD_WATCH_MS;
    httpd->watched_ms = now_ms;
    if (late_ms < HTTPD_WATCH_MS)
        return;
    for (struct httpd_peer *peer = httpd->peers; peer; peer = peer->next)
        peer->since_ms = peer->since_ms + late_ms < now_ms ? peer->since_ms + late_ms : now_ms;
}

void httpd_peers_watch(struct httpd *httpd, int64_t now_ms)
{
    forgive(httpd, now_ms);
    drop_hung_up(httpd, now_ms);
    for (struct httpd_peer *peer = httpd->peers; peer; peer = peer->next) {
        if (now_ms - peer->since_ms > httpd->deadline_ms)
            shutdown(peer->fd, SHUT_RDWR); /* libmicrohttpd sees the end, and closes */
    }
}
