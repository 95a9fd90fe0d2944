/*
 * The records behind a window's value: the rows, what became of each, and whether they add up to what is stored. Pure;
 * isobarctl explain fills it and prints it.
 */
#ifndef CTL_EXPLANATION_H
#define CTL_EXPLANATION_H

#include "buf.h"
#include "city_find.h"
#include "judge.h"
#include "window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct explanation {
    struct city_found city;
    int32_t series;
    const char *topic, *size_name; /* borrowed */
    int64_t start_ms, end_ms;      /* of the window */
    int64_t shown_at_ms;           /* wall clock */
    int64_t closed_through_ms;     /* of the city, as stored */
    int64_t ledger_offset;         /* what is stored is made of the records before it */
    int64_t from, to;              /* offsets that were read: [from, to) */
    bool complete;                 /* all that can count was still in the log, under rules that are known */

    struct judged *rows; /* owned: of the window, in the order of the log */
    size_t count, capacity, limit;
    int64_t counts[VERDICTS]; /* of all rows of the window, kept or not */
    int64_t outside;          /* rows of the city that were read and lie elsewhere */
    int64_t undecodable;      /* records */

    bool has_stored, has_made;
    struct window stored; /* of Redis, open panes included; when has_stored */
    struct window made;   /* of the rows */
};

/* Explains nothing yet; at most `limit` rows are kept. */
void explanation_init(struct explanation *explanation, size_t limit);
/* Frees what it holds. */
void explanation_release(struct explanation *explanation);
/* Forgets the rows, to begin anew. */
void explanation_restart(struct explanation *explanation);
/* Takes a row of the city. */
void explanation_add(struct explanation *explanation, const struct judged *row);
/*
 * Appends a line for each number that differs between what is stored and what was made: rows, revision, and of each
 * metric count, sum, extremes, first and last; and one when only something else does (wind, precipitation, quantiles).
 * False when there is none.
 */
bool explanation_differs(const struct explanation *explanation, struct buf *out);

/* Appends all of it as text for people, as one JSON object, or the rows as CSV. */
void explanation_text(const struct explanation *explanation, struct buf *out);
void explanation_json(const struct explanation *explanation, struct buf *out);
void explanation_csv(const struct explanation *explanation, struct buf *out);

#endif
