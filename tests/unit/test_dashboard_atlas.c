/* The atlas: what is taken, refused, forgotten and stamped; hints; and bytes that were never meant to be
 * read. */
#include "../../dashboard/atlas.h"
#include "../../dashboard/hint.h"
#include "../../dashboard/listing.h"
#include "dashboard_records.h"
#include "mem.h"
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define CITY INT64_C(5809844)

static bool take_entry(struct atlas *atlas, int64_t id, const char *name, uint64_t scan)
{
    struct buf bytes = record_entry(id, name);
    bool taken = atlas_take_entry(atlas, shard_of_city(id, PARTS), scan, bytes.data, bytes.size);
    buf_release(&bytes);
    return taken;
}

static bool take_state(struct atlas *atlas, int64_t id, int64_t at_ms, uint64_t scan, int64_t now_ms)
{
    struct observation row = record_reading(id, at_ms, 1234);
    struct buf bytes = record_state(&row, 0);
    bool taken = atlas_take_state(atlas, shard_of_city(id, PARTS), scan, bytes.data, bytes.size, now_ms);
    buf_release(&bytes);
    return taken;
}

static void entries(void **state)
{
    (void)state;
    struct atlas atlas;
    atlas_init(&atlas, PARTS);
    assert_null(atlas_find(&atlas, CITY));
    assert_true(take_entry(&atlas, CITY, "Seattle", 0));
    assert_int_equal(atlas_count(&atlas), 1);
    assert_string_equal(atlas_find(&atlas, CITY)->entry->name, "Seattle");
    uint64_t catalogue = atlas.catalogue, version = atlas.version;
    assert_true(take_entry(&atlas, CITY, "Seattle", 0)); /* the same again is no change */
    assert_int_equal(atlas.catalogue, catalogue);
    assert_int_equal(atlas.version, version);
    assert_true(take_entry(&atlas, CITY, "Duwamps", 0));
    assert_string_equal(atlas_find(&atlas, CITY)->entry->name, "Duwamps");
    assert_true(atlas.catalogue > catalogue && atlas.version > version);
    atlas_release(&atlas);
}

static void refused_entries(void **state)
{
    (void)state;
    char name[202];
    struct atlas atlas;
    atlas_init(&atlas, PARTS);
    memset(name, 'x', sizeof name - 1);
    name[201] = '\0';
    assert_false(take_entry(&atlas, CITY, name, 0)); /* 201 bytes */
    assert_false(take_entry(&atlas, CITY, "", 0));
    assert_false(take_entry(&atlas, 0, "x", 0));
    assert_false(take_entry(&atlas, -5, "x", 0));
    struct buf bytes = record_entry(CITY, "Seattle");
    int32_t other = (shard_of_city(CITY, PARTS) + 1) % PARTS; /* found in a partition it does not belong to */
    assert_false(atlas_take_entry(&atlas, other, 0, bytes.data, bytes.size));
    assert_false(atlas_take_entry(&atlas, shard_of_city(CITY, PARTS), 0, bytes.data, bytes.size - 1));
    for (int i = 0; i < 5000; i++)
        buf_byte(&bytes, '\0');
    assert_false(atlas_take_entry(&atlas, shard_of_city(CITY, PARTS), 0, bytes.data, bytes.size));
    buf_release(&bytes);
    assert_int_equal(atlas_count(&atlas), 0);
    assert_int_equal(atlas.version, 0);
    atlas_release(&atlas);
}

static void states(void **state)
{
    (void)state;
    struct atlas atlas;
    atlas_init(&atlas, PARTS);
    assert_true(take_state(&atlas, CITY, AT, 0, 0));
    assert_null(atlas_find(&atlas, CITY)); /* not in the catalogue yet */
    assert_true(take_entry(&atlas, CITY, "Seattle", 0));
    const struct city *city = atlas_find(&atlas, CITY);
    assert_true(city_has_reading(city));
    assert_int_equal(city->committed_at_ms, 0); /* it was there already: nobody knows since when */
    assert_int_equal(city->latest.observed_at_ms, AT);
    uint64_t version = city->version;
    assert_true(take_state(&atlas, CITY, AT + 1, 0, 777));
    assert_int_equal(city->committed_at_ms, 777);
    assert_true(city->version > version);
    assert_true(take_state(&atlas, CITY, AT + 1, 0, 888)); /* the same reading, committed once */
    assert_int_equal(city->committed_at_ms, 777);
    struct observation further = record_reading(CITY, AT + 9, 0);
    further.series = 2; /* valid, and not shown */
    struct buf bytes = record_state(&further, 0);
    assert_true(atlas_take_state(&atlas, city->partition, 0, bytes.data, bytes.size, 999));
    assert_int_equal(city->latest.observed_at_ms, AT + 1);
    assert_false(atlas_take_state(&atlas, (city->partition + 1) % PARTS, 0, bytes.data, bytes.size, 999));
    buf_release(&bytes);
    atlas_release(&atlas);
}

