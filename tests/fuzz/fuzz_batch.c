/* A record of the topic of observations: what batch_decode takes, and one row of it alone (slice.h). */
#include "fuzz.h"
#include "slice.h"

#define SLICES 4 /* of a batch */

static void check_row(const struct observation *row)
{
    FUZZ_CHECK(row->city_id >= 0);
    FUZZ_CHECK(row->observed_at_ms >= 0 && row->observed_at_ms <= TIME_MAX_MS);
    FUZZ_CHECK(row->fetched_at_ms >= 0 && row->fetched_at_ms <= TIME_MAX_MS);
    FUZZ_CHECK((row->present & ~OBSERVATION_KNOWN) == 0);
    FUZZ_CHECK(row->accumulation_s >= 0 && row->provider >= 0 && row->series >= 0);
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        FUZZ_CHECK(observation_has(row, bit) || row->value[bit] == 0);
    FUZZ_CHECK(observation_body(row) != 0);
}

/* Decodes bytes of ours and compares their rows. */
static void check_again(const struct buf *bytes, const struct observation *rows, size_t count, int32_t shard)
{
    const char *reason;
    struct observation row;
    struct batch *batch = batch_new();
    FUZZ_CHECK(batch_decode(batch, bytes->data, bytes->size, &reason) == 0);
    FUZZ_CHECK(batch_rows(batch) == count && batch_shard(batch) == shard);
    for (size_t i = 0; i < count; i++) {
        batch_row(batch, i, &row);
        fuzz_check_same_row(&row, &rows[i]);
    }
    batch_free(batch);
}

static void check_slices(const void *data, size_t size, const struct observation *rows, size_t count, int32_t shard)
{
    struct slice *slice = slice_new(data, size);
    FUZZ_CHECK(slice != NULL);
    for (size_t i = 0; i < count; i += 1 + count / SLICES) {
        struct buf one = BUF_EMPTY;
        slice_row(slice, i, &one);
        check_again(&one, &rows[i], 1, shard);
        buf_release(&one);
    }
    slice_free(slice);
}

static void check_rows(const struct batch *batch, const void *data, size_t size)
{
    static struct observation rows[BATCH_MAX_ROWS];
    size_t count = batch_rows(batch);
    int32_t shard = batch_shard(batch);
    struct buf out = BUF_EMPTY;
    struct control control;
    FUZZ_CHECK(count >= 1 && count <= BATCH_MAX_ROWS && shard >= 0 && batch_version(batch) >= 0);
    for (size_t i = 0; i < count; i++) {
        batch_row(batch, i, &rows[i]);
        check_row(&rows[i]);
        bool said = batch_control(batch, i, &control);
        FUZZ_CHECK(control.zone && control.country);
        FUZZ_CHECK(!said || rows[i].kind == ISOBAR__V1__ROW_KIND__CONTROL);
    }
    if (batch_encode(rows, count, shard, &out) == 0)
        check_again(&out, rows, count, shard);
    else
        FUZZ_CHECK(size > BATCH_MAX_BYTES / 4); /* only what has a lot in it can grow beyond the cap */
    buf_release(&out);
    check_slices(data, size, rows, count, shard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *reason = NULL;
    struct batch *batch = batch_new();
    if (batch_decode(batch, data, size, &reason) == 0) {
        FUZZ_CHECK(reason == NULL);
        check_rows(batch, data, size);
    } else {
        FUZZ_CHECK(reason != NULL);
        fuzz_check_text(reason, 80);
        FUZZ_CHECK(batch_rows(batch) == 0 && batch_shard(batch) == -1 && batch_version(batch) == 0);
    }
    batch_free(batch);
    return 0;
}
