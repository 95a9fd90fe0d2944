/* See zone.h. Names that are not known are looked for again each time: a list of them would grow with bad input. */
#include "zone.h"

#include "mem.h"
#include "tzif.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define FOLDER "/usr/share/zoneinfo"

struct zone {
    char name[ZONE_NAME_MAX + 1];
    struct tzif tzif;
    UT_hash_handle hh;
};

static struct zone *zones; /* all that were asked for */

static bool valid(const char *name)
{
    size_t size = strlen(name);
    if (size < 1 || size > ZONE_NAME_MAX || name[0] == '/' || name[size - 1] == '/' || strstr(name, "//"))
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == size;
}

/* The bytes of the file, at most TZIF_MAX_BYTES + 1 of them; 0 when it cannot be read. */
static size_t read_file(const char *name, char *bytes)
{
    char path[PATH_MAX];
    const char *folder = getenv("TZDIR");
    int length = snprintf(path, sizeof path, "%s/%s", folder && *folder ? folder : FOLDER, name);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "rbe") : NULL;
    if (!file)
        return 0;
    size_t size = fread(bytes, 1, TZIF_MAX_BYTES + 1, file);
    if (ferror(file))
        size = 0;
    fclose(file);
    return size;
}

const struct zone *zone_get(const char *name)
{
    struct zone *zone;
    struct tzif tzif;
    if (!valid(name))
        return NULL;
    HASH_FIND_STR(zones, name, zone);
    if (zone)
        return zone;
    char *bytes = mem_calloc(TZIF_MAX_BYTES + 1, 1);
    int status = tzif_decode(&tzif, bytes, read_file(name, bytes));
    free(bytes);
    if (status != 0)
        return NULL;
    zone = mem_alloc(sizeof *zone);
    snprintf(zone->name, sizeof zone->name, "%s", name);
    zone->tzif = tzif;
    HASH_ADD_STR(zones, name, zone);
    return zone;
}

const char *zone_name(const struct zone *zone)
{
    return zone ? zone->name : "";
}

static int32_t quarter(int64_t at_ms)
{
    return (int32_t)(at_ms / ZONE_QUARTER_MS - (at_ms % ZONE_QUARTER_MS < 0));
}

int64_t zone_offset_ms(const struct zone *zone, int64_t at_ms)
{
    return zone ? tzif_at(&zone->tzif, quarter(at_ms)).offset * ZONE_QUARTER_MS : 0;
}

int64_t zone_change_ms(const struct zone *zone, int64_t at_ms)
{
    if (!zone)
        return INT64_MAX;
    struct tzif_change change = tzif_after(&zone->tzif, quarter(at_ms));
    return change.at == INT32_MAX ? INT64_MAX : change.at * ZONE_QUARTER_MS;
}
