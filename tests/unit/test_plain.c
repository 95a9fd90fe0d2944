/* Names as a keyboard may give them. */
#include "../../ctl/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void marks_and_capitals_go(void **state)
{
    static const struct {
        const char *text, *plain;
    } rows[] = {
        {"Zürich", "zurich"},
        {"ZÜRICH", "zurich"},
        {"São Paulo", "sao paulo"},
        {"Łódź", "lodz"},
        {"Kraków", "krakow"},
        {"Ærø", "aero"},
        {"Weißenburg", "weissenburg"},
        {"Œuvre", "oeuvre"},
        {"İstanbul", "istanbul"},
        {"Iași", "iasi"},
        {"Chișinău", "chisinau"},
        {"Þórshöfn", "thorshofn"},
        {"Škofja Loka", "skofja loka"},
        {"L’Aquila", "l'aquila"},
        {"Zu\xcc\x88rich", "zurich"}, /* u and a combining mark */
        {"東京", "東京"},
        {"Αθήνα", "αθηνα"},
        {"Нижний", "нижнии"},
        {"กรุงเทพ", "กรุงเทพ"}, /* marks of this script are vowels */
        {"Straße", "strasse"},
        {"ﬁn", "fin"},
        {"2×2÷1", "2×2÷1"},
        {"", ""},
        {"a\xff"
         "B",
         "a\xff"
         "b"}, /* no UTF-8: stays */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[PLAIN_BYTES];
        assert_ptr_equal(plain_text(rows[i].text, out), out);
        assert_string_equal(out, rows[i].plain);
    }
}

static void every_letter_of_the_table_has_its_base(void **state)
{
    /* As Unicode's decompositions have them, and for those without one, common transliteration. */
    static const char *const runs[] = {"ÀÁÂÃÄÅĀāĂăĄąàáâãäå",
                                       "ÇçĆćĈĉĊċČč",
                                       "ĎďĐđÐð",
                                       "ÈÉÊËèéêëĒēĔĕĖėĘęĚě",
                                       "ĜĝĞğĠġĢģ",
                                       "ĤĥĦħ",
                                       "ÌÍÎÏìíîïĨĩĪīĬĭĮįİı",
                                       "Ĵĵ",
                                       "Ķķĸ",
                                       "ĹĺĻļĽľĿŀŁł",
                                       "ÑñŃńŅņŇňŊŋ",
                                       "ÒÓÔÕÖØòóôõöøŌōŎŏŐő",
                                       "ŔŕŖŗŘř",
                                       "ŚśŜŝŞşŠšſȘș",
                                       "ŢţŤťŦŧȚț",
                                       "ÙÚÛÜùúûüŨũŪūŬŭŮůŰűŲų",
                                       "Ŵŵ",
                                       "ÝýÿŶŷŸ",
                                       "ŹźŻżŽž"};
    static const char wanted[] = "acdeghijklnorstuwyz";
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        char out[PLAIN_BYTES];
        plain_text(runs[i], out);
        for (const char *p = out; *p; p++) {
            if (*p != wanted[i])
                fail_msg("%s: %s", runs[i], out);
        }
    }
}

static void long_names_are_cut_between_characters(void **state)
{
    static const char letter[] = {'\xe6', '\x9d', '\xb1'}; /* 東, without an end */
    char text[600], out[PLAIN_BYTES];
    (void)state;
    memset(text, 0, sizeof text);
    for (size_t i = 0; i + sizeof letter < sizeof text; i += sizeof letter)
        memcpy(text + i, letter, sizeof letter);
    plain_text(text, out);
    assert_int_equal(strlen(out), 255);
    assert_int_equal(strlen(out) % 3, 0);
}

static void names_are_compared_so(void **state)
{
    (void)state;
    assert_true(plain_equal("Reykjavík", "REYKJAVIK"));
    assert_false(plain_equal("Reykjavík", "Reykjavi"));
}

static void umlauts_may_be_spelled_out(void **state)
{
    char text[] = "muenchen aeoeue", plain[] = "munchen";
    (void)state;
    assert_true(plain_undo_umlauts(text));
    assert_string_equal(text, "munchen aou");
    assert_false(plain_undo_umlauts(plain));
    assert_string_equal(plain, "munchen");
}

static void names_have_an_ascii_form_or_none(void **state)
{
    char out[16];
    (void)state;
    assert_true(plain_ascii("Bogotá", out, sizeof out));
    assert_string_equal(out, "Bogota");
    assert_true(plain_ascii("Łódź Ærø", out, sizeof out));
    assert_string_equal(out, "Lodz Aero");
    assert_false(plain_ascii("東京", out, sizeof out));
    assert_false(plain_ascii("a name that is too long", out, sizeof out));
    assert_false(plain_ascii("\xff", out, sizeof out));
    assert_false(plain_ascii("a\x1b[2J", out, sizeof out));
    assert_false(plain_ascii("a\x7f", out, sizeof out));
}

static void a_terminal_gets_no_control_characters(void **state)
{
    char out[8];
    (void)state;
    assert_string_equal(plain_shown("\x1b[2J", out, sizeof out), "?[2J");
    assert_string_equal(plain_shown("\xc2\x9b\xc2\xa0", out, sizeof out), "?\xc2\xa0");
    assert_string_equal(plain_shown("a\xff\n", out, sizeof out), "a??");
    assert_string_equal(plain_shown("1234567é", out, sizeof out), "1234567");
    assert_string_equal(plain_shown("123456é", out, sizeof out), "123456");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_and_capitals_go),
        cmocka_unit_test(every_letter_of_the_table_has_its_base),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(names_are_compared_so),
        cmocka_unit_test(umlauts_may_be_spelled_out),
        cmocka_unit_test(a_terminal_gets_no_control_characters),
        cmocka_unit_test(names_have_an_ascii_form_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
