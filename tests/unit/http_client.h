/*
 * HTTP clients on real sockets for tests whose server runs on the same thread's loop: nothing here blocks, everything
 * waits by turning the loop with a deadline. Static functions, because each unit test is one source file.
 */
#ifndef ISOBAR_TEST_HTTP_CLIENT_H
#define ISOBAR_TEST_HTTP_CLIENT_H

#include "buf.h"
#include "loop_kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

struct client {
    int fd; /* -1: closed */
    struct buf in;
    bool ended; /* the server closed, or the connection broke */
};

struct response {
    int status;
    char *head; /* with the status line */
    char *body; /* dechunked */
    size_t size;
};

/* Connects from address `from` (NULL: any) to `port` on 127.0.0.1; `receive_bytes` > 0 makes a small socket buffer. */
static inline void client_open(struct client *client, int port, const char *from, int receive_bytes)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in source = {.sin_family = AF_INET};
    *client = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .in = BUF_EMPTY};
    assert_true(client->fd >= 0);
    if (receive_bytes > 0)
        assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes), 0);
    if (from) {
        assert_int_equal(inet_pton(AF_INET, from, &source.sin_addr), 1);
        assert_int_equal(bind(client->fd, (const struct sockaddr *)&source, sizeof source), 0);
    }
    int status = connect(client->fd, (const struct sockaddr *)&to, sizeof to);
    assert_true(status == 0 || errno == EINPROGRESS);
}

/* Closes; `reset` sends RST rather than FIN, as a process that is killed with unread bytes does. */
static inline void client_close(struct client *client, bool reset)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (client->fd >= 0) {
        if (reset)
            (void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        close(client->fd);
    }
    client->fd = -1;
    buf_release(&client->in);
}

/* Sends what the socket takes of `size` bytes and returns how many that were. */
static inline size_t client_write(struct client *client, const void *bytes, size_t size)
{
    ssize_t sent = send(client->fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != ENOTCONN)
        client->ended = true;
    return sent > 0 ? (size_t)sent : 0;
}

/* Sends all of `bytes`, turning the loop while the socket is full; false when the server closed before. */
static inline bool client_send_bytes(struct loop *loop, struct client *client, const char *bytes, size_t size)
{
    size_t sent = 0;
    UNTIL(loop, client->ended || (sent += client_write(client, bytes + sent, size - sent)) == size);
    return sent == size;
}

static inline void client_send(struct loop *loop, struct client *client, const char *text)
{
    assert_true(client_send_bytes(loop, client, text, strlen(text)));
}

/* Reads what is there; true when that was anything. */
static inline bool client_read(struct client *client)
{
    char bytes[65536];
    size_t before = client->in.size;
    ssize_t got;
    while ((got = recv(client->fd, bytes, sizeof bytes, 0)) > 0)
        buf_append(&client->in, bytes, (size_t)got);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != ENOTCONN))
        client->ended = true;
    return client->in.size > before;
}

static inline bool client_has(struct client *client, const char *text)
{
    client_read(client);
    return strstr(client->in.data, text) != NULL;
}

static inline bool client_ended(struct client *client)
{
    client_read(client);
    return client->ended;
}

/* Reads all that a server which is gone has left behind. */
static inline void client_read_to_end(struct client *client)
{
    int64_t limit_ms = clock_monotonic_ms() + LIMIT_MS;
    while (!client_ended(client))
        assert_true(clock_monotonic_ms() < limit_ms);
}

/* How often `text` is in what came. */
static inline int client_count(struct client *client, const char *text)
{
    int count = 0;
    client_read(client);
    for (const char *p = client->in.data; (p = strstr(p, text)) != NULL; p += strlen(text))
        count++;
    return count;
}

/* The value of a header in `head`, up to the line's end; NULL when absent. */
static inline const char *head_find(const char *head, const char *name)
{
    for (const char *line = strstr(head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, strlen(name)) == 0 && line[2 + strlen(name)] == ':')
            return line + 2 + strlen(name) + 2;
    }
    return NULL;
}

/* Moves the chunks at `at` into `out`; the place after the last, or NULL when they are not all there. */
static inline const char *dechunk(const char *at, const char *end, struct buf *out)
{
    for (;;) {
        char *line_end = NULL;
        size_t size = strtoul(at, &line_end, 16);
        if (line_end == at || end - line_end < 2)
            return NULL;
        at = line_end + 2;
        if ((size_t)(end - at) < size + 2)
            return NULL;
        buf_append(out, at, size);
        at += size + 2;
        if (size == 0)
            return at;
    }
}

/* Takes a whole answer off the front of what came; false when it is not all there. Freed with response_free. */
static inline bool response_take(struct client *client, bool to_head, struct response *response)
{
    client_read(client);
    const char *start = client->in.data, *end = start + client->in.size, *head_end = strstr(start, "\r\n\r\n");
    if (!head_end)
        return false;
    struct buf body = BUF_EMPTY;
    char *head = strndup(start, (size_t)(head_end + 2 - start));
    const char *length = head_find(head, "Content-Length"), *coding = head_find(head, "Transfer-Encoding"),
               *after = head_end + 4;
    size_t size = length ? strtoul(length, NULL, 10) : 0;
    if (!to_head && coding) {
        after = dechunk(after, end, &body);
    } else if (!to_head) {
        buf_append(&body, after, (size_t)(end - after) < size ? (size_t)(end - after) : size);
        after = (size_t)(end - after) < size ? NULL : after + size;
    }
    if (!after) {
        free(head);
        buf_release(&body);
        return false;
    }
    *response = (struct response){.status = atoi(head + 9), .head = head, .size = body.size};
    response->body = buf_take(&body);
    size_t rest = (size_t)(end - after);
    memmove(client->in.data, after, rest + 1);
    client->in.size = rest;
    return true;
}

static inline void response_free(struct response *response)
{
    free(response->head);
    free(response->body);
    *response = (struct response){0};
}

/* One request on a connection of its own. The caller frees the response. */
static inline void client_ask(struct loop *loop, int port, const char *request, struct response *response)
{
    struct client client;
    client_open(&client, port, NULL, 0);
    client_send(loop, &client, request);
    UNTIL(loop, response_take(&client, strncmp(request, "HEAD", 4) == 0, response));
    client_close(&client, false);
}

#endif
