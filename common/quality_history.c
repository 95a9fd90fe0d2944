/*
 * Past readings and bytes of quality_history.h; runs are in quality_run.c. A past reading is: the time since the one
 * before, as a varint; a byte with the groups it has; and for each of these the difference to the last value known of
 * that group, zigzag and varint. That is some 11 to 14 bytes instead of 32.
 */
#include "quality_history.h"

#include "error.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define V(value)     ISOBAR__V1__VALUE__##value
#define G(group)     ISOBAR__V1__QUALITY_GROUP__GROUP_##group
#define ALL_PAST     ((1u << QUALITY_PAST_GROUPS) - 1)
#define HOUR_MS      INT64_C(3600000)
#define HALF_TURN    18000 /* 0.01 deg */
#define VARINT_BYTES 10
#define ENTRY_BYTES  (VARINT_BYTES + 1 + QUALITY_PAST_GROUPS * 5)

const int quality_past_value[QUALITY_PAST_GROUPS] = {
    [G(TEMPERATURE)] = V(TEMPERATURE),
    [G(DEW_POINT)] = V(DEW_POINT),
    [G(HUMIDITY)] = V(HUMIDITY),
    [G(PRESSURE_SEA_LEVEL)] = V(PRESSURE_SEA_LEVEL),
    [G(PRESSURE_STATION)] = V(PRESSURE_STATION),
};

void quality_history_release(struct quality_history *history)
{
    free(history->past);
    free(history->runs);
    *history = (struct quality_history){0};
}

/* ---- past: bytes ---- */

static uint8_t *put_varint(uint8_t *at, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *at++ = (uint8_t)(number | 0x80);
    *at++ = (uint8_t)number;
    return at;
}

static const uint8_t *get_varint(const uint8_t *at, uint64_t *number)
{
    *number = 0;
    for (int shift = 0;; shift += 7) {
        *number |= (uint64_t)(*at & 0x7f) << shift;
        if (!(*at++ & 0x80))
            return at;
    }
}

static uint32_t zigzag(uint32_t difference)
{
    return difference << 1 ^ (difference >> 31 ? UINT32_MAX : 0);
}

static uint32_t unzigzag(uint32_t number)
{
    return number >> 1 ^ (number & 1 ? UINT32_MAX : 0);
}

void quality_past_first(const struct quality_history *history, struct quality_cursor *cursor)
{
    *cursor = (struct quality_cursor){.at = history->past};
    if (history->past)
        cursor->end = history->past + history->past_bytes;
}

bool quality_past_next(struct quality_cursor *cursor)
{
    uint64_t number;
    if (cursor->at == cursor->end)
        return false;
    cursor->at = get_varint(cursor->at, &number);
    cursor->past.observed_at_ms += (int64_t)number;
    cursor->past.present = *cursor->at++;
    for (uint32_t rest = cursor->past.present; rest; rest &= rest - 1) {
        int32_t *value = &cursor->past.value[__builtin_ctz(rest)];
        cursor->at = get_varint(cursor->at, &number);
        *value = (int32_t)((uint32_t)*value + unzigzag((uint32_t)number));
    }
    return true;
}

/* Takes `count` entries, ascending, in the place of those there are. */
static void set_past(struct quality_history *history, const struct quality_past *entries, int count)
{
    uint8_t bytes[QUALITY_PAST_MAX * ENTRY_BYTES], *at = bytes;
    struct quality_past before = {0};
    for (int i = 0; i < count; i++) {
        at = put_varint(at, (uint64_t)(entries[i].observed_at_ms - before.observed_at_ms));
        before.observed_at_ms = entries[i].observed_at_ms;
        *at++ = (uint8_t)entries[i].present;
        for (uint32_t rest = entries[i].present; rest; rest &= rest - 1) {
            int group = __builtin_ctz(rest);
            at = put_varint(at, zigzag((uint32_t)entries[i].value[group] - (uint32_t)before.value[group]));
            before.value[group] = entries[i].value[group];
        }
    }
    history->past_bytes = (uint16_t)(at - bytes);
    history->past_count = (uint8_t)count;
    if (count == 0)
        return;
    history->past = mem_grow(history->past, history->past_bytes, 1);
    memcpy(history->past, bytes, history->past_bytes);
}

static int get_past(const struct quality_history *history, struct quality_past entries[QUALITY_PAST_MAX])
{
    struct quality_cursor cursor;
    int count = 0;
    for (quality_past_first(history, &cursor); quality_past_next(&cursor);)
        entries[count++] = cursor.past;
    return count;
}

/* ---- past: readings ---- */

void quality_past_of(const struct observation *row, struct quality_past *past)
{
    *past = (struct quality_past){.observed_at_ms = row->observed_at_ms};
    for (int group = 0; group < QUALITY_PAST_GROUPS; group++) {
        past->present |= (uint32_t)observation_has(row, quality_past_value[group]) << group;
        past->value[group] = row->value[quality_past_value[group]];
    }
}

static void remember(struct quality_history *history, const struct quality_past *reading)
{
    struct quality_past entries[QUALITY_PAST_MAX + 1];
    int count = get_past(history, entries), at = count, old = 0;
    int64_t hour = reading->observed_at_ms / HOUR_MS;
    while (at > 0 && entries[at - 1].observed_at_ms / HOUR_MS > hour)
        at--;
    if (at > 0 && entries[at - 1].observed_at_ms / HOUR_MS == hour)
        return;
    if (count > 0 && reading->observed_at_ms < entries[count - 1].observed_at_ms - QUALITY_PAST_MS)
        return;
    memmove(&entries[at + 1], &entries[at], (size_t)(count - at) * sizeof *entries);
    entries[at] = *reading;
    count++;
    while (entries[old].observed_at_ms < entries[count - 1].observed_at_ms - QUALITY_PAST_MS)
        old++;
    set_past(history, entries + old, count - old);
}

