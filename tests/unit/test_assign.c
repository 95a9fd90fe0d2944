/* Who holds which slot: small tables by hand, then random lives of clusters against a model of what members were told.
 */
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

static void note(void *arg, const struct assign_change *change)
{
    struct changes *changes = arg;
    changes->list[changes->count++] = *change;
}

static size_t plan_of(struct slot *slots, size_t slot_count, struct assign_member *members, size_t count,
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
static const char *text_of(const struct slot *slots, size_t count)
{
    static char text[64];
    for (size_t i = 0; i < count; i++)
        text[i] = slots[i].state == SLOT_FREE
                      ? '.'
                      : (char)((slots[i].state == SLOT_GIVEN ? 'a' : 'A') + (int)slots[i].owner);
    text[count] = '\0';
    return text;
}

static struct assign_member member(uint32_t key, const char *id)
{
    return (struct assign_member){.key = key, .capacity = 100, .id = id, .filling = true};
}

static void a_slot_moves_through_free_only_and_one_at_a_time(void **state)
{
    (void)state;
    struct slot slots[6];
    struct changes changes;
    int64_t number = 41;
    assign_init(slots, 6);
    struct assign_member one[] = {member(0, "a")};
    assert_int_equal(plan_of(slots, 6, one, 1, NULL, &number, &changes), 6);
    assert_string_equal(text_of(slots, 6), "aaaaaa");
    assert_int_equal(number, 47);
    assert_int_equal(slots[0].number, 42);
    assert_int_equal(slots[5].number, 47);
    assert_int_equal(plan_of(slots, 6, one, 1, NULL, &number, &changes), 0);

    struct assign_member two[] = {member(1, "b"), member(0, "a")}; /* whatever the order */
    two[1].filling = false;
    assert_int_equal(plan_of(slots, 6, two, 2, NULL, &number, &changes), 1);
    assert_string_equal(text_of(slots, 6), "aaaaaA");
    const struct assign_change *change = &changes.list[0];
    assert_true(change->slot == 5 && change->from == 0 && change->to == NOBODY && change->cause == CAUSE_JOIN);
    assert_true(strcmp(change->giver->id, "a") == 0 && strcmp(change->taker->id, "b") == 0);
    assert_true(two[1].filling && !two[0].filling); /* sorted */
    assert_int_equal(plan_of(slots, 6, two, 2, NULL, &number, &changes), 0);

    assert_false(assign_released(&slots[5], 1, 99)); /* not by another */
    assert_false(assign_released(&slots[5], 0, 46)); /* not under an older number */
    assert_false(assign_released(&slots[0], 0, 99)); /* not what it is to keep */
    assert_true(assign_released(&slots[5], 0, 47));
    assert_false(assign_released(&slots[5], 0, 47));                         /* twice */
    assert_int_equal(plan_of(slots, 6, two, 2, NULL, &number, &changes), 1); /* given, and nothing else yet */
    assert_string_equal(text_of(slots, 6), "aaaaab");
    assert_true(changes.list[0].slot == 5 && changes.list[0].from == NOBODY && changes.list[0].to == 1);
    assert_int_equal(slots[5].before, 0);
    assert_int_equal(slots[5].number, 48);
    assert_false(assign_arrived(&slots[5], 0, 48));
    assert_false(assign_arrived(&slots[5], 1, 47));
    assert_true(assign_arrived(&slots[5], 1, 48));
    assert_false(assign_arrived(&slots[5], 1, 48));
    assert_int_equal(plan_of(slots, 6, two, 2, NULL, &number, &changes), 1);
    assert_string_equal(text_of(slots, 6), "aaaaAb");

    assert_int_equal(assign_free_owner(slots, 6, 0), 5); /* it fell silent, what it was releasing is free too */
    struct assign_member other[] = {member(1, "b")};
    assert_int_equal(plan_of(slots, 6, other, 1, NULL, &number, &changes), 5);
    assert_string_equal(text_of(slots, 6), "bbbbbb");
    assert_int_equal(plan_of(slots, 6, NULL, 0, NULL, &number, &changes), 6); /* it drains, nobody is left */
    assert_string_equal(text_of(slots, 6), "BBBBBB");
}

static void a_move_that_is_stuck_holds_up_others_for_a_while(void **state)
{
    (void)state;
    struct slot slots[6];
    struct changes changes;
    int64_t number = 0;
    assign_init(slots, 6);
    struct assign_member one[] = {member(0, "a")}, two[] = {member(0, "a"), member(1, "b")};
    (void)plan_of(slots, 6, one, 1, NULL, &number, &changes);
    (void)plan_of(slots, 6, two, 2, NULL, &number, &changes);
    assert_string_equal(text_of(slots, 6), "aaaaaA");
    slots[5].since_ms = 1000 - ASSIGN_STUCK_MS;
    assert_int_equal(plan_of(slots, 6, two, 2, NULL, &number, &changes), 0);
    slots[5].since_ms--;
    assert_int_equal(plan_of(slots, 6, two, 2, NULL, &number, &changes), 1);
    assert_string_equal(text_of(slots, 6), "aaaaAA");
}

static void a_taker_that_dies_is_replaced(void **state)
{
    (void)state;
    struct slot slots[6];
    struct changes changes;
    int64_t number = 0;
    assign_init(slots, 6);
    struct assign_member one[] = {member(0, "a")}, two[] = {member(0, "a"), member(1, "b")};
    (void)plan_of(slots, 6, one, 1, NULL, &number, &changes);
    (void)plan_of(slots, 6, two, 2, NULL, &number, &changes);
    assert_true(assign_released(&slots[5], 0, slots[5].number));
    assert_int_equal(assign_free_owner(slots, 6, 1), 0);
    assert_int_equal(plan_of(slots, 6, one, 1, NULL, &number, &changes), 1);
    assert_true(changes.list[0].cause == CAUSE_LOST && changes.list[0].to == 0);
    assert_string_equal(text_of(slots, 6), "aaaaaa");
}

static void a_hot_slot_drives_the_others_away(void **state)
{
    (void)state;
    struct slot slots[6];
    struct changes changes;
    int64_t number = 0, weights[] = {700, 100, 100, 100, 100, 100};
    struct assign_member two[] = {member(0, "a"), member(1, "b")};
    assign_init(slots, 6);
    (void)plan_of(slots, 6, two, 2, NULL, &number, &changes);
    assert_string_equal(text_of(slots, 6), "ababab");
    static const char *const wanted[] = {"ababAb", "abAbbb", "abbbbb"};
    for (size_t i = 0; i < 3; i++) {
        size_t done = plan_of(slots, 6, two, 2, weights, &number, &changes);
        assert_int_equal(done, i < 2);
        if (i < 2)
            assert_true(changes.list[0].cause == CAUSE_LOAD);
        assert_string_equal(text_of(slots, 6), wanted[i]);
        for (size_t k = 0; k < 6; k++) {
            if (assign_released(&slots[k], 0, 99))
                (void)plan_of(slots, 6, two, 2, weights, &number, &changes);
            (void)assign_arrived(&slots[k], 1, 99);
        }
    }
}

static void a_new_leader_believes_the_larger_number(void **state)
{
    (void)state;
    struct slot slot;
    assign_init(&slot, 1);
    assign_adopt(&slot, 3, 10, false);
    assert_true(slot.state == SLOT_GIVEN && slot.owner == 3 && slot.number == 10);
    assign_adopt(&slot, 4, 10, false);
    assign_adopt(&slot, 4, 9, false);
    assert_int_equal(slot.owner, 3);
    assign_adopt(&slot, 4, 11, true);
    assert_true(slot.state == SLOT_RELEASING && slot.owner == 4 && slot.number == 11);
    assign_adopt(&slot, 3, 10, false);
    assert_int_equal(slot.owner, 4);
}

/* ---- random lives ---- */

/* What varies in a life; all of it does in the last kind. */
enum kind { PLAIN, CAPACITIES, WEIGHTS, ZONES, ALL, KINDS };

struct life {
    enum kind kind;
    struct slot slots[SLOTS];
    int64_t weights[SLOTS];
    uint32_t told[SLOTS]; /* who was told to hold it and has not been heard to have let go */
    int64_t number, last[SLOTS], now_ms;
    size_t gives;
    struct assign_member all[MEMBERS];
    char ids[MEMBERS][16];
    bool here[MEMBERS], draining[MEMBERS];
    struct jitter random;
};

static bool has(const struct life *life, enum kind kind)
{
    return life->kind == kind || life->kind == ALL;
}

static void check_change(void *arg, const struct assign_change *change)
{
    struct life *life = arg;
    size_t slot = change->slot;
    if (change->to == NOBODY) {
        assert_int_equal(life->told[slot], change->from);
        return;
    }
    assert_int_equal(life->told[slot], NOBODY); /* never two */
    assert_true(life->slots[slot].number > life->last[slot]);
    life->last[slot] = life->slots[slot].number;
    life->told[slot] = change->to;
    life->gives++;
}

static size_t usable(const struct life *life, struct assign_member *out)
{
    size_t count = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        if (life->here[i] && !life->draining[i])
            out[count++] = life->all[i];
    }
    return count;
}

