/* Climate normals as CSV. */
#include "../../ctl/normals_table.h"
#include "fuzz.h"

#include <stdlib.h>

static void check_table(const struct normals_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct normals *one = &table->list[i];
        struct normals again;
        struct buf bytes = BUF_EMPTY;
        FUZZ_CHECK(one->city_id > 0 && normals_count(one) > 0);
        if (normals_encode(one, &bytes) == 0) {
            FUZZ_CHECK(normals_decode(&again, bytes.data, bytes.size) == 0);
            FUZZ_CHECK(normals_count(&again) == normals_count(one) && again.city_id == one->city_id);
            FUZZ_CHECK(again.metric == one->metric && again.hours == one->hours);
            normals_release(&again);
        }
        buf_release(&bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct normals_table table;
    struct buf error = BUF_EMPTY;
    int64_t city_id = size && *data & 1 ? 2950159 : 0; /* the header's first letter decides: '#' or 'm' is odd */
    char *text = fuzz_copy(data, size);
    FILE *stream = fmemopen(text, size ? size : 1, "r");
    if (normals_table_read(&table, stream, "normals.csv", city_id, &error) == 0) {
        FUZZ_CHECK(error.size == 0 && table.count <= NORMALS_TABLE_MAX);
        check_table(&table);
    } else {
        FUZZ_CHECK(table.count == 0 && error.size > 0);
        fuzz_check_text(error.data, (NORMALS_TABLE_FAULTS + 1) * 512);
    }
    normals_table_release(&table);
    (void)fclose(stream);
    free(text);
    buf_release(&error);
    return 0;
}
