/* A city as it is sent: what is taken, which field is named when it is wrong, and the id of a place without one. */
#include "../../dashboard/city_form.h"

#include "../../ctl/cities.h"
#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define PLACE "\"name\":\"X\",\"country\":\"CH\",\"zone\":\"Europe/Zurich\""

static int read_form(const char *body, struct city_form *form, const char **field)
{
    struct buf error = BUF_EMPTY;
    int status = city_form_read(body, strlen(body), form, field, &error);
    assert_int_equal(status == 0, error.size == 0);
    buf_release(&error);
    return status;
}

static void texts_and_numbers_are_taken(void **state)
{
    static const struct {
        const char *lat, *text;
    } cases[] = {
        {"47.5", "47.5"}, {"\"47.50\"", "47.50"}, {"-0.1", "-0.1"}, {"100", "100"},           {"100.0", "100"},
        {"0.0", "0"},     {"1e-5", "0.00001"},    {"1e300", "?"},   {"0.123456", "0.123456"}, {"47.56789", "47.56789"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[256];
        struct city_form form;
        const char *field;
        snprintf(body, sizeof body, "{" PLACE ",\"lat\":%s,\"lon\":8,\"elevation_m\":null,\"station\":\"LSZH\"}",
                 cases[i].lat);
        assert_int_equal(read_form(body, &form, &field), 0);
        assert_string_equal(form.texts[CITY_FORM_LAT], cases[i].text);
        assert_string_equal(form.texts[CITY_FORM_LON], "8");
        assert_string_equal(form.texts[CITY_FORM_ELEVATION], "");
        assert_string_equal(form.texts[CITY_FORM_STATION], "LSZH");
    }
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *body, *field; /* NULL: none in particular */
    } cases[] = {{"", NULL},
                 {"{", NULL},
                 {"[]", NULL},
                 {"null", NULL},
                 {"\"name\"", NULL},
                 {"{} {}", NULL},
                 {"{\"name\":\"a\",\"name\":\"b\"}", NULL},
                 {"{\"name\":\"a\\u0000b\"}", NULL},
                 {"{\"name\":\"\xff\"}", NULL},
                 {"{\"population\":5}", NULL},
                 {"{}", "name"},
                 {"{\"name\":[\"a\"]}", "name"},
                 {"{\"name\":true}", "name"},
                 {"{\"id\":{}}", "id"},
                 {"{" PLACE ",\"lon\":8}", "lat"},
                 {"{" PLACE ",\"lat\":8}", "lon"},
                 {"{\"name\":\"a\",\"country\":\"CH\",\"lat\":1,\"lon\":1}", "zone"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct city_form form;
        const char *field;
        assert_int_equal(read_form(cases[i].body, &form, &field), ERR_INVALID);
        if ((field == NULL) != (cases[i].field == NULL) || (field && strcmp(field, cases[i].field) != 0))
            fail_msg("%s: %s", cases[i].body, field ? field : "no field");
    }
}

static void sizes_are_bounded(void **state)
{
    char body[CITY_FORM_MAX_BYTES + 2];
    struct city_form form;
    const char *field;
    (void)state;
    memset(body, ' ', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    body[0] = '{';
    assert_int_equal(read_form(body, &form, &field), ERR_TOO_LARGE);
    memset(body, 'x', sizeof body - 1);
    memcpy(body, "{\"id\":1,\"name\":\"", 16);
    memcpy(body + 16 + CITY_FORM_TEXT_BYTES - 1, "\"}", 3);
    assert_int_equal(read_form(body, &form, &field), 0);
    assert_int_equal(strlen(form.texts[CITY_FORM_NAME]), CITY_FORM_TEXT_BYTES - 1);
    memcpy(body + 16 + CITY_FORM_TEXT_BYTES - 1, "x\"}", 4);
    assert_int_equal(read_form(body, &form, &field), ERR_INVALID);
    assert_string_equal(field, "name");
}

static int64_t id_of(const char *body)
{
    struct city_form form;
    const char *field;
    assert_int_equal(read_form(body, &form, &field), 0);
    return strtoll(form.texts[CITY_FORM_ID], NULL, 10);
}

static void a_place_is_the_same_city_again(void **state)
{
    (void)state;
    int64_t id = id_of("{" PLACE ",\"lat\":47.5,\"lon\":8}");
    assert_true(id > CITIES_OWN_ID && id <= INT64_C(9007199254740991));
    assert_int_equal(id_of("{\"lon\":\"8.0\",\"lat\":\"47.50\"," PLACE "}"), id);
    assert_int_equal(id_of("{" PLACE ",\"lat\":47.5,\"lon\":8,\"station\":\"LSZH\"}"), id);
    assert_int_not_equal(id_of("{" PLACE ",\"lat\":47.5,\"lon\":8.00001}"), id);
    assert_int_equal(id_of("{\"id\":5}"), 5); /* known places need no more */
    assert_int_equal(id_of("{\"id\":\"5\"}"), 5);
}

static void options_are_fields(void **state)
{
    (void)state;
    assert_string_equal(city_form_field_of("latitude"), "lat");
    assert_string_equal(city_form_field_of("ascii-name"), "ascii_name");
    assert_string_equal(city_form_name(CITY_FORM_ELEVATION), "elevation_m");
    assert_null(city_form_field_of("population"));
    assert_null(city_form_field_of(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_numbers_are_taken), cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(sizes_are_bounded),           cmocka_unit_test(a_place_is_the_same_city_again),
        cmocka_unit_test(options_are_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
