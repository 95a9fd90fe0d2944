/*
 * Sketches of windows (sketch.h). Most hold few values, so buckets are a sorted array with little spare room, and what
 * has too many is coarsened by halves: two neighbours become one. Counts wrap rather than overflow: no honest window
 * comes near, and a damaged one must not be undefined behaviour. Bytes are in sketch_codec.c.
 */
#include "sketch.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

void sketch_init(struct sketch *sketch, int32_t metric, int shift)
{
    *sketch = (struct sketch){.metric = (uint8_t)metric, .shift = (uint8_t)shift};
}

void sketch_release(struct sketch *sketch)
{
    free(sketch->buckets);
    sketch_init(sketch, sketch->metric, sketch->shift);
}

static void count_more(int32_t *count, int32_t more)
{
    (void)__builtin_add_overflow(*count, more, count); /* wraps */
}

/* Appends to an ascending list, of which the last entry may be of the same bucket. */
static size_t append(struct sketch_bucket *list, size_t size, struct sketch_bucket entry)
{
    if (size > 0 && list[size - 1].bucket == entry.bucket) {
        count_more(&list[size - 1].count, entry.count);
        return size;
    }
    list[size] = entry;
    return size + 1;
}

/* Makes the shift `shift`, which is not smaller than it is. */
static void coarsen(struct sketch *sketch, int shift)
{
    int by = shift - sketch->shift;
    if (by <= 0)
        return;
    size_t size = 0;
    for (size_t i = 0; i < sketch->size; i++) {
        struct sketch_bucket entry = sketch->buckets[i];
        entry.bucket >>= by;
        size = append(sketch->buckets, size, entry);
    }
    sketch->size = (uint16_t)size;
    sketch->shift = (uint8_t)shift;
}

static void coarsen_to_fit(struct sketch *sketch)
{
    while (sketch->size > SKETCH_BUCKETS)
        coarsen(sketch, sketch->shift + 1);
}

