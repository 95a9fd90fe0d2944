/*
 * See live.h. The id of an event is "<start of the server>-<version>": whoever has it has every change of the
 * cities up to that version. Windows are read for the cities that some stream follows and that changed, once
 * for all streams.
 */
#include "live.h"

#include "civil.h"
#include "clock.h"
#include "encode.h"
#include "mem.h"
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_BYTES     (512 * 1024) /* queued for a client, beside a snapshot, above which it misses updates */
#define VIEW_EVERY_MS  1500         /* the view is read once a second: every second one is sent */
#define SNAPSHOT_MS    100          /* for so long one serves all who come, as the time in it is not much older then */
#define BEAT_MS        2000
#define ALERTS_SHOWN   200
#define FOLLOW_WINDOWS 3 /* newest windows sent when a followed city changes */
#define ID_BYTES       48

struct stream {
    struct live *live;
    struct httpd_stream *http;
    struct live_request wanted; /* last_id is not kept */
    bool stale;                 /* missed an update: wants a snapshot */
    struct stream *previous, *next;
};

struct live {
    struct live_config config;
    struct model *model;
    struct loop_timer *beat;
    struct stream *streams;
    int64_t started_ms;
    uint64_t version;             /* of the cities, up to which all streams that are not stale were told */
    uint64_t alarms;              /* version of the alerts that streams were told */
    uint64_t catalogue;           /* number of the catalogue that streams were told */
    size_t snapshot_bytes;        /* of the last one */
    struct httpd_chunk *snapshot; /* for all who come at once; NULL: there is none that still holds */
    int64_t snapshot_ms;          /* when it was made */
    int64_t view_next_ms;
};

/* ---- events ---- */

static struct httpd_chunk *chunk_of(const struct live *live, const char *event, const struct buf *data, bool first)
{
    struct buf out = BUF_EMPTY;
    char id[ID_BYTES];
    snprintf(id, sizeof id, "%llx-%llu", (unsigned long long)live->started_ms, (unsigned long long)live->version);
    if (first)
        buf_text(&out, "retry: 2000\n");
    live_event(&out, event, id, data);
    struct httpd_chunk *chunk = httpd_chunk_new(out.data, out.size);
    buf_release(&out);
    return chunk;
}

/* {"latest":[…]  of the cities that changed after `since`; the number of them. */
static size_t encode_since(const struct live *live, uint64_t since, struct buf *out)
{
    size_t count = 0;
    buf_text(out, "{\"latest\":[");
    for (const struct city *city = model_atlas(live->model)->table; city; city = city->hh.next) {
        if (!city_has_reading(city) || city->version <= since)
            continue;
        if (count++)
            buf_byte(out, ',');
        encode_latest(out, city, &model_atlas(live->model)->custom);
    }
    buf_byte(out, ']');
    return count;
}

/* "redis":…,"since":…,"catalogue":…,"at":… */
static void encode_state(const struct live *live, struct buf *out)
{
    int64_t since;
    bool up = model_redis_up(live->model, &since);
    buf_printf(out, "\"redis\":\"%s\",\"since\":%lld,\"catalogue\":%llu,\"at\":%lld", up ? "up" : "down",
               (long long)since, (unsigned long long)model_atlas(live->model)->catalogue, (long long)clock_wall_ms());
}

static void encode_alerts(const struct live *live, struct buf *out)
{
    struct alarm_filter all = {.phase = ALARM_FILTER_ANY, .limit = ALERTS_SHOWN};
    buf_byte(out, '{');
    alarms_encode(&model_atlas(live->model)->alarms, &all, &model_atlas(live->model)->custom, out);
    buf_printf(out, ",\"at\":%lld}", (long long)clock_wall_ms());
}

static struct httpd_chunk *full_event(struct live *live, const char *event, uint64_t since)
{
    struct buf data = BUF_EMPTY;
    (void)encode_since(live, since, &data);
    buf_text(&data, ",\"active\":");
    encode_alerts(live, &data);
    buf_byte(&data, ',');
    encode_state(live, &data);
    buf_byte(&data, '}');
    struct httpd_chunk *chunk = chunk_of(live, event, &data, true);
    live->snapshot_bytes = since ? live->snapshot_bytes : data.size;
    buf_release(&data);
    return chunk;
}

static void forget_snapshot(struct live *live)
{
    httpd_chunk_unref(live->snapshot);
    live->snapshot = NULL;
}

