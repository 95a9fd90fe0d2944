/* Finds keys by SCAN (keyspace.h). SCAN may name a key twice, so the list is sorted and repeats are dropped.
 */
#include "keyspace.h"

#include "date.h"
#include "error.h"
#include "mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_COUNT "2000"

void keyspace_escape(const char *text, struct buf *out)
{
    for (const char *p = text; *p; p++) {
        if (strchr("*?[]\\^-", *p))
            buf_byte(out, '\\');
        buf_byte(out, *p);
    }
}

/* A decimal number as our own programs write it. */
static bool number(const char *text, int64_t *out)
{
    char *end = NULL, again[24];
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || value < 0)
        return false;
    snprintf(again, sizeof again, "%lld", value);
    *out = value;
    return strcmp(again, text) == 0;
}

static bool is_former(const struct installation *installation, const char *name)
{
    for (size_t i = 0; i < installation->former_count; i++) {
        if (strcmp(installation->former[i], name) == 0)
            return true;
    }
    return false;
}

/* "10m:1790000000000" or "1d:2026-11-30": size and key of a window. */
static bool window_parse(const struct installation *installation, const char *text, struct keyspace_key *out)
{
    const struct windowset *windows = &installation->rules.windows;
    char name[sizeof windows->sizes[0].name];
    const char *colon = strchr(text, ':');
    int32_t date = 0;
    bool dated = colon && date_parse(colon + 1, &date);
    if (!colon || (!dated && !number(colon + 1, &out->start_ms)))
        return false;
    if (dated)
        out->start_ms = date * DATE_DAY_MS;
    out->size = KEYSPACE_UNKNOWN;
    if ((size_t)(colon - text) >= sizeof name)
        return true;
    snprintf(name, sizeof name, "%.*s", (int)(colon - text), text);
    const struct window_size *size = windowset_find(windows, name);
    if (size && (size->days > 0) == dated)
        out->size = (int32_t)(size - windows->sizes);
    else if (size && size->days)
        out->size = KEYSPACE_UTC_DAY;
    else if (is_former(installation, name))
        out->size = KEYSPACE_FORMER;
    return true;
}

bool keyspace_parse(const char *prefix, const struct installation *installation, const char *name,
                    struct keyspace_key *out)
{
    size_t skip = strlen(prefix);
    char digits[16];
    int64_t partition;
    if (strncmp(name, prefix, skip) != 0 || name[skip] != '{')
        return false;
    name += skip + 1;
    size_t size = strcspn(name, "}");
    if (size >= sizeof digits || strncmp(name + size, "}:", 2) != 0)
        return false;
    snprintf(digits, sizeof digits, "%.*s", (int)size, name);
    if (!number(digits, &partition) || partition >= installation->partitions)
        return false;
    out->partition = (int32_t)partition;
    name += size + 2;
    if (strncmp(name, "pane:", 5) == 0) {
        out->size = KEYSPACE_PANE;
        return number(name + 5, &out->start_ms);
    }
    return strncmp(name, "w:", 2) == 0 && window_parse(installation, name + 2, out);
}

const char *keyspace_name(const struct context *context, const struct installation *installation,
                          const struct keyspace_key *key, char *out)
{
    char window[WINDOW_KEY_BYTES];
    if (key->size == KEYSPACE_PANE)
        snprintf(out, CONTEXT_KEY_BYTES, "%s{%d}:pane:%" PRId64, context->prefix, key->partition, key->start_ms);
    else
        snprintf(out, CONTEXT_KEY_BYTES, "%s{%d}:w:%s", context->prefix, key->partition,
                 window_key_text(&installation->rules.windows.sizes[key->size], key->start_ms, window));
    return out;
}

static int by_key(const void *a, const void *b)
{
    const struct keyspace_key *x = a, *y = b;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return (x->start_ms > y->start_ms) - (x->start_ms < y->start_ms);
}

static void sort(struct keyspace *keyspace)
{
    size_t kept = 0;
    if (keyspace->count > 0)
        qsort(keyspace->keys, keyspace->count, sizeof *keyspace->keys, by_key);
    for (size_t i = 0; i < keyspace->count; i++) {
        if (kept == 0 || by_key(&keyspace->keys[kept - 1], &keyspace->keys[i]) != 0)
            keyspace->keys[kept++] = keyspace->keys[i];
    }
    keyspace->count = kept;
}

static void take(const struct context *context, const struct installation *installation,
                 const struct store_reply *names, struct keyspace *keyspace, size_t *capacity)
{
    for (size_t i = 0; i < names->count; i++) {
        if (keyspace->count == *capacity) {
            *capacity = *capacity ? *capacity * 2 : 1024;
            keyspace->keys = mem_grow(keyspace->keys, *capacity, sizeof *keyspace->keys);
        }
        keyspace->count +=
            keyspace_parse(context->prefix, installation, names->elements[i]->text, &keyspace->keys[keyspace->count]);
    }
}

int keyspace_read(struct context *context, const struct installation *installation, struct keyspace *keyspace)
{
    char cursor[32] = "0";
    size_t capacity = 0;
    struct buf pattern = BUF_EMPTY;
    int code = EXIT_CODE_OK;
    *keyspace = (struct keyspace){0};
    keyspace_escape(context->prefix, &pattern);
    buf_text(&pattern, "{*}:*:*");
    do {
        struct store_reply *reply = CONTEXT_ASK(context, "SCAN", cursor, "MATCH", pattern.data, "COUNT", SCAN_COUNT);
        if (!reply || reply->count != 2) {
            code = reply ? context_fail(context, EXIT_CODE_FAILURE, "Redis at %s: unexpected answer to SCAN",
                                        context->redis)
                         : context->exit_code;
            store_reply_free(reply);
            break;
        }
        take(context, installation, reply->elements[1], keyspace, &capacity);
        snprintf(cursor, sizeof cursor, "%s", reply->elements[0]->text);
        store_reply_free(reply);
    } while (strcmp(cursor, "0") != 0);
    sort(keyspace);
    buf_release(&pattern);
    return code;
}

void keyspace_release(struct keyspace *keyspace)
{
    free(keyspace->keys);
    *keyspace = (struct keyspace){0};
}
