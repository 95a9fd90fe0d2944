/* Envelopes of earlier versions stay readable: files of tests/compat, field by field (the rule is in its README.md). */
#include "compat_files.h"

static Isobar__V1__Envelope *envelope_of(const char *name, const char *member, Isobar__V1__Envelope__BodyCase body)
{
    struct buf bytes = bytes_of(name);
    Isobar__V1__Envelope *envelope = isobar__v1__envelope__unpack(NULL, bytes.size, (const uint8_t *)bytes.data);
    buf_release(&bytes);
    assert_non_null(envelope);
    assert_int_equal(envelope->format, 1);
    assert_string_equal(envelope->member, member);
    assert_int_equal(envelope->incarnation, INT64_C(1234567890123456789));
    assert_int_equal(envelope->body_case, body);
    return envelope;
}

#define ENVELOPE_FILE(name, member, BODY) envelope_of("envelope_" name, member, ISOBAR__V1__ENVELOPE__BODY_##BODY)
#define ENVELOPE(name, member, BODY)      ENVELOPE_FILE(name "_1", member, BODY)

static void free_envelope(Isobar__V1__Envelope *envelope)
{
    isobar__v1__envelope__free_unpacked(envelope, NULL);
}

static void envelope_hello_1(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE("hello", "worker-1", HELLO);
    assert_int_equal(envelope->hello->role, ISOBAR__V1__ROLE__WORKER);
    assert_int_equal(envelope->hello->capacity, 100);
    assert_string_equal(envelope->hello->zone, "rack-2");
    assert_string_equal(envelope->hello->host, "host.example");
    assert_string_equal(envelope->hello->version, "0.1.0");
    assert_int_equal(envelope->hello->pid, 4711);
    free_envelope(envelope);
}

/* With the highest term seen. */
static void envelope_hello_2(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE_FILE("hello_2", "fetcher.1", HELLO);
    assert_int_equal(envelope->hello->role, ISOBAR__V1__ROLE__FETCHER);
    assert_int_equal(envelope->hello->capacity, 50);
    assert_string_equal(envelope->hello->zone, "rack-3");
    assert_int_equal(envelope->hello->term, 41);
    free_envelope(envelope);
}

static void envelope_welcome_1(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE("welcome", "worker-1", WELCOME);
    assert_int_equal(envelope->welcome->term, 3);
    assert_int_equal(envelope->welcome->partitions, 24);
    assert_string_equal(envelope->welcome->leader, "coordinator-1");
    free_envelope(envelope);
}

static void envelope_heartbeat_1(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE("heartbeat", "fetcher.1", HEARTBEAT);
    const Isobar__V1__Heartbeat *heartbeat = envelope->heartbeat;
    assert_int_equal(heartbeat->term, 3);
    assert_int_equal(heartbeat->target_version, 17);
    assert_int_equal(heartbeat->assignment_max, 1790000000000);
    assert_int_equal(heartbeat->records, 123456);
    assert_int_equal(heartbeat->calls, 654321);
    assert_true(heartbeat->draining);
    assert_int_equal(heartbeat->calls_per_minute_milli, 0);
    assert_false(heartbeat->greet);
    assert_int_equal(heartbeat->n_partitions, 2);
    const Isobar__V1__PartitionStatus *partition = heartbeat->partitions[0];
    assert_int_equal(partition->partition, 23);
    assert_int_equal(partition->phase, ISOBAR__V1__PARTITION_PHASE__RUNNING);
    assert_int_equal(partition->assignment, 99);
    assert_int_equal(partition->offset, 1000000);
    assert_int_equal(partition->lag, -1);
    assert_int_equal(partition->progress_age_ms, 40);
    assert_int_equal(partition->clock_ms, START + 310000);
    assert_int_equal(partition->watermark_ms, START + 301000);
    assert_string_equal(partition->alarm, "topic recreated");
    assert_int_equal(partition->rows, 2000000);
    assert_int_equal(partition->lag_ms, 12);
    assert_int_equal(heartbeat->partitions[1]->partition, 4);
    assert_int_equal(heartbeat->partitions[1]->phase, ISOBAR__V1__PARTITION_PHASE__STOPPED);
    assert_int_equal(heartbeat->n_shards, 1);
    assert_int_equal(heartbeat->shards[0]->shard, 5);
    assert_int_equal(heartbeat->shards[0]->assignment, 98);
    assert_int_equal(heartbeat->shards[0]->catalogue_version, 2);
    assert_int_equal(heartbeat->shards[0]->cities, 40);
    assert_int_equal(heartbeat->shards[0]->cities_failing, 1);
    free_envelope(envelope);
}

/* With the share in force, and with the coordinator's wish to be greeted. */
static void envelope_heartbeat_2(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE_FILE("heartbeat_2", "fetcher.1", HEARTBEAT);
    assert_int_equal(envelope->heartbeat->term, 4);
    assert_int_equal(envelope->heartbeat->calls_per_minute_milli, 30500);
    assert_true(envelope->heartbeat->greet);
    free_envelope(envelope);
}

