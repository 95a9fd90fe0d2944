/*
 * Rules that change at a record (state.h). Records in memory name their window size by its place among the sizes, and
 * cursors lie in that order, so a change waits until everything before it is stored; then there is nothing to convert
 * but the cursors. That it waits for a commit changes no result: commits decide nothing.
 */
#include "state.h"

#include "civil.h"

#include <assert.h>
#include <string.h>

bool state_waits(const struct state *state)
{
    return state->wanted_version != 0 && (!state->offered || state->offered->version != state->wanted_version);
}

bool state_settled(const struct state *state)
{
    return state->dirty_record_count == 0 && state->missing_count == 0 && state->late_count == 0 &&
           state->closing_count == 0 && state->retiring_count == 0 && !state->sent.any;
}

void state_offer(struct state *state, const struct rules *rules)
{
    assert(state_settled(state) && rules->version == state->wanted_version);
    assert(rules->windows.pane_ms == state->rules->windows.pane_ms);
    state->offered = rules;
}

/*
 * Where a size begins that was not there: at its first boundary after every reading that was accepted by now, so that
 * its first window is whole, days in every zone. A reading may be STATE_FUTURE_MS ahead of the clock, and its pane be
 * folded.
 */
static int64_t first_window(const struct state *state, const struct window_size *size)
{
    int64_t last_ms = state->ledger.clock_ms + STATE_FUTURE_MS;
    return window_start(last_ms + (size->days ? CIVIL_SLACK_MS : 0), size->size_ms) + size->size_ms;
}

void state_raise_floor(struct state *state)
{
    int64_t given_up =
        window_start(state->ledger.clock_ms - state->rules->lateness_ms - 1, state->rules->windows.pane_ms);
    if (given_up > state->ledger.pane_floor_ms)
        state->ledger.pane_floor_ms = given_up;
}

void state_switch(struct state *state)
{
    const struct windowset *before = &state->rules->windows, *after = &state->offered->windows;
    struct ledger *ledger = &state->ledger;
    int64_t cursors[WINDOWSET_MAX];
    assert(state_settled(state));
    memcpy(cursors, ledger->window_cursor_ms, sizeof cursors);
    memset(ledger->window_cursor_ms, 0, sizeof ledger->window_cursor_ms);
    for (size_t i = 0; i < after->count; i++) {
        const struct window_size *same = windowset_find(before, after->sizes[i].name);
        ledger->window_cursor_ms[i] = same ? cursors[same - before->sizes] : first_window(state, &after->sizes[i]);
    }
    state_raise_floor(state);
    state_forget(state);
    ledger->config_version = state->offered->version;
    state->rules = state->offered;
    state->offered = NULL;
    state->wanted_version = 0;
}
