/* How often a line may be written (log.h). Apart from the writing, so that a simulator can take the lines itself. */
#include "log.h"

bool log_limit_pass(struct log_limit *limit, int64_t now_ms, int64_t every_ms, int64_t *suppressed)
{
    if (now_ms < limit->next_ms) {
        limit->held++;
        return false;
    }
    if (suppressed)
        *suppressed = limit->held;
    limit->held = 0;
    limit->next_ms = now_ms + every_ms;
    return true;
}
