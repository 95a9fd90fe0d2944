/* Passes of sessions: who has sealed one can open it, and nobody else. */
#include "../../dashboard/pass.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define NOW_S INT64_C(1796000000)

static char key[HMAC_HEX_BYTES], other[HMAC_HEX_BYTES];

static int make_keys(void **state)
{
    (void)state;
    (void)pass_key("the-token-of-operators", key);
    (void)pass_key("the-token-of-operatorz", other);
    return 0;
}

static const char *sealed(enum pass_role role, const char *name, int64_t ends_s, char out[PASS_BYTES])
{
    struct pass pass = {.role = role, .ends_s = ends_s};
    snprintf(pass.name, sizeof pass.name, "%s", name);
    return pass_seal(&pass, key, out);
}

static void what_is_sealed_is_opened(void **state)
{
    static const char *const names[] = {"a", "Ana María", "o'neil <b>", "\xf0\x9f\x8c\xa6", "."};
    char longest[PASS_NAME_BYTES], text[PASS_BYTES];
    struct pass pass;
    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i <= sizeof names / sizeof *names; i++) {
        const char *name = i < sizeof names / sizeof *names ? names[i] : longest;
        assert_true(pass_open(sealed(PASS_OPERATOR, name, NOW_S + 1, text), key, NOW_S, &pass));
        assert_int_equal(pass.role, PASS_OPERATOR);
        assert_int_equal(pass.ends_s, NOW_S + 1);
        assert_string_equal(pass.name, name);
        assert_null(strpbrk(text, "; ,\"\\")); /* fits a cookie as it is */
    }
    assert_true(pass_open(sealed(PASS_READER, "ana", PASS_ENDS_MAX, text), key, NOW_S, &pass));
    assert_int_equal(pass.role, PASS_READER);
}

static void it_ends(void **state)
{
    char text[PASS_BYTES];
    struct pass pass;
    (void)state;
    (void)sealed(PASS_OPERATOR, "ana", NOW_S, text);
    assert_true(pass_open(text, key, NOW_S - 1, &pass));
    assert_false(pass_open(text, key, NOW_S, &pass));
}

static void another_token_does_not_open_it(void **state)
{
    char text[PASS_BYTES];
    struct pass pass;
    (void)state;
    (void)sealed(PASS_OPERATOR, "ana", NOW_S + 9, text);
    assert_false(pass_open(text, other, NOW_S, &pass));
    assert_false(pass_open(text, "", NOW_S, &pass));
}

static void a_change_of_any_byte_is_seen(void **state)
{
    char text[PASS_BYTES];
    struct pass pass;
    (void)state;
    size_t size = strlen(sealed(PASS_READER, "ana", NOW_S + 9, text));
    for (size_t i = 0; i < size; i++) {
        char before = text[i];
        for (int bit = 0; bit < 7; bit++) {
            text[i] = (char)(before ^ 1 << bit);
            if (text[i] != '\0')
                assert_false(pass_open(text, key, NOW_S, &pass));
        }
        text[i] = '\0';
        assert_false(pass_open(text, key, NOW_S, &pass));
        text[i] = before;
    }
    assert_true(pass_open(text, key, NOW_S, &pass));
    text[size] = '0';
    text[size + 1] = '\0';
    assert_false(pass_open(text, key, NOW_S, &pass));
}

static void other_forms_are_refused_even_when_sealed(void **state)
{
    static const char *const wrong[] = {"",
                                        "1.o.1.61",
                                        "2.o.1796000009.61",
                                        "1.x.1796000009.61",
                                        "1.o.1796000009.",
                                        "1.o.1796000009.6",
                                        "1.o.1796000009.6G",
                                        "1.o.1796000009.00",
                                        "1.o. 1796000009.61",
                                        "1.o.+1796000009.61",
                                        "1.o.1796000009.0a",
                                        "1.o.1796000009.ff",
                                        "1.o.1796000009.61.61",
                                        "1.o.1796000009.4A",
                                        "1.o.9223372036854775807.61", /* no time in ms */
                                        "csrf x"};
    char text[PASS_BYTES], seal[HMAC_HEX_BYTES];
    struct pass pass;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "%s.%s", wrong[i], hmac_sha256_hex(key, wrong[i], strlen(wrong[i]), seal));
        assert_false(pass_open(text, key, NOW_S, &pass));
    }
    assert_false(pass_open("", key, NOW_S, &pass));
    assert_false(pass_open(".", key, NOW_S, &pass));
    memset(text, '.', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(pass_open(text, key, NOW_S, &pass));
}

static void names(void **state)
{
    char longer[PASS_NAME_BYTES + 1];
    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_true(pass_name_valid("ana"));
    assert_false(pass_name_valid(""));
    assert_false(pass_name_valid("a\nb"));
    assert_false(pass_name_valid("\xff"));
    assert_false(pass_name_valid(longer));
    assert_true(pass_name_valid(longer + 1));
}

static void csrf_is_of_one_pass(void **state)
{
    char first[PASS_CSRF_BYTES], second[PASS_CSRF_BYTES];
    (void)state;
    assert_string_equal(pass_csrf("a", key, first), pass_csrf("a", key, second));
    assert_int_equal(strlen(first), PASS_CSRF_BYTES - 1);
    assert_string_not_equal(pass_csrf("a", key, first), pass_csrf("b", key, second));
    assert_string_not_equal(pass_csrf("a", key, first), pass_csrf("a", other, second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_is_opened),
        cmocka_unit_test(it_ends),
        cmocka_unit_test(another_token_does_not_open_it),
        cmocka_unit_test(a_change_of_any_byte_is_seen),
        cmocka_unit_test(other_forms_are_refused_even_when_sealed),
        cmocka_unit_test(names),
        cmocka_unit_test(csrf_is_of_one_pass),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
