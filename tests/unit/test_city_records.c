/* A record of the catalogue as a message. Reading all of them is in test_gazetteer.c and tests/system/test_cities.py.
 */
#include "../../ctl/city_records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct store_reply text_of(char *text, size_t size)
{
    return (struct store_reply){.type = STORE_TEXT, .text = text, .size = size};
}

static void a_record_is_a_city(void **state)
{
    Isobar__V1__City city = ISOBAR__V1__CITY__INIT;
    uint8_t bytes[100];
    char name[] = "Seattle";
    (void)state;
    city.city_id = 5809844;
    city.name = name;
    struct store_reply record = text_of((char *)bytes, isobar__v1__city__pack(&city, bytes));
    Isobar__V1__City *read = city_record_unpack(&record);
    assert_non_null(read);
    assert_int_equal(read->city_id, 5809844);
    assert_string_equal(read->name, "Seattle");
    isobar__v1__city__free_unpacked(read, NULL);
}

static void what_is_no_record_is_none(void **state)
{
    char damaged[] = "\x0a\x7f", *long_one = calloc(1, CITY_RECORD_MAX_BYTES + 1);
    struct store_reply record = text_of(damaged, 2);
    (void)state;
    assert_null(city_record_unpack(&record));
    record = text_of(long_one, CITY_RECORD_MAX_BYTES + 1);
    assert_null(city_record_unpack(&record));
    record = (struct store_reply){.type = STORE_NIL};
    assert_null(city_record_unpack(&record));
    free(long_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_a_city),
        cmocka_unit_test(what_is_no_record_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
