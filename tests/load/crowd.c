/* See crowd.h. */
#include "crowd.h"

#include "mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PER_ADDRESS  500
#define OPENING_MAX  200 /* at once, so that the listen queue holds them */
#define READ_BYTES   65536
#define EVENTS       512
#define FIRST_SOURCE 0x7f000101u /* 127.0.1.1 */

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void crowd_init(struct crowd *crowd, int port, const char *path)
{
    *crowd = (struct crowd){.epoll = epoll_create1(EPOLL_CLOEXEC), .port = port, .path = path};
    crowd->clients = mem_calloc(CROWD_MAX, sizeof *crowd->clients);
    if (crowd->epoll < 0) {
        perror("epoll");
        abort();
    }
}

static void end(struct client *client)
{
    struct crowd *crowd = client->crowd;
    bool opening = client->state == CLIENT_CONNECTING || client->state == CLIENT_OPENING;
    crowd->opening -= opening;
    crowd->refused += opening;
    crowd->live -= client->state == CLIENT_LIVE;
    crowd->ended += client->state == CLIENT_LIVE || client->state == CLIENT_PAUSED;
    if (opening)
        crowd->status = client->listener.status;
    client->state = CLIENT_ENDED;
    close(client->fd);
    client->fd = -1;
}

void crowd_release(struct crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++) {
        if (crowd->clients[i].fd >= 0)
            close(crowd->clients[i].fd);
    }
    close(crowd->epoll);
    ticks_release(&crowd->ticks);
    free(crowd->clients);
}

/* ---- opening ---- */

static void watch(struct client *client, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    (void)epoll_ctl(client->crowd->epoll, how, client->fd, &event);
}

static void open_one(struct crowd *crowd)
{
    struct client *client = &crowd->clients[crowd->count];
    uint32_t source = FIRST_SOURCE + (uint32_t)(crowd->count / PER_ADDRESS);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)crowd->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        perror("client");
        abort();
    }
    *client = (struct client){.crowd = crowd, .fd = fd, .state = CLIENT_CONNECTING};
    crowd->count++;
    crowd->opening++;
    watch(client, EPOLLOUT, EPOLL_CTL_ADD);
}

void crowd_open(struct crowd *crowd, int count)
{
    crowd->wanted += count;
    if (crowd->wanted > CROWD_MAX)
        crowd->wanted = CROWD_MAX;
}

bool crowd_settled(const struct crowd *crowd)
{
    return crowd->count == crowd->wanted && crowd->opening == 0;
}

/* Connected, or not: the request is short enough for an empty socket. */
static void ask(struct client *client)
{
    char text[512];
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n",
                        client->crowd->path);
    if (send(client->fd, text, (size_t)size, MSG_NOSIGNAL) != size) {
        end(client);
        return;
    }
    client->state = CLIENT_OPENING;
    watch(client, EPOLLIN, EPOLL_CTL_MOD);
}

/* ---- listening ---- */

static void on_heard(void *arg, const struct heard *heard)
{
    struct client *client = arg;
    struct crowd *crowd = client->crowd;
    client->version = heard->version;
    if (heard->version > crowd->newest)
        crowd->newest = heard->version;
    if (client->state == CLIENT_OPENING) {
        client->state = CLIENT_LIVE;
        crowd->opening--;
        crowd->live++;
    } else if (strcmp(heard->event, "latest") == 0 && heard->at_ms > 0) {
        ticks_take(&crowd->ticks, heard->version, heard->at_ms, crowd->now_us);
    }
}

static void read_from(struct client *client)
{
    static char bytes[READ_BYTES];
    ssize_t size = recv(client->fd, bytes, sizeof bytes, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    client->crowd->now_us = wall_us();
    client->crowd->bytes += size > 0 ? size : 0;
    if (client->state == CLIENT_OPENING)
        client->crowd->first_bytes += size > 0 ? size : 0;
    if (size <= 0 || !listener_take(&client->listener, bytes, (size_t)size, on_heard, client))
        end(client);
}

void crowd_watch(struct crowd *crowd, int also)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    (void)epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, also, &event);
}

bool crowd_turn(struct crowd *crowd, int wait_ms)
{
    struct epoll_event events[EVENTS];
    bool other = false;
    while (crowd->count < crowd->wanted && crowd->opening < OPENING_MAX)
        open_one(crowd);
    int count = epoll_wait(crowd->epoll, events, EVENTS, wait_ms);
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        if (!client)
            other = true;
        else if (client->state == CLIENT_CONNECTING)
            ask(client);
        else if (client->state == CLIENT_OPENING || client->state == CLIENT_LIVE)
            read_from(client);
    }
    return other;
}

/* ---- misbehaviour ---- */

/* Calls `how` for the last `count` live ones. */
static void of_the_last(struct crowd *crowd, int count, void (*how)(struct client *client))
{
    int done = 0;
    for (int i = crowd->count - 1; i >= 0 && done < count; i--) {
        if (crowd->clients[i].state != CLIENT_LIVE)
            continue;
        how(&crowd->clients[i]);
        crowd->live--;
        done++;
    }
}

static void vanish(struct client *client)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &drop};
    watch(client, 0, EPOLL_CTL_DEL);
    client->state = CLIENT_VANISHED;
    if (setsockopt(client->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
        perror("filter");
        abort();
    }
}

void crowd_vanish(struct crowd *crowd, int count)
{
    of_the_last(crowd, count, vanish);
}

static void hold(struct client *client)
{
    watch(client, 0, EPOLL_CTL_DEL);
    client->state = CLIENT_PAUSED;
}

void crowd_pause(struct crowd *crowd, int count)
{
    of_the_last(crowd, count, hold);
}

void crowd_resume(struct crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++) {
        if (crowd->clients[i].state != CLIENT_PAUSED)
            continue;
        crowd->clients[i].state = CLIENT_LIVE;
        crowd->live++;
        watch(&crowd->clients[i], EPOLLIN, EPOLL_CTL_ADD);
    }
}

int crowd_behind(const struct crowd *crowd)
{
    int behind = 0;
    for (int i = 0; i < crowd->count; i++)
        behind += crowd->clients[i].state == CLIENT_LIVE && crowd->clients[i].version < crowd->newest;
    return behind;
}
