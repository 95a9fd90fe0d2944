/*
 * By protobuf-c's descriptors: every repeated field of fixed-width numbers is a column, so that a column added to the
 * message needs nothing here. The message lent to the packer is a copy whose columns point into the opened one.
 */
#include "slice.h"

#include "mem.h"
#include "observation.h"

#include <stdlib.h>
#include <string.h>

struct slice {
    Isobar__V1__ObservationBatch *batch;
};

struct slice *slice_new(const void *bytes, size_t size)
{
    Isobar__V1__ObservationBatch *batch =
        size <= BATCH_MAX_BYTES ? isobar__v1__observation_batch__unpack(NULL, size, bytes) : NULL;
    if (!batch)
        return NULL;
    struct slice *slice = mem_alloc(sizeof *slice);
    slice->batch = batch;
    return slice;
}

void slice_free(struct slice *slice)
{
    if (!slice)
        return;
    isobar__v1__observation_batch__free_unpacked(slice->batch, NULL);
    free(slice);
}

/* Bytes of a column's cells; 0: the field is no column. */
static size_t cell_bytes(const ProtobufCFieldDescriptor *field)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return 0;
    return field->type == PROTOBUF_C_TYPE_SFIXED32 ? 4 : field->type == PROTOBUF_C_TYPE_SFIXED64 ? 8 : 0;
}

/* Leaves the one cell in a column; in one without cells nothing. */
static void cut_column(Isobar__V1__ObservationBatch *batch, const ProtobufCFieldDescriptor *field, size_t row)
{
    char *cells, *base = (char *)batch;
    size_t count, bytes = cell_bytes(field);
    memcpy(&count, base + field->quantifier_offset, sizeof count);
    memcpy(&cells, base + field->offset, sizeof cells);
    if (row >= count)
        return;
    cells += row * bytes;
    count = 1;
    memcpy(base + field->quantifier_offset, &count, sizeof count);
    memcpy(base + field->offset, &cells, sizeof cells);
}

void slice_row(const struct slice *slice, size_t row, struct buf *out)
{
    Isobar__V1__ObservationBatch batch = *slice->batch;
    Isobar__V1__Control control, *only = &control;
    const ProtobufCMessageDescriptor *descriptor = batch.base.descriptor;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        if (cell_bytes(&descriptor->fields[i]))
            cut_column(&batch, &descriptor->fields[i], row);
    }
    batch.rows = 1;
    batch.controls = &only;
    batch.n_controls = 0;
    for (size_t i = 0; i < slice->batch->n_controls; i++) {
        if (slice->batch->controls[i]->row == (int32_t)row) {
            control = *slice->batch->controls[i];
            control.row = 0;
            batch.n_controls = 1;
        }
    }
    size_t size = isobar__v1__observation_batch__get_packed_size(&batch);
    isobar__v1__observation_batch__pack(&batch, (uint8_t *)buf_reserve(out, size));
    buf_advance(out, size);
}
