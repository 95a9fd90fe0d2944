/*
 * A city of the catalogue by what an operator calls it.
 */
#ifndef CTL_CITY_FIND_H
#define CTL_CITY_FIND_H

#include "context.h"
#include "installation.h"

#include <stdint.h>

#define CITY_FIND_NAME_BYTES 208
#define CITY_FIND_SHOWN      8 /* cities of one name that an error lists */

struct city_found {
    int64_t city_id;
    int32_t partition;
    char name[CITY_FIND_NAME_BYTES]; /* "" when the catalogue has no such id: it may be in the log all the same */
    char country[3];
    char zone[64]; /* IANA; "" unknown */
};

/*
 * Finds the city of `text`: a decimal id, or a name ("Zürich", "zurich", "Portland,US") that only one city has. Returns
 * the exit code; 2 with the reason said when no city or several have that name.
 */
int city_find(struct context *context, const struct installation *installation, const char *text,
              struct city_found *out) __attribute__((warn_unused_result));

#endif
