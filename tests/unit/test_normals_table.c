/* Normals as CSV: what is read, every fault by its line, and what is stored of it in a real redis-server. */
#include "../../ctl/normals_store.h"

#include "error.h"
#include "mem.h"
#include "redis_kit.h"
#include "shard.h"

#define HEAD "city,month,day,hour,metric,mean,sd,p10,p25,p50,p75,p90\n"

static int read_text(struct normals_table *table, const char *text, int64_t city_id, struct buf *error)
{
    char *copy = mem_strdup(text);
    FILE *stream = *text ? fmemopen(copy, strlen(text), "r") : fopen("/dev/null", "re");
    assert_non_null(stream);
    buf_reset(error);
    int status = normals_table_read(table, stream, "n.csv", city_id, error);
    fclose(stream);
    free(copy);
    return status;
}

static void rows_become_tables(void **state)
{
    (void)state;
    struct normals_table table;
    struct buf error = BUF_EMPTY;
    assert_int_equal(read_text(&table,
                               HEAD "1,1,1,0,temperature,4.05,1.5,2,3,4,5,6\n"
                                    "1,1,1,1,temperature,-3.9,,,,,,\n"
                                    "1,2,29,,humidity,80,,,,,,\n"
                                    "2,12,31,23,temperature,10,0,,,,,\n"
                                    "1,1,1,2,temperature,5,2,,,,,\n",
                               0, &error),
                     0);
    assert_int_equal(error.size, 0);
    assert_int_equal(table.rows, 5);
    assert_int_equal(table.count, 3);
    const struct normals *first = &table.list[0];
    assert_int_equal(first->city_id, 1);
    assert_int_equal(first->hours, 24);
    const struct normal *slot = normals_slot(first, 1, 1, 0);
    assert_int_equal(slot->mean, 405);
    assert_int_equal(slot->deviation, 150);
    assert_true(slot->has_quantiles && slot->quantile[0] == 200 && slot->quantile[4] == 600);
    slot = normals_slot(first, 1, 1, 1);
    assert_true(slot->known && slot->mean == -390 && !slot->has_deviation && !slot->has_quantiles);
    assert_int_equal(normals_count(first), 3);
    assert_int_equal(table.list[1].hours, 1);
    assert_true(normals_slot(&table.list[1], 2, 29, 0)->known);
    assert_int_equal(table.list[2].city_id, 2);
    normals_table_release(&table);
    /* Other columns, another order, one city for all. */
    assert_int_equal(read_text(&table, "unit,metric,day,month,mean\r\ndegF,temperature,1,7,68\r\n", 9, &error), 0);
    assert_int_equal(table.list[0].city_id, 9);
    assert_int_equal(normals_slot(&table.list[0], 7, 1, 0)->mean, 2000);
    normals_table_release(&table);
    buf_release(&error);
}

static void faults_name_their_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fault;
        int64_t city;
    } rows[] = {
        {"", "the file is empty", 0},
        {HEAD, "there are no rows", 0},
        {HEAD "1,1,1,0,\xff\x1b,4,,,,,,\n", "metric \"??\"", 0},
        {"city,month,day,metric\n", "n.csv:1: column \"mean\" is missing", 0},
        {"city,month,day,metric,mean,average\n", "column \"average\" is not known", 0},
        {"city,month,day,metric,mean,mean\n", "column \"mean\" is there twice", 0},
        {"month,day,metric,mean\n", "add it, or give --city", 0},
        {"city,month,day,metric,mean\n", "one of them wanted", 5},
        {HEAD "1,1,1,0,temperature,4\n", "n.csv:2: 6 fields, and the header has 12", 0},
        {HEAD "x,1,1,0,temperature,4,,,,,,\n", "n.csv:2: city \"x\": a whole number", 0},
        {HEAD "1,13,1,0,temperature,4,,,,,,\n", "month \"13\": a whole number from 1 to 12", 0},
        {HEAD "1,2,30,0,temperature,4,,,,,,\n", "no calendar has day 30 of month 2", 0},
        {HEAD "1,1,1,24,temperature,4,,,,,,\n", "hour \"24\"", 0},
        {HEAD "1,1,1,0,temprature,4,,,,,,\n", "metric \"temprature\"", 0},
        {HEAD "1,1,1,0,feels_like,4,,,,,,\n", "metric \"feels_like\": one that readings have", 0},
        {HEAD "1,1,1,0,temperature,,,,,,,\n", "mean \"\": a number wanted", 0},
        {HEAD "1,1,1,0,temperature,4,-1,,,,,\n", "sd \"-1\": a number not below 0 wanted", 0},
        {HEAD "1,1,1,0,temperature,4,,1,2,3,4,\n", "4 of the five percentiles", 0},
        {HEAD "1,1,1,0,temperature,4,,1,2,3,2,5\n", "p75 is below p50", 0},
        {HEAD "1,1,1,0,temperature,4,,,,,,\n1,1,1,0,temperature,4,,,,,,\n", "n.csv:3: this city, metric and time", 0},
        {HEAD "1,1,1,0,temperature,4,,,,,,\n1,1,2,,temperature,4,,,,,,\n", "n.csv:3: hour is empty here", 0},
        {"month,day,metric,mean,unit\n1,1,temperature,4,hPa\n", "unit \"hPa\": temperature is in degC", 5},
        {HEAD "1,1,1,0,\"temperature,4,,,,,,\n", "n.csv:2: ", 0},
    };
    struct normals_table table;
    struct buf error = BUF_EMPTY;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read_text(&table, rows[i].text, rows[i].city, &error), ERR_INVALID);
        if (!strstr(error.data, rows[i].fault))
            fail_msg("%s: %s", rows[i].text, error.data);
        assert_null(table.list);
        assert_int_equal(table.count, 0);
    }
    buf_release(&error);
}

