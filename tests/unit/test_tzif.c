/* Time zone files: rules that parse and that do not, slim and damaged files, and every file of the system. */
#include "error.h"
#include "tzif_internal.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

/* A slim file of version 2: one type, one transition at 86400 s to another, and a rule. */
static size_t make(char *out, const char *rule, int64_t at)
{
    static const char header[20] = "TZif2";
    static const unsigned char types[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0x0e, 0x10, 1, 4}; /* 0 and 3600 s */
    char *p = out;
    for (int block = 0; block < 2; block++) {
        unsigned char counts[24] = {[15] = (unsigned char)block, [19] = 2, [23] = 8};
        memcpy(p, header, sizeof header);
        memcpy(p + 20, counts, sizeof counts);
        p += 44;
        for (int i = 7; block && i >= 0; i--)
            *p++ = (char)(at >> (8 * i));
        if (block)
            *p++ = 1;
        memcpy(p, types, sizeof types);
        memcpy(p + 12, "UTC\0ABC", 8);
        p += 20;
    }
    return (size_t)(p - out) + (size_t)sprintf(p, "\n%s\n", rule);
}

static void a_slim_file(void **state)
{
    (void)state;
    char bytes[512];
    struct tzif tzif;
    size_t size = make(bytes, "ABC-1", 86400);
    assert_int_equal(tzif_decode(&tzif, bytes, size), 0);
    assert_int_equal(tzif.count, 2);
    assert_false(tzif.has_rule);
    assert_int_equal(tzif_at(&tzif, 95).offset, 0);
    assert_int_equal(tzif_at(&tzif, 96).offset, 4);
    assert_int_equal(tzif_after(&tzif, 95).at, 96);
    assert_int_equal(tzif_after(&tzif, 96).at, INT32_MAX);
    tzif_release(&tzif);
    size = make(bytes, "ABC-1DEF,M3.5.0,M10.5.0/3", 86401); /* felt from the next quarter on */
    assert_int_equal(tzif_decode(&tzif, bytes, size), 0);
    assert_true(tzif.has_rule);
    assert_int_equal(tzif_at(&tzif, 96).offset, 0);
    assert_int_equal(tzif_at(&tzif, 97).offset, 4);
    assert_int_equal(tzif_after(&tzif, 97).offset, 8);
    tzif_release(&tzif);
    size = make(bytes, "ABC-2DEF,M10.5.0,M3.5.0", 87 * 86400 - 3600); /* listed as 3600 s, and 7200 s by the rule */
    assert_int_equal(tzif_decode(&tzif, bytes, size), 0);
    assert_int_equal(tzif_after(&tzif, 95).offset, tzif_at(&tzif, tzif_after(&tzif, 95).at).offset);
    tzif_release(&tzif);
    size = make(bytes, "ABC-1DEF,M3.5.0,M10.5.0/3", 86401);
    assert_int_equal(tzif_decode(&tzif, bytes, size), 0);
    assert_int_equal(tzif_after(&tzif, 97).at, (87 * 24 + 1) * 4); /* 29 March 1970, 1:00 UTC */
    tzif_release(&tzif);
}