/* All that there is, with the version that streams were told: what came since is yet to be told to all. */
static struct httpd_chunk *snapshot(struct live *live)
{
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - live->snapshot_ms > SNAPSHOT_MS)
        forget_snapshot(live);
    if (!live->snapshot) {
        live->snapshot = full_event(live, "snapshot", 0);
        live->snapshot_ms = now_ms;
    }
    return live->snapshot;
}

/* ---- sending ---- */

static void send_to(struct live *live, struct stream *stream, struct httpd_chunk *chunk)
{
    if (httpd_stream_pending(stream->http) > SLOW_BYTES + live->snapshot_bytes) {
        stream->stale = true;
        live->config.metrics->skipped_total++;
        return;
    }
    httpd_stream_send(stream->http, chunk);
    live->config.metrics->events_total++;
}

static void send_all(struct live *live, const char *event, const struct buf *data)
{
    struct httpd_chunk *chunk = chunk_of(live, event, data, false);
    for (struct stream *stream = live->streams; stream; stream = stream->next) {
        if (!stream->stale)
            send_to(live, stream, chunk);
    }
    httpd_chunk_unref(chunk);
}

/* Slow clients that have caught up begin anew. */
static void refresh_stale(struct live *live)
{
    for (struct stream *stream = live->streams; stream; stream = stream->next) {
        if (!stream->stale || httpd_stream_pending(stream->http) > 0)
            continue;
        stream->stale = false;
        send_to(live, stream, snapshot(live));
    }
}

/* ---- followed windows ---- */

static bool follows(const struct stream *stream, int64_t city_id, const char *size)
{
    const struct live_request *wanted = &stream->wanted;
    for (size_t i = 0; i < wanted->city_count; i++) {
        if (wanted->cities[i] == city_id && strcmp(wanted->size.name, size) == 0)
            return true;
    }
    return false;
}

static void on_windows(void *arg, const struct window_query *query, const struct window_answer *answer)
{
    struct live *live = arg;
    if (answer->status != 0 || answer->count == 0)
        return;
    struct buf data = BUF_EMPTY;
    buf_printf(&data, "{\"city\":%lld,\"size\":\"%s\",\"windows\":[", (long long)query->city_id, query->size.name);
    struct encode_context context = {answer->closed_through_ms, answer->interval_s, &model_atlas(live->model)->custom};
    encode_windows(&data, answer->windows, answer->count, &context);
    buf_printf(&data, "],\"at\":%lld}", (long long)clock_wall_ms());
    struct httpd_chunk *chunk = chunk_of(live, "windows", &data, false);
    for (struct stream *stream = live->streams; stream; stream = stream->next) {
        if (!stream->stale && follows(stream, query->city_id, query->size.name))
            send_to(live, stream, chunk);
    }
    httpd_chunk_unref(chunk);
    buf_release(&data);
}

/* True when an earlier stream, or an earlier place of this one, asks for the same. */
static bool asked_before(const struct live *live, const struct stream *stream, size_t at)
{
    const int64_t *cities = stream->wanted.cities;
    for (const struct stream *other = live->streams; other != stream; other = other->next) {
        if (follows(other, cities[at], stream->wanted.size.name))
            return true;
    }
    for (size_t i = 0; i < at; i++) {
        if (cities[i] == cities[at])
            return true;
    }
    return false;
}

static void read_windows(struct live *live, const struct city *city, const struct window_size *size)
{
    struct window_query query = {
        .city_id = city->id, .partition = city->partition, .size = *size, .limit = FOLLOW_WINDOWS};
    int64_t slack = size->days ? CIVIL_SLACK_MS : 0;
    query.to_ms = window_start(city->watermark_ms, size->size_ms) + size->size_ms + slack;
    query.from_ms = query.to_ms - FOLLOW_WINDOWS * size->size_ms - 2 * slack;
    reader_windows(model_store(live->model), live->config.prefix, &query, on_windows, live);
}

/* Reads the windows of followed cities that changed after `since`. */
static void read_followed(struct live *live, uint64_t since)
{
    const char *windows = model_windows(live->model);
    for (struct stream *stream = live->streams; stream; stream = stream->next) {
        struct window_size *size = &stream->wanted.size;
        if (size->size_ms == 0 && (!windows || !live_resolve(size, windows)))
            continue;
        for (size_t i = 0; i < stream->wanted.city_count; i++) {
            const struct city *city = atlas_find(model_atlas(live->model), stream->wanted.cities[i]);
            if (city && city->has_latest && city->version > since && !asked_before(live, stream, i))
                read_windows(live, city, size);
        }
    }
}

