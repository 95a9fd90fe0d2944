/* See member.h. */
#include "member.h"

#include "mem.h"
#include "text.h"

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

static void forget(struct members *members, struct member **place)
{
    struct member *member = *place;
    *place = member->next;
    source_release(&member->sources);
    free(member);
    members->count--;
}

/* It may still be using a share. */
static bool keeps_quota(const struct member *member)
{
    for (size_t i = 0; i < member->account_count; i++) {
        if (member->accounts[i].minute.may_milli != 0 || member->accounts[i].second.may_milli != 0)
            return true;
    }
    return false;
}

/* Room for one more: when the table is full, one that is out of use and keeps no quota back goes, but not `stays`. */
static bool make_room(struct members *members, const struct member *stays)
{
    if (members->count < MEMBERS_MAX)
        return true;
    for (struct member **place = &members->first; *place; place = &(*place)->next) {
        if (*place != stays && !member_reachable(*place) && !keeps_quota(*place)) {
            forget(members, place);
            return true;
        }
    }
    return false;
}

static struct member *add(struct members *members, const struct member *like)
{
    struct member *member = mem_dup(like, sizeof *like);
    member->key = ++members->keys;
    member->load = member->load_percent = -1;
    member->next = members->first;
    members->first = member;
    members->count++;
    return member;
}

static struct member from_hello(const Isobar__V1__Envelope *envelope, int64_t now_ms)
{
    const Isobar__V1__Hello *hello = envelope->hello;
    struct member member = {.incarnation = envelope->incarnation,
                            .role = hello->role,
                            .pid = hello->pid,
                            .heard_ms = now_ms,
                            .account_count = hello->role == ISOBAR__V1__ROLE__FETCHER,
                            .target_changed = true};
    member.capacity = hello->capacity < 1 ? 1 : hello->capacity > MEMBER_CAPACITY ? MEMBER_CAPACITY : hello->capacity;
    text_copy(member.id, sizeof member.id, envelope->member);
    text_copy(member.zone, sizeof member.zone, hello->zone);
    text_copy(member.host, sizeof member.host, hello->host);
    text_copy(member.version, sizeof member.version, hello->version);
    return member;
}

enum member_greeting member_greet(struct members *members, const Isobar__V1__Envelope *envelope, int64_t now_ms,
                                  uint32_t *former)
{
    struct member *known = member_find(members, envelope->member);
    if (known && known->incarnation == envelope->incarnation) {
        known->heard_ms = now_ms;
        return GREETING_KNOWN;
    }
    if (known && now_ms - known->heard_ms <= MEMBER_SILENT_MS)
        return GREETING_DUPLICATE;
    if (!make_room(members, known))
        return GREETING_FULL;
    if (known) {
        known->state = MEMBER_GONE;
        known->expected = false;
        *former = known->key;
    }
    struct member member = from_hello(envelope, now_ms);
    (void)add(members, &member);
    return known ? GREETING_REPLACED : GREETING_NEW;
}

struct member *member_restore(struct members *members, const struct member *like, int64_t heard_ms)
{
    if (members->count >= MEMBERS_MAX || member_find(members, like->id))
        return NULL;
    struct member *member = add(members, like);
    member->state = MEMBER_SUSPECT;
    member->heard_ms = heard_ms;
    member->target_changed = true;
    return member;
}

void members_age(struct members *members, int64_t now_ms, member_fn *fn, void *arg)
{
    for (struct member **place = &members->first; *place;) {
        struct member *member = *place;
        if (now_ms - member->heard_ms > MEMBER_KEEP_MS) {
            forget(members, place);
            continue;
        }
        if (member_reachable(member) && now_ms - member->heard_ms > MEMBER_SILENT_MS) {
            member->state = MEMBER_SUSPECT;
            fn(arg, member);
        }
        place = &member->next;
    }
}

const struct member_account *member_account(const struct member *member, const char *name)
{
    for (size_t i = 0; i < member->account_count; i++) {
        if (strcmp(member->accounts[i].name, name) == 0)
            return &member->accounts[i];
    }
    return NULL;
}

bool member_usable(const struct member *member)
{
    return member->state == MEMBER_LIVE && member->beats && !member->benched;
}

bool member_reachable(const struct member *member)
{
    return member->state == MEMBER_LIVE || member->state == MEMBER_DRAINING;
}

void members_clear(struct members *members)
{
    while (members->first)
        forget(members, &members->first);
}
