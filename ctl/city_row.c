/* See city_row.h. Each column has one checking function in a table. */
#include "city_row.h"

#include "mem.h"
#include "plain.h"
#include "text.h"

#include "city.pb-c.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- cells ---- */

/* A whole number without sign plus, blanks or leading zeros, within [low, high]. */
static bool integer(const char *text, int64_t low, int64_t high, int64_t *out)
{
    const char *digits = text + (*text == '-');
    char *end = NULL;
    if (*digits < '0' || *digits > '9' || (*digits == '0' && digits[1] != '\0'))
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < low || number > high)
        return false;
    *out = number;
    return true;
}

/* Degrees with at most 5 decimals, exactly; no floating point, so that 0.1 is 0.1. */
static bool degrees(const char *text, int32_t limit, int32_t *out)
{
    const char *p = text + (*text == '-');
    int64_t whole = 0, fraction = 0, digits = 0, decimals = 0;
    for (; *p >= '0' && *p <= '9' && digits < 4; p++, digits++)
        whole = whole * 10 + (*p - '0');
    if (digits == 0 || digits > 3)
        return false;
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9' && decimals < 6; p++, decimals++)
            fraction = fraction * 10 + (*p - '0');
        if (decimals == 0 || decimals > 5)
            return false;
    }
    for (; decimals < 5; decimals++)
        fraction *= 10;
    int64_t value = whole * 100000 + fraction;
    *out = (int32_t)(*text == '-' ? -value : value);
    return *p == '\0' && value <= (int64_t)limit * 100000;
}

/* Not empty, within the size, valid UTF-8, without control characters and without blanks around it. */
static bool name_valid(const char *text)
{
    size_t size = strlen(text);
    if (size == 0 || size > CITY_TABLE_NAME_BYTES || text[0] == ' ' || text[size - 1] == ' ')
        return false;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
            return false;
    }
    return text_is_utf8(text);
}

static bool ascii_valid(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p > 0x7e)
            return false;
    }
    return name_valid(text);
}

