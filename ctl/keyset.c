/* Open addressing, at most half full (keyset.h). */
#include "keyset.h"

#include "mem.h"

#include <stdbool.h>
#include <stdlib.h>

#define LEAST_SLOTS 64

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        hash = (hash ^ *p) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

/* Puts the hash in its slot; false when it is there. */
static bool put(struct keyset *set, uint64_t hash)
{
    size_t at = (size_t)hash & (set->capacity - 1);
    while (set->slots[at] != 0 && set->slots[at] != hash)
        at = (at + 1) & (set->capacity - 1);
    bool added = set->slots[at] == 0;
    set->slots[at] = hash;
    set->count += added;
    return added;
}

static void grow(struct keyset *set)
{
    struct keyset larger = {.capacity = set->capacity ? set->capacity * 2 : LEAST_SLOTS};
    larger.slots = mem_calloc(larger.capacity, sizeof *larger.slots);
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i])
            (void)put(&larger, set->slots[i]);
    }
    free(set->slots);
    *set = larger;
}

bool keyset_add(struct keyset *set, const char *text)
{
    if (set->count * 2 >= set->capacity)
        grow(set);
    return put(set, hash_of(text));
}

void keyset_release(struct keyset *set)
{
    free(set->slots);
    *set = (struct keyset){0};
}
