/* See normals.h. The columns of the message are found by a table, since they are all coded in the same way. */
#include "normals.h"

#include "date.h"
#include "error.h"
#include "mem.h"

#include "normals.pb-c.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT    1
#define LEAP_YEAR 2000
#define HOUR_MS   INT64_C(3600000)
#define COLUMNS   (2 + NORMALS_QUANTILES)
#define STEP_MAX  1000000
#define MAPS      3

/* The bitmaps: which of a slot's three parts are known. */
enum map { MAP_KNOWN, MAP_SPREAD, MAP_RANKED };

/* A column: where the message has it, which map tells its slots, and where a slot has it. */
#define COLUMN(name, map_, field)                                                                                      \
    {                                                                                                                  \
        offsetof(Isobar__V1__Normals, n_##name), offsetof(Isobar__V1__Normals, name), map_,                            \
            offsetof(struct normal, field)                                                                             \
    }
static const struct {
    size_t count_at, values_at;
    enum map map;
    size_t field_at;
} columns[COLUMNS] = {
    COLUMN(mean, MAP_KNOWN, mean),        COLUMN(deviation, MAP_SPREAD, deviation),
    COLUMN(p10, MAP_RANKED, quantile[0]), COLUMN(p25, MAP_RANKED, quantile[1]),
    COLUMN(p50, MAP_RANKED, quantile[2]), COLUMN(p75, MAP_RANKED, quantile[3]),
    COLUMN(p90, MAP_RANKED, quantile[4]),
};

static size_t slot_count(const struct normals *normals)
{
    return (size_t)NORMALS_DAYS * (size_t)normals->hours;
}

void normals_init(struct normals *normals, int64_t city_id, int32_t metric, int32_t hours)
{
    assert(hours == 1 || hours == 24);
    *normals = (struct normals){.city_id = city_id, .metric = metric, .hours = hours, .step = 1};
    normals->slots = mem_calloc(slot_count(normals), sizeof *normals->slots);
}

void normals_release(struct normals *normals)
{
    free(normals->slots);
    normals->slots = NULL;
}

struct normal *normals_slot(const struct normals *normals, int32_t month, int32_t day, int32_t hour)
{
    struct date date = {LEAP_YEAR, month, day}, first = {LEAP_YEAR, 1, 1};
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23)
        return NULL;
    int32_t number = date_number(&date);
    if (date_of(number).month != month)
        return NULL;
    int32_t slot = number - date_number(&first);
    return &normals->slots[slot * normals->hours + (normals->hours == 24 ? hour : 0)];
}

size_t normals_count(const struct normals *normals)
{
    size_t count = 0;
    for (size_t i = 0; i < slot_count(normals); i++)
        count += normals->slots[i].known;
    return count;
}

static bool has(const struct normal *slot, enum map map)
{
    return slot->known && (map == MAP_KNOWN || (map == MAP_SPREAD ? slot->has_deviation : slot->has_quantiles));
}

/* ---- encoding ---- */

static int32_t in_steps(int32_t value, int32_t step)
{
    int32_t half = step / 2;
    return (value < 0 ? value - half : value + half) / step;
}

/* Fills one column with differences; `values` has room for all slots. */
static size_t fill_column(const struct normals *normals, int column, int32_t step, int32_t *values)
{
    int32_t before = 0;
    size_t count = 0;
    for (size_t i = 0; i < slot_count(normals); i++) {
        const struct normal *slot = &normals->slots[i];
        int32_t value;
        if (!has(slot, columns[column].map))
            continue;
        memcpy(&value, (const char *)slot + columns[column].field_at, sizeof value);
        value = in_steps(value, step);
        values[count++] = value - before;
        before = value;
    }
    return count;
}

static void fill_map(const struct normals *normals, enum map map, uint8_t *bits, ProtobufCBinaryData *out)
{
    for (size_t i = 0; i < slot_count(normals); i++) {
        if (has(&normals->slots[i], map)) {
            bits[i / 8] |= (uint8_t)(1u << i % 8);
            out->len = (slot_count(normals) + 7) / 8; /* absent when no bit is set */
        }
    }
    out->data = bits;
}

