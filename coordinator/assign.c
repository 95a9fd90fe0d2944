/*
 * See assign.h. Members and slots are few (a thousand, a few thousand), so lists are searched: tables would cost more
 * lines than they save time.
 */
#include "assign.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    const struct assign_member *x = a, *y = b;
    return strcmp(x->id, y->id);
}

void assign_shares(struct assign_member *members, size_t count, size_t slots)
{
    int64_t total = 0;
    size_t given = 0;
    for (size_t i = 0; i < count; i++)
        total += members[i].capacity;
    for (size_t i = 0; i < count; i++) {
        members[i].share = (size_t)((int64_t)slots * members[i].capacity / total);
        given += members[i].share;
    }
    for (; count && given < slots; given++) {
        size_t best = count;
        int64_t best_rest = -1;
        for (size_t i = 0; i < count; i++) {
            int64_t whole = (int64_t)slots * members[i].capacity;
            if ((int64_t)members[i].share > whole / total)
                continue; /* has had its remainder */
            int64_t rest = whole % total;
            if (rest > best_rest || (rest == best_rest && members[i].held > members[best].held)) {
                best = i;
                best_rest = rest;
            }
        }
        members[best].share++;
    }
}

static struct assign_member *member_of(struct assign_member *members, size_t count, uint32_t key)
{
    for (size_t i = 0; i < count; i++) {
        if (members[i].key == key)
            return &members[i];
    }
    return NULL;
}

static void count_held(const struct slot *slots, size_t slot_count, struct assign_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++)
        members[i].held = 0;
    for (size_t i = 0; i < slot_count; i++) {
        struct assign_member *member = slots[i].state == SLOT_GIVEN ? member_of(members, count, slots[i].owner) : NULL;
        if (member)
            member->held++;
    }
}

/* The member furthest below its share; NULL when none is below. */
static struct assign_member *neediest(struct assign_member *members, size_t count)
{
    struct assign_member *best = NULL;
    for (size_t i = 0; i < count; i++) {
        struct assign_member *member = &members[i];
        if (member->held < member->share && (!best || member->share - member->held > best->share - best->held))
            best = member;
    }
    return best;
}

size_t assign_plan(struct slot *slots, size_t slot_count, struct assign_member *members, size_t count, int64_t *number,
                   assign_change_fn *fn, void *arg)
{
    size_t changes = 0;
    if (count)
        qsort(members, count, sizeof *members, by_id);
    count_held(slots, slot_count, members, count);
    assign_shares(members, count, slot_count);
    /* From the end, so that a member keeps its lowest slots and the result is the same for every leader. */
    for (size_t i = slot_count; i-- > 0;) {
        struct assign_member *member = slots[i].state == SLOT_GIVEN ? member_of(members, count, slots[i].owner) : NULL;
        if (slots[i].state != SLOT_GIVEN || (member && member->held <= member->share))
            continue;
        slots[i].state = SLOT_RELEASING;
        if (member)
            member->held--;
        fn(arg, i, slots[i].owner, ASSIGN_NOBODY);
        changes++;
    }
    for (size_t i = 0; i < slot_count; i++) {
        struct assign_member *member = slots[i].state == SLOT_FREE ? neediest(members, count) : NULL;
        if (!member)
            continue;
        slots[i].state = SLOT_GIVEN;
        slots[i].number = ++*number;
        slots[i].owner = member->key;
        member->held++;
        fn(arg, i, ASSIGN_NOBODY, member->key);
        changes++;
    }
    return changes;
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

void assign_adopt(struct slot *slot, uint32_t owner, int64_t number, bool releasing)
{
    if (slot->state != SLOT_FREE && slot->number >= number)
        return;
    slot->state = releasing ? SLOT_RELEASING : SLOT_GIVEN;
    slot->owner = owner;
    slot->number = number;
}
