/*
 * The worker's own processing of the log: records of any bytes, with the ticks between them, through ingest, fold,
 * alerts and commit. The input is a list of records: two bytes of length, low first, one of minutes that pass, and so
 * many bytes. After each of them the ledger's counters add up (I1, I2), and what is committed can be read again.
 */
#include "../unit/worker_kit.h"
#include "fuzz.h"

#define RECORDS 24

static void step(struct kit *kit, const uint8_t *bytes, size_t size, int64_t clock_ms, int letter)
{
    if (letter & 0x80)
        kit_tick(kit, clock_ms);
    else
        kit_bytes(kit, bytes, size, clock_ms);
    if (letter & 0x40)
        kit_commit(kit);
}

static void check_cities(const struct state *state)
{
    struct citystate again;
    for (const struct city_entry *entry = state->cities; entry; entry = entry->hh.next) {
        struct buf bytes = BUF_EMPTY;
        citystate_encode(&entry->city, &bytes);
        if (bytes.size <= CITYSTATE_MAX_BYTES) {
            FUZZ_CHECK(citystate_decode(&again, bytes.data, bytes.size) == 0);
            citystate_release(&again);
        }
        buf_release(&bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kit kit;
    int64_t clock_ms = NOON;
    kit_init(&kit);
    kit_watch(&kit);
    for (int records = 0; size >= 4 && records < RECORDS; records++) {
        size_t length = (size_t)data[1] | (size_t)data[2] << 8;
        length = length < size - 4 ? length : size - 4;
        clock_ms += data[3] * MINUTE;
        step(&kit, data + 4, length, clock_ms, data[0]);
        data += 4 + length;
        size -= 4 + length;
    }
    kit_commit(&kit);
    check_cities(&kit.state);
    kit_release(&kit);
    return 0;
}
