/* See member.h. */
#include "member.h"

#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct member *member_find(const struct members *members, const char *id)
{
    for (struct member *member = members->first; member; member = member->next) {
        if (member->state != MEMBER_GONE && strcmp(member->id, id) == 0)
            return member;
    }
    return NULL;
}

struct member *member_by_key(const struct members *members, uint32_t key)
{
    for (struct member *member = members->first; member; member = member->next) {
        if (member->key == key)
            return member;
    }
    return NULL;
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

enum member_greeting member_greet(struct members *members, const Isobar__V1__Envelope *envelope, int64_t now_ms, uint32_t *former)
{
    const Isobar__V1__Hello *hello = envelope->hello;
    struct member *known = member_find(members, envelope->member);
    enum member_greeting greeting = GREETING_NEW;
    if (known && known->incarnation == envelope->incarnation) {
        known->heard_ms = now_ms;
        return GREETING_KNOWN;
    }
    if (known && now_ms - known->heard_ms <= MEMBER_SILENT_MS)
        return GREETING_DUPLICATE;
    if (known) {
        known->state = MEMBER_GONE;
        known->quota.live = false;
        *former = known->key;
        greeting = GREETING_REPLACED;
    }
    struct member *member = mem_alloc(sizeof *member);
    member->key = ++members->keys;
    member->incarnation = envelope->incarnation;
    member->role = hello->role;
    member->capacity = hello->capacity < 1 ? 1 : hello->capacity > 100000 ? 100000 : hello->capacity;
    member->pid = hello->pid;
    copy(member->id, sizeof member->id, envelope->member);
    copy(member->zone, sizeof member->zone, hello->zone);
    copy(member->host, sizeof member->host, hello->host);
    copy(member->version, sizeof member->version, hello->version);
    member->heard_ms = now_ms;
    member->target_changed = true;
    member->quota.live = hello->role == ISOBAR__V1__ROLE__FETCHER;
    member->next = members->first;
    members->first = member;
    return greeting;
}

void members_age(struct members *members, int64_t now_ms, member_fn *fn, void *arg)
{
    for (struct member **place = &members->first; *place;) {
        struct member *member = *place;
        member->quota.heard_ms = member->heard_ms;
        if (now_ms - member->heard_ms > MEMBER_KEEP_MS) {
            *place = member->next;
            free(member);
            continue;
        }
        if (member->state != MEMBER_SUSPECT && member->state != MEMBER_GONE && now_ms - member->heard_ms > MEMBER_SILENT_MS) {
            member->state = MEMBER_SUSPECT;
            member->quota.live = false;
            fn(arg, member);
        }
        place = &member->next;
    }
}

bool member_usable(const struct member *member)
{
    return member->state == MEMBER_LIVE;
}

void members_clear(struct members *members)
{
    while (members->first) {
        struct member *next = members->first->next;
        free(members->first);
        members->first = next;
    }
}
