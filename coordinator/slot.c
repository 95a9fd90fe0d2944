/* What happens to a single slot (assign.h), by what its owner says or does, and shares by count. */
#include "assign.h"

void assign_init(struct slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        slots[i] = (struct slot){.owner = ASSIGN_NOBODY, .before = ASSIGN_NOBODY, .to = ASSIGN_NOBODY};
}

static void set_free(struct slot *slot)
{
    slot->before = slot->owner;
    slot->state = SLOT_FREE;
    slot->owner = ASSIGN_NOBODY;
}

size_t assign_free_owner(struct slot *slots, size_t slot_count, uint32_t owner)
{
    size_t freed = 0;
    for (size_t i = 0; i < slot_count; i++) {
        if (slots[i].state == SLOT_FREE || slots[i].owner != owner)
            continue;
        slots[i].cause = slots[i].state == SLOT_GIVEN ? CAUSE_LOST : slots[i].cause;
        slots[i].moving = false;
        set_free(&slots[i]);
        freed++;
    }
    return freed;
}

bool assign_released(struct slot *slot, uint32_t owner, int64_t number)
{
    if (slot->state != SLOT_RELEASING || slot->owner != owner || number < slot->number)
        return false;
    set_free(slot);
    return true;
}

bool assign_arrived(struct slot *slot, uint32_t owner, int64_t number)
{
    if (slot->state != SLOT_GIVEN || slot->owner != owner || number < slot->number || !slot->moving)
        return false;
    slot->moving = false;
    return true;
}

void assign_adopt(struct slot *slot, uint32_t owner, int64_t number, bool releasing)
{
    if (slot->state != SLOT_FREE && slot->number >= number)
        return;
    slot->state = releasing ? SLOT_RELEASING : SLOT_GIVEN;
    slot->owner = owner;
    slot->number = number;
    slot->to = ASSIGN_NOBODY;
    slot->moving = false;
    slot->cause = releasing ? CAUSE_DRAIN : CAUSE_FIRST;
}

size_t assign_share(const struct assign *assign, const struct assign_member *member)
{
    double parts = 0;
    for (size_t i = 0; i < assign->count; i++)
        parts += assign->members[i].part;
    return (size_t)((double)assign->slot_count * member->part / parts + 0.5);
}
