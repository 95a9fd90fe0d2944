/* The leader's view of the cluster, a JSON text in Redis: as the dashboard passes it on, and as the next leader reads
 * it. */
#include "../../coordinator/coordinator.h"
#include "../../dashboard/view.h"
#include "channel_envelope.h"
#include "fuzz.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS     INT64_C(1795500000000)
#define PARTITIONS 4

static void check_dashboard(const char *text, size_t size)
{
    struct view view;
    struct buf out = BUF_EMPTY;
    view_init(&view);
    if (view_take(&view, text, size, NOW_MS) == 0) {
        FUZZ_CHECK(view_known(&view));
        FUZZ_CHECK(!strchr(view.text.data, '\n')); /* a line of an event stream */
        view_encode(&view, NOW_MS, &out);
        fuzz_check_json(&out);
    } else {
        FUZZ_CHECK(!view_known(&view));
    }
    buf_release(&out);
    view_release(&view);
}

static void check_slots(const struct slots *slots)
{
    for (int i = 0; i < PARTITIONS; i++) {
        const struct slot_view *view = &slots->views[i];
        FUZZ_CHECK(view->reason_number >= 0 && view->reason_number <= COUNTER_LIMIT && text_is_utf8(view->reason));
        FUZZ_CHECK(load_rate(&slots->loads[i]) >= LOAD_UNKNOWN && load_rate(&slots->loads[i]) <= LOAD_LIMIT);
    }
}

static void check_leader(const char *text, size_t size)
{
    static struct coordinator coordinator;
    struct slot_view partition_views[PARTITIONS] = {0}, shard_views[PARTITIONS] = {0};
    struct load partition_loads[PARTITIONS] = {0}, shard_loads[PARTITIONS] = {0};
    memset(&coordinator, 0, sizeof coordinator);
    coordinator.now_ms = 100000;
    coordinator.redis_ahead_ms = NOW_MS - coordinator.now_ms;
    coordinator.partition_count = PARTITIONS;
    coordinator.partitions = (struct slots){.views = partition_views, .loads = partition_loads};
    coordinator.shards = (struct slots){.views = shard_views, .loads = shard_loads};
    former_restore(&coordinator, text, size);
    FUZZ_CHECK(coordinator.members.count <= MEMBERS_MAX);
    for (const struct member *member = coordinator.members.first; member; member = member->next) {
        FUZZ_CHECK(channel_member_valid(member->id) && member->capacity >= 1 && member->capacity <= MEMBER_CAPACITY);
        FUZZ_CHECK(member->heard_ms < coordinator.now_ms && text_is_utf8(member->host) && text_is_utf8(member->zone));
    }
    check_slots(&coordinator.partitions);
    check_slots(&coordinator.shards);
    members_clear(&coordinator.members);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    check_dashboard(text, size);
    check_leader(text, size);
    free(text);
    return 0;
}
