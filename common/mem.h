/*
 * Allocation that never returns NULL: out of memory aborts the process, because a stateless worker that
 * restarts is simpler and safer than one that limps. Sizes that come from outside are bounded by the caller
 * before they reach these functions.
 */
#ifndef ISOBAR_MEM_H
#define ISOBAR_MEM_H

#include <stddef.h>

/* `size` zeroed bytes (at least 1). The caller frees with free(). */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));

/* `count` zeroed elements of `size` bytes; aborts when the product overflows. The caller frees. */
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));

/* `block` (NULL allowed) resized to `count` elements of `size` bytes, new bytes NOT zeroed. */
void *mem_grow(void *block, size_t count, size_t size) __attribute__((returns_nonnull, warn_unused_result));

/* A copy of `text`, which may be NULL (then NULL). The caller frees. */
char *mem_strdup(const char *text) __attribute__((warn_unused_result));

/* A copy of `size` bytes. The caller frees. */
void *mem_dup(const void *bytes, size_t size) __attribute__((returns_nonnull, warn_unused_result));

#endif
