/* See gate.h. */
#include "gate.h"

#define KEY_BASE_MS   30000
#define KEY_CAP_MS    600000
#define LIMIT_BASE_MS 60000
#define LIMIT_CAP_MS  3600000
#define LIMIT_SPREAD  1000 /* so that several fetchers do not come back in the same moment */
#define HOST_BASE_MS  1000
#define HOST_CAP_MS   60000
#define RETRY_CAP_MS  (INT64_C(24) * 3600 * 1000) /* no server may stop us for longer */

void gate_init(struct gate *gate, uint64_t seed)
{
    *gate = (struct gate){.state = GATE_OPEN};
    jitter_init(&gate->jitter, seed);
}

bool gate_allows(const struct gate *gate, int64_t now_ms, int64_t in_flight)
{
    return gate->state == GATE_OPEN || (now_ms >= gate->until_ms && in_flight == 0);
}

static void forget_failures(struct gate *gate)
{
    gate->failures = 0;
    gate->place_count = 0;
}

bool gate_answered(struct gate *gate, int64_t begun_ms)
{
    if (gate->state == GATE_OPEN) {
        forget_failures(gate);
        gate->attempt = 0;
        return false;
    }
    if (begun_ms < gate->until_ms)
        return false;
    gate->state = GATE_OPEN;
    forget_failures(gate);
    return true;
}

/* Half of the back-off is certain, half is jitter: a refusal is not to be tried again at once. */
static int64_t backoff(struct gate *gate, int64_t base_ms, int64_t cap_ms)
{
    int64_t limit = base_ms;
    for (int i = 0; i < gate->attempt && limit < cap_ms; i++)
        limit *= 2;
    limit = limit < cap_ms ? limit : cap_ms;
    return limit / 2 + jitter_below(&gate->jitter, limit - limit / 2 + 1);
}

static bool close_gate(struct gate *gate, enum gate_state state, int64_t begun_ms, int64_t now_ms, int64_t wait_ms)
{
    bool news = gate->state != state, old = gate->state != GATE_OPEN && begun_ms < gate->until_ms;
    int64_t until = now_ms + wait_ms;
    if (old && gate->state == GATE_KEY_REFUSED)
        return false; /* nothing that a call from before says is news */
    if (!old)
        gate->attempt++;
    if (!old || until > gate->until_ms)
        gate->until_ms = until;
    gate->closed_ms = now_ms;
    gate->state = state;
    return news;
}

bool gate_key_refused(struct gate *gate, int64_t begun_ms, int64_t now_ms)
{
    return close_gate(gate, GATE_KEY_REFUSED, begun_ms, now_ms, backoff(gate, KEY_BASE_MS, KEY_CAP_MS));
}

bool gate_rate_limited(struct gate *gate, int64_t begun_ms, int64_t now_ms, int64_t retry_after_ms)
{
    int64_t wait = retry_after_ms < RETRY_CAP_MS ? retry_after_ms : RETRY_CAP_MS;
    if (retry_after_ms < 0)
        wait = backoff(gate, 2 * LIMIT_BASE_MS, LIMIT_CAP_MS);
    return close_gate(gate, GATE_RATE_LIMITED, begun_ms, now_ms, wait + jitter_below(&gate->jitter, LIMIT_SPREAD));
}

/* Remembers the place; true when enough have failed, often enough. */
static bool host_failing(struct gate *gate, int64_t place)
{
    bool known = false;
    for (int i = 0; i < gate->place_count; i++)
        known |= gate->places[i] == place;
    if (!known && gate->place_count < GATE_HOST_PLACES)
        gate->places[gate->place_count++] = place;
    return ++gate->failures >= GATE_HOST_FAILURES && gate->place_count == GATE_HOST_PLACES;
}

bool gate_host_failed(struct gate *gate, int64_t place, int64_t begun_ms, int64_t now_ms, int64_t retry_after_ms)
{
    bool closed = gate->state != GATE_OPEN, probe = closed && begun_ms >= gate->until_ms;
    if (closed && !probe)
        return false;
    if (!closed && !host_failing(gate, place) && retry_after_ms < 0)
        return false;
    int64_t wait = retry_after_ms < RETRY_CAP_MS ? retry_after_ms : RETRY_CAP_MS;
    if (retry_after_ms < 0)
        wait = backoff(gate, HOST_BASE_MS, HOST_CAP_MS);
    /* A probe that fails otherwise tells nothing about the key or the limit. */
    return close_gate(gate, closed ? gate->state : GATE_HOST_FAILING, begun_ms, now_ms, wait);
}

bool gate_told(struct gate *gate, int64_t now_ms, int64_t limited_ms)
{
    int64_t wait = limited_ms < RETRY_CAP_MS ? limited_ms : RETRY_CAP_MS;
    int64_t until = now_ms + wait + jitter_below(&gate->jitter, LIMIT_SPREAD);
    bool was_open = gate->state == GATE_OPEN;
    if (was_open) {
        gate->state = GATE_RATE_LIMITED;
        gate->closed_ms = now_ms;
    }
    if (was_open || until > gate->until_ms + LIMIT_SPREAD)
        gate->until_ms = until;
    return was_open;
}

const char *gate_state_name(enum gate_state state)
{
    static const char *const names[] = {[GATE_OPEN] = "open",
                                        [GATE_KEY_REFUSED] = "key_refused",
                                        [GATE_RATE_LIMITED] = "rate_limited",
                                        [GATE_HOST_FAILING] = "host_failing"};
    return names[state];
}
