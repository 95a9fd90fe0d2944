/* A file of the time zone data. */
#include "fuzz.h"
#include "tzif.h"

#define YEAR_QUARTERS (366 * 96)

/* Walks from change to change over some years behind the last one that is listed. */
static void check_changes(const struct tzif *tzif)
{
    for (size_t i = 1; i < tzif->count; i++)
        FUZZ_CHECK(tzif->changes[i - 1].at < tzif->changes[i].at);
    int64_t from = tzif->count > 1 ? tzif->changes[tzif->count - 1].at : 0;
    for (int64_t at = from - 3; at < from + 5 * YEAR_QUARTERS && at < INT32_MAX / 2; at += 2000) {
        struct tzif_change now = tzif_at(tzif, (int32_t)at), next = tzif_after(tzif, (int32_t)at);
        FUZZ_CHECK(now.at <= at && next.at > at);
        FUZZ_CHECK(now.offset >= -26 * 4 && now.offset <= 26 * 4);
        if (next.at == INT32_MAX)
            continue;
        FUZZ_CHECK(tzif_at(tzif, next.at).offset == next.offset);
        FUZZ_CHECK(tzif_at(tzif, next.at - 1).offset == now.offset);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tzif tzif;
    if (tzif_decode(&tzif, data, size) == 0) {
        FUZZ_CHECK(tzif.count >= 1 && tzif.changes[0].at == INT32_MIN);
        check_changes(&tzif);
    } else {
        FUZZ_CHECK(tzif.changes == NULL && tzif.count == 0);
    }
    tzif_release(&tzif);
    return 0;
}
