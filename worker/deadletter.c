/* See deadletter.h. A letter owns its bytes until it is acknowledged, so a failed delivery can be repeated. */
#include "deadletter.h"

#include "error.h"
#include "failpoint.h"
#include "log.h"
#include "mem.h"
#include "observation.h"

#include "deadletter.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS     500
#define KEY_MAX      1024
#define SAY_EVERY_MS 5000

struct letter {
    struct deadletters *owner;
    char key[320];
    char *value;
    size_t size;
    int64_t *pending; /* NULL: nobody waits */
    bool waiting;     /* for the retry timer */
    struct letter *previous, *next;
};

struct deadletters {
    struct kafka_producer *producer;
    struct loop *loop;
    struct loop_timer *retry;
    char *topic;
    struct deadletter_config config; /* its texts are not kept */
    struct letter *first;
    struct log_limit limit;
    bool freeing;
};

static void letter_free(struct letter *letter)
{
    struct deadletters *letters = letter->owner;
    if (letter->previous)
        letter->previous->next = letter->next;
    else
        letters->first = letter->next;
    if (letter->next)
        letter->next->previous = letter->previous;
    int64_t *pending = letter->pending;
    free(letter->value);
    free(letter);
    if (pending && --*pending == 0)
        letters->config.settled(letters->config.arg, pending);
}

static void complain(struct deadletters *letters, const char *topic, const char *reason)
{
    if (log_limit_pass(&letters->limit, loop_now_ms(letters->loop), SAY_EVERY_MS, NULL))
        log_warn("deadletter_not_delivered", LOG_TEXT("topic", topic), LOG_TEXT("reason", reason));
}

static void letter_produce(struct letter *letter)
{
    struct deadletters *letters = letter->owner;
    int status = kafka_produce(letters->producer, letters->topic, 0, letter->key, strlen(letter->key), letter->value,
                               letter->size, 0, letter);
    letter->waiting = status != 0;
    if (!letter->waiting)
        return;
    if (status != ERR_BUSY)
        complain(letters, letters->topic, error_name(status));
    if (!loop_timer_armed(letters->retry))
        loop_timer_set(letters->retry, RETRY_MS, 0);
}

static void on_retry(void *arg)
{
    struct deadletters *letters = arg;
    for (struct letter *letter = letters->first; letter; letter = letter->next) {
        if (letter->waiting)
            letter_produce(letter);
    }
}

static void on_delivered(void *arg, void *opaque, int32_t partition, int64_t offset, const char *error)
{
    struct deadletters *letters = arg;
    struct letter *letter = opaque;
    (void)partition, (void)offset;
    if (error && !letters->freeing)
        complain(letters, letter ? letters->topic : "(a tick)", error);
    if (!letter)
        return; /* a tick */
    (void)FAILPOINT("letter-delivered");
    if (!error || letters->freeing) {
        letters->config.metrics->deadletters_total += error == NULL;
        letter_free(letter);
        return;
    }
    letter->waiting = true;
    if (!loop_timer_armed(letters->retry))
        loop_timer_set(letters->retry, RETRY_MS, 0);
}

static void on_failed(void *arg, bool fatal, const char *reason)
{
    struct deadletters *letters = arg;
    if (fatal)
        letters->config.fatal(letters->config.arg, reason);
    else if (log_limit_pass(&letters->limit, loop_now_ms(letters->loop), SAY_EVERY_MS, NULL))
        log_warn("producer_error", LOG_TEXT("reason", reason));
}

struct deadletters *deadletters_new(const struct deadletter_config *config, struct buf *error)
{
    struct deadletters *letters = mem_alloc(sizeof *letters);
    struct kafka_config kafka = {
        .brokers = config->brokers, .client_id = config->client_id, .compression = "none", .topic = config->topic};
    letters->loop = config->loop;
    letters->config = *config;
    letters->topic = mem_strdup(config->topic);
    letters->producer = kafka_producer_new(config->loop, &kafka, on_delivered, on_failed, letters, error);
    if (!letters->producer) {
        free(letters->topic);
        free(letters);
        return NULL;
    }
    letters->retry = loop_timer_new(config->loop, on_retry, letters);
    return letters;
}

void deadletters_free(struct deadletters *letters, int64_t flush_ms)
{
    if (!letters)
        return;
    letters->freeing = true;
    kafka_producer_free(letters->producer, flush_ms);
    for (struct letter *letter = letters->first, *next; letter; letter = next) {
        next = letter->next;
        letter_free(letter);
    }
    loop_timer_free(letters->retry);
    free(letters->topic);
    free(letters);
}

/* protobuf-c's members are not const, though packing only reads them. */
static void *lend(const void *bytes)
{
    void *lent;
    memcpy(&lent, &bytes, sizeof lent);
    return lent;
}

void deadletters_send(struct deadletters *letters, const char *reason, const struct kafka_record *record, int64_t row,
                      int64_t *pending)
{
    Isobar__V1__DeadLetter message = ISOBAR__V1__DEAD_LETTER__INIT;
    struct letter *letter = mem_alloc(sizeof *letter);
    letter->owner = letters;
    letter->pending = pending;
    ++*pending;
    snprintf(letter->key, sizeof letter->key, "%s/%d/%lld/%lld", record->topic, record->partition,
             (long long)record->offset, (long long)row);
    message.format = 1;
    message.reason = lend(reason);
    message.topic = lend(record->topic);
    message.partition = record->partition;
    message.offset = record->offset;
    message.row = row;
    message.timestamp_ms = record->timestamp_ms;
    message.original.data = lend(record->value);
    message.original.len = record->size < DEADLETTER_ORIGINAL_MAX ? record->size : DEADLETTER_ORIGINAL_MAX;
    message.original_bytes = (int64_t)record->size;
    message.original_key.data = lend(record->key);
    message.original_key.len = record->key_size < KEY_MAX ? record->key_size : KEY_MAX;
    letter->size = isobar__v1__dead_letter__get_packed_size(&message);
    letter->value = mem_alloc(letter->size);
    isobar__v1__dead_letter__pack(&message, (uint8_t *)letter->value);
    letter->next = letters->first;
    if (letters->first)
        letters->first->previous = letter;
    letters->first = letter;
    letter_produce(letter);
}

void deadletters_forget(struct deadletters *letters, const int64_t *pending)
{
    for (struct letter *letter = letters->first; letter; letter = letter->next) {
        if (letter->pending == pending)
            letter->pending = NULL;
    }
}

void deadletters_tick(struct deadletters *letters, const char *topic, int32_t partition, int64_t now_ms)
{
    struct observation row = {.kind = ISOBAR__V1__ROW_KIND__TICK, .observed_at_ms = now_ms, .fetched_at_ms = now_ms};
    struct buf out = BUF_EMPTY;
    if (batch_encode(&row, 1, partition, &out) == 0 &&
        kafka_produce(letters->producer, topic, partition, NULL, 0, out.data, out.size, 0, NULL) == 0)
        letters->config.metrics->ticks_total++;
    buf_release(&out);
}