/* With alarms of sources, and ages of what is stored. */
static void envelope_heartbeat_3(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE_FILE("heartbeat_3", "fetcher.1", HEARTBEAT);
    assert_int_equal(envelope->heartbeat->n_alarms, 1);
    assert_string_equal(envelope->heartbeat->alarms[0]->name, "source_stale");
    assert_string_equal(envelope->heartbeat->alarms[0]->source, "open-meteo");
    assert_string_equal(envelope->heartbeat->alarms[0]->text, "the newest reading is 43 min old");
    assert_int_equal(envelope->heartbeat->alarms[0]->raised_ms, 60000);
    assert_int_equal(envelope->heartbeat->n_ages, 2);
    const Isobar__V1__SourceAge *age = envelope->heartbeat->ages[0];
    assert_int_equal(age->provider, 2);
    assert_int_equal(age->observed_ms, 420000);
    assert_int_equal(age->fetched_ms, 12000);
    assert_int_equal(age->produced_ms, 11000);
    assert_int_equal(age->committed_ms, 10500);
    assert_int_equal(envelope->heartbeat->ages[1]->committed_ms, -1);
    free_envelope(envelope);
}

static void envelope_target_1(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE("target", "worker-1", TARGET);
    const Isobar__V1__Target *target = envelope->target;
    assert_int_equal(target->term, 3);
    assert_int_equal(target->version, 18);
    assert_int_equal(target->n_partitions, 2);
    assert_int_equal(target->partitions[0]->index, 1);
    assert_int_equal(target->partitions[0]->number, 100);
    assert_int_equal(target->partitions[1]->index, 23);
    assert_int_equal(target->partitions[1]->number, 101);
    assert_int_equal(target->n_shards, 1);
    assert_int_equal(target->shards[0]->index, 7);
    assert_int_equal(target->shards[0]->number, 102);
    assert_int_equal(target->calls_per_minute_milli, -1);
    assert_int_equal(target->catalogue_version, 2);
    free_envelope(envelope);
}

static void envelope_released_and_bye_1(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE("released", "worker-1", RELEASED);
    assert_int_equal(envelope->released->n_partitions, 1);
    assert_int_equal(envelope->released->partitions[0]->index, 1);
    assert_int_equal(envelope->released->partitions[0]->number, 100);
    free_envelope(envelope);
    envelope = ENVELOPE("bye", "worker-1", BYE);
    assert_string_equal(envelope->bye->reason, "drained");
    free_envelope(envelope);
}

static void envelope_command_and_answer_1(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE("command", "isobarctl-77", COMMAND);
    const Isobar__V1__Command *command = envelope->command;
    assert_int_equal(command->id, 987654321098765432);
    assert_int_equal(command->what, ISOBAR__V1__COMMAND_WHAT__NOTE_RESET);
    assert_string_equal(command->member, "worker-1");
    assert_int_equal(command->partition, 7);
    assert_string_equal(command->who, "ann@desk");
    assert_string_equal(command->detail, "offset 100 to 0, first_offset 0");
    free_envelope(envelope);
    envelope = ENVELOPE("answer", "isobarctl-77", ANSWER);
    assert_int_equal(envelope->answer->id, 987654321098765432);
    assert_true(envelope->answer->ok);
    assert_string_equal(envelope->answer->text, "partition 7 is tried again by worker-1");
    assert_int_equal(envelope->answer->number, 31);
    free_envelope(envelope);
}

static void envelope_catalogue_1(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE("catalogue", "fetcher-1", CATALOGUE);
    const Isobar__V1__Catalogue *catalogue = envelope->catalogue;
    assert_int_equal(catalogue->version, 2);
    assert_int_equal(catalogue->shard, 7);
    assert_int_equal(catalogue->part, 1);
    assert_int_equal(catalogue->parts, 3);
    assert_int_equal(catalogue->n_cities, 1);
    assert_int_equal(catalogue->cities[0]->city_id, 5809844);
    assert_string_equal(catalogue->cities[0]->name, "Seattle");
    assert_int_equal(catalogue->cities[0]->longitude_e5, -12233207);
    assert_false(catalogue->cities[0]->elevation_known);
    free_envelope(envelope);
}

static void envelope_redirect_1(void **state)
{
    (void)state;
    Isobar__V1__Envelope *envelope = ENVELOPE("redirect", "worker-1", REDIRECT);
    assert_string_equal(envelope->redirect->leader, "coordinator-2");
    assert_string_equal(envelope->redirect->endpoint, "tcp://coordinator-2.example:7070");
    assert_int_equal(envelope->redirect->term, 5);
    free_envelope(envelope);
}

static void no_file_of_an_envelope_is_left_out(void **state)
{
    (void)state;
    assert_none_left_out(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(envelope_hello_1),
        cmocka_unit_test(envelope_hello_2),
        cmocka_unit_test(envelope_welcome_1),
        cmocka_unit_test(envelope_heartbeat_1),
        cmocka_unit_test(envelope_heartbeat_2),
        cmocka_unit_test(envelope_heartbeat_3),
        cmocka_unit_test(envelope_target_1),
        cmocka_unit_test(envelope_released_and_bye_1),
        cmocka_unit_test(envelope_command_and_answer_1),
        cmocka_unit_test(envelope_catalogue_1),
        cmocka_unit_test(envelope_redirect_1),
        cmocka_unit_test(no_file_of_an_envelope_is_left_out),
    };
    return cmocka_run_group_tests(tests, find_directory, NULL);
}
