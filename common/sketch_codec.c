/* Sketches to columns and back (sketch_codec.h): what is one list after the other there is one struct for each here. */
#include "sketch_codec.h"

#include "mem.h"
#include "quantity.h"

#define COARSER_THAN (SKETCH_BUCKETS / 2) /* buckets that half as many pairs would have been too many of */

typedef Isobar__V1__WindowState message_t;

static void put_buckets(message_t *message, const struct sketch *sketch)
{
    int64_t before = 0;
    for (size_t i = 0; i < sketch->size; i++) {
        int32_t bucket = sketch->buckets[i].bucket;
        message->sketch_bucket[message->n_sketch_bucket++] = (int32_t)(uint32_t)(bucket - before);
        message->sketch_count[message->n_sketch_count++] = sketch->buckets[i].count;
        before = bucket;
    }
}

void sketch_codec_put(const struct window *window, message_t *message, struct arena *arena)
{
    const struct sketches *sketches = &window->sketches;
    size_t buckets = 0;
    for (size_t i = 0; i < sketches->size; i++)
        buckets += sketches->list[i].size;
    if (sketches->size == 0)
        return;
    message->n_sketch_metric = message->n_sketch_shift = message->n_sketch_size = sketches->size;
    message->sketch_metric = arena_calloc(arena, sketches->size, sizeof *message->sketch_metric);
    message->sketch_shift = arena_calloc(arena, sketches->size, sizeof *message->sketch_shift);
    message->sketch_size = arena_calloc(arena, sketches->size, sizeof *message->sketch_size);
    message->sketch_bucket = arena_calloc(arena, buckets, sizeof *message->sketch_bucket);
    message->sketch_count = arena_calloc(arena, buckets, sizeof *message->sketch_count);
    for (size_t i = 0; i < sketches->size; i++) {
        const struct sketch *sketch = &sketches->list[i];
        message->sketch_metric[i] = sketch->metric;
        message->sketch_shift[i] = sketch->shift;
        message->sketch_size[i] = sketch->size;
        put_buckets(message, sketch);
    }
}

/* ---- from a message ---- */

/* Bucket `i` of a list that begins at `first`, when `before` is the one before. */
static int64_t bucket_at(const message_t *m, size_t first, size_t i, int64_t before)
{
    return i == 0 ? m->sketch_bucket[first] : before + (uint32_t)m->sketch_bucket[first + i];
}

/* Index of the metric in the message's columns; n_metric when it is not there. */
static size_t column_of(const message_t *m, int32_t metric)
{
    size_t k = 0;
    while (k < m->n_metric && m->metric[k] != metric)
        k++;
    return k;
}

static bool shift_valid(const message_t *m, size_t i)
{
    int32_t shift = m->sketch_shift[i], size = m->sketch_size[i];
    const struct quantity *quantity = quantity_get(m->sketch_metric[i]);
    if (shift < 0 || shift > SKETCH_SHIFT_MAX || size < 1 || size > SKETCH_BUCKETS)
        return false;
    if (!quantity || shift == quantity->sketch_shift)
        return true;
    return shift > quantity->sketch_shift && size > COARSER_THAN;
}

/* The sketch `i`, whose buckets begin at `first`. */
static bool buckets_valid(const message_t *m, size_t i, size_t first)
{
    size_t size = (size_t)m->sketch_size[i], k = column_of(m, m->sketch_metric[i]);
    if (k == m->n_metric || m->count[k] <= SKETCH_TOLD)
        return false;
    int shift = m->sketch_shift[i];
    int64_t least = m->minimum[k] >> shift, most = m->maximum[k] >> shift, left = m->count[k], bucket = 0;
    for (size_t b = 0; b < size; b++) {
        int64_t before = bucket, count = m->sketch_count[first + b];
        bucket = bucket_at(m, first, b, before);
        if (b == 0 ? bucket != least : bucket <= before || bucket > most)
            return false;
        if (count < 1 || count > left)
            return false;
        left -= count;
    }
    return bucket == most && left == 0;
}

bool sketch_codec_valid(const message_t *m)
{
    if (m->n_sketch_shift != m->n_sketch_metric || m->n_sketch_size != m->n_sketch_metric ||
        m->n_sketch_count != m->n_sketch_bucket)
        return false;
    size_t first = 0;
    for (size_t i = 0; i < m->n_sketch_metric; i++) {
        if (m->sketch_metric[i] <= (i ? m->sketch_metric[i - 1] : 0) || !shift_valid(m, i))
            return false;
        if ((size_t)m->sketch_size[i] > m->n_sketch_bucket - first || !buckets_valid(m, i, first))
            return false;
        first += (size_t)m->sketch_size[i];
    }
    return first == m->n_sketch_bucket;
}

void sketch_codec_take(struct window *window, const message_t *m)
{
    size_t first = 0;
    for (size_t i = 0; i < m->n_sketch_metric; first += (size_t)m->sketch_size[i], i++) {
        if (!quantity_get(m->sketch_metric[i]))
            continue;
        struct sketch *sketch = sketches_insert(&window->sketches, m->sketch_metric[i], m->sketch_shift[i]);
        sketch->size = sketch->capacity = (uint16_t)m->sketch_size[i];
        sketch->buckets = mem_calloc(sketch->size, sizeof *sketch->buckets);
        int64_t bucket = 0;
        for (size_t b = 0; b < sketch->size; b++) {
            bucket = bucket_at(m, first, b, bucket);
            sketch->buckets[b] = (struct sketch_bucket){(int32_t)bucket, (int32_t)m->sketch_count[first + b]};
        }
    }
    if (m->n_sketch_metric)
        window_enable_sketches(window);
}
