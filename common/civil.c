/* See civil.h. Between two changes of the offset local time runs evenly, so each such piece is one comparison. */
#include "civil.h"

/* Dates when clocks show the local time `ms`. */
static int32_t date_at(int64_t ms)
{
    return (int32_t)(ms / DATE_DAY_MS - (ms % DATE_DAY_MS < 0));
}

int64_t civil_start_ms(const struct zone *zone, int32_t date)
{
    int64_t wanted = date * DATE_DAY_MS, at = wanted - CIVIL_SLACK_MS; /* no zone is a day ahead */
    for (;;) {
        int64_t begins = wanted - zone_offset_ms(zone, at), change = zone_change_ms(zone, at);
        if (begins < at)
            begins = at; /* the change went past the beginning */
        if (begins < change)
            return begins;
        at = change;
    }
}

int32_t civil_date(const struct zone *zone, int64_t at_ms)
{
    int32_t date = date_at(at_ms + zone_offset_ms(zone, at_ms));
    while (civil_start_ms(zone, date + 1) <= at_ms) /* clocks went back over midnight: the later date goes on */
        date++;
    return date;
}
