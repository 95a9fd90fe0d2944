/*
 * The journals that workers write with --journal: a line per acquire and commit, "<what> <partition> <owner> <expected
 * id> <next id> <offset>". Together they tell whether the chain of commit ids was ever spliced:
 *
 *   I4  each commit follows what its own owner wrote before, and no two commits follow the same id
 *   I5  between two acquires one owner commits
 *   I3  the offset does not go back along the chain
 *
 * An acquire may follow anything: a commit whose answer and owner were lost is in no journal, an operator's reset
 * neither, and after Redis went back it follows an older id.
 */
#ifndef CTL_JOURNAL_H
#define CTL_JOURNAL_H

#include "audit.h"
#include "buf.h"

#include <stddef.h>
#include <stdint.h>

struct journal_line;

struct journal {
    struct journal_line *lines; /* owned */
    size_t count, capacity;
};

/* Reads one file; a last line without its end is left out, for its process was killed. ERR_INVALID, or ERR_SYSTEM, with
 * the reason and place in `error`. */
int journal_read(struct journal *journal, const char *path, int32_t partitions, struct buf *error)
    __attribute__((warn_unused_result));
/* Checks all lines; what is wrong goes to the audit of its partition. Sorts the lines. */
void journal_check(struct journal *journal, struct audit *audits);
/* Frees the lines. */
void journal_release(struct journal *journal);

#endif