/* The first place whose bucket is not less. */
static size_t place_of(const struct sketch *sketch, int32_t bucket)
{
    size_t low = 0, high = sketch->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sketch->buckets[middle].bucket < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void sketch_add(struct sketch *sketch, int32_t value, int32_t count)
{
    int32_t bucket = value >> sketch->shift;
    size_t at = place_of(sketch, bucket);
    if (at < sketch->size && sketch->buckets[at].bucket == bucket) {
        count_more(&sketch->buckets[at].count, count);
        return;
    }
    if (sketch->size == sketch->capacity) {
        sketch->capacity = (uint16_t)(sketch->capacity + 2 + sketch->capacity / 8);
        sketch->buckets = mem_grow(sketch->buckets, sketch->capacity, sizeof *sketch->buckets);
    }
    memmove(&sketch->buckets[at + 1], &sketch->buckets[at], (sketch->size - at) * sizeof *sketch->buckets);
    sketch->buckets[at] = (struct sketch_bucket){bucket, count};
    sketch->size++;
    coarsen_to_fit(sketch);
}

void sketch_merge(struct sketch *into, const struct sketch *from)
{
    coarsen(into, from->shift);
    int by = into->shift - from->shift;
    size_t size = 0, left = 0, right = 0;
    struct sketch_bucket *list = mem_calloc((size_t)into->size + from->size + 1, sizeof *list);
    while (left < into->size || right < from->size) {
        bool ours = right == from->size ||
                    (left < into->size && into->buckets[left].bucket <= from->buckets[right].bucket >> by);
        struct sketch_bucket entry = ours ? into->buckets[left++] : from->buckets[right++];
        if (!ours)
            entry.bucket >>= by;
        size = append(list, size, entry);
    }
    free(into->buckets);
    into->buckets = list;
    into->size = (uint16_t)size;
    coarsen_to_fit(into);
    into->capacity = into->size;
    if (into->size > 0)
        into->buckets = mem_grow(into->buckets, into->size, sizeof *into->buckets);
}

int64_t sketch_count(const struct sketch *sketch)
{
    int64_t count = 0;
    for (size_t i = 0; i < sketch->size; i++)
        count += sketch->buckets[i].count;
    return count;
}

/* ---- those of a window ---- */

void sketches_release(struct sketches *sketches)
{
    for (size_t i = 0; i < sketches->size; i++)
        sketch_release(&sketches->list[i]);
    free(sketches->list);
    *sketches = (struct sketches){.kept = sketches->kept};
}

struct sketch *sketches_find(const struct sketches *sketches, int32_t metric)
{
    for (size_t i = 0; i < sketches->size; i++)
        if (sketches->list[i].metric == metric)
            return &sketches->list[i];
    return NULL;
}

struct sketch *sketches_insert(struct sketches *sketches, int32_t metric, int shift)
{
    size_t at = 0;
    while (at < sketches->size && sketches->list[at].metric < metric)
        at++;
    if (sketches->size == sketches->capacity) {
        sketches->capacity = (uint16_t)(sketches->capacity + 4);
        sketches->list = mem_grow(sketches->list, sketches->capacity, sizeof *sketches->list);
    }
    memmove(&sketches->list[at + 1], &sketches->list[at], (sketches->size - at) * sizeof *sketches->list);
    sketches->size++;
    sketch_init(&sketches->list[at], metric, shift);
    return &sketches->list[at];
}

static void sketches_drop(struct sketches *sketches, struct sketch *sketch)
{
    size_t at = (size_t)(sketch - sketches->list);
    sketch_release(sketch);
    sketches->size--;
    memmove(sketch, sketch + 1, (sketches->size - at) * sizeof *sketch);
}

/* Adds the values that need no sketch. */
static void add_told(struct sketch *sketch, const struct sketch_range *range)
{
    if (range->count >= 1)
        sketch_add(sketch, range->minimum, 1);
    if (range->count >= 2)
        sketch_add(sketch, range->maximum, 1);
}

void sketches_join(struct sketches *into, const struct sketch_range *range, const struct sketch *other,
                   const struct sketch_range *from, int shift)
{
    if (range->count + (int64_t)from->count <= SKETCH_TOLD)
        return;
    struct sketch *sketch = sketches_find(into, from->metric);
    bool ours_known = sketch || range->count <= SKETCH_TOLD, theirs_known = other || from->count <= SKETCH_TOLD;
    if (!ours_known || !theirs_known) {
        if (sketch)
            sketches_drop(into, sketch);
        return;
    }
    if (!sketch) {
        sketch = sketches_insert(into, from->metric, shift);
        add_told(sketch, range);
    }
    if (other)
        sketch_merge(sketch, other);
    else
        add_told(sketch, from);
}

/* ---- quantiles ---- */

bool sketch_quantile(const struct sketch *sketch, const struct sketch_range *range, int percent, int32_t *out)
{
    int64_t rank = ((int64_t)range->count * percent + 99) / 100;
    if (range->count <= SKETCH_TOLD) {
        *out = rank == 1 ? range->minimum : range->maximum;
        return true;
    }
    if (!sketch)
        return false;
    int64_t middle = range->maximum;
    for (size_t i = 0; i < sketch->size && rank > 0; i++) {
        rank -= sketch->buckets[i].count;
        middle = sketch->buckets[i].bucket * (INT64_C(1) << sketch->shift) + (INT64_C(1) << sketch->shift) / 2;
    }
    if (middle < range->minimum)
        middle = range->minimum;
    *out = middle > range->maximum ? range->maximum : (int32_t)middle;
    return true;
}

size_t sketches_bytes(const struct sketches *sketches)
{
    size_t bytes = sketches->capacity * sizeof *sketches->list;
    for (size_t i = 0; i < sketches->size; i++)
        bytes += sketches->list[i].capacity * sizeof *sketches->list[i].buckets;
    return bytes;
}
