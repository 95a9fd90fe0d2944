/*
 * Observations as structs and as columnar batches (observation.h). One table says where each column lives in the
 * generated message and in the struct; encoding, validating and copying a row
 * all walk it. A batch is decoded by protobuf-c into an arena that is reused; then cells of unknown values are
 * cleared once per column, so that a row is a plain copy of the columns that the batch has. Values are not
 * judged here (quality.h): one bad cell must not cost 511 good rows.
 */
#include "observation.h"

#include "arena.h"
#include "error.h"
#include "mem.h"
#include "shard.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_FORMAT 1
#define ARENA_LIMIT  (8u << 20) /* a valid batch needs at most 112 KiB, an odd one of 256 KiB some times its size */
#define NOT_A_VALUE  (-1)

struct column {
    size_t count_at, values_at; /* offsets in the message */
    size_t field_at;            /* offset in struct observation */
    size_t width;               /* bytes of a cell: 4 or 8 */
    int bit;                    /* isobar.v1.Value, or NOT_A_VALUE */
    int64_t low, high;          /* what a cell may be, when it is no value */
    const char *reason;         /* when it is outside */
};

#define MESSAGE Isobar__V1__ObservationBatch
#define FIXED(name, low, high, reason)                                                                                 \
    {                                                                                                                  \
        offsetof(MESSAGE, n_##name), offsetof(MESSAGE, name), offsetof(struct observation, name),                      \
            sizeof((struct observation){0}.name), NOT_A_VALUE, low, high, reason                                       \
    }
#define BIT(name, value_bit)                                                                                           \
    {                                                                                                                  \
        offsetof(MESSAGE, n_##name), offsetof(MESSAGE, name),                                                          \
            offsetof(struct observation, value) + (value_bit) * sizeof(int32_t), sizeof(int32_t), value_bit,           \
            INT32_MIN, INT32_MAX, ""                                                                                   \
    }
#define VALUE(name, value) BIT(name, ISOBAR__V1__VALUE__##value)
#define CUSTOM(number)     BIT(custom_##number, OBSERVATION_CUSTOM + number)

static const struct column columns[] = {
    FIXED(present, INT64_MIN, INT64_MAX, ""), /* first: clearing the values needs it */
    FIXED(city_id, 0, INT64_MAX, "negative city id"),
    FIXED(observed_at_ms, 0, TIME_MAX_MS, "observed_at_ms outside the years 1970 to 9999"),
    FIXED(fetched_at_ms, 0, TIME_MAX_MS, "fetched_at_ms outside the years 1970 to 9999"),
    FIXED(kind, ISOBAR__V1__ROW_KIND__OBSERVATION, ISOBAR__V1__ROW_KIND__CONTROL, "unknown kind of row"),
    FIXED(provider, 0, INT32_MAX, "negative provider"),
    FIXED(series, 0, INT32_MAX, "negative series"),
    FIXED(quality, INT64_MIN, INT64_MAX, ""),
    FIXED(accumulation_s, 0, INT32_MAX, "negative accumulation period"),
    VALUE(temperature_centi_c, TEMPERATURE),
    VALUE(feels_like_centi_c, FEELS_LIKE),
    VALUE(temperature_min_centi_c, TEMPERATURE_MIN),
    VALUE(temperature_max_centi_c, TEMPERATURE_MAX),
    VALUE(pressure_sea_level_pa, PRESSURE_SEA_LEVEL),
    VALUE(pressure_station_pa, PRESSURE_STATION),
    VALUE(humidity_centi_percent, HUMIDITY),
    VALUE(dew_point_centi_c, DEW_POINT),
    VALUE(wind_speed_cm_s, WIND_SPEED),
    VALUE(wind_direction_centi_deg, WIND_DIRECTION),
    VALUE(wind_gust_cm_s, WIND_GUST),
    VALUE(rain_um, RAIN),
    VALUE(snow_um, SNOW),
    VALUE(cloud_centi_percent, CLOUD),
    VALUE(visibility_m, VISIBILITY),
    VALUE(condition, CONDITION),
    VALUE(air_quality_index, AIR_QUALITY_INDEX),
    VALUE(pm2_5_ng_m3, PM2_5),
    VALUE(pm10_ng_m3, PM10),
    VALUE(no2_ng_m3, NO2),
    VALUE(o3_ng_m3, O3),
    VALUE(so2_ng_m3, SO2),
    VALUE(co_ng_m3, CO),
    VALUE(nh3_ng_m3, NH3),
    CUSTOM(0),
    CUSTOM(1),
    CUSTOM(2),
    CUSTOM(3),
    CUSTOM(4),
    CUSTOM(5),
    CUSTOM(6),
    CUSTOM(7),
    CUSTOM(8),
    CUSTOM(9),
    CUSTOM(10),
    CUSTOM(11),
    CUSTOM(12),
    CUSTOM(13),
    CUSTOM(14),
    CUSTOM(15),
};
#define COLUMNS (sizeof columns / sizeof *columns)

/* A column of the last decode that has cells. */
struct filled {
    const char *cells;
    size_t field_at, width;
};

struct batch {
    struct arena arena;
    Isobar__V1__ObservationBatch *message; /* in the arena */
    size_t rows;
    struct filled filled[COLUMNS];
    size_t filled_count;
};

void observation_set(struct observation *observation, int bit, int32_t value)
{
    observation->value[bit] = value;
    observation->present |= UINT64_C(1) << bit;
}

bool observation_has(const struct observation *observation, int bit)
{
    return observation->present >> bit & 1;
}

bool observation_of_air(uint64_t present)
{
    static const uint64_t air =
        (UINT64_C(1) << (ISOBAR__V1__VALUE__NH3 + 1)) - (UINT64_C(1) << ISOBAR__V1__VALUE__AIR_QUALITY_INDEX);
    return present != 0 && (present & ~air) == 0;
}

static unsigned char *put_le32(unsigned char *p, int32_t value)
{
    uint32_t number = (uint32_t)value;
    for (int i = 0; i < 4; i++, number >>= 8)
        *p++ = (unsigned char)number;
    return p;
}

uint32_t observation_body(const struct observation *observation)
{
    unsigned char bytes[OBSERVATION_VALUES * 5 + 4], *p = bytes;
    for (uint64_t rest = observation->present & OBSERVATION_KNOWN; rest; rest &= rest - 1) {
        int bit = __builtin_ctzll(rest);
        *p++ = (unsigned char)bit;
        p = put_le32(p, observation->value[bit]);
    }
    p = put_le32(p, observation->accumulation_s);
    uint32_t hash = shard_murmur2(bytes, (size_t)(p - bytes));
    return hash ? hash : 1;
}

/* ---- encoding ---- */

/* Gathers one column; returns whether any cell differs from 0. */
static bool gather(const struct column *column, const struct observation *rows, size_t count, char *cells)
{
    static const char zero[sizeof(int64_t)];
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        const char *cell = (const char *)&rows[i] + column->field_at;
        uint64_t known = rows[i].present & OBSERVATION_KNOWN;
        if (column->bit != NOT_A_VALUE && !(known >> column->bit & 1))
            cell = zero;
        else if (column->field_at == offsetof(struct observation, present))
            cell = (const char *)&known;
        memcpy(cells + i * column->width, cell, column->width);
        any = any || memcmp(cell, zero, column->width) != 0;
    }
    return any;
}

static int encode(const struct observation *rows, size_t count, Isobar__V1__Control *control, int32_t shard,
                  struct buf *out)
{
    if (count < 1 || count > BATCH_MAX_ROWS)
        return ERR_INVALID;
    Isobar__V1__ObservationBatch message = ISOBAR__V1__OBSERVATION_BATCH__INIT;
    message.format = BATCH_FORMAT;
    message.rows = (int32_t)count;
    message.shard = shard;
    message.n_controls = control != NULL;
    message.controls = &control;
    char *scratch = mem_calloc(count * COLUMNS, sizeof(int64_t));
    for (size_t c = 0; c < COLUMNS; c++) {
        char *cells = scratch + c * count * sizeof(int64_t);
        if (!gather(&columns[c], rows, count, cells))
            continue;
        *(size_t *)(void *)((char *)&message + columns[c].count_at) = count;
        *(void **)(void *)((char *)&message + columns[c].values_at) = cells;
    }
    size_t size = isobar__v1__observation_batch__get_packed_size(&message);
    int status = size > BATCH_MAX_BYTES ? ERR_TOO_LARGE : 0;
    if (status == 0)
        buf_advance(out, isobar__v1__observation_batch__pack(&message, (uint8_t *)buf_reserve(out, size)));
    free(scratch);
    return status;
}

int batch_encode(const struct observation *rows, size_t count, int32_t shard, struct buf *out)
{
    return encode(rows, count, NULL, shard, out);
}

int batch_encode_control(const struct observation *row, const struct control *control, int32_t shard, struct buf *out)
{
    Isobar__V1__Control message = ISOBAR__V1__CONTROL__INIT;
    message.zone = (char *)control->zone;
    message.country = (char *)control->country;
    message.config_version = control->config_version;
    message.interval_s = control->interval_s;
    return encode(row, 1, &message, shard, out);
}

void batch_encode_version(int64_t version, int64_t at_ms, int32_t shard, struct buf *out)
{
    struct observation row = {.kind = ISOBAR__V1__ROW_KIND__CONTROL, .observed_at_ms = at_ms, .fetched_at_ms = at_ms};
    struct control control = {.zone = "", .country = "", .config_version = version};
    int status = batch_encode_control(&row, &control, shard, out);
    assert(status == 0); /* one short row */
    (void)status;
}

/* ---- decoding ---- */

struct batch *batch_new(void)
{
    struct batch *batch = mem_alloc(sizeof *batch);
    arena_init(&batch->arena, ARENA_LIMIT);
    return batch;
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    arena_release(&batch->arena);
    free(batch);
}

/* Clears the bits that are not known, so that nobody reads them. */
static void mask_present(Isobar__V1__ObservationBatch *message)
{
    for (size_t i = 0; i < message->n_present; i++)
        message->present[i] = (int64_t)((uint64_t)message->present[i] & OBSERVATION_KNOWN);
}

/* Clears the cells whose value is not known. */
static void clean_value(const struct column *column, const Isobar__V1__ObservationBatch *message, int32_t *cells)
{
    for (size_t i = 0; i < message->n_present; i++)
        cells[i] &= -(int32_t)(message->present[i] >> column->bit & 1);
}

static bool check_cells(const struct column *column, const void *cells, size_t rows)
{
    bool good = true;
    for (size_t i = 0; i < rows; i++) {
        int64_t cell = column->width == sizeof(int64_t) ? ((const int64_t *)cells)[i] : ((const int32_t *)cells)[i];
        good &= cell >= column->low && cell <= column->high;
    }
    return good;
}

/* Checks one column and takes it into the list of those that have cells. NULL, or the reason. */
static const char *take_column(struct batch *batch, const struct column *column)
{
    char *message = (char *)batch->message;
    size_t count = *(size_t *)(void *)(message + column->count_at);
    void *cells = *(void **)(void *)(message + column->values_at);
    if (count == 0)
        return NULL;
    if (count != batch->rows)
        return "a column has neither 0 nor `rows` values";
    if (column->bit == NOT_A_VALUE) {
        if (!check_cells(column, cells, count))
            return column->reason;
    } else {
        if (batch->message->n_present == 0)
            return NULL; /* nothing is known, so nothing may be read */
        clean_value(column, batch->message, cells);
    }
    batch->filled[batch->filled_count++] = (struct filled){cells, column->field_at, column->width};
    return NULL;
}

/* What holds between columns. NULL, or the reason. */
static const char *check_rows(const Isobar__V1__ObservationBatch *message, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        int32_t kind = message->n_kind ? message->kind[i] : 0;
        bool reading = kind == ISOBAR__V1__ROW_KIND__OBSERVATION || kind == ISOBAR__V1__ROW_KIND__CHECKED;
        if (reading && (message->n_city_id == 0 || message->city_id[i] == 0))
            return "a reading without a city";
    }
    for (size_t i = 0; i < message->n_controls; i++) {
        int32_t row = message->controls[i]->row;
        if (row < 0 || (size_t)row >= rows || message->n_kind == 0 ||
            message->kind[row] != ISOBAR__V1__ROW_KIND__CONTROL)
            return "a control that belongs to no row";
    }
    return NULL;
}