static bool zone_named(const char *text)
{
    size_t size = strlen(text);
    if (size == 0 || size >= sizeof((struct city_row *)NULL)->zone || *text == '/' || *text == '.' ||
        strstr(text, "..") || strstr(text, "//"))
        return false;
    for (const char *p = text; *p; p++) {
        bool letter = (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');
        if (!letter && !(*p >= '0' && *p <= '9') && !strchr("/_+-", *p))
            return false;
    }
    return true;
}

/* A file of the compiled form, which starts with TZif: the folder also has tables of text. */
bool city_zone_known(const char *zoneinfo, const char *zone)
{
    char path[512], magic[4];
    if (snprintf(path, sizeof path, "%s/%s", zoneinfo, zone) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    bool good = fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
    fclose(file);
    return good;
}

/* ---- columns ---- */

static bool take_id(struct city_row *row, const char *text)
{
    return integer(text, 1, CITY_TABLE_ID_MAX, &row->id);
}

static bool take_name(struct city_row *row, const char *text)
{
    free(row->name);
    row->name = mem_strdup(text);
    return name_valid(text);
}

static bool take_ascii_name(struct city_row *row, const char *text)
{
    free(row->ascii_name);
    row->ascii_name = *text ? mem_strdup(text) : NULL;
    return !*text || ascii_valid(text);
}

static bool take_country(struct city_row *row, const char *text)
{
    bool good = strlen(text) == 2 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z';
    if (good)
        memcpy(row->country, text, 3);
    return good;
}

static bool take_lat(struct city_row *row, const char *text)
{
    return degrees(text, 90, &row->latitude_e5);
}

static bool take_lon(struct city_row *row, const char *text)
{
    return degrees(text, 180, &row->longitude_e5);
}

static bool take_elevation(struct city_row *row, const char *text)
{
    int64_t value = 0;
    row->elevation_known = *text != '\0';
    bool good = !row->elevation_known || integer(text, -500, 9000, &value);
    row->elevation_m = (int32_t)value;
    return good;
}

static bool take_population(struct city_row *row, const char *text)
{
    return !*text || integer(text, 0, 100000000, &row->population);
}

static bool take_zone(struct city_row *row, const char *text)
{
    if (!zone_named(text))
        return false;
    memcpy(row->zone, text, strlen(text) + 1);
    return true;
}

/* As the aerodrome reports name their station. */
static bool take_station(struct city_row *row, const char *text)
{
    size_t size = strlen(text);
    if (size != 0 && size != sizeof row->station - 1)
        return false;
    for (const char *p = text; *p; p++) {
        if (!(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9'))
            return false;
    }
    memcpy(row->station, text, size + 1);
    return true;
}

static const struct column {
    const char *name;
    bool (*take)(struct city_row *row, const char *text);
    const char *wanted;
    bool optional; /* the header may lack it; then, and when it is empty, it is not known */
} columns[] = {
    {"id", take_id, "a whole number from 1 to 9007199254740991", false},
    {"name", take_name, "1 to 200 bytes of UTF-8 without control characters, and without blanks around it", false},
    {"ascii_name", take_ascii_name, "empty, or 1 to 200 printable ASCII characters, without blanks around it", true},
    {"country", take_country, "two capitals (ISO 3166-1 alpha-2)", false},
    {"lat", take_lat, "degrees from -90 to 90 with at most 5 decimals", false},
    {"lon", take_lon, "degrees from -180 to 180 with at most 5 decimals", false},
    {"elevation_m", take_elevation, "empty, or a whole number from -500 to 9000", true},
    {"population", take_population, "empty, or a whole number from 0 to 100000000", true},
    {"zone", take_zone, "the name of an IANA time zone", false},
    {"station", take_station, "empty, or 4 capitals or digits (ICAO)", true},
};
#define COLUMNS (sizeof columns / sizeof *columns)

_Static_assert(COLUMNS == CITY_ROW_COLUMNS, "city_row.h says how many");

/* ---- rows ---- */

void city_row_release(struct city_row *row)
{
    free(row->name);
    free(row->ascii_name);
    row->name = row->ascii_name = NULL;
}

const char *city_row_set(struct city_row *row, const char *column, const char *text)
{
    size_t i = 0;
    while (i < COLUMNS && strcmp(columns[i].name, column) != 0)
        i++;
    assert(i < COLUMNS);
    return columns[i].take(row, text) ? NULL : columns[i].wanted;
}

bool city_row_complete(struct city_row *row)
{
    char ascii[CITY_TABLE_NAME_BYTES + 1];
    if (!row->ascii_name && row->name && plain_ascii(row->name, ascii, sizeof ascii) && ascii_valid(ascii))
        row->ascii_name = mem_strdup(ascii);
    return row->ascii_name != NULL;
}

const char *city_row_column(size_t column, bool *optional)
{
    *optional = column < COLUMNS && columns[column].optional;
    return column < COLUMNS ? columns[column].name : NULL;
}

void city_row_encode(const struct city_row *row, bool paused, struct buf *out)
{
    Isobar__V1__City city = ISOBAR__V1__CITY__INIT;
    city.format = 1;
    city.city_id = row->id;
    city.name = row->name;
    city.ascii_name = row->ascii_name;
    city.country = (char *)row->country;
    city.zone = (char *)row->zone;
    city.station = (char *)row->station;
    city.latitude_e5 = row->latitude_e5;
    city.longitude_e5 = row->longitude_e5;
    city.elevation_m = row->elevation_m;
    city.elevation_known = row->elevation_known;
    city.population = row->population;
    city.paused = paused;
    size_t size = isobar__v1__city__get_packed_size(&city);
    isobar__v1__city__pack(&city, (uint8_t *)buf_reserve(out, size));
    buf_advance(out, size);
}
