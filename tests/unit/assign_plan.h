/* Plans of who holds which slot: one by hand, and its owners as a text. */
#ifndef ISOBAR_TEST_ASSIGN_PLAN_H
#define ISOBAR_TEST_ASSIGN_PLAN_H

#include "../../coordinator/assign.h"
#include "../../coordinator/load.h"
#include "../../coordinator/spread.h"

#include "entropy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define SLOTS   24
#define MEMBERS 8
#define NOBODY  ASSIGN_NOBODY
#define FLAT    100 /* weight of every slot where weights do not matter */

/* ---- plans by hand ---- */

struct changes {
    struct assign_change list[64];
    size_t count;
};

static inline void note(void *arg, const struct assign_change *change)
{
    struct changes *changes = arg;
    changes->list[changes->count++] = *change;
}

static inline size_t plan_of(struct slot *slots, size_t slot_count, struct assign_member *members, size_t count,
                             const int64_t *weights, int64_t *number, struct changes *changes)
{
    int64_t flat[64];
    for (size_t i = 0; i < slot_count; i++)
        flat[i] = FLAT;
    changes->count = 0;
    struct assign assign = {.slots = slots,
                            .slot_count = slot_count,
                            .weights = weights ? weights : flat,
                            .members = members,
                            .count = count,
                            .now_ms = 1000,
                            .level = true,
                            .number = number,
                            .fn = note,
                            .arg = changes};
    return assign_plan(&assign);
}

/* Owners as a text, one letter a slot: '.' free, lower case given, upper case being released. */
static inline const char *text_of(const struct slot *slots, size_t count)
{
    static char text[64];
    for (size_t i = 0; i < count; i++)
        text[i] = slots[i].state == SLOT_FREE
                      ? '.'
                      : (char)((slots[i].state == SLOT_GIVEN ? 'a' : 'A') + (int)slots[i].owner);
    text[count] = '\0';
    return text;
}

static inline struct assign_member member(uint32_t key, const char *id)
{
    return (struct assign_member){.key = key, .capacity = 100, .id = id, .filling = true};
}

#endif
