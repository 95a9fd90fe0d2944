/* A program with an option of every type, and one call of its parser with what that left and printed. */
#ifndef ISOBAR_TEST_OPTION_CALL_H
#define ISOBAR_TEST_OPTION_CALL_H

#include "option.h"

#include "capture.h"
#include "error.h"
#include "temp_directory.h"

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

static inline void call_end(void)
{
    option_release(&program, &call.values);
    free(call.out);
    free(call.err);
    call = (struct call){0};
}

/* Parses `line`, words between single blanks, as the program's arguments. */
static inline int parse(const char *line)
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

static inline void assert_runs(const char *line)
{
    if (parse(line) != OPTION_RUN)
        fail_msg("'%s': %s", line, call.err);
    assert_int_equal(call.exit_code, EXIT_CODE_OK);
    assert_string_equal(call.err, "");
    assert_string_equal(call.out, "");
}

/* The call fails with this exit code and says exactly `message` (without the program's name), in one line. */
static inline void assert_refused(const char *line, int exit_code, const char *message)
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

static inline void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static char directory[TEMP_DIRECTORY_BYTES];

static inline int set_up(void **state)
{
    (void)state;
    return temp_directory(directory) && chdir(directory) == 0 ? 0 : -1;
}

static inline int clear(void **state)
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

static inline int tear_down(void **state)
{
    (void)state;
    return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

#endif
