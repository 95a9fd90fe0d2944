/*
 * One row of a batch as a batch of its own: byte for byte what a producer would have sent of it alone, columns included
 * that this version does not know, and the control that belongs to it. batch_decode tells whether a record is a batch;
 * this takes its word.
 */
#ifndef ISOBAR_SLICE_H
#define ISOBAR_SLICE_H

#include "buf.h"

#include <stddef.h>

struct slice;

/*
 * Opens a record that batch_decode has accepted; NULL when it cannot be decoded (then that was not the case). The bytes
 * are not needed any more afterwards. slice_free frees it.
 */
struct slice *slice_new(const void *bytes, size_t size) __attribute__((warn_unused_result));
/* Frees it. NULL allowed. */
void slice_free(struct slice *slice);
/* Appends row `row`, which the batch has, as a batch of one row. */
void slice_row(const struct slice *slice, size_t row, struct buf *out);

#endif