/* Moves under way from or to each member never exceed one; two when it is to hold more than 16. */
static void check_moves(const struct life *life, const struct assign *assign)
{
    for (size_t i = 0; i < assign->count; i++) {
        const struct assign_member *member = &assign->members[i];
        size_t moves = 0;
        for (size_t k = 0; k < SLOTS; k++) {
            const struct slot *slot = &life->slots[k];
            moves += slot->moving && slot->state != SLOT_FREE && slot->owner == member->key;
            moves += slot->moving && slot->to == member->key;
        }
        if (moves > (size_t)(has(life, CAPACITIES) ? 2 : 1)) /* a share may be above 16 then, or have been */
            fail_msg("%s: %zu moves at a time", member->id, moves);
    }
}

/* A plan; `level` allows moves for the load. Members are left as the plan computed them, in `members`. */
static size_t plan_into(struct life *life, bool level, struct assign_member *members, size_t *count)
{
    *count = usable(life, members);
    for (size_t i = *count; i > 1; i--) { /* the order must not matter */
        size_t k = (size_t)jitter_below(&life->random, (int64_t)i);
        struct assign_member swap = members[i - 1];
        members[i - 1] = members[k];
        members[k] = swap;
    }
    int64_t before = life->number;
    size_t gives = life->gives;
    struct assign assign = {.slots = life->slots,
                            .slot_count = SLOTS,
                            .weights = life->weights,
                            .members = members,
                            .count = *count,
                            .now_ms = life->now_ms,
                            .level = level,
                            .number = &life->number,
                            .fn = check_change,
                            .arg = life};
    size_t changes = assign_plan(&assign);
    assert_int_equal(life->number - before, life->gives - gives);
    check_moves(life, &assign);
    for (size_t i = 0; i < *count; i++) {
        for (size_t k = 0; k < MEMBERS; k++) {
            if (life->all[k].key == members[i].key)
                life->all[k].filling = members[i].filling;
        }
    }
    return changes;
}

