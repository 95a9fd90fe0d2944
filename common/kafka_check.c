/*
 * The thread that asks a broker about a partition before it is read, and while it is: cluster id, watermarks, and
 * whether records that were applied are still the same. Its client is a separate one, so that a record can be
 * read again whatever the consumer does; client and thread start with the first question, and the client goes
 * after some idle time.
 *
 * Questions take turns in slices of time that grow: partitions whose leader is away cannot hold up the
 * others, and kafka_checker_free waits for one slice at most. Thread and loop share the two lists under
 * `lock`, nothing else; answers wake the loop through an eventfd.
 */
#include "kafka_internal.h"

#include "clock.h"
#include "error.h"
#include "mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define CHECK_SLICE_MIN_MS 100
#define CHECK_SLICE_MAX_MS 500
#define CHECK_PAUSE_MS     20    /* after an attempt that failed, lest a quick refusal spins */
#define CHECK_IDLE_MS      15000 /* then the client goes; longer than between two checks of one partition */

struct question {
    struct question *next;
    struct kafka_range range;
    int64_t offsets[KAFKA_CHECK_RECORDS];
    int64_t deadline_ms;
    int64_t slice_ms;
    bool missed; /* a record was missing once */
    kafka_check_fn *done;
    void *arg;
    struct kafka_check check;
};

struct queue {
    struct question *first;
    struct question **last;
};

struct kafka_checker {
    char *brokers, *topic;
    struct loop_fd *source;
    int fd; /* eventfd: there are answers */
    bool running;
    pthread_t thread;
    rd_kafka_t *rk; /* the thread's */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    struct queue questions;
    struct queue answers;
};

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_push(struct queue *queue, struct question *question)
{
    question->next = NULL;
    *queue->last = question;
    queue->last = &question->next;
}

static struct question *queue_pop(struct queue *queue)
{
    struct question *question = queue->first;

    if (question != NULL) {
        queue->first = question->next;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
    }
    return question;
}

static int64_t remaining(int64_t end_ms)
{
    int64_t left = end_ms - clock_monotonic_ms();

    return left > 1 ? left : 1;
}

/* Asks for what every question asks. ERR_NOT_FOUND is final, ERR_UNAVAILABLE and ERR_TIMEOUT are not. */
static int ask_partition(rd_kafka_t *rk, struct question *question, int64_t end_ms)
{
    struct kafka_check *check = &question->check;
    int status = kafka_ask_partitions(rk, question->range.topic, remaining(end_ms), &check->partitions, NULL);

    if (status == 0 && question->range.first >= check->partitions) {
        return ERR_NOT_FOUND;
    }
    if (status == 0) {
        status = kafka_ask_cluster(rk, remaining(end_ms), check->cluster_id);
    }
    if (status == 0) {
        status = kafka_ask_offsets(rk, &question->range, RD_KAFKA_OFFSET_BEGINNING, remaining(end_ms), &check->low);
    }
    if (status == 0) {
        status = kafka_ask_offsets(rk, &question->range, RD_KAFKA_OFFSET_END, remaining(end_ms), &check->high);
    }
    return status;
}

static bool is_final(int status)
{
    return status != ERR_UNAVAILABLE && status != ERR_TIMEOUT;
}

/*
 * Asks for the records that are not known yet; true when none is left. One that is missing between the watermarks is
 * believed to be when it is a second time, with watermarks asked for anew: between them and the record the log may
 * have been deleted at its beginning, or made anew.
 */
static bool ask_records(rd_kafka_t *rk, struct question *question, int64_t end_ms)
{
    const struct kafka_check *check = &question->check;

    for (size_t i = 0; i < KAFKA_CHECK_RECORDS; i++) {
        struct kafka_found *found = &question->check.records[i];
        int64_t offset = question->offsets[i];

        if (is_final(found->status)) {
            continue;
        }
        if (offset < check->low || offset >= check->high) {
            found->status = ERR_NOT_FOUND;
        } else {
            found->status = kafka_ask_record(rk, &question->range, offset, remaining(end_ms), &found->hash);
            if (found->status == ERR_NOT_FOUND && !question->missed) {
                question->missed = true;
                question->check.status = found->status = ERR_UNAVAILABLE;
            }
        }
        if (!is_final(found->status)) {
            return false;
        }
    }
    return true;
}

/* One slice of work; true when the question is answered or its time is up. */
static bool attempt(rd_kafka_t *rk, struct question *question)
{
    struct kafka_check *check = &question->check;
    int64_t now = clock_monotonic_ms();
    int64_t end_ms = now + question->slice_ms;
    bool found = false;

    if (end_ms > question->deadline_ms) {
        end_ms = question->deadline_ms;
    }
    if (now >= question->deadline_ms) {
        return true;
    }
    if (check->status != 0) {
        check->status = ask_partition(rk, question, end_ms);
    }
    if (check->status == 0) {
        found = ask_records(rk, question, end_ms);
    }
    question->slice_ms *= 2;
    if (question->slice_ms > CHECK_SLICE_MAX_MS) {
        question->slice_ms = CHECK_SLICE_MAX_MS;
    }
    return is_final(check->status) && (check->status != 0 || found);
}

static void wait_for(struct kafka_checker *checker, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&checker->changed, &checker->lock, &until);
}

