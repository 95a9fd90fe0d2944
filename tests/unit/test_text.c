/* UTF-8 against a table of what RFC 3629 allows, and JSON strings that a JSON parser reads back. */
#include "text.h"

#include "rows.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const char *const good[] = {
    "",
    "a",
    "Reykjavík",
    "東京",
    "\xf0\x9f\x8c\xa8",
    "\x7f",
    "\xc2\x80",
    "\xdf\xbf",
    "\xe0\xa0\x80",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xef\xbf\xbf",
    "\xf0\x90\x80\x80",
    "\xf4\x8f\xbf\xbf",
};
static const char *const bad[] = {
    "\x80",
    "\xbf",
    "\xc0\x80",
    "\xc1\xbf",
    "\xc2",
    "\xc2 ",
    "\xe0\x9f\xbf",
    "\xe2\x82",
    "\xe2\x82 ",
    "\xed\xa0\x80",
    "\xed\xbf\xbf",
    "\xf0\x8f\xbf\xbf",
    "\xf0\x9f\x8c",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xff",
    "\xfe",
    "ok\xff",
    "\xf8\x88\x80\x80\x80",
};

static void sequences_are_those_of_the_standard(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(text_is_utf8(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(text_is_utf8(bad[i]));
    assert_int_equal(text_sequence("a\xff"), 1);
    assert_int_equal(text_sequence("é"), 2);
    assert_int_equal(text_sequence("東"), 3);
    assert_int_equal(text_sequence("\xf0\x9f\x8c\xa8"), 4);
    assert_int_equal(text_sequence("\xc3"), 0);
    assert_int_equal(text_sequence(""), 1);
}

/* All code points, encoded here by the formula, are taken; surrogates and what lies above are not. */
static void every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 1; c < 0x120000; c++) {
        char text[5] = "";
        size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = size; i-- > 1;)
            text[i] = (char)(0x80 | ((c >> (6 * (size - 1 - i))) & 0x3f));
        text[0] = (char)(size == 1 ? c : (0xf00u >> size & 0xff) | c >> (6 * (size - 1)));
        bool valid = c < 0x110000 && (c < 0xd800 || c > 0xdfff);
        if (text_sequence(text) != (valid ? size : 0))
            fail_msg("U+%04X", c);
    }
}

static void assert_json(const char *text, const char *expected)
{
    struct buf out = BUF_EMPTY;
    text_json(&out, text);
    assert_string_equal(out.data, expected);
    buf_release(&out);
}

static void json_escapes(void **state)
{
    (void)state;
    assert_json("", "\"\"");
    assert_json("plain / text", "\"plain / text\"");
    assert_json("a\"b\\c", "\"a\\\"b\\\\c\"");
    assert_json("line\nnext\r\t", "\"line\\nnext\\u000d\\u0009\"");
    assert_json("\x1b[31m\x7f", "\"\\u001b[31m\\u007f\"");
    assert_json("\xc2\x9b"
                "31m \xc2\xa0",
                "\"\\u009b31m \xc2\xa0\"");
    assert_json("</script>", "\"\\u003c/script>\"");
    assert_json("é東\xf0\x9f\x8c\xa8", "\"é東\xf0\x9f\x8c\xa8\"");
    assert_json("bad \xff\xe2\x82 end", "\"bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd end\"");
}

static void any_bytes_become_json(void **state)
{
    (void)state;
    struct dice dice = {3};
    for (int round = 0; round < 3000; round++) {
        char text[41];
        size_t size = (size_t)dice_below(&dice, 40);
        for (size_t i = 0; i < size; i++) /* half of them from the interesting end */
            text[i] = (char)(dice_below(&dice, 2) ? 1 + dice_below(&dice, 255) : 0xc0 + dice_below(&dice, 64));
        text[size] = '\0';
        struct buf out = BUF_EMPTY;
        text_json(&out, text);
        json_error_t error;
        json_t *value = json_loads(out.data, JSON_DECODE_ANY, &error);
        if (!value)
            fail_msg("%s: %s", error.text, out.data);
        assert_true(json_is_string(value));
        if (text_is_utf8(text))
            assert_string_equal(json_string_value(value), text);
        for (const char *p = out.data; *p; p++)
            assert_true((unsigned char)*p >= 0x20 && *p != '<');
        json_decref(value);
        buf_release(&out);
    }
}

static void escape_takes_whole_characters(void **state)
{
    (void)state;
    char out[TEXT_ESCAPE_BYTES];
    assert_int_equal(text_escape("<", out), 1);
    assert_string_equal(out, "<"); /* only JSON strings hide it */
    assert_int_equal(text_escape("東京", out), 3);
    assert_string_equal(out, "東");
    assert_int_equal(text_escape("\xe6\x9d", out), 1);
    assert_string_equal(out, "\xef\xbf\xbd");
    assert_int_equal(text_escape("\xc2\x85x", out), 2);
    assert_string_equal(out, "\\u0085");
}

static void what_people_see_is_tame(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {{"", ""},
                 {"caf\xc3\xa9 \xf0\x9f\x8c\xa8", "caf\xc3\xa9 \xf0\x9f\x8c\xa8"},
                 {"a\x1b[31m\n\x7f", "a?[31m??"},
                 {"\xc2\x9b\xc2\xa0|", "?\xc2\xa0|"},
                 {"\xff\xe6\x9d", "???"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_EMPTY;
        text_tame(&out, 0);
        buf_text(&out, "\x01");
        buf_text(&out, cases[i].text);
        assert_int_equal(text_is_plain(cases[i].text), strcmp(cases[i].text, cases[i].want) == 0);
        text_tame(&out, 1);
        assert_int_equal(out.data[0], 1); /* what was before stays */
        assert_string_equal(out.data + 1, cases[i].want);
        assert_int_equal(out.size, 1 + strlen(cases[i].want));
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_are_those_of_the_standard),
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(json_escapes),
        cmocka_unit_test(any_bytes_become_json),
        cmocka_unit_test(escape_takes_whole_characters),
        cmocka_unit_test(what_people_see_is_tame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
