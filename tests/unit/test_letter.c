/* Dead letters: what is read of one, which are meant, and the record that gives its original another chance. */
#include "../../ctl/letter.h"

#include "error.h"
#include "mem.h"

#include "deadletter.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOPIC "weather.observations"

static struct letter_reader *reader;

static int begin(void **state)
{
    (void)state;
    reader = letter_reader_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    letter_reader_free(reader);
    letter_reader_free(NULL);
    return 0;
}

/* A batch of `count` readings of the cities 1001, 1002, ... in shard 3. */
static struct buf original_of(size_t count)
{
    struct observation rows[4] = {{0}};
    struct buf out = BUF_EMPTY;
    for (size_t i = 0; i < count; i++) {
        rows[i].city_id = 1001 + (int64_t)i;
        rows[i].observed_at_ms = 1000 * (int64_t)(i + 1);
        observation_set(&rows[i], ISOBAR__V1__VALUE__TEMPERATURE, 100 + (int32_t)i);
    }
    assert_int_equal(batch_encode(rows, count, 3, &out), 0);
    return out;
}

/* A letter about `row` of `original`, whose fields a test may change before it is read. */
static Isobar__V1__DeadLetter message_of(const struct buf *original, int64_t row)
{
    Isobar__V1__DeadLetter message = ISOBAR__V1__DEAD_LETTER__INIT;
    static char topic[] = TOPIC, reason[] = "foreign_partition";
    message.format = 1;
    message.reason = reason;
    message.topic = topic;
    message.partition = 5;
    message.offset = 70;
    message.row = row;
    message.timestamp_ms = 4000;
    message.original.data = (uint8_t *)original->data;
    message.original.len = original->size;
    message.original_bytes = (int64_t)original->size;
    return message;
}

static int read_message(const Isobar__V1__DeadLetter *message, struct letter *letter, const char **reason)
{
    size_t size = isobar__v1__dead_letter__get_packed_size(message);
    uint8_t *bytes = mem_alloc(size + 1);
    isobar__v1__dead_letter__pack(message, bytes);
    struct kafka_record record = {
        .topic = "weather.deadletter", .partition = 0, .offset = 9, .timestamp_ms = 5000, .value = bytes, .size = size};
    int status = letter_read(reader, &record, letter, reason);
    free(bytes);
    return status;
}

static struct letter letter_of(const Isobar__V1__DeadLetter *message)
{
    struct letter letter;
    const char *reason = NULL;
    assert_int_equal(read_message(message, &letter, &reason), 0);
    assert_null(reason);
    return letter;
}

static void a_letter_tells_where_its_original_was_and_of_which_city(void **state)
{
    (void)state;
    struct buf original = original_of(3);
    Isobar__V1__DeadLetter message = message_of(&original, 1);
    struct letter letter = letter_of(&message);
    char key[LETTER_KEY_BYTES];
    assert_int_equal(letter.offset, 9);
    assert_int_equal(letter.at_ms, 5000);
    assert_int_equal(letter.produced_at_ms, 4000);
    assert_int_equal(letter.bytes, original.size);
    assert_int_equal(letter.kept, original.size);
    assert_int_equal(letter.city_id, 1002);
    assert_string_equal(letter.reason, "foreign_partition");
    assert_string_equal(letter_key(&letter, key), TOPIC "/5/70/1");
    message.row = -1; /* of three cities */
    assert_int_equal(letter_of(&message).city_id, 0);
    message.row = 3; /* there is none */
    assert_int_equal(letter_of(&message).city_id, 0);
    message.original.len = 5; /* cannot be decoded */
    message.row = 1;
    assert_int_equal(letter_of(&message).city_id, 0);
    buf_release(&original);
}

