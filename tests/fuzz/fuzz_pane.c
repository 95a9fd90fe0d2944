/* A pane as Redis has it: decodes and encodes to the same, and finds each of its readings. */
#include "fuzz.h"
#include "window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pane pane, again;
    if (pane_decode(&pane, data, size) == 0) {
        struct buf one = BUF_EMPTY, other = BUF_EMPTY;
        FUZZ_CHECK(pane.seen_count == pane.window.rows);
        for (int32_t i = 0; i < pane.seen_count; i++) {
            int64_t at_ms = pane.window.start_ms + pane.seen[i].at;
            FUZZ_CHECK(at_ms < pane.window.end_ms && pane.seen[i].at >= 0);
            FUZZ_CHECK(pane_find(&pane, at_ms, pane.seen[i].provider) == &pane.seen[i]);
        }
        pane_encode(&pane, &one);
        if (one.size <= WINDOW_MAX_BYTES) {
            FUZZ_CHECK(pane_decode(&again, one.data, one.size) == 0);
            pane_encode(&again, &other);
            fuzz_check_same(&one, &other);
            pane_release(&again);
        }
        buf_release(&one);
        buf_release(&other);
    }
    pane_release(&pane);
    return 0;
}