static size_t plan(struct life *life, bool level)
{
    struct assign_member members[MEMBERS];
    size_t count;
    return plan_into(life, level, members, &count);
}

static void let_go(struct life *life, size_t slot)
{
    uint32_t owner = life->slots[slot].owner;
    if (life->slots[slot].state == SLOT_GIVEN)
        (void)assign_arrived(&life->slots[slot], owner, life->slots[slot].number);
    if (life->slots[slot].state != SLOT_RELEASING)
        return;
    if (jitter_below(&life->random, 4) == 0)
        assert_false(assign_released(&life->slots[slot], owner, life->slots[slot].number - 1)); /* a late one */
    life->told[slot] = NOBODY;
    assert_true(assign_released(&life->slots[slot], owner, life->slots[slot].number));
}

static size_t gone(struct life *life, size_t index)
{
    size_t held = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        if (life->told[i] != life->all[index].key)
            continue;
        life->told[i] = NOBODY;
        held++;
    }
    assert_int_equal(assign_free_owner(life->slots, SLOTS, life->all[index].key), held);
    life->here[index] = life->draining[index] = false;
    return held;
}

static void come(struct life *life, size_t index)
{
    static const char *const zones[] = {"", "a", "b", "c"};
    struct assign_member *member = &life->all[index];
    member->key += MEMBERS;
    member->capacity = has(life, CAPACITIES) ? 1 + (int32_t)jitter_below(&life->random, 400) : 100;
    member->zone = has(life, ZONES) ? zones[index % 4] : "";
    member->filling = true;
    life->here[index] = true;
}