/* Another series of a city: kept beside the first, and forgotten for itself. */
static void second_opinions(void **state)
{
    (void)state;
    struct atlas atlas;
    struct observation row = record_reading(CITY, AT + 9, 1500);
    atlas_init(&atlas, PARTS);
    assert_true(take_entry(&atlas, CITY, "Seattle", 0) && take_state(&atlas, CITY, AT, 0, 0));
    const struct city *city = atlas_find(&atlas, CITY);
    assert_null(city->second);
    row.series = 1;
    struct buf bytes = record_state(&row, 0);
    uint64_t version = city->version;
    assert_true(atlas_take_state(&atlas, city->partition, 0, bytes.data, bytes.size, 999));
    assert_true(city->version > version);
    assert_int_equal(city->latest.observed_at_ms, AT);
    assert_int_equal(city->second->latest.observed_at_ms, AT + 9);
    assert_false(atlas_take_state(&atlas, (city->partition + 1) % PARTS, 0, bytes.data, bytes.size, 999));
    uint64_t scan = atlas_scan_begin(&atlas);
    assert_true(take_state(&atlas, CITY, AT, scan, 0));
    assert_true(atlas_take_state(&atlas, city->partition, scan, bytes.data, bytes.size, 999));
    atlas_scan_end(&atlas, ATLAS_STATES, city->partition, scan);
    assert_non_null(city->second);
    scan = atlas_scan_begin(&atlas);
    assert_true(take_state(&atlas, CITY, AT, scan, 0));
    atlas_scan_end(&atlas, ATLAS_STATES, city->partition, scan);
    assert_true(city_has_reading(city));
    assert_null(city->second);
    buf_release(&bytes);
    atlas_release(&atlas);
}

static void scans_forget(void **state)
{
    (void)state;
    struct atlas atlas;
    int64_t gone = CITY + 1, same_part = 0;
    atlas_init(&atlas, PARTS);
    for (int64_t id = CITY + 2; !same_part; id++)
        same_part = shard_of_city(id, PARTS) == shard_of_city(CITY, PARTS) ? id : 0;
    assert_true(take_entry(&atlas, CITY, "stays", 0) && take_state(&atlas, CITY, AT, 0, 0));
    assert_true(take_entry(&atlas, same_part, "goes", 0) && take_state(&atlas, same_part, AT, 0, 0));
    assert_true(take_entry(&atlas, gone, "elsewhere", 0) && take_state(&atlas, gone, AT, 0, 0));
    uint64_t scan = atlas_scan_begin(&atlas), catalogue = atlas.catalogue;
    assert_true(take_entry(&atlas, CITY, "stays", scan));
    assert_true(take_state(&atlas, same_part, AT + 5, 0, 5)); /* a hint comes in between */
    assert_true(take_state(&atlas, CITY, AT, scan, 0));
    atlas_scan_end(&atlas, ATLAS_STATES, shard_of_city(CITY, PARTS), scan);
    assert_int_equal(atlas.catalogue, catalogue);
    assert_non_null(atlas_find(&atlas, same_part)); /* entries were not what was read */
    size_t cities = atlas_count(&atlas);
    atlas_scan_end(&atlas, ATLAS_ENTRIES, shard_of_city(CITY, PARTS), scan);
    assert_int_equal(atlas.catalogue, catalogue + 1);
    assert_int_equal(atlas_count(&atlas), cities - 1);
    assert_true(atlas_find(&atlas, CITY)->catalogue <= catalogue);
    assert_non_null(atlas_find(&atlas, CITY));
    assert_true(city_has_reading(atlas_find(&atlas, CITY)));
    assert_null(atlas_find(&atlas, same_part));
    assert_non_null(atlas_find(&atlas, gone)); /* of another partition, if that is so */
    scan = atlas_scan_begin(&atlas);
    assert_true(take_entry(&atlas, CITY, "stays", scan));
    atlas_scan_end(&atlas, ATLAS_ENTRIES, shard_of_city(CITY, PARTS), scan);
    assert_true(city_has_reading(atlas_find(&atlas, CITY)));
    atlas_scan_end(&atlas, ATLAS_STATES, shard_of_city(CITY, PARTS), scan); /* its state is gone */
    assert_true(atlas_find(&atlas, CITY)->catalogue > catalogue + 1);
    assert_false(city_has_reading(atlas_find(&atlas, CITY)));
    atlas_release(&atlas);
}

