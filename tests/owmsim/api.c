/* See api.h. */
#include "api.h"

#include "clock.h"
#include "metar.h"
#include "openmeteo.h"

#include <stdio.h>
#include <string.h>

#define HOUR_S 3600

/* The series' time for wall time `at_s`. */
static int64_t series_time(const struct sim *sim, int64_t at_s)
{
    return at_s <= sim->origin_s ? at_s : sim->origin_s + (at_s - sim->origin_s) * sim->options.time_factor;
}

static void body_current(const struct sim *sim, double latitude, double longitude, const struct fault_rule *rule,
                         struct buf *out)
{
    int64_t at = sim_now_s() / sim->options.update_s * sim->options.update_s;
    int64_t dt = rule && rule->kind == FAULT_BACKWARDS ? at - 80
                 : rule && rule->kind == FAULT_FROZEN  ? sim->frozen_s
                                                       : at;
    if (sim->options.time_factor == 1) {
        answer_current(sim->series, latitude, longitude, dt, rule && rule->kind == FAULT_SPARSE, out);
        return;
    }
    /* Faster than life: the weather of another moment under today's dt. */
    struct buf body = BUF_EMPTY;
    answer_current(sim->series, latitude, longitude, series_time(sim, dt), false, &body);
    char from[40];
    int size = snprintf(from, sizeof from, "\"dt\":%lld", (long long)series_time(sim, dt));
    char *place = strstr(body.data, from);
    buf_append(out, body.data, (size_t)(place - body.data));
    buf_printf(out, "\"dt\":%lld%s", (long long)dt, place + size);
    buf_release(&body);
}

void api_weather(struct sim *sim, struct httpd_request *request, enum api_product product)
{
    bool history = product == API_HISTORY;
    static const struct fault_rule refused = {.kind = FAULT_RATE_LIMITED}, bad_key = {.kind = FAULT_INVALID_KEY},
                                   bad_place = {.kind = FAULT_BAD_REQUEST};
    sim->metrics.calls_total++;
    const char *key = httpd_query(request, "appid");
    double latitude = 0, longitude = 0, start = 0, end = 0;
    bool place =
        query_number(request, "lat", -90, 90, &latitude) && query_number(request, "lon", -180, 180, &longitude);
    bool span =
        !history || (query_number(request, "start", 0, 1e11, &start) && query_number(request, "end", 0, 1e11, &end));
    struct buf good = BUF_EMPTY;
    if (!sim_within_rate(sim)) {
        sim->metrics.refused_total++;
        sim_reply_fault(sim, request, &refused, &good, answer_fault);
    } else if (!key || !*key || (*sim->options.key && strcmp(key, sim->options.key) != 0)) {
        sim_reply_fault(sim, request, &bad_key, &good, answer_fault);
    } else if (!place || !span) {
        sim_reply_fault(sim, request, &bad_place, &good, answer_fault);
    } else {
        const struct fault_rule *rule = faults_choose(&sim->faults, latitude, longitude, &sim->dice);
        sim->air += product == API_AIR;
        if (product == API_AIR)
            answer_air(sim->series, latitude, longitude, sim_now_s() / HOUR_S * HOUR_S, &good);
        else if (history)
            answer_history(sim->series, latitude, longitude, (int64_t)start,
                           end > (double)sim_now_s() ? sim_now_s() : (int64_t)end, &good);
        else
            body_current(sim, latitude, longitude, rule, &good);
        sim->metrics.faults_total += rule != NULL;
        static const struct fault_rule none = {.kind = FAULT_NONE};
        sim_reply_fault(sim, request, rule ? rule : &none, &good, answer_fault);
    }
    buf_release(&good);
}