/* Waits for a question, with `lock` held; drops the client when none comes. */
static void idle(struct kafka_checker *checker)
{
    if (checker->rk == NULL) {
        pthread_cond_wait(&checker->changed, &checker->lock);
        return;
    }
    wait_for(checker, CHECK_IDLE_MS);
    if (checker->questions.first == NULL) {
        rd_kafka_t *rk = checker->rk;

        checker->rk = NULL;
        pthread_mutex_unlock(&checker->lock);
        kafka_handle_destroy(rk);
        pthread_mutex_lock(&checker->lock);
    }
}

static bool work(struct kafka_checker *checker, struct question *question)
{
    struct buf error = BUF_EMPTY;

    if (checker->rk == NULL) {
        checker->rk = kafka_ask_new(checker->brokers, &error);
        buf_release(&error);
    }
    return checker->rk == NULL || attempt(checker->rk, question);
}

static void *checker_main(void *arg)
{
    struct kafka_checker *checker = arg;
    static const uint64_t one = 1;

    pthread_mutex_lock(&checker->lock);
    while (!checker->stop) {
        struct question *question = queue_pop(&checker->questions);

        if (question == NULL) {
            idle(checker);
            continue;
        }
        pthread_mutex_unlock(&checker->lock);
        bool answered = work(checker, question);
        pthread_mutex_lock(&checker->lock);
        queue_push(answered ? &checker->answers : &checker->questions, question);
        if (answered) {
            ssize_t written = write(checker->fd, &one, sizeof(one));
            (void)written;
        } else if (!checker->stop) {
            wait_for(checker, CHECK_PAUSE_MS);
        }
    }
    pthread_mutex_unlock(&checker->lock);
    if (checker->rk != NULL) {
        kafka_handle_destroy(checker->rk);
    }
    return NULL;
}

/* Signals are the main loop's: the thread must not take them. */
static bool start_thread(struct kafka_checker *checker)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    checker->running = pthread_create(&checker->thread, NULL, checker_main, checker) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return checker->running;
}

static void on_answers(void *arg, unsigned events)
{
    struct kafka_checker *checker = arg;
    uint64_t count;
    struct question *question;

    (void)events;
    ssize_t got = read(checker->fd, &count, sizeof(count));
    (void)got;
    for (;;) {
        pthread_mutex_lock(&checker->lock);
        question = queue_pop(&checker->answers);
        pthread_mutex_unlock(&checker->lock);
        if (question == NULL) {
            return;
        }
        question->done(question->arg, &question->check);
        free(question);
    }
}

struct kafka_checker *kafka_checker_new(struct loop *loop, const char *brokers, const char *topic)
{
    struct kafka_checker *checker = mem_alloc(sizeof(*checker));
    pthread_condattr_t attr;

    checker->brokers = mem_strdup(brokers);
    checker->topic = mem_strdup(topic);
    queue_init(&checker->questions);
    queue_init(&checker->answers);
    pthread_mutex_init(&checker->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&checker->changed, &attr);
    pthread_condattr_destroy(&attr);
    checker->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (checker->fd >= 0) {
        checker->source = loop_fd_add(loop, checker->fd, LOOP_READ, on_answers, checker);
    }
    if (checker->source == NULL) {
        kafka_checker_free(checker);
        return NULL;
    }
    return checker;
}

static void drop(struct queue *queue)
{
    struct question *question;

    while ((question = queue_pop(queue)) != NULL) {
        free(question);
    }
}

void kafka_checker_free(struct kafka_checker *checker)
{
    if (checker == NULL) {
        return;
    }
    if (checker->running) {
        pthread_mutex_lock(&checker->lock);
        checker->stop = true;
        pthread_cond_signal(&checker->changed);
        pthread_mutex_unlock(&checker->lock);
        pthread_join(checker->thread, NULL);
    }
    loop_fd_remove(checker->source);
    if (checker->fd >= 0) {
        close(checker->fd);
    }
    drop(&checker->questions);
    drop(&checker->answers);
    pthread_cond_destroy(&checker->changed);
    pthread_mutex_destroy(&checker->lock);
    free(checker->brokers);
    free(checker->topic);
    free(checker);
}

void kafka_checker_ask(struct kafka_checker *checker, int32_t partition, const int64_t offsets[KAFKA_CHECK_RECORDS],
                       int64_t timeout_ms, kafka_check_fn *done, void *arg)
{
    struct question *question = mem_alloc(sizeof(*question));
    static const uint64_t one = 1;

    question->range = (struct kafka_range){checker->topic, partition, 1};
    question->deadline_ms = clock_monotonic_ms() + timeout_ms;
    question->slice_ms = CHECK_SLICE_MIN_MS;
    question->done = done;
    question->arg = arg;
    question->check.status = ERR_UNAVAILABLE;
    for (size_t i = 0; i < KAFKA_CHECK_RECORDS; i++) {
        question->offsets[i] = offsets[i];
        question->check.records[i].status = offsets[i] >= 0 ? ERR_TIMEOUT : ERR_NOT_FOUND;
    }
    bool started = checker->running || start_thread(checker);
    pthread_mutex_lock(&checker->lock);
    queue_push(started ? &checker->questions : &checker->answers, question);
    pthread_cond_signal(&checker->changed);
    pthread_mutex_unlock(&checker->lock);
    if (!started) {
        ssize_t written = write(checker->fd, &one, sizeof(one));
        (void)written;
    }
}
