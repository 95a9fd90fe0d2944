/* Who holds which slot: random lives of clusters against a model of what members were told. */
#include "assign_plan.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lives),
        cmocka_unit_test(the_result_does_not_depend_on_the_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
