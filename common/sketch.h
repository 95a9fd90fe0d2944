/*
 * How the values of one metric are distributed: counts of linear buckets, from which quantiles are told
 * (docs/semantics.md, "Quantiles"). Value v is in bucket v >> shift, and shift is the least number, at least the
 * metric's own, with which at most SKETCH_BUCKETS buckets have a value. So it depends on the values alone: any order,
 * split and merge tree gives the same sketch.
 *
 * Of up to SKETCH_TOLD values there is no sketch, since minimum and maximum tell them: a struct sketches holds those of
 * a window's metrics that have one, and combines two windows by what their accumulators say of the rest.
 */
#ifndef ISOBAR_SKETCH_H
#define ISOBAR_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SKETCH_BUCKETS   512
#define SKETCH_SHIFT_MAX 23 /* with it 32 bits fall into 512 buckets */
#define SKETCH_TOLD      2

struct sketch_bucket {
    int32_t bucket; /* value >> shift */
    int32_t count;  /* at least 1 */
};

struct sketch {
    struct sketch_bucket *buckets; /* ascending, owned */
    uint16_t size, capacity;
    uint8_t metric; /* isobar.v1.Metric, of those that quantity.h knows */
    uint8_t shift;
};

/* An empty sketch of `metric`, whose own shift it has. */
void sketch_init(struct sketch *sketch, int32_t metric, int shift);
/* Frees the buckets; it is empty then. */
void sketch_release(struct sketch *sketch);
/* Adds a value `count` times, count > 0. O(log buckets), and a move when the bucket is new. */
void sketch_add(struct sketch *sketch, int32_t value, int32_t count);
/* Adds all of `from`. O(buckets of both). */
void sketch_merge(struct sketch *into, const struct sketch *from);
/* Values in it. */
int64_t sketch_count(const struct sketch *sketch);

/* What an accumulator says of its values. */
struct sketch_range {
    int32_t metric;
    int32_t count, minimum, maximum;
};

/* The sketches of a window, ascending by metric; zeroed it has none. */
struct sketches {
    struct sketch *list; /* owned */
    uint16_t size, capacity;
    bool kept; /* false: its owner wants none */
};

/* Frees them; `kept` stays. */
void sketches_release(struct sketches *sketches);
/* The sketch of `metric`, or NULL. */
struct sketch *sketches_find(const struct sketches *sketches, int32_t metric);
/* An empty sketch of `metric`, which has none yet. Pointers to others move. */
struct sketch *sketches_insert(struct sketches *sketches, int32_t metric, int shift) __attribute__((returns_nonnull));
/*
 * Joins the values that `from` and `other` tell of, to those of `into`: both ranges are of one metric, as they were
 * before they are merged, `shift` is its own, and `other` may be NULL: there is no sketch. When there are more than
 * SKETCH_TOLD values of a part and no sketch of it, as in what an older version wrote, there is none of the whole.
 */
void sketches_join(struct sketches *into, const struct sketch_range *range, const struct sketch *other,
                   const struct sketch_range *from, int shift);
/*
 * The quantile of `percent` (1 to 100) of the values of `range`, count > 0: the ceil(percent/100 * count)-th smallest,
 * told by the middle of its bucket, but not beyond minimum and maximum. `sketch` is NULL for up to SKETCH_TOLD values:
 * false when it is for more, else the value is in `*out`.
 */
bool sketch_quantile(const struct sketch *sketch, const struct sketch_range *range, int percent, int32_t *out);
/* Bytes on the heap. */
size_t sketches_bytes(const struct sketches *sketches);

#endif
