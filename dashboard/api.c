/*
 * See api.h. Answers come from the model's memory, except windows, which are read from Redis while the
 * request waits.
 */
#include "api.h"

#include "about.h"
#include "clock.h"
#include "encode.h"
#include "error.h"
#include "export.h"
#include "listing.h"
#include "mem.h"
#include "page.h"
#include "problem.h"
#include "query.h"
#include "reader.h"
#include "shard.h"
#include "survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON        "application/json"
#define ID_DIGITS   20
#define CHANGED_MAX 5000 /* changes; behind more, a client is sent all cities, which are packed once for all */
#define CSP                                                                                                            \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "                    \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

void api_init(struct api *api, const char *prefix, struct model *model, struct live *live,
              struct dashboard_metrics *metrics)
{
    *api = (struct api){.prefix = prefix, .model = model, .live = live, .metrics = metrics};
    api->door = (struct door){.prefix = prefix, .metrics = metrics};
    access_init(&api->door.access, "", "");
    body_init(&api->cities.body);
    body_init(&api->latest.body);
    style_init(&api->style);
}

void api_release(struct api *api)
{
    body_release(&api->cities.body);
    body_release(&api->latest.body);
    style_release(&api->style);
}

static void security_headers(struct httpd_request *request)
{
    httpd_reply_header(request, "Content-Security-Policy", CSP);
    httpd_reply_header(request, "X-Content-Type-Options", "nosniff");
    httpd_reply_header(request, "X-Frame-Options", "DENY"); /* for what does not know frame-ancestors */
    httpd_reply_header(request, "Referrer-Policy", "no-referrer");
    httpd_reply_header(request, "Cross-Origin-Opener-Policy", "same-origin");
    httpd_reply_header(request, "Cross-Origin-Resource-Policy", "same-origin");
}

static void problem(struct api *api, struct httpd_request *request, int status, const char *title, const char *detail)
{
    problem_reply(api->metrics, request, status, title, detail);
}

/* Answers once with what is in `plain`, which it releases. */
static void reply_once(struct httpd_request *request, const char *type, struct buf *plain)
{
    struct body body;
    body_init(&body);
    body.plain = *plain;
    *plain = BUF_EMPTY;
    body_seal(&body, httpd_accepts_gzip(request));
    body_send(&body, request, type);
    body_release(&body);
}

/* ---- answers from memory ---- */

/* Answers with `cached`, made anew when `version` is another one. */
static void reply_cached(struct api *api, struct httpd_request *request, struct api_cached *cached, uint64_t version,
                         void (*fill)(const struct atlas *atlas, struct buf *out))
{
    if (!cached->made || cached->version != version) {
        buf_reset(&cached->body.plain);
        fill(model_atlas(api->model), &cached->body.plain);
        body_seal(&cached->body, true);
        cached->version = version;
        cached->made = true;
    }
    body_send(&cached->body, request, JSON);
}

/* A number of another run of this program is below our first, or above our last: then it is all cities. */
static void get_cities(struct api *api, struct httpd_request *request)
{
    const struct atlas *atlas = model_atlas(api->model);
    const char *text = httpd_query(request, "since");
    int64_t since = 0;
    if (text && query_integer(text, 0, INT64_MAX, &since) != 0) {
        problem(api, request, 400, "Bad request", "since: the number of a catalogue wanted");
        return;
    }
    if (text && (uint64_t)since >= atlas->catalogue_first && (uint64_t)since <= atlas->catalogue &&
        atlas->catalogue - (uint64_t)since <= CHANGED_MAX) {
        struct buf changed = BUF_EMPTY;
        listing_changed(atlas, (uint64_t)since, &changed);
        reply_once(request, JSON, &changed);
        return;
    }
    reply_cached(api, request, &api->cities, atlas->catalogue, listing_cities);
}

static void get_latest(struct api *api, struct httpd_request *request)
{
    const struct atlas *atlas = model_atlas(api->model);
    reply_cached(api, request, &api->latest, atlas->version + atlas->catalogue, listing_latest); /* neither falls */
}

static void get_city(struct api *api, struct httpd_request *request, const struct city *city)
{
    struct buf out = BUF_EMPTY, climate = BUF_EMPTY;
    struct alarm_filter own = {.city_id = city->id, .phase = ALARM_FILTER_ANY, .limit = HISTORY_LIMIT};
    buf_byte(&out, '{');
    encode_city(&out, city);
    if (city_has_reading(city)) {
        buf_text(&out, ",\"latest\":");
        encode_latest(&out, city, &model_atlas(api->model)->custom);
        buf_byte(&out, ',');
        survey_encode(city, clock_wall_ms(), &out);
        if (climate_encode(model_climate(api->model), city, &climate))
            buf_printf(&out, ",%s", climate.data);
    }
    buf_release(&climate);
    buf_byte(&out, ',');
    alarms_encode(&model_atlas(api->model)->alarms, &own, &model_atlas(api->model)->custom, &out);
    buf_byte(&out, ',');
    encode_city_rows(&out, city);
    buf_byte(&out, '}');
    reply_once(request, JSON, &out);
}

