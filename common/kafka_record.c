/*
 * A record as Isobar sees it: a view of librdkafka's message, and the hash that tells a log that was made
 * again from the one whose records were applied. Copies nothing.
 */
#include "kafka_internal.h"

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
#define FNV_BASIS UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static uint64_t fnv_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ at[i]) * FNV_PRIME;
    }
    return hash;
}

/* Little-endian whatever the machine is, so that a ledger can move. */
static uint64_t fnv_int64(uint64_t hash, int64_t value)
{
    for (int shift = 0; shift < 64; shift += 8) {
        hash = (hash ^ (((uint64_t)value >> shift) & 0xff)) * FNV_PRIME;
    }
    return hash;
}

uint64_t kafka_record_hash(const struct kafka_record *record)
{
    uint64_t hash = fnv_int64(FNV_BASIS, record->offset);

    hash = fnv_int64(hash, record->timestamp_ms);
    hash = fnv_bytes(hash, record->key, record->key_size);
    return fnv_bytes(hash, record->value, record->size);
}

void kafka_record_view(struct kafka_record *record, const rd_kafka_message_t *message, const char *topic)
{
    rd_kafka_timestamp_type_t type;
    int64_t timestamp = rd_kafka_message_timestamp(message, &type);

    *record = (struct kafka_record){
        .topic = topic,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp,
        .key = message->key,
        .key_size = message->key_len,
        .value = message->payload,
        .size = message->len,
    };
}
