/*
 * What is asked of a broker about partitions before and while they are read, for several at once: one request for the
 * topic, two for the watermarks, and a fetch of the last records from each leader. Watermarks are told of all or of
 * none: the questions without an answer are asked again alone (kafka_check.c). All of it blocks.
 */
#include "kafka_internal.h"

#include "clock.h"
#include "error.h"

#include <string.h>

static int64_t remaining(int64_t end_ms)
{
    int64_t left = end_ms - clock_monotonic_ms();

    return left > 1 ? left : 1;
}

static bool is_final(int status)
{
    return status != ERR_UNAVAILABLE && status != ERR_TIMEOUT;
}

bool kafka_question_answered(const struct kafka_question *question, int64_t now_ms)
{
    const struct kafka_check *check = &question->check;

    bool known = is_final(check->status);

    for (size_t i = 0; i < KAFKA_CHECK_RECORDS; i++) {
        known &= check->status != 0 || is_final(check->records[i].status);
    }
    return known || now_ms >= question->deadline_ms;
}

/* Number of partitions and cluster id, which go for all. ERR_UNAVAILABLE and ERR_TIMEOUT are not final. */
static int ask_topic(struct kafka_batch *batch)
{
    struct kafka_check topic = {0};
    int status = kafka_ask_partitions(batch->rk, batch->topic, remaining(batch->end_ms), &topic.partitions, NULL);

    if (status == 0) {
        status = kafka_ask_cluster(batch->rk, remaining(batch->end_ms), topic.cluster_id);
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct kafka_check *check = &batch->questions[i]->check;

        check->status = status;
        check->partitions = topic.partitions;
        memcpy(check->cluster_id, topic.cluster_id, sizeof(check->cluster_id));
    }
    return status;
}

/* The watermarks of those partitions that there are; ERR_NOT_FOUND for the others. */
static void ask_offsets(struct kafka_batch *batch)
{
    struct kafka_question *there[KAFKA_BATCH_QUESTIONS];
    int32_t list[KAFKA_BATCH_QUESTIONS];
    int64_t low[KAFKA_BATCH_QUESTIONS], high[KAFKA_BATCH_QUESTIONS];
    struct kafka_partitions of = {batch->topic, list, 0};

    for (size_t i = 0; i < batch->count; i++) {
        struct kafka_question *question = batch->questions[i];

        if (question->partition >= question->check.partitions) {
            question->check.status = ERR_NOT_FOUND;
            continue;
        }
        there[of.count] = question;
        list[of.count++] = question->partition;
    }
    if (of.count == 0) {
        return;
    }
    int status = kafka_ask_offsets(batch->rk, &of, RD_KAFKA_OFFSET_BEGINNING, remaining(batch->end_ms), low);
    if (status == 0) {
        status = kafka_ask_offsets(batch->rk, &of, RD_KAFKA_OFFSET_END, remaining(batch->end_ms), high);
    }
    if (status != 0 && of.count > 1) {
        status = ERR_UNAVAILABLE; /* of which of them that is true comes out when they are asked alone */
    }
    for (int32_t i = 0; i < of.count; i++) {
        struct kafka_check *check = &there[i]->check;

        check->status = status;
        check->low = status == 0 ? low[i] : 0;
        check->high = status == 0 ? high[i] : 0;
    }
}

/*
 * A record that is missing between the watermarks is believed to be when it is a second time, with watermarks asked for
 * anew: between them and the record the log may have been deleted at its beginning, or made anew.
 */
static void note(struct kafka_question *question, size_t which, const struct kafka_sought *sought)
{
    struct kafka_found *found = &question->check.records[which];

    *found = (struct kafka_found){.status = sought->status, .hash = sought->hash};
    if (found->status == ERR_NOT_FOUND && !question->missed) {
        question->missed = true;
        question->check.status = found->status = ERR_UNAVAILABLE;
    }
}

/* The first or second record that each question asks for, of those partitions whose watermarks are known. */
static void ask_records(struct kafka_batch *batch, size_t which)
{
    struct kafka_question *there[KAFKA_BATCH_QUESTIONS];
    struct kafka_sought sought[KAFKA_BATCH_QUESTIONS];
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct kafka_question *question = batch->questions[i];
        struct kafka_check *check = &question->check;
        int64_t offset = question->offsets[which];

        if (check->status != 0 || is_final(check->records[which].status)) {
            continue;
        }
        if (offset >= check->low && offset < check->high) {
            there[count] = question;
            sought[count++] = (struct kafka_sought){.partition = question->partition, .offset = offset};
        } else {
            check->records[which].status = ERR_NOT_FOUND;
        }
    }
    if (count == 0) {
        return;
    }
    kafka_ask_records(batch->rk, batch->topic, sought, count, remaining(batch->end_ms));
    for (size_t i = 0; i < count; i++) {
        note(there[i], which, &sought[i]);
    }
}

void kafka_batch_ask(struct kafka_batch *batch, rd_kafka_t *rk, const char *topic)
{
    batch->rk = rk;
    batch->topic = topic;
    batch->end_ms = clock_monotonic_ms() + batch->questions[0]->slice_ms;
    for (size_t i = 0; i < batch->count; i++) {
        struct kafka_question *question = batch->questions[i];

        if (batch->end_ms > question->deadline_ms) {
            batch->end_ms = question->deadline_ms;
        }
        question->again = true;
        question->slice_ms *= 2;
        if (question->slice_ms > KAFKA_SLICE_MAX_MS) {
            question->slice_ms = KAFKA_SLICE_MAX_MS;
        }
    }
    bool known = batch->questions[0]->check.status == 0; /* then it is alone, and only its record was not read */
    if (!known && ask_topic(batch) == 0) {
        ask_offsets(batch);
    }
    for (size_t i = 0; i < KAFKA_CHECK_RECORDS; i++) {
        ask_records(batch, i);
    }
}
