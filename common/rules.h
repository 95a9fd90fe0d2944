/*
 * The rules: configuration that processing depends on, as one text that an installation keeps by version
 * (docs/rules.md). What a record becomes is a function of state, record and the rules in force at its offset, so that a
 * replay repeats it. The text is INI; the canonical one, which is what is kept, has every key, and parsing it gives the
 * same rules.
 *
 * Pure: no file, no Redis. A row of the table in rules.c is all that a key needs to be parsed, checked, printed and
 * documented.
 */
#ifndef ISOBAR_RULES_H
#define ISOBAR_RULES_H

#include "alert_rule.h"
#include "buf.h"
#include "custom.h"
#include "quality.h"
#include "windowset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_MAX_BYTES (64 * 1024)

struct rules {
    int64_t version;    /* under which the installation keeps them; set by who reads them */
    int32_t partitions; /* of the installation, not of the text; set by who reads them */
    struct windowset windows;
    struct quality_limits quality;
    int64_t lateness_ms;
    int64_t allowed_delay_ms;
    int64_t idle_ms;
    struct alert_rules alerts;
    struct custom_set customs;
};

/* One key of a section that has fixed ones. Texts are static. */
struct rules_key {
    const char *section, *name;
    const char *unit;  /* of its value, for people */
    const char *start; /* value that holds when the key is not given */
    const char *help;  /* one sentence, without the dot */
    size_t offset;     /* of the number in struct rules */
    int64_t low, high;
};

/* Every key at its default, and no windows. */
void rules_defaults(struct rules *rules);
/*
 * Parses `size` bytes of text. 0; ERR_INVALID, or ERR_TOO_LARGE above RULES_MAX_BYTES, with one line per mistake in
 * `error` ("line 3: ..."), RULES_ERRORS_MAX at most and then how many more, each of which ends with a newline. Keys
 * that are not given have their defaults; windows must be given. `rules` is undefined after a failure; version and
 * partitions are 0.
 */
#define RULES_ERRORS_MAX 50
int rules_parse(struct rules *rules, const char *text, size_t size, struct buf *error)
    __attribute__((warn_unused_result));
/* Appends the canonical text. */
void rules_print(const struct rules *rules, struct buf *out);
/* Whether both have the same canonical text; version, partitions and the pane are not part of it. */
bool rules_same(const struct rules *one, const struct rules *other);
/* Appends the windows as windowset_parse takes them: 10m:2d,1h:30d. */
void rules_windows(const struct rules *rules, struct buf *out);
/*
 * Takes `pane_ms` of the installation for the pane, in the place of the one that follows from the windows. ERR_INVALID,
 * with the sentence in `error`, when the windows are no multiples of it.
 */
int rules_set_pane(struct rules *rules, int64_t pane_ms, struct buf *error) __attribute__((warn_unused_result));
/* All rows of keys with fixed names, by section. */
const struct rules_key *rules_keys(size_t *count) __attribute__((returns_nonnull));

#endif
