/*
 * What is produced of an answer (fetcher.h): each city's rows, in the series that the source is of it now; a reading
 * that was produced before as "checked, nothing new"; and before a city's first reading what workers must know of it.
 */
#include "fetcher.h"

#include "clock.h"

#define SERIES_NONE (-1) /* the source is only asked whether it is good again */

/* Nothing new: the row says that the source was asked, and repeats the reading's time. */
static void make_checked(struct observation *row)
{
    struct observation checked = {.kind = ISOBAR__V1__ROW_KIND__CHECKED,
                                  .city_id = row->city_id,
                                  .series = row->series,
                                  .provider = row->provider,
                                  .observed_at_ms = row->observed_at_ms,
                                  .fetched_at_ms = row->fetched_at_ms};
    *row = checked;
}

/*
 * The zone decides which day a reading belongs to, the interval how many there should be: that of the source in use.
 */
static void tell(struct fetcher *fetcher, struct city *city, int32_t provider)
{
    const struct source *source = &fetcher->sources[city_source(city)];
    int64_t reading_ms = provider_reading_ms(source->provider, source->schedules[PRODUCT_WEATHER].interval_ms);
    int64_t now_ms = clock_wall_ms();
    struct observation row = {.kind = ISOBAR__V1__ROW_KIND__CONTROL,
                              .city_id = city->id,
                              .provider = provider,
                              .observed_at_ms = now_ms,
                              .fetched_at_ms = now_ms};
    struct control control = {
        .zone = zone_name(city->zone), .country = city->country, .interval_s = (int32_t)(reading_ms / 1000)};
    outbox_send_control(fetcher->outbox, city->shard, &row, &control);
    city->told = true;
    fetcher->metrics.controls_total++;
}

/* The series that a call's readings of the city belong to. */
static int32_t series_of(const struct fetcher *fetcher, const struct call *call, const struct city *city)
{
    const struct cities *cities = &fetcher->cities;
    int32_t index = call->source->index;
    if (call->kind == FETCH_AIR || index == city_source(city))
        return 0;
    bool second = cities->second_opinion && index == city_second(city, &cities->rules, loop_now_ms(fetcher->loop));
    return second ? 1 : SERIES_NONE;
}

static void send_history(struct fetcher *fetcher, struct city_polls *polls, struct observation *rows, size_t count)
{
    polls->city->history_done = true;
    fetcher->metrics.history_rows_total += (int64_t)count;
    if (count)
        city_saw(polls, rows[count - 1].observed_at_ms);
    outbox_send(fetcher->outbox, polls->city->shard, rows, count);
}

static void send_reading(struct fetcher *fetcher, struct city_polls *polls, struct observation *row)
{
    if (city_has_seen(polls, row->observed_at_ms)) {
        make_checked(row);
        fetcher->metrics.checked_total++;
    } else {
        city_saw(polls, row->observed_at_ms);
        fetcher->metrics.observations_total++;
    }
    outbox_send(fetcher->outbox, polls->city->shard, row, 1);
}

/* What the answer says of one city: `count` rows. */
static void send_rows(struct fetcher *fetcher, const struct call *call, struct city_polls *polls,
                      struct observation *rows, size_t count)
{
    int32_t series = series_of(fetcher, call, polls->city);
    if (call->kind != FETCH_HISTORY && count)
        schedule_saw(source_schedule(call->source, call->kind), &polls->item, rows[0].observed_at_ms);
    if (series == SERIES_NONE) {
        fetcher->metrics.probes_total++;
        return;
    }
    if (!polls->city->told)
        tell(fetcher, polls->city, count ? rows[0].provider : 0);
    for (size_t i = 0; i < count; i++)
        rows[i].series = series;
    if (call->kind == FETCH_HISTORY)
        send_history(fetcher, polls, rows, count);
    else if (count)
        send_reading(fetcher, polls, &rows[0]);
}

void rows_send(struct fetcher *fetcher, const struct call *call)
{
    struct provider_rows *rows = &fetcher->rows;
    size_t first = 0;
    for (size_t i = 0; i < call->count; i++) {
        size_t end = first;
        while (end < rows->count && rows->rows[end].city_id == call->places[i].city_id)
            end++;
        if (call->polls[i] && rows->statuses[i] == FETCH_OK)
            send_rows(fetcher, call, call->polls[i], rows->rows + first, end - first);
        first = end;
    }
}
