/* Where a command looked for the leader, and what came of it last, for the error when nobody leads. Pure. */
#ifndef CTL_TRIED_H
#define CTL_TRIED_H

#include "buf.h"

#include <stddef.h>

#define TRIED_MAX 20 /* places; further ones are left out */

struct tried {
    size_t count;
    struct {
        char where[264], what[200];
    } list[TRIED_MAX];
};

/* At `where` came of it `what`; takes the place of what came of it before. */
void tried_note(struct tried *tried, const char *where, const char *what);
/* Appends "tcp://a:1 (does not answer), Redis b:2 (names no leader)", in the order of the first tries. */
void tried_text(const struct tried *tried, struct buf *out);

#endif