static void faults_and_tables_are_bounded(void **state)
{
    (void)state;
    struct normals_table table;
    struct buf error = BUF_EMPTY, text = BUF_EMPTY;
    buf_text(&text, "city,month,day,metric,mean\n");
    for (int i = 0; i < 30; i++)
        buf_text(&text, "0,1,1,temperature,4\n");
    assert_int_equal(read_text(&table, text.data, 0, &error), ERR_INVALID);
    assert_non_null(strstr(error.data, "n.csv:11: "));
    assert_null(strstr(error.data, "n.csv:12: "));
    assert_non_null(strstr(error.data, "30 faults in all"));
    buf_reset(&text);
    buf_text(&text, "city,month,day,metric,mean\n");
    for (int i = 1; i <= NORMALS_TABLE_MAX + 1; i++)
        buf_printf(&text, "%d,1,1,temperature,4\n", i);
    assert_int_equal(read_text(&table, text.data, 0, &error), ERR_INVALID);
    assert_non_null(strstr(error.data, "more than 256"));
    buf_release(&text);
    buf_release(&error);
}

struct listed {
    size_t count, damaged;
    struct buf fields;
};

static void note(void *arg, const char *field, const struct normals *normals, size_t size)
{
    struct listed *listed = arg;
    listed->count++;
    listed->damaged += normals == NULL;
    assert_true(size > 0);
    buf_printf(&listed->fields, "%s ", field);
}

static struct context context;
static const struct installation installation = {.partitions = 4};

static size_t count_of(int64_t city_id, size_t *damaged)
{
    struct listed listed = {.fields = BUF_EMPTY};
    assert_int_equal(normals_each(&context, &installation, city_id, note, &listed), EXIT_CODE_OK);
    *damaged = listed.damaged;
    buf_release(&listed.fields);
    return listed.count;
}

static void tables_are_stored_listed_and_removed(void **state)
{
    (void)state;
    struct normals_table table;
    struct buf error = BUF_EMPTY;
    int64_t removed;
    size_t damaged;
    REDIS_DO("FLUSHALL");
    context = (struct context){.command = "test", .redis = server.address, .prefix = "x:", .store = redis};
    assert_int_equal(read_text(&table,
                               HEAD "1,1,1,,temperature,4,,,,,,\n1,1,1,,humidity,80,,,,,,\n"
                                    "2,1,1,,temperature,4,,,,,,\n",
                               0, &error),
                     0);
    assert_int_equal(normals_write(&context, &installation, &table), EXIT_CODE_OK);
    normals_table_release(&table);
    assert_int_equal(redis_number("x:meta", "normals_version"), 1);
    assert_int_equal(count_of(0, &damaged), 3);
    assert_int_equal(count_of(1, &damaged), 2);
    assert_int_equal(count_of(3, &damaged), 0);
    char key[64];
    snprintf(key, sizeof key, "x:{%d}:normals", shard_of_city(1, 4));
    REDIS_DO("HSET", key, "1/humidity", "junk");
    assert_int_equal(count_of(1, &damaged), 2);
    assert_int_equal(damaged, 1);
    assert_int_equal(normals_remove(&context, &installation, 1, 2, &removed), EXIT_CODE_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(normals_remove(&context, &installation, 1, 2, &removed), EXIT_CODE_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(redis_number("x:meta", "normals_version"), 2);
    assert_int_equal(normals_remove(&context, &installation, 0, 0, &removed), EXIT_CODE_OK);
    assert_int_equal(removed, 2);
    assert_int_equal(count_of(0, &damaged), 0);
    buf_release(&error);
}

static void fields_are_named_by_city_and_metric(void **state)
{
    (void)state;
    char field[NORMALS_FIELD_BYTES];
    assert_string_equal(normals_field(5809844, 1, field), "5809844/temperature");
    assert_string_equal(normals_field(INT64_MAX, 3, field), "9223372036854775807/pressure_sea_level");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_tables),
        cmocka_unit_test(faults_name_their_lines),
        cmocka_unit_test(faults_and_tables_are_bounded),
        cmocka_unit_test(tables_are_stored_listed_and_removed),
        cmocka_unit_test(fields_are_named_by_city_and_metric),
    };
    return cmocka_run_group_tests(tests, redis_kit_start, redis_client_stop);
}