void quality_history_update(struct quality_history *history, const struct quality_stillness *stillness,
                            const struct observation *row)
{
    struct quality_past reading;
    quality_run_update(history, stillness, row);
    quality_past_of(row, &reading);
    if (reading.present)
        remember(history, &reading);
}

/* ---- to a message ---- */

static Isobar__V1__Past *past_message(const struct quality_past *past, struct arena *arena)
{
    Isobar__V1__Past *message = arena_calloc(arena, 1, sizeof *message);
    isobar__v1__past__init(message);
    message->observed_at_ms = past->observed_at_ms;
    message->present = (int32_t)past->present;
    message->value = arena_calloc(arena, QUALITY_PAST_GROUPS, sizeof *message->value);
    for (uint32_t rest = past->present; rest; rest &= rest - 1)
        message->value[message->n_value++] = past->value[__builtin_ctz(rest)];
    return message;
}

static Isobar__V1__Run *run_message(const struct quality_run *run, struct arena *arena)
{
    Isobar__V1__Run *message = arena_calloc(arena, 1, sizeof *message);
    isobar__v1__run__init(message);
    message->group = run->group;
    message->start_ms = run->start_ms;
    message->last_ms = run->last_ms;
    message->count = run->count;
    message->minimum = run->minimum;
    message->maximum = run->maximum;
    message->direction = run->direction;
    message->turned_least = run->turned_least;
    message->turned_most = run->turned_most;
    return message;
}

void quality_history_message(const struct quality_history *history, Isobar__V1__CityState *message, struct arena *arena)
{
    struct quality_cursor cursor;
    message->past = arena_calloc(arena, history->past_count, sizeof(Isobar__V1__Past *));
    for (quality_past_first(history, &cursor); quality_past_next(&cursor);)
        message->past[message->n_past++] = past_message(&cursor.past, arena);
    message->run = arena_calloc(arena, history->run_count, sizeof(Isobar__V1__Run *));
    for (; message->n_run < history->run_count; message->n_run++)
        message->run[message->n_run] = run_message(&history->runs[message->n_run], arena);
}

/* ---- from a message ---- */

static bool is_time(int64_t ms)
{
    return ms >= 0 && ms <= TIME_MAX_MS;
}

static bool past_valid(const Isobar__V1__CityState *message)
{
    if (message->n_past > QUALITY_PAST_MAX)
        return false;
    for (size_t i = 0; i < message->n_past; i++) {
        const Isobar__V1__Past *past = message->past[i];
        if (!is_time(past->observed_at_ms) || past->present < 1 || past->present > (int32_t)ALL_PAST ||
            past->n_value != (size_t)__builtin_popcount((uint32_t)past->present) ||
            (i > 0 && past->observed_at_ms / HOUR_MS <= message->past[i - 1]->observed_at_ms / HOUR_MS))
            return false;
    }
    return message->n_past == 0 ||
           message->past[message->n_past - 1]->observed_at_ms - message->past[0]->observed_at_ms <= QUALITY_PAST_MS;
}

static bool run_valid(const Isobar__V1__Run *run)
{
    if (run->group < 0 || run->group >= QUALITY_RUN_GROUPS || !is_time(run->start_ms) || !is_time(run->last_ms) ||
        run->count < 1 || run->last_ms - run->start_ms < run->count - 1 || run->minimum > run->maximum)
        return false;
    if (run->group != G(WIND))
        return run->direction == 0 && run->turned_least == 0 && run->turned_most == 0;
    return run->direction >= 0 && run->direction < 2 * HALF_TURN && run->turned_least >= -HALF_TURN &&
           run->turned_least <= 0 && run->turned_most >= 0 && run->turned_most < HALF_TURN;
}

static bool runs_valid(const Isobar__V1__CityState *message)
{
    for (size_t i = 0; i < message->n_run; i++) {
        if (!run_valid(message->run[i]) || (i > 0 && message->run[i]->group <= message->run[i - 1]->group))
            return false;
    }
    return true;
}

static void take_past(struct quality_history *history, const Isobar__V1__CityState *message)
{
    struct quality_past entries[QUALITY_PAST_MAX] = {{0}};
    for (size_t i = 0; i < message->n_past; i++) {
        const Isobar__V1__Past *past = message->past[i];
        size_t k = 0;
        entries[i].observed_at_ms = past->observed_at_ms;
        entries[i].present = (uint32_t)past->present;
        for (uint32_t rest = entries[i].present; rest; rest &= rest - 1)
            entries[i].value[__builtin_ctz(rest)] = past->value[k++];
    }
    set_past(history, entries, (int)message->n_past);
}

int quality_history_take(struct quality_history *history, const Isobar__V1__CityState *message)
{
    *history = (struct quality_history){0};
    if (!past_valid(message) || !runs_valid(message))
        return ERR_INVALID;
    take_past(history, message);
    if (message->n_run)
        history->runs = mem_calloc(message->n_run, sizeof *history->runs);
    history->run_count = (uint8_t)message->n_run;
    for (size_t i = 0; i < message->n_run; i++) {
        const Isobar__V1__Run *run = message->run[i];
        history->runs[i] = (struct quality_run){.start_ms = run->start_ms,
                                                .last_ms = run->last_ms,
                                                .count = run->count,
                                                .minimum = run->minimum,
                                                .maximum = run->maximum,
                                                .direction = (uint16_t)run->direction,
                                                .turned_least = (int16_t)run->turned_least,
                                                .turned_most = (int16_t)run->turned_most,
                                                .group = (uint8_t)run->group};
    }
    return 0;
}
