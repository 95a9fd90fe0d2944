/* Prometheus text format from tables of counters (metric.h), and what every process can tell of itself. */
#include "metric.h"

#include "clock.h"

#include <dirent.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A help text or label value: backslash, newline and, in labels, quotes are escaped. */
static void add_escaped(struct buf *out, const char *text, bool quotes)
{
    for (; *text; text++) {
        if (*text == '\n')
            buf_text(out, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            buf_printf(out, "\\%c", *text);
        else
            buf_byte(out, *text);
    }
}

static void add_value(struct buf *out, double value)
{
    if (!isfinite(value))
        buf_text(out, isnan(value) ? " NaN\n" : value > 0 ? " +Inf\n" : " -Inf\n");
    else if (value == floor(value) && fabs(value) < 1e15)
        buf_printf(out, " %.0f\n", value);
    else
        buf_printf(out, " %.17g\n", value);
}

void metric_head(struct buf *out, const char *component, const char *name, enum metric_type type, const char *help)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    buf_printf(out, "# HELP isobar_%s_%s ", component, name);
    add_escaped(out, help, false);
    buf_printf(out, "\n# TYPE isobar_%s_%s %s\n", component, name, types[type]);
}

void metric_sample(struct buf *out, const char *component, const char *name, const char *labels, double value)
{
    buf_printf(out, "isobar_%s_%s", component, name);
    if (labels && *labels)
        buf_printf(out, "{%s}", labels);
    add_value(out, value);
}

void metric_label(struct buf *labels, const char *name, const char *value)
{
    buf_printf(labels, "%s%s=\"", labels->size ? "," : "", name);
    add_escaped(labels, value, true);
    buf_byte(labels, '"');
}

static double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_descriptors(void)
{
    int count = -3; /* ".", "..", and the directory's own */
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Unix time at which this process started: now, less what has passed since (clock ticks after boot, proc(5), field 22).
 */
static double start_seconds(void)
{
    static double start; /* asked for once, so that it does not waver with the clocks */
    char line[1024];
    double ticks = 0;
    struct timespec since_boot;
    FILE *file = start > 0 ? NULL : fopen("/proc/self/stat", "r");
    if (!file)
        return start;
    const char *name_end = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    if (!name_end || clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0 ||
        sscanf(name_end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lf", &ticks) !=
            1)
        return 0;
    double age = (double)since_boot.tv_sec + (double)since_boot.tv_nsec / 1e9 - ticks / (double)sysconf(_SC_CLK_TCK);
    start = (double)clock_wall_ms() / 1000 - age;
    return start;
}

/* These names are the same for all programs, as Prometheus' client libraries have them. */
static void process_metric(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    buf_printf(out, "# HELP process_%s %s\n# TYPE process_%s %s\nprocess_%s", name, help, name, type, name);
    add_value(out, value);
}

static void render_process(struct buf *out)
{
    process_metric(out, "start_time_seconds", "gauge", "Unix time at which the process started", start_seconds());
    process_metric(out, "cpu_seconds_total", "counter", "user and system CPU time spent", cpu_seconds());
    process_metric(out, "resident_memory_bytes", "gauge", "resident memory", resident_bytes());
    process_metric(out, "open_fds", "gauge", "open file descriptors", open_descriptors());
}

void metric_render(const struct metric_page *page, struct buf *out)
{
    render_process(out);
    metric_head(out, page->component, "build_info", METRIC_GAUGE, "1, with the version as a label");
    struct buf labels = BUF_EMPTY;
    metric_label(&labels, "version", ISOBAR_VERSION);
    metric_sample(out, page->component, "build_info", labels.data, 1);
    buf_release(&labels);
    for (size_t i = 0; i < page->row_count; i++) {
        const struct metric_row *row = &page->rows[i];
        int64_t value;
        memcpy(&value, (const char *)page->values + row->offset, sizeof value);
        metric_head(out, page->component, row->name, row->type, row->help);
        metric_sample(out, page->component, row->name, NULL, (double)value);
    }
    if (page->more)
        page->more(page->arg, out);
}
