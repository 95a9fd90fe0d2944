/* Climate normals as Redis has them. */
#include "fuzz.h"
#include "normals.h"

static void check_slots(const struct normals *normals)
{
    double percent = 0;
    for (int64_t at_ms = 0; at_ms < INT64_C(366) * 86400000; at_ms += INT64_C(86400000) * 5 + 3600000) {
        const struct normal *normal = normals_at(normals, NULL, at_ms);
        for (int32_t value = -2000; normal && value <= 2000; value += 1000)
            FUZZ_CHECK(!normal_percentile(normal, value, &percent) || (percent >= 0 && percent <= 100));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct normals normals, again;
    if (normals_decode(&normals, data, size) == 0) {
        struct buf one = BUF_EMPTY, other = BUF_EMPTY;
        check_slots(&normals);
        if (normals_encode(&normals, &one) == 0) {
            FUZZ_CHECK(normals_decode(&again, one.data, one.size) == 0);
            FUZZ_CHECK(normals_count(&again) == normals_count(&normals));
            FUZZ_CHECK(normals_encode(&again, &other) == 0);
            fuzz_check_same(&one, &other);
            normals_release(&again);
        }
        buf_release(&one);
        buf_release(&other);
    }
    normals_release(&normals);
    return 0;
}