/* The first place whose rule changes the whole answer decides; of nulls each has its own. */
static const struct fault_rule *choose_rules(struct sim *sim, struct openmeteo_place *places, size_t count)
{
    const struct fault_rule *whole = NULL;
    for (size_t i = 0; i < count; i++) {
        places[i].rule = faults_choose(&sim->faults, places[i].latitude, places[i].longitude, &sim->dice);
        sim->metrics.faults_total += places[i].rule != NULL;
        if (!whole && places[i].rule && places[i].rule->kind != FAULT_NULLS)
            whole = places[i].rule;
    }
    return whole;
}

static bool all_on_earth(const struct openmeteo_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!openmeteo_on_earth(&places[i]))
            return false;
    }
    return count > 0;
}

void api_places(struct sim *sim, struct httpd_request *request, bool air)
{
    static struct openmeteo_place places[OPENMETEO_PLACES];
    static const struct fault_rule none = {.kind = FAULT_NONE};
    size_t count = openmeteo_places(httpd_query(request, "latitude"), httpd_query(request, "longitude"), places);
    int64_t weight = openmeteo_weight(httpd_query(request, "current"), count);
    enum limit_window over = account_take(&sim->account, weight, clock_monotonic_ms());
    struct answer answer = {.body = BUF_EMPTY};
    struct buf good = BUF_EMPTY;
    sim->metrics.calls_total++;
    if (over != LIMIT_WINDOWS) {
        sim->metrics.refused_total++;
        openmeteo_limited(over, &answer);
        sim_reply(sim, request, &answer);
    } else if (!all_on_earth(places, count)) {
        openmeteo_off_earth(&answer);
        sim_reply(sim, request, &answer);
    } else {
        int64_t step = air ? HOUR_S : sim->options.update_s;
        const struct fault_rule *rule = choose_rules(sim, places, count);
        sim->places += air ? 0 : (int64_t)count;
        sim->air += air;
        openmeteo_body(sim->series, places, count, air, sim_now_s() / step * step, &good);
        sim_reply_fault(sim, request, rule ? rule : &none, &good, openmeteo_fault);
    }
    buf_release(&good);
    buf_release(&answer.body);
}

/* As of places: of what one station's rule does to the whole answer the first counts. */
static const struct fault_rule *choose_station_rules(struct sim *sim, struct metar_station *stations, size_t count)
{
    const struct fault_rule *whole = NULL;
    for (size_t i = 0; i < count; i++) {
        struct metar_station *station = &stations[i];
        station->rule = faults_choose(&sim->faults, station->latitude, station->longitude, &sim->dice);
        sim->metrics.faults_total += station->rule != NULL;
        if (!whole && station->rule && station->rule->kind != FAULT_NULLS && metar_reports(station))
            whole = station->rule;
    }
    return whole;
}

void api_stations(struct sim *sim, struct httpd_request *request)
{
    static struct metar_station stations[METAR_STATIONS];
    static const struct fault_rule none = {.kind = FAULT_NONE}, refused = {.kind = FAULT_RATE_LIMITED},
                                   bad = {.kind = FAULT_BAD_REQUEST};
    size_t count = metar_stations(httpd_query(request, "ids"), stations);
    const char *format = httpd_query(request, "format");
    struct buf good = BUF_EMPTY;
    sim->metrics.calls_total++;
    sim->stations += (int64_t)count;
    if (!sim_within_rate(sim)) {
        sim->metrics.refused_total++;
        sim_reply_fault(sim, request, &refused, &good, answer_fault);
    } else if (count == 0 || !format || strcmp(format, "json") != 0) {
        sim_reply_fault(sim, request, &bad, &good, answer_fault);
    } else {
        const struct fault_rule *rule = choose_station_rules(sim, stations, count);
        size_t reports = metar_body(sim->series, stations, count,
                                    sim_now_s() / sim->options.update_s * sim->options.update_s, &good);
        if (!rule && reports == 0) {
            sim->answers[204]++;
            httpd_reply(request, 204, "application/json", "", 0);
        } else {
            sim_reply_fault(sim, request, rule ? rule : &none, &good, answer_fault);
        }
    }
    buf_release(&good);
}
