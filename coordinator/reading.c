/*
 * What a new leader reads from Redis before it hears members (coordinator.h): the installation, the assignment number
 * of every ledger, who is drained, the former leader's view, the ledgers of accounts, the time by which those are
 * dated, and last its term. All of it must be answered, or it is asked anew: a number that was not read could be given
 * a second time. A leader that acts looks at the version of the catalogue only.
 */
#include "coordinator.h"

#include "mem.h"
#include "shard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define META_MS 200 /* each tick: a change of the catalogue is wanted everywhere within a second */
#define SAY_MS  5000

struct reading {
    struct coordinator *coordinator;
    size_t outstanding;
    bool failed;
    int32_t partitions;
    char topic[256];
    int64_t number, term;
    struct drained drained;
    char *view;
    size_t view_size;
    struct note {
        struct reading *reading;
        char *bytes; /* NULL: there is none */
        size_t size;
    } * notes; /* by account */
};

/* A decimal number in [low, COUNTER_LIMIT), or -1. */
static int64_t number_of(const struct store_reply *reply, int64_t low)
{
    char *end = NULL;
    if (reply->type != STORE_TEXT || reply->size == 0)
        return -1;
    errno = 0;
    long long number = strtoll(reply->text, &end, 10);
    return errno == 0 && *end == '\0' && number >= low && number < COUNTER_LIMIT ? number : -1;
}

static void reading_free(struct reading *reading)
{
    drained_clear(&reading->drained);
    for (size_t i = 0; i < reading->coordinator->accounts.count; i++)
        free(reading->notes[i].bytes);
    free(reading->notes);
    free(reading->view);
    free(reading);
}

/* The ledgers of accounts; a number or term that was ever given shows that somebody has led here before. */
static void restore_ledgers(struct coordinator *coordinator, const struct reading *reading)
{
    bool fresh = reading->number == 0 && reading->term == 1;
    for (size_t i = 0; i < coordinator->accounts.count; i++)
        grant_restore(coordinator, &coordinator->accounts.list[i], reading->notes[i].bytes, reading->notes[i].size,
                      fresh);
}

static void key_of(const struct coordinator *coordinator, const char *name, char *key, size_t size)
{
    snprintf(key, size, "%s%s", coordinator->options->prefix, name);
}

/* One of the answers is in; with the last one the leader begins, or the reading is over and is begun anew. */
static void answered(struct reading *reading, bool good)
{
    struct coordinator *coordinator = reading->coordinator;
    reading->failed |= !good;
    if (--reading->outstanding > 0)
        return;
    if (coordinator->reading == reading) {
        coordinator_wake(coordinator);
        coordinator->reading = NULL;
        if (!reading->failed) {
            if (reading->number > coordinator->partitions.number)
                coordinator->partitions.number = reading->number;
            drained_clear(&coordinator->drained);
            coordinator->drained = reading->drained;
            reading->drained = (struct drained){0};
            leader_begin(coordinator, reading->partitions, reading->topic, reading->term);
            former_restore(coordinator, reading->view, reading->view_size);
            restore_ledgers(coordinator, reading);
        }
    }
    reading_free(reading);
}

static void on_number(void *arg, int status, const struct store_reply *reply)
{
    struct reading *reading = arg;
    bool good = status == 0 && (reply->type == STORE_NIL || reply->type == STORE_TEXT);
    int64_t number = good && reply->type == STORE_TEXT ? number_of(reply, 0) : 0;
    if (number > reading->number)
        reading->number = number;
    answered(reading, good && number >= 0);
}

static void on_drained(void *arg, int status, const struct store_reply *reply)
{
    struct reading *reading = arg;
    bool good = status == 0 && reply->type == STORE_ARRAY;
    for (size_t i = 0; good && i + 1 < reply->count; i += 2) {
        struct drained_member member;
        if (drained_parse(reply->elements[i]->text, reply->elements[i + 1]->text, &member))
            drained_put(&reading->drained, &member);
    }
    answered(reading, good);
}

static void on_view(void *arg, int status, const struct store_reply *reply)
{
    struct reading *reading = arg;
    if (status == 0 && reply->type == STORE_TEXT) {
        reading->view = mem_dup(reply->text, reply->size + 1);
        reading->view_size = reply->size;
    }
    answered(reading, status == 0);
}

static void on_note(void *arg, int status, const struct store_reply *reply)
{
    struct note *note = arg;
    if (status == 0 && reply->type == STORE_TEXT) {
        note->bytes = mem_dup(reply->text, reply->size + 1);
        note->size = reply->size;
    }
    answered(note->reading, status == 0 && (reply->type == STORE_TEXT || reply->type == STORE_NIL));
}