static void change_weights(struct life *life)
{
    for (size_t i = 0; i < SLOTS && has(life, WEIGHTS); i++)
        life->weights[i] = jitter_below(&life->random, 8) ? 50 + jitter_below(&life->random, 200)
                                                          : 50 + jitter_below(&life->random, 5000);
}

static void step(struct life *life)
{
    size_t index = (size_t)jitter_below(&life->random, MEMBERS);
    life->now_ms += 10; /* nothing is stuck within a life */
    switch (jitter_below(&life->random, 7)) {
    case 0:
        if (life->here[index])
            (void)gone(life, index); /* killed, and back as another incarnation */
        come(life, index);
        break;
    case 1:
        if (life->here[index])
            (void)gone(life, index);
        break;
    case 2:
        life->draining[index] = life->here[index];
        break;
    case 3:
        change_weights(life);
        break;
    default:
        for (size_t i = 0; i < SLOTS; i++) {
            if (jitter_below(&life->random, 3) == 0)
                let_go(life, i);
        }
    }
    if (jitter_below(&life->random, 2) == 0)
        (void)plan(life, jitter_below(&life->random, 2) == 0);
}

/* Lets everything come to rest; returns how many slots were given on the way. */
static size_t come_to_rest(struct life *life, bool level)
{
    size_t gives = life->gives, rounds = 0;
    for (bool moving = true; moving; rounds++) {
        assert_true(rounds < 200); /* it ends: no circles */
        moving = plan(life, level) > 0;
        for (size_t i = 0; i < SLOTS; i++) {
            moving |= life->slots[i].state == SLOT_RELEASING || life->slots[i].moving;
            let_go(life, i);
        }
    }
    return life->gives - gives;
}

/* The bound of assign.h. */
static void check_balance(struct life *life)
{
    struct assign_member members[MEMBERS];
    size_t count;
    assert_int_equal(plan_into(life, true, members, &count), 0);
    double weight = 0, parts = 0, least = INFINITY, room = 0;
    size_t most_held = 0, least_held = SLOTS;
    for (size_t i = 0; i < count; i++) {
        weight += members[i].weight;
        parts += members[i].part;
        most_held = members[i].held > most_held ? members[i].held : most_held;
        least_held = members[i].held < least_held ? members[i].held : least_held;
        if (members[i].weight / members[i].part < least) {
            least = members[i].weight / members[i].part;
            room = members[i].part;
        }
    }
    for (size_t i = 0; i < SLOTS; i++)
        assert_int_equal(life->slots[i].state, count ? SLOT_GIVEN : SLOT_FREE);
    for (size_t i = 0; i < count; i++) {
        double load = members[i].weight / members[i].part, average = weight / parts;
        if (load > (1 + ASSIGN_MARGIN) * average * (1 + 1e-9) &&
            load > (least + members[i].lightest / room + ASSIGN_MARGIN * average) * (1 + 1e-9))
            fail_msg("%s: load %f, average %f, least %f", members[i].id, load, average, least);
        assert_false(members[i].filling);
    }
    if (life->kind == PLAIN && count)
        assert_true(most_held - least_held <= 1);
}

