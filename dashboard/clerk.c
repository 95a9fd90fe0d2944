/* See clerk.h. */
#include "clerk.h"

#include "clock.h"
#include "error.h"
#include "mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct list {
    struct clerk_job *first, **last;
};

struct clerk {
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows but `under_way` */
    pthread_cond_t given;
    struct list in, out;
    bool stops;
    int most, under_way; /* on the loop: given and not ended */
    int event;
    struct loop_fd *source;
};

static void list_init(struct list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void put(struct list *list, struct clerk_job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static struct clerk_job *take(struct list *list)
{
    struct clerk_job *job = list->first;
    if (job) {
        list->first = job->next;
        list->last = list->first ? list->last : &list->first;
    }
    return job;
}

/* ---- the thread ---- */

static void tell(struct clerk *clerk)
{
    uint64_t one = 1;
    ssize_t told = write(clerk->event, &one, sizeof one);
    (void)told; /* it is readable already when the counter is full */
}

static void *work(void *arg)
{
    struct clerk *clerk = arg;
    (void)pthread_mutex_lock(&clerk->lock);
    while (!clerk->stops) {
        struct clerk_job *job = take(&clerk->in);
        if (!job) {
            (void)pthread_cond_wait(&clerk->given, &clerk->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&clerk->lock);
        job->done = clock_monotonic_ms() < job->until_ms;
        if (job->done)
            job->run(job);
        (void)pthread_mutex_lock(&clerk->lock);
        put(&clerk->out, job);
        tell(clerk);
    }
    (void)pthread_mutex_unlock(&clerk->lock);
    return NULL;
}

/* ---- the loop ---- */

static void end_all(struct clerk *clerk, struct list *list)
{
    for (struct clerk_job *job;;) {
        (void)pthread_mutex_lock(&clerk->lock);
        job = take(list);
        (void)pthread_mutex_unlock(&clerk->lock);
        if (!job)
            return;
        clerk->under_way--;
        job->end(job, job->done);
    }
}

static void on_event(void *arg, unsigned events)
{
    struct clerk *clerk = arg;
    uint64_t count;
    (void)events;
    ssize_t got = read(clerk->event, &count, sizeof count);
    (void)got;
    end_all(clerk, &clerk->out);
}

struct clerk *clerk_new(struct loop *loop, int most)
{
    struct clerk *clerk = mem_alloc(sizeof *clerk);
    clerk->most = most;
    list_init(&clerk->in);
    list_init(&clerk->out);
    (void)pthread_mutex_init(&clerk->lock, NULL);
    (void)pthread_cond_init(&clerk->given, NULL);
    clerk->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    clerk->source = clerk->event >= 0 ? loop_fd_add(loop, clerk->event, LOOP_READ, on_event, clerk) : NULL;
    int status = clerk->source ? pthread_create(&clerk->thread, NULL, work, clerk) : errno;
    if (status == 0)
        return clerk;
    loop_fd_remove(clerk->source);
    if (clerk->event >= 0)
        close(clerk->event);
    free(clerk);
    errno = status;
    return NULL;
}

void clerk_free(struct clerk *clerk)
{
    if (!clerk)
        return;
    (void)pthread_mutex_lock(&clerk->lock);
    clerk->stops = true;
    (void)pthread_cond_signal(&clerk->given);
    (void)pthread_mutex_unlock(&clerk->lock);
    (void)pthread_join(clerk->thread, NULL);
    end_all(clerk, &clerk->out);
    end_all(clerk, &clerk->in);
    loop_fd_remove(clerk->source);
    close(clerk->event);
    (void)pthread_cond_destroy(&clerk->given);
    (void)pthread_mutex_destroy(&clerk->lock);
    free(clerk);
}

int clerk_give(struct clerk *clerk, struct clerk_job *job)
{
    if (clerk->under_way >= clerk->most)
        return ERR_BUSY;
    clerk->under_way++;
    job->done = false;
    (void)pthread_mutex_lock(&clerk->lock);
    put(&clerk->in, job);
    (void)pthread_cond_signal(&clerk->given);
    (void)pthread_mutex_unlock(&clerk->lock);
    return 0;
}
