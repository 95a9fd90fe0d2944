/* See sim.h. */
#include "sim.h"

#include "clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int64_t sim_now_s(void)
{
    return clock_wall_ms() / 1000;
}

bool sim_within_rate(struct sim *sim)
{
    int64_t now = clock_monotonic_ms();
    sim->calls[sim->call_count++ % CALL_RING] = now;
    if (sim->call_count - sim->window_start > CALL_RING)
        sim->window_start = sim->call_count - CALL_RING;
    while (sim->calls[sim->window_start % CALL_RING] <= now - 60000)
        sim->window_start++;
    int64_t in_minute = (int64_t)(sim->call_count - sim->window_start);
    if (in_minute > sim->busiest_minute)
        sim->busiest_minute = in_minute;
    return sim->options.calls_per_minute == 0 || in_minute <= sim->options.calls_per_minute;
}

bool query_number(const struct httpd_request *request, const char *key, double low, double high, double *out)
{
    const char *text = httpd_query(request, key);
    char *end = NULL;
    if (!text || !*text)
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out) && *out >= low && *out <= high;
}

void sim_reply(struct sim *sim, struct httpd_request *request, const struct answer *answer)
{
    sim->answers[answer->status]++;
    httpd_reply(request, answer->status, answer->content_type, answer->body.data, answer->body.size);
}

void sim_reply_fault(struct sim *sim, struct httpd_request *request, const struct fault_rule *rule,
                     const struct buf *good, fault_fn *fill)
{
    struct answer answer = {.body = BUF_EMPTY};
    fill(rule, good, &answer);
    if (rule->retry_after_s > 0) {
        char text[16];
        snprintf(text, sizeof text, "%d", rule->retry_after_s);
        httpd_reply_header(request, "Retry-After", text);
    }
    if (rule->kind == FAULT_REDIRECT)
        httpd_reply_header(request, "Location", "http://127.0.0.1:1/elsewhere");
    if (rule->kind == FAULT_HANG) {
        sim->answers[200]++;
        (void)httpd_reply_stream(request, "application/json", NULL, NULL);
    } else {
        sim_reply(sim, request, &answer);
    }
    buf_release(&answer.body);
}
