/* See failpoint.h. The environment is read once; a pass that does not act costs a string comparison per entry. */
#include "failpoint.h"

#ifdef ISOBAR_FAULTS

#include "mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES_MAX 16

enum action { ACT_KILL, ACT_STOP, ACT_HANG, ACT_ERROR, ACT_ERRORS };
static const char *const action_names[] = {"kill", "stop", "hang", "error", "errors"};

static struct entry {
    char *point, *file;
    long nth, passes;
    enum action action;
} entries[ENTRIES_MAX];
static int entry_count = -1;

/* Cuts `text` at the last `mark`; what follows it, or NULL. */
static char *cut(char *text, char mark)
{
    char *at = strrchr(text, mark);
    if (!at)
        return NULL;
    *at = '\0';
    return at + 1;
}

static void refuse(const char *word)
{
    fprintf(stderr, "ISOBAR_FAIL: cannot read '%s'\n", word);
    abort();
}

static void parse_entry(char *word)
{
    if (entry_count == ENTRIES_MAX)
        refuse(word);
    struct entry *entry = &entries[entry_count++];
    char *file = cut(word, '@'), *action = cut(word, '='), *nth = cut(word, ':'), *end = NULL;
    entry->point = word;
    entry->file = file;
    entry->nth = nth ? strtol(nth, &end, 10) : 1;
    if (entry->nth < 1 || (nth && (end == nth || *end)))
        refuse(word);
    size_t of = sizeof action_names / sizeof *action_names;
    for (size_t i = 0; action && i < sizeof action_names / sizeof *action_names; i++) {
        if (strcmp(action, action_names[i]) == 0)
            of = i;
    }
    if (action && of == sizeof action_names / sizeof *action_names)
        refuse(action);
    entry->action = action ? (enum action)of : ACT_KILL;
}

static void parse(void)
{
    char *text = mem_strdup(getenv("ISOBAR_FAIL")),
         *rest = NULL; /* kept as long as the process: entries point into it */
    entry_count = 0;
    for (char *word = text ? strtok_r(text, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest))
        parse_entry(word);
}

static void act(const struct entry *entry)
{
    fprintf(stderr, "failpoint %s: %s\n", entry->point, action_names[entry->action]);
    if (entry->action == ACT_KILL)
        (void)raise(SIGKILL);
    else if (entry->action == ACT_STOP)
        (void)raise(SIGSTOP);
    else if (entry->action == ACT_HANG)
        for (;;)
            (void)pause();
}

bool failpoint_pass(const char *point)
{
    bool fails = false;
    if (entry_count < 0)
        parse();
    for (int i = 0; i < entry_count; i++) {
        struct entry *entry = &entries[i];
        if (strcmp(entry->point, point) != 0 || (entry->file && access(entry->file, F_OK) != 0))
            continue;
        entry->passes++;
        if (entry->passes == entry->nth || (entry->action == ACT_ERRORS && entry->passes > entry->nth)) {
            act(entry);
            fails |= entry->action == ACT_ERROR || entry->action == ACT_ERRORS;
        }
    }
    return fails;
}

bool failpoint_mutant(const char *name)
{
    const char *text = getenv("ISOBAR_MUTANT");
    size_t size = strlen(name);
    for (const char *at = text; at && (at = strstr(at, name)); at += size) {
        bool begins = at == text || at[-1] == ',', ends = at[size] == '\0' || at[size] == ',';
        if (begins && ends)
            return true;
    }
    return false;
}

#else

typedef int failpoint_is_empty; /* a file of nothing is no C */

#endif
