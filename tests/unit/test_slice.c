/* Rows of a batch as batches of their own. */
#include "slice.h"

#include "mem.h"
#include "observation.h"
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_row_alone_is_the_row_that_it_was(void **state)
{
    (void)state;
    struct dice dice = {5};
    struct observation rows[40], one, again;
    struct batch *batch = batch_new(), *alone = batch_new();
    struct buf bytes = BUF_EMPTY, out = BUF_EMPTY;
    const char *reason;
    for (int round = 0; round < 50; round++) {
        size_t count = (size_t)(1 + dice_below(&dice, 40));
        for (size_t i = 0; i < count; i++) {
            rows[i] = row_random(&dice, INT64_C(1790000000000), 10, 1000);
            rows[i].quality = dice_below(&dice, 3) ? 0 : INT64_C(1) << 47;
        }
        buf_reset(&bytes);
        assert_int_equal(batch_encode(rows, count, 7, &bytes), 0);
        assert_int_equal(batch_decode(batch, bytes.data, bytes.size, &reason), 0);
        struct slice *slice = slice_new(bytes.data, bytes.size);
        assert_non_null(slice);
        for (size_t i = 0; i < count; i++) {
            buf_reset(&out);
            slice_row(slice, i, &out);
            assert_int_equal(batch_decode(alone, out.data, out.size, &reason), 0);
            assert_int_equal(batch_rows(alone), 1);
            assert_int_equal(batch_shard(alone), 7);
            batch_row(batch, i, &one);
            batch_row(alone, 0, &again);
            assert_memory_equal(&one, &again, sizeof one);
        }
        slice_free(slice);
    }
    batch_free(batch);
    batch_free(alone);
    buf_release(&bytes);
    buf_release(&out);
}

static void a_control_goes_with_its_row(void **state)
{
    (void)state;
    Isobar__V1__ObservationBatch batch = ISOBAR__V1__OBSERVATION_BATCH__INIT;
    Isobar__V1__Control first = ISOBAR__V1__CONTROL__INIT, third = ISOBAR__V1__CONTROL__INIT,
                        *list[] = {&third, &first};
    int64_t cities[] = {11, 12, 13};
    int32_t kinds[] = {ISOBAR__V1__ROW_KIND__CONTROL, ISOBAR__V1__ROW_KIND__OBSERVATION, ISOBAR__V1__ROW_KIND__CONTROL};
    static const char *const zones[] = {"Asia/Kathmandu", NULL, "Pacific/Chatham"};
    batch.format = 1;
    batch.rows = 3;
    batch.n_city_id = 3;
    batch.city_id = cities;
    batch.n_kind = 3;
    batch.kind = kinds;
    first.row = 0;
    first.zone = mem_strdup(zones[0]);
    third.row = 2;
    third.zone = mem_strdup(zones[2]);
    batch.n_controls = 2;
    batch.controls = list;
    uint8_t bytes[512];
    size_t size = isobar__v1__observation_batch__pack(&batch, bytes);
    struct slice *slice = slice_new(bytes, size);
    assert_non_null(slice);
    for (size_t i = 0; i < 3; i++) {
        struct buf out = BUF_EMPTY;
        slice_row(slice, i, &out);
        Isobar__V1__ObservationBatch *one =
            isobar__v1__observation_batch__unpack(NULL, out.size, (const uint8_t *)out.data);
        assert_non_null(one);
        assert_int_equal(one->rows, 1);
        assert_int_equal(one->n_city_id, 1);
        assert_int_equal(one->city_id[0], cities[i]);
        assert_int_equal(one->n_controls, zones[i] ? 1 : 0);
        if (zones[i]) {
            assert_int_equal(one->controls[0]->row, 0);
            assert_string_equal(one->controls[0]->zone, zones[i]);
        }
        assert_int_equal(one->n_present, 0); /* a column without cells stays so */
        isobar__v1__observation_batch__free_unpacked(one, NULL);
        buf_release(&out);
    }
    slice_free(slice);
    free(first.zone);
    free(third.zone);
}

static void what_is_no_batch_cannot_be_opened(void **state)
{
    (void)state;
    char *large = mem_alloc(BATCH_MAX_BYTES + 1);
    assert_null(slice_new("\xff\xff", 2));
    assert_null(slice_new(large, BATCH_MAX_BYTES + 1));
    slice_free(NULL);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_alone_is_the_row_that_it_was),
        cmocka_unit_test(a_control_goes_with_its_row),
        cmocka_unit_test(what_is_no_batch_cannot_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
