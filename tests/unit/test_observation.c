/* The columnar batch: round trips of random rows, what must not parse and why, and cells that must not be read. */
#include "error.h"
#include "mem.h"
#include "observation.h"
#include "rows.h"
#include "shard.h"
#include "spoil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define NOW      INT64_C(1790000400000)
#define V(value) ISOBAR__V1__VALUE__##value

typedef Isobar__V1__ObservationBatch message_t;

static void assert_same_row(const struct observation *a, const struct observation *b)
{
    assert_int_equal(a->city_id, b->city_id);
    assert_int_equal(a->observed_at_ms, b->observed_at_ms);
    assert_int_equal(a->fetched_at_ms, b->fetched_at_ms);
    assert_int_equal(a->present, b->present);
    assert_int_equal(a->quality, b->quality);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->provider, b->provider);
    assert_int_equal(a->series, b->series);
    assert_int_equal(a->accumulation_s, b->accumulation_s);
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        assert_int_equal(a->value[bit], b->value[bit]);
}

static void set_and_has(void **state)
{
    (void)state;
    struct observation row = {0};
    assert_false(observation_has(&row, V(NH3)));
    observation_set(&row, V(NH3), -7);
    observation_set(&row, V(TEMPERATURE), 0); /* known, and zero */
    assert_true(observation_has(&row, V(NH3)));
    assert_true(observation_has(&row, V(TEMPERATURE)));
    assert_false(observation_has(&row, V(SNOW)));
    assert_int_equal(row.value[V(NH3)], -7);
    assert_int_equal(row.present, 1 << 23 | 1);
}

static void round_trip(void **state)
{
    (void)state;
    struct dice dice = {3};
    struct batch *batch = batch_new();
    struct observation *rows = mem_calloc(BATCH_MAX_ROWS, sizeof *rows), back;
    const size_t counts[] = {1, 2, 3, 17, 100, 511, 512};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (size_t i = 0; i < counts[c]; i++) {
            rows[i] = row_random(&dice, NOW, 1000000, 1);
            rows[i].kind = dice_between(&dice, 0, 1);
        }
        struct buf bytes = BUF_EMPTY;
        buf_text(&bytes, "kept"); /* encoding appends */
        assert_int_equal(batch_encode(rows, counts[c], 23, &bytes), 0);
        const char *reason = "";
        assert_int_equal(batch_decode(batch, bytes.data + 4, bytes.size - 4, &reason), 0);
        assert_null(reason);
        assert_int_equal(batch_rows(batch), counts[c]);
        assert_int_equal(batch_shard(batch), 23);
        for (size_t i = 0; i < counts[c]; i++) {
            batch_row(batch, i, &back);
            assert_same_row(&back, &rows[i]);
        }
        buf_release(&bytes);
    }
    free(rows);
    batch_free(batch);
}

static void values_of_the_operator(void **state)
{
    (void)state;
    struct batch *batch = batch_new();
    struct observation rows[2] = {{.city_id = 1, .observed_at_ms = NOW}, {.city_id = 1, .observed_at_ms = NOW}}, back;
    for (int k = 0; k < CUSTOM_COUNT; k++)
        observation_set(&rows[k % 2], OBSERVATION_CUSTOM + k, k % 3 ? -1000 * k : INT32_MIN + k);
    rows[0].present |= UINT64_C(1) << 24 | UINT64_C(1) << 31; /* of no version yet */
    rows[0].value[24] = rows[0].value[31] = 7;
    struct buf bytes = BUF_EMPTY;
    const char *reason;
    assert_int_equal(batch_encode(rows, 2, 0, &bytes), 0);
    assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), 0);
    for (size_t i = 0; i < 2; i++) {
        batch_row(batch, i, &back);
        rows[i].present &= OBSERVATION_KNOWN;
        rows[i].value[24] = rows[i].value[31] = 0;
        assert_same_row(&back, &rows[i]);
    }
    assert_int_equal(ISOBAR__V1__VALUE__CUSTOM_0, OBSERVATION_CUSTOM);
    assert_int_equal(ISOBAR__V1__VALUE__CUSTOM_15, OBSERVATION_CUSTOM + CUSTOM_COUNT - 1);
    buf_release(&bytes);
    batch_free(batch);
}

