/* The page in Prometheus' text format: a small strict parser reads it, as a scraper would. */
#include "metric.h"

#include "clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define TEST_METRICS(X)                                                                                                \
    X(COUNTER, commits_total, "commits that were accepted")                                                            \
    X(GAUGE, held, "partitions held now")                                                                              \
    X(COUNTER, largest_total, "a \\ and a\nnew line")

struct test_metrics {
    METRIC_STRUCT(TEST_METRICS)
};
#define METRIC_OWNER struct test_metrics
static const struct metric_row rows[] = {TEST_METRICS(METRIC_ROW)};

struct sample {
    char name[64], labels[128];
    double value;
};

struct page {
    char families[64][64];
    size_t family_count;
    struct sample samples[128];
    size_t sample_count;
};

static size_t name_size(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:0123456789");
}

/* Takes {name="value",…} apart as far as needed to find its end; quotes inside values are escaped. */
static const char *labels_end(const char *at)
{
    for (at++; *at != '}';) {
        size_t size = name_size(at);
        assert_true(size > 0);
        at += size;
        assert_memory_equal(at, "=\"", 2);
        for (at += 2; *at != '"'; at += *at == '\\' ? 2 : 1) {
            assert_true(*at != '\0' && *at != '\n');
            assert_true(*at != '\\' || at[1] == '\\' || at[1] == '"' || at[1] == 'n');
        }
        if (at[1] == '}')
            return at + 2;
        assert_int_equal(at[1], ',');
        at += 2;
    }
    return at + 1;
}

static void parse_comment(struct page *page, char *line, char *next)
{
    char name[64], kind[16];
    assert_int_equal(sscanf(line, "# HELP %63s", name), 1);
    for (size_t i = 0; i < page->family_count; i++)
        assert_string_not_equal(page->families[i], name); /* once per family */
    assert_non_null(next);
    char type_name[64];
    assert_int_equal(sscanf(next, "# TYPE %63s %15s", type_name, kind), 2);
    assert_string_equal(type_name, name);
    assert_true(strcmp(kind, "counter") == 0 || strcmp(kind, "gauge") == 0);
    size_t size = strlen(name);
    if (strcmp(kind, "counter") == 0)
        assert_string_equal(name + size - 6, "_total");
    snprintf(page->families[page->family_count++], 64, "%s", name);
}

static void parse_sample(struct page *page, const char *line)
{
    struct sample *sample = &page->samples[page->sample_count++];
    size_t size = name_size(line);
    assert_true(size > 0 && size < 64 && !(line[0] >= '0' && line[0] <= '9'));
    snprintf(sample->name, sizeof sample->name, "%.*s", (int)size, line);
    assert_true(page->family_count > 0);
    assert_string_equal(page->families[page->family_count - 1], sample->name); /* under its own head */
    const char *at = line + size;
    if (*at == '{') {
        const char *end = labels_end(at);
        snprintf(sample->labels, sizeof sample->labels, "%.*s", (int)(end - at), at);
        at = end;
    }
    assert_int_equal(*at, ' ');
    char *end = NULL;
    sample->value = strtod(at + 1, &end);
    assert_true(end != at + 1);
    assert_int_equal(*end, '\0');
}

static void parse(struct page *page, struct buf *text)
{
    memset(page, 0, sizeof *page);
    assert_true(text->size > 0);
    assert_int_equal(text->data[text->size - 1], '\n');
    for (char *line = text->data, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        char *next = end[1] ? end + 1 : NULL;
        if (strncmp(line, "# HELP ", 7) == 0) {
            parse_comment(page, line, next);
        } else if (strncmp(line, "# TYPE ", 7) != 0) {
            parse_sample(page, line);
        }
    }
}

static const struct sample *find(const struct page *page, const char *name, const char *labels)
{
    for (size_t i = 0; i < page->sample_count; i++) {
        if (strcmp(page->samples[i].name, name) == 0 && strcmp(page->samples[i].labels, labels) == 0)
            return &page->samples[i];
    }
    fail_msg("no %s%s", name, labels);
    return NULL;
}

