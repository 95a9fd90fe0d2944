/* See replay_worker.h. */
#include "replay_worker.h"

#include "clock.h"
#include "error.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM     "isobar-worker"
#define LOOK_MS     500
#define PATH_BYTES  4096
#define WATCH_MS    50
#define NANO_PER_MS 1000000L

/* ---- how far it is ---- */

int replay_sums_read(struct context *context, int32_t partitions, struct replay_sums *sums)
{
    static const char *const names[] = {"applied", "rows", "rows_late", "rows_duplicate", "rows_bad", "rows_retired"};
    int64_t *const fields[] = {&sums->applied, &sums->rows, &sums->late, &sums->duplicate, &sums->bad, &sums->retired};
    char key[CONTEXT_KEY_BYTES];
    *sums = (struct replay_sums){0};
    for (int32_t p = 0; p < partitions; p++) {
        struct store_reply *reply = CONTEXT_ASK(context, "HMGET", context_partition_key(context, p, "ledger", key),
                                                names[0], names[1], names[2], names[3], names[4], names[5]);
        if (!reply)
            return context->exit_code;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            int64_t value = 0;
            if (i < reply->count && context_integer(reply->elements[i], 0, INT64_MAX / 2, &value))
                *fields[i] += value;
        }
        store_reply_free(reply);
    }
    return EXIT_CODE_OK;
}

static void show(struct context *context, const struct replay_worker *worker)
{
    struct replay_sums sums;
    if (replay_sums_read(context, worker->partitions, &sums) != EXIT_CODE_OK)
        return;
    int percent = worker->total > 0 ? (int)(sums.applied * 100 / worker->total) : 100;
    fprintf(stderr, "\r%" PRId64 " of at most %" PRId64 " records (%d%%), %" PRId64 " rows ", sums.applied,
            worker->total, percent > 100 ? 100 : percent, sums.rows);
}

/* ---- the process ---- */

/* isobar-worker in the folder of this program; from the search path when that is not known. */
static const char *beside(char path[PATH_BYTES])
{
    ssize_t size = readlink("/proc/self/exe", path, PATH_BYTES - sizeof PROGRAM);
    char *slash = size > 0 ? memrchr(path, '/', (size_t)size) : NULL;
    if (!slash)
        return PROGRAM;
    memcpy(slash + 1, PROGRAM, sizeof PROGRAM);
    return path;
}

/* In the child: never returns. */
static void become(const struct context *context, const struct replay_worker *worker, const char *program)
{
    char *const words[] = {(char *)program,
                           "--replay",
                           "--redis",
                           (char *)worker->redis,
                           "--redis-user",
                           (char *)worker->redis_user,
                           "--kafka",
                           (char *)worker->kafka,
                           "--prefix",
                           (char *)context->prefix,
                           "--log-level",
                           "warn",
                           NULL};
    if (worker->redis_password && *worker->redis_password)
        setenv("ISOBAR_REDIS_PASSWORD", worker->redis_password, 1);
    execvp(program, words);
    fprintf(stderr, "isobarctl replay: %s: %s\n", program, strerror(errno));
    _exit(EXIT_CODE_UNAVAILABLE);
}

static int wait_for(struct context *context, const struct replay_worker *worker, pid_t child)
{
    bool terminal = isatty(STDERR_FILENO);
    int64_t look_ms = clock_monotonic_ms() + LOOK_MS;
    int status = 0;
    for (;;) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR))
            break;
        if (terminal && clock_monotonic_ms() >= look_ms) {
            show(context, worker);
            look_ms = clock_monotonic_ms() + LOOK_MS;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = WATCH_MS * NANO_PER_MS}, NULL);
    }
    if (terminal) {
        show(context, worker);
        fputc('\n', stderr);
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    return context_fail(context, EXIT_CODE_FAILURE, "the worker was ended by signal %d", WTERMSIG(status));
}

int replay_worker_run(struct context *context, const struct replay_worker *worker)
{
    char path[PATH_BYTES];
    const char *program = *worker->program ? worker->program : beside(path);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before_int;
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        return context_fail(context, EXIT_CODE_FAILURE, "%s cannot be started: %s", program, strerror(errno));
    if (child == 0)
        become(context, worker, program);
    /* Ctrl-C reaches the worker as well: it commits what it has, and this program tells how far it came. */
    sigaction(SIGINT, &ignore, &before_int);
    int code = wait_for(context, worker, child);
    sigaction(SIGINT, &before_int, NULL);
    return code;
}