static void damaged_files(void **state)
{
    (void)state;
    char bytes[512], broken[512];
    struct tzif tzif;
    size_t size = make(bytes, "ABC-1", 86400);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(tzif_decode(&tzif, bytes, cut), ERR_INVALID);
    const struct {
        size_t at;
        char value;
    } cases[] = {{0, 'X'},          {4, '1'},     {4, 0},       {64, 'X'},       {64 + 31, 1}, {64 + 16 + 12, 1},
                 {64 + 19 + 16, 2}, {64 + 20, 1}, {64 + 39, 0}, {size - 1, 'x'}, {64 + 52, 9}, {64 + 53, 0x7f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(broken, bytes, size);
        broken[cases[i].at] = cases[i].value;
        if (tzif_decode(&tzif, broken, size) != ERR_INVALID)
            fail_msg("a file with %d at %zu is taken", cases[i].value, cases[i].at);
    }
    assert_int_equal(tzif_decode(&tzif, bytes, TZIF_MAX_BYTES + 1), ERR_INVALID);
}

static void rules(void **state)
{
    (void)state;
    const char *good[] = {"EST5EDT,M3.2.0,M11.1.0",
                          "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45",
                          "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                          "IST-1GMT0,M10.5.0,M3.5.0/1",
                          "EET-2EEST,M3.4.4/50,M10.4.4/50",
                          "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
                          "IST-2IDT,M3.4.4/26,M10.5.0",
                          "ABC0DEF,J60,J300/4:30:15",
                          "ABC0DEF,0/0,365"};
    const char *bad[] = {"E5",
                         "EST",
                         "EST5EDT",
                         "EST5EDT,M3.2.0",
                         "EST5EDT,M13.1.0,M1.1.0",
                         "EST5x",
                         "EST5EDT,M3.6.0,M11.1.0",
                         "EST5EDT,M3.2.7,M11.1.0",
                         "EST5EDT,J0,J1",
                         "EST5EDT,366,1",
                         "<+1-5",
                         "EST25",
                         "EST5:60",
                         "EST5EDT,M3.2.0/168,M11.1.0",
                         "EST5EDT,M3.2.0,M11.1.0 ",
                         "EST5EDT,,",
                         "-5",
                         "EST+-5"};
    struct tzif_rule rule;
    bool summer;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (tzif_rule_parse(good[i], &rule, &summer) != 0 || !summer)
            fail_msg("\"%s\" is refused", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (tzif_rule_parse(bad[i], &rule, &summer) != ERR_INVALID)
            fail_msg("\"%s\" is taken", bad[i]);
    }
    assert_int_equal(tzif_rule_parse("<-03>3", &rule, &summer), 0);
    assert_true(!summer && rule.standard_s == -10800);
}

static void days_of_rules(void **state)
{
    (void)state;
    const struct {
        const char *rule;
        int32_t from, at; /* days since 1970, hours since 1970 */
    } cases[] = {
        {"ABC0DEF,J60/0,J300", 365 * 2, (365 * 2 + 60) * 24},       /* 1972 has a leap day: 1 March */
        {"ABC0DEF,59/0,300", 365 * 2, (365 * 2 + 59) * 24},         /* 29 February */
        {"ABC0DEF,J60/0,J300", 365, (365 + 59) * 24},               /* 1 March 1971 */
        {"ABC0DEF,M2.5.2/0,M10.1.0", 365 * 2, (365 * 2 + 59) * 24}, /* the last Tuesday: the 29th */
        {"ABC0DEF,M2.1.1/-24,M10.1.0", 365, (365 + 30) * 24},       /* the day before the first Monday, 1 February */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tzif_rule rule;
        bool summer;
        assert_int_equal(tzif_rule_parse(cases[i].rule, &rule, &summer), 0);
        struct tzif_change change = tzif_rule_after(&rule, (struct tzif_change){INT32_MIN, 0}, cases[i].from * 96);
        if (change.at != cases[i].at * 4 || change.offset != 4)
            fail_msg("%s: %d h after 1970, not %d", cases[i].rule, change.at / 4, cases[i].at);
    }
    /* Summer time all the year: its end and the next beginning fall together. */
    struct tzif_rule rule;
    bool summer;
    assert_int_equal(tzif_rule_parse("XXX3EDT4,0/0,J365/23", &rule, &summer), 0);
    for (int32_t quarter = 365 * 96 * 2; quarter < 365 * 96 * 4; quarter += 7) {
        struct tzif_change none = {INT32_MIN, 0};
        if (tzif_rule_at(&rule, none, quarter).offset != -16)
            fail_msg("quarter %d", quarter);
        if (tzif_rule_after(&rule, none, quarter).offset != -16) /* it ends and begins at once, which is no change */
            fail_msg("after quarter %d", quarter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_slim_file), cmocka_unit_test(damaged_files),
                                       cmocka_unit_test(rules), cmocka_unit_test(days_of_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
