/* The audit stream as the API gives it. */
#include "../../dashboard/diary.h"

#include "replies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void check(const struct store_reply *reply, const char *want)
{
    struct buf out = BUF_EMPTY;
    diary_encode(reply, &out);
    assert_string_equal(out.data, want);
    buf_release(&out);
    replies_free();
}

static void entries_are_told(void **state)
{
    (void)state;
    check(reply_array(
              2,
              reply_array(2, reply_text("1796000000123-1"),
                          REPLY("what", "drain", "who", "ana <b>", "detail", "worker-1")),
              reply_array(2, reply_text("1796000000000-0"), REPLY("detail", "\"x\"", "at_ms", "5", "what", "lost"))),
          "{\"audit\":[{\"at\":1796000000123,\"what\":\"drain\",\"who\":\"ana \\u003cb>\",\"detail\":\"worker-1\"},"
          "{\"at\":1796000000000,\"what\":\"lost\",\"who\":\"\",\"detail\":\"\\\"x\\\"\"}]}");
}

static void what_has_another_form_is_left_out(void **state)
{
    (void)state;
    check(reply_array(0), "{\"audit\":[]}");
    check(reply_nil(), "{\"audit\":[]}");
    check(reply_array(4, reply_nil(), reply_array(1, reply_text("1-1")), reply_array(2, reply_text("1-1"), reply_nil()),
                      reply_array(2, reply_text("7-1"), REPLY("what"))),
          "{\"audit\":[{\"at\":7,\"what\":\"\",\"who\":\"\",\"detail\":\"\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_told),
        cmocka_unit_test(what_has_another_form_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