static void one_reading_is_small(void **state)
{
    (void)state;
    struct observation row = {
        .city_id = 5809844, .observed_at_ms = NOW, .fetched_at_ms = NOW, .provider = 1, .accumulation_s = 3600};
    const int bits[] = {
        V(TEMPERATURE), V(FEELS_LIKE), V(PRESSURE_SEA_LEVEL), V(HUMIDITY), V(WIND_SPEED), V(WIND_DIRECTION), V(RAIN),
        V(SNOW),        V(CLOUD),      V(VISIBILITY),         V(CONDITION)};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        observation_set(&row, bits[i], bits[i] == V(SNOW) ? 0 : 800);
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(batch_encode(&row, 1, 3, &bytes), 0);
    print_message("a reading of 11 values takes %zu bytes\n", bytes.size);
    assert_in_range(bytes.size, 1, 128);
    buf_release(&bytes);
}

static void kinds_of_rows(void **state)
{
    (void)state;
    struct observation rows[] = {
        {.city_id = 7, .observed_at_ms = NOW, .kind = ISOBAR__V1__ROW_KIND__OBSERVATION},
        {.city_id = 7, .observed_at_ms = NOW, .kind = ISOBAR__V1__ROW_KIND__CHECKED},
        {.city_id = 0, .observed_at_ms = NOW, .kind = ISOBAR__V1__ROW_KIND__TICK},
        {.city_id = 0, .kind = ISOBAR__V1__ROW_KIND__CONTROL},
    };
    struct buf bytes = BUF_EMPTY;
    struct batch *batch = batch_new();
    const char *reason;
    assert_int_equal(batch_encode(rows, 4, 0, &bytes), 0);
    assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), 0);
    for (size_t i = 0; i < 4; i++) {
        struct observation back;
        batch_row(batch, i, &back);
        assert_same_row(&back, &rows[i]);
    }
    buf_release(&bytes);
    batch_free(batch);
}

static void encode_refuses_counts(void **state)
{
    (void)state;
    struct observation *rows = mem_calloc(BATCH_MAX_ROWS + 1, sizeof *rows);
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(batch_encode(rows, 0, 0, &bytes), ERR_INVALID);
    assert_int_equal(batch_encode(rows, BATCH_MAX_ROWS + 1, 0, &bytes), ERR_INVALID);
    assert_int_equal(bytes.size, 0);
    buf_release(&bytes);
    free(rows);
}

/* ---- messages made by others ---- */

/* Two good rows, for tests to spoil; the arrays are as long as any test needs. */
struct sample {
    message_t message;
    int64_t city_id[BATCH_MAX_ROWS + 1], observed[3], present[3];
    int32_t kind[3], value[3];
    Isobar__V1__Control control, *controls[1];
};

static void sample_init(struct sample *s)
{
    memset(s, 0, sizeof *s);
    isobar__v1__observation_batch__init(&s->message);
    isobar__v1__control__init(&s->control);
    s->controls[0] = &s->control;
    s->message.format = 1;
    s->message.rows = 2;
    for (size_t i = 0; i < sizeof s->city_id / sizeof *s->city_id; i++)
        s->city_id[i] = 9;
    s->message.city_id = s->city_id;
    s->message.n_city_id = 2;
    s->observed[0] = s->observed[1] = s->observed[2] = NOW;
    s->message.observed_at_ms = s->observed;
    s->message.n_observed_at_ms = 2;
    s->message.present = s->present;
    s->message.n_present = 2;
    s->message.kind = s->kind;
    s->message.n_kind = 2;
    s->message.fetched_at_ms = s->observed; /* the rest has no cells until a test says so */
    s->message.provider = s->message.series = s->message.accumulation_s = s->message.nh3_ng_m3 = s->value;
    s->message.controls = s->controls;
}

static int decode(struct batch *batch, const message_t *message, const char **reason)
{
    size_t size = isobar__v1__observation_batch__get_packed_size(message);
    uint8_t *bytes = mem_alloc(size);
    isobar__v1__observation_batch__pack(message, bytes);
    int status = batch_decode(batch, bytes, size, reason);
    free(bytes);
    return status;
}

