"""Kafka's hash of bytes, from its description in the Java client, and what follows from it."""
import functools
import struct


def murmur2(data):
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    words = len(data) // 4
    for word in struct.unpack_from(f"<{words}I", data):
        k = word * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    tail = data[words * 4:]
    if tail:
        h = ((h ^ int.from_bytes(tail, "little")) * m) & mask
    h = ((h ^ (h >> 13)) * m) & mask
    return h ^ (h >> 15)


@functools.lru_cache(1 << 16)
def shard(city_id, partitions):
    return (murmur2(str(city_id).encode()) & 0x7FFFFFFF) % partitions