/*
 * From rest, one change of membership: who comes gets slots and nobody else does, each slot moves once; who goes frees
 * what it held and nothing else moves.
 */
static void check_few_moves(struct life *life)
{
    uint32_t before[SLOTS];
    size_t index = (size_t)jitter_below(&life->random, MEMBERS), lost = 0, gained = 0;
    for (size_t i = 0; i < SLOTS; i++)
        before[i] = life->told[i];
    bool leaves = life->here[index];
    if (leaves)
        lost = gone(life, index);
    else
        come(life, index);
    size_t moves = come_to_rest(life, false);
    for (size_t i = 0; i < SLOTS; i++) {
        gained += life->told[i] == life->all[index].key && life->here[index];
        if (life->told[i] != before[i])
            assert_true(leaves ? before[i] == life->all[index].key : life->told[i] == life->all[index].key);
    }
    size_t count = 0;
    for (size_t i = 0; i < MEMBERS; i++)
        count += life->here[i] && !life->draining[i];
    assert_int_equal(moves, !leaves ? gained : count ? lost : 0);
    if (life->kind == PLAIN && !leaves)
        assert_true(gained == SLOTS / count || (SLOTS % count && gained == SLOTS / count + 1)); /* its fair share */
    (void)come_to_rest(life, true);
    check_balance(life);
}

static void random_lives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct life life = {.number = (int64_t)seed, .kind = seed % KINDS};
        jitter_init(&life.random, seed);
        assign_init(life.slots, SLOTS);
        for (size_t i = 0; i < SLOTS; i++) {
            life.told[i] = NOBODY;
            life.weights[i] = FLAT;
        }
        for (size_t i = 0; i < MEMBERS; i++) {
            snprintf(life.ids[i], sizeof life.ids[i], "m%zu", i);
            life.all[i] = (struct assign_member){.key = (uint32_t)i, .capacity = 100, .id = life.ids[i]};
        }
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < 40; i++)
                step(&life);
            (void)come_to_rest(&life, life.kind != PLAIN);
            check_balance(&life);
            check_few_moves(&life);
        }
    }
}

/* Two leaders that adopted the same make the same of it. */
static void the_result_does_not_depend_on_the_leader(void **state)
{
    (void)state;
    struct slot one[SLOTS], two[SLOTS];
    struct changes changes;
    int64_t number_one = 100, number_two = 100;
    assign_init(one, SLOTS);
    assign_init(two, SLOTS);
    for (size_t i = 0; i < SLOTS; i += 3) {
        assign_adopt(&one[i], 2, (int64_t)i + 1, false);
        assign_adopt(&two[SLOTS - 3 - i], 7, (int64_t)(SLOTS - 3 - i) + 1, false); /* other keys, other order */
    }
    struct assign_member first[] = {member(1, "a"), member(2, "b"), member(3, "c")},
                         second[] = {member(9, "c"), member(7, "b"), member(8, "a")};
    (void)plan_of(one, SLOTS, first, 3, NULL, &number_one, &changes);
    (void)plan_of(two, SLOTS, second, 3, NULL, &number_two, &changes);
    static const uint32_t same[] = {0, 8, 7, 9};
    for (size_t i = 0; i < SLOTS; i++) {
        assert_int_equal(two[i].owner, same[one[i].owner]);
        assert_int_equal(two[i].number, one[i].number);
    }
}

/* ---- zones ---- */