static void unknown_cells_are_not_read(void **state)
{
    (void)state;
    struct batch *batch = batch_new();
    struct observation row;
    const char *reason;
    struct sample s;
    sample_init(&s);
    s.value[0] = s.value[1] = -5; /* a value in neither row */
    s.message.wind_speed_cm_s = s.value;
    s.message.n_wind_speed_cm_s = 2;
    s.present[0] = (int64_t)UINT64_C(0xffff0000ff000001);
    assert_int_equal(decode(batch, &s.message, &reason), 0);
    batch_row(batch, 0, &row);
    assert_int_equal(row.present, 1); /* bits 24 to 31 and from 48 on are ignored */
    assert_int_equal(row.value[V(WIND_SPEED)], 0);
    assert_int_equal(row.value[V(TEMPERATURE)], 0); /* known, its column absent: 0 */
    assert_true(observation_has(&row, V(TEMPERATURE)));
    batch_row(batch, 1, &row);
    assert_int_equal(row.value[V(WIND_SPEED)], 0);

    s.message.n_present = 0; /* nothing is known at all */
    assert_int_equal(decode(batch, &s.message, &reason), 0);
    batch_row(batch, 1, &row);
    assert_int_equal(row.present, 0);
    assert_int_equal(row.value[V(WIND_SPEED)], 0);

    s.message.n_present = 2;
    s.present[1] = 1 << V(WIND_SPEED);
    assert_int_equal(decode(batch, &s.message, &reason), 0); /* impossible as a speed, which is not judged here */
    batch_row(batch, 0, &row);
    assert_int_equal(row.value[V(WIND_SPEED)], 0);
    batch_row(batch, 1, &row);
    assert_int_equal(row.value[V(WIND_SPEED)], -5);
    batch_free(batch);
}

/* Any value passes, also those that a column cannot mean: one bad cell must not cost the other rows. */
static void any_value_passes(void **state)
{
    (void)state;
    static const int32_t values[] = {INT32_MIN, -1, 0, 10001, 36000, INT32_MAX};
    struct batch *batch = batch_new();
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            struct observation rows[2] = {{.city_id = 1}, {.city_id = 1}}, back;
            observation_set(&rows[1], bit, values[i]);
            struct buf bytes = BUF_EMPTY;
            const char *reason;
            assert_int_equal(batch_encode(rows, 2, 0, &bytes), 0);
            assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), 0);
            assert_null(reason);
            batch_row(batch, 1, &back);
            assert_int_equal(back.value[bit], OBSERVATION_KNOWN >> bit & 1 ? values[i] : 0);
            buf_release(&bytes);
        }
    }
    batch_free(batch);
}

/* The hash that tells a correction, as docs/semantics.md defines it: bytes written out by hand. */
static void body(void **state)
{
    (void)state;
    struct observation row = {0}, other;
    assert_int_equal(observation_body(&row), shard_murmur2("\0\0\0\0", 4));
    observation_set(&row, V(TEMPERATURE), -2);
    observation_set(&row, OBSERVATION_CUSTOM + 15, 0x01020304);
    row.accumulation_s = 3600;
    static const char bytes[] = "\0\xfe\xff\xff\xff\x2f\4\3\2\1\x10\x0e\0\0";
    assert_int_equal(observation_body(&row), shard_murmur2(bytes, sizeof bytes - 1));
    other = row;
    other.city_id = other.observed_at_ms = other.fetched_at_ms = other.quality = 7; /* not what it says */
    other.kind = other.provider = other.series = 1;
    assert_int_equal(observation_body(&other), observation_body(&row));
    other.value[V(TEMPERATURE)]++;
    assert_int_not_equal(observation_body(&other), observation_body(&row));
    other = row;
    observation_set(&other, V(SNOW), 0); /* known, and zero, is another thing than not known */
    assert_int_not_equal(observation_body(&other), observation_body(&row));
}