/*
 * False when one of its fields that this version does not know has the number 0, which none can have: protobuf-c takes
 * it when it comes in a long form, writes it in the short one, and does not take that; other readers take neither.
 */
static bool numbered(const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->n_unknown_fields; i++) {
        if (message->unknown_fields[i].tag == 0)
            return false;
    }
    return true;
}

static bool all_numbered(const Isobar__V1__ObservationBatch *message)
{
    bool good = numbered(&message->base);
    for (size_t i = 0; i < message->n_controls; i++)
        good = good && numbered(&message->controls[i]->base);
    return good;
}

static const char *check_batch(struct batch *batch)
{
    const Isobar__V1__ObservationBatch *message = batch->message;
    if (!all_numbered(message))
        return "not an ObservationBatch";
    if (message->format != BATCH_FORMAT)
        return "unknown format";
    if (message->rows < 1 || message->rows > BATCH_MAX_ROWS)
        return "not 1 to 512 rows";
    if (message->shard < 0)
        return "negative shard";
    batch->rows = (size_t)message->rows;
    mask_present(batch->message);
    for (size_t c = 0; c < COLUMNS; c++) {
        const char *reason = take_column(batch, &columns[c]);
        if (reason)
            return reason;
    }
    return check_rows(message, batch->rows);
}