/* Encodes with this step, when that fits. */
static bool encode_with(const struct normals *normals, int32_t step, int32_t *values, uint8_t *bits, struct buf *out)
{
    Isobar__V1__Normals message = ISOBAR__V1__NORMALS__INIT;
    size_t slots = slot_count(normals), bytes = (slots + 7) / 8;
    ProtobufCBinaryData *const maps[MAPS] = {&message.known, &message.spread, &message.ranked};
    message.format = FORMAT;
    message.city_id = normals->city_id;
    message.metric = normals->metric;
    message.hours = normals->hours;
    message.step = step;
    memset(bits, 0, bytes * MAPS);
    for (int map = 0; map < MAPS; map++)
        fill_map(normals, (enum map)map, bits + (size_t)map * bytes, maps[map]);
    for (int i = 0; i < COLUMNS; i++) {
        int32_t *column = values + (size_t)i * slots;
        size_t count = fill_column(normals, i, step, column);
        memcpy((char *)&message + columns[i].count_at, &count, sizeof count);
        memcpy((char *)&message + columns[i].values_at, &column, sizeof(int32_t *));
    }
    size_t size = isobar__v1__normals__get_packed_size(&message);
    if (size > NORMALS_MAX_BYTES)
        return false;
    isobar__v1__normals__pack(&message, (uint8_t *)buf_reserve(out, size));
    buf_advance(out, size);
    return true;
}

int normals_encode(const struct normals *normals, struct buf *out)
{
    static const int32_t leads[] = {1, 2, 5};
    size_t slots = slot_count(normals);
    int32_t *values = mem_calloc(slots * COLUMNS, sizeof *values);
    uint8_t *bits = mem_calloc(slots, MAPS);
    bool done = false;
    for (int32_t ten = 1; !done && ten <= STEP_MAX; ten *= 10) {
        for (size_t i = 0; !done && i < sizeof leads / sizeof *leads; i++)
            done = encode_with(normals, leads[i] * ten, values, bits, out);
    }
    free(values);
    free(bits);
    return done ? 0 : ERR_TOO_LARGE;
}

/* ---- decoding ---- */

static bool bit_at(const ProtobufCBinaryData *map, size_t slot)
{
    return map->len > 0 && (map->data[slot / 8] >> slot % 8 & 1) != 0;
}

static bool head_valid(const Isobar__V1__Normals *message)
{
    size_t bytes = ((size_t)NORMALS_DAYS * (size_t)message->hours + 7) / 8;
    const ProtobufCBinaryData *const maps[MAPS] = {&message->known, &message->spread, &message->ranked};
    if (message->format != FORMAT || message->city_id < 1 || message->metric < 1 || message->step < 1 ||
        message->step > 5 * STEP_MAX || (message->hours != 1 && message->hours != 24))
        return false;
    for (int i = 0; i < MAPS; i++) {
        if (maps[i]->len != 0 && maps[i]->len != bytes)
            return false;
    }
    return true;
}

static void take_maps(struct normals *normals, const Isobar__V1__Normals *message)
{
    for (size_t i = 0; i < slot_count(normals); i++) {
        struct normal *slot = &normals->slots[i];
        slot->known = bit_at(&message->known, i);
        slot->has_deviation = slot->known && bit_at(&message->spread, i);
        slot->has_quantiles = slot->known && bit_at(&message->ranked, i);
    }
}

static bool take_column(struct normals *normals, const Isobar__V1__Normals *message, int column)
{
    const int32_t *values;
    size_t count, used = 0;
    int64_t steps = 0;
    memcpy(&count, (const char *)message + columns[column].count_at, sizeof count);
    memcpy(&values, (const char *)message + columns[column].values_at, sizeof values);
    for (size_t i = 0; i < slot_count(normals); i++) {
        struct normal *slot = &normals->slots[i];
        if (!has(slot, columns[column].map))
            continue;
        if (used == count)
            return false;
        steps += values[used++];
        int64_t value = steps * message->step; /* steps stay far below 2^46 */
        if (value < -NORMALS_VALUE_MAX || value > NORMALS_VALUE_MAX)
            return false;
        int32_t narrow = (int32_t)value;
        memcpy((char *)slot + columns[column].field_at, &narrow, sizeof narrow);
    }
    return used == count;
}

