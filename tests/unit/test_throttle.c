/* How many wrong tokens an address may show, on a clock of the test's own. */
#include "../../dashboard/throttle.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define NOW_MS INT64_C(1000000)

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage out = {0};
    if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&out)->sin_addr) == 1)
        out.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&out)->sin6_addr) == 1)
        out.ss_family = AF_INET6;
    return out;
}

static int64_t wait(const struct throttle *throttle, const char *text, int64_t now_ms)
{
    struct sockaddr_storage from = address(text);
    return throttle_wait_ms(throttle, (const struct sockaddr *)&from, now_ms);
}

static void wrong(struct throttle *throttle, const char *text, int64_t now_ms)
{
    struct sockaddr_storage from = address(text);
    throttle_wrong(throttle, (const struct sockaddr *)&from, now_ms);
}

static void five_at_once_then_one_in_ten_seconds(void **state)
{
    struct throttle throttle = {.seed = 7};
    (void)state;
    for (int i = 0; i < THROTTLE_BURST; i++) {
        assert_int_equal(wait(&throttle, "192.0.2.1", NOW_MS), 0);
        wrong(&throttle, "192.0.2.1", NOW_MS);
    }
    assert_int_equal(wait(&throttle, "192.0.2.1", NOW_MS), THROTTLE_EVERY_MS);
    assert_int_equal(wait(&throttle, "192.0.2.1", NOW_MS + THROTTLE_EVERY_MS - 1), 1);
    assert_int_equal(wait(&throttle, "192.0.2.1", NOW_MS + THROTTLE_EVERY_MS), 0);
    wrong(&throttle, "192.0.2.1", NOW_MS + THROTTLE_EVERY_MS);
    assert_int_equal(wait(&throttle, "192.0.2.1", NOW_MS + THROTTLE_EVERY_MS), THROTTLE_EVERY_MS);
    assert_int_equal(wait(&throttle, "192.0.2.2", NOW_MS), 0);
}

static void all_comes_back(void **state)
{
    struct throttle throttle = {.seed = 7};
    int64_t later_ms = NOW_MS + THROTTLE_BURST * INT64_C(10000);
    (void)state;
    for (int round = 0; round < 2; round++, later_ms += 3600000) {
        for (int i = 0; i < THROTTLE_BURST; i++) {
            assert_int_equal(wait(&throttle, "::1", later_ms), 0);
            wrong(&throttle, "::1", later_ms);
        }
        assert_true(wait(&throttle, "::1", later_ms) > 0);
    }
}

static void addresses_as_they_count(void **state)
{
    struct throttle throttle = {.seed = 99};
    (void)state;
    for (int i = 0; i < THROTTLE_BURST; i++)
        wrong(&throttle, "2001:db8:1:2::1", NOW_MS);
    assert_true(wait(&throttle, "2001:db8:1:2:ffff::7", NOW_MS) > 0); /* one network of one customer */
    assert_int_equal(wait(&throttle, "2001:db8:1:3::1", NOW_MS), 0);
    for (int i = 0; i < THROTTLE_BURST; i++)
        wrong(&throttle, "192.0.2.1", NOW_MS);
    assert_true(wait(&throttle, "::ffff:192.0.2.1", NOW_MS) > 0);
    assert_int_equal(wait(&throttle, "::ffff:192.0.2.2", NOW_MS), 0);
}

/* A flood of addresses fills places, but takes no memory, and comes back all the same. */
static void many_addresses(void **state)
{
    static struct throttle throttle = {.seed = 3};
    int taken = 0;
    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000u + i)};
        throttle_wrong(&throttle, (const struct sockaddr *)&from, NOW_MS);
    }
    for (size_t i = 0; i < THROTTLE_PLACES; i++)
        taken += throttle.even_ms[i] > NOW_MS;
    assert_int_equal(taken, THROTTLE_PLACES); /* spread over all */
    assert_int_equal(wait(&throttle, "10.0.0.1", NOW_MS + 200 * INT64_C(10000)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_at_once_then_one_in_ten_seconds),
        cmocka_unit_test(all_comes_back),
        cmocka_unit_test(addresses_as_they_count),
        cmocka_unit_test(many_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