static void must_not_parse(void **state)
{
    (void)state;
    static const char column[] = "a column has neither 0 nor `rows` values", rows[] = "not 1 to 512 rows";
    static const struct {
        struct edit edits[3];
        const char *reason;
    } cases[] = {
        {{SET(struct sample, message.rows, 0), SET(struct sample, message.n_city_id, 0)}, rows},
        {{SET(struct sample, message.rows, -1)}, rows},
        {{SET(struct sample, message.rows, 513), SET(struct sample, message.n_city_id, 513)}, rows},
        {{SET(struct sample, message.rows, 3)}, column},
        {{SET(struct sample, message.format, 0)}, "unknown format"},
        {{SET(struct sample, message.format, 2)}, "unknown format"},
        {{SET(struct sample, message.shard, -1)}, "negative shard"},
        {{SET(struct sample, message.n_observed_at_ms, 1)}, column},
        {{SET(struct sample, message.n_observed_at_ms, 3)}, column},
        {{SET(struct sample, message.n_present, 1)}, column},
        {{SET(struct sample, message.n_nh3_ng_m3, 1)}, column},
        {{SET(struct sample, kind[1], 4)}, "unknown kind of row"},
        {{SET(struct sample, kind[1], -1)}, "unknown kind of row"},
        {{SET(struct sample, observed[1], -1)}, "observed_at_ms outside the years 1970 to 9999"},
        {{SET(struct sample, observed[1], TIME_MAX_MS + 1)}, "observed_at_ms outside the years 1970 to 9999"},
        {{SET(struct sample, observed[1], -1), SET(struct sample, message.n_observed_at_ms, 0),
          SET(struct sample, message.n_fetched_at_ms, 2)},
         "fetched_at_ms outside the years 1970 to 9999"},
        {{SET(struct sample, city_id[1], -9)}, "negative city id"},
        {{SET(struct sample, city_id[1], 0)}, "a reading without a city"},
        {{SET(struct sample, message.n_city_id, 0)}, "a reading without a city"},
        {{SET(struct sample, value[1], -1), SET(struct sample, message.n_provider, 2)}, "negative provider"},
        {{SET(struct sample, value[1], -1), SET(struct sample, message.n_series, 2)}, "negative series"},
        {{SET(struct sample, value[0], -1), SET(struct sample, message.n_accumulation_s, 2)},
         "negative accumulation period"},
        {{SET(struct sample, message.n_controls, 1), SET(struct sample, control.row, 2)},
         "a control that belongs to no row"},
        {{SET(struct sample, message.n_controls, 1), SET(struct sample, control.row, -1)},
         "a control that belongs to no row"},
        {{SET(struct sample, message.n_controls, 1)}, "a control that belongs to no row"},
    };
    struct batch *batch = batch_new();
    struct sample *s = mem_alloc(sizeof *s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *reason = NULL;
        sample_init(s);
        assert_int_equal(decode(batch, &s->message, &reason), 0); /* good until it is spoiled */
        for (size_t e = 0; e < 3; e++)
            edit_apply(s, &cases[i].edits[e]);
        assert_int_equal(decode(batch, &s->message, &reason), ERR_INVALID);
        assert_string_equal(reason, cases[i].reason);
    }
    sample_init(s);
    s->kind[0] = ISOBAR__V1__ROW_KIND__CONTROL;
    s->message.n_controls = 1; /* now it belongs to one */
    const char *reason;
    assert_int_equal(decode(batch, &s->message, &reason), 0);
    free(s);
    batch_free(batch);
}

static void bytes_that_are_no_batch(void **state)
{
    (void)state;
    struct batch *batch = batch_new();
    const char *reason;
    struct dice dice = {4};
    struct observation rows[5];
    for (size_t i = 0; i < 5; i++)
        rows[i] = row_random(&dice, NOW, 10, 1);
    struct buf bytes = BUF_EMPTY;
    assert_int_equal(batch_encode(rows, 5, 1, &bytes), 0);
    size_t parsed = 0;
    for (size_t size = 0; size < bytes.size; size++) {
        /* A copy of the exact size, so that a sanitizer sees every read beyond it. */
        char *cut = mem_dup(bytes.data, size);
        parsed += batch_decode(batch, cut, size, &reason) == 0;
        free(cut);
    }
    assert_true(parsed < 60);          /* only cuts between two columns are batches */
    buf_append(&bytes, "\x80\0\0", 3); /* a field of number 0, which no message has, in a long form */
    assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), ERR_INVALID);
    bytes.size -= 3;
    for (int i = 0; i < 20000; i++) {
        char *spoiled = mem_dup(bytes.data, bytes.size);
        for (int64_t n = dice_below(&dice, 4); n >= 0; n--)
            spoiled[dice_below(&dice, (int64_t)bytes.size)] = (char)dice_below(&dice, 256);
        if (batch_decode(batch, spoiled, bytes.size, &reason) != 0)
            assert_true(strlen(reason) > 0);
        free(spoiled);
    }
    /* It goes on working after all of that. */
    assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), 0);
    struct observation back;
    batch_row(batch, 4, &back);
    assert_same_row(&back, &rows[4]);
    buf_release(&bytes);
    batch_free(batch);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct batch *batch = batch_new();
    const char *reason = NULL;
    char *bytes = mem_alloc(BATCH_MAX_BYTES + 1);
    assert_int_equal(batch_decode(batch, bytes, BATCH_MAX_BYTES + 1, &reason), ERR_TOO_LARGE);
    assert_string_equal(reason, "larger than 256 KiB");
    /* Two bytes each: empty controls, which cost the most memory for their size. */
    for (size_t i = 0; i < BATCH_MAX_BYTES; i += 2) {
        bytes[i] = 13 << 3 | 2;
        bytes[i + 1] = 0;
    }
    assert_int_equal(batch_decode(batch, bytes, BATCH_MAX_BYTES, &reason), ERR_INVALID);
    /* Unknown fields, one byte of content each. */
    for (size_t i = 0; i + 3 < BATCH_MAX_BYTES; i += 3)
        memcpy(bytes + i, "\xa0\x06\x01", 3);
    assert_int_equal(batch_decode(batch, bytes, BATCH_MAX_BYTES - 1, &reason), ERR_INVALID);
    free(bytes);
    batch_free(batch);
}

