/*
 * See live.h. Ids are "<start of the server>-<number>": a client that reconnects gets a snapshot, whatever it had, so
 * nothing can be missed. Windows are read for the cities that some stream follows and that changed, once for all.
 */
#include "live.h"

#include "clock.h"
#include "encode.h"
#include "mem.h"
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_BYTES       (512 * 1024) /* queued for a client above which it misses updates */
#define CLUSTER_EVERY_MS 2000
#define FOLLOW_WINDOWS   3            /* newest windows sent when a followed city changes */

struct stream {
    struct live *live;
    struct httpd_stream *http;
    int64_t cities[LIVE_CITIES];
    size_t city_count;
    struct window_size size;
    bool stale; /* missed an update: wants a snapshot */
    struct stream *previous, *next;
};

struct live {
    struct live_config config;
    struct model *model;
    struct stream *streams;
    int64_t started_ms;
    int64_t number;
    int64_t cluster_next_ms;
};

void live_event(struct buf *out, const char *event, const char *id, const char *data, size_t size)
{
    buf_printf(out, "event: %s\nid: %s\ndata: ", event, id);
    buf_append(out, data, size);
    buf_text(out, "\n\n");
}

static struct httpd_chunk *chunk_of(struct live *live, const char *event, const struct buf *data, bool first)
{
    struct buf out = BUF_EMPTY;
    char id[64];
    snprintf(id, sizeof id, "%llx-%lld", (unsigned long long)live->started_ms, (long long)++live->number);
    if (first)
        buf_text(&out, "retry: 2000\n");
    live_event(&out, event, id, data->data, data->size);
    struct httpd_chunk *chunk = httpd_chunk_new(out.data, out.size);
    buf_release(&out);
    return chunk;
}

static void encode_one(struct buf *out, const struct city *city)
{
    struct latest latest = {.reading = &city->latest, .produced_at_ms = city->produced_at_ms,
                            .committed_at_ms = city->committed_at_ms, .checked_at_ms = city->checked_at_ms};
    encode_latest(out, &latest);
}

/* {"latest":[…],"at":…} of all cities with a reading, or of the changed ones; false when there is none. */
static bool encode_cities(const struct live *live, bool all, struct buf *out)
{
    const char *comma = "";
    bool any = false;
    buf_text(out, "{\"latest\":[");
    for (const struct city *city = model_cities(live->model); city; city = city->hh.next) {
        if (!city->has_latest || !city->entry || (!all && !city->changed))
            continue;
        buf_text(out, comma);
        encode_one(out, city);
        comma = ",";
        any = true;
    }
    buf_printf(out, "],\"at\":%lld", (long long)clock_wall_ms());
    return any;
}

static struct httpd_chunk *snapshot(struct live *live, bool first)
{
    struct buf data = BUF_EMPTY;
    int64_t since;
    (void)encode_cities(live, true, &data);
    bool up = model_redis_up(live->model, &since);
    buf_printf(&data, ",\"redis\":\"%s\",\"since\":%lld}", up ? "up" : "down", (long long)since);
    struct httpd_chunk *chunk = chunk_of(live, "snapshot", &data, first);
    buf_release(&data);
    return chunk;
}

static void send_to(struct live *live, struct stream *stream, struct httpd_chunk *chunk)
{
    if (httpd_stream_pending(stream->http) > SLOW_BYTES) {
        stream->stale = true;
        live->config.metrics->skipped_total++;
        return;
    }
    httpd_stream_send(stream->http, chunk);
    live->config.metrics->events_total++;
}

static void send_all(struct live *live, struct httpd_chunk *chunk)
{
    for (struct stream *stream = live->streams; stream; stream = stream->next) {
        if (!stream->stale)
            send_to(live, stream, chunk);
    }
    httpd_chunk_unref(chunk);
}

static void refresh_stale(struct live *live)
{
    struct httpd_chunk *chunk = NULL;
    for (struct stream *stream = live->streams; stream; stream = stream->next) {
        if (!stream->stale || httpd_stream_pending(stream->http) > 0)
            continue;
        if (!chunk)
            chunk = snapshot(live, false);
        stream->stale = false;
        send_to(live, stream, chunk);
    }
    httpd_chunk_unref(chunk);
}

/* ---- followed windows ---- */

