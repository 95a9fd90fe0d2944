/*
 * The simulator's weather (series.h). Tables are read once; a question costs two table look-ups and about a dozen
 * hashes. "Noise" is value noise: hashed values at whole steps of a period, joined by a smooth curve, so it has no
 * state and is continuous in time. Not here: HTTP, JSON, faults.
 */
#include "series.h"

#include "mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOURS_A_YEAR   8760
#define HOUR_S         3600
#define DAY_S          86400
#define SEATTLE_MEAN_C 11.4 /* annual mean of the normals */
#define SEATTLE_LAT    47.6
#define PST_OFFSET_H   8 /* the normals' clock is UTC-8 all year */
#define RECORDED_YEARS 4 /* 2012..2015 */
#define RECORDED_DAYS  (366 + 3 * 365)
#define RECORDED_FIRST 15340 /* 2012-01-01 in days since 1970 */

struct normal {
    int32_t temperature_centi_c, pressure_pa, wind_cm_s;
};

struct day {
    int32_t precipitation_um, maximum_centi_c, minimum_centi_c, wind_cm_s;
};

struct place {
    const char *name; /* in weather_daily.csv */
    double latitude, longitude;
    struct day days[RECORDED_DAYS];
};

struct series {
    struct normal normals[HOURS_A_YEAR];
    struct place places[2];
};

/* ---- tables ---- */