/* ---- controls ---- */

static void control_rows(void **state)
{
    (void)state;
    struct observation row = {.kind = ISOBAR__V1__ROW_KIND__CONTROL, .city_id = 7}, out;
    struct control control = {.zone = "Asia/Kathmandu", .country = "NP", .interval_s = 600}, said;
    struct buf bytes = BUF_EMPTY;
    struct batch *batch = batch_new();
    const char *reason = NULL;
    assert_int_equal(batch_encode_control(&row, &control, 3, &bytes), 0);
    assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), 0);
    assert_int_equal(batch_rows(batch), 1);
    batch_row(batch, 0, &out);
    assert_int_equal(out.kind, ISOBAR__V1__ROW_KIND__CONTROL);
    assert_true(batch_control(batch, 0, &said));
    assert_string_equal(said.zone, "Asia/Kathmandu");
    assert_string_equal(said.country, "NP");
    assert_int_equal(said.interval_s, 600);
    assert_int_equal(said.config_version, 0);
    assert_false(batch_control(batch, 1, &said));
    assert_string_equal(said.zone, "");
    /* A row that says nothing. */
    buf_reset(&bytes);
    assert_int_equal(batch_encode(&row, 1, 3, &bytes), 0);
    assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), 0);
    assert_false(batch_control(batch, 0, &said));
    /* A control of a row that is none. */
    row.kind = ISOBAR__V1__ROW_KIND__TICK;
    buf_reset(&bytes);
    assert_int_equal(batch_encode_control(&row, &control, 3, &bytes), 0);
    assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), ERR_INVALID);
    assert_string_equal(reason, "a control that belongs to no row");
    batch_free(batch);
    buf_release(&bytes);
}

/* Rows of the air alone: told by the values that they came with. */
static void readings_of_the_air(void **state)
{
    (void)state;
    const uint64_t air = UINT64_C(0xff) << ISOBAR__V1__VALUE__AIR_QUALITY_INDEX;
    assert_false(observation_of_air(0));
    assert_true(observation_of_air(air));
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        bool of_air = bit >= ISOBAR__V1__VALUE__AIR_QUALITY_INDEX && bit <= ISOBAR__V1__VALUE__NH3;
        assert_int_equal(observation_of_air(UINT64_C(1) << bit), of_air);
        assert_int_equal(observation_of_air(air | UINT64_C(1) << bit), of_air);
    }
    struct observation rows[2] = {{.city_id = 1, .observed_at_ms = 5}, {.city_id = 1, .observed_at_ms = 6}}, row;
    struct buf bytes = BUF_EMPTY;
    struct batch *batch = batch_new();
    const char *reason;
    observation_set(&rows[0], ISOBAR__V1__VALUE__PM10, -1); /* of whatever worth */
    observation_set(&rows[1], ISOBAR__V1__VALUE__PM10, 7);
    observation_set(&rows[1], ISOBAR__V1__VALUE__CLOUD, 7);
    assert_int_equal(batch_encode(rows, 2, 0, &bytes), 0);
    assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), 0);
    batch_row(batch, 0, &row);
    assert_true(row.of_air);
    batch_row(batch, 1, &row);
    assert_false(row.of_air);
    batch_free(batch);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_rows),
        cmocka_unit_test(set_and_has),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(values_of_the_operator),
        cmocka_unit_test(one_reading_is_small),
        cmocka_unit_test(kinds_of_rows),
        cmocka_unit_test(encode_refuses_counts),
        cmocka_unit_test(unknown_cells_are_not_read),
        cmocka_unit_test(any_value_passes),
        cmocka_unit_test(body),
        cmocka_unit_test(readings_of_the_air),
        cmocka_unit_test(must_not_parse),
        cmocka_unit_test(bytes_that_are_no_batch),
        cmocka_unit_test(sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
