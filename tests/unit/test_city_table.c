/* The table of cities: what is read, what is refused and where the error points, CSV's corners, and the entry
 * that it becomes. */
#include "../../ctl/city_table.h"
#include "../../ctl/csv.h"
#include "error.h"
#include "mem.h"

#include "city.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define HEADER         "id,name,ascii_name,country,lat,lon,elevation_m,population,zone\n"
#define STATION_HEADER "id,name,ascii_name,country,lat,lon,elevation_m,population,zone,station\n"
#define ZONES          "zones" /* a small zoneinfo of the test's own, in its directory */
#define GOOD           "5809844,Seattle,Seattle,US,47.60621,-122.33207,,737015,Test/Seattle\n"

static FILE *stream_of(const char *text, size_t size)
{
    FILE *stream = tmpfile();
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, size, stream), size);
    rewind(stream);
    return stream;
}

static int read_sized(const char *text, size_t size, size_t limit, struct city_table *table, struct buf *error)
{
    struct city_table_source source = {.name = "t.csv", .zoneinfo = ZONES, .limit = limit};
    FILE *stream = stream_of(text, size);
    int status = city_table_read(table, stream, &source, error);
    fclose(stream);
    return status;
}

static int read_text(const char *text, struct city_table *table, struct buf *error)
{
    return read_sized(text, strlen(text), 0, table, error);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int make_zones(void **state)
{
    (void)state;
    (void)mkdir(ZONES, 0700);
    (void)mkdir(ZONES "/Test", 0700);
    write_file(ZONES "/Test/Seattle", "TZif2 and more");
    write_file(ZONES "/zone.tab", "# a table of text");
    return 0;
}

static int remove_zones(void **state)
{
    (void)state;
    (void)unlink(ZONES "/Test/Seattle");
    (void)unlink(ZONES "/zone.tab");
    (void)rmdir(ZONES "/Test");
    (void)rmdir(ZONES);
    return 0;
}

/* ---- what is read ---- */

static void a_row(void **state)
{
    (void)state;
    struct city_table table;
    struct buf error = BUF_EMPTY;
    assert_int_equal(read_text(HEADER GOOD "3413829,Reykjavík,Reykjavik,IS,64.13548,-21.89541,-2,118918,Test/Seattle\n",
                               &table, &error),
                     0);
    assert_int_equal(table.count, 2);
    assert_int_equal(table.rows[0].id, 5809844);
    assert_string_equal(table.rows[0].name, "Seattle");
    assert_string_equal(table.rows[0].country, "US");
    assert_int_equal(table.rows[0].latitude_e5, 4760621);
    assert_int_equal(table.rows[0].longitude_e5, -12233207);
    assert_false(table.rows[0].elevation_known);
    assert_int_equal(table.rows[0].population, 737015);
    assert_string_equal(table.rows[0].zone, "Test/Seattle");
    assert_int_equal(table.rows[0].line, 2);
    assert_string_equal(table.rows[1].name, "Reykjavík");
    assert_string_equal(table.rows[1].ascii_name, "Reykjavik");
    assert_true(table.rows[1].elevation_known);
    assert_int_equal(table.rows[1].elevation_m, -2);
    assert_int_equal(table.rows[1].line, 3);
    city_table_release(&table);
    buf_release(&error);
}

static void must_parse(void **state)
{
    (void)state;
    static const struct {
        const char *what, *text, *name;
        int32_t latitude_e5;
    } cases[] = {
        {"CRLF",
         "id,name,ascii_name,country,lat,lon,elevation_m,population,zone\r\n"
         "1,A,A,US,1,2,,0,Test/Seattle\r\n",
         "A", 100000},
        {"no end of the last line", HEADER "1,A,A,US,1.5,2,,0,Test/Seattle", "A", 150000},
        {"byte order mark", "\xef\xbb\xbf" HEADER "1,A,A,US,1,2,,0,Test/Seattle\n", "A", 100000},
        {"quotes", HEADER "1,\"Washington, \"\"D.C.\"\"\",A,US,1,2,,0,\"Test/Seattle\"\n", "Washington, \"D.C.\"",
         100000},
        {"other order",
         "zone,id,name,ascii_name,country,lat,lon,elevation_m,population\nTest/Seattle,1,A,A,US,-1,2,,0\n", "A",
         -100000},
        {"the south pole", HEADER "1,A,A,AQ,-90,180,8848,100000000,Test/Seattle\n", "A", -9000000},
        {"all decimals", HEADER "9007199254740991,A,A,US,89.99999,-180.00000,-500,0,Test/Seattle\n", "A", 8999999},
        {"a small negative", HEADER "1,A,A,US,-0.00001,0,0,0,Test/Seattle\n", "A", -1},
        {"a station", STATION_HEADER "1,A,A,US,1,2,,0,Test/Seattle,K0S9\n", "A", 100000},
        {"no station", STATION_HEADER "1,A,A,US,1,2,,0,Test/Seattle,\n", "A", 100000},
        {"four bytes of UTF-8", HEADER "1,\xf0\x9f\x8c\x8d,A,US,0,0,,0,Test/Seattle\n", "\xf0\x9f\x8c\x8d", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct city_table table;
        struct buf error = BUF_EMPTY;
        if (read_text(cases[i].text, &table, &error) != 0)
            fail_msg("%s: %s", cases[i].what, error.data);
        assert_int_equal(table.count, 1);
        assert_string_equal(table.rows[0].name, cases[i].name);
        assert_int_equal(table.rows[0].latitude_e5, cases[i].latitude_e5);
        city_table_release(&table);
        buf_release(&error);
    }
}

static void a_limit_reads_no_further(void **state)
{
    (void)state;
    const char text[] = HEADER "1,A,A,US,1,2,,0,Test/Seattle\n2,B,B,US,1,2,,0,Test/Seattle\nnonsense\n";
    for (size_t limit = 0; limit < 4; limit++) {
        struct city_table table;
        struct buf error = BUF_EMPTY;
        bool good = limit == 1 || limit == 2;
        assert_int_equal(read_sized(text, strlen(text), limit, &table, &error), good ? 0 : ERR_INVALID);
        assert_int_equal(table.count, good ? limit : 0);
        city_table_release(&table);
        buf_release(&error);
    }
}

/* ---- what is not ---- */

static const struct {
    const char *text, *error; /* beginning of it */
} no_tables[] = {
    {"", "t.csv:1: the table is empty"},
    {"id,\x1b\xffname\n", "t.csv:1: the header has an unknown column \"??name\""},
    {HEADER, "t.csv:1: the table has no cities"},
    {"id,name\n" GOOD, "t.csv:1: the header lacks the column \"country\""},
    {GOOD, "t.csv:1: the header has an unknown column \"5809844\""},
    {"id,id,name,ascii_name,country,lat,lon,population,zone\n", "t.csv:1: the header has twice the column \"id\""},
    {HEADER GOOD "\n" GOOD, "t.csv:3: an empty line"},
    {HEADER "1,A,A,US,1,2,,0\n", "t.csv:2: 8 fields instead of 9"},
    {STATION_HEADER "1,A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: 9 fields instead of 10"},
    {STATION_HEADER "1,A,A,US,1,2,,0,Test/Seattle,KSE\n", "t.csv:2: station \"KSE\": empty, or 4 capitals or digits"},
    {STATION_HEADER "1,A,A,US,1,2,,0,Test/Seattle,KSEAX\n", "t.csv:2: station \"KSEAX\": "},
    {STATION_HEADER "1,A,A,US,1,2,,0,Test/Seattle,ksea\n", "t.csv:2: station \"ksea\": "},
    {STATION_HEADER "1,A,A,US,1,2,,0,Test/Seattle,K EA\n", "t.csv:2: station \"K EA\": "},
    {STATION_HEADER "1,A,A,US,1,2,,0,Test/Seattle,KÖA\n", "t.csv:2: station \"KÖA\": "},
    {HEADER "1,A,A,US,1,2,,0,Test/Seattle,x\n", "t.csv:2: 10 fields instead of 9"},
    {HEADER "0,A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: id \"0\": "},
    {HEADER "-1,A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: id \"-1\": "},
    {HEADER "01,A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: id \"01\": "},
    {HEADER " 1,A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: id \" 1\": "},
    {HEADER "+1,A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: id \"+1\": "},
    {HEADER "1e3,A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: id \"1e3\": "},
    {HEADER "9007199254740992,A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: id \"9007199254740992\": "},
    {HEADER "99999999999999999999,A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: id \"99999999999999999999\": "},
    {HEADER "1,,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: name \"\": "},
    {HEADER "1, A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: name \" A\": "},
    {HEADER "1,A\tB,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: name \"A?B\": "},
    {HEADER "1,\"A\nB\",A,US,1,2,,0,Test/Seattle\n", "t.csv:2: name \"A?B\": "},
    {HEADER "1,A\xc2\x85,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: name "},
    {HEADER "1,\xff,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: name "},
    {HEADER "1,\xc0\xaf,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: name "},
    {HEADER "1,\xed\xa0\x80,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: name "},
    {HEADER "1,A,\xc3\xa9,US,1,2,,0,Test/Seattle\n", "t.csv:2: ascii_name "},
    {HEADER "1,東京,,JP,1,2,,0,Test/Seattle\n", "t.csv:2: ascii_name \"\": "},
    {HEADER "1,A,A,us,1,2,,0,Test/Seattle\n", "t.csv:2: country \"us\": "},
    {HEADER "1,A,A,USA,1,2,,0,Test/Seattle\n", "t.csv:2: country \"USA\": "},
    {HEADER "1,A,A,,1,2,,0,Test/Seattle\n", "t.csv:2: country \"\": "},
    {HEADER "1,A,A,US,90.00001,2,,0,Test/Seattle\n", "t.csv:2: lat \"90.00001\": "},
    {HEADER "1,A,A,US,147.6,2,,0,Test/Seattle\n", "t.csv:2: lat \"147.6\": "},
    {HEADER "1,A,A,US,,2,,0,Test/Seattle\n", "t.csv:2: lat \"\": "},
    {HEADER "1,A,A,US,nan,2,,0,Test/Seattle\n", "t.csv:2: lat \"nan\": "},
    {HEADER "1,A,A,US,1.,2,,0,Test/Seattle\n", "t.csv:2: lat \"1.\": "},
    {HEADER "1,A,A,US,.5,2,,0,Test/Seattle\n", "t.csv:2: lat \".5\": "},
    {HEADER "1,A,A,US,1.234567,2,,0,Test/Seattle\n", "t.csv:2: lat \"1.234567\": "},
    {HEADER "1,A,A,US,1e1,2,,0,Test/Seattle\n", "t.csv:2: lat \"1e1\": "},
    {HEADER "1,A,A,US,99999999999999999999,2,,0,Test/Seattle\n", "t.csv:2: lat \"99999999999999999999\": "},
    {HEADER "1,A,A,US,1,-180.1,,0,Test/Seattle\n", "t.csv:2: lon \"-180.1\": "},
    {HEADER "1,A,A,US,1,2,9001,0,Test/Seattle\n", "t.csv:2: elevation_m \"9001\": "},
    {HEADER "1,A,A,US,1,2,x,0,Test/Seattle\n", "t.csv:2: elevation_m \"x\": "},
    {HEADER "1,A,A,US,1,2,,-1,Test/Seattle\n", "t.csv:2: population \"-1\": "},
    {HEADER "1,A,A,US,1,2,,100000001,Test/Seattle\n", "t.csv:2: population \"100000001\": "},
    {HEADER "1,A\x1b[2J,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: name \"A?[2J\": "},
    {HEADER "1,A,A,US,1,2,,0,\n", "t.csv:2: zone \"\": "},
    {HEADER "1,A,A,US,1,2,,0,../zones/Test/Seattle\n", "t.csv:2: zone \"../zones/Test/Seattle\": "},
    {HEADER "1,A,A,US,1,2,,0,/etc/passwd\n", "t.csv:2: zone \"/etc/passwd\": "},
    {HEADER "1,A,A,US,1,2,,0,zone.tab\n", "t.csv:2: zone \"zone.tab\": "},
    {HEADER "1,A,A,US,1,2,,0,Test\n", "t.csv:2: zone \"Test\" is not in zones"},
    {HEADER "1,A,A,US,1,2,,0,Test/Nowhere\n", "t.csv:2: zone \"Test/Nowhere\" is not in zones"},
    {HEADER "7,A,A,US,1,2,,0,Test/Seattle\n8,B,B,US,1,2,,0,Test/Seattle\n7,C,C,US,1,2,,0,Test/Seattle\n",
     "t.csv:4: the id 7 stands on line 2 already"},
    {HEADER "1,\"A,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: a closing quote is missing"},
    {HEADER "1,A\"B\",A,US,1,2,,0,Test/Seattle\n", "t.csv:2: a quote inside a field that is not quoted"},
    {HEADER "1,\"A\"B,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: text behind a closing quote"},
    {HEADER "1,A\rB,A,US,1,2,,0,Test/Seattle\n", "t.csv:2: a carriage return that ends no line"},
    {"\xef\xbb" HEADER GOOD, "t.csv:1: a damaged byte order mark"},
    /* the line of a row is where it begins, also behind one that has line ends in quotes */
    {HEADER "1,\"A\n\n\",A,US,1,2,,0,Test/Seattle\n2,B,B,US,91,2,,0,Test/Seattle\n", "t.csv:2: name \"A??\": "},
};

static void must_not_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof no_tables / sizeof *no_tables; i++) {
        struct city_table table;
        struct buf error = BUF_EMPTY;
        if (read_text(no_tables[i].text, &table, &error) != ERR_INVALID)
            fail_msg("case %zu was read: %s", i, no_tables[i].text);
        if (strncmp(error.data, no_tables[i].error, strlen(no_tables[i].error)) != 0)
            fail_msg("case %zu: \"%s\" instead of \"%s\"", i, error.data, no_tables[i].error);
        assert_int_equal(table.count, 0);
        assert_null(table.rows);
        city_table_release(&table);
        buf_release(&error);
    }
}

