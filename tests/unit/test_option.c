/* Options: every type from every source, who wins, and what is refused with which words and exit code. */
#include "option_call.h"

/* ---- values ---- */

static void defaults_are_the_rows(void **state)
{
    (void)state;
    assert_runs("");
    assert_string_equal(call.values.kafka, "127.0.0.1:9092");
    assert_string_equal(call.values.config, "");
    assert_int_equal(call.values.commit_ms, 5);
    assert_int_equal(call.values.any_number, -7);
    assert_false(call.values.verbose);
    assert_true(call.values.colour);
    assert_string_equal(call.values.redis_password, "");
    assert_string_equal(call.values.admin_bind, "127.0.0.1");
    assert_int_equal(call.values.admin_port, 0);
    assert_false(call.values.insecure);
    assert_int_equal(call.operands, 0);
}

static void flags_of_every_type(void **state)
{
    (void)state;
    assert_runs("--kafka a:1,b:2 --commit-ms 1000 --verbose --no-colour --any-number=-9223372036854775808");
    assert_string_equal(call.values.kafka, "a:1,b:2");
    assert_int_equal(call.values.commit_ms, 1000);
    assert_true(call.values.verbose);
    assert_false(call.values.colour);
    assert_int_equal(call.values.any_number, INT64_MIN);
    assert_runs("--kafka= --commit_ms=1 --verbose=yes --colour=0 --any-number 9223372036854775807 --admin-port -1");
    assert_string_equal(call.values.kafka, "");
    assert_int_equal(call.values.commit_ms, 1);
    assert_true(call.values.verbose);
    assert_false(call.values.colour);
    assert_int_equal(call.values.any_number, INT64_MAX);
    assert_int_equal(call.values.admin_port, -1);
    assert_runs("--kafka=x=y --verbose --no-verbose --commit-ms 7 --commit-ms 8"); /* the last one holds */
    assert_string_equal(call.values.kafka, "x=y");
    assert_false(call.values.verbose);
    assert_int_equal(call.values.commit_ms, 8);
}

static void words_for_true_and_false(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "1", "yes"}, *const no[] = {"false", "0", "no"};
    for (int i = 0; i < 3; i++) {
        setenv("ISOBAR_VERBOSE", yes[i], 1);
        setenv("ISOBAR_COLOUR", no[i], 1);
        assert_runs("");
        assert_true(call.values.verbose && !call.values.colour);
    }
    setenv("ISOBAR_COLOUR", "TRUE", 1);
    assert_refused("", EXIT_CODE_CONFIG, "ISOBAR_COLOUR: 'TRUE' is neither true nor false");
    assert_refused(
        "--colour=maybe --no-verbose", EXIT_CODE_USAGE,
        "ISOBAR_COLOUR: 'TRUE' is neither true nor false\nisobar-worker: --colour: 'maybe' is neither true nor false");
}

