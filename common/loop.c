/*
 * The epoll loop (loop.h): descriptors, signals and rounds; timers are in loop_timer.c. epoll_pwait2 is not needed
 * since a millisecond is the finest unit. Sources removed inside a round are marked dead, skipped, and freed at the
 * round's end.
 */
#include "loop_internal.h"

#include "clock.h"
#include "error.h"
#include "mem.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EVENTS_A_ROUND  64
#define LONGEST_WAIT_MS 60000

struct loop_fd {
    struct loop *loop;
    int fd;
    bool dead;
    loop_fd_fn *fn;
    void *arg;
    struct loop_fd *previous, *next; /* of the loop's list, of living or of dead ones */
};

struct loop *loop_new(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return NULL;
    struct loop *loop = mem_alloc(sizeof *loop);
    loop->epoll = epoll;
    loop->signal_fd = -1;
    loop->now_ms = clock_monotonic_ms();
    sigemptyset(&loop->signal_set);
    return loop;
}

static void bury(struct loop *loop)
{
    while (loop->dead_fds) {
        struct loop_fd *source = loop->dead_fds;
        loop->dead_fds = source->next;
        free(source);
    }
    loop_timers_bury(loop);
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->signal_fd >= 0) {
        loop_fd_remove(loop->signal_source);
        close(loop->signal_fd);
    }
    while (loop->fds)
        loop_fd_remove(loop->fds);
    loop_timers_release(loop);
    bury(loop);
    close(loop->epoll);
    free(loop);
}

int64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

/* ---- descriptors ---- */

static uint32_t epoll_events(unsigned events)
{
    return ((events & LOOP_READ) ? (uint32_t)EPOLLIN : 0) | ((events & LOOP_WRITE) ? (uint32_t)EPOLLOUT : 0) |
           ((events & LOOP_EDGE) ? (uint32_t)EPOLLET : 0);
}

struct loop_fd *loop_fd_add(struct loop *loop, int fd, unsigned events, loop_fd_fn *fn, void *arg)
{
    struct loop_fd *source = mem_alloc(sizeof *source);
    *source = (struct loop_fd){.loop = loop, .fd = fd, .fn = fn, .arg = arg};
    struct epoll_event event = {.events = epoll_events(events), .data.ptr = source};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(source);
        return NULL;
    }
    source->next = loop->fds;
    if (loop->fds)
        loop->fds->previous = source;
    loop->fds = source;
    return source;
}

void loop_fd_set(struct loop_fd *source, unsigned events)
{
    struct epoll_event event = {.events = epoll_events(events), .data.ptr = source};
    assert(!source->dead);
    int status = epoll_ctl(source->loop->epoll, EPOLL_CTL_MOD, source->fd, &event);
    assert(status == 0 || errno == ENOENT || errno == EBADF);
    (void)status;
}

void loop_fd_remove(struct loop_fd *source)
{
    if (!source)
        return;
    struct loop *loop = source->loop;
    assert(!source->dead);
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    if (source->previous)
        source->previous->next = source->next;
    else
        loop->fds = source->next;
    if (source->next)
        source->next->previous = source->previous;
    source->dead = true;
    source->next = loop->dead_fds;
    loop->dead_fds = source;
}

/* ---- signals ---- */

static void on_signal_fd(void *arg, unsigned events)
{
    struct loop *loop = arg;
    struct signalfd_siginfo info;
    (void)events;
    while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        for (size_t i = 0; i < loop->signal_count; i++) {
            if (loop->signals[i].signo == (int)info.ssi_signo)
                loop->signals[i].fn(loop->signals[i].arg, loop->signals[i].signo);
        }
    }
}

int loop_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
    assert(loop->signal_count < SIGNALS_MAX);
    sigaddset(&loop->signal_set, signo);
    if (pthread_sigmask(SIG_BLOCK, &loop->signal_set, NULL) != 0)
        return ERR_SYSTEM;
    int fd = signalfd(loop->signal_fd, &loop->signal_set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return ERR_SYSTEM;
    if (loop->signal_fd < 0) {
        loop->signal_fd = fd;
        loop->signal_source = loop_fd_add(loop, fd, LOOP_READ, on_signal_fd, loop);
        if (!loop->signal_source)
            return ERR_SYSTEM;
    }
    loop->signals[loop->signal_count++] = (struct loop_signal_row){signo, fn, arg};
    return 0;
}

