/*
 * Which records of a partition may be delivered.
 *
 * librdkafka marks what it queued before an unassign as outdated and drops it when it is read. Isobar does
 * not rest on that alone, for a record of an earlier assignment that slipped through would silently skip
 * those between. So within one assignment offsets must rise; and when the first record is not the one that
 * was asked for, it is dropped and asked for again: a true gap (a transaction marker, a compacted log) shows
 * the same offset twice, a left-over does not come back. Gaps later on are accepted: they are counted by the
 * ledger.
 *
 * It does not know librdkafka, and keeps no counters.
 */
#include "kafka_internal.h"

void kafka_position_start(struct kafka_position *position, int64_t offset)
{
    *position = (struct kafka_position){.next = offset, .confirm = -1};
}

enum kafka_verdict kafka_position_admit(struct kafka_position *position, int64_t offset)
{
    if (position->failed) {
        return KAFKA_STALE;
    }
    if (offset < position->next) {
        position->failed = position->started;
        return position->started ? KAFKA_DISORDER : KAFKA_STALE;
    }
    if (!position->started && offset != position->next && offset != position->confirm) {
        position->confirm = offset;
        return KAFKA_REWIND;
    }
    position->started = true;
    position->next = offset + 1;
    return KAFKA_DELIVER;
}

bool kafka_position_concerns(const struct kafka_position *position, int64_t offset)
{
    return position->started ? offset >= position->next : offset == position->next;
}