static void every_fault_is_said_up_to_ten(void **state)
{
    (void)state;
    struct city_table table;
    struct buf text = BUF_EMPTY, error = BUF_EMPTY;
    assert_int_equal(
        read_text(HEADER "1,\"A\n\n\",A,US,1,2,,0,Test/Seattle\n2,B,B,US,91,2,,0,Test/Seattle\n", &table, &error),
        ERR_INVALID);
    assert_non_null(strstr(error.data, "\nt.csv:5: lat \"91\": "));
    buf_reset(&error);
    buf_text(&text, HEADER);
    for (int i = 0; i < 15; i++)
        buf_printf(&text, "%d,A,A,US,91,2,,0,Test/Seattle\n", i + 1);
    assert_int_equal(read_text(text.data, &table, &error), ERR_INVALID);
    assert_non_null(strstr(error.data, "\nt.csv:11: lat"));
    assert_null(strstr(error.data, "t.csv:12:"));
    assert_non_null(strstr(error.data, "\nand 5 more"));
    buf_release(&text);
    buf_release(&error);
}

static int read_skipping(const char *text, struct city_table *table, struct buf *error)
{
    struct city_table_source source = {.name = "t.csv", .zoneinfo = ZONES, .skip_bad = true};
    FILE *stream = stream_of(text, strlen(text));
    int status = city_table_read(table, stream, &source, error);
    fclose(stream);
    return status;
}

