/* Keys of panes and windows: which names are such keys and what they say, and patterns that match one text
 * only. */
#include "../../ctl/keyspace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct installation installed(void)
{
    struct installation installation = {.partitions = 24};
    struct buf error = BUF_EMPTY;
    assert_int_equal(windowset_parse(&installation.rules.windows, "10m:2d,1h:30d,1d:2y", &error), 0);
    return installation;
}

static void names_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t partition, size;
        int64_t start_ms;
    } cases[] = {
        {"isobar:{0}:pane:0", 0, KEYSPACE_PANE, 0},
        {"isobar:{23}:pane:1790000100000", 23, KEYSPACE_PANE, 1790000100000},
        {"isobar:{7}:w:10m:1790000400000", 7, 0, 1790000400000},
        {"isobar:{7}:w:1h:3600000", 7, 1, 3600000},
        {"isobar:{7}:w:1d:2026-11-30", 7, 2, INT64_C(20787) * 86400000},
    };
    struct installation installation = installed();
    struct context context = {.prefix = "isobar:"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct keyspace_key key;
        char name[CONTEXT_KEY_BYTES];
        assert_true(keyspace_parse("isobar:", &installation, cases[i].name, &key));
        assert_int_equal(key.partition, cases[i].partition);
        assert_int_equal(key.size, cases[i].size);
        assert_int_equal(key.start_ms, cases[i].start_ms);
        assert_string_equal(keyspace_name(&context, &installation, &key, name), cases[i].name);
    }
}

static void windows_of_another_size(void **state)
{
    (void)state;
    static const char *const names[] = {"isobar:{7}:w:7m:0", "isobar:{7}:w::0",
                                        "isobar:{7}:w:a-name-that-is-much-too-long:0"};
    struct installation installation = installed();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct keyspace_key key;
        assert_true(keyspace_parse("isobar:", &installation, names[i], &key));
        assert_int_equal(key.size, KEYSPACE_UNKNOWN);
    }
}

static void windows_of_a_size_that_is_gone(void **state)
{
    (void)state;
    struct installation changed = installed();
    struct keyspace_key key;
    strcpy(changed.former[changed.former_count++], "30m");
    assert_true(keyspace_parse("isobar:", &changed, "isobar:{3}:w:30m:1800000", &key));
    assert_int_equal(key.size, KEYSPACE_FORMER);
    assert_true(keyspace_parse("isobar:", &changed, "isobar:{3}:w:31m:1860000", &key));
    assert_int_equal(key.size, KEYSPACE_UNKNOWN);
}

static void days_by_utc_are_told_apart(void **state)
{
    (void)state;
    struct installation installation = installed();
    struct keyspace_key key;
    assert_true(keyspace_parse("isobar:", &installation, "isobar:{7}:w:1d:1796000400000", &key));
    assert_int_equal(key.size, KEYSPACE_UTC_DAY);
    assert_true(keyspace_parse("isobar:", &installation, "isobar:{7}:w:10m:2026-11-30", &key));
    assert_int_equal(key.size, KEYSPACE_UNKNOWN);
    assert_false(keyspace_parse("isobar:", &installation, "isobar:{7}:w:1d:2026-11-31", &key));
}

static void other_keys(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "isobar:",
        "isobar:meta",
        "isobar:{3}:ledger",
        "isobar:{3}:city",
        "isobar:{3}:pane:",
        "isobar:{3}:pane:x",
        "isobar:{3}:pane:-300000",
        "isobar:{3}:pane:0300000",
        "isobar:{3}:pane:300000x",
        "isobar:{3}:pane:99999999999999999999",
        "isobar:{3}:w:10m",
        "isobar:{3}:w:10m:",
        "isobar:{3}:w:10m:1.5",
        "isobar:{24}:pane:0",
        "isobar:{-1}:pane:0",
        "isobar:{03}:pane:0",
        "isobar:{}:pane:0",
        "isobar:{99999999999999999999}:pane:0",
        "isobar:{3:pane:0",
        "isobar:{3}pane:0",
        "isobar:3:pane:0",
        "other:{3}:pane:0",
        "xisobar:{3}:pane:0",
    };
    struct installation installation = installed();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct keyspace_key key;
        if (keyspace_parse("isobar:", &installation, names[i], &key))
            fail_msg("%s was taken for a pane or window", names[i]);
    }
}

static void patterns(void **state)
{
    (void)state;
    struct buf pattern = BUF_EMPTY;
    keyspace_escape("a*b?[c-d]^\\:", &pattern);
    assert_string_equal(pattern.data, "a\\*b\\?\\[c\\-d\\]\\^\\\\:");
    buf_release(&pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_back),
        cmocka_unit_test(windows_of_another_size),
        cmocka_unit_test(windows_of_a_size_that_is_gone),
        cmocka_unit_test(days_by_utc_are_told_apart),
        cmocka_unit_test(other_keys),
        cmocka_unit_test(patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
