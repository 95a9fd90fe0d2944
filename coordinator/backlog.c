/* See backlog.h. An entry stays in the list until Redis has answered. */
#include "backlog.h"

#include "mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct backlog_entry {
    struct backlog *backlog;
    bool sent, late;
    int64_t late_ms;
    size_t count;
    char *words[BACKLOG_WORDS];
    struct backlog_entry *next;
};

void backlog_init(struct backlog *backlog, struct store *store)
{
    *backlog = (struct backlog){.store = store};
    backlog->last = &backlog->first;
}

static void entry_free(struct backlog_entry *entry)
{
    for (size_t i = 0; i < entry->count; i++)
        free(entry->words[i]);
    free(entry);
}

void backlog_release(struct backlog *backlog)
{
    for (struct backlog_entry *entry = backlog->first, *next; entry; entry = next) {
        next = entry->next;
        entry_free(entry);
    }
    *backlog = (struct backlog){0};
}

static void take_off(struct backlog *backlog, struct backlog_entry *gone)
{
    struct backlog_entry **place = &backlog->first;
    while (*place != gone)
        place = &(*place)->next;
    *place = gone->next;
    if (!gone->next)
        backlog->last = place;
    backlog->count--;
    entry_free(gone);
}

/* A refusal by Redis is final: it would be refused again. */
static void on_written(void *arg, int status, const struct store_reply *reply)
{
    struct backlog_entry *entry = arg;
    (void)reply;
    if (status == 0) {
        take_off(entry->backlog, entry);
        return;
    }
    entry->sent = false;
    entry->late = true;
}

static void send(struct backlog_entry *entry)
{
    const char *words[BACKLOG_WORDS + 2];
    char at[24];
    size_t count = entry->count;
    for (size_t i = 0; i < count; i++)
        words[i] = entry->words[i];
    if (entry->late && entry->late_ms > 0) {
        snprintf(at, sizeof at, "%lld", (long long)entry->late_ms);
        words[count++] = "at_ms";
        words[count++] = at;
    }
    entry->sent = true;
    store_command(entry->backlog->store, count, words, NULL, on_written, entry);
}

void backlog_flush(struct backlog *backlog)
{
    for (struct backlog_entry *entry = backlog->first; entry && store_up(backlog->store); entry = entry->next) {
        if (!entry->sent)
            send(entry);
    }
}

void backlog_add(struct backlog *backlog, size_t argc, const char *const *argv, int64_t late_ms)
{
    assert(argc <= BACKLOG_WORDS);
    if (backlog->count >= BACKLOG_MAX) {
        backlog->lost++;
        return;
    }
    struct backlog_entry *entry = mem_alloc(sizeof *entry);
    *entry = (struct backlog_entry){
        .backlog = backlog, .late = !store_up(backlog->store), .late_ms = late_ms, .count = argc};
    for (size_t i = 0; i < argc; i++)
        entry->words[i] = mem_strdup(argv[i]);
    *backlog->last = entry;
    backlog->last = &entry->next;
    backlog->count++;
    backlog_flush(backlog);
}

int64_t backlog_lost(struct backlog *backlog)
{
    if (backlog->lost == 0 || backlog->count >= BACKLOG_MAX || !store_up(backlog->store))
        return 0;
    int64_t lost = backlog->lost;
    backlog->lost = 0;
    return lost;
}
