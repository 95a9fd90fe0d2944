/* Who holds which slot: small tables by hand, and zones. */
#include "assign_plan.h"

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

/* a has six slots, b has come, and a is to give it the last one. */
static void begin_a_move(struct slot *slots, int64_t *number, struct changes *changes)
{
    struct assign_member one[] = {member(0, "a")}, two[] = {member(0, "a"), member(1, "b")};
    assign_init(slots, 6);
    (void)plan_of(slots, 6, one, 1, NULL, number, changes);
    (void)plan_of(slots, 6, two, 2, NULL, number, changes);
    assert_string_equal(text_of(slots, 6), "aaaaaA");
}

static void a_move_that_is_stuck_holds_up_others_for_a_while(void **state)
{
    (void)state;
    struct slot slots[6];
    struct changes changes;
    int64_t number = 0;
    struct assign_member two[] = {member(0, "a"), member(1, "b")};
    begin_a_move(slots, &number, &changes);
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
    struct assign_member one[] = {member(0, "a")};
    begin_a_move(slots, &number, &changes);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_moves_through_free_only_and_one_at_a_time),
        cmocka_unit_test(a_move_that_is_stuck_holds_up_others_for_a_while),
        cmocka_unit_test(a_taker_that_dies_is_replaced),
        cmocka_unit_test(a_hot_slot_drives_the_others_away),
        cmocka_unit_test(a_new_leader_believes_the_larger_number),
        cmocka_unit_test(zones_get_equal_parts_as_far_as_capacity_allows),
        cmocka_unit_test(a_zone_that_has_nothing_gets_its_part_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
