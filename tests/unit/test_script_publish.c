/* What a commit publishes, and when. */
#include "script_calls.h"

#include <sys/socket.h>
#include <sys/un.h>

/* A connection that only listens, in plain protocol. */
static int listen_with(const char *first)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", server.socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(write(fd, first, strlen(first)), strlen(first));
    return fd;
}

/* Appends what `fd` says until `text` is in it, at most five seconds. */
static void read_until(int fd, struct buf *heard, const char *text)
{
    int64_t deadline_ms = clock_monotonic_ms() + 5000;
    while (strstr(heard->data, text) == NULL) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms) <= 0)
            fail_msg("waited for \"%s\" in vain", text);
        ssize_t size = read(fd, buf_reserve(heard, 4096), 4096);
        assert_true(size > 0);
        buf_advance(heard, (size_t)size);
        for (size_t i = 0; i < heard->size; i++)
            if (heard->data[i] == '\0')
                heard->data[i] = '?';
    }
}

static void commit_publishes(void **state)
{
    (void)state;
    struct buf heard;
    buf_init(&heard);
    int fd = listen_with("SUBSCRIBE " CHANNEL "\r\n");
    read_until(fd, &heard, ":1\r\n");
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 1, LEDGER, CID_1, CID_2, CHANNEL, "wrong", "0")), "mismatch");
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 1, LEDGER, CID_0, CID_1, CHANNEL, "3 a b 1,2", "0")), "ok");
    read_until(fd, &heard, "3 a b 1,2\r\n");
    assert_null(strstr(heard.data, "wrong"));
    (void)close(fd);
    buf_release(&heard);
}

/* MONITOR shows the commands of a script in order. */
static void commit_publishes_last(void **state)
{
    (void)state;
    REDIS("HSET", PANE2, "1", "x", "#n", "17");
    struct buf heard;
    buf_init(&heard);
    int fd = listen_with("MONITOR\r\n");
    read_until(fd, &heard, "+OK\r\n");
    assert_string_equal(outcome(RUN(SCRIPT_COMMIT, 3, LEDGER, PANE, PANE2, CID_0, CID_1, CHANNEL, "m", "1", "offset",
                                    "7", "hset", "5000", "4", "1", "1", "pane", "retire")),
                        "ok");
    assert_string_equal(TEXT("ECHO", "the end"), "the end");
    read_until(fd, &heard, "the end");
    const char *last = NULL, *publish = strstr(heard.data, "lua] \"PUBLISH\"");
    for (const char *at = heard.data; (at = strstr(at, "lua] ")) != NULL; at++)
        last = at;
    assert_non_null(publish);
    assert_ptr_equal(last, publish);
    const char *first_write = strstr(heard.data, "lua] \"HSET\"");
    assert_non_null(first_write);
    for (const char *at = first_write; (at = strstr(at, "lua] \"")) != NULL; at++)
        assert_true(strncmp(at + 6, "TYPE", 4) != 0 && strncmp(at + 6, "HGET", 4) != 0); /* no check after it */
    (void)close(fd);
    buf_release(&heard);
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(commit_publishes),
        T(commit_publishes_last),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, stop);
}
