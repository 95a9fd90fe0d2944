/*
 * The bump allocator (arena.h): a chain of blocks that double in size. Reset keeps only the newest, which is the
 * largest, so that a decoder that is reused soon allocates nothing. It runs no destructors and frees nothing singly.
 */
#include "arena.h"

#include "mem.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 4096
#define ALIGNMENT   alignof(max_align_t)

struct arena_block {
    alignas(max_align_t) struct arena_block *older;
    size_t size; /* of `bytes` */
    alignas(max_align_t) char bytes[];
};

static void *protobuf_alloc(void *arena, size_t size)
{
    return arena_try(arena, size);
}

static void protobuf_free(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit};
    arena->protobuf = (ProtobufCAllocator){protobuf_alloc, protobuf_free, arena};
}

static void free_chain(struct arena_block *block)
{
    while (block) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void arena_release(struct arena *arena)
{
    free_chain(arena->newest);
    arena->newest = NULL;
    arena->used = arena->total = 0;
}

void arena_reset(struct arena *arena)
{
    arena->used = 0;
    if (!arena->newest)
        return;
    free_chain(arena->newest->older);
    arena->newest->older = NULL;
    arena->total = arena->newest->size;
}

/* Starts a block that has room for `size`; false at the limit. The last block may be smaller than twice the one before.
 */
static bool add_block(struct arena *arena, size_t size)
{
    size_t room = arena->limit - arena->total;
    if (size > room)
        return false;
    size_t wanted = arena->newest ? 2 * arena->newest->size : FIRST_BLOCK;
    while (wanted < size)
        wanted *= 2;
    if (wanted > room)
        wanted = room;
    struct arena_block *block = mem_grow(NULL, 1, sizeof *block + wanted);
    block->older = arena->newest;
    block->size = wanted;
    arena->newest = block;
    arena->total += wanted;
    arena->used = 0;
    return true;
}

void *arena_try(struct arena *arena, size_t size)
{
    if (size > arena->limit)
        return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if ((!arena->newest || size > arena->newest->size - arena->used) && !add_block(arena, size))
        return NULL;
    void *bytes = arena->newest->bytes + arena->used;
    arena->used += size;
    return bytes;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    assert(size == 0 || count <= SIZE_MAX / size);
    void *bytes = arena_try(arena, count * size);
    assert(bytes);
    memset(bytes, 0, count * size);
    return bytes;
}
