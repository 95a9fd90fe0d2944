/*
 * Cities as isobarctl prints them: fit for a terminal whatever their names hold, or as JSON. Appended to text.
 */
#ifndef CTL_CITY_SHOW_H
#define CTL_CITY_SHOW_H

#include "buf.h"
#include "city_list.h"

#define CITY_SHOW_BYTES 320

/* "Bogotá, CO (3688689)" into `out`; returns it. */
const char *city_show_name(const struct city_row *row, char out[CITY_SHOW_BYTES]);
/* "4.60971 -74.08175", degrees north and east. */
void city_show_coordinates(const struct city_row *row, struct buf *out);
/* The head of a table of cities, and a line of it. */
void city_show_head(struct buf *out);
void city_show_line(const struct city_entry *entry, struct buf *out);
/* {"id":…,"name":…,…}; of a table of known places without shard and paused. */
void city_show_json(const struct city_entry *entry, struct buf *out);
/* How `now` differs from `before`, as "name A instead of B, zone …"; nothing when they are the same. */
void city_show_changes(const struct city_row *now, const struct city_row *before, struct buf *out);

#endif