static void read_notes(struct coordinator *coordinator, struct reading *reading)
{
    char key[256];
    reading->notes = mem_calloc(coordinator->accounts.count + 1, sizeof *reading->notes);
    for (size_t i = 0; i < coordinator->accounts.count; i++) {
        reading->notes[i].reading = reading;
        grant_key(coordinator, &coordinator->accounts.list[i], key, sizeof key);
        store_send(coordinator->store, on_note, &reading->notes[i], "HGET", key, "ledger", NULL);
    }
}

static void on_term(void *arg, int status, const struct store_reply *reply)
{
    struct reading *reading = arg;
    bool good = status == 0 && reply->type == STORE_INT && reply->integer > 0 && reply->integer < COUNTER_LIMIT;
    reading->term = good ? reply->integer : 0;
    answered(reading, good);
}

/* {seconds, microseconds}; a user who may not ask gets by with our own clock. */
static void on_time(void *arg, int status, const struct store_reply *reply)
{
    struct reading *reading = arg;
    struct coordinator *coordinator = reading->coordinator;
    bool good = status == 0 && reply->type == STORE_ARRAY && reply->count == 2;
    int64_t seconds = good ? number_of(reply->elements[0], 1) : -1, us = good ? number_of(reply->elements[1], 0) : -1;
    if (coordinator->reading == reading) {
        coordinator_wake(coordinator);
        coordinator->redis_ahead_ms =
            (seconds > 0 && us >= 0 ? seconds * 1000 + us / 1000 : coordinator->wall_ms) - coordinator->now_ms;
    }
    answered(reading, status == 0);
}

static void begin(struct coordinator *coordinator, int32_t partitions, const char *topic)
{
    char key[256];
    struct reading *reading = mem_alloc(sizeof *reading);
    *reading = (struct reading){.coordinator = coordinator,
                                .partitions = partitions,
                                .outstanding = (size_t)partitions + 4 + coordinator->accounts.count};
    snprintf(reading->topic, sizeof reading->topic, "%s", topic);
    coordinator->reading = reading;
    for (int32_t i = 0; i < partitions; i++) {
        snprintf(key, sizeof key, "%s{%d}:ledger", coordinator->options->prefix, i);
        store_send(coordinator->store, on_number, reading, "HGET", key, "number", NULL);
    }
    key_of(coordinator, "drained", key, sizeof key);
    store_send(coordinator->store, on_drained, reading, "HGETALL", key, NULL);
    key_of(coordinator, "cluster", key, sizeof key);
    store_send(coordinator->store, on_view, reading, "GET", key, NULL);
    store_send(coordinator->store, on_time, reading, "TIME", NULL);
    read_notes(coordinator, reading);
    key_of(coordinator, "term", key, sizeof key);
    store_send(coordinator->store, on_term, reading, "INCR", key, NULL);
}

static void say_not_initialised(struct coordinator *coordinator)
{
    if (log_limit_pass(&coordinator->meta_limit, coordinator->now_ms, SAY_MS, NULL))
        log_warn("redis_not_initialised", LOG_TEXT("redis", coordinator->options->redis),
                 LOG_TEXT("prefix", coordinator->options->prefix), LOG_TEXT("do", "isobarctl init"));
}

static void on_meta(void *arg, int status, const struct store_reply *reply)
{
    struct coordinator *coordinator = arg;
    if (status != 0 || coordinator->leading == LEAD_NOT || coordinator->reading)
        return;
    coordinator_wake(coordinator);
    bool good = reply->type == STORE_ARRAY && reply->count == 3 && reply->elements[1]->type == STORE_TEXT;
    int64_t partitions = good ? number_of(reply->elements[0], 1) : -1;
    if (partitions < 1 || partitions > SHARD_MAX_PARTITIONS) {
        say_not_initialised(coordinator);
        return;
    }
    if (coordinator->leading == LEAD_READING) {
        begin(coordinator, (int32_t)partitions, reply->elements[1]->text);
    } else if (partitions != coordinator->partition_count) {
        if (log_limit_pass(&coordinator->meta_limit, coordinator->now_ms, SAY_MS, NULL))
            log_error("partitions_differ", LOG_INT("meta", partitions), LOG_INT("leader", coordinator->partition_count),
                      LOG_TEXT("do", "start all programs again: the number never changes in one installation"));
        return;
    }
    catalogue_want(coordinator->catalogue, number_of(reply->elements[2], 0), (int32_t)partitions);
}

void reading_tick(struct coordinator *coordinator)
{
    char key[256];
    if (coordinator->reading || coordinator->now_ms - coordinator->asked_ms < META_MS || !store_up(coordinator->store))
        return;
    coordinator->asked_ms = coordinator->now_ms;
    key_of(coordinator, "meta", key, sizeof key);
    store_send(coordinator->store, on_meta, coordinator, "HMGET", key, "partitions", "topic", "catalogue_version",
               NULL);
}

void reading_abandon(struct coordinator *coordinator)
{
    coordinator->reading = NULL;
    coordinator->asked_ms = INT64_MIN / 2;
}