static bool slots_valid(const struct normals *normals)
{
    for (size_t i = 0; i < slot_count(normals); i++) {
        const struct normal *slot = &normals->slots[i];
        if (slot->deviation < 0)
            return false;
        for (int k = 1; k < NORMALS_QUANTILES; k++) {
            if (slot->quantile[k] < slot->quantile[k - 1])
                return false;
        }
    }
    return true;
}

int normals_decode(struct normals *normals, const void *bytes, size_t size)
{
    *normals = (struct normals){0};
    Isobar__V1__Normals *message = size <= NORMALS_MAX_BYTES ? isobar__v1__normals__unpack(NULL, size, bytes) : NULL;
    bool good = message && head_valid(message);
    if (good) {
        normals_init(normals, message->city_id, message->metric, message->hours);
        normals->step = message->step;
        take_maps(normals, message);
        for (int i = 0; good && i < COLUMNS; i++)
            good = take_column(normals, message, i);
        good = good && slots_valid(normals);
    }
    isobar__v1__normals__free_unpacked(message, NULL);
    if (!good)
        normals_release(normals);
    return good ? 0 : ERR_INVALID;
}

/* ---- what is usual, and how unusual a value is ---- */

/* What local standard time is ahead of UTC, in ms. */
static int64_t standard_ms(const struct zone *zone, int64_t at_ms)
{
    struct date first = date_of((int32_t)(at_ms / DATE_DAY_MS)), middle;
    first.month = 1;
    first.day = 1;
    middle = first;
    middle.month = 7;
    int64_t winter = zone_offset_ms(zone, date_number(&first) * DATE_DAY_MS),
            summer = zone_offset_ms(zone, date_number(&middle) * DATE_DAY_MS);
    return winter < summer ? winter : summer;
}

const struct normal *normals_at(const struct normals *normals, const struct zone *zone, int64_t at_ms)
{
    int64_t local = at_ms + standard_ms(zone, at_ms), days = local / DATE_DAY_MS, into = local % DATE_DAY_MS;
    if (into < 0) {
        into += DATE_DAY_MS;
        days--;
    }
    struct date date = date_of((int32_t)days);
    int32_t hour = (int32_t)(into / HOUR_MS);
    const struct normal *slot = normals_slot(normals, date.month, date.day, hour);
    if (!slot->known && date.month == 2 && date.day == 29)
        slot = normals_slot(normals, 2, 28, hour);
    return slot->known ? slot : NULL;
}

/* Percent of the normal distribution below `value`. */
static double bell(const struct normal *normal, int32_t value)
{
    if (normal->deviation == 0)
        return value < normal->mean ? 0 : value > normal->mean ? 100 : 50;
    return 50 * erfc(-(double)(value - normal->mean) / normal->deviation / M_SQRT2);
}

bool normal_percentile(const struct normal *normal, int32_t value, double *out)
{
    static const double percents[NORMALS_QUANTILES] = {10, 25, 50, 75, 90};
    const int32_t *q = normal->quantile;
    int k = 0;
    if (!normal->has_quantiles && !normal->has_deviation)
        return false;
    if (!normal->has_quantiles) {
        *out = bell(normal, value);
        return true;
    }
    if (value < q[0]) {
        *out = normal->has_deviation ? fmin(bell(normal, value), percents[0]) : percents[0];
        return true;
    }
    if (value > q[NORMALS_QUANTILES - 1]) {
        *out = normal->has_deviation ? fmax(bell(normal, value), percents[NORMALS_QUANTILES - 1])
                                     : percents[NORMALS_QUANTILES - 1];
        return true;
    }
    while (k < NORMALS_QUANTILES - 1 && value > q[k])
        k++;
    int last = k;
    while (last < NORMALS_QUANTILES - 1 && q[last + 1] == value)
        last++;
    if (q[k] == value)
        *out = (percents[k] + percents[last]) / 2;
    else
        *out = percents[k - 1] + (double)(value - q[k - 1]) / (q[k] - q[k - 1]) * (percents[k] - percents[k - 1]);
    return true;
}
