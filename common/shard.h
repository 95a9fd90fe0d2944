/*
 * The one shard number (ARCHITECTURE D1): what the Java client's default partitioner gives for the key
 * "<decimal city id>".
 */
#ifndef ISOBAR_SHARD_H
#define ISOBAR_SHARD_H

#include <stddef.h>
#include <stdint.h>

#define SHARD_MAX_PARTITIONS 4096

/* Kafka's murmur2 of `size` bytes (org.apache.kafka.common.utils.Utils.murmur2, seed 0x9747b28c). */
uint32_t shard_murmur2(const void *bytes, size_t size);
/* (murmur2(decimal id) & 0x7fffffff) % partitions; partitions in 1..SHARD_MAX_PARTITIONS. */
int32_t shard_of_city(int64_t city_id, int32_t partitions);

#endif
