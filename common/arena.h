/*
 * A bump allocator for what lives exactly as long as one call or one message: nothing is freed singly. It bounds
 * what a message from outside may cost in memory: beyond `limit` it answers NULL, which protobuf-c turns into a
 * message that does not parse. An arena must not be moved between init and release.
 */
#ifndef ISOBAR_ARENA_H
#define ISOBAR_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/*
 * The limit for one message of our own state: odd input of 4 MiB, the largest, can make protobuf-c ask for some 50
 * times its size; then it does not parse. Honest state needs some 30 bytes a reading, 12 a bucket of a sketch and about
 * 200 a metric.
 */
#define MESSAGE_ARENA_BYTES (32u << 20)

struct arena_block;

struct arena {
    struct arena_block *newest; /* blocks that are chained, each at least twice the one before */
    size_t used;                /* of the newest */
    size_t total;               /* bytes in all blocks */
    size_t limit;
    ProtobufCAllocator protobuf; /* the same arena as protobuf-c's allocator */
};

/* An empty arena; allocates nothing yet. At most about `limit` bytes are ever handed out. */
void arena_init(struct arena *arena, size_t limit);
/* Frees all of it. */
void arena_release(struct arena *arena);
/* Forgets what was handed out and keeps the largest block for the next use. */
void arena_reset(struct arena *arena);
/* `size` bytes, NOT zeroed, aligned for any type; NULL when the limit is reached. */
void *arena_try(struct arena *arena, size_t size) __attribute__((warn_unused_result));
/* `count` zeroed elements of `size` bytes. For what our own state needs: the limit must allow it (assert). */
void *arena_calloc(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull, warn_unused_result));

#endif
