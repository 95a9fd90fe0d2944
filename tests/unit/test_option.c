/* Options: every type from every source, who wins, what is refused with which words and exit code, and what is printed.
 */
#include "option.h"

#include "capture.h"
#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define TEST_OPTIONS(X)                                                                                                \
    OPTION_COMMON(X)                                                                                                   \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers")                                                  \
    X(INT, commit_ms, "5", 1, 1000, "least time between two commits, ms")                                              \
    X(INT, any_number, "-7", INT64_MIN, INT64_MAX, "a number without a range")                                         \
    X(FLAG, verbose, "false", 0, 0, "says more")                                                                       \
    X(FLAG, colour, "true", 0, 0, "is colourful")                                                                      \
    X(SECRET, redis_password, "", 0, 0, "password of Redis")

struct test_options {
    OPTION_STRUCT(TEST_OPTIONS)
};
#define OPTION_OWNER struct test_options
static const struct option_row rows[] = {TEST_OPTIONS(OPTION_ROW)};
static const struct option_program program = {.name = "isobar-worker",
                                              .section = "worker",
                                              .summary = "works",
                                              .usage = "[options] FILE…",
                                              .rows = rows,
                                              .row_count = sizeof rows / sizeof *rows};

#define WORDS_MAX 16

/* One call of option_parse, with what it left and printed. */
struct call {
    struct test_options values;
    char *words[WORDS_MAX + 1];
    int result, operands, exit_code;
    char *out, *err;
};

static struct call call; /* the last one */

static void call_end(void)
{
    option_release(&program, &call.values);
    free(call.out);
    free(call.err);
    call = (struct call){0};
}

/* Parses `line`, words between single blanks, as the program's arguments. */
static int parse(const char *line)
{
    static char text[2048];
    struct capture out, err;
    call_end();
    int count = 0;
    call.words[count++] = (char *)(uintptr_t) "isobar-worker";
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word && count < WORDS_MAX; word = strtok(NULL, " "))
        call.words[count++] = word;
    call.operands = call.exit_code = -1;
    capture_begin(&out, STDOUT_FILENO);
    capture_begin(&err, STDERR_FILENO);
    call.result = option_parse(&program, &call.values, count, call.words, &call.operands, &call.exit_code);
    call.err = capture_end(&err);
    call.out = capture_end(&out);
    return call.result;
}

static void assert_runs(const char *line)
{
    if (parse(line) != OPTION_RUN)
        fail_msg("'%s': %s", line, call.err);
    assert_int_equal(call.exit_code, EXIT_CODE_OK);
    assert_string_equal(call.err, "");
    assert_string_equal(call.out, "");
}

/* The call fails with this exit code and says exactly `message` (without the program's name), in one line. */
static void assert_refused(const char *line, int exit_code, const char *message)
{
    char expected[1024];
    snprintf(expected, sizeof expected, "isobar-worker: %s\n", message);
    assert_int_equal(parse(line), ERR_INVALID);
    assert_string_equal(call.err, expected);
    assert_int_equal(call.exit_code, exit_code);
    assert_string_equal(call.out, "");
}

/* ---- a file and the environment of each test ---- */

#define FILE_NAME "worker.conf"

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static char directory[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/isobar-option-XXXXXX");
    return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int clear(void **state)
{
    (void)state;
    static const char *const names[] = {"CONFIG",    "LOG_LEVEL", "KAFKA",          "COMMIT_MS",
                                        "VERBOSE",   "COLOUR",    "REDIS_PASSWORD", "REDIS_PASSWORD_FILE",
                                        "ANY_NUMBER"};
    call_end();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char variable[64];
        snprintf(variable, sizeof variable, "ISOBAR_%s", names[i]);
        unsetenv(variable);
    }
    unlink(FILE_NAME);
    unlink("secret");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

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
        cmocka_unit_test_teardown(secrets_come_from_the_environment_or_a_file, clear),
        cmocka_unit_test_teardown(the_dump_names_origins_and_masks_secrets, clear),
        cmocka_unit_test_teardown(help_tells_all, clear),
        cmocka_unit_test_teardown(release_may_come_twice, clear),
        cmocka_unit_test_teardown(a_default_outside_its_range_is_a_broken_invariant, clear),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