static void get_cluster(struct api *api, struct httpd_request *request)
{
    const struct view *view = model_view(api->model);
    if (!view_known(view)) {
        problem(api, request, 503, "No leader's view", "no coordinator has published its view yet");
        return;
    }
    struct buf out = BUF_EMPTY;
    view_encode(view, clock_wall_ms(), &out);
    reply_once(request, JSON, &out);
}

static void get_about(struct api *api, struct httpd_request *request)
{
    struct buf out = BUF_EMPTY;
    about_encode(model_atlas(api->model), model_windows(api->model), &out);
    reply_once(request, JSON, &out);
}

static void get_ready(struct api *api, struct httpd_request *request)
{
    struct buf missing = BUF_EMPTY;
    model_missing(api->model, &missing);
    if (missing.size > 0 && !access_open(&api->door.access)) { /* names and addresses are not for everybody then */
        buf_reset(&missing);
        buf_text(&missing, "not ready\n");
    }
    if (missing.size == 0)
        buf_text(&missing, "ok\n");
    httpd_reply(request, model_ready(api->model) ? 200 : 503, "text/plain", missing.data, missing.size);
    buf_release(&missing);
}

/* ---- windows ---- */

struct waiting {
    struct api *api;
    struct httpd_request *request;
    struct alarm_filter now; /* alerts */
};

static void reply_windows(const struct waiting *waiting, const struct window_query *query,
                          const struct window_answer *answer)
{
    struct buf out = BUF_EMPTY;
    reader_json(query, answer, &model_atlas(waiting->api->model)->custom, &out);
    reply_once(waiting->request, JSON, &out);
}

static void on_windows(void *arg, const struct window_query *query, const struct window_answer *answer)
{
    struct waiting *waiting = arg;
    if (answer->status == 0)
        reply_windows(waiting, query, answer);
    else
        problem(waiting->api, waiting->request, 503, "Redis does not answer", error_name(answer->status));
    free(waiting);
}

static bool wants_csv(const struct httpd_request *request)
{
    const char *accept = httpd_header(request, "Accept"), *format = httpd_query(request, "format");
    return (format && strcmp(format, "csv") == 0) || (accept && strncmp(accept, "text/csv", 8) == 0);
}

static void get_windows(struct api *api, struct httpd_request *request, const struct city *city)
{
    struct buf error = BUF_EMPTY;
    struct windowset set;
    struct window_query query = {.city_id = city->id, .partition = city->partition};
    struct query_text text = {.size = httpd_query(request, "size"),
                              .from = httpd_query(request, "from"),
                              .to = httpd_query(request, "to"),
                              .limit = httpd_query(request, "limit"),
                              .series = httpd_query(request, "series"),
                              .most = wants_csv(request) ? EXPORT_MAX_WINDOWS : READER_MAX_WINDOWS};
    const char *windows = model_windows(api->model);
    if (!windows || !model_ready(api->model) || windowset_parse(&set, windows, &error) != 0) {
        problem(api, request, 503, "Not ready", "Redis is not there, or was not read yet");
    } else if (query_windows(&text, &set, clock_wall_ms(), &query, &error) != 0) {
        problem(api, request, 400, "Bad query", error.data);
    } else if (wants_csv(request)) {
        export_windows(api, request, &query);
    } else {
        struct waiting *waiting = mem_alloc(sizeof *waiting);
        *waiting = (struct waiting){.api = api, .request = request};
        httpd_defer(request);
        reader_windows(model_store(api->model), api->prefix, &query, on_windows, waiting);
    }
    buf_release(&error);
}

/* ---- alerts ---- */

static void on_history(void *arg, const struct history_query *query, const struct history_answer *answer)
{
    struct waiting *waiting = arg;
    const struct atlas *atlas = model_atlas(waiting->api->model);
    struct buf out = BUF_EMPTY;
    (void)query;
    if (answer->status == 0) {
        buf_byte(&out, '{');
        alarms_encode(&atlas->alarms, &waiting->now, &atlas->custom, &out);
        buf_byte(&out, ',');
        history_encode(answer, &out);
        buf_byte(&out, '}');
        reply_once(waiting->request, JSON, &out);
    } else {
        problem(waiting->api, waiting->request, 503, "Redis does not answer", error_name(answer->status));
    }
    free(waiting);
}

