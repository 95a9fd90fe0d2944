/* Tokens and cookies in headers: what must be read, and what must not. */
#include "../../dashboard/bearer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void tokens_are_read(void **state)
{
    static const struct {
        const char *header, *token;
    } good[] = {{"Bearer abc", "abc"}, {"bearer  abc==", "abc=="}, {"BEARER a.b-c_~+/ ", "a.b-c_~+/"}};
    static const char *const bad[] = {"",           "Bearer",     "Bearer ",      "Bearer  ",        "Bearer\tabc",
                                      "Bearer a b", "Basic YTpi", "Bearer a\x7f", "Bearer \xc3\xa4", " Bearer abc",
                                      "Bearera"};
    char out[BEARER_BYTES], longest[BEARER_BYTES + 8] = "Bearer ";
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(bearer_token(good[i].header, out));
        assert_string_equal(out, good[i].token);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(bearer_token(bad[i], out));
    memset(longest + 7, 'x', BEARER_BYTES - 1);
    longest[7 + BEARER_BYTES - 1] = '\0';
    assert_true(bearer_token(longest, out));
    longest[7 + BEARER_BYTES - 1] = 'x';
    longest[7 + BEARER_BYTES] = '\0';
    assert_false(bearer_token(longest, out));
}

static void cookies_are_found(void **state)
{
    static const struct {
        const char *header, *value; /* NULL: none */
    } cases[] = {{"s=1", "1"},         {"a=2; s=1", "1"}, {"a=2;s=1;b=3", "1"}, {"s=1; s=2", "1"},
                 {"s=", ""},           {"s=a=b", "a=b"},  {NULL, NULL},         {"", NULL},
                 {"ss=1", NULL},       {"as=1", NULL},    {"a=s=1", NULL},      {"s", NULL},
                 {"S=1", NULL},        {";;; s=1;", "1"}, {"a=\"; s=1", "1"},   {"s=1234567", "1234567"},
                 {"s=12345678", NULL}, {"s =1", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[8] = "?";
        bool found = bearer_cookie(cases[i].header, "s", out, sizeof out);
        if (found != (cases[i].value != NULL) || (found && strcmp(out, cases[i].value) != 0))
            fail_msg("%s: %d %s", cases[i].header, found, out);
    }
}

static void comparison(void **state)
{
    (void)state;
    assert_true(bearer_equal("", ""));
    assert_true(bearer_equal("abc", "abc"));
    assert_false(bearer_equal("abc", "abd"));
    assert_false(bearer_equal("xbc", "abc"));
    assert_false(bearer_equal("ab", "abc"));
    assert_false(bearer_equal("abcabc", "abc"));
    assert_false(bearer_equal("", "abc"));
    assert_false(bearer_equal("abc", ""));
}

static void what_may_be_a_token(void **state)
{
    char text[BEARER_BYTES + 1];
    (void)state;
    assert_true(bearer_valid("0123456789abcdef"));
    assert_false(bearer_valid("0123456789abcde"));
    assert_false(bearer_valid(""));
    assert_false(bearer_valid("0123456789 abcdefgh"));
    assert_false(bearer_valid("0123456789\xc3\xa4"
                              "abcdefgh"));
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(bearer_valid(text));
    assert_true(bearer_valid(text + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_read),
        cmocka_unit_test(cookies_are_found),
        cmocka_unit_test(comparison),
        cmocka_unit_test(what_may_be_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
