/* The shard of a city is what the Java client's default partitioner gives: golden values, and an even spread. */
#include "shard.h"

#include "capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

/* From Kafka's own tests of Utils.murmur2 (UtilsTest.java). */
static void murmur2_is_that_of_the_java_client(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } rows[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal((int32_t)shard_murmur2(rows[i].key, strlen(rows[i].key)), rows[i].hash);
}

static void bytes_are_unsigned_and_need_no_alignment(void **state)
{
    (void)state;
    /* Java masks bytes with 0xff; a signed read would differ from the same bytes at another place, or with high bits.
     */
    char space[64];
    uint32_t first[16];
    for (size_t size = 0; size < 16; size++) {
        for (size_t shift = 0; shift < 8; shift++) {
            for (size_t i = 0; i < size; i++)
                space[shift + i] = (char)(0x80 + 7 * i);
            uint32_t hash = shard_murmur2(space + shift, size);
            if (shift == 0)
                first[size] = hash;
            assert_int_equal(hash, first[size]);
        }
        for (size_t other = 0; other < size; other++)
            assert_true(first[other] != first[size]);
    }
    assert_int_equal(shard_murmur2("", 0), 275646681); /* murmur2 of an empty array in Java */
}

static void a_city_is_its_decimal_id(void **state)
{
    (void)state;
    /* toPositive(murmur2(key)) % n, worked out from the hash of "21" above: -973932308 & 0x7fffffff = 1173551340. */
    assert_int_equal(shard_of_city(21, 1), 0);
    assert_int_equal(shard_of_city(21, 24), 1173551340 % 24);
    assert_int_equal(shard_of_city(21, 1000), 340);
    assert_int_equal(shard_of_city(21, SHARD_MAX_PARTITIONS), 1173551340 % SHARD_MAX_PARTITIONS);
    int64_t ids[] = {1, 5809844, 2147483648, INT64_MAX, -7, INT64_MIN};
    const char *texts[] = {"1", "5809844", "2147483648", "9223372036854775807", "-7", "-9223372036854775808"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        uint32_t hash = shard_murmur2(texts[i], strlen(texts[i])) & 0x7fffffff;
        for (int32_t partitions = 1; partitions <= 97; partitions += 3)
            assert_int_equal(shard_of_city(ids[i], partitions), hash % (uint32_t)partitions);
    }
}

static void cities_spread_evenly(void **state)
{
    (void)state;
    int counts[24] = {0};
    for (int64_t id = 2000000; id < 2024000; id++)
        counts[shard_of_city(id, 24)]++;
    for (int i = 0; i < 24; i++) /* 1,000 expected; sd is 31 */
        assert_in_range(counts[i], 850, 1150);
}

static void shard_of(void *arg)
{
    (void)shard_of_city(1, *(int32_t *)arg);
}

static void partitions_out_of_range_are_a_broken_invariant(void **state)
{
    (void)state;
    int32_t bad[] = {0, -1, SHARD_MAX_PARTITIONS + 1}, good = 1;
    for (int i = 0; i < 3; i++)
        assert_true(dies(shard_of, &bad[i]));
    assert_false(dies(shard_of, &good));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(murmur2_is_that_of_the_java_client),
        cmocka_unit_test(bytes_are_unsigned_and_need_no_alignment),
        cmocka_unit_test(a_city_is_its_decimal_id),
        cmocka_unit_test(cities_spread_evenly),
        cmocka_unit_test(partitions_out_of_range_are_a_broken_invariant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
