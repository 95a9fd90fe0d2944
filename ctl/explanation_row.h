/* Parts of a printed explanation that its forms share (explanation.h). */
#ifndef CTL_EXPLANATION_ROW_H
#define CTL_EXPLANATION_ROW_H

#include "explanation.h"

/* "provisional", "final", or "revised" when final with a revision above 0; of what is stored. */
const char *explanation_status(const struct explanation *explanation);
/*
 * Appends the known values in their API units, "<quote>temperature<quote><equals>12.34" each, with `between` before
 * each but, when it is a comma, the first.
 */
void explanation_row_values(const struct observation *row, const char *between, const char *equals, const char *quote,
                            struct buf *out);
/* Appends the names of flags likewise. */
void explanation_row_flags(uint64_t flags, const char *between, const char *quote, struct buf *out);

#endif
