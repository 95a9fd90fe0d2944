/* An installation as a command opens it: what each Redis that is not as it should be is told with. */
#include "../../ctl/installation.h"

#include "capture.h"
#include "error.h"
#include "redis_kit.h"

#define META "x:meta"

static int begin(void **state)
{
    (void)state;
    REDIS_DO("FLUSHALL");
    return 0;
}

static void put_meta(void)
{
    REDIS_DO("HSET", META, "format", "1", "cluster_id", "C", "topic", "weather", "partitions", "4", "config_version",
             "1", "catalogue_version", "0", "windows", "10m:2d", "lateness_ms", "172800000");
}

/* Opens the installation at that address; what was said on stderr in `*said`, which the caller frees. */
static int open_at(const char *address, struct installation *out, char **said)
{
    struct context context = {.command = "test", .redis = address, .prefix = "x:", .timeout_ms = 5000};
    struct capture capture;
    capture_begin(&capture, 2);
    int code = installation_open(&context, "", "", out);
    *said = capture_end(&capture);
    assert_int_equal(context.exit_code, code);
    context_close(&context);
    return code;
}

static void assert_fails(const char *address, int code, const char *word)
{
    struct installation installation;
    char *said;
    assert_int_equal(open_at(address, &installation, &said), code);
    if (!strstr(said, word))
        fail_msg("\"%s\" does not say \"%s\"", said, word);
    free(said);
}

static void what_is_there_is_read(void **state)
{
    (void)state;
    struct installation installation;
    char *said;
    put_meta();
    assert_int_equal(open_at(server.address, &installation, &said), EXIT_CODE_OK);
    assert_string_equal(said, "");
    assert_string_equal(installation.topic, "weather");
    assert_int_equal(installation.partitions, 4);
    assert_int_equal(installation.rules.version, 1);
    assert_int_equal(installation.rules.windows.count, 1);
    assert_int_equal(installation.rules.lateness_ms, 172800000);
    free(said);
}

static void what_is_missing_is_said(void **state)
{
    (void)state;
    assert_fails("unix:/nowhere/redis.sock", EXIT_CODE_UNAVAILABLE, "/nowhere/redis.sock");
    assert_fails(server.address, EXIT_CODE_UNAVAILABLE, "run isobarctl init");
}

static void what_is_damaged_is_named(void **state)
{
    static const char *const fields[] = {"format",         "cluster_id",        "topic",   "partitions",
                                         "config_version", "catalogue_version", "windows", "lateness_ms"};
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char word[64];
        (void)snprintf(word, sizeof word, "the field %s is missing", fields[i]);
        put_meta();
        REDIS_DO("HDEL", META, fields[i]);
        assert_fails(server.address, EXIT_CODE_CONFIG, word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_there_is_read, begin),
        cmocka_unit_test_setup(what_is_missing_is_said, begin),
        cmocka_unit_test_setup(what_is_damaged_is_named, begin),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