static void operands_stay(void **state)
{
    (void)state;
    assert_runs("one --verbose two --commit-ms 9 - -- --three --help");
    assert_int_equal(call.operands, 5);
    const char *expected[] = {"one", "two", "-", "--three", "--help"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(call.words[1 + i], expected[i]);
    assert_true(call.values.verbose);
    assert_int_equal(call.values.commit_ms, 9);
    assert_runs("--verbose -- --config " FILE_NAME); /* after "--" nothing is an option */
    assert_int_equal(call.operands, 2);
}

static void operands_are_refused_where_none_is_wanted(void **state)
{
    (void)state;
    static const char *const refused[] = {"commit-ms=5", "--", "--verbose"};
    struct test_options values = {0};
    char *words[] = {(char *)(uintptr_t) "isobar-worker", NULL, NULL, NULL};
    int code = -1;
    for (int i = 0; i < 3; i++)
        words[1 + i] = (char *)(uintptr_t)refused[i];
    struct capture err;
    capture_begin(&err, STDERR_FILENO);
    int result = option_parse(&program, &values, 4, words, NULL, &code);
    char *said = capture_end(&err);
    assert_int_equal(result, ERR_INVALID);
    assert_int_equal(code, EXIT_CODE_USAGE);
    assert_string_equal(said, "isobar-worker: unexpected argument 'commit-ms=5'; it takes options only\n");
    free(said);
    option_release(&program, &values);
}

static void precedence_is_default_file_environment_flag(void **state)
{
    (void)state;
    write_file(FILE_NAME, "[worker]\ncommit_ms = 10\n");
    setenv("ISOBAR_COMMIT_MS", "20", 1);
    assert_runs("--config " FILE_NAME " --commit-ms 30");
    assert_int_equal(call.values.commit_ms, 30);
    assert_runs("--commit-ms=30 --config=" FILE_NAME); /* whatever the order */
    assert_int_equal(call.values.commit_ms, 30);
    assert_runs("--config " FILE_NAME);
    assert_int_equal(call.values.commit_ms, 20);
    unsetenv("ISOBAR_COMMIT_MS");
    assert_runs("--config " FILE_NAME);
    assert_int_equal(call.values.commit_ms, 10);
    assert_runs("");
    assert_int_equal(call.values.commit_ms, 5);
    setenv("ISOBAR_CONFIG", FILE_NAME, 1); /* the file's name has the same precedence */
    assert_runs("");
    assert_int_equal(call.values.commit_ms, 10);
    write_file("secret", "[worker]\ncommit_ms = 11\n");
    assert_runs("--config secret");
    assert_int_equal(call.values.commit_ms, 11);
}

/* ---- the file ---- */

static void a_file_of_every_type(void **state)
{
    (void)state;
    write_file(FILE_NAME,
               "; for all programs\nlog_level = warn\n[isobar]\nkafka = k:1 ; inline\nbatch_bytes = 7\n"
               "[coordinator]\ncommit_ms = not ours\nunknown = 1\n"
               "[worker]\n  # indented keys are keys\n  commit_ms = 12\n  any_number: -1\n\tverbose=true\ncolour = no\n"
               "[isobar]\nkafka = k:2");
    assert_runs("--config " FILE_NAME);
    assert_string_equal(call.values.log_level, "warn");
    assert_string_equal(call.values.kafka, "k:2");
    assert_int_equal(call.values.commit_ms, 12);
    assert_int_equal(call.values.any_number, -1);
    assert_true(call.values.verbose);
    assert_false(call.values.colour);
}

static void errors_name_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } table[] = {
        {"[worker]\n\ncommit_mss = 1\n", ":3: unknown key 'commit_mss'; did you mean 'commit_ms'?"},
        {"[worker]\nnothing_like_it_at_all = 1\n", ":2: unknown key 'nothing_like_it_at_all'"},
        {"[worker]\ncommit_ms = 0\n", ":2: commit_ms: '0' is not a whole number from 1 to 1000"},
        {"[worker]\nverbose = on\n", ":2: verbose: 'on' is neither true nor false"},
        {"[worker]\nkafka\n", ":2: not a line of the form key = value"},
        {"[worker\nkafka = x\n", ":1: not a line of the form key = value"},
        {"[worker]\nredis_password = x\n",
         ":2: redis_password is a secret: give it in the environment or in a file of its own"},
        {"[isobar]\ncommit-ms = 1\n", ":2: unknown key 'commit-ms'; did you mean 'commit_ms'?"},
        {"\n\n\nkafak = 1\n", ":4: unknown key 'kafak'; did you mean 'kafka'?"},
        {"[wroker]\nkafka = x\n", ":2: unknown section [wroker]; did you mean [worker]?"},
        {"[isobra]\nkafka = x\n", ":2: unknown section [isobra]; did you mean [isobar]?"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char message[256];
        write_file(FILE_NAME, table[i].text);
        snprintf(message, sizeof message, FILE_NAME "%s", table[i].message);
        assert_refused("--config " FILE_NAME, EXIT_CODE_CONFIG, message);
    }
}

static void all_errors_are_shown_at_once(void **state)
{
    (void)state;
    write_file(FILE_NAME, "[worker]\ncommit_ms = x\nverbose = 2\n");
    setenv("ISOBAR_ANY_NUMBER", "", 1);
    assert_int_equal(parse("--config " FILE_NAME " --what"), ERR_INVALID);
    assert_int_equal(call.exit_code, EXIT_CODE_USAGE);
    assert_non_null(strstr(call.err, FILE_NAME ":2: commit_ms: 'x'"));
    assert_non_null(strstr(call.err, FILE_NAME ":3: verbose: '2'"));
    assert_non_null(strstr(call.err, "ISOBAR_ANY_NUMBER: '' is not a whole number"));
    assert_non_null(strstr(call.err, "unknown option '--what'"));
}

