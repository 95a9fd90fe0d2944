/* The log: every line is one line, parses (JSON by a parser, logfmt by a strict reader) and gives back what was put in.
 */
#include "log.h"

#include "buf.h"
#include "capture.h"
#include "clock.h"
#include "error.h"
#include "text.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static char *written; /* by the last line */

static const char *line_of(bool json, const struct log_field *fields)
{
    struct capture capture;
    free(written);
    capture_begin(&capture, STDERR_FILENO);
    log_setup("tester", LOG_DEBUG, json);
    log_write(LOG_WARN, "something_happened", fields);
    written = capture_end(&capture);
    size_t size = strlen(written);
    assert_true(size > 0 && size <= 4096);
    assert_ptr_equal(strchr(written, '\n'), written + size - 1); /* one line */
    written[size - 1] = '\0';
    for (const char *p = written; *p; p++)
        assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
    assert_true(text_is_utf8(written));
    return written;
}

/* The line as an object: JSON is parsed, and so is logfmt, whose quoted values are JSON strings. */
static json_t *read_json(const char *line)
{
    json_error_t error;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        fail_msg("%s: %s", error.text, line);
    return object;
}

static json_t *read_logfmt(const char *line)
{
    json_t *object = json_object();
    while (*line) {
        size_t key = strspn(line, "abcdefghijklmnopqrstuvwxyz_0123456789");
        assert_true(key > 0 && line[key] == '=');
        json_t *value = NULL;
        const char *at = line + key + 1;
        size_t size = strcspn(at, " \"=\\");
        if (*at == '"') {
            for (size = 1; at[size] != '"'; size++)
                size += at[size] == '\\';
            size++;
            json_error_t error;
            value = json_loadb(at, size, JSON_DECODE_ANY, &error);
        } else {
            value = json_stringn(at, size);
        }
        assert_non_null(value);
        assert_int_equal(json_object_setn_new(object, line, key, value), 0);
        line = at + size;
        assert_true(*line == ' ' || *line == '\0');
        line += *line == ' ' && line[1];
    }
    return object;
}

static const char *const texts[] = {
    "plain",
    "two words",
    "",
    "a=b",
    "say \"hi\"",
    "back\\slash",
    "new\nline",
    "tab\tcr\r",
    "\x1b[31mred",
    "del\x7f",
    "caf\xc3\xa9",
    "東京",
    "\xc2\x9b[2J",
    "key=\"v\" level=error",
    "\xf0\x9f\x8c\xa8",
    "{}",
    "null",
    "-1",
};

static void texts_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int json = 0; json < 2; json++) {
            const char *line = line_of(json, LOG_FIELDS(LOG_TEXT("a", texts[i]), LOG_TEXT("b", "end")));
            json_t *object = json ? read_json(line) : read_logfmt(line);
            assert_string_equal(json_string_value(json_object_get(object, "a")), texts[i]);
            assert_string_equal(json_string_value(json_object_get(object, "b")), "end");
            assert_string_equal(json_string_value(json_object_get(object, "level")), "warn");
            assert_string_equal(json_string_value(json_object_get(object, "component")), "tester");
            assert_string_equal(json_string_value(json_object_get(object, "event")), "something_happened");
            assert_int_equal(json_object_size(object), 6);
            json_decref(object);
        }
    }
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char text[] = {'<', (char)byte, '>', '\0'};
        for (int json = 0; json < 2; json++) {
            const char *line = line_of(json, LOG_FIELDS(LOG_TEXT("a", text)));
            json_t *object = json ? read_json(line) : read_logfmt(line);
            assert_string_equal(json_string_value(json_object_get(object, "a")), byte < 0x80 ? text : "<\xef\xbf\xbd>");
            json_decref(object);
        }
    }
    const char *line = line_of(true, LOG_FIELDS(LOG_TEXT("a", NULL)));
    assert_non_null(strstr(line, "\"a\":\"\""));
    assert_non_null(strstr(line_of(false, LOG_FIELDS(LOG_TEXT("a", NULL))), " a=\"\""));
}

