/*
 * The alarms of the fetcher's sources around source_health.h: what calls say goes in; the log (once, with the meaning
 * and what to do), the metrics and the heartbeat come out. fetcher.h has the prototypes. A history tells nothing of a
 * source now.
 */
#include "fetcher.h"

#include <stdio.h>

/* A product and its name in logs and metrics. */
struct source {
    enum fetch_call call;
    const char *suffix;
};
static const struct source sources[WATCH_SOURCES] = {{FETCH_CURRENT, ""}, {FETCH_AIR, "-air"}};

/* Where the product lies in fetcher->health; -1: it is not watched. */
static int index_of(enum fetch_call call)
{
    for (int i = 0; i < WATCH_SOURCES; i++) {
        if (sources[i].call == call)
            return i;
    }
    return -1;
}

/* How many of them this fetcher asks for. */
static int count_of(const struct fetcher *fetcher)
{
    return fetcher->air ? WATCH_SOURCES : 1;
}

/* The source's name, e.g. "open-meteo-air", in `out`. */
static const char *source_name(const struct fetcher *fetcher, int index, char out[WATCH_NAME_BYTES])
{
    snprintf(out, WATCH_NAME_BYTES, "%s%s", fetcher->provider->name, sources[index].suffix);
    return out;
}

void watch_init(struct fetcher *fetcher, int64_t now_ms)
{
    int64_t own = fetcher->provider->interval_ms, interval = fetcher->schedule.interval_ms;
    int64_t current = interval > own ? interval : own, air = fetcher->provider->air_interval_ms;
    source_health_init(&fetcher->health[0], current, now_ms);
    source_health_init(&fetcher->health[1], air > current ? air : current, now_ms);
}

void watch_answer(struct fetcher *fetcher, const struct call *call, enum fetch_status status, int64_t now_ms)
{
    const struct provider_rows *rows = &fetcher->rows;
    int index = index_of(call->kind);
    if (index < 0)
        return;
    struct source_health *health = &fetcher->health[index];
    if (status != FETCH_OK) {
        source_health_answer(health, status, now_ms);
        return;
    }
    for (size_t i = 0; i < rows->place_count; i++)
        source_health_answer(health, rows->statuses[i], now_ms);
    for (size_t i = 0; i < rows->count; i++)
        source_health_row(health, &rows->rows[i], now_ms);
}

static void say(const struct fetcher *fetcher, int index, enum source_alarm alarm, int64_t now_ms)
{
    const struct source_health *health = &fetcher->health[index];
    struct buf text = BUF_EMPTY;
    char name[WATCH_NAME_BYTES];
    if (source_health_raised(health, alarm)) {
        source_alarm_text(health, alarm, now_ms, &text);
        log_warn("source_alarm", LOG_TEXT("name", source_alarm_name(alarm)),
                 LOG_TEXT("source", source_name(fetcher, index, name)), LOG_TEXT("meaning", text.data),
                 LOG_TEXT("do", source_alarm_advice(alarm)));
    } else {
        log_info("source_alarm_over", LOG_TEXT("name", source_alarm_name(alarm)),
                 LOG_TEXT("source", source_name(fetcher, index, name)),
                 LOG_INT("after_s", (now_ms - health->latches[alarm].since_ms) / 1000));
    }
    buf_release(&text);
}

void watch_second(struct fetcher *fetcher, int64_t cities, int64_t now_ms)
{
    for (int i = 0; i < count_of(fetcher); i++) {
        source_health_cities(&fetcher->health[i], cities);
        unsigned changed = source_health_tick(&fetcher->health[i], now_ms);
        for (int alarm = 0; alarm < SOURCE_ALARMS; alarm++) {
            if (changed >> alarm & 1)
                say(fetcher, i, (enum source_alarm)alarm, now_ms);
        }
    }
}

void watch_heartbeat(struct fetcher *fetcher, Isobar__V1__Heartbeat *heartbeat, int64_t now_ms)
{
    struct watch_alarms *told = &fetcher->alarms;
    size_t count = 0;
    for (int i = 0; i < count_of(fetcher); i++) {
        for (int alarm = 0; alarm < SOURCE_ALARMS; alarm++) {
            if (!source_health_raised(&fetcher->health[i], (enum source_alarm)alarm))
                continue;
            struct buf text = BUF_EMPTY;
            Isobar__V1__SourceAlarm *one = &told->list[count];
            isobar__v1__source_alarm__init(one);
            source_alarm_text(&fetcher->health[i], (enum source_alarm)alarm, now_ms, &text);
            snprintf(told->text[count], WATCH_TEXT_BYTES, "%s", text.data);
            one->name = (char *)source_alarm_name((enum source_alarm)alarm);
            one->source = (char *)source_name(fetcher, i, told->source[count]);
            one->text = told->text[count];
            one->raised_ms = now_ms - fetcher->health[i].latches[alarm].since_ms;
            told->pointers[count++] = one;
            buf_release(&text);
        }
    }
    heartbeat->n_alarms = count;
    heartbeat->alarms = told->pointers;
}

void watch_families(const struct fetcher *fetcher, int64_t now_ms, struct buf *out)
{
    char name[WATCH_NAME_BYTES];
    metric_head(out, "fetcher", "alarm", METRIC_GAUGE, "1 while the alarm of the source is raised");
    for (int i = 0; i < count_of(fetcher); i++) {
        for (int alarm = 0; alarm < SOURCE_ALARMS; alarm++) {
            struct buf labels = BUF_EMPTY;
            metric_label(&labels, "name", source_alarm_name((enum source_alarm)alarm));
            metric_label(&labels, "source", source_name(fetcher, i, name));
            metric_sample(out, "fetcher", "alarm", labels.data,
                          source_health_raised(&fetcher->health[i], (enum source_alarm)alarm));
            buf_release(&labels);
        }
    }
    metric_head(out, "fetcher", "newest_age_seconds", METRIC_GAUGE, "how old the newest reading of the source is");
    for (int i = 0; i < count_of(fetcher); i++) {
        struct buf labels = BUF_EMPTY;
        int64_t age = source_health_newest_ms(&fetcher->health[i], now_ms);
        metric_label(&labels, "source", source_name(fetcher, i, name));
        if (age >= 0)
            metric_sample(out, "fetcher", "newest_age_seconds", labels.data, (double)age / 1000);
        buf_release(&labels);
    }
}
