/* Sentences for the operator. */
#include "../../coordinator/reason.h"

#include "../../coordinator/spread.h"

#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct assign_member members[2];
static int64_t weights[10];
static struct assign assign;

static int begin(void **state)
{
    (void)state;
    members[0] = (struct assign_member){.key = 0, .capacity = 100, .id = "worker-1", .zone = "a"};
    members[1] = (struct assign_member){.key = 1, .capacity = 100, .id = "worker-2", .zone = "b"};
    (void)spread_parts(members, 2);
    members[0].weight = 1500;
    members[0].held = 8;
    members[1].weight = 500;
    members[1].held = 2;
    weights[7] = 600;
    assign = (struct assign){.slot_count = 10, .weights = weights, .members = members, .count = 2};
    return 0;
}

static const char *text_of(enum assign_cause cause, const char *prefix, const char *filling, size_t size)
{
    static char out[256];
    struct assign_change change = {
        .slot = 7, .from = 0, .to = ASSIGN_NOBODY, .cause = cause, .giver = &members[0], .taker = &members[1]};
    reason_of(&assign, &change, (const char *[]){prefix, filling}, out, size);
    return out;
}

static void every_cause_has_its_figures(void **state)
{
    (void)state;
    assert_string_equal(text_of(CAUSE_JOIN, "p", "joined", 192), "worker-2 joined: its share is 5 of 10");
    assert_string_equal(text_of(CAUSE_JOIN, "p", NULL, 192), "worker-2 has too little: its share is 5 of 10");
    assert_string_equal(text_of(CAUSE_LOAD, "p", NULL, 192),
                        "p7 carries 40% of worker-1's load, which is 150% of its share; worker-2 has 50%");
    assert_string_equal(text_of(CAUSE_LOAD, "shard ", NULL, 40), "shard 7 carries 40% of worker-1's load,");
    assert_string_equal(text_of(CAUSE_ZONE, "p", "joined", 192), "zone b holds 2 of 10, its share is 5");
    members[1].zone = "";
    assert_string_equal(text_of(CAUSE_ZONE, "p", "joined", 192), "zone (none) holds 2 of 10, its share is 5");
}

static void names_are_cut_between_characters(void **state)
{
    (void)state;
    members[1].zone = "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac";
    for (size_t size = 1; size < 40; size++) {
        const char *text = text_of(CAUSE_ZONE, "p", NULL, size);
        assert_true(strlen(text) < size && text_is_utf8(text));
    }
}

static void causes_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < CAUSE_COUNT; i++)
        assert_true(reason_causes[i] && *reason_causes[i]);
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_cause_has_its_figures),
        T(names_are_cut_between_characters),
        T(causes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
