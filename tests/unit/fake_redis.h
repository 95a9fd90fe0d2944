/*
 * A peer that speaks Redis' protocol as badly as a test wants: it listens on loopback, lives on the test's
 * own loop, answers the greeting, and hands every other command to the test.
 */
#ifndef ISOBAR_TEST_FAKE_REDIS_H
#define ISOBAR_TEST_FAKE_REDIS_H

#include "buf.h"
#include "loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake_redis {
    struct loop *loop;
    int listener, peer; /* -1 when there is none */
    struct loop_fd *listener_source, *peer_source;
    struct buf input;
    char address[32];
    int accepted, commands; /* commands without the greeting's */
    const char *ping;       /* answer to PING; NULL: none */
    const char *answers;    /* what each other command is answered with; NULL: nothing */
};

/* Sends raw protocol. */
static void fake_redis_say(struct fake_redis *fake, const char *text)
{
    if (send(fake->peer, text, strlen(text), MSG_NOSIGNAL) < 0)
        perror("fake_redis_say");
}

/* Hangs up on the client. */
static void fake_redis_hang_up(struct fake_redis *fake)
{
    loop_fd_remove(fake->peer_source);
    fake->peer_source = NULL;
    if (fake->peer >= 0)
        (void)close(fake->peer);
    fake->peer = -1;
    buf_reset(&fake->input);
}

static void fake_redis_hear(struct fake_redis *fake, const char *word)
{
    if (strcmp(word, "PING") == 0) {
        if (fake->ping != NULL)
            fake_redis_say(fake, fake->ping);
    } else if (strcmp(word, "CLIENT") == 0 || strcmp(word, "AUTH") == 0) {
        fake_redis_say(fake, "+OK\r\n");
    } else if (strcmp(word, "SUBSCRIBE") == 0) {
        fake_redis_say(fake, "*3\r\n$9\r\nsubscribe\r\n$7\r\nupdates\r\n:1\r\n");
    } else {
        fake->commands++;
        if (fake->answers != NULL)
            fake_redis_say(fake, fake->answers);
    }
}

/* Bytes of the first whole command in the input, its first word copied to `word` (of 64); 0 when it is not
 * whole. */
static size_t fake_redis_parse(const struct fake_redis *fake, char *word)
{
    const char *at = fake->input.data, *end = at + fake->input.size;
    long words = strtol(at + 1, NULL, 10);
    for (long i = -1; i < words; i++) {
        const char *line = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (line == NULL)
            return 0;
        long size = strtol(at + 1, NULL, 10);
        at = line + 2;
        if (i < 0)
            continue;
        if (end - at < size + 2)
            return 0;
        if (i == 0)
            (void)snprintf(word, 64, "%.*s", (int)size, at);
        at += size + 2;
    }
    return (size_t)(at - fake->input.data);
}

static void fake_redis_on_peer(void *arg, unsigned events)
{
    (void)events;
    struct fake_redis *fake = arg;
    ssize_t size = recv(fake->peer, buf_reserve(&fake->input, 65536), 65536, MSG_DONTWAIT);
    if (size <= 0) {
        fake_redis_hang_up(fake);
        return;
    }
    buf_advance(&fake->input, (size_t)size);
    char word[64];
    for (size_t used; fake->peer >= 0 && fake->input.size > 0 && (used = fake_redis_parse(fake, word)) > 0;) {
        memmove(fake->input.data, fake->input.data + used, fake->input.size - used);
        fake->input.size -= used;
        fake_redis_hear(fake, word);
    }
}

static void fake_redis_on_listener(void *arg, unsigned events)
{
    (void)events;
    struct fake_redis *fake = arg;
    fake_redis_hang_up(fake);
    fake->peer = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);
    fake->peer_source = loop_fd_add(fake->loop, fake->peer, LOOP_READ, fake_redis_on_peer, fake);
    fake->accepted++;
}

static void fake_redis_start(struct fake_redis *fake, struct loop *loop)
{
    *fake = (struct fake_redis){.loop = loop, .peer = -1, .ping = "+PONG\r\n"};
    buf_init(&fake->input);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake->listener, (struct sockaddr *)&address, size) != 0 || listen(fake->listener, 8) != 0 ||
        getsockname(fake->listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    (void)snprintf(fake->address, sizeof(fake->address), "127.0.0.1:%d", ntohs(address.sin_port));
    fake->listener_source = loop_fd_add(loop, fake->listener, LOOP_READ, fake_redis_on_listener, fake);
}

static void fake_redis_stop(struct fake_redis *fake)
{
    fake_redis_hang_up(fake);
    loop_fd_remove(fake->listener_source);
    if (fake->listener >= 0)
        (void)close(fake->listener);
    buf_release(&fake->input);
}

#endif
