/*
 * isobarctl cities remove, pause and resume. All cities that are named are looked up before one is changed, so that a
 * mistake changes nothing.
 */
#include "cities.h"
#include "city_edit.h"
#include "city_find.h"
#include "city_show.h"
#include "error.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct change {
    const char *what;   /* city_pause, in the audit stream */
    const char *done;   /* paused */
    const char *effect; /* said once, for people */
    bool removes, pauses;
};

/* The cities that are named, each once. */
struct chosen {
    struct city_entry entries[CITIES_AT_ONCE];
    struct city_edit edits[CITIES_AT_ONCE];
    size_t count, edit_count;
};

static bool has(const struct chosen *chosen, int64_t id)
{
    for (size_t i = 0; i < chosen->count; i++) {
        if (chosen->entries[i].row.id == id)
            return true;
    }
    return false;
}

static int choose(struct cities *cities, const char *word, bool removes, struct chosen *chosen)
{
    struct city_found found;
    struct city_entry *entry = &chosen->entries[chosen->count];
    bool there = false, good = false;
    int code = city_find(&cities->context, &cities->installation, word, &found);
    if (code == EXIT_CODE_OK && has(chosen, found.city_id))
        return EXIT_CODE_OK;
    if (code == EXIT_CODE_OK)
        code = cities_read_entry(cities, found.city_id, entry, &there, &good);
    if (code != EXIT_CODE_OK)
        return code;
    if (!there)
        return context_fail(&cities->context, EXIT_CODE_USAGE, "no city of the catalogue has the id %" PRId64,
                            found.city_id);
    if (!good && !removes)
        return context_fail(&cities->context, EXIT_CODE_FAILURE,
                            "the record of %" PRId64 " is damaged: isobarctl cities add writes it anew, remove takes "
                            "it away",
                            found.city_id);
    if (!good)
        *entry = (struct city_entry){.row.id = found.city_id};
    chosen->count++;
    return EXIT_CODE_OK;
}

/* True when the command changes anything of the city. */
static bool changes(const struct change *change, const struct city_entry *entry)
{
    return change->removes || entry->paused != change->pauses;
}

static void choose_edits(struct chosen *chosen, const struct change *change)
{
    for (size_t i = 0; i < chosen->count; i++) {
        const struct city_entry *entry = &chosen->entries[i];
        struct city_edit edit = {.id = entry->row.id, .row = &entry->row, .paused = change->pauses};
        if (change->removes)
            edit.row = NULL;
        if (changes(change, entry))
            chosen->edits[chosen->edit_count++] = edit;
    }
}

static const char *name_of(const struct city_row *row, char out[CITY_SHOW_BYTES])
{
    if (row->name)
        return city_show_name(row, out);
    snprintf(out, CITY_SHOW_BYTES, "%" PRId64 ", whose record was damaged,", row->id);
    return out;
}

static void print(const struct cities *cities, const struct chosen *chosen, const struct change *change,
                  int64_t version)
{
    char name[CITY_SHOW_BYTES];
    struct buf out = BUF_EMPTY;
    bool json = cities->options->json;
    if (json)
        buf_text(&out, "{\"cities\":[");
    for (size_t i = 0; i < chosen->count; i++) {
        const struct city_entry *entry = &chosen->entries[i];
        bool changed = changes(change, entry);
        if (json) {
            buf_printf(&out, "%s{\"id\":%" PRId64 ",\"name\":", i ? "," : "", entry->row.id);
            text_json(&out, entry->row.name ? entry->row.name : "");
            buf_printf(&out, ",\"what\":\"%s\"}", changed ? change->done : "unchanged");
        } else {
            buf_printf(&out, "%s is %s%s\n", name_of(&entry->row, name),
                       changed          ? ""
                       : change->pauses ? "already "
                                        : "not paused, so it is not ",
                       change->done);
        }
    }
    if (json)
        buf_printf(&out, "],\"catalogue_version\":%" PRId64 "}", version);
    else
        buf_printf(&out, "%s (catalogue version %" PRId64 ")", change->effect, version);
    context_answer(&cities->context, out.data);
    buf_release(&out);
}

static void describe(const struct chosen *chosen, const struct change *change, struct buf *detail)
{
    char name[CITY_SHOW_BYTES];
    for (size_t i = 0; i < chosen->count; i++) {
        if (changes(change, &chosen->entries[i]))
            buf_printf(detail, "%s%s", detail->size ? "; " : "", name_of(&chosen->entries[i].row, name));
    }
}

static int apply(struct cities *cities, char *const *words, const struct change *change)
{
    struct chosen chosen = {0};
    struct buf detail = BUF_EMPTY;
    int64_t version;
    int code = cities_open_to_change(cities);
    for (size_t i = 0; words[i] && code == EXIT_CODE_OK; i++)
        code = choose(cities, words[i], change->removes, &chosen);
    if (code == EXIT_CODE_OK) {
        choose_edits(&chosen, change);
        describe(&chosen, change, &detail);
        struct city_note note = {change->what, detail.data};
        code =
            city_edit_write(&cities->context, &cities->installation, chosen.edits, chosen.edit_count, &note, &version);
    }
    if (code == EXIT_CODE_OK)
        print(cities, &chosen, change, version);
    for (size_t i = 0; i < chosen.count; i++)
        city_row_release(&chosen.entries[i].row);
    buf_release(&detail);
    return code;
}

int cities_remove(struct cities *cities, char *const *words)
{
    static const struct change change = {
        .what = "city_remove",
        .done = "removed",
        .effect = "No more polls; its windows stay in Redis until their retention ends, and come back when it is added "
                  "again",
        .removes = true};
    return apply(cities, words, &change);
}

int cities_pause(struct cities *cities, char *const *words)
{
    static const struct change change = {.what = "city_pause",
                                         .done = "paused",
                                         .effect = "No more polls until isobarctl cities resume; the page says so",
                                         .pauses = true};
    return apply(cities, words, &change);
}

int cities_resume(struct cities *cities, char *const *words)
{
    static const struct change change = {
        .what = "city_resume", .done = "resumed", .effect = "Polls go on within a second"};
    return apply(cities, words, &change);
}