static void get_alerts(struct api *api, struct httpd_request *request)
{
    struct buf error = BUF_EMPTY;
    struct history_query query;
    struct alarm_filter now;
    struct alerts_text text = {.state = httpd_query(request, "state"),
                               .city = httpd_query(request, "city"),
                               .limit = httpd_query(request, "limit")};
    const struct atlas *atlas = model_atlas(api->model);
    if (!model_ready(api->model)) {
        problem(api, request, 503, "Not ready", "Redis is not there, or was not read yet");
    } else if (query_alerts(&text, &now, &query, &error) != 0) {
        problem(api, request, 400, "Bad query", error.data);
    } else {
        struct waiting *waiting = mem_alloc(sizeof *waiting);
        *waiting = (struct waiting){.api = api, .request = request, .now = now};
        query.first = query.city_id ? shard_of_city(query.city_id, atlas->partitions) : 0;
        query.last = query.city_id ? query.first : atlas->partitions - 1;
        httpd_defer(request);
        history_read(model_store(api->model), api->prefix, &query, on_history, waiting);
    }
    buf_release(&error);
}

/* ---- stream ---- */

/*
 * The size whose windows are followed: as asked, else the smallest. False: it is not configured. While that
 * is not known the size stays 0, and the stream resolves it later.
 */
static bool followed_size(const struct api *api, const char *asked, struct live_request *wanted)
{
    const char *windows = model_windows(api->model);
    if (asked && strlen(asked) >= sizeof wanted->size.name)
        return false;
    snprintf(wanted->size.name, sizeof wanted->size.name, "%s", asked ? asked : "");
    return !windows || live_resolve(&wanted->size, windows);
}

static void get_events(struct api *api, struct httpd_request *request)
{
    struct buf error = BUF_EMPTY;
    struct live_request wanted = {0};
    const char *cities = httpd_query(request, "cities"), *last = httpd_query(request, "last_id");
    wanted.last_id = last ? last : httpd_header(request, "Last-Event-ID");
    if (cities && query_ids(cities, wanted.cities, LIVE_CITIES, &wanted.city_count, &error) != 0)
        problem(api, request, 400, "Bad query", error.data);
    else if (!followed_size(api, httpd_query(request, "size"), &wanted))
        problem(api, request, 400, "Bad query", "size is not a configured window");
    else
        live_open(api->live, request, &wanted);
    buf_release(&error);
}

/* ---- routes ---- */

/* /api/v1/cities/{id}[/windows] */
static void route_city(struct api *api, struct httpd_request *request, const char *rest)
{
    char id_text[ID_DIGITS + 1];
    int64_t id;
    size_t size = strcspn(rest, "/");
    bool windows = strcmp(rest + size, "/windows") == 0;
    if (size > ID_DIGITS || (rest[size] != '\0' && !windows)) {
        problem(api, request, 404, "Not found", httpd_path(request));
        return;
    }
    memcpy(id_text, rest, size);
    id_text[size] = '\0';
    if (query_integer(id_text, 1, INT64_MAX, &id) != 0) {
        problem(api, request, 400, "Bad city id", "a city id is a positive whole number");
        return;
    }
    const struct city *city = atlas_find(model_atlas(api->model), id);
    if (!city)
        problem(api, request, 404, "Unknown city", "no city of the catalogue has this id");
    else if (windows)
        get_windows(api, request, city);
    else
        get_city(api, request, city);
}

static void get_live(struct api *api, struct httpd_request *request)
{
    (void)api;
    httpd_reply(request, 200, "text/plain", "ok\n", 3);
}

static void route(struct api *api, struct httpd_request *request, const char *path)
{
    static const struct {
        const char *path;
        void (*get)(struct api *api, struct httpd_request *request);
    } routes[] = {{"/api/v1/cities", get_cities}, {"/api/v1/latest", get_latest}, {"/api/v1/cluster", get_cluster},
                  {"/api/v1/about", get_about},   {"/api/v1/events", get_events}, {"/api/v1/alerts", get_alerts},
                  {"/livez", get_live},           {"/readyz", get_ready}};
    static const char city_prefix[] = "/api/v1/cities/";
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(path, routes[i].path) == 0) {
            routes[i].get(api, request);
            return;
        }
    }
    if (strncmp(path, city_prefix, sizeof city_prefix - 1) == 0)
        route_city(api, request, path + sizeof city_prefix - 1);
    else
        problem(api, request, 404, "Not found", path);
}

void api_handle(void *arg, struct httpd_request *request)
{
    struct api *api = arg;
    const char *path = httpd_path(request), *method = httpd_method(request);
    const struct asset *asset = page_find(path);
    api->metrics->requests_total++;
    security_headers(request);
    if (!door_opens(&api->door, request))
        return;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        httpd_reply_header(request, "Allow", "GET, HEAD");
        problem(api, request, 405, "Method not allowed", "this server is read-only");
    } else if (!api->model) {
        problem(api, request, 503, "Stopping", "the server is being stopped");
    } else if (style_send(&api->style, request, path)) {
        return;
    } else if (!asset) {
        route(api, request, path);
    } else if (!page_send(asset, request)) {
        problem(api, request, 500, "Internal error", "an embedded file is damaged");
    }
}
