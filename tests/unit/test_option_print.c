/* What options print: the dump, the help, and secrets nowhere. */
#include "option_call.h"

/* ---- secrets ---- */

static void secrets_come_from_the_environment_or_a_file(void **state)
{
    (void)state;
    write_file("secret", "from file\r\nsecond line\n");
    setenv("ISOBAR_REDIS_PASSWORD_FILE", "secret", 1);
    assert_runs("");
    assert_string_equal(call.values.redis_password, "from file");
    setenv("ISOBAR_REDIS_PASSWORD", "from environment", 1);
    assert_runs("");
    assert_string_equal(call.values.redis_password, "from environment");
    unsetenv("ISOBAR_REDIS_PASSWORD");
    char text[5000];
    memset(text, 's', sizeof text);
    text[4095] = '\0'; /* the longest that is taken */
    write_file("secret", text);
    assert_runs("");
    assert_string_equal(call.values.redis_password, text);
    text[4095] = 's';
    text[4999] = '\0';
    write_file("secret", text);
    assert_refused("", EXIT_CODE_CONFIG, "ISOBAR_REDIS_PASSWORD_FILE: secret: has a first line that is too long");
    write_file("secret", "");
    assert_refused("", EXIT_CODE_CONFIG, "ISOBAR_REDIS_PASSWORD_FILE: secret: has no first line");
    write_file("secret", "\nsecond");
    assert_refused("", EXIT_CODE_CONFIG, "ISOBAR_REDIS_PASSWORD_FILE: secret: has no first line");
    unlink("secret");
    assert_refused("", EXIT_CODE_CONFIG, "ISOBAR_REDIS_PASSWORD_FILE: secret: No such file or directory");
}

/* ---- what is printed ---- */

static void the_dump_names_origins_and_masks_secrets(void **state)
{
    (void)state;
    write_file(FILE_NAME, "[worker]\nkafka = from-file:1\n");
    setenv("ISOBAR_COMMIT_MS", "44", 1);
    setenv("ISOBAR_REDIS_PASSWORD", "hunter2", 1);
    assert_int_equal(parse("--dump-config --verbose --config " FILE_NAME), OPTION_EXIT);
    assert_int_equal(call.exit_code, EXIT_CODE_OK);
    assert_string_equal(call.err, "");
    assert_null(strstr(call.out, "hunter2"));
    static const char *const lines[] = {"[worker]\n",
                                        "\nkafka = from-file:1  ; file\n",
                                        "\ncommit_ms = 44  ; environment\n",
                                        "\nverbose = true  ; flag\n",
                                        "\ncolour = true  ; default\n",
                                        "\n; redis_password = ****  ; environment\n",
                                        ("\nconfig = " FILE_NAME "  ; flag\n")};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_non_null(strstr(call.out, lines[i]));
    /* The dump is a configuration file that gives the same. */
    char *dump = strdup(call.out);
    unsetenv("ISOBAR_COMMIT_MS");
    write_file(FILE_NAME, dump);
    free(dump);
    assert_runs("--config " FILE_NAME);
    assert_string_equal(call.values.kafka, "from-file:1");
    assert_int_equal(call.values.commit_ms, 44);
    assert_true(call.values.verbose);
    unsetenv("ISOBAR_REDIS_PASSWORD");
    assert_int_equal(parse("--dump-config"), OPTION_EXIT);
    assert_non_null(strstr(call.out, "\n; redis_password =   ; default\n"));
    assert_int_equal(parse("--dump-config --commit-ms 0"), ERR_INVALID); /* a wrong one is not dumped */
    assert_string_equal(call.out, "");
}

static void help_tells_all(void **state)
{
    (void)state;
    assert_int_equal(parse("--wrong --help --commit-ms"), OPTION_EXIT); /* help is given whatever else is wrong */
    assert_int_equal(call.exit_code, EXIT_CODE_OK);
    assert_int_equal(call.operands, 0);
    assert_string_equal(call.err, "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_non_null(strstr(call.out, rows[i].help));
    static const char *const parts[] = {"Usage: isobar-worker [options] FILE…",
                                        "  --commit-ms VALUE\n",
                                        "  --verbose\n",
                                        "ISOBAR_COMMIT_MS",
                                        "(default 5, from 1 to 1000; environment ISOBAR_COMMIT_MS)",
                                        "(default empty; environment ISOBAR_CONFIG)",
                                        "  ISOBAR_REDIS_PASSWORD\n",
                                        "ISOBAR_REDIS_PASSWORD_FILE",
                                        "--dump-config"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_non_null(strstr(call.out, parts[i]));
    assert_null(strstr(call.out, "--redis-password"));
    assert_int_equal(parse("--version"), OPTION_EXIT);
    assert_string_equal(call.out, "isobar-worker " ISOBAR_VERSION "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(secrets_come_from_the_environment_or_a_file, clear),
        cmocka_unit_test_teardown(the_dump_names_origins_and_masks_secrets, clear),
        cmocka_unit_test_teardown(help_tells_all, clear),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
