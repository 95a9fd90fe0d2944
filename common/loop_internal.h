/* What the loop's two halves share (loop.c, loop_timer.c); nobody else includes this. */
#ifndef ISOBAR_LOOP_INTERNAL_H
#define ISOBAR_LOOP_INTERNAL_H

#include "loop.h"

#include <signal.h>
#include <stddef.h>

#define BEFORE_WAIT_MAX 8
#define SIGNALS_MAX     8

struct loop_hook {
    loop_fn *fn; /* NULL once it was removed while hooks run */
    void *arg;
};

struct loop_signal_row {
    int signo;
    loop_signal_fn *fn;
    void *arg;
};

struct loop {
    int epoll;
    bool stopped, in_round, in_hooks;
    int64_t now_ms, wait_ms;
    uint64_t timers_armed; /* ever */
    struct loop_fd *fds, *dead_fds;
    struct loop_timer **heap; /* from 1 */
    size_t timer_count, timer_capacity;
    struct loop_timer *dead_timers;
    struct loop_hook hooks[BEFORE_WAIT_MAX];
    size_t hook_count;
    struct loop_signal_row signals[SIGNALS_MAX];
    size_t signal_count;
    int signal_fd;
    struct loop_fd *signal_source;
    sigset_t signal_set;
};

/* Lowers the round's wait to the next timer's due time. */
void loop_timers_wait(struct loop *loop);
/* Calls the timers that are due. */
void loop_timers_run(struct loop *loop);
/* Frees the timers that were freed during the round. */
void loop_timers_bury(struct loop *loop);
/* Frees the armed timers, for loop_free. */
void loop_timers_release(struct loop *loop);

#endif
