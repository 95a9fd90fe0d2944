/* What the log says of the partitions that a worker runs. */
#include "../../worker/changes.h"

#include "capture.h"
#include "log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define COUNT 24

static void put(struct changes *changes, int32_t first, int32_t last, bool running)
{
    for (int32_t p = first; p <= last; p++)
        (void)changes_put(changes, p, running);
}

/* What changes_say writes has `text` in it, and is one line; NULL: it writes nothing. */
static void says(struct changes *changes, const char *text)
{
    struct capture capture;
    capture_begin(&capture, STDERR_FILENO);
    changes_say(changes);
    char *log = capture_end(&capture);
    if (!text) {
        assert_string_equal(log, "");
    } else {
        if (!strstr(log, text))
            fail_msg("'%s' is not in '%s'", text, log);
        assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1);
    }
    free(log);
}

static void what_came_and_went_together_is_one_line(void **state)
{
    (void)state;
    struct changes changes;
    changes_init(&changes, COUNT);
    says(&changes, NULL);
    assert_false(changes_put(&changes, 3, false));
    assert_true(changes_put(&changes, 3, true));
    put(&changes, 0, COUNT - 1, true);
    says(&changes, "level=info component=isobar event=partitions gained=0-23 lost=none running=24\n");
    assert_false(changes_put(&changes, 3, true));
    says(&changes, NULL);
    put(&changes, 1, 1, false);
    put(&changes, 5, 6, false);
    put(&changes, 23, 23, false);
    says(&changes, "gained=none lost=1,5-6,23 running=20\n");
    put(&changes, 0, 1, true);
    put(&changes, 2, 3, false);
    says(&changes, "gained=1 lost=2-3 running=19\n");
    changes_release(&changes);
}

/* One that stops and runs again before the line is written has not changed. */
static void what_is_undone_is_not_told(void **state)
{
    (void)state;
    struct changes changes;
    changes_init(&changes, COUNT);
    put(&changes, 7, 7, true);
    says(&changes, "gained=7 lost=none running=1\n");
    assert_true(changes_put(&changes, 7, false));
    assert_false(changes_put(&changes, 7, true));
    says(&changes, NULL);
    changes_release(&changes);
    says(&changes, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_and_went_together_is_one_line),
        cmocka_unit_test(what_is_undone_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
