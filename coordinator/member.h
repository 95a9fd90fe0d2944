/*
 * The members a leader knows, by id. A member is one incarnation of a process; when a process comes back under the same id it
 * is a new member with a new key. Silent ones stay in the table for a minute, for the operator's view.
 */
#ifndef COORDINATOR_MEMBER_H
#define COORDINATOR_MEMBER_H

#include "quota.h"

#include "control.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

#define MEMBER_SILENT_MS 2000
#define MEMBER_KEEP_MS   (QUOTA_RECLAIM_MS + 5000)

enum member_state { MEMBER_LIVE, MEMBER_DRAINING, MEMBER_SUSPECT, MEMBER_GONE };

struct member {
    uint32_t key;
    char id[65];
    int64_t incarnation;
    Isobar__V1__Role role;
    int32_t capacity;
    char zone[65], host[65], version[33];
    int64_t pid;
    enum member_state state;
    int64_t heard_ms;
    int64_t target_version, target_seen; /* sent, and acknowledged by a heartbeat */
    int64_t target_ms;                   /* when it was sent last */
    bool target_changed;
    int64_t records, calls;
    struct quota_share quota; /* fetchers */
    struct member *next;
};

struct members {
    struct member *first;
    uint32_t keys; /* given so far */
};

/* The member with that id that is not GONE; NULL when unknown. */
struct member *member_find(const struct members *members, const char *id);
/* By key, GONE ones included; NULL when forgotten. */
struct member *member_by_key(const struct members *members, uint32_t key);
enum member_greeting { GREETING_KNOWN, GREETING_NEW, GREETING_REPLACED, GREETING_DUPLICATE };
/*
 * A HELLO. NEW and REPLACED make a member; REPLACED leaves the former incarnation GONE (its key in `*former`); DUPLICATE means
 * that another process is live under this id: nothing changed.
 */
enum member_greeting member_greet(struct members *members, const Isobar__V1__Envelope *envelope, int64_t now_ms, uint32_t *former);
/* Calls fn(arg, member) for each that has just fallen silent (it is SUSPECT then), and forgets old ones. */
typedef void member_fn(void *arg, struct member *member);
void members_age(struct members *members, int64_t now_ms, member_fn *fn, void *arg);
/* May be given something. */
bool member_usable(const struct member *member);
void members_clear(struct members *members);

#endif
