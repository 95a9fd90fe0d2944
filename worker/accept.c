/*
 * What a pane says of a row, and how an accepted one enters it (state.h): one place for rows in time and late ones. A
 * row is known again by its body as it came, and counted without the values that fail.
 */
#include "state.h"

#include <assert.h>

enum outcome state_outcome(struct state *state, struct city_entry *entry, const struct pane *pane,
                           const struct observation *row)
{
    switch (pane_knows(pane, row, observation_body(row))) {
    case PANE_DUPLICATE:
        state->ledger.rows_duplicate++;
        entry->city.rows_duplicate++;
        state->metrics->rows_duplicate_total++;
        return OUTCOME_DUPLICATE;
    case PANE_CORRECTION:
        state->ledger.rows_correction++;
        entry->city.rows_correction++;
        state->metrics->rows_correction_total++;
        return OUTCOME_CORRECTION;
    case PANE_NEW:
        break;
    }
    return pane_full(pane) ? OUTCOME_FULL : OUTCOME_ACCEPTED;
}

static void count_flags(struct state *state, struct city_entry *entry, int64_t flags)
{
    quality_tally_add(&entry->city.flagged, flags);
    for (int bit = 0; bit < QUALITY_FLAGS; bit++)
        state->metrics->quality_flags[bit] += flags >> bit & 1;
}

void state_accept(struct state *state, struct city_entry *entry, struct pane *pane, const struct observation *row,
                  struct observation *counted)
{
    *counted = *row;
    quality_clear_failed(&state->rules->quality, counted);
    if (row->quality)
        count_flags(state, entry, row->quality);
    bool added = pane_add(pane, counted, observation_body(row));
    assert(added); /* its outcome was that it is new */
    window_pack(&pane->window);
}