/* ---- what the model reports ---- */

static void tell_alerts(struct live *live)
{
    uint64_t version = model_atlas(live->model)->alarms.version;
    struct buf data = BUF_EMPTY;
    if (version == live->alarms)
        return;
    live->alarms = version;
    encode_alerts(live, &data);
    send_all(live, "alerts", &data);
    buf_release(&data);
}

void live_changed(struct live *live)
{
    uint64_t since = live->version;
    if (live->catalogue != model_atlas(live->model)->catalogue)
        live_state(live); /* before what may fill a client's queue, and under the id of what it has so far */
    live->version = model_atlas(live->model)->version;
    forget_snapshot(live);
    if (!live->streams)
        return;
    struct buf data = BUF_EMPTY;
    if (encode_since(live, since, &data) > 0) {
        buf_printf(&data, ",\"at\":%lld}", (long long)clock_wall_ms());
        send_all(live, "latest", &data);
        read_followed(live, since);
    }
    buf_release(&data);
    tell_alerts(live);
    refresh_stale(live);
}

void live_viewed(struct live *live)
{
    int64_t now_ms = clock_monotonic_ms();
    const struct view *view = model_view(live->model);
    if (!live->streams || !view_known(view) || now_ms < live->view_next_ms)
        return;
    live->view_next_ms = now_ms + VIEW_EVERY_MS;
    struct buf data = BUF_EMPTY;
    view_encode(view, clock_wall_ms(), &data);
    send_all(live, "cluster", &data);
    buf_release(&data);
}

void live_state(struct live *live)
{
    forget_snapshot(live);
    if (!live->streams)
        return;
    struct buf data = BUF_EMPTY;
    live->catalogue = model_atlas(live->model)->catalogue;
    buf_byte(&data, '{');
    encode_state(live, &data);
    buf_byte(&data, '}');
    send_all(live, "state", &data);
    buf_release(&data);
}

static void on_beat(void *arg)
{
    struct live *live = arg;
    if (!live->model)
        return;
    refresh_stale(live);
    live_state(live);
}

/* ---- streams ---- */

static void on_closed(void *arg, struct httpd_stream *http)
{
    struct stream *stream = arg;
    struct live *live = stream->live;
    (void)http;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        live->streams = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    live->config.metrics->streams--;
    free(stream);
}

static void link_stream(struct live *live, struct stream *stream)
{
    stream->next = live->streams;
    if (live->streams)
        live->streams->previous = stream;
    live->streams = stream;
    live->config.metrics->streams++;
}

void live_open(struct live *live, struct httpd_request *request, const struct live_request *wanted)
{
    struct stream *stream = mem_alloc(sizeof *stream);
    uint64_t since = 0;
    *stream = (struct stream){.live = live, .wanted = *wanted};
    stream->wanted.last_id = NULL;
    bool resumed = wanted->last_id && live_id_version(wanted->last_id, live->started_ms, &since) && since > 0 &&
                   since <= live->version;
    httpd_reply_header(request, "Cache-Control", "no-store");
    httpd_reply_header(request, "X-Accel-Buffering", "no"); /* nginx: do not hold events back */
    stream->http = httpd_reply_stream(request, "text/event-stream", on_closed, stream);
    if (!stream->http) { /* there is no place for it, as its client was told */
        live->config.metrics->errors_total++;
        free(stream);
        return;
    }
    if (!live->streams)
        live->catalogue = model_atlas(live->model)->catalogue; /* the first one is told by what it begins with */
    link_stream(live, stream);
    struct httpd_chunk *missed = resumed ? full_event(live, "latest", since) : NULL;
    httpd_stream_send(stream->http, missed ? missed : snapshot(live));
    httpd_chunk_unref(missed);
}

void live_end(struct live *live)
{
    for (struct stream *stream = live->streams; stream; stream = stream->next)
        httpd_stream_close(stream->http);
}

/* ---- life ---- */

struct live *live_new(const struct live_config *config)
{
    struct live *live = mem_alloc(sizeof *live);
    live->config = *config;
    live->started_ms = clock_wall_ms();
    live->beat = loop_timer_new(config->loop, on_beat, live);
    loop_timer_set(live->beat, BEAT_MS, BEAT_MS);
    return live;
}

void live_attach(struct live *live, struct model *model)
{
    live->model = model;
}

void live_free(struct live *live)
{
    if (!live)
        return;
    loop_timer_free(live->beat);
    forget_snapshot(live);
    free(live);
}
