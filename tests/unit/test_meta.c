/* meta: what isobarctl init wrote is taken, anything else is named; and values in INFO's text. */
#include "../../worker/meta.h"
#include "error.h"
#include "replies.h"

#include <setjmp.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const char *const good[] = {"1", "mockCluster1", "weather.observations", "24", "300000", "3", NULL};

static int end(void **state)
{
    (void)state;
    replies_free();
    return 0;
}

/* Parses `good` with one value replaced. */
static int with(size_t at, const char *text, struct meta *meta, struct buf *error)
{
    const char *texts[META_FIELDS + 1];
    memcpy(texts, good, sizeof texts);
    texts[at] = text;
    return meta_parse(meta, reply_texts(texts), error);
}

static void a_good_one(void **state)
{
    (void)state;
    struct meta meta = {0};
    struct buf error = BUF_EMPTY;
    assert_int_equal(with(0, "1", &meta, &error), 0);
    assert_string_equal(meta.cluster_id, "mockCluster1");
    assert_string_equal(meta.topic, "weather.observations");
    assert_int_equal(meta.partitions, 24);
    assert_int_equal(meta.pane_ms, 300000);
    assert_int_equal(meta.config_version, 3);
    assert_int_equal(with(1, "", &meta, &error), 0); /* a broker that has no id */
    assert_string_equal(meta.cluster_id, "");
    for (size_t i = 0; i < META_FIELDS; i++)
        assert_non_null(meta_fields[i]);
    assert_null(meta_fields[META_FIELDS]);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static char long_text[400];
    memset(long_text, 'x', sizeof long_text - 1);
    const struct {
        size_t at;
        const char *text;
    } rows[] = {
        {0, "2"},        {0, ""},        {0, "x"},  {0, "1 "},      {0, " 1"},
        {0, "-1"},       {1, long_text}, {2, ""},   {2, long_text}, {3, "0"},
        {3, "4097"},     {3, "24x"},     {4, ""},   {4, "999"},     {4, "10m"},
        {4, "86400001"}, {4, "(nil)"},   {5, "-1"}, {5, "0"},       {5, "9223372036854775807"},
        {5, "(nil)"},    {1, "(nil)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct meta meta = {0};
        struct buf error = BUF_EMPTY;
        if (with(rows[i].at, rows[i].text, &meta, &error) != ERR_INVALID)
            fail_msg("%s=%s was taken", meta_fields[rows[i].at], rows[i].text);
        assert_non_null(strstr(error.data, meta_fields[rows[i].at]));
        buf_release(&error);
    }
}

static void no_installation(void **state)
{
    (void)state;
    struct meta meta;
    struct buf error = BUF_EMPTY;
    assert_int_equal(meta_parse(&meta, REPLY("(nil)", "(nil)", "(nil)", "(nil)", "(nil)", "(nil)"), &error),
                     ERR_NOT_FOUND);
    assert_int_equal(meta_parse(&meta, REPLY("1"), &error), ERR_NOT_FOUND);
    assert_int_equal(meta_parse(&meta, reply_text("PONG"), &error), ERR_NOT_FOUND);
}

static void values_of_info(void **state)
{
    (void)state;
    static const char info[] = "# Memory\r\nmaxmemory:0\r\nmaxmemory_human:0B\r\nmaxmemory_policy:allkeys-lru\r\n# "
                               "Persistence\r\naof_enabled:1";
    char out[12];
    meta_info_value(info, "maxmemory_policy", out, sizeof out);
    assert_string_equal(out, "allkeys-lru");
    meta_info_value(info, "maxmemory", out, sizeof out); /* not the longer name */
    assert_string_equal(out, "0");
    meta_info_value(info, "aof_enabled", out, sizeof out);
    assert_string_equal(out, "1");
    meta_info_value(info, "aof", out, sizeof out);
    assert_string_equal(out, "");
    meta_info_value(info, "maxmemory_policy", out, 4); /* cut */
    assert_string_equal(out, "all");
    meta_info_value("", "x", out, sizeof out);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_good_one, end),
        cmocka_unit_test_teardown(what_is_wrong_is_named, end),
        cmocka_unit_test_teardown(no_installation, end),
        cmocka_unit_test_teardown(values_of_info, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
