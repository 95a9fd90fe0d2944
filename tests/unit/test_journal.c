/* The chain of commits in workers' journals: what is good, and every way in which it can be spliced. */
#include "../../ctl/journal.h"

#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define PARTITIONS 2

/* Ids are written as one letter, which is repeated. */
static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (const char *p = text; *p; p++) {
        if (*p == '@') /* @a: the id of a's */
            for (int i = 0, c = (unsigned char)*++p; i < 32; i++)
                fputc(c, file);
        else
            fputc(*p, file);
    }
    assert_int_equal(fclose(file), 0);
}

/* The findings over files whose texts these are, ended by NULL; the caller frees them. */
static char *findings(const char *const *texts)
{
    struct journal journal = {0};
    struct audit_rules rules = {.partitions = PARTITIONS};
    struct audit audits[PARTITIONS];
    struct buf error = BUF_EMPTY, out = BUF_EMPTY;
    for (int i = 0; i < PARTITIONS; i++)
        audit_init(&audits[i], &rules, i);
    for (; *texts; texts++) {
        write_file("journal", *texts);
        if (journal_read(&journal, "journal", PARTITIONS, &error) != 0)
            fail_msg("%s", error.data);
    }
    journal_check(&journal, audits);
    for (int i = 0; i < PARTITIONS; i++) {
        buf_text(&out, audits[i].lines.data);
        audit_release(&audits[i]);
    }
    journal_release(&journal);
    buf_release(&error);
    return buf_take(&out);
}

#define CHAIN "acquire 0 a/1 @0 @1 5 1\ncommit 0 a/1 @1 @2 7 1\ncommit 0 a/1 @2 @3 9 1\n"

static void good_chains(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"", NULL},
        {CHAIN, NULL},
        {CHAIN, "acquire 0 b/2 @3 @4 9 1\ncommit 0 b/2 @4 @5 12 1\n", NULL},  /* taken over */
        {"acquire 0 b/2 @3 @4 9 1\ncommit 0 b/2 @4 @5 12 1\n", CHAIN, NULL},  /* in any order */
        {CHAIN, "acquire 0 b/2 @7 @4 30 1\ncommit 0 b/2 @4 @5 31 1\n", NULL}, /* a last commit without an answer */
        {CHAIN "acquire 0 a/1 @1 @4 5 1\ncommit 0 a/1 @4 @5 7 1\n", NULL},    /* Redis went back */
        {CHAIN "commit 0 a/1 @3 @4 10 1\nacquire 0 a/1 @4 @5 10 1\ncommit 0 a/1", NULL}, /* killed while it wrote */
        {CHAIN "acquire 1 a/1 @a @b 0 1\ncommit 1 a/1 @b @c 1 1\n", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *found = findings(rows[i]);
        if (*found)
            fail_msg("row %zu: %s", i, found);
        free(found);
    }
}

static void spliced_chains(void **state)
{
    (void)state;
    static const struct {
        const char *texts[3];
        const char *word;
    } rows[] = {{{CHAIN "commit 0 a/1 @8 @9 11 1\n", NULL}, "partition 0: I4: the commit 9999"},
                {{CHAIN "commit 0 a/1 @2 @4 9 1\n", NULL}, "partition 0: I4: two commits follow 2222"},
                {{CHAIN, "commit 0 b/2 @3 @4 10 1\n", NULL}, "partition 0: I5: b/2 committed 4444"},
                {{CHAIN "acquire 0 a/2 @3 @4 9 1\ncommit 0 a/1 @4 @5 10 1\n", NULL}, "I5: a/1 committed 5555"},
                {{CHAIN "commit 0 a/1 @3 @4 8 1\n", NULL}, "I3: the commit 4444"},
                {{CHAIN "acquire 0 a/1 @3 @2 9 1\n", NULL}, "I4: the id 2222"},
                {{CHAIN "commit 1 a/1 @3 @4 10 1\n", NULL}, "partition 1: I4: the commit 4444"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *found = findings(rows[i].texts);
        if (!strstr(found, rows[i].word))
            fail_msg("row %zu: %s", i, found);
        free(found);
    }
}

static void what_is_no_journal(void **state)
{
    (void)state;
    static const char *const rows[] = {"x\n",
                                       "\n",
                                       "commit 0 a/1 @1 @2\n",
                                       "commit 0 a/1 @1 @2 3\n",
                                       "commit 2 a/1 @1 @2 3 1\n",
                                       "commit -1 a/1 @1 @2 3 1\n",
                                       "commit 0 a/1 @g @2 3 1\n",
                                       "commit 0 a/1 @1 @2 -3 1\n",
                                       "commit 0 a/1 @1 @2 3 4 1\n",
                                       "fold 0 a/1 @1 @2 3 1\n",
                                       "commit 0 a/1 @1 12 3 1\n"};
    struct journal journal = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf error = BUF_EMPTY;
        write_file("journal", rows[i]);
        if (journal_read(&journal, "journal", PARTITIONS, &error) != ERR_INVALID || !strstr(error.data, "journal:1: "))
            fail_msg("row %zu: %s", i, error.data);
        buf_release(&error);
    }
    struct buf error = BUF_EMPTY;
    assert_int_equal(journal_read(&journal, "none", PARTITIONS, &error), ERR_SYSTEM);
    assert_non_null(strstr(error.data, "none: "));
    buf_release(&error);
    journal_release(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_chains), cmocka_unit_test(spliced_chains),
                                       cmocka_unit_test(what_is_no_journal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
