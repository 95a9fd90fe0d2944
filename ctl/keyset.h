/*
 * A set of texts, kept as their 64-bit hashes: which keys were there before. Of a million keys two have the same hash
 * once in thirty million sets.
 */
#ifndef CTL_KEYSET_H
#define CTL_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keyset {
    uint64_t *slots; /* owned; 0: free */
    size_t count, capacity;
};

/* True when the text was not in the set; it is now. A zeroed set is empty. */
bool keyset_add(struct keyset *set, const char *text);
/* Frees it; it is empty. */
void keyset_release(struct keyset *set);

#endif