static void zones_get_equal_parts_as_far_as_capacity_allows(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        const char *zones;
        int32_t capacity[6];
        size_t held[6];
    } rows[] = {
        {3, "aab", {100, 100, 100}, {6, 6, 12}},         /* losing b loses half, losing a the other half */
        {4, "aaab", {100, 100, 100, 100}, {5, 5, 5, 9}}, /* b is stretched by one half, no more: 15 and 9 */
        {4, "aabb", {100, 100, 100, 100}, {6, 6, 6, 6}},
        {3, "abc", {100, 100, 100}, {8, 8, 8}},
        {3, "aaa", {100, 100, 100}, {8, 8, 8}},
        {4, "abbc", {300, 100, 100, 100}, {10, 4, 4, 6}}, /* c stretched to 6, the others share 18 */
        {6, "aaaabb", {1, 1, 1, 1, 2, 2}, {3, 3, 3, 3, 6, 6}},
        {3, " ab", {100, 100, 100}, {8, 8, 8}}, /* no zone, among zones, is one */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slot slots[SLOTS];
        struct assign_member members[6];
        struct changes changes;
        char names[6][2] = {""}, ids[6][24];
        int64_t number = 0;
        assign_init(slots, SLOTS);
        for (size_t k = 0; k < rows[i].count; k++) {
            names[k][0] = rows[i].zones[k] == ' ' ? '\0' : rows[i].zones[k];
            snprintf(ids[k], sizeof ids[k], "%zu", k);
            members[k] = member((uint32_t)k, ids[k]);
            members[k].zone = names[k];
            members[k].capacity = rows[i].capacity[k];
        }
        assert_int_equal(plan_of(slots, SLOTS, members, rows[i].count, NULL, &number, &changes), SLOTS);
        size_t held[6] = {0};
        for (size_t k = 0; k < SLOTS; k++)
            held[slots[k].owner]++;
        for (size_t k = 0; k < rows[i].count; k++) {
            size_t most = rows[i].held[k] > held[k] ? rows[i].held[k] - held[k] : held[k] - rows[i].held[k];
            if (most > (strcmp(rows[i].zones, "abbc") == 0)) /* a and b have 9 each, b of two members */
                fail_msg("row %zu: member %zu holds %zu", i, k, held[k]);
        }
    }
}

static void a_zone_that_has_nothing_gets_its_part_and_says_so(void **state)
{
    (void)state;
    struct slot slots[SLOTS];
    struct changes changes;
    int64_t number = 0;
    struct assign_member members[] = {member(0, "a1"), member(1, "a2"), member(2, "a3"), member(3, "b1")};
    for (size_t i = 0; i < 4; i++)
        members[i].zone = i < 3 ? "a" : "b";
    assign_init(slots, SLOTS);
    (void)plan_of(slots, SLOTS, members, 3, NULL, &number, &changes);
    size_t by_capacity = 0, for_the_zone = 0;
    for (size_t rounds = 0; members[3].filling && rounds < 50; rounds++) {
        (void)plan_of(slots, SLOTS, members, 4, NULL, &number, &changes);
        for (size_t i = 0; i < changes.count; i++) {
            by_capacity += changes.list[i].cause == CAUSE_JOIN && changes.list[i].to == NOBODY;
            for_the_zone += changes.list[i].cause == CAUSE_ZONE && changes.list[i].to == NOBODY;
        }
        for (size_t k = 0; k < SLOTS; k++) {
            (void)assign_released(&slots[k], slots[k].owner, slots[k].number);
            (void)assign_arrived(&slots[k], slots[k].owner, slots[k].number);
        }
    }
    assert_int_equal(by_capacity, 6); /* a quarter */
    assert_int_equal(for_the_zone, 3);
}

/* ---- hours of noisy load ---- */

struct flow {
    struct load loads[SLOTS];
    double rate[SLOTS], noise; /* rows a second */
    int64_t records[SLOTS], rows[SLOTS];
    struct slot slots[SLOTS];
    struct assign_member members[4];
    int64_t now_ms, changed_ms, number;
    size_t moves;
    struct jitter random;
};

static void count_change(void *arg, const struct assign_change *change)
{
    struct flow *flow = arg;
    flow->moves += change->to == NOBODY;
    flow->changed_ms = flow->now_ms;
}