static void a_file_that_is_not_there(void **state)
{
    (void)state;
    assert_refused("--config nowhere.conf", EXIT_CODE_CONFIG, "nowhere.conf: No such file or directory");
    setenv("ISOBAR_CONFIG", "nowhere.conf", 1);
    assert_refused("", EXIT_CODE_CONFIG, "nowhere.conf: No such file or directory");
    assert_refused("--config /", EXIT_CODE_CONFIG, "/: not a regular file");
    assert_refused("--config /dev/zero", EXIT_CODE_CONFIG, "/dev/zero: not a regular file");
    assert_int_equal(mkfifo("pipe", 0600), 0); /* nobody writes to it: an open would wait */
    assert_refused("--config pipe", EXIT_CODE_CONFIG, "pipe: not a regular file");
    assert_int_equal(unlink("pipe"), 0);
    write_file("large.conf", "");
    assert_int_equal(truncate("large.conf", 1024 * 1024 + 1), 0);
    assert_refused("--config large.conf", EXIT_CODE_CONFIG, "large.conf: larger than 1024 KiB");
    assert_int_equal(unlink("large.conf"), 0);
    setenv("ISOBAR_CONFIG", "", 1); /* as if unset */
    assert_runs("");
}

static void a_word_is_one_of_a_few(void **state)
{
    (void)state;
    static const char *const levels[] = {"info", "debug", "warn", "error"};
    char line[64];
    assert_runs("");
    assert_string_equal(call.values.log_level, "info");
    for (int i = 0; i < 4; i++) {
        snprintf(line, sizeof line, "--log-level %s", levels[i]);
        assert_runs(line);
        assert_string_equal(call.values.log_level, levels[i]);
    }
    static const char all[] = "is not one of info, debug, warn or error";
    static const char *const wrong[] = {"loud", "inf", "info|debug", "INFO", "infos"};
    for (int i = 0; i < 5; i++) {
        char message[128];
        snprintf(line, sizeof line, "--log-level %s", wrong[i]);
        snprintf(message, sizeof message, "--log-level: '%s' %s", wrong[i], all);
        assert_refused(line, EXIT_CODE_USAGE, message);
    }
    assert_refused("--log-level=", EXIT_CODE_USAGE, "--log-level: '' is not one of info, debug, warn or error");
    assert_refused("--log-format xml", EXIT_CODE_USAGE, "--log-format: 'xml' is not one of logfmt or json");
    write_file(FILE_NAME, "[worker]\nlog_level = loud\n");
    assert_refused("--config " FILE_NAME, EXIT_CODE_CONFIG,
                   FILE_NAME ":2: log_level: 'loud' is not one of info, debug, warn or error");
}

static void a_long_line_is_one_line(void **state)
{
    (void)state;
    char text[1000], value[300];
    int longest = 0;
    for (int size = 150; size < 250; size++) {
        snprintf(value, sizeof value, "%0*d", size, 7);
        snprintf(text, sizeof text, "[worker]\nkafka = %s\ncommit_ms = 9\ncommit_ms = 0\n", value);
        write_file(FILE_NAME, text);
        assert_int_equal(parse("--config " FILE_NAME), ERR_INVALID);
        assert_non_null(strstr(call.err, FILE_NAME ":4: commit_ms: '0'")); /* lines are counted right */
        bool refused = strstr(call.err, FILE_NAME ":2: a line of more than") != NULL;
        assert_true(refused || strcmp(call.values.kafka, value) == 0); /* whole or refused, never a part */
        assert_int_equal(call.values.commit_ms, 9);
        assert_true(!refused || longest < size);
        longest = refused ? longest : size;
    }
    assert_in_range(longest, 185, 200);
    snprintf(text, sizeof text, "[worker]\nkafka = %s", value); /* too long, and the last one, without an end */
    write_file(FILE_NAME, text);
    assert_int_equal(parse("--config " FILE_NAME), ERR_INVALID);
    assert_non_null(strstr(call.err, ":2: a line of more than"));
}

/* ---- flags that are wrong ---- */