static void bad_rows_can_be_left_out(void **state)
{
    (void)state;
    struct city_table table;
    struct buf error = BUF_EMPTY;
    assert_int_equal(read_skipping("id,name,country,lat,lon,zone\n"
                                   "1,Bogotá,CO,4.6,-74,Test/Seattle\n"
                                   "2,B,CO,91,2,Test/Seattle\n"
                                   "too,few\n"
                                   "1,C,CO,1,2,Test/Seattle\n"
                                   "3,D,CO,1,2,Test/Nowhere\n"
                                   "4,E,CO,1,2,Test/Seattle\n",
                                   &table, &error),
                     0);
    assert_true(table.count == 2 && table.skipped == 4);
    assert_true(table.rows[0].id == 1 && table.rows[1].id == 4);
    assert_string_equal(table.rows[0].ascii_name, "Bogota");
    assert_true(table.rows[0].population == 0 && !table.rows[0].elevation_known);
    assert_non_null(strstr(error.data, "t.csv:3: lat \"91\": "));
    assert_non_null(strstr(error.data, "\nt.csv:4: 2 fields instead of 6"));
    assert_non_null(strstr(error.data, "\nt.csv:6: zone \"Test/Nowhere\" is not in zones"));
    assert_non_null(strstr(error.data, "\nt.csv:5: the id 1 stands on line 2 already"));
    city_table_release(&table);
    buf_reset(&error);
    assert_int_equal(read_skipping("id,name\n1,A\n", &table, &error), ERR_INVALID); /* the header is no row */
    buf_reset(&error);
    assert_int_equal(read_skipping(HEADER "1,A,A,US,91,2,,0,Test/Seattle\n", &table, &error), ERR_INVALID);
    assert_non_null(strstr(error.data, "the table has no cities"));
    buf_release(&error);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct city_table table;
    struct buf text = BUF_EMPTY, error = BUF_EMPTY;
    for (size_t size = 200; size <= 201; size++) { /* of a name */
        buf_reset(&text);
        buf_reset(&error);
        buf_text(&text, HEADER "1,");
        for (size_t i = 0; i < size; i++)
            buf_byte(&text, 'x');
        buf_text(&text, ",A,US,1,2,,0,Test/Seattle\n");
        assert_int_equal(read_text(text.data, &table, &error), size == 200 ? 0 : ERR_INVALID);
        city_table_release(&table);
    }
    buf_reset(&text);
    buf_reset(&error);
    buf_text(&text, HEADER "1,\"");
    for (size_t i = 0; i < CSV_MAX_BYTES; i++)
        buf_byte(&text, i % 64 == 63 ? '\n' : 'x');
    assert_int_equal(read_text(text.data, &table, &error), ERR_INVALID);
    assert_int_equal(strncmp(error.data, "t.csv:2: the record is longer", 29), 0);
    buf_reset(&text);
    buf_reset(&error);
    for (size_t i = 0; i < CSV_MAX_FIELDS; i++)
        buf_byte(&text, ',');
    assert_int_equal(read_text(text.data, &table, &error), ERR_INVALID);
    assert_string_equal(error.data, "t.csv:1: too many fields");
    buf_reset(&error);
    assert_int_equal(read_sized(HEADER "1,A\0B", sizeof HEADER "1,A\0B" - 1, 0, &table, &error), ERR_INVALID);
    assert_string_equal(error.data, "t.csv:2: a zero byte");
    buf_release(&text);
    buf_release(&error);
}

