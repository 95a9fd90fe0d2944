/* See mutant.h. Scripts are changed as text, so that the true ones hold nothing of it. */
#include "mutant.h"

#ifdef ISOBAR_FAULTS

#include "failpoint.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a commit adds to '#n' of a key, until its answer comes. */
struct increment {
    uint64_t ticket;
    char *key, *count;
    struct increment *next;
};
static struct increment *increments;

static const struct {
    const char *mutant, *script, *condition;
} weakened[] = {{"cid_unchecked", "commit", "now[1] ~= ARGV[1]"},
                {"unchecked_load", "load", "cid ~= ARGV[1]"},
                {"increments_after", "commit", "ARGV[at + 2] ~= '0'"}};

static const char never[] = {'f', 'a', 'l', 's', 'e'};

const char *mutant_script(const char *name, const char *source)
{
    for (size_t i = 0; i < sizeof weakened / sizeof *weakened; i++) {
        if (strcmp(weakened[i].script, name) != 0 || !MUTANT(weakened[i].mutant))
            continue;
        char *changed = mem_strdup(source);
        char *at = strstr(changed, weakened[i].condition);
        assert(at);
        memset(at, ' ', strlen(weakened[i].condition));
        memcpy(at, never, sizeof never);
        return changed;
    }
    return source;
}

static void note(const char *key, const char *count, uint64_t ticket)
{
    struct increment *increment = mem_alloc(sizeof *increment);
    *increment =
        (struct increment){.ticket = ticket, .key = mem_strdup(key), .count = mem_strdup(count), .next = increments};
    increments = increment;
}

/* The arguments are those of proto/commit.lua. */
void mutant_commit(const char *const *argv, size_t keys, size_t argc, uint64_t ticket)
{
    if (!MUTANT("increments_after"))
        return;
    size_t at = keys + 5 + 2 * strtoul(argv[keys + 4], NULL, 10);
    for (size_t key = 1; key < keys && at < argc; key++) {
        if (strcmp(argv[at], "hset") != 0) {
            at++;
            continue;
        }
        if (strcmp(argv[at + 2], "0") != 0)
            note(argv[key], argv[at + 2], ticket);
        at += 4 + 2 * strtoul(argv[at + 3], NULL, 10);
    }
}

static void on_added(void *arg, int status, const struct store_reply *reply)
{
    (void)arg, (void)status, (void)reply;
}

void mutant_answered(struct store *store, uint64_t ticket, const struct store_reply *reply)
{
    bool ok = reply && reply->type == STORE_ARRAY && reply->count == 1;
    for (struct increment **place = &increments, *increment; (increment = *place) != NULL;) {
        if (increment->ticket != ticket) {
            place = &increment->next;
            continue;
        }
        *place = increment->next;
        if (ok)
            store_send(store, on_added, NULL, "HINCRBY", increment->key, "#n", increment->count, NULL);
        free(increment->key);
        free(increment->count);
        free(increment);
    }
}

#else

typedef int mutant_is_empty; /* a file of nothing is no C */

#endif
