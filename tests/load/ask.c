/* See ask.h. A thread for each connection, which waits for its answer. */
#include "ask.h"

#include "mem.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define BYTES           65536
#define PATIENCE_S      20

struct asker {
    const struct question *question;
    pthread_t thread;
    int count, fd, status, failed;
    int64_t bytes;
    struct samples took;
    char buffer[BYTES + 1];
};

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int dial(int port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        perror("connection");
        abort();
    }
    return fd;
}

/* Reads up to the end of the header; the bytes read behind it, or -1. Sets the length that it tells of (0: none). */
static int64_t read_header(struct asker *asker, int64_t *length, int *status)
{
    size_t size = 0;
    const char *end = NULL;
    while (!end) {
        ssize_t got = size < BYTES ? recv(asker->fd, asker->buffer + size, BYTES - size, 0) : -1;
        if (got <= 0)
            return -1;
        size += (size_t)got;
        asker->buffer[size] = '\0';
        end = strstr(asker->buffer, "\r\n\r\n");
    }
    const char *told = strcasestr(asker->buffer, "\r\nContent-Length:");
    *status = (int)strtol(asker->buffer + strcspn(asker->buffer, " "), NULL, 10);
    *length = told && told < end ? strtoll(told + sizeof "\r\nContent-Length:" - 1, NULL, 10) : 0;
    return (int64_t)size - (end + 4 - asker->buffer);
}

/* A whole answer; its status, or 0. */
static int read_answer(struct asker *asker)
{
    int status = 0;
    int64_t length = 0, got = read_header(asker, &length, &status);
    while (got >= 0 && got < length) {
        ssize_t size = recv(asker->fd, asker->buffer, BYTES, 0);
        got = size > 0 ? got + size : -1;
    }
    asker->bytes += got > 0 ? got : 0;
    return got == length ? status : 0;
}

static void *run(void *arg)
{
    struct asker *asker = arg;
    const struct question *question = asker->question;
    char text[2048];
    int size =
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", question->path, question->headers);
    asker->fd = dial(question->port);
    for (int i = 0; i < asker->count; i++) {
        int64_t start = monotonic_us();
        int status = send(asker->fd, text, (size_t)size, MSG_NOSIGNAL) == size ? read_answer(asker) : 0;
        samples_add(&asker->took, monotonic_us() - start);
        asker->status = asker->status ? asker->status : status;
        asker->failed += status == 0 || status != asker->status;
        if (status == 0) {
            close(asker->fd);
            asker->fd = dial(question->port);
        }
    }
    close(asker->fd);
    return NULL;
}

struct answers ask_all(const struct question *question)
{
    struct answers all = {0};
    int count = question->connections < CONNECTIONS_MAX ? question->connections : CONNECTIONS_MAX;
    struct asker *askers = mem_calloc((size_t)count, sizeof *askers);
    int64_t start = monotonic_us();
    for (int i = 0; i < count; i++) {
        askers[i].question = question;
        askers[i].count = question->count / count + (i < question->count % count);
        if (pthread_create(&askers[i].thread, NULL, run, &askers[i]) != 0)
            abort();
    }
    for (int i = 0; i < count; i++) {
        pthread_join(askers[i].thread, NULL);
        for (size_t n = 0; n < askers[i].took.count; n++)
            samples_add(&all.took, askers[i].took.values[n]);
        samples_release(&askers[i].took);
        all.failed += askers[i].failed;
        all.status = all.status ? all.status : askers[i].status;
        all.bytes += askers[i].bytes;
    }
    all.elapsed_us = monotonic_us() - start;
    free(askers);
    return all;
}
