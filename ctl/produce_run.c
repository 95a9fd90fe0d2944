/*
 * The loop of isobarctl produce (produce.h). Reading stops while enough records wait for Kafka, so memory is bounded
 * and a pipe fills up behind it; rows wait for others of their shard for a fifth of a second, so a slow pipe is not
 * held back.
 */
#include "produce.h"

#include "clock.h"
#include "error.h"
#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES  65536
#define WAITING_MAX  256 /* records on the way; 512 rows each at most, below 32 MiB */
#define LINGER_MS    200 /* that a row waits for others */
#define TICK_MS      100
#define FOLLOW_MS    200 /* between looks at a file that may grow */
#define BAR_MS       200
#define PLAIN_MS     10000
#define DUE_SLICE_MS 500 /* between looks at the clock while a row is not due: it may be put forward */

/* ---- what is shown ---- */

static bool has_bar(const struct produce *produce)
{
    return produce->options->progress && isatty(STDERR_FILENO);
}

void produce_say(const struct produce *produce, const char *format, ...)
{
    struct buf text = BUF_EMPTY;
    va_list args;
    if (has_bar(produce))
        fputs("\r\033[K", stderr);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    context_warn(&produce->context, "%s", text.data);
    buf_release(&text);
}

int64_t produce_delivered(const struct produce *produce)
{
    int64_t rows = produce->acked_rows - produce->controls;
    return rows > 0 ? rows : 0;
}

static void show_progress(struct produce *produce, int64_t now_ms)
{
    bool bar = has_bar(produce);
    struct progress progress = {.bytes = produce->bytes,
                                .bytes_all = produce->input_bytes,
                                .rows = produce->outbox ? produce_delivered(produce) : produce->rows,
                                .rejected = produce->rejected,
                                .elapsed_ms = now_ms - produce->begun_ms};
    if (!produce->options->progress || now_ms - produce->progress_ms < (bar ? BAR_MS : PLAIN_MS))
        return;
    struct buf text = BUF_EMPTY;
    progress_text(&progress, &text);
    fprintf(stderr, bar ? "\r\033[K%s" : "isobarctl produce: %s\n", text.data);
    fflush(stderr);
    buf_release(&text);
    produce->progress_ms = now_ms;
}

/* ---- the end ---- */

static void fail(struct produce *produce, int code)
{
    produce->context.exit_code = code;
    loop_stop(produce->loop);
}

/* All was read: sends what waits, and stops when it is acknowledged. */
static void finish(struct produce *produce)
{
    batcher_flush(&produce->batcher, INT64_MAX);
    produce->finished = !produce->outbox || outbox_waiting(produce->outbox) == 0;
    if (produce->finished)
        loop_stop(produce->loop);
}

/* ---- reading ---- */

static bool has_room(const struct produce *produce)
{
    return !produce->held_city && (!produce->outbox || outbox_waiting(produce->outbox) < WAITING_MAX);
}

/* Watches the input only while there is room for what comes. */
static void watch(struct produce *produce, int64_t delay_ms)
{
    bool wanted = !produce->ended && has_room(produce);
    if (produce->source)
        loop_fd_set(produce->source, wanted ? LOOP_READ : 0);
    else if (!wanted)
        loop_timer_cancel(produce->read_timer);
    else if (!loop_timer_armed(produce->read_timer))
        loop_timer_set(produce->read_timer, delay_ms, 0);
}

/* Takes the lines that are there, as far as there is room. */
static void pump(struct produce *produce, int64_t delay_ms)
{
    struct line line;
    enum lines_kind kind = LINES_NONE;
    bool cut = produce->stopped && produce->options->at_speed > 0; /* what is not due yet stays where it is */
    while (!cut && has_room(produce) && (kind = lines_next(&produce->lines, produce->ended, &line)) != LINES_NONE) {
        if (!produce_line(produce, kind, &line)) {
            fail(produce, EXIT_CODE_CONFIG);
            return;
        }
    }
    if (!rejects_flush(&produce->rejects)) {
        produce_say(produce, "%s: %s", produce->options->rejects, strerror(errno));
        fail(produce, EXIT_CODE_FAILURE);
        return;
    }
    if (produce->held_city) {
        int64_t wait = produce->due_ms - clock_wall_ms();
        loop_timer_set(produce->due_timer, wait < 0 ? 0 : wait < DUE_SLICE_MS ? wait : DUE_SLICE_MS, 0);
    }
    if (produce->ended && !produce->held_city && kind == LINES_NONE && has_room(produce))
        finish(produce);
    else
        watch(produce, delay_ms);
}

static void on_due(void *arg)
{
    struct produce *produce = arg;
    if (produce->held_city && produce->due_ms <= clock_wall_ms())
        produce_held(produce);
    pump(produce, 0);
}

/* The file became shorter than what was read of it: what it holds now is not the rest of that. */
static bool was_cut(const struct produce *produce)
{
    struct stat status;
    return produce->regular && fstat(produce->input, &status) == 0 && status.st_size < produce->bytes;
}

static void read_some(struct produce *produce)
{
    char chunk[CHUNK_BYTES];
    ssize_t got = read(produce->input, chunk, sizeof chunk);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        watch(produce, 0);
        return;
    }
    if (got < 0 || (got == 0 && was_cut(produce))) {
        produce_say(produce, "%s: %s", produce->name, got < 0 ? strerror(errno) : "it was cut while it was read");
        fail(produce, EXIT_CODE_CONFIG);
        return;
    }
    if (got > 0) {
        produce->bytes += got;
        lines_put(&produce->lines, chunk, (size_t)got);
    } else {
        produce->ended = !(produce->regular && produce->options->follow);
    }
    pump(produce, got > 0 ? 0 : FOLLOW_MS);
}