static void texts_of_others_are_made_printable(void **state)
{
    (void)state;
    struct buf original = original_of(1);
    Isobar__V1__DeadLetter message = message_of(&original, 0);
    char reason[400], topic[] = "a\x1b[2Jb\xff\xc2\x9b_";
    memset(reason, 'r', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    message.reason = reason;
    message.topic = topic;
    struct letter letter = letter_of(&message);
    assert_int_equal(strlen(letter.reason), LETTER_REASON_BYTES - 1);
    assert_string_equal(letter.topic, "a?[2Jb??_");
    buf_release(&original);
}

static void what_is_no_letter_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        int32_t format, partition;
        int64_t offset, row, bytes;
        const char *reason;
    } rows[] = {{2, 5, 70, 0, 999, "format"},    {1, -1, 70, 0, 999, "no place"},  {1, 5, -1, 0, 999, "no place"},
                {1, 5, 70, -2, 999, "no place"}, {1, 5, 70, 512, 999, "no place"}, {1, 5, 70, 0, 3, "longer"}};
    struct buf original = original_of(1);
    struct letter letter;
    const char *reason = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Isobar__V1__DeadLetter message = message_of(&original, rows[i].row);
        message.format = rows[i].format;
        message.partition = rows[i].partition;
        message.offset = rows[i].offset;
        message.original_bytes = rows[i].bytes;
        assert_int_equal(read_message(&message, &letter, &reason), ERR_INVALID);
        assert_non_null(strstr(reason, rows[i].reason));
    }
    struct kafka_record junk = {.value = "\xff\xff\xff", .size = 3};
    assert_int_equal(letter_read(reader, &junk, &letter, &reason), ERR_INVALID);
    assert_non_null(strstr(reason, "decoded"));
    char *long_one = mem_alloc(LETTER_MAX_BYTES + 1);
    junk = (struct kafka_record){.value = long_one, .size = LETTER_MAX_BYTES + 1};
    assert_int_equal(letter_read(reader, &junk, &letter, &reason), ERR_INVALID);
    assert_non_null(strstr(reason, "long"));
    free(long_one);
    buf_release(&original);
}

