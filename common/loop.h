/*
 * One epoll loop per program. File descriptors, timers and signals are its sources; librdkafka's queue events,
 * curl's multi sockets, ZMQ_FD and libmicrohttpd's epoll descriptor are file descriptors to it. Callbacks
 * never block. A source may be removed from inside any callback, its own included: the loop frees it after
 * the current round, and a removed source is never called again.
 */
#ifndef ISOBAR_LOOP_H
#define ISOBAR_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_fd;
struct loop_timer;

#define LOOP_READ  1u
#define LOOP_WRITE 2u
#define LOOP_EDGE  4u /* edge-triggered: the callback must drain */

/* `events` is a set of LOOP_READ and LOOP_WRITE; errors and hang-ups are reported as both. */
typedef void loop_fd_fn(void *arg, unsigned events);
typedef void loop_fn(void *arg);
typedef void loop_signal_fn(void *arg, int signo);

/* A new loop, or NULL with errno. The caller frees it after its sources. */
struct loop *loop_new(void) __attribute__((warn_unused_result));
/*
 * Frees the loop and what is left of its sources: watched descriptors (they stay open, being the owners') and armed
 * timers. Signals stay blocked, so that one which comes while the program tears down does not kill it. Not from inside
 * a callback.
 */
void loop_free(struct loop *loop);
/* Runs until loop_stop. 0, or ERR_SYSTEM. May be called again, but not from inside a callback. */
int loop_run(struct loop *loop) __attribute__((warn_unused_result));
/*
 * Runs rounds until `*done` (0), loop_stop (0, so look at `*done`) or `timeout_ms` has passed (ERR_TIMEOUT); for tools
 * that wait for one answer, never inside a callback.
 */
int loop_run_until(struct loop *loop, const bool *done, int64_t timeout_ms) __attribute__((warn_unused_result));
/* Makes loop_run return when the callback that calls this does; descriptors still ready are reported by the next run.
 */
void loop_stop(struct loop *loop);
/* Monotonic milliseconds, read before each callback: what is computed from it holds after a SIGCONT, too. */
int64_t loop_now_ms(const struct loop *loop);

/* Watches `fd` (borrowed). Returns the source, or NULL with errno. */
struct loop_fd *loop_fd_add(struct loop *loop, int fd, unsigned events, loop_fd_fn *fn, void *arg)
    __attribute__((warn_unused_result));
/* Changes the events watched; 0 watches errors only. */
void loop_fd_set(struct loop_fd *source, unsigned events);
/* Stops watching and frees the source. NULL allowed. Call before closing the descriptor. */
void loop_fd_remove(struct loop_fd *source);

/* A timer that is not armed yet. Freed by loop_timer_free. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg) __attribute__((warn_unused_result));
/*
 * Arms it (anew) to fire once after `delay_ms` (0: in the next round), then every `period_ms` when that is > 0, counted
 * from each call, so a busy loop skips rather than catches up. Timers due in the same millisecond fire in the order of
 * arming.
 */
void loop_timer_set(struct loop_timer *timer, int64_t delay_ms, int64_t period_ms);
/* Disarms it. */
void loop_timer_cancel(struct loop_timer *timer);
/* True while it is armed. */
bool loop_timer_armed(const struct loop_timer *timer);
/* Disarms and frees. NULL allowed. */
void loop_timer_free(struct loop_timer *timer);

/*
 * Calls `fn` on the loop when `signo` arrives (signalfd; the signal is blocked from then on, in threads that start
 * later too). At most 8. 0, or ERR_SYSTEM.
 */
int loop_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg) __attribute__((warn_unused_result));

/*
 * Calls `fn` once at the end of every round, before the loop waits: for libraries whose descriptors are
 * edge-triggered or that have work to do without one (ZeroMQ, libmicrohttpd). At most 8.
 */
void loop_before_wait(struct loop *loop, loop_fn *fn, void *arg);
/* Takes such a function off again; its owner calls this before it is freed. */
void loop_before_wait_remove(struct loop *loop, loop_fn *fn, void *arg);
/*
 * Lowers the next wait to at most `delay_ms`; call it from a before-wait function (0: do not wait).
 */
void loop_wait_at_most(struct loop *loop, int64_t delay_ms);

#endif
