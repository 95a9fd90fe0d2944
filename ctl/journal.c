/* See journal.h. Lines are found by their next id; ids are random, so order in time plays no role. */
#include "journal.h"

#include "error.h"
#include "mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_BYTES    33
#define OWNER_BYTES 96 /* member id, '/' and incarnation */
#define LINE_BYTES  320

struct journal_line {
    bool commit;
    int32_t partition;
    char owner[OWNER_BYTES], expected[ID_BYTES], next[ID_BYTES];
    int64_t offset;
};

/* ---- reading ---- */

static bool is_id(const char *text)
{
    return strlen(text) == ID_BYTES - 1 && strspn(text, "0123456789abcdef") == ID_BYTES - 1;
}

static bool parse(const char *text, int32_t partitions, struct journal_line *out)
{
    char what[16];
    int used = 0;
    *out = (struct journal_line){0};
    if (sscanf(text, "%15s %" SCNd32 " %95s %32s %32s %" SCNd64 " %*d %n", what, &out->partition, out->owner,
               out->expected, out->next, &out->offset, &used) != 6 ||
        used == 0 || text[used] != '\0')
        return false;
    out->commit = strcmp(what, "commit") == 0;
    return (out->commit || strcmp(what, "acquire") == 0) && out->partition >= 0 && out->partition < partitions &&
           is_id(out->expected) && is_id(out->next) && out->offset >= 0;
}

static void add(struct journal *journal, const struct journal_line *line)
{
    if (journal->count == journal->capacity) {
        journal->capacity = journal->capacity ? 2 * journal->capacity : 1024;
        journal->lines = mem_grow(journal->lines, journal->capacity, sizeof *journal->lines);
    }
    journal->lines[journal->count++] = *line;
}

int journal_read(struct journal *journal, const char *path, int32_t partitions, struct buf *error)
{
    char text[LINE_BYTES];
    int number = 0, status = 0;
    FILE *file = fopen(path, "r");
    if (!file) {
        buf_printf(error, "%s: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    while (status == 0 && fgets(text, sizeof text, file)) {
        struct journal_line line;
        number++;
        if (!strchr(text, '\n') && feof(file))
            break; /* killed while it was written */
        if (parse(text, partitions, &line)) {
            add(journal, &line);
        } else {
            buf_printf(error, "%s:%d: no line of a worker's journal of this installation", path, number);
            status = ERR_INVALID;
        }
    }
    fclose(file);
    return status;
}

void journal_release(struct journal *journal)
{
    free(journal->lines);
    *journal = (struct journal){0};
}

/* ---- checks ---- */

static int by_next(const void *a, const void *b)
{
    const struct journal_line *x = a, *y = b;
    return strcmp(x->next, y->next);
}

static int by_expected(const void *a, const void *b)
{
    const struct journal_line *const *x = a, *const *y = b;
    return strcmp((*x)->expected, (*y)->expected);
}

static void check_commit(const struct journal *journal, const struct journal_line *line, struct audit *audit)
{
    struct journal_line key = {0};
    memcpy(key.next, line->expected, ID_BYTES);
    const struct journal_line *before = bsearch(&key, journal->lines, journal->count, sizeof key, by_next);
    if (!before || before->partition != line->partition)
        audit_fail(audit, "I4", "the commit %s of %s follows %s, which is in no journal given", line->next, line->owner,
                   line->expected);
    else if (strcmp(before->owner, line->owner) != 0)
        audit_fail(audit, "I5", "%s committed %s after %s, which is of %s, without an acquire", line->owner, line->next,
                   before->next, before->owner);
    else if (line->offset < before->offset)
        audit_fail(audit, "I3", "the commit %s of %s goes back from offset %" PRId64 " to %" PRId64, line->next,
                   line->owner, before->offset, line->offset);
}

/* Two commits on one id would both have counted. */
static void check_forks(const struct journal *journal, struct audit *audits)
{
    const struct journal_line **commits = mem_calloc(journal->count, sizeof(const struct journal_line *));
    size_t count = 0;
    for (size_t i = 0; i < journal->count; i++) {
        if (journal->lines[i].commit)
            commits[count++] = &journal->lines[i];
    }
    qsort(commits, count, sizeof *commits, by_expected);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(commits[i - 1]->expected, commits[i]->expected) == 0)
            audit_fail(&audits[commits[i]->partition], "I4", "two commits follow %s: %s of %s and %s of %s",
                       commits[i]->expected, commits[i - 1]->next, commits[i - 1]->owner, commits[i]->next,
                       commits[i]->owner);
    }
    free(commits);
}

void journal_check(struct journal *journal, struct audit *audits)
{
    if (journal->count == 0)
        return;
    qsort(journal->lines, journal->count, sizeof *journal->lines, by_next);
    for (size_t i = 0; i < journal->count; i++) {
        const struct journal_line *line = &journal->lines[i];
        struct audit *audit = &audits[line->partition];
        if (i > 0 && strcmp(line[-1].next, line->next) == 0)
            audit_fail(audit, "I4", "the id %s was set twice, by %s and %s", line->next, line[-1].owner, line->owner);
        if (line->commit)
            check_commit(journal, line, audit);
    }
    check_forks(journal, audits);
}