/* A reader that has a number gets what came, changed and went after it. */
static void changes_are_listed(void **state)
{
    (void)state;
    struct atlas atlas;
    struct buf out = BUF_EMPTY;
    int64_t ids[3] = {1, 1, 1}; /* of one partition */
    for (int i = 1; i < 3; i++) {
        ids[i] = ids[i - 1] + 1;
        while (shard_of_city(ids[i], PARTS) != shard_of_city(1, PARTS))
            ids[i]++;
    }
    atlas_init(&atlas, PARTS);
    atlas_count_from(&atlas, 1000);
    assert_true(take_entry(&atlas, ids[0], "one", 0) && take_entry(&atlas, ids[1], "two", 0));
    assert_int_equal(atlas.catalogue, 1002);
    listing_changed(&atlas, 1002, &out);
    assert_string_equal(out.data, "{\"since\":1002,\"cities\":[],\"gone\":[],\"catalogue\":1002}");
    uint64_t scan = atlas_scan_begin(&atlas);
    assert_true(take_entry(&atlas, ids[1], "two", scan) && take_entry(&atlas, ids[2], "three", scan));
    atlas_scan_end(&atlas, ATLAS_ENTRIES, shard_of_city(1, PARTS), scan);
    buf_reset(&out);
    listing_changed(&atlas, 1002, &out);
    assert_non_null(strstr(out.data, "\"name\":\"three\""));
    assert_null(strstr(out.data, "\"two\""));
    assert_non_null(strstr(out.data, "\"gone\":[1],\"catalogue\":1004}"));
    buf_reset(&out);
    listing_cities(&atlas, &out);
    assert_true(strstr(out.data, "\"two\"") && strstr(out.data, "\"three\"") && !strstr(out.data, "\"one\""));
    buf_reset(&out);
    listing_latest(&atlas, &out);
    assert_non_null(strstr(out.data, "\"latest\":[]}"));
    buf_release(&out);
    atlas_release(&atlas);
}

/* Good records with bytes changed, cut and grown: whatever is taken is valid, nothing is read beyond its end.
 */
static void hostile_bytes(void **state)
{
    (void)state;
    struct dice dice = {42};
    struct atlas atlas;
    struct observation row = record_reading(CITY, AT, 1234);
    struct buf good[] = {record_entry(CITY, "Seattle"), record_state(&row, 5 * MINUTE)};
    int32_t part = shard_of_city(CITY, PARTS);
    atlas_init(&atlas, PARTS);
    for (int i = 0; i < 60000; i++) {
        const struct buf *from = &good[i % 2];
        size_t size = (size_t)dice_below(&dice, (int64_t)from->size + 1);
        char *bytes = mem_dup(from->data, size); /* of exactly that size, so that ASan sees an overrun */
        for (int64_t n = dice_below(&dice, 4); n > 0 && size > 0; n--)
            bytes[dice_below(&dice, (int64_t)size)] = (char)dice_below(&dice, 256);
        (void)atlas_take_entry(&atlas, part, 0, bytes, size);
        (void)atlas_take_state(&atlas, part, 0, bytes, size, 1);
        free(bytes);
    }
    for (const struct city *city = atlas.table; city; city = city->hh.next) {
        assert_int_equal(city->partition, part);
        assert_true(!city->entry || (strlen(city->entry->name) >= 1 && strlen(city->entry->name) <= 200));
    }
    buf_release(&good[0]);
    buf_release(&good[1]);
    atlas_release(&atlas);
}

#define CID_A "0123456789abcdef0123456789abcdef"
#define CID_B "fedcba9876543210fedcba9876543210"

static void hints(void **state)
{
    (void)state;
    struct hint hint;
    char field[CITY_FIELD_BYTES];
    const char *text = "3 " CID_A " " CID_B " 5809844,,12/1,x,99999999999999999999999999999999999999999,7";
    assert_true(hint_parse(&hint, text, strlen(text), PARTS));
    assert_int_equal(hint.partition, 3);
    assert_string_equal(hint.previous, CID_A);
    assert_string_equal(hint.next, CID_B);
    assert_true(hint_next(&hint, field));
    assert_string_equal(field, "5809844");
    assert_true(hint_next(&hint, field));
    assert_string_equal(field, "12/1");
    assert_true(hint_next(&hint, field));
    assert_string_equal(field, "7");
    assert_false(hint_next(&hint, field));
    text = "0 " CID_A " " CID_B " "; /* a commit of no city */
    assert_true(hint_parse(&hint, text, strlen(text), PARTS));
    assert_false(hint_next(&hint, field));
    assert_true(hint_parse(&hint, text, strlen(text) - 1, PARTS));
    assert_false(hint_next(&hint, field));
}

static void bad_hints(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "24 " CID_A " " CID_B " 1",
                                      "-1 " CID_A " " CID_B " 1",
                                      "99999999999 " CID_A " " CID_B " 1",
                                      "x " CID_A " " CID_B " 1",
                                      "3 " CID_A,
                                      "3 " CID_A "0 " CID_B " 1",
                                      "3 " CID_A " zzzz 1",
                                      "3  " CID_A " " CID_B " 1"};
    struct hint hint;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(hint_parse(&hint, bad[i], strlen(bad[i]), PARTS));
    const char *text = "3 " CID_A " " CID_B " 1";
    assert_false(hint_parse(&hint, text, strlen(text), 0)); /* before the number of partitions is known */
    assert_false(hint_parse(&hint, text, 40, PARTS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries),         cmocka_unit_test(refused_entries), cmocka_unit_test(states),
        cmocka_unit_test(second_opinions), cmocka_unit_test(scans_forget),    cmocka_unit_test(changes_are_listed),
        cmocka_unit_test(hostile_bytes),   cmocka_unit_test(hints),           cmocka_unit_test(bad_hints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
