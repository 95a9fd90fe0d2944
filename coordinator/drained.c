/* See drained.h. Entries are few, so that a list will do. */
#include "drained.h"

#include "channel_envelope.h"
#include "mem.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void drained_put(struct drained *drained, const struct drained_member *like)
{
    (void)drained_remove(drained, like->id);
    if (drained->count >= DRAINED_MAX)
        return;
    struct drained_member *member = mem_dup(like, sizeof *like);
    member->next = drained->first;
    drained->first = member;
    drained->count++;
}

const struct drained_member *drained_find(const struct drained *drained, const char *id)
{
    for (const struct drained_member *member = drained->first; member; member = member->next) {
        if (strcmp(member->id, id) == 0)
            return member;
    }
    return NULL;
}

bool drained_holds(const struct drained *drained, const char *id, int64_t incarnation)
{
    const struct drained_member *member = drained_find(drained, id);
    return member && member->incarnation == incarnation;
}

bool drained_remove(struct drained *drained, const char *id)
{
    for (struct drained_member **place = &drained->first; *place; place = &(*place)->next) {
        struct drained_member *member = *place;
        if (strcmp(member->id, id) != 0)
            continue;
        *place = member->next;
        free(member);
        drained->count--;
        return true;
    }
    return false;
}

void drained_clear(struct drained *drained)
{
    while (drained->first) {
        struct drained_member *member = drained->first;
        drained->first = member->next;
        free(member);
    }
    drained->count = 0;
}

void drained_format(const struct drained_member *member, struct buf *out)
{
    buf_printf(out, "%" PRIx64 " %" PRId64 " %s", (uint64_t)member->incarnation, member->at_ms, member->who);
}

bool drained_parse(const char *id, const char *value, struct drained_member *out)
{
    char *end = NULL;
    size_t digits = strspn(value, "0123456789abcdef");
    if (!channel_member_valid(id) || digits == 0 || value[digits] != ' ')
        return false;
    *out = (struct drained_member){.incarnation = (int64_t)strtoull(value, &end, 16)};
    if (strspn(end + 1, "0123456789") == 0)
        return false;
    out->at_ms = (int64_t)strtoll(end + 1, &end, 10);
    if (*end != ' ')
        return false;
    text_copy(out->id, sizeof out->id, id);
    text_copy(out->who, sizeof out->who, end + 1);
    return true;
}
