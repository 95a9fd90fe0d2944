/*
 * Parts of stretches in windows (state.h, trail.h). They are added when the time they lie in is closed, once for all
 * rows known then. A row that comes for time that was closed before, or whose stretch or successor's reaches below
 * that, is a change: after less before, added to the windows concerned. A sum of such differences does not depend on
 * their order, but what a change may reach is bounded by the clock of its row, so changes are made in log order: while
 * a city has late rows that wait, its rows in time wait behind them.
 *
 * A change in time needs no closed pane: the newest row of each chain before the open ones is in the city's state. A
 * late one needs the panes within the longest period before and after it. What is too old to be loaded for sure is not
 * changed.
 */
#include "state.h"

#include "mem.h"

#include <assert.h>
#include <stdlib.h>

#define SECOND_MS INT64_C(1000)
#define KEPT      64   /* changes for which room is kept */
#define ROWS_KEPT 4096 /* and rows */

/* ---- spreading parts over windows ---- */

/* Parts that are on their way to one window of each size. */
struct spread {
    struct state *state;
    const struct city_entry *entry;
    const struct zone *zone;
    int64_t through_ms;          /* what is closed, with the panes that close now */
    const struct change *change; /* what makes it; NULL: panes close */
    bool resolving;              /* all that came before is decided */
    struct {
        struct window_span span;
        struct parts parts;
        int64_t updated_at_ms;
    } sizes[WINDOWSET_MAX];
};

void state_add_parts(struct state *state, struct record *record, const struct window_span *span,
                     const struct parts *parts, int64_t updated_at_ms)
{
    struct window *window = &record->pane.window;
    window_widen(window, span->start_ms, span->end_ms);
    parts_add(&window->parts, parts);
    window->updated_at_ms = updated_at_ms > window->updated_at_ms ? updated_at_ms : window->updated_at_ms;
    state_dirty_record(state, record);
    state_want(state, record);
}

/* True when the window holds the row of the change: then it is revised with the row, or not final. */
static bool owns(const struct window_span *span, const struct change *change)
{
    return change->at_ms >= span->start_ms && change->at_ms < span->end_ms;
}

/*
 * Adds parts to a window. What waits for the window to be loaded must find it as it was then, so changes are put off;
 * and what is closed, too, when the zone has changed meanwhile, since it may widen a window that was final.
 */
static void pour(const struct spread *spread, struct record *record, size_t i)
{
    struct state *state = spread->state;
    const struct window_span *span = &spread->sizes[i].span;
    const struct parts *parts = &spread->sizes[i].parts;
    bool waits = !spread->resolving && (spread->change || spread->entry->moved == state->round);
    bool revises = spread->change && !owns(span, spread->change);
    int64_t updated_at_ms = spread->sizes[i].updated_at_ms;
    if (!waits)
        state_add_parts(state, record, span, parts, updated_at_ms);
    if (spread->resolving) {
        if (revises && record->loaded)
            state_revise(&record->pane.window, spread->through_ms, spread->change->clock_ms);
        else if (revises)
            state_defer_revision(state, record, spread->change);
    } else if (waits || span->end_ms <= spread->through_ms) {
        struct closing *closing = state_defer_closing(state, spread->entry, record, spread->through_ms);
        closing->parts = waits ? *parts : (struct parts){0};
        closing->span = *span;
        closing->updated_at_ms = updated_at_ms;
        closing->revises = revises;
    }
}

static void flush(struct spread *spread, size_t i)
{
    if (!parts_any(&spread->sizes[i].parts))
        return;
    struct record *record = state_window(spread->state, spread->entry, i, &spread->sizes[i].span);
    if (record)
        pour(spread, record, i);
    spread->sizes[i].parts = (struct parts){0};
    spread->sizes[i].updated_at_ms = 0;
}