/* `seconds` of reports every 500 ms and a plan every second, as the leader makes them; hand-overs take one report. */
static void flow_on(struct flow *flow, int64_t seconds)
{
    for (int64_t half = 0; half < 2 * seconds; half++) {
        int64_t weights[SLOTS];
        flow->now_ms += 500;
        for (size_t i = 0; i < SLOTS; i++) {
            double random = (double)jitter_below(&flow->random, 2001) / 1000 - 1; /* -1..1 */
            int64_t rows = (int64_t)(flow->rate[i] / 2 * (1 + flow->noise * random));
            flow->rows[i] += rows;
            flow->records[i] += 1 + rows / 100;
            load_observe(&flow->loads[i], flow->now_ms, (const int64_t[]){flow->records[i], flow->rows[i], 0});
            (void)assign_released(&flow->slots[i], flow->slots[i].owner, flow->slots[i].number);
            (void)assign_arrived(&flow->slots[i], flow->slots[i].owner, flow->slots[i].number);
        }
        load_weights(flow->loads, SLOTS, LOAD_IDLE_RATE, weights);
        struct assign assign = {.slots = flow->slots,
                                .slot_count = SLOTS,
                                .weights = weights,
                                .members = flow->members,
                                .count = 4,
                                .now_ms = flow->now_ms,
                                .level = flow->now_ms - flow->changed_ms >= 15000,
                                .number = &flow->number,
                                .fn = count_change,
                                .arg = flow};
        (void)assign_plan(&assign);
    }
}

/* The most and the least that a member carries, in percent of the average, by the true rates. */
static void spread_of(const struct flow *flow, double *most, double *least)
{
    double load[4] = {0}, sum = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        load[flow->slots[i].owner] += flow->rate[i];
        sum += flow->rate[i];
    }
    *most = 0;
    *least = INFINITY;
    for (size_t i = 0; i < 4; i++) {
        *most = fmax(*most, 400 * load[i] / sum);
        *least = fmin(*least, 400 * load[i] / sum);
    }
}

static void flow_begin(struct flow *flow, uint64_t seed)
{
    static const char *const ids[] = {"a", "b", "c", "d"};
    *flow = (struct flow){.noise = 0.8, .now_ms = 1000};
    jitter_init(&flow->random, seed);
    assign_init(flow->slots, SLOTS);
    for (size_t i = 0; i < SLOTS; i++) {
        int64_t r = 1 + jitter_below(&flow->random, 20);
        flow->rate[i] = (double)(r * r * 100); /* 100 to 40,000 rows a second */
    }
    for (size_t i = 0; i < 4; i++)
        flow->members[i] = member((uint32_t)i, ids[i]);
}

static void noise_moves_nothing_for_hours(void **state)
{
    (void)state;
    size_t all = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct flow flow;
        double most, least;
        flow_begin(&flow, seed);
        flow_on(&flow, 600);
        size_t settling = flow.moves;
        assert_true(settling <= SLOTS);
        spread_of(&flow, &most, &least);
        if (most > 125)
            fail_msg("seed %llu: a member carries %.0f%%", (unsigned long long)seed, most);
        flow_on(&flow, 3 * 3600);
        all += flow.moves - settling;
        if (flow.moves - settling > 2) /* one that was at the brink may still go, but nothing goes to and fro */
            fail_msg("seed %llu: %zu moves in three hours of the same load", (unsigned long long)seed,
                     flow.moves - settling);
    }
    print_message("%zu moves in 120 hours of noise\n", all);
}

