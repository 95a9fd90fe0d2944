/*
 * Metrics of the operator's own (docs/semantics.md, "Metrics of one's own"): what custom_0 to custom_15 are called and
 * how they are shown. Workers aggregate them without it. Who reads the configuration fills a struct custom_set and has
 * it checked. Names that people give may be shown side by side with those of quantity.h, so they must differ.
 */
#ifndef ISOBAR_CUSTOM_H
#define ISOBAR_CUSTOM_H

#include "buf.h"
#include "observation.h"

#include <stdbool.h>
#include <stdint.h>

#define CUSTOM_NAME_BYTES 33 /* with the closing '\0' */
#define CUSTOM_UNIT_BYTES 16
#define CUSTOM_SCALE_MAX  1000000

/* Which figure of a window stands for it. */
enum custom_combine { CUSTOM_MEAN, CUSTOM_SUM, CUSTOM_MINIMUM, CUSTOM_MAXIMUM, CUSTOM_LAST };

struct custom {
    char name[CUSTOM_NAME_BYTES]; /* [a-z][a-z0-9_]*; empty: not defined */
    char unit[CUSTOM_UNIT_BYTES]; /* printable UTF-8, may be empty */
    int32_t scale;                /* stored integer = value * scale: a power of ten up to CUSTOM_SCALE_MAX */
    enum custom_combine combine;
    bool has_minimum, has_maximum; /* a plausible range */
    int32_t minimum, maximum;      /* inclusive, as stored */
};

struct custom_set {
    struct custom list[CUSTOM_COUNT]; /* by number; zeroed: none is defined */
};

/* Why the definition of `number`, which is there, is not sound, as static text; NULL when it is. */
const char *custom_fault(const struct custom_set *set, int number) __attribute__((warn_unused_result));
/* The definition of `number` (any), or NULL. */
const struct custom *custom_get(const struct custom_set *set, int number);
/* The number of the metric with that name, or -1. */
int custom_find(const struct custom_set *set, const char *name);
/* Name of a way to combine ("mean"), and back: false when there is none of that name. */
const char *custom_combine_name(enum custom_combine combine) __attribute__((returns_nonnull));
bool custom_combine_parse(const char *text, enum custom_combine *combine);

/* What something is called, in which unit it is shown, and by what its stored integer is divided. */
struct label {
    const char *name, *unit;
    int32_t scale;
};

/*
 * The label of an isobar.v1.Metric, and of an isobar.v1.Value: of the operator's own as the set says, or custom_3
 * without unit when it says nothing. False when no version has it. Texts are static or the set's.
 */
bool custom_metric_label(const struct custom_set *set, int32_t metric, struct label *label);
bool custom_value_label(const struct custom_set *set, int bit, struct label *label);

#endif
