/* Kafka's murmur2 and the shard of a city (shard.h). */
#include "shard.h"

#include <assert.h>
#include <stdio.h>

uint32_t shard_murmur2(const void *bytes, size_t size)
{
    const uint32_t m = 0x5bd1e995;
    const unsigned char *p = bytes;
    uint32_t h = 0x9747b28cu ^ (uint32_t)size;
    for (; size >= 4; size -= 4, p += 4) {
        uint32_t k = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    if (size == 3)
        h ^= (uint32_t)p[2] << 16;
    if (size >= 2)
        h ^= (uint32_t)p[1] << 8;
    if (size >= 1)
        h = (h ^ p[0]) * m;
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

int32_t shard_of_city(int64_t city_id, int32_t partitions)
{
    assert(partitions >= 1 && partitions <= SHARD_MAX_PARTITIONS);
    char key[24];
    int size = snprintf(key, sizeof key, "%lld", (long long)city_id);
    return (int32_t)((shard_murmur2(key, (size_t)size) & 0x7fffffffu) % (uint32_t)partitions);
}
