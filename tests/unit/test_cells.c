/* Lines of CSV and NDJSON: what they hold, what is wrong with them and where; and NDJSON against jansson. */
#include "../../ctl/cells.h"

#include "entropy.h"
#include "error.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The cells as "at name=text|", of exactly `size` bytes on the heap, so that a reader that goes too far is found. */
static int read_line(bool json, const char *line, size_t size, char separator, struct buf *shown,
                     struct cells_fault *fault)
{
    static struct cells cells;
    char *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, line, size);
    copy[size] = '\0';
    cells_init(&cells);
    buf_reset(shown);
    *fault = (struct cells_fault){0};
    int status = json ? cells_json(&cells, copy, size, fault) : cells_csv(&cells, copy, size, separator, fault);
    for (size_t i = 0; status == 0 && i < cells.count; i++)
        buf_printf(shown, "%d %s%s%s|", cells.list[i].at, cells.list[i].name, json ? "=" : "", cells.list[i].text);
    assert_int_equal(status != 0, fault->reason != NULL);
    cells_release(&cells);
    free(copy);
    return status;
}

static void lines_are_split(void **state)
{
    static const struct {
        bool json;
        const char *line, *shown;
    } rows[] = {
        {false, "", "1 |"},
        {false, "a,b", "1 a|3 b|"},
        {false, ",", "1 |2 |"},
        {false, " a , b c ,", "2 a|6 b c|11 |"},
        {false, "\"a,b\",\"c\"\"d\"", "1 a,b|7 c\"d|"},
        {false, "\"\" ,x", "1 |5 x|"},
        {false, "Zürich,1.5", "1 Zürich|9 1.5|"},
        {false, "a\tb,c", "1 a\tb|5 c|"},
        {false, " \"quoted\" ,1", "2 quoted|12 1|"},
        {true, "{}", ""},
        {true, " { } ", ""},
        {true, "{\"a\":1}", "6 a=1|"},
        {true, "{\"a\": -1.50e+07 ,\t\"b\":\"x\"}", "7 a=-1.50e+07|23 b=x|"},
        {true, "{\"a\":null,\"b\":0,\"c\":\"\"}", "6 a=|15 b=0|21 c=|"},
        {true, "{\"\":1}", "5 =1|"},
        {true, "{\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\":1}", "22 a\"\\/\b\f\n\r\t=1|"},
        {true, "{\"c\":\"Z\\u00fcrich \\u20AC \\ud83c\\udf27 é\"}", "6 c=Zürich € 🌧 é|"},
        {true, "{\"n\":0.1000000000000000055511151231257827}", "6 n=0.1000000000000000055511151231257827|"},
    };
    struct buf shown = BUF_EMPTY;
    struct cells_fault fault;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (read_line(rows[i].json, rows[i].line, strlen(rows[i].line), ',', &shown, &fault) != 0)
            fail_msg("%s: byte %d: %s", rows[i].line, fault.at, fault.reason);
        assert_string_equal(shown.data, rows[i].shown);
    }
    assert_int_equal(read_line(false, "a,5;b", 5, ';', &shown, &fault), 0);
    assert_string_equal(shown.data, "1 a,5|5 b|");
    buf_release(&shown);
}

