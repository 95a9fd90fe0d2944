/* See spread.h. */
#include "spread.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

struct zone {
    const char *name;
    double capacity, share; /* share of all: 0..1 */
    bool full;              /* stretched as far as it may be */
};

static const char *zone_of(const struct assign_member *member)
{
    return member->zone ? member->zone : "";
}

static size_t find_zones(struct assign_member *members, size_t count, struct zone *zones)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < found && strcmp(zones[k].name, zone_of(&members[i])) != 0)
            k++;
        if (k == found)
            zones[found++] = (struct zone){.name = zone_of(&members[i])};
        members[i].zone_index = k;
        zones[k].capacity += members[i].capacity;
    }
    return found;
}

/* Equal shares; a zone for which that is too much is full, and what is left is divided again. */
static void divide(struct zone *zones, size_t count, double capacity)
{
    double rest = 1;
    size_t open = count;
    for (bool again = true; again;) {
        again = false;
        double equal = open ? rest / (double)open : 0;
        for (size_t i = 0; i < count; i++) {
            double most = SPREAD_STRETCH * zones[i].capacity / capacity;
            if (zones[i].full || equal <= most)
                continue;
            zones[i].full = again = true;
            zones[i].share = most;
            rest -= most;
            open--;
        }
        for (size_t i = 0; !again && i < count; i++)
            zones[i].share = zones[i].full ? zones[i].share : equal;
    }
}

size_t spread_parts(struct assign_member *members, size_t count)
{
    struct zone *zones = mem_calloc(count, sizeof *zones);
    size_t found = find_zones(members, count, zones);
    double capacity = 0;
    for (size_t i = 0; i < found; i++)
        capacity += zones[i].capacity;
    if (found > 1)
        divide(zones, found, capacity);
    for (size_t i = 0; i < count; i++) {
        const struct zone *zone = &zones[members[i].zone_index];
        double stretched = found > 1 ? zone->share * capacity / zone->capacity : 1;
        members[i].part = members[i].capacity * stretched;
    }
    free(zones);
    return found;
}
