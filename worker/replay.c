/* See replay.h. That a partition is held and read again is replay_run.c's. */
#include "replay.h"

#include "error.h"
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MILLI         1000
#define SPEED_MAX     (INT64_C(1000000) * MILLI)
#define END_FIELD     "end:"
#define TIME_LIMIT_MS INT64_C(253402300799999) /* the year 9999 ends */

static bool integer(const struct store_reply *value, int64_t high, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    if (value->type != STORE_TEXT || value->size == 0 || value->text[0] < '0' || value->text[0] > '9')
        return false;
    *out = strtoll(value->text, &end, 10);
    return errno == 0 && end == value->text + value->size && *out <= high;
}

/* The value of `name` in the pairs of HGETALL; NULL when it is not there. */
static const struct store_reply *find(const struct store_reply *reply, const char *name)
{
    for (size_t i = 0; i + 1 < reply->count; i += 2)
        if (reply->elements[i]->type == STORE_TEXT && strcmp(reply->elements[i]->text, name) == 0)
            return reply->elements[i + 1];
    return NULL;
}

static bool take(const struct store_reply *reply, const char *name, int64_t high, int64_t *out, struct buf *error)
{
    const struct store_reply *value = find(reply, name);
    if (value && integer(value, high, out))
        return true;
    buf_printf(error, "the hash replay has %s %s", value ? "a bad" : "no", name);
    return false;
}

int replay_parse(struct replay *replay, const struct store_reply *reply, int32_t partitions, struct buf *error)
{
    *replay = (struct replay){.partitions = partitions};
    if (reply->type != STORE_ARRAY || reply->count == 0)
        return ERR_NOT_FOUND;
    if (!take(reply, "from_ms", TIME_LIMIT_MS, &replay->from_ms, error) ||
        !take(reply, "to_ms", TIME_LIMIT_MS, &replay->to_ms, error) ||
        !take(reply, "speed_milli", SPEED_MAX, &replay->speed_milli, error))
        return ERR_INVALID;
    replay->parts = mem_calloc((size_t)partitions, sizeof *replay->parts);
    for (int32_t p = 0; p < partitions; p++) {
        char name[sizeof END_FIELD + 11];
        snprintf(name, sizeof name, END_FIELD "%d", p);
        if (!take(reply, name, INT64_MAX - 1, &replay->parts[p].end, error))
            return ERR_INVALID;
    }
    return 0;
}

void replay_release(struct replay *replay)
{
    free(replay->parts);
    *replay = (struct replay){0};
}

int64_t replay_time_ms(const struct replay *replay, int64_t now_ms)
{
    if (replay->speed_milli == 0)
        return INT64_MAX;
    if (replay->begun_ms == 0)
        return replay->from_ms;
    __int128 passed = (__int128)(now_ms - replay->begun_ms) * replay->speed_milli / MILLI;
    return passed > TIME_LIMIT_MS ? INT64_MAX : replay->from_ms + (int64_t)passed;
}

size_t replay_admit(struct replay *replay, const struct kafka_record *records, size_t count, int64_t now_ms,
                    enum replay_next *next)
{
    const struct replay_part *part = &replay->parts[records[0].partition];
    if (replay->begun_ms == 0) {
        replay->begun_ms = now_ms;
        if (replay->from_ms == 0)
            replay->from_ms = records[0].timestamp_ms;
    }
    int64_t time_ms = replay_time_ms(replay, now_ms);
    for (size_t i = 0; i < count; i++) {
        *next = REPLAY_DONE;
        if (records[i].offset >= part->end || (replay->to_ms > 0 && records[i].timestamp_ms >= replay->to_ms))
            return i;
        *next = REPLAY_WAIT;
        if (records[i].timestamp_ms > time_ms)
            return i;
    }
    *next = records[count - 1].offset + 1 >= part->end ? REPLAY_DONE : REPLAY_MORE;
    return count;
}