static void a_filter_means_what_it_says(void **state)
{
    (void)state;
    struct letter letter = {.at_ms = 5000, .city_id = 7, .reason = "foreign_partition"};
    static const struct {
        struct letter_filter filter;
        bool matches;
    } rows[] = {{{"", 0, 0}, true},     {{"foreign", 0, 0}, true}, {{"partition", 7, 5000}, true}, {{"", 8, 0}, false},
                {{"", 0, 5001}, false}, {{"future", 0, 0}, false}, {{"foreign", 7, 4999}, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(letter_matches(&letter, &rows[i].filter), rows[i].matches);
    letter.city_id = 0;
    assert_false(letter_matches(&letter, &rows[2].filter));
}

static const struct letter_target target = {TOPIC, 8, false};

static void a_row_alone_is_replayed_alone(void **state)
{
    (void)state;
    struct buf original = original_of(3), out = BUF_EMPTY;
    Isobar__V1__DeadLetter message = message_of(&original, 2);
    struct letter letter = letter_of(&message);
    struct batch *batch = batch_new();
    struct observation row;
    const char *reason;
    size_t size;
    assert_int_equal(letter_original(reader, &letter, &target, &out), LETTER_REPLAY);
    assert_int_equal(batch_decode(batch, out.data, out.size, &reason), 0);
    assert_int_equal(batch_rows(batch), 1);
    assert_int_equal(batch_shard(batch), 3);
    batch_row(batch, 0, &row);
    assert_int_equal(row.city_id, 1003);
    assert_int_equal(row.value[ISOBAR__V1__VALUE__TEMPERATURE], 102);
    assert_null(letter_original_key(reader, &size));
    assert_int_equal(size, 0);
    batch_free(batch);
    buf_release(&out);
    buf_release(&original);
}

static void a_whole_record_is_replayed_byte_by_byte(void **state)
{
    (void)state;
    struct buf original = original_of(3), out = BUF_EMPTY;
    Isobar__V1__DeadLetter message = message_of(&original, -1);
    message.original_key.data = (uint8_t *)original.data; /* any bytes */
    message.original_key.len = 4;
    struct letter letter = letter_of(&message);
    size_t size;
    assert_int_equal(letter_original(reader, &letter, &target, &out), LETTER_REPLAY);
    assert_int_equal(out.size, original.size);
    assert_memory_equal(out.data, original.data, out.size);
    assert_memory_equal(letter_original_key(reader, &size), original.data, 4);
    assert_int_equal(size, 4);
    buf_release(&original);
    /* A late row comes alone in its letter, under the index it had; it is replayed as it is. */
    original = original_of(1);
    message = message_of(&original, 2);
    letter = letter_of(&message);
    assert_int_equal(letter.city_id, 1001);
    assert_int_equal(letter_original(reader, &letter, &target, &out), LETTER_REPLAY);
    assert_memory_equal(out.data, original.data, original.size);
    /* What cannot be decoded is given another chance as well: by newer software, say. */
    message = message_of(&original, -1);
    message.original.len = 3;
    message.original_bytes = 3;
    letter = letter_of(&message);
    assert_int_equal(letter_original(reader, &letter, &target, &out), LETTER_REPLAY);
    assert_int_equal(out.size, 3);
    buf_release(&out);
    buf_release(&original);
}

static void the_rest_is_not_replayed_and_says_why(void **state)
{
    (void)state;
    struct buf original = original_of(3), out = BUF_EMPTY;
    Isobar__V1__DeadLetter message = message_of(&original, 2);
    struct letter_target all = {TOPIC, 8, true}, other = {"another", 8, false}, few = {TOPIC, 5, false};
    struct letter letter = letter_of(&message);
    assert_int_equal(letter_original(reader, &letter, &other, &out), LETTER_FOREIGN);
    assert_int_equal(letter_original(reader, &letter, &few, &out), LETTER_FOREIGN);
    (void)snprintf(letter.reason, sizeof letter.reason, "%s", LETTER_RETIRED);
    assert_int_equal(letter_original(reader, &letter, &target, &out), LETTER_OLD);
    assert_int_equal(out.size, 0);
    assert_int_equal(letter_original(reader, &letter, &all, &out), LETTER_REPLAY);
    message.original_bytes++;
    letter = letter_of(&message);
    assert_int_equal(letter_original(reader, &letter, &target, &out), LETTER_CUT);
    message = message_of(&original, 3);
    letter = letter_of(&message);
    assert_int_equal(letter_original(reader, &letter, &target, &out), LETTER_ROW_MISSING);
    message.original.len = 0;
    message.original_bytes = 0;
    letter = letter_of(&message);
    assert_int_equal(letter_original(reader, &letter, &target, &out), LETTER_CUT);
    for (int fate = 0; fate < LETTER_FATES; fate++)
        assert_non_null(letter_fate_text((enum letter_fate)fate));
    buf_release(&out);
    buf_release(&original);
}

static void a_letter_is_shown_as_a_line_and_as_json(void **state)
{
    (void)state;
    struct letter letter = {.partition = 1,
                            .offset = 2,
                            .at_ms = 1500,
                            .reason = "a \"word\"",
                            .topic = "t",
                            .source_partition = 3,
                            .source_offset = 4,
                            .produced_at_ms = 1000,
                            .row = -1,
                            .bytes = 60,
                            .kept = 50,
                            .city_id = 7};
    struct buf out = BUF_EMPTY;
    letter_json(&letter, &out);
    assert_string_equal(out.data, "{\"partition\":1,\"offset\":2,\"at\":1500,\"reason\":\"a \\\"word\\\"\","
                                  "\"source\":{\"topic\":\"t\",\"partition\":3,\"offset\":4,\"row\":-1,"
                                  "\"produced_at\":1000},\"city\":7,\"bytes\":60,\"kept\":50}");
    buf_reset(&out);
    letter.city_id = 0;
    letter_json(&letter, &out);
    assert_null(strstr(out.data, "city"));
    buf_reset(&out);
    letter_print_head(&out);
    letter_print(&letter, &out);
    assert_non_null(strstr(out.data, "1970-01-01T00:00:01.500Z"));
    assert_non_null(strstr(out.data, "t/3/4/-1"));
    assert_non_null(strstr(out.data, " - "));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_tells_where_its_original_was_and_of_which_city),
        cmocka_unit_test(texts_of_others_are_made_printable),
        cmocka_unit_test(what_is_no_letter_is_refused_with_the_reason),
        cmocka_unit_test(a_filter_means_what_it_says),
        cmocka_unit_test(a_row_alone_is_replayed_alone),
        cmocka_unit_test(a_whole_record_is_replayed_byte_by_byte),
        cmocka_unit_test(the_rest_is_not_replayed_and_says_why),
        cmocka_unit_test(a_letter_is_shown_as_a_line_and_as_json),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
