/* An entry of a partition's stream of alerts: shown by the dashboard, posted to a webhook. */
#include "alert_event.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct alert_event event, again;
    char id[ALERT_ID_BYTES];
    if (alert_event_decode(&event, data, size) != 0)
        return 0;
    struct buf one = BUF_EMPTY, other = BUF_EMPTY;
    alert_event_json(&event, 3, &one);
    fuzz_check_json(&one);
    fuzz_check_text(one.data, 4096);
    fuzz_check_text(alert_event_id(&event, id), ALERT_ID_BYTES - 1);
    buf_reset(&one);
    alert_event_encode(&event, &one);
    FUZZ_CHECK(alert_event_decode(&again, one.data, one.size) == 0);
    alert_event_encode(&again, &other);
    fuzz_check_same(&one, &other);
    buf_release(&one);
    buf_release(&other);
    return 0;
}