static void no_time_zones(void **state)
{
    (void)state;
    struct city_table table;
    struct buf error = BUF_EMPTY;
    struct city_table_source source = {.name = "t.csv", .zoneinfo = "nowhere"};
    FILE *stream = stream_of(HEADER GOOD, strlen(HEADER GOOD));
    assert_int_equal(city_table_read(&table, stream, &source, &error), ERR_UNAVAILABLE);
    assert_non_null(strstr(error.data, "nowhere"));
    assert_non_null(strstr(error.data, "install tzdata"));
    assert_int_equal(table.count, 0);
    fclose(stream);
    buf_release(&error);
}

/* ---- the catalogue's entry ---- */

static void a_row_becomes_a_city(void **state)
{
    (void)state;
    struct city_table table;
    struct buf error = BUF_EMPTY, bytes = BUF_EMPTY;
    assert_int_equal(read_text(STATION_HEADER
                               "3413829,Reykjavík,Reykjavik,IS,64.13548,-21.89541,37,118918,Test/Seattle,BIRK\n",
                               &table, &error),
                     0);
    city_row_encode(&table.rows[0], true, &bytes);
    Isobar__V1__City *city = isobar__v1__city__unpack(NULL, bytes.size, (const uint8_t *)bytes.data);
    assert_non_null(city);
    assert_int_equal(city->format, 1);
    assert_int_equal(city->city_id, 3413829);
    assert_string_equal(city->name, "Reykjavík");
    assert_string_equal(city->ascii_name, "Reykjavik");
    assert_string_equal(city->country, "IS");
    assert_string_equal(city->zone, "Test/Seattle");
    assert_string_equal(city->station, "BIRK");
    assert_int_equal(city->latitude_e5, 6413548);
    assert_int_equal(city->longitude_e5, -2189541);
    assert_true(city->elevation_known);
    assert_int_equal(city->elevation_m, 37);
    assert_int_equal(city->population, 118918);
    assert_true(city->paused);
    isobar__v1__city__free_unpacked(city, NULL);
    city_table_release(&table);
    buf_release(&bytes);
    buf_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row),
        cmocka_unit_test(must_parse),
        cmocka_unit_test(a_limit_reads_no_further),
        cmocka_unit_test(must_not_parse),
        cmocka_unit_test(every_fault_is_said_up_to_ten),
        cmocka_unit_test(bad_rows_can_be_left_out),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(no_time_zones),
        cmocka_unit_test(a_row_becomes_a_city),
    };
    return cmocka_run_group_tests(tests, make_zones, remove_zones);
}