static void more(void *arg, struct buf *out)
{
    const char *const *providers = arg;
    metric_head(out, "worker", "calls_total", METRIC_COUNTER, "calls by provider");
    for (size_t i = 0; providers[i]; i++) {
        struct buf labels = BUF_EMPTY;
        metric_label(&labels, "provider", providers[i]);
        metric_label(&labels, "kind", "poll");
        metric_sample(out, "worker", "calls_total", labels.data, (double)i + 0.5);
        buf_release(&labels);
    }
}

static void the_page_is_valid(void **state)
{
    (void)state;
    const char *providers[] = {"openweathermap", "a\"b\\c\nd", "", NULL};
    struct test_metrics values = {.commits_total = 117, .held = -3, .largest_total = INT64_MAX};
    struct metric_page page = {.component = "worker",
                               .rows = rows,
                               .row_count = sizeof rows / sizeof *rows,
                               .values = &values,
                               .more = more,
                               .arg = providers};
    struct buf out = BUF_EMPTY;
    metric_render(&page, &out);
    assert_non_null(strstr(out.data, "# HELP isobar_worker_largest_total a \\\\ and a\\nnew line\n"));
    assert_non_null(strstr(out.data, "# TYPE isobar_worker_held gauge\nisobar_worker_held -3\n"));
    struct page read;
    parse(&read, &out);
    assert_true(find(&read, "isobar_worker_commits_total", "")->value == 117);
    assert_true(find(&read, "isobar_worker_largest_total", "")->value == (double)INT64_MAX);
    assert_true(find(&read, "isobar_worker_build_info", "{version=\"" ISOBAR_VERSION "\"}")->value == 1);
    assert_true(find(&read, "isobar_worker_calls_total", "{provider=\"openweathermap\",kind=\"poll\"}")->value == 0.5);
    assert_true(find(&read, "isobar_worker_calls_total", "{provider=\"a\\\"b\\\\c\\nd\",kind=\"poll\"}")->value == 1.5);
    assert_true(find(&read, "isobar_worker_calls_total", "{provider=\"\",kind=\"poll\"}")->value == 2.5);
    buf_release(&out);
}

static double process_value(const char *name)
{
    struct metric_page page = {.component = "worker"};
    struct buf out = BUF_EMPTY;
    struct page read;
    metric_render(&page, &out);
    parse(&read, &out);
    buf_release(&out);
    return find(&read, name, "")->value;
}

static void the_process_tells_of_itself(void **state)
{
    (void)state;
    double now = (double)clock_wall_ms() / 1000, start = process_value("process_start_time_seconds");
    assert_true(start > now - 600 && start < now + 1);
    assert_true(process_value("process_start_time_seconds") == start); /* does not waver */
    double fds = process_value("process_open_fds");
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    assert_true(process_value("process_open_fds") == fds + 2);
    close(pair[0]);
    close(pair[1]);
    assert_true(process_value("process_open_fds") == fds);
    double resident = process_value("process_resident_memory_bytes");
    assert_true(resident > 100e3);
    size_t size = 64u << 20;
    char *block = malloc(size);
    for (size_t i = 0; i < size; i += 1024)
        ((volatile char *)block)[i] = 1;
    assert_true(process_value("process_resident_memory_bytes") > resident + 50e6);
    free(block);
    double cpu = process_value("process_cpu_seconds_total");
    int64_t limit = clock_monotonic_ms() + 20000;
    while (process_value("process_cpu_seconds_total") < cpu + 0.02)
        assert_true(clock_monotonic_ms() < limit);
}

static void values_of_every_kind(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } table[] = {
        {0, "isobar_x_v 0\n"},
        {-1, "isobar_x_v -1\n"},
        {123456789012345, "isobar_x_v 123456789012345\n"},
        {0.25, "isobar_x_v 0.25\n"},
        {1e300, "isobar_x_v 1.0000000000000001e+300\n"},
        {(double)NAN, "isobar_x_v NaN\n"},
        {(double)INFINITY, "isobar_x_v +Inf\n"},
        {(double)-INFINITY, "isobar_x_v -Inf\n"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct buf out = BUF_EMPTY;
        metric_sample(&out, "x", "v", i % 2 ? NULL : "", table[i].value);
        assert_string_equal(out.data, table[i].text);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_valid),
        cmocka_unit_test(the_process_tells_of_itself),
        cmocka_unit_test(values_of_every_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