static void logfmt_reads_well(void **state)
{
    (void)state;
    const char *line = line_of(false, LOG_FIELDS(LOG_INT("partition", 3), LOG_INT("offset", INT64_MIN),
                                                 LOG_REAL("lag_s", 0.25), LOG_TEXT("reason", "no broker")));
    assert_string_equal(
        strstr(line, " level="),
        " level=warn component=tester event=something_happened partition=3 offset=-9223372036854775808 lag_s=0.25 "
        "reason=\"no broker\"");
}

static void numbers_are_numbers(void **state)
{
    (void)state;
    static const double reals[] = {0, -1.5, 1e300, 5e-324, 123456.7};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        json_t *object = read_json(line_of(true, LOG_FIELDS(LOG_REAL("x", reals[i]), LOG_INT("n", INT64_MAX))));
        assert_true(json_is_number(json_object_get(object, "x")));
        double difference = fabs(json_number_value(json_object_get(object, "x")) - reals[i]);
        assert_true(difference <= 1e-5 * fabs(reals[i]));
        assert_int_equal(json_integer_value(json_object_get(object, "n")), INT64_MAX);
        json_decref(object);
    }
    json_t *object = read_json(line_of(true, LOG_FIELDS(LOG_REAL("x", (double)NAN), LOG_REAL("y", (double)INFINITY))));
    assert_true(json_is_null(json_object_get(object, "x")) && json_is_null(json_object_get(object, "y")));
    json_decref(object);
    assert_non_null(strstr(line_of(false, LOG_FIELDS(LOG_REAL("x", (double)NAN))), " x=nan"));
}

static void the_time_is_now(void **state)
{
    (void)state;
    char before[CLOCK_TEXT_BYTES], after[CLOCK_TEXT_BYTES];
    clock_text(clock_wall_ms(), before, sizeof before);
    json_t *object = read_logfmt(line_of(false, LOG_FIELDS()));
    clock_text(clock_wall_ms(), after, sizeof after);
    const char *ts = json_string_value(json_object_get(object, "ts"));
    assert_true(strcmp(before, ts) <= 0 && strcmp(ts, after) <= 0);
    json_decref(object);
}

/* Texts of all sizes around every limit: the line must parse, and a text is whole or ends in an ellipsis. */
static void long_lines_still_parse(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "\n", "\"", "東", "\xff", "a b"};
    char text[6000];
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t unit = strlen(units[u]);
        for (size_t count = 1; count * unit < 5900; count += count < 900 ? 89 : count < 1100 ? 1 : 301) {
            for (size_t i = 0; i < count; i++)
                memcpy(text + i * unit, units[u], unit + 1);
            for (int json = 0; json < 2; json++) {
                const char *line = line_of(json, LOG_FIELDS(LOG_TEXT("a", text), LOG_INT("n", 7)));
                json_t *object = json ? read_json(line) : read_logfmt(line);
                const char *a = json_string_value(json_object_get(object, "a"));
                size_t size = strlen(a);
                bool cut = size > 3 && strcmp(a + size - 3, "…") == 0;
                assert_true(cut ? size <= 1100 : *units[u] == '\xff' || strcmp(a, text) == 0);
                assert_true(!cut || size > 150); /* a useful part is there, whatever escaping costs */
                assert_non_null(json_object_get(object, "n"));
                json_decref(object);
            }
        }
    }
}

