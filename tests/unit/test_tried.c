/* Where the leader was looked for, as the error tells. */
#include "../../ctl/tried.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void each_place_has_its_last_word(void **state)
{
    (void)state;
    struct tried tried = {.count = 0};
    struct buf text = BUF_EMPTY;
    tried_text(&tried, &text);
    assert_int_equal(text.size, 0);
    tried_note(&tried, "tcp://a:1", "does not answer");
    tried_note(&tried, "Redis b:2", "names no leader");
    tried_note(&tried, "tcp://a:1", "stands by, and knows no leader");
    tried_text(&tried, &text);
    assert_string_equal(text.data, "tcp://a:1 (stands by, and knows no leader), Redis b:2 (names no leader)");
    buf_release(&text);
}

static void more_places_than_there_is_room_for(void **state)
{
    (void)state;
    struct tried tried = {.count = 0};
    struct buf text = BUF_EMPTY;
    char where[400];
    for (int i = 0; i < 3 * TRIED_MAX; i++) {
        snprintf(where, sizeof where, "tcp://h:%d", i);
        tried_note(&tried, where, "x");
    }
    tried_note(&tried, "tcp://h:0", "y");
    assert_int_equal(tried.count, TRIED_MAX);
    assert_string_equal(tried.list[0].what, "y");
    memset(where, 'w', sizeof where - 1);
    where[sizeof where - 1] = '\0';
    tried.count--;
    tried_note(&tried, where, where);
    tried_text(&tried, &text);
    assert_int_equal(strlen(tried.list[TRIED_MAX - 1].where), sizeof tried.list[0].where - 1);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_place_has_its_last_word),
        cmocka_unit_test(more_places_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