/* ---- rounds ---- */

void loop_before_wait(struct loop *loop, loop_fn *fn, void *arg)
{
    assert(loop->hook_count < BEFORE_WAIT_MAX);
    loop->hooks[loop->hook_count++] = (struct loop_hook){fn, arg};
}

static void hook_delete(struct loop *loop, size_t place)
{
    loop->hook_count--;
    for (size_t i = place; i < loop->hook_count; i++)
        loop->hooks[i] = loop->hooks[i + 1];
}

void loop_before_wait_remove(struct loop *loop, loop_fn *fn, void *arg)
{
    for (size_t i = 0; i < loop->hook_count; i++) {
        if (loop->hooks[i].fn != fn || loop->hooks[i].arg != arg)
            continue;
        if (loop->in_hooks)
            loop->hooks[i].fn = NULL; /* the places of the others stay while they are called */
        else
            hook_delete(loop, i);
        return;
    }
}

static void run_hooks(struct loop *loop)
{
    loop->in_hooks = true;
    for (size_t i = 0; i < loop->hook_count; i++) {
        if (!loop->hooks[i].fn)
            continue;
        loop->now_ms = clock_monotonic_ms();
        loop->hooks[i].fn(loop->hooks[i].arg);
    }
    loop->in_hooks = false;
    for (size_t i = loop->hook_count; i-- > 0;) {
        if (!loop->hooks[i].fn)
            hook_delete(loop, i);
    }
}

void loop_wait_at_most(struct loop *loop, int64_t delay_ms)
{
    if (delay_ms < loop->wait_ms)
        loop->wait_ms = delay_ms > 0 ? delay_ms : 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

static unsigned loop_events(uint32_t events)
{
    unsigned out = ((events & EPOLLIN) ? LOOP_READ : 0) | ((events & EPOLLOUT) ? LOOP_WRITE : 0);
    return (events & (EPOLLERR | EPOLLHUP)) ? LOOP_READ | LOOP_WRITE : out;
}

static int round_once(struct loop *loop, int64_t most_ms)
{
    assert(!loop->in_round); /* a nested round would free sources that the outer one still holds */
    loop->in_round = true;
    loop->wait_ms = most_ms;
    run_hooks(loop);
    loop_timers_wait(loop);
    struct epoll_event events[EVENTS_A_ROUND];
    int count = loop->stopped ? 0 : epoll_wait(loop->epoll, events, EVENTS_A_ROUND, (int)loop->wait_ms);
    int status = count < 0 && errno != EINTR ? ERR_SYSTEM : 0;
    for (int i = 0; i < count && !loop->stopped; i++) {
        struct loop_fd *source = events[i].data.ptr;
        if (source->dead)
            continue;
        loop->now_ms = clock_monotonic_ms(); /* whatever the one before took, or a SIGSTOP */
        source->fn(source->arg, loop_events(events[i].events));
    }
    loop->now_ms = clock_monotonic_ms();
    if (!loop->stopped)
        loop_timers_run(loop);
    bury(loop);
    loop->in_round = false;
    return status;
}

int loop_run(struct loop *loop)
{
    int status = 0;
    loop->stopped = false;
    while (!loop->stopped && status == 0)
        status = round_once(loop, LONGEST_WAIT_MS);
    return status;
}

int loop_run_until(struct loop *loop, const bool *done, int64_t timeout_ms)
{
    int64_t end = clock_monotonic_ms() + timeout_ms;
    loop->stopped = false;
    while (!*done && !loop->stopped) {
        int64_t left = end - clock_monotonic_ms();
        if (left <= 0)
            return ERR_TIMEOUT;
        int status = round_once(loop, left < LONGEST_WAIT_MS ? left : LONGEST_WAIT_MS);
        if (status != 0)
            return status;
    }
    return 0;
}