static void wrong_flags(void **state)
{
    (void)state;
    static const struct {
        const char *line, *message;
    } table[] = {
        {"--comit-ms 5", "unknown option '--comit-ms'; did you mean '--commit-ms'?; --help lists all"},
        {"--quite-something-else", "unknown option '--quite-something-else'; --help lists all"},
        {"--redis-pasword=hunter2",
         "unknown option '--redis-pasword'; did you mean '--redis-password'?; --help lists all"},
        {"--redis-password=hunter2",
         "--redis-password: a secret is given in the environment or a file, never as a flag"},
        {"--redis-password hunter2",
         "--redis-password: a secret is given in the environment or a file, never as a flag"},
        {"--commit-ms", "--commit-ms: wants a value"},
        {"--kafka --verbose", "--kafka: wants a value"},
        {"--commit-ms=", "--commit-ms: '' is not a whole number from 1 to 1000"},
        {"--commit-ms 1001", "--commit-ms: '1001' is not a whole number from 1 to 1000"},
        {"--commit-ms -1", "--commit-ms: '-1' is not a whole number from 1 to 1000"},
        {"--commit-ms 5ms", "--commit-ms: '5ms' is not a whole number from 1 to 1000"},
        {"--commit-ms 1.5", "--commit-ms: '1.5' is not a whole number from 1 to 1000"},
        {"--commit-ms 99999999999999999999",
         "--commit-ms: '99999999999999999999' is not a whole number from 1 to 1000"},
        {"--admin-port 65536", "--admin-port: '65536' is not a whole number from -1 to 65535"},
        {"--no-commit-ms", "unknown option '--no-commit-ms'; did you mean '--commit-ms'?; --help lists all"},
        {"--no-verbose=true", "unknown option '--no-verbose'; did you mean '--verbose'?; --help lists all"},
        {"-v", "unknown option '-v'; options have two dashes"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_refused(table[i].line, EXIT_CODE_USAGE, table[i].message);
        assert_null(strstr(call.err, "hunter2"));
    }
    char line[400];
    snprintf(line, sizeof line, "--%0300d", 1);
    assert_int_equal(parse(line), ERR_INVALID);
    assert_non_null(strstr(call.err, "unknown option '--000"));
}

static void release_may_come_twice(void **state)
{
    (void)state;
    struct test_options values = {0};
    option_release(&program, &values); /* before a parse, too */
    assert_runs("--kafka x");
    option_release(&program, &call.values);
    assert_null(call.values.kafka);
    assert_null(call.values.redis_password);
    option_release(&program, &call.values);
}

static void parse_bad_table(void *arg)
{
    struct option_row bad = {.type = OPTION_INT, .name = "n", .initial = "0", .low = 1, .high = 2, .help = "?"};
    struct option_program wrong = {.name = "x", .section = "x", .rows = &bad, .row_count = 1};
    int64_t value = 0;
    int operands, code, result = option_parse(&wrong, &value, 1, arg, &operands, &code);
    (void)result;
}

static void a_default_outside_its_range_is_a_broken_invariant(void **state)
{
    (void)state;
    char *words[] = {directory, NULL};
    assert_true(dies(parse_bad_table, words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(defaults_are_the_rows, clear),
        cmocka_unit_test_teardown(flags_of_every_type, clear),
        cmocka_unit_test_teardown(words_for_true_and_false, clear),
        cmocka_unit_test_teardown(operands_stay, clear),
        cmocka_unit_test_teardown(operands_are_refused_where_none_is_wanted, clear),
        cmocka_unit_test_teardown(precedence_is_default_file_environment_flag, clear),
        cmocka_unit_test_teardown(a_file_of_every_type, clear),
        cmocka_unit_test_teardown(errors_name_file_and_line, clear),
        cmocka_unit_test_teardown(all_errors_are_shown_at_once, clear),
        cmocka_unit_test_teardown(a_file_that_is_not_there, clear),
        cmocka_unit_test_teardown(a_word_is_one_of_a_few, clear),
        cmocka_unit_test_teardown(a_long_line_is_one_line, clear),
        cmocka_unit_test_teardown(wrong_flags, clear),
        cmocka_unit_test_teardown(release_may_come_twice, clear),
        cmocka_unit_test_teardown(a_default_outside_its_range_is_a_broken_invariant, clear),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
