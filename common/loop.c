/*
 * The epoll loop (loop.h). Timers are a binary heap ordered by due time, then by when they were armed; epoll_pwait2 is not
 * needed since a millisecond is the finest unit. Sources removed inside a round are marked dead, skipped, and freed at the
 * round's end.
 */
#include "loop.h"

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
#define BEFORE_WAIT_MAX 8
#define SIGNALS_MAX     8
#define LONGEST_WAIT_MS 60000
#define TIMERS_AT_MOST_MS 50

struct loop_fd {
    struct loop *loop;
    int fd;
    bool dead;
    loop_fd_fn *fn;
    void *arg;
    struct loop_fd *previous, *next; /* of the loop's list, of living or of dead ones */
};

struct loop_timer {
    struct loop *loop;
    int64_t due_ms, period_ms;
    uint64_t number; /* of its arming, ever growing */
    size_t place; /* in the heap, from 1; 0: not armed */
    bool dead;
    loop_fn *fn;
    void *arg;
    struct loop_timer *next_dead;
};

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
    while (loop->dead_timers) {
        struct loop_timer *timer = loop->dead_timers;
        loop->dead_timers = timer->next_dead;
        free(timer);
    }
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
    while (loop->timer_count)
        loop_timer_free(loop->heap[1]);
    bury(loop);
    free(loop->heap);
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

/* ---- timers ---- */

static void heap_put(struct loop *loop, size_t place, struct loop_timer *timer)
{
    loop->heap[place] = timer;
    timer->place = place;
}

static bool before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->number < b->number;
}

static void heap_up(struct loop *loop, size_t place)
{
    struct loop_timer *timer = loop->heap[place];
    for (; place > 1 && before(timer, loop->heap[place / 2]); place /= 2)
        heap_put(loop, place, loop->heap[place / 2]);
    heap_put(loop, place, timer);
}

static void heap_down(struct loop *loop, size_t place)
{
    struct loop_timer *timer = loop->heap[place];
    for (size_t child; (child = place * 2) <= loop->timer_count; place = child) {
        if (child < loop->timer_count && before(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (before(timer, loop->heap[child]))
            break;
        heap_put(loop, place, loop->heap[child]);
    }
    heap_put(loop, place, timer);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_timer *timer = mem_alloc(sizeof *timer);
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg};
    return timer;
}

void loop_timer_cancel(struct loop_timer *timer)
{
    struct loop *loop = timer->loop;
    size_t place = timer->place;
    if (place == 0)
        return;
    timer->place = 0;
    struct loop_timer *last = loop->heap[loop->timer_count--];
    if (last != timer) {
        heap_put(loop, place, last);
        heap_up(loop, place);
        heap_down(loop, last->place);
    }
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms, int64_t period_ms)
{
    struct loop *loop = timer->loop;
    assert(!timer->dead);
    loop_timer_cancel(timer);
    /* The clock is read anew: a round may have taken long since now_ms. */
    timer->due_ms = clock_monotonic_ms() + (delay_ms > 0 ? delay_ms : 0);
    timer->period_ms = period_ms;
    timer->number = ++loop->timers_armed;
    if (loop->timer_count + 1 >= loop->timer_capacity) {
        loop->timer_capacity = loop->timer_capacity ? loop->timer_capacity * 2 : 16;
        loop->heap = mem_grow(loop->heap, loop->timer_capacity, sizeof(struct loop_timer *));
    }
    heap_put(loop, ++loop->timer_count, timer);
    heap_up(loop, timer->place);
}

bool loop_timer_armed(const struct loop_timer *timer)
{
    return timer->place != 0;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    assert(!timer->dead);
    loop_timer_cancel(timer);
    timer->dead = true;
    timer->next_dead = timer->loop->dead_timers;
    timer->loop->dead_timers = timer;
}

/* Runs what was due and armed before; a timer armed inside a callback sorts after those and waits for the next round. */
static void run_timers(struct loop *loop)
{
    int64_t now = loop->now_ms;
    uint64_t last = loop->timers_armed;
    while (loop->timer_count && loop->heap[1]->due_ms <= now && loop->heap[1]->number <= last) {
        struct loop_timer *timer = loop->heap[1];
        if (timer->period_ms > 0)
            loop_timer_set(timer, timer->period_ms, timer->period_ms);
        else
            loop_timer_cancel(timer);
        timer->fn(timer->arg);
        if (loop->stopped || clock_monotonic_ms() - now > TIMERS_AT_MOST_MS)
            return; /* descriptors get their turn */
    }
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
        if (loop->hooks[i].fn)
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
    if (loop->timer_count)
        loop_wait_at_most(loop, loop->heap[1]->due_ms - clock_monotonic_ms());
    struct epoll_event events[EVENTS_A_ROUND];
    int count = loop->stopped ? 0 : epoll_wait(loop->epoll, events, EVENTS_A_ROUND, (int)loop->wait_ms);
    int status = count < 0 && errno != EINTR ? ERR_SYSTEM : 0;
    loop->now_ms = clock_monotonic_ms();
    for (int i = 0; i < count && !loop->stopped; i++) {
        struct loop_fd *source = events[i].data.ptr;
        if (!source->dead)
            source->fn(source->arg, loop_events(events[i].events));
    }
    if (!loop->stopped)
        run_timers(loop);
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
