/*
 * Readings of somebody's own as isobarctl produce takes them, CSV or NDJSON. The first byte says in pieces of which
 * size, how long a line may be, and what the caller adds. Rows that come out are rows that a worker takes.
 */
#include "../../ctl/intake.h"
#include "../../ctl/stamp.h"
#include "fuzz.h"

#include <stdlib.h>

#define OLDEST_MS INT64_C(1000)
#define NEWEST_MS INT64_C(1900000000000)
#define SHORT     256 /* bytes of a line, so that inputs have longer ones */

static void check_row(const struct sheet_row *from)
{
    struct observation row = from->row, again;
    struct buf bytes = BUF_EMPTY;
    const char *reason;
    struct batch *batch = batch_new();
    FUZZ_CHECK(row.observed_at_ms >= OLDEST_MS && row.observed_at_ms <= NEWEST_MS && row.present != 0);
    FUZZ_CHECK((row.present & ~OBSERVATION_KNOWN) == 0);
    FUZZ_CHECK(row.accumulation_s >= 0 && row.accumulation_s <= SHEET_ACCUMULATION_MAX_S);
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        FUZZ_CHECK(observation_has(&row, bit) || row.value[bit] == 0);
    fuzz_check_text(from->city, CELLS_LINE_MAX);
    row.city_id = 1; /* what its owner fills in */
    row.fetched_at_ms = row.observed_at_ms;
    FUZZ_CHECK(batch_encode(&row, 1, 0, &bytes) == 0);
    FUZZ_CHECK(batch_decode(batch, bytes.data, bytes.size, &reason) == 0 && batch_rows(batch) == 1);
    batch_row(batch, 0, &again);
    fuzz_check_same_row(&row, &again);
    batch_free(batch);
    buf_release(&bytes);
}

/* False when nothing more can be read. */
static bool take(struct intake *intake, enum lines_kind kind, const struct line *line)
{
    struct sheet_row row;
    struct buf error = BUF_EMPTY;
    enum intake_result result = INTAKE_NOTHING;
    FUZZ_CHECK(line->size <= line->raw_size && line->number >= 1 && line->size <= CELLS_LINE_MAX);
    if (kind == LINES_WHOLE)
        result = intake_line(intake, line, OLDEST_MS, NEWEST_MS, &row, &error);
    FUZZ_CHECK((result == INTAKE_BAD || result == INTAKE_BROKEN) == (error.size > 0));
    fuzz_check_text(error.data, 4096);
    if (result == INTAKE_ROW)
        check_row(&row);
    buf_release(&error);
    return result != INTAKE_BROKEN;
}

/* All lines, put in pieces: none of the bytes is lost, whatever becomes of the header. */
static void read_all(struct intake *intake, const char *bytes, size_t size, size_t piece, size_t longest)
{
    struct lines lines;
    struct line line;
    enum lines_kind kind;
    size_t raw = 0, put = 0;
    bool good = true;
    lines_init(&lines, longest);
    do {
        size_t more = piece < size - put ? piece : size - put;
        lines_put(&lines, bytes + put, more);
        put += more;
        while ((kind = lines_next(&lines, put == size, &line)) != LINES_NONE) {
            raw += line.raw_size;
            good = good && take(intake, kind, &line);
        }
    } while (put < size);
    FUZZ_CHECK(raw == size);
    lines_release(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct custom_set customs = {
        {[2] = {.name = "soil_moisture", .unit = "%", .scale = 100, .combine = CUSTOM_MEAN}}};
    struct sheet_terms terms = {.customs = &customs, .left_out = "id,remark,note"};
    struct intake intake;
    int64_t at_ms;
    if (size == 0)
        return 0;
    char *text = fuzz_copy(data + 1, size - 1);
    terms.has_city = *data & 1;
    terms.accumulation_s = *data & 2 ? 600 : 0;
    intake_init(&intake, &terms, INTAKE_UNKNOWN);
    read_all(&intake, text, size - 1, *data & 4 ? (size_t)1 + *data : size, *data & 8 ? SHORT : CELLS_LINE_MAX);
    intake_release(&intake);
    FUZZ_CHECK(!stamp_parse(text, 0, &at_ms) || (at_ms >= 0 && at_ms <= TIME_MAX_MS));
    free(text);
    return 0;
}
