/* See commit_times.h. */
#include "commit_times.h"

#include <stdlib.h>
#include <string.h>

void commit_times_note(struct commit_times *times, int64_t ms)
{
    int64_t kept = ms < 0 ? 0 : ms > INT32_MAX ? INT32_MAX : ms;
    times->ms[times->count++ % COMMIT_TIMES_KEPT] = (int32_t)kept;
}

static int by_size(const void *a, const void *b)
{
    const int32_t *one = a, *other = b;
    return (*one > *other) - (*one < *other);
}

int32_t commit_times_quantile(const struct commit_times *times, int permille)
{
    int32_t sorted[COMMIT_TIMES_KEPT];
    size_t kept = times->count < COMMIT_TIMES_KEPT ? times->count : COMMIT_TIMES_KEPT;
    if (kept == 0)
        return -1;
    memcpy(sorted, times->ms, kept * sizeof *sorted);
    qsort(sorted, kept, sizeof *sorted, by_size);
    return sorted[(kept * (size_t)permille + 999) / 1000 - 1];
}
