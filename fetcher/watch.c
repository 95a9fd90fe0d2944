/*
 * The alarms of the fetcher's sources around source_health.h: what calls say goes in; the log (once, with the meaning
 * and what to do), the metrics and the heartbeat come out. fetcher.h has the prototypes. A history tells nothing of a
 * source now.
 */
#include "fetcher.h"

#include <stdio.h>

/* How many products it is asked for. */
static enum product products_of(const struct source *source)
{
    return source->air ? PRODUCTS : PRODUCT_AIR;
}

void watch_begin(struct source *source, int64_t now_ms)
{
    int64_t own = source->provider->interval_ms, interval = source->schedules[PRODUCT_WEATHER].interval_ms;
    int64_t weather = provider_reading_ms(source->provider, interval > own ? interval : own);
    int64_t air = source->provider->air_interval_ms;
    source_health_init(&source->health[PRODUCT_WEATHER], weather, now_ms);
    source_health_init(&source->health[PRODUCT_AIR], air > weather ? air : weather, now_ms);
}

void watch_answer(struct fetcher *fetcher, const struct call *call, enum fetch_status status, int64_t now_ms)
{
    const struct provider_rows *rows = &fetcher->rows;
    if (call->kind == FETCH_HISTORY)
        return;
    struct source_health *health = &call->source->health[product_of(call->kind)];
    if (status != FETCH_OK) {
        source_health_answer(health, status, now_ms);
        return;
    }
    for (size_t i = 0; i < rows->place_count; i++)
        source_health_answer(health, rows->statuses[i], now_ms);
    for (size_t i = 0; i < rows->count; i++)
        source_health_row(health, &rows->rows[i], now_ms);
}

static void say(const struct source *source, enum product product, enum source_alarm alarm, int64_t now_ms)
{
    const struct source_health *health = &source->health[product];
    struct buf text = BUF_EMPTY;
    char name[SOURCE_NAME_BYTES];
    if (source_health_raised(health, alarm)) {
        source_alarm_text(health, alarm, now_ms, &text);
        log_warn("source_alarm", LOG_TEXT("name", source_alarm_name(alarm)),
                 LOG_TEXT("source", source_name(source, product, name)), LOG_TEXT("meaning", text.data),
                 LOG_TEXT("do", source_alarm_advice(alarm)));
    } else {
        log_info("source_alarm_over", LOG_TEXT("name", source_alarm_name(alarm)),
                 LOG_TEXT("source", source_name(source, product, name)),
                 LOG_INT("after_s", (now_ms - health->latches[alarm].since_ms) / 1000));
    }
    buf_release(&text);
}

static void watch_source(struct source *source, int64_t asked, int64_t now_ms)
{
    if (asked && !source->asked)
        watch_begin(source, now_ms); /* of a source that was not asked nothing is known */
    source->asked = asked;
    for (enum product p = 0; p < products_of(source) && asked; p++) {
        source_health_cities(&source->health[p], asked);
        unsigned changed = source_health_tick(&source->health[p], now_ms);
        for (int alarm = 0; alarm < SOURCE_ALARMS; alarm++) {
            if (changed >> alarm & 1)
                say(source, p, (enum source_alarm)alarm, now_ms);
        }
    }
}

void watch_second(struct fetcher *fetcher, const struct cities_counts *counts, int64_t now_ms)
{
    for (int32_t s = 0; s < fetcher->source_count; s++)
        watch_source(&fetcher->sources[s], counts->asked[s], now_ms);
}

/* An alarm of a source that is asked for cities. */
static bool raised(const struct source *source, enum product product, int alarm)
{
    return source->asked && source_health_raised(&source->health[product], (enum source_alarm)alarm);
}

static void tell(const struct source *source, enum product product, enum source_alarm alarm, size_t index,
                 struct watch_alarms *told, int64_t now_ms)
{
    const struct source_health *health = &source->health[product];
    struct buf text = BUF_EMPTY;
    Isobar__V1__SourceAlarm *one = told->pointers[index] = &told->list[index];
    isobar__v1__source_alarm__init(one);
    source_alarm_text(health, alarm, now_ms, &text);
    snprintf(told->text[index], WATCH_TEXT_BYTES, "%s", text.data);
    one->name = (char *)source_alarm_name(alarm);
    one->source = (char *)source_name(source, product, told->source[index]);
    one->text = told->text[index];
    one->raised_ms = now_ms - health->latches[alarm].since_ms;
    buf_release(&text);
}

void watch_heartbeat(struct fetcher *fetcher, Isobar__V1__Heartbeat *heartbeat, int64_t now_ms)
{
    for (int32_t s = 0; s < fetcher->source_count; s++) {
        const struct source *source = &fetcher->sources[s];
        for (enum product p = 0; p < products_of(source); p++) {
            for (int alarm = 0; alarm < SOURCE_ALARMS; alarm++) {
                if (raised(source, p, alarm))
                    tell(source, p, (enum source_alarm)alarm, heartbeat->n_alarms++, &fetcher->alarms, now_ms);
            }
        }
    }
    heartbeat->alarms = fetcher->alarms.pointers;
}

static void alarm_samples(const struct source *source, enum product product, struct buf *out)
{
    char name[SOURCE_NAME_BYTES];
    for (int alarm = 0; alarm < SOURCE_ALARMS; alarm++) {
        struct buf labels = BUF_EMPTY;
        metric_label(&labels, "name", source_alarm_name((enum source_alarm)alarm));
        metric_label(&labels, "source", source_name(source, product, name));
        metric_sample(out, "fetcher", "alarm", labels.data, raised(source, product, alarm));
        buf_release(&labels);
    }
}

static void age_sample(const struct source *source, enum product product, int64_t now_ms, struct buf *out)
{
    char name[SOURCE_NAME_BYTES];
    struct buf labels = BUF_EMPTY;
    int64_t age = source_health_newest_ms(&source->health[product], now_ms);
    metric_label(&labels, "source", source_name(source, product, name));
    if (age >= 0)
        metric_sample(out, "fetcher", "newest_age_seconds", labels.data, (double)age / 1000);
    buf_release(&labels);
}

void watch_families(const struct fetcher *fetcher, int64_t now_ms, struct buf *out)
{
    metric_head(out, "fetcher", "alarm", METRIC_GAUGE, "1 while the alarm of the source is raised");
    for (int32_t s = 0; s < fetcher->source_count; s++) {
        for (enum product p = 0; p < products_of(&fetcher->sources[s]); p++)
            alarm_samples(&fetcher->sources[s], p, out);
    }
    metric_head(out, "fetcher", "newest_age_seconds", METRIC_GAUGE, "how old the newest reading of the source is");
    for (int32_t s = 0; s < fetcher->source_count; s++) {
        for (enum product p = 0; p < products_of(&fetcher->sources[s]); p++)
            age_sample(&fetcher->sources[s], p, now_ms, out);
    }
}
