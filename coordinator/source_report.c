/* See source_report.h. */
#include "source_report.h"

#include "mem.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define AGE_MAX_MS (INT64_C(1) << 50)

/* A copy in one line. */
static void copy(char *out, size_t size, const char *text)
{
    text_copy(out, size, text);
    for (; *out; out++)
        *out = (unsigned char)*out < 0x20 || *out == 0x7f ? '?' : *out;
}

static int64_t moment(int64_t age_ms, int64_t now_ms)
{
    return age_ms < 0 || age_ms > AGE_MAX_MS ? -1 : now_ms - age_ms;
}

void source_take(struct source_report *report, const Isobar__V1__Heartbeat *heartbeat, int64_t now_ms)
{
    size_t alarms = heartbeat->n_alarms < SOURCE_ALARMS_MAX ? heartbeat->n_alarms : SOURCE_ALARMS_MAX;
    size_t ages = heartbeat->n_ages < SOURCE_AGES_MAX ? heartbeat->n_ages : SOURCE_AGES_MAX;
    if (alarms != report->alarm_count || ages != report->age_count) {
        source_release(report);
        report->alarms = alarms ? mem_calloc(alarms, sizeof *report->alarms) : NULL;
        report->ages = ages ? mem_calloc(ages, sizeof *report->ages) : NULL;
        report->alarm_count = alarms;
        report->age_count = ages;
    }
    for (size_t i = 0; i < alarms; i++) {
        const Isobar__V1__SourceAlarm *from = heartbeat->alarms[i];
        struct source_alarm_report *to = &report->alarms[i];
        copy(to->name, sizeof to->name, from->name);
        copy(to->source, sizeof to->source, from->source);
        copy(to->text, sizeof to->text, from->text);
        to->since_ms = moment(from->raised_ms, now_ms);
    }
    for (size_t i = 0; i < ages; i++) {
        const Isobar__V1__SourceAge *from = heartbeat->ages[i];
        report->ages[i] =
            (struct source_age_report){from->provider,
                                       {moment(from->observed_ms, now_ms), moment(from->fetched_ms, now_ms),
                                        moment(from->produced_ms, now_ms), moment(from->committed_ms, now_ms)}};
    }
}

void source_release(struct source_report *report)
{
    free(report->alarms);
    free(report->ages);
    *report = (struct source_report){0};
}

int64_t source_at_ms(const struct source_report *report, int32_t provider, int stage)
{
    int64_t newest = -1;
    for (size_t i = 0; i < report->age_count; i++) {
        if (report->ages[i].provider == provider && report->ages[i].at_ms[stage] > newest)
            newest = report->ages[i].at_ms[stage];
    }
    return newest;
}
