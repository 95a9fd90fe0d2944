/* What is posted to a webhook, what its answers mean, and how long the next attempt waits; with RFC 4231's vectors. */
#include "../../coordinator/delivery.h"
#include "alert_event.h"
#include "hmac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void codes(void **state)
{
    (void)state;
    char out[HMAC_HEX_BYTES];
    assert_string_equal(hmac_sha256_hex("Jefe", "what do ya want for nothing?", 28, out),
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    char key[132] = {0};
    memset(key, 0xaa, 131);
    assert_string_equal(hmac_sha256_hex(key, "Test Using Larger Than Block-Size Key - Hash Key First", 54, out),
                        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* An entry of a stream, as XRANGE answers. */
struct entry {
    struct buf bytes;
    struct store_reply id, name, value, fields, all;
    const struct store_reply *pair[2], *halves[2];
};

static const struct store_reply *entry_of(struct entry *entry, const char *id, const struct alert_event *event)
{
    buf_init(&entry->bytes);
    if (event)
        alert_event_encode(event, &entry->bytes);
    entry->id = (struct store_reply){.type = STORE_TEXT, .text = id, .size = strlen(id)};
    entry->name = (struct store_reply){.type = STORE_TEXT, .text = "e", .size = 1};
    entry->value = (struct store_reply){.type = STORE_TEXT, .text = entry->bytes.data, .size = entry->bytes.size};
    entry->pair[0] = &entry->name;
    entry->pair[1] = &entry->value;
    entry->fields = (struct store_reply){.type = STORE_ARRAY, .elements = entry->pair, .count = 2};
    entry->halves[0] = &entry->id;
    entry->halves[1] = &entry->fields;
    entry->all = (struct store_reply){.type = STORE_ARRAY, .elements = entry->halves, .count = 2};
    return &entry->all;
}

static const struct alert_event heat = {.rule = "heat",
                                        .city_id = 7,
                                        .onset_ms = 1700000000000,
                                        .change = ISOBAR__V1__ALERT_CHANGE__ALERT_CHANGE_RAISED,
                                        .metric = 1,
                                        .name = "temperature",
                                        .scale = 100,
                                        .statistic = ISOBAR__V1__ALERT_STATISTIC__ALERT_STATISTIC_LAST,
                                        .value = 3100,
                                        .threshold = 3000};

static void an_entry_becomes_a_post(void **state)
{
    (void)state;
    struct entry entry;
    struct delivery delivery;
    struct buf headers[DELIVERY_HEADERS], text = BUF_EMPTY;
    char code[HMAC_HEX_BYTES], wanted[128];
    assert_true(delivery_take(&delivery, 3, entry_of(&entry, "5-0", &heat)));
    assert_string_equal(delivery.id, "5-0");
    assert_string_equal(delivery.event_id, "heat/7/1700000000000/raised");
    assert_memory_equal(delivery.body.data, "{\"id\":\"heat/7/1700000000000\"", 28);
    delivery_headers(&delivery, "secret", 1790000000999, headers);
    assert_string_equal(headers[1].data, "Isobar-Event-Id: heat/7/1700000000000/raised");
    assert_string_equal(headers[2].data, "Isobar-Timestamp: 1790000000");
    buf_printf(&text, "1790000000.%s", delivery.body.data);
    (void)snprintf(wanted, sizeof wanted, "Isobar-Signature: sha256=%s",
                   hmac_sha256_hex("secret", text.data, text.size, code));
    assert_string_equal(headers[3].data, wanted);
    for (int i = 0; i < DELIVERY_HEADERS; i++)
        buf_release(&headers[i]);
    buf_release(&text);
    delivery_release(&delivery);
    buf_release(&entry.bytes);
}

static void entries_that_are_none(void **state)
{
    (void)state;
    struct entry entry;
    struct delivery delivery;
    assert_true(delivery_take(&delivery, 3, entry_of(&entry, "5-0", NULL))); /* no event: to be parked */
    assert_int_equal(delivery.body.size, 0);
    entry.all.count = 1;
    assert_false(delivery_take(&delivery, 3, &entry.all));
    assert_false(delivery_take(&delivery, 3, &entry.id));
    assert_false(
        delivery_take(&delivery, 3, entry_of(&entry, "111111111111111111111111111111111111111111111111111111", NULL)));
    assert_true(delivery_take(&delivery, 3, entry_of(&entry, "5-0", NULL)));
    entry.fields.count = 1;
    assert_true(delivery_take(&delivery, 3, &entry.all));
    assert_int_equal(delivery.body.size, 0);
    buf_release(&entry.bytes);
}

static void verdicts(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum delivery_verdict verdict;
    } rows[] = {{200, DELIVERY_DONE},    {204, DELIVERY_DONE},    {299, DELIVERY_DONE},    {301, DELIVERY_REFUSED},
                {400, DELIVERY_REFUSED}, {401, DELIVERY_REFUSED}, {404, DELIVERY_REFUSED}, {408, DELIVERY_RETRY},
                {410, DELIVERY_REFUSED}, {429, DELIVERY_RETRY},   {500, DELIVERY_RETRY},   {503, DELIVERY_RETRY}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct transfer_result result = {.end = TRANSFER_ANSWERED, .http_status = rows[i].status};
        assert_int_equal(delivery_judge(&result), rows[i].verdict);
        result.end = TRANSFER_TIMEOUT;
        assert_int_equal(delivery_judge(&result), DELIVERY_RETRY);
    }
}

static void waits(void **state)
{
    (void)state;
    struct jitter jitter;
    struct transfer_result result = {.retry_after_ms = -1};
    jitter_init(&jitter, 5);
    int64_t most = 0;
    for (int attempt = 0; attempt < 40; attempt++) {
        for (int i = 0; i < 50; i++) {
            int64_t wait = delivery_wait_ms(&jitter, attempt, &result);
            int64_t limit = attempt < 6 ? DELIVERY_BASE_MS << attempt : DELIVERY_CAP_MS;
            assert_in_range(wait, 0, limit < DELIVERY_CAP_MS ? limit : DELIVERY_CAP_MS);
            most = wait > most ? wait : most;
        }
    }
    assert_true(most > DELIVERY_CAP_MS / 2);
    result.retry_after_ms = 90000;
    assert_int_equal(delivery_wait_ms(&jitter, 0, &result), 90000);
    result.retry_after_ms = 999999999;
    assert_int_equal(delivery_wait_ms(&jitter, 0, &result), DELIVERY_AFTER_MS);
}

static void ids_of_entries(void **state)
{
    (void)state;
    char out[DELIVERY_ID_BYTES];
    assert_true(delivery_next_id("0-0", out));
    assert_string_equal(out, "0-1");
    assert_true(delivery_next_id("1790000000000-41", out));
    assert_string_equal(out, "1790000000000-42");
    static const char *const bad[] = {"", "-", "1", "1-", "-1", "x-1", "1-x", "1-1x", "1--1", "1-18446744073709551615"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(delivery_next_id(bad[i], out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes),
        cmocka_unit_test(an_entry_becomes_a_post),
        cmocka_unit_test(entries_that_are_none),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(waits),
        cmocka_unit_test(ids_of_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