static void a_load_that_changes_is_levelled_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct flow flow;
        double most, least, sum = 0;
        flow_begin(&flow, seed);
        for (size_t i = 0; i < SLOTS; i++)
            flow.rate[i] = 1000;
        flow_on(&flow, 300);
        assert_int_equal(flow.moves, 0);
        size_t hot = (size_t)jitter_below(&flow.random, SLOTS);
        flow.rate[hot] = 6000;
        for (size_t i = 0; i < SLOTS; i++)
            sum += flow.rate[i];
        flow_on(&flow, 300);
        spread_of(&flow, &most, &least);
        size_t moves = flow.moves;
        assert_in_range(moves, 2, 5);
        assert_true(most <= 400 * 9000 / sum); /* the hot one and three others: it was one and five */
        flow_on(&flow, 3600);
        assert_true(flow.moves <= moves + 1); /* it may be at the brink, and noise takes it over: once */
        moves = flow.moves;
        flow_on(&flow, 3600);
        assert_int_equal(flow.moves, moves);
    }
}

/* ---- cost ---- */

static void none(void *arg, const struct assign_change *change)
{
    (void)arg, (void)change;
}

static double plan_ms(struct assign *assign, const char *what)
{
    struct timespec begin, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    size_t changes = assign_plan(assign);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    double ms = (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
    print_message("1000 members, 4096 slots: %s: %zu changes in %.1f ms\n", what, changes, ms);
    return ms;
}

static void a_thousand_members(void **state)
{
    (void)state;
    enum { COUNT = 1000, MANY = 4096 };
    struct slot *slots = calloc(MANY, sizeof *slots);
    int64_t *weights = calloc(MANY, sizeof *weights), number = 0;
    struct assign_member *members = calloc(COUNT, sizeof *members);
    char(*ids)[16] = calloc(COUNT, sizeof *ids);
    struct jitter random;
    jitter_init(&random, 1);
    assign_init(slots, MANY);
    for (size_t i = 0; i < MANY; i++)
        weights[i] = 1000 + jitter_below(&random, 1000);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(ids[i], sizeof ids[i], "m%03zu", i);
        members[i] = member((uint32_t)i, ids[i]);
        members[i].zone = i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "c";
    }
    struct assign assign = {.slots = slots,
                            .slot_count = MANY,
                            .weights = weights,
                            .members = members,
                            .count = COUNT / 2,
                            .number = &number,
                            .fn = none};
    double worst = plan_ms(&assign, "the first plan of half of them");
    (void)plan_ms(&assign, "nothing to do");
    assign.count = COUNT;
    for (size_t i = 0; i < COUNT / 2; i++)
        members[i].filling = false;
    worst = fmax(worst, plan_ms(&assign, "the other half comes"));
    for (size_t rounds = 0; rounds < 40; rounds++) {
        for (size_t i = 0; i < MANY; i++) {
            (void)assign_released(&slots[i], slots[i].owner, slots[i].number);
            (void)assign_arrived(&slots[i], slots[i].owner, slots[i].number);
        }
        (void)assign_plan(&assign);
    }
    for (size_t i = 0; i < MANY; i++)
        weights[i] = 1000 + jitter_below(&random, 9000);
    assign.level = true;
    worst = fmax(worst, plan_ms(&assign, "the load changed"));
    assert_true(worst < 5000); /* the target is 50 ms; a bound for machines of all kinds and sanitizers */
    free(ids);
    free(members);
    free(weights);
    free(slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_moves_through_free_only_and_one_at_a_time),
        cmocka_unit_test(a_move_that_is_stuck_holds_up_others_for_a_while),
        cmocka_unit_test(a_taker_that_dies_is_replaced),
        cmocka_unit_test(a_hot_slot_drives_the_others_away),
        cmocka_unit_test(a_new_leader_believes_the_larger_number),
        cmocka_unit_test(random_lives),
        cmocka_unit_test(the_result_does_not_depend_on_the_leader),
        cmocka_unit_test(zones_get_equal_parts_as_far_as_capacity_allows),
        cmocka_unit_test(a_zone_that_has_nothing_gets_its_part_and_says_so),
        cmocka_unit_test(noise_moves_nothing_for_hours),
        cmocka_unit_test(a_load_that_changes_is_levelled_once),
        cmocka_unit_test(a_thousand_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
