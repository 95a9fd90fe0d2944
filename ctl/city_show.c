/* See city_show.h. */
#include "city_show.h"

#include "plain.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_COLUMN 32

const char *city_show_name(const struct city_row *row, char out[CITY_SHOW_BYTES])
{
    char name[CITY_TABLE_NAME_BYTES + 1], country[4];
    snprintf(out, CITY_SHOW_BYTES, "%s, %s (%" PRId64 ")", plain_shown(row->name, name, sizeof name),
             plain_shown(row->country, country, sizeof country), row->id);
    return out;
}

static void degrees(int32_t value_e5, struct buf *out)
{
    buf_printf(out, "%s%d.%05d", value_e5 < 0 ? "-" : "", abs(value_e5) / 100000, abs(value_e5) % 100000);
}

void city_show_coordinates(const struct city_row *row, struct buf *out)
{
    degrees(row->latitude_e5, out);
    buf_byte(out, ' ');
    degrees(row->longitude_e5, out);
}

void city_show_head(struct buf *out)
{
    buf_printf(out, "%16s  %-*s %-2s %11s %11s  %-30s %-7s %5s  %s\n", "id", NAME_COLUMN, "name", "", "latitude",
               "longitude", "zone", "station", "shard", "state");
}

/* Characters, which is what a terminal counts, roughly: wide and combining ones are rare. */
static int characters(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

void city_show_line(const struct city_entry *entry, struct buf *out)
{
    const struct city_row *row = &entry->row;
    char name[CITY_TABLE_NAME_BYTES + 1], zone[sizeof row->zone], country[4], station[8], shard[16] = "-";
    struct buf latitude = BUF_EMPTY, longitude = BUF_EMPTY;
    plain_shown(row->name, name, sizeof name);
    int blanks = NAME_COLUMN - characters(name);
    degrees(row->latitude_e5, &latitude);
    degrees(row->longitude_e5, &longitude);
    if (entry->shard >= 0)
        snprintf(shard, sizeof shard, "%d", entry->shard);
    buf_printf(out, "%16" PRId64 "  %s%*s %-2s %11s %11s  %-30s %-7s %5s%s\n", row->id, name, blanks > 0 ? blanks : 0,
               "", plain_shown(row->country, country, sizeof country), latitude.data, longitude.data,
               plain_shown(row->zone, zone, sizeof zone),
               *row->station ? plain_shown(row->station, station, sizeof station) : "-", shard,
               entry->paused ? "  paused" : "");
    buf_release(&latitude);
    buf_release(&longitude);
}

void city_show_json(const struct city_entry *entry, struct buf *out)
{
    const struct city_row *row = &entry->row;
    buf_printf(out, "{\"id\":%" PRId64 ",\"name\":", row->id);
    text_json(out, row->name);
    buf_text(out, ",\"ascii_name\":");
    text_json(out, row->ascii_name);
    buf_text(out, ",\"country\":");
    text_json(out, row->country);
    buf_text(out, ",\"lat\":");
    degrees(row->latitude_e5, out);
    buf_text(out, ",\"lon\":");
    degrees(row->longitude_e5, out);
    if (row->elevation_known)
        buf_printf(out, ",\"elevation_m\":%d", row->elevation_m);
    buf_printf(out, ",\"population\":%" PRId64 ",\"zone\":", row->population);
    text_json(out, row->zone);
    if (*row->station) {
        buf_text(out, ",\"station\":");
        text_json(out, row->station);
    }
    if (entry->shard >= 0)
        buf_printf(out, ",\"shard\":%d,\"paused\":%s", entry->shard, entry->paused ? "true" : "false");
    buf_byte(out, '}');
}

static void text_change(const char *what, const char *now, const char *before, struct buf *out)
{
    char shown[2][CITY_TABLE_NAME_BYTES + 1];
    if (strcmp(now, before) != 0)
        buf_printf(out, "%s%s %s instead of %s", out->size ? ", " : "", what,
                   plain_shown(now, shown[0], sizeof shown[0]), plain_shown(before, shown[1], sizeof shown[1]));
}

static void elevation(const struct city_row *row, struct buf *out)
{
    if (row->elevation_known)
        buf_printf(out, "%d m", row->elevation_m);
    else
        buf_text(out, "unknown");
}

void city_show_changes(const struct city_row *now, const struct city_row *before, struct buf *out)
{
    text_change("name", now->name, before->name, out);
    text_change("ASCII name", now->ascii_name, before->ascii_name, out);
    text_change("country", now->country, before->country, out);
    if (now->latitude_e5 != before->latitude_e5 || now->longitude_e5 != before->longitude_e5) {
        buf_printf(out, "%scoordinates ", out->size ? ", " : "");
        city_show_coordinates(now, out);
        buf_text(out, " instead of ");
        city_show_coordinates(before, out);
    }
    if (now->elevation_known != before->elevation_known || now->elevation_m != before->elevation_m) {
        buf_printf(out, "%selevation ", out->size ? ", " : "");
        elevation(now, out);
        buf_text(out, " instead of ");
        elevation(before, out);
    }
    text_change("zone", now->zone, before->zone, out);
    text_change("station", *now->station ? now->station : "none", *before->station ? before->station : "none", out);
    if (now->population != before->population)
        buf_printf(out, "%spopulation %" PRId64 " instead of %" PRId64, out->size ? ", " : "", now->population,
                   before->population);
}
