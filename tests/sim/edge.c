/*
 * What a process stands on (loop.h, clock.h, entropy.h, log.h, daemon.h), on the world's clock and its generator.
 * Timers and answers are events; there are no descriptors and no signals.
 */
#include "feed.h"
#include "process.h"

#include "clock.h"
#include "daemon.h"
#include "log.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- clocks ---- */

int64_t clock_monotonic_ms(void)
{
    return world.now_ms;
}

/* A fetcher's follows the broker's, since it compares it with the times of readings. */
int64_t clock_wall_ms(void)
{
    const struct node *node = world.current;
    bool fast = node && node->kind == NODE_FETCHER;
    return (fast ? feed_clock_ms() : WALL_START_MS + world.now_ms) + (node ? node->wall_ms : 0);
}

/* ---- ids ---- */

/* Members say theirs; an account of a world shall not depend on it. */
pid_t getpid(void)
{
    return 1;
}

static uint64_t random_bits(void)
{
    return ((uint64_t)between(0, UINT32_MAX) << 32) | (uint64_t)between(0, UINT32_MAX);
}

void entropy_id(char *out)
{
    snprintf(out, ENTROPY_ID_BYTES, "%016" PRIx64 "%016" PRIx64, random_bits(), random_bits());
}

int64_t entropy_i63(void)
{
    return (int64_t)(random_bits() >> 1) | 1;
}

/* ---- loop ---- */

struct loop_timer {
    struct event event;
    loop_fn *fn;
    void *arg;
    int64_t period_ms;
};

int64_t loop_now_ms(const struct loop *loop)
{
    (void)loop;
    return world.now_ms;
}

static void on_timer(struct event *event)
{
    struct loop_timer *timer = (struct loop_timer *)(void *)event;
    if (timer->period_ms > 0)
        event_at(event, world.now_ms + timer->period_ms);
    timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_timer *timer = mem_alloc(sizeof *timer);
    *timer = (struct loop_timer){.event = {.fn = on_timer, .node = loop->node, .timer = true}, .fn = fn, .arg = arg};
    return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms, int64_t period_ms)
{
    timer->period_ms = period_ms;
    event_at(&timer->event, world.now_ms + (delay_ms > 0 ? delay_ms : 0));
}

void loop_timer_cancel(struct loop_timer *timer)
{
    event_cancel(&timer->event);
}

bool loop_timer_armed(const struct loop_timer *timer)
{
    return timer->event.place != 0;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer)
        event_cancel(&timer->event);
    free(timer);
}

int loop_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
    (void)loop, (void)signo, (void)fn, (void)arg; /* processes are asked to drain directly */
    return 0;
}

/* ---- daemon ---- */

struct loop *daemon_loop(struct daemon *daemon)
{
    return &daemon->loop;
}

void daemon_stop(struct daemon *daemon, int exit_code)
{
    life_ending(daemon->loop.node, exit_code);
}

bool daemon_is_loopback(const char *address)
{
    (void)address;
    return true;
}

/* ---- log ---- */

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char line[512];
    if (!world.trace)
        return;
    int used = snprintf(line, sizeof line, "    %s %s", names[level], event);
    for (const struct log_field *field = fields; field->type != LOG_TYPE_END && used < (int)sizeof line; field++) {
        if (field->type == LOG_TYPE_TEXT)
            used +=
                snprintf(line + used, sizeof line - (size_t)used, " %s=%s", field->key, field->text ? field->text : "");
        else if (field->type == LOG_TYPE_INT)
            used +=
                snprintf(line + used, sizeof line - (size_t)used, " %s=%lld", field->key, (long long)field->integer);
        else
            used += snprintf(line + used, sizeof line - (size_t)used, " %s=%g", field->key, field->real);
    }
    note("%s", line);
}
