/*
 * A server that says exactly what a test gives it, right or wrong: once a request is there it sends `head`, then
 * `piece` as the mode has it. On the loop, one connection at a time after another. Static functions, because each unit
 * test is one source file.
 */
#ifndef ISOBAR_TEST_RAW_SERVER_H
#define ISOBAR_TEST_RAW_SERVER_H

#include "loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum raw_mode {
    RAW_HOLD,  /* sends the head and says nothing more */
    RAW_CLOSE, /* sends head and piece once, and closes */
    RAW_FLOOD, /* sends the piece for ever, as fast as it is taken */
    RAW_DRIP   /* sends the piece every 20 ms */
};

struct raw_server {
    struct loop *loop;
    struct loop_fd *listener, *peer;
    struct loop_timer *timer;
    int fd, peer_fd, port;
    enum raw_mode mode;
    const char *head, *piece;
    size_t head_size, piece_size;
    int accepted;
    int64_t sent; /* bytes, of all connections */
};

static inline void raw_hang_up(struct raw_server *server)
{
    if (server->peer_fd < 0)
        return;
    loop_timer_cancel(server->timer);
    loop_fd_remove(server->peer);
    close(server->peer_fd);
    server->peer_fd = -1;
}

/* False when the peer is gone. */
static inline bool raw_send(struct raw_server *server, const char *bytes, size_t size)
{
    ssize_t got = send(server->peer_fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    server->sent += got > 0 ? got : 0;
    return got >= 0;
}

static inline void raw_drip(void *arg)
{
    struct raw_server *server = arg;
    if (!raw_send(server, server->piece, server->piece_size))
        raw_hang_up(server);
}

static inline void raw_flood(struct raw_server *server)
{
    for (int i = 0; i < 64; i++) {
        if (!raw_send(server, server->piece, server->piece_size)) {
            if (errno != EAGAIN)
                raw_hang_up(server);
            return;
        }
    }
}

static inline void raw_on_peer(void *arg, unsigned events)
{
    struct raw_server *server = arg;
    char bytes[4096];
    if (events & LOOP_READ) {
        ssize_t got = recv(server->peer_fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got <= 0) {
            raw_hang_up(server);
            return;
        }
        raw_send(server, server->head, server->head_size);
        if (server->mode == RAW_FLOOD)
            loop_fd_set(server->peer, LOOP_READ | LOOP_WRITE);
        else if (server->mode == RAW_DRIP)
            loop_timer_set(server->timer, 20, 20);
        else if (server->mode == RAW_CLOSE) {
            raw_send(server, server->piece, server->piece_size);
            raw_hang_up(server);
            return;
        }
    }
    if (events & LOOP_WRITE)
        raw_flood(server);
}

static inline void raw_on_accept(void *arg, unsigned events)
{
    struct raw_server *server = arg;
    (void)events;
    raw_hang_up(server);
    server->peer_fd = accept(server->fd, NULL, NULL);
    assert_true(server->peer_fd >= 0);
    server->peer = loop_fd_add(server->loop, server->peer_fd, LOOP_READ, raw_on_peer, server);
    server->accepted++;
}

/* Listens on a free port of loopback. */
static inline void raw_open(struct raw_server *server, struct loop *loop)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *server = (struct raw_server){.loop = loop, .peer_fd = -1};
    server->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->fd, 16), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    server->timer = loop_timer_new(loop, raw_drip, server);
    server->listener = loop_fd_add(loop, server->fd, LOOP_READ, raw_on_accept, server);
}

/* What it says from now on. Texts are borrowed. */
static inline void raw_say(struct raw_server *server, enum raw_mode mode, const char *head, const char *piece)
{
    raw_hang_up(server);
    server->mode = mode;
    server->head = head;
    server->head_size = strlen(head);
    server->piece = piece;
    server->piece_size = strlen(piece);
    server->sent = 0;
}

static inline void raw_close(struct raw_server *server)
{
    raw_hang_up(server);
    loop_fd_remove(server->listener);
    loop_timer_free(server->timer);
    close(server->fd);
}

#endif
