/* See part.h. */
#include "part.h"

#include "clock.h"
#include "log.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_COUNT "500"
#define NAMED_MAX  20000 /* more fields than this at once: reading the whole partition is cheaper */
#define KEY_BYTES  256

struct field {
    char name[CITY_FIELD_BYTES];
    UT_hash_handle hh;
};

static void fields_clear(struct field **set)
{
    struct field *item = *set, *next;
    HASH_CLEAR(hh, *set); /* the fields stay linked */
    for (; item; item = next) {
        next = item->hh.next;
        free(item);
    }
}

static void fields_add(struct field **set, const char *name)
{
    struct field *item;
    HASH_FIND_STR(*set, name, item);
    if (item)
        return;
    item = mem_alloc(sizeof *item);
    memcpy(item->name, name, strlen(name) + 1);
    HASH_ADD_STR(*set, name, item);
}

void part_init(struct part *part, const struct part_context *context, int32_t index)
{
    *part = (struct part){.context = context, .index = index};
}

void part_release(struct part *part)
{
    fields_clear(&part->named);
    fields_clear(&part->asked);
}

void part_reset(struct part *part)
{
    part_release(part);
    part_init(part, part->context, part->index);
}

static void key_of(const struct part *part, const char *name, char key[KEY_BYTES])
{
    snprintf(key, KEY_BYTES, "%s{%d}:%s", part->context->prefix, part->index, name);
}

/* ---- as a whole ---- */

static void scan_step(struct part *part, const char *cursor);

/* Redis answered, but not with what was asked for: an error, or a key of another type. */
static void refused(struct part *part, const struct store_reply *reply)
{
    const char *text = reply->type == STORE_ERROR ? reply->text : "unexpected answer";
    if (part->trouble[0] == '\0')
        log_warn("partition_unreadable", LOG_INT("partition", part->index), LOG_TEXT("reason", text));
    snprintf(part->trouble, sizeof part->trouble, "%s", text);
    part->scanning = false;
}

static void scan_begin(struct part *part, bool whole)
{
    part->scanning = part->scan_entries = true;
    part->scan_states = whole;
    part->scan = atlas_scan_begin(part->context->atlas);
    scan_step(part, "0");
}

/* All of one kind of records was read: the others follow, or it is the end. */
static void scan_end(struct part *part)
{
    atlas_scan_end(part->context->atlas, part->scan_entries ? ATLAS_ENTRIES : ATLAS_STATES, part->index, part->scan);
    if (part->scan_entries && part->scan_states) {
        part->scan_entries = false;
        scan_step(part, "0");
        return;
    }
    part->scanning = false;
    part->read |= part->scan_states;
    part->trouble[0] = '\0';
    if (part->again) {
        bool whole = part->again_whole;
        part->again = part->again_whole = false;
        scan_begin(part, whole);
    }
    part->context->scanned(part->context->arg);
}

static bool scan_shape(const struct store_reply *reply)
{
    return reply->type == STORE_ARRAY && reply->count == 2 && reply->elements[1]->type == STORE_ARRAY;
}

static void scan_take(const struct part *part, const struct store_reply *value)
{
    const struct part_context *context = part->context;
    bool good = value->type == STORE_TEXT;
    if (good && part->scan_entries)
        good = atlas_take_entry(context->atlas, part->index, part->scan, value->text, value->size);
    else if (good)
        good = atlas_take_state(context->atlas, part->index, part->scan, value->text, value->size, 0);
    if (!good)
        context->metrics->bad_records_total++;
}

static void on_scan(void *arg, int status, const struct store_reply *reply)
{
    struct part *part = arg;
    if (status != 0) {
        part->scanning = false; /* the connection is gone, and part_reset follows */
        return;
    }
    if (!scan_shape(reply)) {
        refused(part, reply);
        return;
    }
    const struct store_reply *items = reply->elements[1];
    for (size_t i = 1; i < items->count; i += 2)
        scan_take(part, items->elements[i]);
    if (strcmp(reply->elements[0]->text, "0") == 0)
        scan_end(part);
    else
        scan_step(part, reply->elements[0]->text);
}

static void scan_step(struct part *part, const char *cursor)
{
    char key[KEY_BYTES];
    key_of(part, part->scan_entries ? "cities" : "city", key);
    store_send(part->context->store, on_scan, part, "HSCAN", key, cursor, "COUNT", SCAN_COUNT, NULL);
}

static void scan(struct part *part, bool whole)
{
    if (!part->scanning) {
        scan_begin(part, whole);
        return;
    }
    part->again = true;
    part->again_whole |= whole;
}

void part_scan(struct part *part)
{
    scan(part, true);
}

void part_scan_entries(struct part *part)
{
    scan(part, false);
}

void part_retry(struct part *part)
{
    if (part->trouble[0] && !part->scanning)
        scan_begin(part, true);
}

/* ---- by hints ---- */

bool part_hint(struct part *part, struct hint *hint)
{
    char field[CITY_FIELD_BYTES];
    bool gap = part->cid[0] != '\0' && strcmp(part->cid, hint->previous) != 0;
    memcpy(part->cid, hint->next, sizeof part->cid);
    if (gap) {
        part->context->metrics->gaps_total++;
        part_scan(part);
        return false;
    }
    while (HASH_COUNT(part->named) < NAMED_MAX && hint_next(hint, field))
        fields_add(&part->named, field);
    if (HASH_COUNT(part->named) < NAMED_MAX)
        return true;
    fields_clear(&part->named);
    part_scan(part);
    return false;
}

static void on_fields(void *arg, int status, const struct store_reply *reply)
{
    struct part *part = arg;
    const struct part_context *context = part->context;
    fields_clear(&part->asked);
    if (status == 0 && reply->type != STORE_ARRAY)
        refused(part, reply);
    for (size_t i = 0; status == 0 && reply->type == STORE_ARRAY && i < reply->count; i++) {
        const struct store_reply *value = reply->elements[i];
        if (value->type == STORE_TEXT &&
            !atlas_take_state(context->atlas, part->index, 0, value->text, value->size, clock_wall_ms()))
            context->metrics->bad_records_total++;
    }
    context->read(context->arg);
    if (part->named)
        context->scanned(context->arg);
}

bool part_read(struct part *part)
{
    if (!part->named || part->asked || part->scanning)
        return false;
    part->asked = part->named;
    part->named = NULL;
    const char **argv = mem_calloc(HASH_COUNT(part->asked) + 2, sizeof *argv);
    char key[KEY_BYTES];
    key_of(part, "city", key);
    argv[0] = "HMGET";
    argv[1] = key;
    size_t argc = 2;
    for (struct field *item = part->asked; item; item = item->hh.next)
        argv[argc++] = item->name;
    store_command(part->context->store, argc, argv, NULL, on_fields, part);
    free(argv);
    return true;
}
