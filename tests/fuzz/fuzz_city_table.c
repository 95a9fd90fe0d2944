/* The table of cities as CSV, and its rows as entries of the catalogue, which the dashboard takes. */
#include "../../ctl/city_table.h"
#include "../../dashboard/atlas.h"
#include "../../dashboard/encode.h"
#include "fuzz.h"
#include "shard.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define PARTITIONS 4

static void check_rows(const struct city_table *table)
{
    struct buf out = BUF_EMPTY;
    struct atlas atlas;
    atlas_init(&atlas, PARTITIONS);
    for (size_t i = 0; i < table->count; i++) {
        const struct city_row *row = &table->rows[i];
        FUZZ_CHECK(row->id > 0 && row->id <= CITY_TABLE_ID_MAX && row->line > 0);
        FUZZ_CHECK(row->latitude_e5 >= -9000000 && row->latitude_e5 <= 9000000);
        FUZZ_CHECK(row->longitude_e5 >= -18000000 && row->longitude_e5 <= 18000000);
        fuzz_check_text(row->name, CITY_TABLE_NAME_BYTES);
        fuzz_check_text(row->ascii_name, CITY_TABLE_NAME_BYTES);
        FUZZ_CHECK(!strstr(row->zone, ".."));
        buf_reset(&out);
        city_row_encode(row, false, &out);
        FUZZ_CHECK(atlas_take_entry(&atlas, shard_of_city(row->id, PARTITIONS), 0, out.data, out.size));
        buf_reset(&out);
        buf_byte(&out, '{');
        encode_city(&out, atlas_find(&atlas, row->id));
        buf_byte(&out, '}');
        fuzz_check_json(&out);
    }
    FUZZ_CHECK(atlas_count(&atlas) == table->count); /* no id twice */
    atlas_release(&atlas);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct city_table table;
    struct city_table_source source = {.name = "cities.csv", .zoneinfo = "/usr/share/zoneinfo"};
    struct buf error = BUF_EMPTY;
    char *text = fuzz_copy(data, size);
    FILE *stream = fmemopen(text, size ? size : 1, "r"); /* of no byte it makes no stream */
    if (city_table_read(&table, stream, &source, &error) == 0) {
        FUZZ_CHECK(error.size == 0);
        check_rows(&table);
    } else {
        FUZZ_CHECK(table.count == 0 && error.size > 0);
        fuzz_check_text(error.data, (CITY_TABLE_FAULTS + 1) * 512);
    }
    city_table_release(&table);
    (void)fclose(stream);
    free(text);
    buf_release(&error);
    return 0;
}