static void on_readable(void *arg, unsigned events)
{
    (void)events;
    struct produce *produce = arg;
    if (!produce->ended && has_room(produce))
        read_some(produce);
}

static void on_read_timer(void *arg)
{
    on_readable(arg, LOOP_READ);
}

/* ---- Kafka, time and signals ---- */

static void on_batch(void *arg, int32_t shard, const struct observation *rows, size_t count)
{
    struct produce *produce = arg;
    if (produce->outbox)
        outbox_send(produce->outbox, shard, rows, count);
}

static void on_room(void *arg)
{
    struct produce *produce = arg;
    produce->acknowledged_ms = clock_monotonic_ms();
    pump(produce, 0);
}

static void on_fatal(void *arg, const char *reason)
{
    struct produce *produce = arg;
    produce_say(produce, "Kafka: %s", reason);
    fail(produce, EXIT_CODE_UNAVAILABLE);
}

static void on_trouble(void *arg, const char *reason)
{
    const struct produce *produce = arg;
    produce_say(produce, "Kafka at %s: %s", produce->options->kafka, reason);
}

static void on_tick(void *arg)
{
    struct produce *produce = arg;
    int64_t now = clock_monotonic_ms();
    batcher_flush(&produce->batcher, now - LINGER_MS);
    show_progress(produce, now);
    if (!produce->outbox || outbox_waiting(produce->outbox) == 0)
        produce->acknowledged_ms = now;
    if (!produce->options->follow && now - produce->acknowledged_ms > produce->context.timeout_ms) {
        produce_say(produce, "Kafka at %s acknowledges nothing", produce->options->kafka);
        fail(produce, EXIT_CODE_UNAVAILABLE);
    }
}

/* Nothing more is read; whole lines that were read are produced. A second signal does not wait for that. */
static void on_signal(void *arg, int signo)
{
    struct produce *produce = arg;
    (void)signo;
    if (produce->ended) {
        fail(produce, EXIT_CODE_FAILURE);
        return;
    }
    produce->stopped = produce->ended = true;
    produce->held_city = NULL;
    pump(produce, 0);
}

static int start_outbox(struct produce *produce)
{
    const struct produce_options *options = produce->options;
    struct outbox_config config = {.brokers = options->kafka,
                                   .client_id = "isobarctl-produce",
                                   .topic = produce->installation.topic,
                                   .compression = options->compression,
                                   .counts = {.records = &produce->acked_records,
                                              .rows = &produce->acked_rows,
                                              .failures = &produce->failures,
                                              .rows_lost = &produce->rows_lost}};
    struct outbox_events events = {.room = on_room, .fatal = on_fatal, .trouble = on_trouble, .arg = produce};
    struct buf error = BUF_EMPTY;
    produce->outbox = outbox_new(produce->loop, &config, &events, &error);
    int code = produce->outbox ? EXIT_CODE_OK
                               : context_fail(&produce->context, EXIT_CODE_UNAVAILABLE, "Kafka: %s", error.data);
    buf_release(&error);
    return code;
}

static int start(struct produce *produce)
{
    produce->loop = loop_new();
    if (!produce->loop || loop_signal(produce->loop, SIGINT, on_signal, produce) != 0 ||
        loop_signal(produce->loop, SIGTERM, on_signal, produce) != 0)
        return context_fail(&produce->context, EXIT_CODE_FAILURE, "no descriptors left");
    produce->begun_ms = produce->acknowledged_ms = produce->progress_ms = clock_monotonic_ms();
    produce->read_timer = loop_timer_new(produce->loop, on_read_timer, produce);
    produce->tick_timer = loop_timer_new(produce->loop, on_tick, produce);
    produce->due_timer = loop_timer_new(produce->loop, on_due, produce);
    loop_timer_set(produce->tick_timer, TICK_MS, TICK_MS);
    batcher_init(&produce->batcher, produce->installation.partitions, on_batch, produce);
    if (!produce->regular) {
        produce->source = loop_fd_add(produce->loop, produce->input, LOOP_READ, on_readable, produce);
        if (!produce->source && errno != EPERM) /* what epoll does not take, such as /dev/null, is read like a file */
            return context_fail(&produce->context, EXIT_CODE_CONFIG, "%s: %s", produce->name, strerror(errno));
    }
    watch(produce, 0);
    return produce->options->dry_run ? EXIT_CODE_OK : start_outbox(produce);
}

static void end(struct produce *produce)
{
    outbox_free(produce->outbox);
    if (produce->batcher.list)
        batcher_release(&produce->batcher);
    loop_fd_remove(produce->source);
    loop_timer_free(produce->read_timer);
    loop_timer_free(produce->tick_timer);
    loop_timer_free(produce->due_timer);
    if (produce->loop)
        loop_free(produce->loop);
    if (has_bar(produce))
        fputs("\r\033[K", stderr);
}

int produce_run(struct produce *produce)
{
    int code = start(produce);
    if (code == EXIT_CODE_OK && loop_run(produce->loop) != 0)
        code = context_fail(&produce->context, EXIT_CODE_FAILURE, "the loop: %s", strerror(errno));
    end(produce);
    return code != EXIT_CODE_OK ? code : produce->context.exit_code;
}