static FILE *table_open(const char *directory, const char *name, char *path, struct buf *error)
{
    snprintf(path, 512, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (!file)
        buf_printf(error, "%s: %s", path, strerror(errno));
    return file;
}

static bool normals_read(struct series *series, const char *directory, struct buf *error)
{
    char path[512], line[256];
    FILE *file = table_open(directory, "seattle_normals.csv", path, error);
    if (!file)
        return false;
    int number = 0, rows = 0;
    bool good = true;
    while (good && fgets(line, sizeof line, file)) {
        if (number++ == 0)
            continue;
        int day, hour;
        struct normal n;
        good = sscanf(line, "%d,%d,%d,%d,%d", &day, &hour, &n.temperature_centi_c, &n.pressure_pa, &n.wind_cm_s) == 5 &&
               rows < HOURS_A_YEAR && (day - 1) * 24 + hour == rows;
        if (good)
            series->normals[rows++] = n;
    }
    fclose(file);
    if (!good || rows != HOURS_A_YEAR) {
        buf_printf(error, "%s:%d: want %d rows day,hour_pst,temp_centi_c,pressure_pa,wind_cm_s in order", path, number,
                   HOURS_A_YEAR);
        return false;
    }
    return true;
}

static bool daily_read(struct series *series, const char *directory, struct buf *error)
{
    char path[512], line[256];
    FILE *file = table_open(directory, "weather_daily.csv", path, error);
    if (!file)
        return false;
    int number = 0, rows[2] = {0, 0};
    bool good = true;
    while (good && fgets(line, sizeof line, file)) {
        if (number++ == 0)
            continue;
        char location[32];
        struct day d;
        good = sscanf(line, "%*[^,],%31[^,],%d,%d,%d,%d", location, &d.precipitation_um, &d.maximum_centi_c,
                      &d.minimum_centi_c, &d.wind_cm_s) == 5;
        int which = strcmp(location, series->places[0].name) == 0 ? 0 : 1;
        good = good && strcmp(location, series->places[which].name) == 0 && rows[which] < RECORDED_DAYS;
        if (good)
            series->places[which].days[rows[which]++] = d;
    }
    fclose(file);
    if (!good || rows[0] != RECORDED_DAYS || rows[1] != RECORDED_DAYS) {
        buf_printf(error, "%s:%d: want %d rows each of Seattle and New York", path, number, RECORDED_DAYS);
        return false;
    }
    return true;
}

struct series *series_new(const char *directory, struct buf *error)
{
    struct series *series = mem_alloc(sizeof *series);
    series->places[0] = (struct place){.name = "Seattle", .latitude = 47.60621, .longitude = -122.33207};
    series->places[1] = (struct place){.name = "New York", .latitude = 40.71427, .longitude = -74.00597};
    if (normals_read(series, directory, error) && daily_read(series, directory, error))
        return series;
    series_free(series);
    return NULL;
}

void series_free(struct series *series)
{
    free(series);
}

/* ---- noise ---- */

static double hashed(uint64_t key) /* [-1, 1), SplitMix64's finaliser */
{
    key += 0x9e3779b97f4a7c15u;
    key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9u;
    key = (key ^ (key >> 27)) * 0x94d049bb133111ebu;
    key ^= key >> 31;
    return (double)(key >> 11) / (double)(1ull << 52) - 1.0;
}

static double noise(uint64_t place, unsigned channel, int64_t at_s, int64_t period_s)
{
    int64_t step = at_s / period_s;
    double part = (double)(at_s - step * period_s) / (double)period_s;
    double smooth = part * part * (3 - 2 * part);
    uint64_t key = place * 1000003u + channel * 7919u;
    return hashed(key ^ ((uint64_t)step * 0x2545f4914f6cdd1du)) * (1 - smooth) +
           hashed(key ^ ((uint64_t)(step + 1) * 0x2545f4914f6cdd1du)) * smooth;
}

/* Weather of three time scales: fronts (2 days), hours, minutes. */
static double weather_noise(uint64_t place, unsigned channel, int64_t at_s)
{
    return 0.65 * noise(place, channel, at_s, 2 * DAY_S) + 0.28 * noise(place, channel + 100, at_s, 5 * HOUR_S) +
           0.07 * noise(place, channel + 200, at_s, 300);
}

/* ---- the two kinds ---- */

static double bounded(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static double normal_part(const struct series *series, int64_t at_s, size_t offset)
{
    int64_t second =
        ((at_s % ((int64_t)HOURS_A_YEAR * HOUR_S)) + (int64_t)HOURS_A_YEAR * HOUR_S) % ((int64_t)HOURS_A_YEAR * HOUR_S);
    int64_t hour = second / HOUR_S;
    double part = (double)(second - hour * HOUR_S) / HOUR_S;
    const char *a = (const char *)&series->normals[hour];
    const char *b = (const char *)&series->normals[(hour + 1) % HOURS_A_YEAR];
    int32_t x, y;
    memcpy(&x, a + offset, sizeof x);
    memcpy(&y, b + offset, sizeof y);
    return x + (y - x) * part;
}

static void simulated(const struct series *series, double latitude, double longitude, uint64_t place, int64_t at_s,
                      struct weather *out)
{
    /* Seattle's clock time at which the sun stands as it does here; half a year later in the south. */
    int64_t there = at_s + (int64_t)(longitude * 240) + (latitude < 0 ? 182 * (int64_t)DAY_S : 0);
    double scale = bounded(0.35 + 0.65 * fabs(latitude) / SEATTLE_LAT, 0.35, 1.7);
    double mean = 27.5 - 0.0071 * latitude * latitude;
    double normal = normal_part(series, there, offsetof(struct normal, temperature_centi_c)) / 100;
    out->temperature_c = mean + (normal - SEATTLE_MEAN_C) * scale + 4.5 * weather_noise(place, 1, at_s);
    out->pressure_hpa =
        normal_part(series, there, offsetof(struct normal, pressure_pa)) / 100 + 14 * weather_noise(place, 2, at_s);
    double wind = normal_part(series, there, offsetof(struct normal, wind_cm_s)) / 100;
    out->wind_m_s = bounded(wind * (1 + 1.4 * weather_noise(place, 3, at_s)), 0, 40);
    double wet = weather_noise(place, 4, at_s);
    double rate = wet > 0.28 ? 9 * (wet - 0.28) : 0;
    out->rain_mm_h = out->temperature_c >= 1 ? rate : 0;
    out->snow_mm_h = out->temperature_c < 1 ? rate : 0;
    out->cloud_percent = (int)bounded(50 + 130 * (wet + 0.05), 0, 100);
}

static void recorded(const struct place *where, uint64_t place, int64_t at_s, struct weather *out)
{
    int64_t local = at_s + (int64_t)(where->longitude * 240);
    int64_t day = local / DAY_S;
    /* 1,461 days are four whole years, so the calendar day is kept. */
    int64_t index = (day - RECORDED_FIRST) % RECORDED_DAYS;
    index = index < 0 ? index + RECORDED_DAYS : index;
    const struct day *today = &where->days[index];
    const struct day *tomorrow = &where->days[(index + 1) % RECORDED_DAYS];
    const struct day *yesterday = &where->days[(index + RECORDED_DAYS - 1) % RECORDED_DAYS];
    double hour = (double)(local - day * DAY_S) / HOUR_S;
    /* Minimum at 05:00, maximum at 15:00 solar time; half cosines between them. */
    double from, to, part;
    if (hour < 5)
        from = yesterday->maximum_centi_c, to = today->minimum_centi_c, part = (hour + 9) / 14;
    else if (hour < 15)
        from = today->minimum_centi_c, to = today->maximum_centi_c, part = (hour - 5) / 10;
    else
        from = today->maximum_centi_c, to = tomorrow->minimum_centi_c, part = (hour - 15) / 14;
    out->temperature_c = (from + (to - from) * (1 - cos(M_PI * part)) / 2) / 100;
    out->pressure_hpa = 1016 + 12 * weather_noise(place, 2, at_s);
    out->wind_m_s = bounded(today->wind_cm_s / 100.0 * (1 + 0.8 * noise(place, 3, at_s, HOUR_S)), 0, 40);
    /* The day's precipitation falls in eight hours that the day chooses. */
    double start = 8 * (1 + hashed(place ^ (uint64_t)day));
    double rate = hour >= start && hour < start + 8 ? today->precipitation_um / 8000.0 : 0;
    out->rain_mm_h = out->temperature_c >= 1 ? rate : 0;
    out->snow_mm_h = out->temperature_c < 1 ? rate : 0;
    out->cloud_percent =
        today->precipitation_um > 0 ? 90 : (int)bounded(40 + 60 * weather_noise(place, 4, at_s), 0, 100);
}

static int condition_of(const struct weather *w)
{
    if (w->snow_mm_h > 0)
        return w->snow_mm_h > 1.5 ? 601 : 600;
    if (w->rain_mm_h > 0)
        return w->rain_mm_h > 4 ? 502 : w->rain_mm_h > 1 ? 501 : 500;
    return w->cloud_percent < 11   ? 800
           : w->cloud_percent < 25 ? 801
           : w->cloud_percent < 51 ? 802
           : w->cloud_percent < 85 ? 803
                                   : 804;
}

void series_at(const struct series *series, double latitude, double longitude, int64_t at_s, struct weather *out)
{
    memset(out, 0, sizeof *out);
    uint64_t place = (uint64_t)(int64_t)lround((latitude + 90) * 1000) * 400000u +
                     (uint64_t)(int64_t)lround((longitude + 180) * 1000);
    for (int i = 0; i < 2; i++) {
        const struct place *where = &series->places[i];
        if (fabs(where->latitude - latitude) < 0.05 && fabs(where->longitude - longitude) < 0.05) {
            out->recorded = true;
            recorded(where, place, at_s, out);
        }
    }
    if (!out->recorded)
        simulated(series, latitude, longitude, place, at_s, out);
    /* What both share. The finest noise makes a value move visibly from poll to poll. */
    out->temperature_c += 0.25 * noise(place, 9, at_s, 60);
    out->temperature_spread_c = 0.6 + 0.5 * fabs(noise(place, 10, at_s, HOUR_S));
    out->humidity_percent = (int)bounded(72 - 9 * noise(place, 11, at_s, 8 * HOUR_S) - 0.9 * (out->temperature_c - 12) +
                                             (out->rain_mm_h > 0 ? 18 : 0),
                                         12, 100);
    double turn = 180 + 150 * weather_noise(place, 12, at_s) + 120 * hashed(place);
    out->wind_deg = (int)lround(fmod(turn + 720, 360)) % 360;
    out->gust_m_s = out->wind_m_s * (1.3 + 0.4 * fabs(noise(place, 13, at_s, 600)));
    out->visibility_m = out->snow_mm_h > 0 ? 2500 : out->rain_mm_h > 2 ? 6000 : 10000;
    out->condition = condition_of(out);
}
