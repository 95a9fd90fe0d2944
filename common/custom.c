/* Definitions of the operator's own metrics (custom.h): what they may be, and looking them up. They are read elsewhere.
 */
#include "custom.h"

#include "quantity.h"
#include "text.h"

#include <stddef.h>
#include <string.h>

static const char *const combines[] = {[CUSTOM_MEAN] = "mean",
                                       [CUSTOM_SUM] = "sum",
                                       [CUSTOM_MINIMUM] = "minimum",
                                       [CUSTOM_MAXIMUM] = "maximum",
                                       [CUSTOM_LAST] = "last"};
#define COMBINES ((int)(sizeof combines / sizeof *combines))

const char *custom_combine_name(enum custom_combine combine)
{
    return combines[combine];
}

bool custom_combine_parse(const char *text, enum custom_combine *combine)
{
    for (int i = 0; i < COMBINES; i++) {
        if (strcmp(combines[i], text) == 0) {
            *combine = (enum custom_combine)i;
            return true;
        }
    }
    return false;
}

const struct custom *custom_get(const struct custom_set *set, int number)
{
    if (number < 0 || number >= CUSTOM_COUNT || set->list[number].name[0] == '\0')
        return NULL;
    return &set->list[number];
}

int custom_find(const struct custom_set *set, const char *name)
{
    for (int number = 0; number < CUSTOM_COUNT; number++)
        if (name[0] != '\0' && strcmp(set->list[number].name, name) == 0)
            return number;
    return -1;
}

/* ---- what is sound ---- */

static bool name_well_formed(const struct custom *custom)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz", more[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t size = strnlen(custom->name, sizeof custom->name);
    return size < sizeof custom->name && strspn(custom->name, letters) > 0 && strspn(custom->name, more) == size;
}

/* True when the API shows something of that name already. */
static bool name_taken(const char *name)
{
    if (quantity_by_name(name) || strcmp(name, "humidex") == 0)
        return true;
    for (int bit = 0; bit < OBSERVATION_VALUES; bit++) {
        const char *other = value_kind_get(bit)->name;
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

static bool unit_printable(const struct custom *custom)
{
    if (strnlen(custom->unit, sizeof custom->unit) == sizeof custom->unit || !text_is_utf8(custom->unit))
        return false;
    for (const char *p = custom->unit; *p; p += text_sequence(p)) {
        unsigned char first = (unsigned char)p[0];
        bool c1 = first == 0xc2 && (unsigned char)p[1] < 0xa0;
        if (first < ' ' || first == 0x7f || c1)
            return false;
    }
    return true;
}

static bool scale_valid(int32_t scale)
{
    if (scale < 1 || scale > CUSTOM_SCALE_MAX)
        return false;
    while (scale % 10 == 0)
        scale /= 10;
    return scale == 1;
}

const char *custom_fault(const struct custom_set *set, int number)
{
    const struct custom *custom = &set->list[number];
    if (!name_well_formed(custom))
        return "a name is a small letter and then small letters, digits and _, at most 32";
    if (name_taken(custom->name))
        return "this name is that of a metric that is always there";
    if (custom_find(set, custom->name) < number)
        return "another one has this name";
    if (!unit_printable(custom))
        return "a unit is at most 15 bytes of printable UTF-8";
    if (!scale_valid(custom->scale))
        return "a scale is a power of ten, 1 to 1000000";
    if ((int)custom->combine < 0 || (int)custom->combine >= COMBINES)
        return "it is combined by mean, sum, minimum, maximum or last";
    if (custom->has_minimum && custom->has_maximum && custom->minimum > custom->maximum)
        return "the minimum is above the maximum";
    return NULL;
}

/* ---- labels ---- */

/* Puts what the set says of `number` into `label`, if it says something. */
static void relabel(const struct custom_set *set, int number, struct label *label)
{
    const struct custom *custom = custom_get(set, number);
    if (custom)
        *label = (struct label){custom->name, custom->unit, custom->scale};
}

bool custom_metric_label(const struct custom_set *set, int32_t metric, struct label *label)
{
    const struct quantity *quantity = quantity_get(metric);
    if (!quantity)
        return false;
    *label = (struct label){quantity->name, quantity->unit, quantity->scale};
    relabel(set, metric - QUANTITY_CUSTOM, label);
    return true;
}

bool custom_value_label(const struct custom_set *set, int bit, struct label *label)
{
    const struct value_kind *kind = value_kind_get(bit);
    if (!kind->name)
        return false;
    *label = (struct label){kind->name, kind->unit, kind->scale};
    relabel(set, bit - OBSERVATION_CUSTOM, label);
    return true;
}