static void many_fields_are_cut_between_fields(void **state)
{
    (void)state;
    char text[1001];
    memset(text, 'y', 1000);
    for (size_t size = 700; size <= 1000; size++) {
        text[size] = '\0';
        struct log_field fields[] = {LOG_TEXT("a", text),     LOG_TEXT("b", text),   LOG_TEXT("c", text),
                                     LOG_INT("i", INT64_MIN), LOG_TEXT("d", text),   LOG_TEXT("e", "x y"),
                                     LOG_INT("j", 5),         {.type = LOG_TYPE_END}};
        for (int json = 0; json < 2; json++) {
            const char *line = line_of(json, fields);
            json_t *object = json ? read_json(line) : read_logfmt(line);
            bool whole = json_object_get(object, "j") != NULL;
            assert_true(whole != (json_object_get(object, "cut") != NULL));
            const char *d = json_string_value(json_object_get(object, "d"));
            assert_true(!d || strcmp(d, text) == 0);
            assert_string_equal(json_string_value(json_object_get(object, "c")), text);
            json_decref(object);
        }
        text[size] = 'y';
    }
}

static void levels_filter(void **state)
{
    (void)state;
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int shown = LOG_DEBUG; shown <= LOG_ERROR; shown++) {
        struct capture capture;
        capture_begin(&capture, STDERR_FILENO);
        log_setup("tester", (enum log_level)shown, false);
        log_debug("one");
        log_info("one", LOG_INT("n", 1));
        log_warn("one");
        log_error("one");
        char *text = capture_end(&capture);
        int lines = 0;
        for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
            lines++;
        assert_int_equal(lines, LOG_ERROR - shown + 1);
        for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
            char word[32];
            snprintf(word, sizeof word, "level=%s ", names[level]);
            assert_int_equal(strstr(text, word) != NULL, level >= shown);
        }
        free(text);
    }
    enum log_level level = LOG_DEBUG;
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        assert_int_equal(log_level_parse(names[i], &level), 0);
        assert_int_equal(level, i);
    }
    assert_int_equal(log_level_parse("WARN", &level), ERR_INVALID);
    assert_int_equal(log_level_parse("", &level), ERR_INVALID);
}

static void *writer(void *arg)
{
    for (int i = 0; i < 500; i++)
        log_error("from_thread", LOG_TEXT("name", arg), LOG_INT("i", i),
                  LOG_TEXT("pad", "some words to make the line longer"));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    struct capture capture;
    pthread_t threads[4];
    char names[4][8] = {"one", "two", "three", "four"};
    capture_begin(&capture, STDERR_FILENO);
    fcntl(STDERR_FILENO, F_SETFL, O_APPEND);
    log_setup("tester", LOG_DEBUG, true);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, writer, names[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    char *text = capture_end(&capture), *line = text;
    int lines = 0;
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
        *end = '\0';
        json_decref(read_json(line));
    }
    assert_int_equal(lines, 2000);
    assert_int_equal(*line, '\0');
    free(text);
}

static void a_limit_lets_one_through(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    int64_t held = -1;
    assert_true(log_limit_pass(&limit, 0, 1000, &held)); /* the first always passes, at time 0 too */
    assert_int_equal(held, 0);
    for (int64_t now = 1; now < 1000; now += 37)
        assert_false(log_limit_pass(&limit, now, 1000, &held));
    assert_int_equal(held, 0); /* untouched when held back */
    assert_true(log_limit_pass(&limit, 1000, 1000, &held));
    assert_int_equal(held, 27);
    assert_false(log_limit_pass(&limit, 1999, 1000, NULL));
    assert_true(log_limit_pass(&limit, 90000, 1000, NULL));
    assert_true(log_limit_pass(&limit, 91000, 1000, &held)); /* counted anew after each line */
    assert_int_equal(held, 0);
    int passed = 0; /* over a day in steps of 10 ms */
    for (int64_t now = 100000; now < 100000 + 86400000; now += 10)
        passed += log_limit_pass(&limit, now, 5000, NULL);
    assert_int_equal(passed, 86400 / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(logfmt_reads_well),
        cmocka_unit_test(numbers_are_numbers),
        cmocka_unit_test(the_time_is_now),
        cmocka_unit_test(long_lines_still_parse),
        cmocka_unit_test(many_fields_are_cut_between_fields),
        cmocka_unit_test(levels_filter),
        cmocka_unit_test(lines_of_threads_do_not_mix),
        cmocka_unit_test(a_limit_lets_one_through),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(written);
    return failed;
}
