/* See control.h. */
#include "control.h"

#include "metar.h"

#include <string.h>

/* Where the rule is to apply, when not everywhere. */
static bool fault_place(const struct httpd_request *request, struct fault_rule *rule)
{
    const char *id = httpd_query(request, "station");
    struct metar_station station;
    if (id && metar_station_set(&station, id, strlen(id))) {
        rule->latitude = station.latitude;
        rule->longitude = station.longitude;
        return true;
    }
    return query_number(request, "lat", -90, 90, &rule->latitude) &&
           query_number(request, "lon", -180, 180, &rule->longitude);
}

void control_fault(struct sim *sim, struct httpd_request *request)
{
    const char *name = httpd_query(request, "kind");
    struct fault_rule rule = {.kind = name ? fault_parse(name) : FAULT_KINDS, .percent = 100, .remaining = -1};
    if (rule.kind == FAULT_KINDS) {
        httpd_reply_problem(request, 400, "Unknown fault", name ? name : "kind is missing");
        return;
    }
    if (rule.kind == FAULT_NONE) {
        sim->faults.count = 0;
        httpd_reply(request, 200, "application/json", "{}", 2);
        return;
    }
    double value;
    if (query_number(request, "percent", 0, 100, &value))
        rule.percent = (int)value;
    if (query_number(request, "count", 0, 1e9, &value))
        rule.remaining = (int64_t)value;
    if (query_number(request, "retry_after", 0, 86400, &value))
        rule.retry_after_s = (int)value;
    rule.everywhere = !fault_place(request, &rule);
    if (rule.kind == FAULT_FROZEN)
        sim->frozen_s = sim_now_s();
    if (faults_add(&sim->faults, &rule) != 0)
        httpd_reply_problem(request, 409, "Too many rules", "clear them with kind=none");
    else
        httpd_reply(request, 200, "application/json", "{}", 2);
}

void control_stats(const struct sim *sim, struct httpd_request *request)
{
    struct buf out = BUF_EMPTY;
    buf_printf(&out, "{\"calls\":%lld,\"refused\":%lld,\"faults\":%lld,\"busiest_minute\":%lld,\"answers\":{",
               (long long)sim->metrics.calls_total, (long long)sim->metrics.refused_total,
               (long long)sim->metrics.faults_total, (long long)sim->busiest_minute);
    const char *comma = "";
    for (int status = 0; status < 600; status++) {
        if (sim->answers[status]) {
            buf_printf(&out, "%s\"%d\":%lld", comma, status, (long long)sim->answers[status]);
            comma = ",";
        }
    }
    buf_printf(&out, "},\"weight_milli\":%lld,\"places\":%lld,\"air\":%lld,\"stations\":%lld}\n",
               (long long)sim->account.used_milli, (long long)sim->places, (long long)sim->air,
               (long long)sim->stations);
    httpd_reply(request, 200, "application/json", out.data, out.size);
    buf_release(&out);
}
