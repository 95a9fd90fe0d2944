/*
 * A real redis-server for a unit test: private directory, unix socket, no persistence, ended with the test
 * even when that crashes. One per test program is enough; tests empty it with FLUSHALL. Static functions,
 * because each unit test is one source file.
 */
#ifndef ISOBAR_TEST_REDIS_SERVER_H
#define ISOBAR_TEST_REDIS_SERVER_H

#include "store.h"
#include "temp_directory.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

struct redis_server {
    char directory[TEMP_DIRECTORY_BYTES];
    char socket[96];
    char address[104]; /* for store_config */
    pid_t pid;
};

/* True as soon as it answers; false after ten seconds or when it ended. */
static bool redis_server_wait(const struct redis_server *server)
{
    struct store_config config = {.address = server->address, .timeout_ms = 1000};
    struct buf error;
    buf_init(&error);
    int64_t deadline_ms = clock_monotonic_ms() + 10000;
    struct store_sync *probe = NULL;
    while (probe == NULL && clock_monotonic_ms() < deadline_ms && waitpid(server->pid, NULL, WNOHANG) == 0) {
        probe = store_sync_new(&config, &error);
        if (probe == NULL)
            (void)poll(NULL, 0, 5);
    }
    bool up = probe != NULL;
    store_sync_free(probe);
    buf_release(&error);
    return up;
}

/* Starts a server whose configuration gets the further `arguments` (NULL-terminated, at most 16). */
static bool redis_server_start(struct redis_server *server, const char *const *arguments)
{
    if (!temp_directory(server->directory))
        return false;
    (void)snprintf(server->socket, sizeof(server->socket), "%s/redis.sock", server->directory);
    (void)snprintf(server->address, sizeof(server->address), "unix:%s", server->socket);
    const char *argv[32] = {"redis-server", "--port", "0",     "--unixsocket",    server->socket, "--save", "",
                            "--appendonly", "no",     "--dir", server->directory, "--logfile",    "log"};
    size_t count = 13;
    for (size_t i = 0; arguments != NULL && arguments[i] != NULL && i < 16; i++)
        argv[count++] = arguments[i];
    server->pid = fork();
    if (server->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    return server->pid > 0 && redis_server_wait(server);
}

/* A connection to it that waits; NULL when there is none to be had. */
static inline struct store_sync *redis_server_connect(const struct redis_server *server)
{
    struct store_config config = {.address = server->address, .timeout_ms = 10000};
    struct buf error = BUF_EMPTY;
    struct store_sync *sync = store_sync_new(&config, &error);
    buf_release(&error);
    return sync;
}

/* Ends it and removes its directory. */
static void redis_server_stop(struct redis_server *server)
{
    if (server->pid > 0) {
        (void)kill(server->pid, SIGCONT);
        (void)kill(server->pid, SIGKILL);
        (void)waitpid(server->pid, NULL, 0);
    }
    char path[128];
    const char *const files[] = {"redis.sock", "log", "dump.rdb"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", server->directory, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(server->directory);
}

#endif
