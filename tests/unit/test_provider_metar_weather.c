/* Present weather of aerodrome reports as codes of WMO table 4677. */
#include "../../fetcher/provider_metar_weather.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *text;
    int32_t code;
    bool frozen;
} cases[] = {
    {"", 0, false},
    {"-RA", 61, false},
    {"RA", 63, false},
    {"+RA", 65, false},
    {"-DZ", 51, false},
    {"-RADZ", 58, false},
    {"DZRA", 59, false},
    {"-SN", 71, true},
    {"+SN", 75, true},
    {"RASN", 69, true},
    {"-SHRA", 80, false},
    {"+SHRA", 82, false},
    {"SHSN", 86, true},
    {"SHGS", 88, true},
    {"-FZRA", 66, true},
    {"FZDZ", 57, true},
    {"FZFG", 48, false},
    {"FG", 45, false},
    {"MIFG", 12, false},
    {"BCFG", 41, false},
    {"PRFG", 41, false},
    {"BR", 10, false},
    {"HZ", 5, false},
    {"FU", 4, false},
    {"SG", 77, true},
    {"PL", 79, true},
    {"IC", 76, true},
    {"GR", 90, true},
    {"TS", 95, false},
    {"-TSRA", 95, false},
    {"+TSRA", 97, false},
    {"TSRAGR", 96, true},
    {"+TSGR", 99, true},
    {"TSSN", 95, true},
    /* snow that blows about does not fall */
    {"BLSN", 38, false},
    {"DRSN", 36, false},
    /* the highest of several; what is near is not here */
    {"-RA BR", 61, false},
    {"BR -SN", 71, true},
    {"  BR   FG ", 45, false},
    {"VCTS", 0, false},
    {"VCSH BR", 10, false},
    {"-VCSH", 0, false},
    /* what it does not know */
    {"SQ", 0, false},
    {"//", 0, false},
    {"+", 0, false},
    {"-", 0, false},
    {"R", 0, false},
    {"XRAX", 0, false}, /* codes begin at every second letter */
    {"ra", 0, false},
    {"\x01\xff", 0, false},
    {"UP RA", 63, false},
};

static void test_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct metar_weather weather = metar_weather_read(cases[i].text);
        if (weather.code != cases[i].code || weather.frozen != cases[i].frozen)
            fail_msg("\"%s\": %d%s", cases[i].text, weather.code, weather.frozen ? ", frozen" : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
