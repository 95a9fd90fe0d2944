/* A window as Redis has it: decodes and encodes to the same, packs, merges, tells its quantiles and is shown. */
#include "../../dashboard/encode.h"
#include "fuzz.h"
#include "window.h"

#include <string.h>

static void check_metrics(const struct window *window)
{
    FUZZ_CHECK(window->start_ms < window->end_ms && window->rows >= 0);
    for (int32_t i = 0; i < window->metric_count; i++) {
        const struct accumulator *metric = &window->metrics[i];
        int32_t value = 0;
        FUZZ_CHECK(metric->count > 0 && metric->count <= window->rows && metric->minimum <= metric->maximum);
        FUZZ_CHECK(i == 0 || window->metrics[i - 1].metric < metric->metric);
        double mean = accumulator_mean(metric);
        FUZZ_CHECK(mean >= metric->minimum && mean <= metric->maximum && accumulator_deviation(metric) >= 0);
        for (int percent = 1; percent <= 100; percent += 33)
            FUZZ_CHECK(!window_quantile(window, metric, percent, &value) ||
                       (value >= metric->minimum && value <= metric->maximum));
    }
}

static void check_again(const struct window *window, const struct buf *bytes)
{
    struct window again;
    struct buf other = BUF_EMPTY;
    FUZZ_CHECK(window_decode(&again, bytes->data, bytes->size) == 0);
    window_encode(&again, &other);
    fuzz_check_same(bytes, &other);
    window_pack(&again);
    buf_reset(&other);
    window_encode(&again, &other);
    fuzz_check_same(bytes, &other);
    window_release(&again);
    /* Merged into an empty one it is the same but for what is its owner's. */
    window_init(&again, window->start_ms, window->end_ms);
    window_keep_sketches(&again, window->sketches.kept);
    window_merge(&again, window);
    again.revision = window->revision;
    again.final_at_ms = window->final_at_ms;
    again.revised_at_ms = window->revised_at_ms;
    buf_reset(&other);
    window_encode(&again, &other);
    fuzz_check_same(bytes, &other);
    window_release(&again);
    buf_release(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct window window;
    if (window_decode(&window, data, size) == 0) {
        struct custom_set custom = {0};
        struct buf bytes = BUF_EMPTY, json = BUF_EMPTY;
        struct encode_context context = {.closed_through_ms = window.end_ms, .interval_s = 600, .custom = &custom};
        check_metrics(&window);
        window_encode(&window, &bytes);
        if (bytes.size <= WINDOW_MAX_BYTES)
            check_again(&window, &bytes);
        encode_windows(&json, &window, 1, &context);
        fuzz_check_json(&json);
        buf_release(&bytes);
        buf_release(&json);
    }
    window_release(&window);
    return 0;
}
