/* Prometheus text format from tables of counters (metric.h), and what every process can tell of itself. */
#include "metric.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void metric_head(struct buf *out, const char *component, const char *name, enum metric_type type, const char *help)
{
    buf_printf(out, "# HELP isobar_%s_%s %s\n# TYPE isobar_%s_%s %s\n", component, name, help, component, name,
               type == METRIC_COUNTER ? "counter" : "gauge");
}

void metric_sample(struct buf *out, const char *component, const char *name, const char *labels, double value)
{
    buf_printf(out, "isobar_%s_%s", component, name);
    if (labels && *labels)
        buf_printf(out, "{%s}", labels);
    if (value == floor(value) && fabs(value) < 1e15)
        buf_printf(out, " %.0f\n", value);
    else
        buf_printf(out, " %.17g\n", value);
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

static void render_process(struct buf *out)
{
    struct rusage usage;
    double cpu = 0;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec;
        cpu += (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    }
    buf_printf(out, "# HELP process_cpu_seconds_total user and system CPU time spent\n# TYPE process_cpu_seconds_total counter\n"
                    "process_cpu_seconds_total %.6f\n", cpu);
    buf_printf(out, "# HELP process_resident_memory_bytes resident memory\n# TYPE process_resident_memory_bytes gauge\n"
                    "process_resident_memory_bytes %.0f\n", resident_bytes());
    buf_printf(out, "# HELP process_open_fds open file descriptors\n# TYPE process_open_fds gauge\nprocess_open_fds %.0f\n",
               open_descriptors());
}

void metric_render(const struct metric_page *page, struct buf *out)
{
    render_process(out);
    metric_head(out, page->component, "build_info", METRIC_GAUGE, "1, with the version as a label");
    metric_sample(out, page->component, "build_info", "version=\"" ISOBAR_VERSION "\"", 1);
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
