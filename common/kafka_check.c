/*
 * The thread that asks a broker about a partition before it is read, and while it is: cluster id, watermarks, and
 * whether records that were applied are still the same. Its client is a separate one, so that a record can be
 * read again whatever the consumer does; client and thread start with the first question, and the client goes
 * after some idle time.
 *
 * Questions that wait together are asked together, since a take-over is as slow as the last of its partitions. One that
 * was not answered is asked again alone, and those take turns in slices of time that grow: partitions whose leader is
 * away cannot hold up the others, and kafka_checker_free waits for one slice at most. Thread and loop share the two
 * lists under `lock`, nothing else; answers wake the loop through an eventfd.
 */
#include "kafka_internal.h"

#include "clock.h"
#include "error.h"
#include "mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define CHECK_SLICE_MIN_MS 100
#define CHECK_PAUSE_MS     20    /* after an attempt that failed, lest a quick refusal spins */
#define CHECK_IDLE_MS      15000 /* then the client goes; longer than between two checks of one partition */

struct queue {
    struct kafka_question *first;
    struct kafka_question **last;
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

static void queue_push(struct queue *queue, struct kafka_question *question)
{
    question->next = NULL;
    *queue->last = question;
    queue->last = &question->next;
}

static struct kafka_question *queue_pop(struct queue *queue)
{
    struct kafka_question *question = queue->first;

    if (question != NULL) {
        queue->first = question->next;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
    }
    return question;
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

static bool holds(const struct kafka_batch *batch, int32_t partition)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->questions[i]->partition == partition) {
            return true;
        }
    }
    return false;
}

/* Takes those that are asked next, with `lock` held. */
static void take(struct kafka_checker *checker, struct kafka_batch *batch)
{
    const struct kafka_question *next = checker->questions.first;
    bool alone = next != NULL && next->again;

    batch->count = 0;
    while (next != NULL && batch->count < (alone ? 1 : KAFKA_BATCH_QUESTIONS) && next->again == alone &&
           !holds(batch, next->partition)) {
        batch->questions[batch->count++] = queue_pop(&checker->questions);
        next = checker->questions.first;
    }
}

/* Asks, without `lock`. */
static void work(struct kafka_checker *checker, struct kafka_batch *batch)
{
    struct buf error = BUF_EMPTY;

    if (checker->rk == NULL) {
        checker->rk = kafka_ask_new(checker->brokers, &error);
        buf_release(&error);
    }
    if (checker->rk != NULL) {
        kafka_batch_ask(batch, checker->rk, checker->topic);
    }
}

/* Puts answers where the loop finds them, and the rest at the end of the queue, with `lock` held. */
static void sort_out(struct kafka_checker *checker, struct kafka_batch *batch)
{
    static const uint64_t one = 1;
    int64_t now = clock_monotonic_ms();
    bool rest = false;

    for (size_t i = 0; i < batch->count; i++) {
        bool answered = checker->rk == NULL || kafka_question_answered(batch->questions[i], now);

        queue_push(answered ? &checker->answers : &checker->questions, batch->questions[i]);
        rest |= !answered;
    }
    if (checker->answers.first != NULL) {
        ssize_t written = write(checker->fd, &one, sizeof(one));
        (void)written;
    }
    if (rest && !checker->stop) {
        wait_for(checker, CHECK_PAUSE_MS);
    }
}

static void *checker_main(void *arg)
{
    struct kafka_checker *checker = arg;
    struct kafka_batch batch;

    pthread_mutex_lock(&checker->lock);
    while (!checker->stop) {
        take(checker, &batch);
        if (batch.count == 0) {
            idle(checker);
            continue;
        }
        pthread_mutex_unlock(&checker->lock);
        work(checker, &batch);
        pthread_mutex_lock(&checker->lock);
        sort_out(checker, &batch);
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
    struct kafka_question *question;

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
    struct kafka_question *question;

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
    struct kafka_question *question = mem_alloc(sizeof(*question));
    static const uint64_t one = 1;

    question->partition = partition;
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