static bool follows(const struct stream *stream, int64_t city_id, const char *size)
{
    for (size_t i = 0; i < stream->city_count; i++) {
        if (stream->cities[i] == city_id && strcmp(stream->size.name, size) == 0)
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
    for (size_t i = 0; i < answer->count; i++) {
        buf_text(&data, i ? "," : "");
        encode_window(&data, &answer->windows[i], answer->closed_through_ms);
    }
    buf_printf(&data, "],\"at\":%lld}", (long long)clock_wall_ms());
    struct httpd_chunk *chunk = chunk_of(live, "windows", &data, false);
    for (struct stream *stream = live->streams; stream; stream = stream->next) {
        if (!stream->stale && follows(stream, query->city_id, query->size.name))
            send_to(live, stream, chunk);
    }
    httpd_chunk_unref(chunk);
    buf_release(&data);
}

/* True when an earlier stream (or an earlier place of this one) asks for the same, so that it is read once. */
static bool asked_before(const struct live *live, const struct stream *stream, size_t at)
{
    for (const struct stream *other = live->streams; other != stream; other = other->next) {
        if (follows(other, stream->cities[at], stream->size.name))
            return true;
    }
    return false;
}

static void read_followed(struct live *live)
{
    for (const struct stream *stream = live->streams; stream; stream = stream->next) {
        for (size_t i = 0; i < stream->city_count; i++) {
            const struct city *city = model_city(live->model, stream->cities[i]);
            if (!city || !city->changed || !city->has_latest || asked_before(live, stream, i))
                continue;
            struct window_query query = {.city_id = city->id, .partition = city->partition, .size = stream->size,
                                         .to_ms = city->watermark_ms + 1, .limit = FOLLOW_WINDOWS};
            query.to_ms = window_start(city->watermark_ms, stream->size.size_ms) + stream->size.size_ms;
            query.from_ms = query.to_ms - FOLLOW_WINDOWS * stream->size.size_ms;
            reader_windows(model_store(live->model), live->config.prefix, &query, on_windows, live);
        }
    }
}

/* ---- what the model reports ---- */

void live_changed(struct live *live)
{
    if (live->streams) {
        struct buf data = BUF_EMPTY;
        refresh_stale(live);
        if (encode_cities(live, false, &data)) {
            buf_byte(&data, '}');
            send_all(live, chunk_of(live, "latest", &data, false));
            read_followed(live);
        }
        buf_release(&data);
    }
    model_clear_changes(live->model);
}

void live_cluster(struct live *live)
{
    int64_t now = clock_monotonic_ms(), at;
    const char *text = model_cluster(live->model, &at);
    if (!live->streams || !text || now < live->cluster_next_ms || strpbrk(text, "\r\n"))
        return;
    live->cluster_next_ms = now + CLUSTER_EVERY_MS;
    struct buf data = BUF_EMPTY;
    buf_text(&data, text);
    send_all(live, chunk_of(live, "cluster", &data, false));
    buf_release(&data);
}

void live_state(struct live *live, bool up)
{
    struct buf data = BUF_EMPTY;
    buf_printf(&data, "{\"redis\":\"%s\",\"since\":%lld}", up ? "up" : "down", (long long)clock_wall_ms());
    send_all(live, chunk_of(live, "state", &data, false));
    buf_release(&data);
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

void live_open(struct live *live, struct httpd_request *request, const int64_t *cities, size_t count,
               const struct window_size *size)
{
    struct stream *stream = mem_alloc(sizeof *stream);
    stream->live = live;
    stream->city_count = count;
    if (size)
        stream->size = *size;
    for (size_t i = 0; i < count; i++)
        stream->cities[i] = cities[i];
    stream->next = live->streams;
    if (live->streams)
        live->streams->previous = stream;
    live->streams = stream;
    live->config.metrics->streams++;
    httpd_reply_header(request, "Cache-Control", "no-store");
    httpd_reply_header(request, "X-Accel-Buffering", "no"); /* nginx: do not hold events back */
    stream->http = httpd_reply_stream(request, "text/event-stream", on_closed, stream);
    if (!stream->http)
        return;
    struct httpd_chunk *chunk = snapshot(live, true);
    httpd_stream_send(stream->http, chunk);
    httpd_chunk_unref(chunk);
}

struct live *live_new(const struct live_config *config)
{
    struct live *live = mem_alloc(sizeof *live);
    live->config = *config;
    live->started_ms = clock_wall_ms();
    return live;
}

void live_attach(struct live *live, struct model *model)
{
    live->model = model;
}

void live_free(struct live *live)
{
    free(live);
}
