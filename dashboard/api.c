/*
 * See api.h. Answers come from the model's memory, except windows, which are read from Redis while the request waits.
 * Bodies above 1 KB are gzipped for clients that accept it; their ETag is a hash of the plain bytes.
 */
#include "api.h"

#include "asset.h"
#include "clock.h"
#include "encode.h"
#include "error.h"
#include "mem.h"
#include "query.h"
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_ABOVE 1024
#define CSP                                                                                                              \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static void security_headers(struct httpd_request *request)
{
    httpd_reply_header(request, "Content-Security-Policy", CSP);
    httpd_reply_header(request, "X-Content-Type-Options", "nosniff");
    httpd_reply_header(request, "Referrer-Policy", "no-referrer");
    httpd_reply_header(request, "Cross-Origin-Resource-Policy", "same-origin");
}

static void problem(struct api *api, struct httpd_request *request, int status, const char *title, const char *detail)
{
    api->metrics->errors_total++;
    httpd_reply_header(request, "Cache-Control", "no-store");
    httpd_reply_problem(request, status, title, detail);
}

/* ---- bodies ---- */

static uint64_t hash_of(const char *bytes, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return hash;
}

/* Runs zlib over the whole of `from`; false when it fails. window_bits: 31 deflates to gzip. */
static bool deflated(const struct buf *from, struct buf *to)
{
    z_stream z = {0};
    if (deflateInit2(&z, 5, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t bound = deflateBound(&z, from->size);
    z.next_in = (unsigned char *)from->data;
    z.avail_in = (uInt)from->size;
    z.next_out = (unsigned char *)buf_reserve(to, bound);
    z.avail_out = (uInt)bound;
    bool good = deflate(&z, Z_FINISH) == Z_STREAM_END;
    buf_advance(to, z.total_out);
    deflateEnd(&z);
    return good;
}

static void reply_body(struct httpd_request *request, const char *type, const struct buf *body)
{
    char etag[24];
    snprintf(etag, sizeof etag, "\"%016llx\"", (unsigned long long)hash_of(body->data, body->size));
    httpd_reply_header(request, "ETag", etag);
    httpd_reply_header(request, "Cache-Control", "no-cache");
    httpd_reply_header(request, "Vary", "Accept, Accept-Encoding");
    const char *have = httpd_header(request, "If-None-Match");
    struct buf packed = BUF_EMPTY;
    if (have && strcmp(have, etag) == 0) {
        httpd_reply(request, 304, type, "", 0);
    } else if (body->size > GZIP_ABOVE && httpd_accepts_gzip(request) && deflated(body, &packed)) {
        httpd_reply_header(request, "Content-Encoding", "gzip");
        httpd_reply(request, 200, type, packed.data, packed.size);
    } else {
        httpd_reply(request, 200, type, body->data, body->size);
    }
    buf_release(&packed);
}

static void reply_json(struct httpd_request *request, const struct buf *body)
{
    reply_body(request, "application/json", body);
}

/* ---- routes ---- */

static struct latest latest_of(const struct city *city)
{
    return (struct latest){.reading = &city->latest, .produced_at_ms = city->produced_at_ms,
                           .committed_at_ms = city->committed_at_ms, .checked_at_ms = city->checked_at_ms};
}

static void get_cities(struct api *api, struct httpd_request *request)
{
    struct buf out = BUF_EMPTY;
    const char *comma = "";
    buf_text(&out, "{\"cities\":[");
    for (const struct city *city = model_cities(api->model); city; city = city->hh.next) {
        if (!city->entry)
            continue;
        buf_printf(&out, "%s{", comma);
        encode_city(&out, city->entry, city->partition);
        buf_byte(&out, '}');
        comma = ",";
    }
    buf_text(&out, "]}");
    reply_json(request, &out);
    buf_release(&out);
}

static void get_latest(struct api *api, struct httpd_request *request)
{
    struct buf out = BUF_EMPTY;
    const char *comma = "";
    buf_byte(&out, '{');
    encode_value_units(&out);
    buf_text(&out, ",\"latest\":[");
    for (const struct city *city = model_cities(api->model); city; city = city->hh.next) {
        if (!city->has_latest || !city->entry)
            continue;
        struct latest latest = latest_of(city);
        buf_text(&out, comma);
        encode_latest(&out, &latest);
        comma = ",";
    }
    buf_text(&out, "]}");
    reply_json(request, &out);
    buf_release(&out);
}

static void get_city(struct httpd_request *request, const struct city *city)
{
    struct buf out = BUF_EMPTY;
    buf_byte(&out, '{');
    encode_city(&out, city->entry, city->partition);
    if (city->has_latest) {
        struct latest latest = latest_of(city);
        buf_text(&out, ",\"latest\":");
        encode_latest(&out, &latest);
    }
    buf_printf(&out, ",\"watermark\":%lld,\"rows\":{\"in\":%lld,\"late\":%lld,\"duplicate\":%lld,\"retired\":%lld,\"bad\":%lld}}",
               (long long)city->watermark_ms, (long long)city->rows_in, (long long)city->rows_late,
               (long long)city->rows_duplicate, (long long)city->rows_retired, (long long)city->rows_bad);
    reply_json(request, &out);
    buf_release(&out);
}

static void get_cluster(struct api *api, struct httpd_request *request)
{
    int64_t at;
    const char *text = model_cluster(api->model, &at);
    size_t size = text ? strlen(text) : 0;
    if (size < 2 || text[size - 1] != '}') {
        problem(api, request, 503, "No leader's view", "no coordinator has published its view yet");
        return;
    }
    struct buf out = BUF_EMPTY;
    buf_append(&out, text, size - 1);
    buf_printf(&out, ",\"age_ms\":%lld}", (long long)(clock_wall_ms() - at));
    reply_json(request, &out);
    buf_release(&out);
}

/* Which kinds of sources the latest readings come from. */
static const char *data_kind(const struct model *model)
{
    bool live = false, recorded = false, simulated = false;
    for (const struct city *city = model_cities(model); city; city = city->hh.next) {
        if (!city->has_latest)
            continue;
        recorded |= city->latest.provider == ISOBAR__V1__PROVIDER__RECORDED;
        simulated |= city->latest.provider == ISOBAR__V1__PROVIDER__SIMULATED;
        live |= city->latest.provider < ISOBAR__V1__PROVIDER__RECORDED;
    }
    if (live)
        return recorded || simulated ? "mixed" : "live";
    return simulated ? (recorded ? "replay" : "simulated") : recorded ? "recorded" : "none";
}

static void get_about(struct api *api, struct httpd_request *request)
{
    static const char credits[] =
        "[{\"provider\":\"openweathermap\",\"text\":\"Weather data provided by OpenWeather\",\"url\":\"https://openweathermap.org/\"},"
        "{\"provider\":\"open-meteo\",\"text\":\"Weather data by Open-Meteo.com (CC BY 4.0)\",\"url\":\"https://open-meteo.com/\"},"
        "{\"provider\":\"recorded\",\"text\":\"Series recorded by NOAA (US Government data)\",\"url\":\"https://www.ncei.noaa.gov/\"},"
        "{\"provider\":\"simulated\",\"text\":\"Simulated from NOAA climate normals\",\"url\":\"https://www.ncei.noaa.gov/\"},"
        "{\"provider\":\"catalogue\",\"text\":\"Places: GeoNames (CC BY 4.0)\",\"url\":\"https://www.geonames.org/\"}]";
    struct buf out = BUF_EMPTY, error = BUF_EMPTY;
    struct windowset set;
    const char *windows = model_windows(api->model), *comma = "";
    buf_printf(&out, "{\"version\":\"%s\",\"windows\":[", ISOBAR_VERSION);
    if (windows && windowset_parse(&set, windows, &error) == 0) {
        for (size_t i = 0; i < set.count; i++) {
            buf_printf(&out, "%s\"%s\"", comma, set.sizes[i].name);
            comma = ",";
        }
    }
    buf_printf(&out, "],\"data\":\"%s\",\"attribution\":%s}", data_kind(api->model), credits);
    reply_json(request, &out);
    buf_release(&out);
    buf_release(&error);
}

/* ---- windows ---- */

struct waiting {
    struct api *api;
    struct httpd_request *request;
    bool csv;
};

static void encode_windows(const struct window_query *query, const struct window_answer *answer, const char *name, bool csv,
                           struct buf *out)
{
    if (csv) {
        encode_csv_header(out);
        for (size_t i = 0; i < answer->count; i++)
            encode_csv_window(out, query->city_id, name, &answer->windows[i], answer->closed_through_ms);
        return;
    }
    buf_printf(out, "{\"city\":%lld,\"size\":\"%s\",\"series\":%d,", (long long)query->city_id, query->size.name, query->series);
    encode_metric_units(out);
    buf_text(out, ",\"windows\":[");
    for (size_t i = 0; i < answer->count; i++) {
        buf_text(out, i ? "," : "");
        encode_window(out, &answer->windows[i], answer->closed_through_ms);
    }
    buf_text(out, "]}");
}

static void on_windows(void *arg, const struct window_query *query, const struct window_answer *answer)
{
    struct waiting *waiting = arg;
    struct httpd_request *request = waiting->request;
    if (answer->status != 0) {
        httpd_reply_header(request, "Retry-After", "2");
        problem(waiting->api, request, 503, "Redis does not answer", error_name(answer->status));
        free(waiting);
        return;
    }
    const struct city *city = model_city(waiting->api->model, query->city_id);
    struct buf out = BUF_EMPTY;
    encode_windows(query, answer, city ? city->entry->name : "", waiting->csv, &out);
    if (waiting->csv) {
        char disposition[128];
        snprintf(disposition, sizeof disposition, "attachment; filename=\"isobar-%lld-%s.csv\"", (long long)query->city_id,
                 query->size.name);
        httpd_reply_header(request, "Content-Disposition", disposition);
    }
    reply_body(request, waiting->csv ? "text/csv; charset=utf-8" : "application/json", &out);
    buf_release(&out);
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
    struct query_text text = {.size = httpd_query(request, "size"), .from = httpd_query(request, "from"), .to = httpd_query(request, "to"),
                              .limit = httpd_query(request, "limit"), .series = httpd_query(request, "series")};
    const char *windows = model_windows(api->model);
    if (!windows || !model_ready(api->model) || windowset_parse(&set, windows, &error) != 0) {
        problem(api, request, 503, "Not ready", "Redis was not read yet");
    } else if (query_windows(&text, &set, clock_wall_ms(), &query, &error) != 0) {
        problem(api, request, 400, "Bad query", error.data);
    } else {
        struct waiting *waiting = mem_alloc(sizeof *waiting);
        *waiting = (struct waiting){.api = api, .request = request, .csv = wants_csv(request)};
        httpd_defer(request);
        reader_windows(model_store(api->model), api->prefix, &query, on_windows, waiting);
    }
    buf_release(&error);
}

/* ---- stream ---- */

static void get_events(struct api *api, struct httpd_request *request)
{
    struct buf error = BUF_EMPTY;
    int64_t cities[LIVE_CITIES];
    size_t count = 0;
    const char *text = httpd_query(request, "cities"), *size_text = httpd_query(request, "size"), *windows = model_windows(api->model);
    struct windowset set = {0};
    const struct window_size *size = NULL;
    if (windows && windowset_parse(&set, windows, &error) == 0 && set.count)
        size = size_text ? windowset_find(&set, size_text) : &set.sizes[0];
    if (text && query_ids(text, cities, LIVE_CITIES, &count, &error) != 0)
        problem(api, request, 400, "Bad query", error.data);
    else if (size_text && windows && !size)
        problem(api, request, 400, "Bad query", "size is not a configured window");
    else
        live_open(api->live, request, cities, size ? count : 0, size);
    buf_release(&error);
}

/* ---- page and probes ---- */

static void get_asset(struct api *api, struct httpd_request *request, const struct asset *asset)
{
    httpd_reply_header(request, "ETag", asset->etag);
    httpd_reply_header(request, "Vary", "Accept-Encoding");
    httpd_reply_header(request, "Cache-Control", asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    const char *have = httpd_header(request, "If-None-Match");
    if (have && strcmp(have, asset->etag) == 0) {
        httpd_reply(request, 304, asset->content_type, "", 0);
    } else if (httpd_accepts_gzip(request)) {
        httpd_reply_header(request, "Content-Encoding", "gzip");
        httpd_reply_static(request, 200, asset->content_type, asset->gz, asset->gz_size);
    } else {
        struct buf plain = BUF_EMPTY;
        z_stream z = {.next_in = (unsigned char *)asset->gz, .avail_in = (uInt)asset->gz_size};
        z.next_out = (unsigned char *)buf_reserve(&plain, asset->plain_size);
        z.avail_out = (uInt)asset->plain_size;
        bool good = inflateInit2(&z, 31) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END;
        buf_advance(&plain, z.total_out);
        inflateEnd(&z);
        if (good)
            httpd_reply(request, 200, asset->content_type, plain.data, plain.size);
        else
            problem(api, request, 500, "Internal error", "an embedded file is damaged");
        buf_release(&plain);
    }
}

static void get_ready(struct api *api, struct httpd_request *request)
{
    struct buf missing = BUF_EMPTY;
    model_missing(api->model, &missing);
    if (missing.size == 0)
        buf_text(&missing, "ok\n");
    httpd_reply(request, model_ready(api->model) ? 200 : 503, "text/plain", missing.data, missing.size);
    buf_release(&missing);
}

/* /api/v1/cities/{id}[/windows] */
static void route_city(struct api *api, struct httpd_request *request, const char *rest)
{
    char id_text[24];
    int64_t id;
    size_t size = strcspn(rest, "/");
    bool windows = strcmp(rest + size, "/windows") == 0;
    if (size >= sizeof id_text || (rest[size] != '\0' && !windows)) {
        problem(api, request, 404, "Not found", httpd_path(request));
        return;
    }
    memcpy(id_text, rest, size);
    id_text[size] = '\0';
    if (query_integer(id_text, 1, INT64_MAX, &id) != 0) {
        problem(api, request, 400, "Bad city id", "a city id is a positive whole number");
        return;
    }
    const struct city *city = model_city(api->model, id);
    if (!city)
        problem(api, request, 404, "Unknown city", "no city of the catalogue has this id");
    else if (windows)
        get_windows(api, request, city);
    else
        get_city(request, city);
}

static const struct asset *asset_find(const char *path)
{
    for (const struct asset *asset = assets; asset->path; asset++) {
        if (strcmp(asset->path, path) == 0)
            return asset;
    }
    return NULL;
}

void api_handle(void *arg, struct httpd_request *request)
{
    struct api *api = arg;
    const char *path = httpd_path(request), *method = httpd_method(request);
    static const char city_prefix[] = "/api/v1/cities/";
    const struct asset *asset = asset_find(path);
    api->metrics->requests_total++;
    security_headers(request);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        httpd_reply_header(request, "Allow", "GET, HEAD");
        problem(api, request, 405, "Method not allowed", "this server is read-only");
    } else if (asset) {
        get_asset(api, request, asset);
    } else if (strcmp(path, "/api/v1/cities") == 0) {
        get_cities(api, request);
    } else if (strncmp(path, city_prefix, sizeof city_prefix - 1) == 0) {
        route_city(api, request, path + sizeof city_prefix - 1);
    } else if (strcmp(path, "/api/v1/latest") == 0) {
        get_latest(api, request);
    } else if (strcmp(path, "/api/v1/cluster") == 0) {
        get_cluster(api, request);
    } else if (strcmp(path, "/api/v1/about") == 0) {
        get_about(api, request);
    } else if (strcmp(path, "/api/v1/events") == 0) {
        get_events(api, request);
    } else if (strcmp(path, "/livez") == 0) {
        httpd_reply(request, 200, "text/plain", "ok\n", 3);
    } else if (strcmp(path, "/readyz") == 0) {
        get_ready(api, request);
    } else {
        problem(api, request, 404, "Not found", path);
    }
}
