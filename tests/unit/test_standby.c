/* Which coordinators stand by, as the leader's view has them. */
#include "../../coordinator/standby.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

/* The list of what Redis said, as text; the caller frees it. */
static char *told(const char *said)
{
    struct coordinator coordinator = {.standbys = BUF_EMPTY};
    buf_text(&coordinator.standbys, said);
    json_t *list = standby_json(&coordinator);
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    buf_release(&coordinator.standbys);
    return text;
}

static void they_are_listed_by_id(void **state)
{
    (void)state;
    char *text = told("b tcp://10.0.0.2:7070\na tcp://10.0.0.1:7070");
    assert_string_equal(
        text,
        "[{\"id\":\"a\",\"endpoint\":\"tcp://10.0.0.1:7070\"},{\"id\":\"b\",\"endpoint\":\"tcp://10.0.0.2:7070\"}]");
    free(text);
}

static void nobody_stands_by(void **state)
{
    (void)state;
    struct coordinator coordinator = {0}; /* nothing was heard of Redis yet */
    json_t *list = standby_json(&coordinator);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    char *text = told("");
    assert_string_equal(text, "[]");
    free(text);
}

static void what_has_another_form_is_left_out(void **state)
{
    (void)state;
    char *text = told("\n\nalone\na tcp://x:1\n\xff\xfe tcp://y:1\nb tcp://z:1 more\n \n");
    assert_string_equal(text, "[{\"id\":\"a\",\"endpoint\":\"tcp://x:1\"},{\"id\":\"b\",\"endpoint\":\"tcp://z:1\"}]");
    free(text);
}

static void the_list_is_bounded(void **state)
{
    (void)state;
    struct coordinator coordinator = {.standbys = BUF_EMPTY};
    for (int i = 0; i < 500; i++)
        buf_printf(&coordinator.standbys, "c%d tcp://h:%d\n", i, i);
    json_t *list = standby_json(&coordinator);
    assert_int_equal(json_array_size(list), 64);
    json_decref(list);
    buf_release(&coordinator.standbys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_listed_by_id),
        cmocka_unit_test(nobody_stands_by),
        cmocka_unit_test(what_has_another_form_is_left_out),
        cmocka_unit_test(the_list_is_bounded),
    };
    return cmocka_run_group_tests_name("standby", tests, NULL, NULL);
}
