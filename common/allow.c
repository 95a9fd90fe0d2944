/* See allow.h. Entries are sorted by key, since every message asks. */
#include "allow.h"

#include "channel_envelope.h"
#include "file.h"
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX_BYTES ((size_t)4 << 20)
#define ROLE_BIT(ROLE) (1u << ISOBAR__V1__ROLE__##ROLE)

_Static_assert(ALLOW_MEMBER_BYTES == CHANNEL_MEMBER_MAX + 1, "an entry holds every id");

struct allow {
    struct allow_entry *entries;
    size_t count, capacity;
};

/* ---- reading ---- */

/* The bits of a comma list of roles; 0 when one is unknown. */
static unsigned roles_of(char *list)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"worker", ROLE_BIT(WORKER)}, {"fetcher", ROLE_BIT(FETCHER)}, {"operator", ROLE_BIT(OPERATOR)}};
    unsigned roles = 0;
    char *rest = NULL;
    for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            bit |= strcmp(name, known[i].name) == 0 ? known[i].bit : 0;
        if (bit == 0)
            return 0;
        roles |= bit;
    }
    return roles;
}

/* One line, which is changed. NULL when it was taken or says nothing, else what is wrong with it. */
static const char *take_line(struct allow *allow, char *line)
{
    static const char blanks[] = " \t\r";
    char *rest = NULL, *member = strtok_r(line, blanks, &rest);
    if (!member || *member == '#')
        return NULL;
    char *list = strtok_r(NULL, blanks, &rest), *key = strtok_r(NULL, blanks, &rest);
    if (!list || !key || strtok_r(NULL, blanks, &rest))
        return "three words wanted: <member> <role>[,<role>...] <public key>";
    if (!channel_member_valid(member))
        return "a member's id is 1 to 64 of A-Z a-z 0-9 . _ -";
    unsigned roles = roles_of(list);
    if (roles == 0)
        return "roles are worker, fetcher and operator";
    if (!curve_key_valid(key))
        return "this is no public key: 40 characters as isobarctl keygen prints them";
    if (allow->count == allow->capacity) {
        allow->capacity = allow->capacity ? allow->capacity * 2 : 16;
        allow->entries = mem_grow(allow->entries, allow->capacity, sizeof *allow->entries);
    }
    struct allow_entry *entry = &allow->entries[allow->count++];
    *entry = (struct allow_entry){.roles = roles};
    memcpy(entry->key, key, CURVE_KEY_BYTES);
    memcpy(entry->member, member, strlen(member) + 1);
    return NULL;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct allow_entry *)a)->key, ((const struct allow_entry *)b)->key);
}

/* False, with text in `error`, when two lines have the same key. */
static bool sort(struct allow *allow, const char *name, struct buf *error)
{
    if (allow->count > 0)
        qsort(allow->entries, allow->count, sizeof *allow->entries, by_key);
    for (size_t i = 1; i < allow->count; i++) {
        const struct allow_entry *a = &allow->entries[i - 1], *b = &allow->entries[i];
        if (strcmp(a->key, b->key) != 0)
            continue;
        buf_printf(error, "%s: %s and %s have the same key, so one could speak for the other", name, a->member,
                   b->member);
        return false;
    }
    return true;
}

struct allow *allow_parse(const char *name, const char *text, struct buf *error)
{
    struct allow *allow = mem_alloc(sizeof *allow);
    char *copy = mem_strdup(text);
    const char *wrong = NULL;
    int number = 0;
    for (char *line = copy; line && !wrong;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        number++;
        wrong = take_line(allow, line);
        line = end ? end + 1 : NULL;
    }
    free(copy);
    if (wrong)
        buf_printf(error, "%s:%d: %s", name, number, wrong);
    else if (sort(allow, name, error))
        return allow;
    allow_free(allow);
    return NULL;
}

struct allow *allow_read(const char *path, struct buf *error)
{
    FILE *file = file_open(path, LIST_MAX_BYTES, error);
    struct buf text = BUF_EMPTY;
    struct allow *allow = NULL;
    size_t used;
    if (!file)
        return NULL;
    while (text.size <= LIST_MAX_BYTES && (used = fread(buf_reserve(&text, 65536), 1, 65536, file)) > 0)
        buf_advance(&text, used);
    if (ferror(file))
        buf_printf(error, "%s: %s", path, strerror(errno));
    else if (text.size > LIST_MAX_BYTES || strlen(text.data) != text.size)
        buf_printf(error, "%s is no allow list: it has a zero byte or more than 4 MiB", path);
    else
        allow = allow_parse(path, text.data, error);
    (void)fclose(file);
    buf_release(&text);
    return allow;
}

void allow_free(struct allow *allow)
{
    if (!allow)
        return;
    free(allow->entries);
    free(allow);
}

size_t allow_count(const struct allow *allow)
{
    return allow->count;
}

/* ---- asking ---- */

const struct allow_entry *allow_find(const struct allow *allow, const char *key)
{
    struct allow_entry wanted = {.roles = 0};
    if (allow->count == 0 || strlen(key) >= sizeof wanted.key)
        return NULL;
    memcpy(wanted.key, key, strlen(key) + 1);
    return bsearch(&wanted, allow->entries, allow->count, sizeof *allow->entries, by_key);
}

/* The roles that may say this, as bits; all of them when it depends on no role. */
static unsigned roles_for(const Isobar__V1__Envelope *envelope)
{
    switch (envelope->body_case) {
    case ISOBAR__V1__ENVELOPE__BODY_HELLO:
        return envelope->hello->role > 0 && envelope->hello->role < 32 ? 1u << envelope->hello->role : 0;
    case ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT:
        return (envelope->heartbeat->n_partitions > 0 ? ROLE_BIT(WORKER) : ~0u) &
               (envelope->heartbeat->n_shards > 0 ? ROLE_BIT(FETCHER) : ~0u);
    case ISOBAR__V1__ENVELOPE__BODY_RELEASED:
        return ROLE_BIT(WORKER);
    case ISOBAR__V1__ENVELOPE__BODY_COMMAND:
        return ROLE_BIT(OPERATOR);
    default:
        return ~0u;
    }
}

bool allow_message(const struct allow *allow, const char *key, const Isobar__V1__Envelope *envelope)
{
    const struct allow_entry *entry = allow_find(allow, key);
    return entry && strcmp(entry->member, envelope->member) == 0 && (entry->roles & roles_for(envelope)) != 0;
}