/* Parts in the slot that begins at `slot_ms`, ascending. Windows are then updated at `clock_ms` or later. */
static void spread_slot(struct spread *spread, int64_t slot_ms, const struct parts *parts, int64_t clock_ms)
{
    const struct windowset *windows = &spread->state->rules->windows;
    for (size_t i = 0; i < windows->count; i++) {
        if (slot_ms >= spread->sizes[i].span.end_ms) {
            flush(spread, i);
            spread->sizes[i].span = window_span_at(&windows->sizes[i], spread->zone, slot_ms);
        }
        parts_add(&spread->sizes[i].parts, parts);
        if (clock_ms > spread->sizes[i].updated_at_ms)
            spread->sizes[i].updated_at_ms = clock_ms;
    }
}

static void spread_end(struct spread *spread)
{
    for (size_t i = 0; i < spread->state->rules->windows.count; i++)
        flush(spread, i);
    struct trail *trail = &spread->state->trail;
    if (trail->capacity > ROWS_KEPT)
        trail_release(trail);
}

/* ---- panes that close ---- */

static bool closes(const struct citystate *city, int32_t pane, int64_t through_ms)
{
    return pane < city->open_count && city->open[pane].window.end_ms <= through_ms;
}

void state_stretch_close(struct state *state, struct city_entry *entry, int64_t through_ms)
{
    struct citystate *city = &entry->city;
    struct trail *trail = &state->trail;
    trail_clear(trail);
    for (int32_t i = 0; i < city->open_count; i++)
        trail_take(trail, &city->open[i]);
    struct trail_region region = {city->closed_through_ms, through_ms, state->rules->windows.pane_ms};
    struct spread spread = {.state = state, .entry = entry, .zone = city->zone, .through_ms = through_ms};
    struct trail_walk walk;
    struct parts parts;
    int64_t slot_ms;
    int32_t pane = 0;
    for (trail_walk(&walk, trail, &region, -1); trail_next(&walk, &slot_ms, &parts);) {
        while (closes(city, pane, through_ms) && city->open[pane].window.start_ms < slot_ms)
            pane++;
        /* A window that has rows was updated when they came. */
        bool rows = closes(city, pane, through_ms) && city->open[pane].window.start_ms == slot_ms;
        spread_slot(&spread, slot_ms, &parts, rows ? 0 : state->ledger.clock_ms);
    }
    spread_end(&spread);
    for (pane = 0; closes(city, pane, through_ms); pane++)
        trail_newest(&city->open[pane], city->last_ms);
}

/* ---- changes ---- */

/* Nothing before it is changed: the oldest pane that a row of that clock could be in begins there. */
static int64_t horizon(const struct state *state, int64_t clock_ms)
{
    int64_t oldest = window_start(clock_ms - state->rules->lateness_ms - 1, state->rules->windows.pane_ms);
    return oldest > state->ledger.pane_floor_ms ? oldest : state->ledger.pane_floor_ms;
}

/* What the change can reach: up to the longest period before the row, and up to the end of its own pane. */
static struct trail_region region_of(const struct state *state, const struct change *change)
{
    int64_t pane_ms = state->rules->windows.pane_ms;
    int64_t from = window_start(change->at_ms - change->reach_s * SECOND_MS, pane_ms);
    int64_t to = window_start(change->at_ms, pane_ms) + pane_ms, oldest = horizon(state, change->clock_ms);
    return (struct trail_region){from > oldest ? from : oldest,
                                 to < change->closed_through_ms ? to : change->closed_through_ms, pane_ms};
}

