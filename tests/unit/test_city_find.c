/* Cities by id and by name, in a catalogue in a real redis-server; and the audit's entry. */
#include "../../ctl/city_find.h"
#include "../../ctl/trace.h"

#include "capture.h"
#include "city.pb-c.h"
#include "error.h"
#include "mem.h"
#include "redis_kit.h"
#include "shard.h"

#define PARTITIONS 4

static struct context context;
static struct installation installation = {.partitions = PARTITIONS};

static void put(int64_t id, const char *name, const char *ascii_name, const char *country)
{
    Isobar__V1__City city = ISOBAR__V1__CITY__INIT;
    char key[64], field[24], texts[3][64];
    snprintf(texts[0], 64, "%s", name);
    snprintf(texts[1], 64, "%s", ascii_name);
    snprintf(texts[2], 64, "%s", country);
    static char zone[] = "Europe/Zurich";
    city.format = 1;
    city.city_id = id;
    city.name = texts[0];
    city.ascii_name = texts[1];
    city.country = texts[2];
    city.zone = zone;
    uint8_t bytes[512];
    size_t size = isobar__v1__city__pack(&city, bytes);
    snprintf(key, sizeof key, "x:{%d}:cities", shard_of_city(id, PARTITIONS));
    snprintf(field, sizeof field, "%lld", (long long)id);
    const char *words[] = {"HSET", key, field, (const char *)bytes};
    size_t sizes[] = {4, strlen(key), strlen(field), size};
    store_reply_free(redis_call(4, words, sizes));
}

static int start(void **state)
{
    if (redis_kit_start(state) != 0)
        return -1;
    REDIS_DO("FLUSHALL");
    put(2657896, "Zürich", "Zuerich", "CH");
    put(5746545, "Portland", "Portland", "US");
    put(2640729, "Portland", "Portland", "GB");
    put(4975802, "Portland", "Portland", "US");
    for (int64_t id = 1; id <= 12; id++)
        put(id, "Springfield", "Springfield", "US");
    context = (struct context){.command = "test", .redis = server.address, .prefix = "x:", .store = redis};
    return 0;
}

/* Looks for `text`; what was said on stderr in `*said`, which the caller frees. */
static int find(const char *text, struct city_found *found, char **said)
{
    struct capture capture;
    capture_begin(&capture, 2);
    int code = city_find(&context, &installation, text, found);
    *said = capture_end(&capture);
    return code;
}

static void cities_are_found_by_id_and_by_name(void **state)
{
    static const struct {
        const char *text;
        int64_t id;
        const char *name;
    } rows[] = {{"2657896", 2657896, "Zürich"}, {"Zürich", 2657896, "Zürich"},        {"zurich", 2657896, "Zürich"},
                {"ZUERICH", 2657896, "Zürich"}, {"portland,gb", 2640729, "Portland"}, {"Zürich,CH", 2657896, "Zürich"},
                {"987654321", 987654321, ""}}; /* not in the catalogue, but an id */
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct city_found found;
        char *said;
        assert_int_equal(find(rows[i].text, &found, &said), EXIT_CODE_OK);
        assert_string_equal(said, "");
        assert_int_equal(found.city_id, rows[i].id);
        assert_int_equal(found.partition, shard_of_city(rows[i].id, PARTITIONS));
        assert_string_equal(found.name, rows[i].name);
        assert_string_equal(found.zone, *rows[i].name ? "Europe/Zurich" : "");
        free(said);
    }
}

static void none_and_several_are_said(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {{"Atlantis", "no city of the catalogue is called \"Atlantis\""},
                {"Portland,FR", "no city"},
                {"Portland", "3 cities are called \"Portland\""},
                {"Portland,us", "2 cities are called"},
                {"Springfield", "..."},
                {"", "no city"},
                {"0", "no city has that id"},
                {"99999999999999999999", "no city has that id"},
                {"12a", "no city of the catalogue"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct city_found found;
        char *said;
        assert_int_equal(find(rows[i].text, &found, &said), EXIT_CODE_USAGE);
        if (!strstr(said, rows[i].said))
            fail_msg("%s: %s", rows[i].text, said);
        free(said);
    }
}

static void the_audit_has_who_and_what(void **state)
{
    char who[TRACE_WHO_BYTES];
    (void)state;
    assert_int_equal(trace_write(&context, "deadletter_replay", "3 letters"), EXIT_CODE_OK);
    struct store_reply *reply = REDIS_CALL("XRANGE", "x:audit", "-", "+");
    assert_int_equal(reply->count, 1);
    const struct store_reply *fields = reply->elements[0]->elements[1];
    assert_int_equal(fields->count, 6);
    assert_string_equal(fields->elements[1]->text, "deadletter_replay");
    assert_string_equal(fields->elements[3]->text, trace_who(who));
    assert_non_null(strchr(who, '@'));
    assert_string_equal(fields->elements[5]->text, "3 letters");
    store_reply_free(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cities_are_found_by_id_and_by_name),
                                       cmocka_unit_test(none_and_several_are_said),
                                       cmocka_unit_test(the_audit_has_who_and_what)};
    return cmocka_run_group_tests(tests, start, redis_client_stop);
}
