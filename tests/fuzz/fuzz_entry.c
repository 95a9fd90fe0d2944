/* A city's entry of the catalogue as Redis has it, as the dashboard takes it and as an operator searches it. */
#include "../../ctl/plain.h"
#include "../../dashboard/atlas.h"
#include "../../dashboard/encode.h"
#include "fuzz.h"
#include "shard.h"
#include "text.h"

#include <string.h>

#define PARTITIONS 4

static void check_names(const char *name)
{
    char plain[PLAIN_BYTES], again[PLAIN_BYTES], ascii[PLAIN_BYTES], shown[PLAIN_BYTES];
    FUZZ_CHECK(text_is_utf8(plain_text(name, plain)) || !text_is_utf8(name));
    if (text_is_utf8(name))
        FUZZ_CHECK(strcmp(plain_text(plain, again), plain) == 0); /* what is plain stays */
    fuzz_check_text(plain_shown(name, shown, sizeof shown), sizeof shown - 1);
    if (plain_ascii(name, ascii, sizeof ascii)) {
        for (const char *p = ascii; *p; p++)
            FUZZ_CHECK(*p >= 0x20 && *p < 0x7f);
    }
    (void)plain_undo_umlauts(plain);
    FUZZ_CHECK(strlen(plain) < sizeof plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct atlas atlas;
    struct buf out = BUF_EMPTY;
    int taken = 0;
    atlas_init(&atlas, PARTITIONS);
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        if (!atlas_take_entry(&atlas, partition, 0, (const char *)data, size))
            continue;
        taken++;
        const struct city *city = atlas.table;
        FUZZ_CHECK(city->entry && city->partition == partition);
        FUZZ_CHECK(partition == shard_of_city(city->id, PARTITIONS));
        buf_byte(&out, '{');
        encode_city(&out, city);
        buf_byte(&out, '}');
        fuzz_check_json(&out);
        check_names(city->entry->name);
    }
    FUZZ_CHECK(taken <= 1 && atlas_count(&atlas) == (size_t)taken);
    atlas_release(&atlas);
    buf_release(&out);
    return 0;
}
