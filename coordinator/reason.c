/* See reason.h. Figures are those that made the planner decide, before the move. */
#include "reason.h"

#include "buf.h"
#include "text.h"

#include <string.h>

const char *const reason_causes[CAUSE_COUNT] = {"first", "lost", "drain", "join", "zone", "load"};

static int percent(double part, double whole)
{
    return whole > 0 ? (int)(100 * part / whole + 0.5) : 0;
}

/* What the member carries, in percent of its part. */
static int of_part(const struct assign *assign, const struct assign_member *member)
{
    double weight = 0, parts = 0;
    for (size_t i = 0; i < assign->count; i++) {
        weight += assign->members[i].weight;
        parts += assign->members[i].part;
    }
    return percent(member->weight / member->part, weight / parts);
}

static void zone_text(const struct assign *assign, const struct assign_member *taker, struct buf *out)
{
    size_t held = 0;
    double part = 0, parts = 0;
    for (size_t i = 0; i < assign->count; i++) {
        const struct assign_member *member = &assign->members[i];
        bool same = member->zone_index == taker->zone_index;
        held += same ? member->held : 0;
        part += same ? member->part : 0;
        parts += member->part;
    }
    const char *name = taker->zone && *taker->zone ? taker->zone : "(none)";
    buf_printf(out, "zone %s holds %zu of %zu, its share is %.0f", name, held, assign->slot_count,
               (double)assign->slot_count * part / parts);
}

void reason_of(const struct assign *assign, const struct assign_change *change, const char *const prefix_filling[2],
               char *out, size_t size)
{
    const struct assign_member *giver = change->giver, *taker = change->taker;
    struct buf text = BUF_EMPTY;
    if (change->cause == CAUSE_ZONE)
        zone_text(assign, taker, &text);
    else if (change->cause == CAUSE_LOAD)
        buf_printf(&text, "%s%zu carries %d%% of %s's load, which is %d%% of its share; %s has %d%%", prefix_filling[0],
                   change->slot, percent((double)assign->weights[change->slot], giver->weight), giver->id,
                   of_part(assign, giver), taker->id, of_part(assign, taker));
    else
        buf_printf(&text, "%s %s: its share is %zu of %zu", taker->id,
                   prefix_filling[1] ? prefix_filling[1] : "has too little", assign_share(assign, taker),
                   assign->slot_count);
    text_copy(out, size, text.data);
    buf_release(&text);
}