/* Adds what the row of the change, which is in the trail, makes of its region, less what was without it. */
static void apply(struct state *state, const struct change *change, bool resolving)
{
    const struct trail *trail = &state->trail;
    int32_t place = trail_find(trail, change->at_ms, change->provider);
    assert(place >= 0);
    struct trail_region region = region_of(state, change);
    struct spread spread = {.state = state,
                            .entry = change->entry,
                            .zone = change->zone,
                            .through_ms = change->closed_through_ms,
                            .change = change,
                            .resolving = resolving};
    struct trail_walk after, before;
    struct parts more, less;
    int64_t after_ms, before_ms;
    trail_walk(&after, trail, &region, -1);
    trail_walk(&before, trail, &region, place);
    bool is = trail_next(&after, &after_ms, &more), was = trail_next(&before, &before_ms, &less);
    while (is || was) {
        int64_t slot_ms = !was || (is && after_ms < before_ms) ? after_ms : before_ms;
        struct parts parts = {0};
        if (is && after_ms == slot_ms) {
            parts_add(&parts, &more);
            is = trail_next(&after, &after_ms, &more);
        }
        if (was && before_ms == slot_ms) {
            parts_subtract(&parts, &less);
            was = trail_next(&before, &before_ms, &less);
        }
        if (parts_any(&parts))
            spread_slot(&spread, slot_ms, &parts, change->clock_ms);
    }
    spread_end(&spread);
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* The longest period of the reading and of those the city has, or waits to have. */
static int32_t reach_of(const struct city_entry *entry, int32_t accumulation_s)
{
    return larger(larger(TRAIL_COVERED_S, accumulation_s), larger(entry->city.accumulation_max_s, entry->waiting_s));
}

/* ---- rows in time ---- */

/* True when a row of the chain comes before the reading in the open panes. `pane` holds the reading. */
static bool follows(const struct citystate *city, const struct pane *pane, const struct pane_entry *entry, int chain)
{
    for (const struct pane_entry *before = entry; before-- > pane->seen;)
        if (trail_period_s(before, chain))
            return true;
    for (const struct pane *other = pane; other-- > city->open;)
        for (int32_t i = other->seen_count; i-- > 0;)
            if (trail_period_s(&other->seen[i], chain))
                return true;
    return false;
}

/* True when the stretch of the reading, or what was its successor's, may reach below what is closed. */
static bool reaches_below(const struct change *change, const struct pane *pane, const struct pane_entry *entry)
{
    const struct citystate *city = &change->entry->city;
    if (change->at_ms - change->reach_s * SECOND_MS >= city->closed_through_ms)
        return false;
    for (int chain = 0; chain < TRAIL_CHAINS; chain++)
        if (trail_period_s(entry, chain) && !follows(city, pane, entry, chain))
            return true;
    return false;
}

static void defer(struct state *state, const struct change *change)
{
    if (state->change_count == state->change_capacity) {
        state->change_capacity = state->change_capacity ? state->change_capacity * 2 : KEPT;
        state->changes = mem_grow(state->changes, state->change_capacity, sizeof *state->changes);
    }
    state->changes[state->change_count++] = *change;
}

/* Closed panes that tell the rows before and after the row of the change. */
static void want_panes(struct state *state, const struct change *change)
{
    int64_t pane_ms = state->rules->windows.pane_ms, reach_ms = change->reach_s * SECOND_MS;
    int64_t end = window_start(change->at_ms + reach_ms, pane_ms) + pane_ms;
    if (end > change->closed_through_ms)
        end = change->closed_through_ms;
    for (int64_t at = region_of(state, change).from_ms; at < end; at += pane_ms)
        state_want(state, state_pane(state, change->entry, at));
}

void state_stretch_row(struct state *state, struct city_entry *entry, const struct observation *row)
{
    struct citystate *city = &entry->city;
    int64_t pane_ms = state->rules->windows.pane_ms;
    const struct pane *pane = citystate_pane(city, window_start(row->observed_at_ms, pane_ms), pane_ms);
    const struct pane_entry *reading = pane_find(pane, row->observed_at_ms, row->provider);
    assert(reading);
    city->accumulation_max_s = larger(city->accumulation_max_s, trail_accumulation_s(reading));
    struct change change = {.entry = entry,
                            .zone = city->zone,
                            .at_ms = row->observed_at_ms,
                            .provider = row->provider,
                            .reach_s = reach_of(entry, 0),
                            .clock_ms = state->ledger.clock_ms,
                            .closed_through_ms = city->closed_through_ms,
                            .late = state->late_count,
                            .closing = state->closing_count};
    if (entry->waiting_s) {
        entry->waiting_s = change.reach_s;
        want_panes(state, &change);
        defer(state, &change);
    } else if (reaches_below(&change, pane, reading)) {
        trail_clear(&state->trail);
        for (int chain = 0; chain < TRAIL_CHAINS; chain++)
            state->trail.last_ms[chain] = city->last_ms[chain];
        for (int32_t i = 0; i < city->open_count; i++)
            trail_take(&state->trail, &city->open[i]);
        apply(state, &change, false);
    }
}

/* ---- rows that wait ---- */

static struct change change_of(const struct late_row *late)
{
    return (struct change){.entry = late->entry,
                           .zone = late->zone,
                           .at_ms = late->row.observed_at_ms,
                           .provider = late->row.provider,
                           .reach_s = late->reach_s,
                           .clock_ms = late->clock_ms,
                           .closed_through_ms = late->closed_through_ms};
}

void state_stretch_wait(struct state *state, struct late_row *late)
{
    bool amount =
        observation_has(&late->row, ISOBAR__V1__VALUE__RAIN) || observation_has(&late->row, ISOBAR__V1__VALUE__SNOW);
    bool believed = amount && late->row.accumulation_s <= TRAIL_ACCUMULATION_S;
    late->reach_s = late->entry->waiting_s = reach_of(late->entry, believed ? late->row.accumulation_s : 0);
    struct change change = change_of(late);
    want_panes(state, &change);
}

/* The trail of all rows that were there at that moment of the log; `next` is the first change that came later. */
static void gather(struct state *state, const struct change *change, size_t next)
{
    const struct citystate *city = &change->entry->city;
    struct trail *trail = &state->trail;
    int64_t pane_ms = state->rules->windows.pane_ms;
    int64_t end = change->at_ms + change->reach_s * SECOND_MS;
    trail_clear(trail);
    for (int64_t at = region_of(state, change).from_ms; at < end && at < city->closed_through_ms; at += pane_ms) {
        struct record_key key = {.city_id = city->city_id, .series = city->series, .start_ms = at, .kind = RECORD_PANE};
        const struct record *record = state_known(state, &key);
        assert(!record || record->loaded);
        if (record)
            trail_take(trail, &record->pane);
    }
    for (int32_t i = 0; i < city->open_count && city->open[i].window.start_ms < end; i++)
        trail_take(trail, &city->open[i]);
    for (size_t i = next; i < state->change_count; i++) {
        const struct change *later = &state->changes[i];
        int32_t place = later->entry == change->entry ? trail_find(trail, later->at_ms, later->provider) : -1;
        if (place >= 0)
            trail_drop(trail, place);
    }
}

void state_stretch_late(struct state *state, const struct late_row *late, size_t next)
{
    struct citystate *city = &late->entry->city;
    struct change change = change_of(late);
    gather(state, &change, next);
    int32_t place = trail_find(&state->trail, change.at_ms, change.provider);
    assert(place >= 0);
    const struct pane_entry *reading = &state->trail.rows[place].entry;
    city->accumulation_max_s = larger(city->accumulation_max_s, trail_accumulation_s(reading));
    for (int chain = 0; chain < TRAIL_CHAINS; chain++)
        if (trail_period_s(reading, chain) && change.at_ms > city->last_ms[chain])
            city->last_ms[chain] = change.at_ms;
    apply(state, &change, true);
}

void state_stretch_resolve(struct state *state, size_t which)
{
    const struct change *change = &state->changes[which];
    gather(state, change, which + 1);
    apply(state, change, true);
}

void state_stretch_resolved(struct state *state)
{
    for (size_t i = 0; i < state->late_count; i++)
        state->late[i].entry->waiting_s = 0;
    state->change_count = 0; /* each belongs to a city with a late row */
    if (state->change_capacity > KEPT) {
        state->change_capacity = KEPT;
        state->changes = mem_grow(state->changes, KEPT, sizeof *state->changes);
    }
}