static void broken_lines_say_where(void **state)
{
    static const struct {
        const char *line, *reason;
        int at;
        bool json;
    } rows[] = {
        {"a,\"b", "closing quote", 5, false},
        {"a,\"b\"c", "behind a closing quote", 6, false},
        {"a,b\"c", "inside a plain cell", 4, false},
        {"a,\"", "closing quote", 4, false},
        {"a\x01", "control character", 2, false},
        {"a,\xff", "not UTF-8", 3, false},
        {"a,\xc3", "not UTF-8", 3, false},
        {"a\x7f", "control character", 2, false},
        {"", "an object", 1, true},
        {"[1]", "an object", 1, true},
        {"nothing", "an object", 1, true},
        {"{", "a key", 2, true},
        {"{\"a\"", "a colon", 5, true},
        {"{\"a\":", "a number", 6, true},
        {"{\"a\":1", "a comma", 7, true},
        {"{\"a\":1,}", "a key", 8, true},
        {"{\"a\":1 \"b\":2}", "a comma", 8, true},
        {"{\"a\":1,\"a\":2}", "twice", 8, true},
        {"{\"a\":1,\"\\u0061\":2}", "twice", 8, true},
        {"{\"a\":1}{", "behind the object", 8, true},
        {"{\"a\":1},", "behind the object", 8, true},
        {"{a:1}", "a key", 2, true},
        {"{'a':1}", "a key", 2, true},
        {"{\"a\":true}", "a number, a string or null", 6, true},
        {"{\"a\":nul}", "a number, a string or null", 6, true},
        {"{\"a\":nullx}", "a comma", 10, true},
        {"{\"a\":{}}", "a number, a string or null", 6, true},
        {"{\"a\":[1]}", "a number, a string or null", 6, true},
        {"{\"a\":01}", "a number, a string or null", 6, true},
        {"{\"a\":+1}", "a number, a string or null", 6, true},
        {"{\"a\":.5}", "a number, a string or null", 6, true},
        {"{\"a\":1.}", "a number, a string or null", 6, true},
        {"{\"a\":1e}", "a number, a string or null", 6, true},
        {"{\"a\":-}", "a number, a string or null", 6, true},
        {"{\"a\":NaN}", "a number, a string or null", 6, true},
        {"{\"a\":0x1}", "a comma", 7, true},
        {"{\"a\":\"b}", "a number, a string or null", 6, true},
        {"{\"a\":\"\\x\"}", "a number, a string or null", 6, true},
        {"{\"a\":\"\\", "a number, a string or null", 6, true},
        {"{\"a\":\"\\u12g4\"}", "a number, a string or null", 6, true},
        {"{\"a\":\"\\u0000\"}", "a number, a string or null", 6, true},
        {"{\"a\":\"\\ud83c\"}", "a number, a string or null", 6, true},
        {"{\"a\":\"\\ud83c\\u0041\"}", "a number, a string or null", 6, true},
        {"{\"a\":\"\\udf27\"}", "a number, a string or null", 6, true},
        {"{\"a\":\"x\ty\"}", "a number, a string or null", 6, true},
        {"{\"a\":\"\xed\xa0\x80\"}", "not UTF-8", 7, true},
    };
    struct buf shown = BUF_EMPTY;
    struct cells_fault fault;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read_line(rows[i].json, rows[i].line, strlen(rows[i].line), ',', &shown, &fault), ERR_INVALID);
        if (fault.at != rows[i].at || !strstr(fault.reason, rows[i].reason))
            fail_msg("%s: byte %d: %s", rows[i].line, fault.at, fault.reason);
    }
    assert_int_equal(read_line(false, "a\0b", 3, ',', &shown, &fault), ERR_INVALID);
    assert_int_equal(fault.at, 2);
    buf_release(&shown);
}

static void columns_are_bounded(void **state)
{
    struct buf shown = BUF_EMPTY, csv = BUF_EMPTY, json = BUF_EMPTY;
    struct cells_fault fault;
    (void)state;
    buf_byte(&json, '{');
    for (int i = 0; i < CELLS_MAX; i++) {
        buf_text(&csv, i ? ",1" : "1");
        buf_printf(&json, "%s\"k%d\":1", i ? "," : "", i);
    }
    buf_byte(&json, '}');
    assert_int_equal(read_line(false, csv.data, csv.size, ',', &shown, &fault), 0);
    assert_int_equal(read_line(true, json.data, json.size, ',', &shown, &fault), 0);
    buf_text(&csv, ",1");
    json.data[json.size - 1] = ',';
    buf_text(&json, "\"one more\":1}");
    assert_int_equal(read_line(false, csv.data, csv.size, ',', &shown, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.reason, "128 columns"));
    assert_int_equal(read_line(true, json.data, json.size, ',', &shown, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.reason, "128 keys"));
    buf_release(&csv);
    buf_release(&json);
    buf_release(&shown);
}

/* ---- against jansson ---- */

/* True when jansson takes the line for an object as cells_json does. */
static bool jansson_takes(const char *line, size_t size)
{
    json_error_t error;
    json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    bool takes = json_is_object(root);
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        takes = takes && (json_is_number(value) || json_is_string(value) || json_is_null(value));
    }
    json_decref(root);
    return takes;
}

static void what_jansson_takes_is_taken(void **state)
{
    static const char *const parts[] = {"{",       "}",        "\"a\"", "\"b\"",   ":",  ",",    "1",    "-",
                                        "0",       ".",        "5",     "e",       "E+", "null", "true", "\"",
                                        "\\",      "\\u00e4",  " ",     "\t",      "[",  "]",    "\\n",  "ä",
                                        "\"c\":1", ",\"d\":2", "{}",    "\\ud83c", "-1", "\xff"};
    struct jitter jitter;
    struct buf shown = BUF_EMPTY, line = BUF_EMPTY;
    struct cells_fault fault;
    int taken = 0;
    (void)state;
    jitter_init(&jitter, 7);
    for (int i = 0; i < 200000; i++) {
        buf_reset(&line);
        if (i % 2)
            buf_text(&line, "{\"a\":");
        int64_t count = jitter_below(&jitter, 9);
        for (int64_t k = 0; k < count; k++)
            buf_text(&line, parts[jitter_below(&jitter, sizeof parts / sizeof *parts)]);
        if (i % 3)
            buf_byte(&line, '}');
        bool takes = read_line(true, line.data, line.size, ',', &shown, &fault) == 0;
        taken += takes;
        if (takes != jansson_takes(line.data, line.size))
            fail_msg("%s: %s", line.data, takes ? "taken" : fault.reason);
    }
    assert_in_range(taken, 1000, 190000);
    buf_release(&line);
    buf_release(&shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_split),
        cmocka_unit_test(broken_lines_say_where),
        cmocka_unit_test(columns_are_bounded),
        cmocka_unit_test(what_jansson_takes_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
