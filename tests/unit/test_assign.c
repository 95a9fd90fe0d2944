/* Who holds which slot: small tables by hand, then random lives of clusters against a model of what members were told.
 */
#include "../../coordinator/assign.h"

#include "entropy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define SLOTS   24
#define MEMBERS 8
#define NOBODY  ASSIGN_NOBODY

/* ---- shares ---- */

static void shares_are_by_capacity_and_largest_remainder(void **state)
{
    (void)state;
    static const struct {
        size_t slots, count;
        int32_t capacity[5];
        size_t held[5];
        size_t share[5];
    } rows[] = {
        {24, 1, {100}, {0}, {24}},
        {24, 2, {100, 100}, {0}, {12, 12}},
        {24, 5, {100, 100, 100, 100, 100}, {0}, {5, 5, 5, 5, 4}},
        {24,
         5,
         {100, 100, 100, 100, 100},
         {4, 5, 5, 5, 5},
         {4, 5, 5, 5, 5}}, /* equal remainders: who holds more keeps it */
        {24, 3, {100, 200, 100}, {0}, {6, 12, 6}},
        {24, 2, {1, 100000}, {0}, {0, 24}},
        {10, 3, {1, 1, 1}, {0, 0, 9}, {3, 3, 4}},
        {10, 3, {50, 30, 20}, {0}, {5, 3, 2}},
        {10, 3, {55, 30, 20}, {0}, {5, 3, 2}},
        {2, 3, {100, 100, 100}, {0}, {1, 1, 0}},
        {4096, 3, {100000, 100000, 100000}, {0}, {1366, 1365, 1365}},
        {1, 2, {1, 3}, {0}, {0, 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assign_member members[5];
        size_t sum = 0;
        for (size_t k = 0; k < rows[i].count; k++)
            members[k] = (struct assign_member){
                .key = (uint32_t)k, .capacity = rows[i].capacity[k], .id = "x", .held = rows[i].held[k]};
        assign_shares(members, rows[i].count, rows[i].slots);
        for (size_t k = 0; k < rows[i].count; k++) {
            if (members[k].share != rows[i].share[k])
                fail_msg("row %zu, member %zu: share %zu, wanted %zu", i, k, members[k].share, rows[i].share[k]);
            sum += members[k].share;
        }
        assert_int_equal(sum, rows[i].slots);
    }
    assign_shares(NULL, 0, 24);
}

/* ---- plans by hand ---- */

struct change {
    size_t slot;
    uint32_t from, to;
};

struct changes {
    struct change list[64];
    size_t count;
};

static void note(void *arg, size_t slot, uint32_t from, uint32_t to)
{
    struct changes *changes = arg;
    changes->list[changes->count++] = (struct change){slot, from, to};
}

static void make_free(struct slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        slots[i] = (struct slot){.state = SLOT_FREE, .owner = NOBODY, .before = NOBODY};
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
    return (struct assign_member){.key = key, .capacity = 100, .id = id};
}

static void a_slot_moves_through_free_only(void **state)
{
    (void)state;
    struct slot slots[6];
    struct changes changes = {.count = 0};
    int64_t number = 41;
    make_free(slots, 6);
    struct assign_member one[] = {member(0, "a")};
    assert_int_equal(assign_plan(slots, 6, one, 1, &number, note, &changes), 6);
    assert_string_equal(text_of(slots, 6), "aaaaaa");
    assert_int_equal(number, 47);
    assert_int_equal(slots[0].number, 42);
    assert_int_equal(slots[5].number, 47);
    assert_int_equal(assign_plan(slots, 6, one, 1, &number, note, &changes), 0);

    struct assign_member two[] = {member(1, "b"), member(0, "a")}; /* whatever the order */
    changes.count = 0;
    assert_int_equal(assign_plan(slots, 6, two, 2, &number, note, &changes), 3);
    assert_string_equal(text_of(slots, 6), "aaaAAA");
    assert_true(changes.list[0].slot == 5 && changes.list[0].from == 0 && changes.list[0].to == NOBODY);
    assert_int_equal(assign_plan(slots, 6, two, 2, &number, note, &changes), 0);

    assert_false(assign_released(&slots[4], 1, 99)); /* not by another */
    assert_false(assign_released(&slots[4], 0, 45)); /* not under an older number */
    assert_false(assign_released(&slots[0], 0, 99)); /* not what it is to keep */
    assert_true(assign_released(&slots[4], 0, 46));
    assert_false(assign_released(&slots[4], 0, 46)); /* twice */
    changes.count = 0;
    assert_int_equal(assign_plan(slots, 6, two, 2, &number, note, &changes), 1);
    assert_string_equal(text_of(slots, 6), "aaaAbA");
    assert_true(changes.list[0].slot == 4 && changes.list[0].from == NOBODY && changes.list[0].to == 1);
    assert_int_equal(slots[4].before, 0);
    assert_int_equal(slots[4].number, 48);

    assert_int_equal(assign_free_owner(slots, 6, 0), 5); /* it fell silent, what it was releasing is free too */
    struct assign_member other[] = {member(1, "b")};
    assert_int_equal(assign_plan(slots, 6, other, 1, &number, note, &changes), 5);
    assert_string_equal(text_of(slots, 6), "bbbbbb");
    assert_int_equal(assign_plan(slots, 6, NULL, 0, &number, note, &changes), 6); /* it drains, nobody is left */
    assert_string_equal(text_of(slots, 6), "BBBBBB");
}

static void a_new_leader_believes_the_larger_number(void **state)
{
    (void)state;
    struct slot slot;
    make_free(&slot, 1);
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

struct life {
    struct slot slots[SLOTS];
    uint32_t told[SLOTS]; /* who was told to hold it and has not been heard to have let go */
    int64_t number, last[SLOTS];
    size_t gives;
    struct assign_member all[MEMBERS];
    char ids[MEMBERS][16];
    bool here[MEMBERS], draining[MEMBERS];
    struct jitter random;
};

static void check_change(void *arg, size_t slot, uint32_t from, uint32_t to)
{
    struct life *life = arg;
    if (to == NOBODY) {
        assert_int_equal(life->told[slot], from);
        return;
    }
    assert_int_equal(life->told[slot], NOBODY); /* never two */
    assert_true(life->slots[slot].number > life->last[slot]);
    life->last[slot] = life->slots[slot].number;
    life->told[slot] = to;
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

static size_t plan(struct life *life)
{
    struct assign_member members[MEMBERS];
    size_t count = usable(life, members);
    for (size_t i = count; i > 1; i--) { /* the order must not matter */
        size_t k = (size_t)jitter_below(&life->random, (int64_t)i);
        struct assign_member swap = members[i - 1];
        members[i - 1] = members[k];
        members[k] = swap;
    }
    int64_t before = life->number;
    size_t gives = life->gives,
           changes = assign_plan(life->slots, SLOTS, members, count, &life->number, check_change, life);
    assert_int_equal(life->number - before, life->gives - gives);
    return changes;
}

static void let_go(struct life *life, size_t slot)
{
    if (life->slots[slot].state != SLOT_RELEASING)
        return;
    uint32_t owner = life->slots[slot].owner;
    if (jitter_below(&life->random, 4) == 0)
        assert_false(assign_released(&life->slots[slot], owner, life->slots[slot].number - 1)); /* a late one */
    life->told[slot] = NOBODY;
    assert_true(assign_released(&life->slots[slot], owner, life->slots[slot].number));
}

static void gone(struct life *life, size_t index)
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
}

static void step(struct life *life)
{
    size_t index = (size_t)jitter_below(&life->random, MEMBERS);
    switch (jitter_below(&life->random, 6)) {
    case 0:
        if (life->here[index])
            gone(life, index); /* killed, and back as another incarnation */
        life->all[index].key += MEMBERS;
        life->all[index].capacity = 1 + (int32_t)jitter_below(&life->random, 400);
        life->here[index] = true;
        break;
    case 1:
        if (life->here[index])
            gone(life, index);
        break;
    case 2:
        life->draining[index] = life->here[index];
        break;
    default:
        for (size_t i = 0; i < SLOTS; i++) {
            if (jitter_below(&life->random, 3) == 0)
                let_go(life, i);
        }
    }
    if (jitter_below(&life->random, 2) == 0)
        (void)plan(life);
}

static void held_by(const struct life *life, size_t *held)
{
    memset(held, 0, MEMBERS * sizeof *held);
    for (size_t i = 0; i < SLOTS; i++) {
        for (size_t k = 0; k < MEMBERS; k++)
            held[k] += life->slots[i].state == SLOT_GIVEN && life->slots[i].owner == life->all[k].key;
    }
}

/* Lets everything come to rest; returns how many slots were given on the way. */
static size_t come_to_rest(struct life *life)
{
    size_t gives = life->gives, rounds = 0;
    for (bool moving = true; moving; rounds++) {
        assert_true(rounds < 100);
        moving = plan(life) > 0;
        for (size_t i = 0; i < SLOTS; i++) {
            moving |= life->slots[i].state == SLOT_RELEASING;
            let_go(life, i);
        }
    }
    return life->gives - gives;
}

static void check_balance(const struct life *life)
{
    struct assign_member members[MEMBERS];
    size_t held[MEMBERS], count = usable(life, members);
    int64_t total = 0;
    held_by(life, held);
    for (size_t i = 0; i < count; i++)
        total += members[i].capacity;
    for (size_t i = 0; i < SLOTS; i++)
        assert_int_equal(life->slots[i].state, count ? SLOT_GIVEN : SLOT_FREE);
    for (size_t i = 0; i < MEMBERS; i++) {
        bool may = life->here[i] && !life->draining[i];
        int64_t exact = may ? (int64_t)SLOTS * life->all[i].capacity : 0; /* times total */
        assert_true((int64_t)held[i] * total > exact - (may ? total : 1) || exact == 0);
        assert_true((int64_t)held[i] * total < exact + total || (exact == 0 && held[i] == 0));
    }
}

/* From rest, one change of membership: no more moves than members lack afterwards. */
static void check_few_moves(struct life *life)
{
    size_t before[MEMBERS], after[MEMBERS], lack = 0;
    held_by(life, before);
    size_t index = (size_t)jitter_below(&life->random, MEMBERS);
    if (life->here[index]) {
        gone(life, index);
        before[index] = 0;
    } else {
        life->all[index].key += MEMBERS;
        life->here[index] = true;
    }
    size_t moves = come_to_rest(life);
    held_by(life, after);
    for (size_t i = 0; i < MEMBERS; i++)
        lack += after[i] > before[i] ? after[i] - before[i] : 0;
    assert_int_equal(moves, lack);
    check_balance(life);
}

static void random_lives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct life life = {.number = (int64_t)seed};
        jitter_init(&life.random, seed);
        make_free(life.slots, SLOTS);
        for (size_t i = 0; i < SLOTS; i++)
            life.told[i] = NOBODY;
        for (size_t i = 0; i < MEMBERS; i++) {
            snprintf(life.ids[i], sizeof life.ids[i], "m%zu", i);
            life.all[i] = (struct assign_member){.key = (uint32_t)i, .capacity = 100, .id = life.ids[i]};
        }
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < 40; i++)
                step(&life);
            (void)come_to_rest(&life);
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
    struct changes changes = {.count = 0};
    int64_t number_one = 100, number_two = 100;
    make_free(one, SLOTS);
    make_free(two, SLOTS);
    for (size_t i = 0; i < SLOTS; i += 3) {
        assign_adopt(&one[i], 2, (int64_t)i + 1, false);
        assign_adopt(&two[SLOTS - 3 - i], 7, (int64_t)(SLOTS - 3 - i) + 1, false); /* other keys, other order */
    }
    struct assign_member first[] = {member(1, "a"), member(2, "b"), member(3, "c")},
                         second[] = {member(9, "c"), member(7, "b"), member(8, "a")};
    (void)assign_plan(one, SLOTS, first, 3, &number_one, note, &changes);
    changes.count = 0;
    (void)assign_plan(two, SLOTS, second, 3, &number_two, note, &changes);
    static const uint32_t same[] = {0, 8, 7, 9};
    for (size_t i = 0; i < SLOTS; i++) {
        assert_int_equal(two[i].owner, same[one[i].owner]);
        assert_int_equal(two[i].number, one[i].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_by_capacity_and_largest_remainder),
        cmocka_unit_test(a_slot_moves_through_free_only),
        cmocka_unit_test(a_new_leader_believes_the_larger_number),
        cmocka_unit_test(random_lives),
        cmocka_unit_test(the_result_does_not_depend_on_the_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
