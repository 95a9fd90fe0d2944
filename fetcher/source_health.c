/* See source_health.h. Shares are exponential means in 16 bits of fraction; the latches are one function. */
#include "source_health.h"

#include "quantity.h"

#define ONE         65536
#define USUAL_ROWS  1024 /* rows that "usual" means at most */
#define SHAPE_CALLS 16   /* answers that the share of shapes is of */
#define PERCENT(n)  (ONE / 100 * (n))

void source_health_init(struct source_health *health, int64_t interval_ms, int64_t now_ms)
{
    *health = (struct source_health){
        .interval_ms = interval_ms, .window = SOURCE_WINDOW_MIN, .newest_ms = now_ms, .answered_ms = now_ms};
}

void source_health_cities(struct source_health *health, int64_t cities)
{
    health->window = (int32_t)(cities < SOURCE_WINDOW_MIN ? SOURCE_WINDOW_MIN
                               : cities > USUAL_ROWS      ? USUAL_ROWS
                                                          : cities);
}

/* Moves a share by one more observation of `rows`. */
static void move(int32_t *share, bool is_so, int64_t rows)
{
    *share += (int32_t)(((is_so ? ONE : 0) - *share) / rows);
}

/* ---- what comes ---- */

void source_health_answer(struct source_health *health, enum fetch_status status, int64_t now_ms)
{
    if (status == FETCH_OK || status == FETCH_UNEXPECTED_SHAPE)
        move(&health->shapes, status != FETCH_OK, SHAPE_CALLS);
    if (status == FETCH_OK) {
        health->answered_ms = now_ms;
        health->failures = 0;
    } else if (status != FETCH_BAD_PLACE) { /* that is about the place */
        health->failures++;
        health->failure = status;
    }
}

/* What is rare lately stays usual: or the alarm would end when the change has become a habit. */
static void learn(struct source_health *health, struct source_field *field, bool there)
{
    int64_t usual = health->rows < USUAL_ROWS ? health->rows : USUAL_ROWS;
    int64_t lately = health->rows < health->window ? health->rows : health->window;
    move(&field->lately, there, lately);
    if (health->rows < SOURCE_LEARN_ROWS || field->lately >= field->usual / 2)
        move(&field->usual, there, usual);
}

void source_health_row(struct source_health *health, const struct observation *row, int64_t now_ms)
{
    int64_t age = row->fetched_at_ms - row->observed_at_ms, at = now_ms - (age > 0 ? age : 0);
    if (!health->has_reading || at > health->newest_ms) {
        /* One that is old at the start is not held against the source before it had time to give a newer one. */
        health->newest_ms = at > health->newest_ms ? at : health->newest_ms;
        health->has_reading = true;
    }
    health->rows++;
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        learn(health, &health->fields[bit], observation_has(row, bit));
}

/* ---- alarms ---- */

static bool usual(const struct source_health *health, int bit)
{
    return health->rows >= SOURCE_LEARN_ROWS && health->fields[bit].usual >= PERCENT(SOURCE_USUAL_PERCENT);
}

/* Values that most cities had and of which at most 1/`part` of the usual share comes lately. */
static int missing(const struct source_health *health, int part)
{
    int count = 0;
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++)
        count += usual(health, bit) && health->fields[bit].lately < health->fields[bit].usual / part;
    return count;
}

/* Raises when it is bad, clears when it has been good for `hold_ms`. True when that changed anything. */
static bool latch(struct source_latch *latch, bool bad, bool good, int64_t hold_ms, int64_t now_ms)
{
    if (!latch->raised) {
        latch->raised = bad;
        latch->since_ms = now_ms;
        latch->good_ms = 0;
        return bad;
    }
    if (!good)
        latch->good_ms = 0;
    else if (latch->good_ms == 0)
        latch->good_ms = now_ms;
    if (latch->good_ms == 0 || now_ms - latch->good_ms < hold_ms)
        return false;
    latch->raised = false;
    return true;
}

unsigned source_health_tick(struct source_health *health, int64_t now_ms)
{
    int64_t interval = health->interval_ms, old = SOURCE_STALE_INTERVALS * interval,
            fresh = SOURCE_FRESH_INTERVALS * interval;
    int64_t newest = now_ms - health->newest_ms, silent = now_ms - health->answered_ms;
    bool answers = silent <= fresh;
    unsigned changed = 0;
    if (latch(&health->latches[SOURCE_STALE], answers && newest > old, newest <= fresh, SOURCE_STALE_HOLD * interval,
              now_ms))
        changed |= 1U << SOURCE_STALE;
    if (latch(&health->latches[SOURCE_CHANGED], health->shapes > PERCENT(SOURCE_SHAPES_BAD) || missing(health, 4) > 0,
              health->shapes < PERCENT(SOURCE_SHAPES_GOOD) && missing(health, 2) == 0, interval, now_ms))
        changed |= 1U << SOURCE_CHANGED;
    if (latch(&health->latches[SOURCE_FAILING], health->failures >= SOURCE_FAILURES && silent > old, answers, interval,
              now_ms))
        changed |= 1U << SOURCE_FAILING;
    return changed;
}

bool source_health_raised(const struct source_health *health, enum source_alarm alarm)
{
    return health->latches[alarm].raised;
}

int64_t source_health_newest_ms(const struct source_health *health, int64_t now_ms)
{
    return health->has_reading ? now_ms - health->newest_ms : -1;
}

/* ---- texts ---- */

const char *source_alarm_name(enum source_alarm alarm)
{
    static const char *const names[] = {
        [SOURCE_STALE] = "source_stale", [SOURCE_CHANGED] = "schema_changed", [SOURCE_FAILING] = "source_failing"};
    return names[alarm];
}

static void span(struct buf *out, int64_t ms)
{
    if (ms < 120000)
        buf_printf(out, "%lld s", (long long)(ms / 1000));
    else
        buf_printf(out, "%lld min", (long long)(ms / 60000));
}

static void text_changed(const struct source_health *health, struct buf *out)
{
    const char *comma = "";
    if (health->shapes >= PERCENT(SOURCE_SHAPES_GOOD))
        buf_printf(out, "%d %% of the latest answers have another shape; ", health->shapes * 100 / ONE);
    buf_text(out, "values that most cities had and that are missing: ");
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        if (!usual(health, bit) || health->fields[bit].lately >= health->fields[bit].usual / 2)
            continue;
        const char *name = value_kind_get(bit)->name;
        buf_printf(out, "%s%s", comma, name ? name : "?");
        comma = ", ";
    }
    buf_text(out, *comma ? "" : "none");
}

void source_alarm_text(const struct source_health *health, enum source_alarm alarm, int64_t now_ms, struct buf *out)
{
    switch (alarm) {
    case SOURCE_STALE:
        buf_text(out, "the newest reading is ");
        span(out, now_ms - health->newest_ms);
        buf_text(out, " old, though calls succeed");
        break;
    case SOURCE_CHANGED:
        text_changed(health, out);
        break;
    default:
        buf_text(out, "no call has succeeded for ");
        span(out, now_ms - health->answered_ms);
        buf_printf(out, "; the last one ended in %s", fetch_status_name(health->failure));
        break;
    }
}

const char *source_alarm_advice(enum source_alarm alarm)
{
    static const char *const advice[] = {
        [SOURCE_STALE] = "look at the provider's status page; what is shown is as old as it says until it goes on",
        [SOURCE_CHANGED] =
            "compare an answer with the provider's documentation; values that are missing are not made up",
        [SOURCE_FAILING] =
            "see the outcome in docs/operations.md, What goes wrong; calls are tried again by themselves"};
    return advice[alarm];
}