int batch_decode(struct batch *batch, const void *bytes, size_t size, const char **reason)
{
    arena_reset(&batch->arena);
    batch->message = NULL;
    batch->rows = batch->filled_count = 0;
    if (size > BATCH_MAX_BYTES) {
        *reason = "larger than 256 KiB";
        return ERR_TOO_LARGE;
    }
    batch->message = isobar__v1__observation_batch__unpack(&batch->arena.protobuf, size, bytes);
    *reason = batch->message ? check_batch(batch) : "not an ObservationBatch";
    if (*reason) {
        batch->message = NULL;
        batch->rows = 0;
        return ERR_INVALID;
    }
    return 0;
}

size_t batch_rows(const struct batch *batch)
{
    return batch->rows;
}

int32_t batch_shard(const struct batch *batch)
{
    return batch->message ? batch->message->shard : -1;
}

int64_t batch_version(const struct batch *batch)
{
    const Isobar__V1__ObservationBatch *message = batch->message;
    int64_t version = 0;
    for (size_t i = 0; message && i < message->n_controls; i++) {
        const Isobar__V1__Control *control = message->controls[i];
        bool of_city = message->n_city_id && message->city_id[control->row] != 0;
        if (!of_city && control->config_version > version)
            version = control->config_version;
    }
    return version;
}

void batch_row(const struct batch *batch, size_t index, struct observation *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < batch->filled_count; i++) {
        const struct filled *column = &batch->filled[i];
        memcpy((char *)out + column->field_at, column->cells + index * column->width, column->width);
    }
    out->of_air = observation_of_air(out->present);
}

bool batch_control(const struct batch *batch, size_t index, struct control *out)
{
    bool found = false;
    *out = (struct control){.zone = "", .country = ""};
    for (size_t i = 0; i < batch->message->n_controls; i++) {
        const Isobar__V1__Control *control = batch->message->controls[i];
        if ((size_t)control->row != index)
            continue;
        found = true;
        out->zone = *control->zone ? control->zone : out->zone;
        out->country = *control->country ? control->country : out->country;
        out->config_version = control->config_version ? control->config_version : out->config_version;
        out->interval_s = control->interval_s ? control->interval_s : out->interval_s;
    }
    return found;
}
