/*
 * The members a leader knows, by id. A member is one incarnation of a process; when a process comes back under the same
 * id it is a new member with a new key. Silent ones stay in the table for a minute, for the operator's view and for the
 * quota that they may go on using. The table is bounded: whoever makes up ids fills it, but not the memory.
 */
#ifndef COORDINATOR_MEMBER_H
#define COORDINATOR_MEMBER_H

#include "quota.h"
#include "source_report.h"

#include "control.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMBER_SILENT_MS 2000
#define MEMBER_KEEP_MS   (QUOTA_RECLAIM_MS + 5000)
#define MEMBERS_MAX      1024
#define MEMBER_CAPACITY  100000 /* largest that counts */
#define MEMBER_ACCOUNTS  4      /* of a fetcher, at most */

/* What a fetcher says of an account that it calls, and what it was told. Milli-units since its start. */
struct member_account {
    char name[33];                     /* empty until it is heard */
    struct quota_share minute, second; /* shares; live, draining and heard_ms are filled when they are divided */
    int64_t asked_ms;                  /* its own clock, when it was heard last */
    int64_t want_milli, call_milli;
    int64_t limited_ms;              /* monotonic, until when the API refuses it */
    int64_t noting_milli, noting_ms; /* grant of the note on its way, and its end by the fetcher's clock */
    int64_t noted_milli, noted_ms;   /* of the last note that is in Redis: may be told */
    int64_t told_ms;                 /* end of the grant in the last target that was made */
    int64_t told_milli;
};

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
    bool expected;    /* the former leader knew it, and it was not heard yet */
    bool beats;       /* a heartbeat came: it has heard our WELCOME, and who makes up ids gets nothing */
    int64_t heard_ms; /* monotonic */
    int64_t target_version, target_seen; /* sent, and acknowledged by a heartbeat */
    int64_t target_ms;                   /* when it was sent last */
    bool target_changed;
    int64_t records, calls, calls_refused, calls_failed, commits; /* since its start */
    int32_t commit_p50_ms, commit_p99_ms;                         /* of its newest commits; -1: none */
    bool benched;                                                 /* made no progress: is given nothing until then */
    int64_t benched_ms;                                           /* monotonic, end of the last such pause */
    int benches;                                                  /* in a row */
    int64_t load, load_percent; /* by the last plan: of what it holds, and against its part; -1: not planned with */
    const char *filling;        /* it has not had its share yet since what this says ("joined"); NULL: it has */
    bool spare; /* there are not enough calls of its first account for all: it gets none, and no shards */
    struct member_account accounts[MEMBER_ACCOUNTS]; /* in the order in which it names them */
    size_t account_count;                            /* fetchers: 1 at least; workers: 0 */
    struct source_report sources;                    /* what it says of them */
    struct member *next;
};

struct members {
    struct member *first;
    size_t count;
    uint32_t keys; /* given so far */
};

enum member_greeting { GREETING_KNOWN, GREETING_NEW, GREETING_REPLACED, GREETING_DUPLICATE, GREETING_FULL };
/* Called with a member that has just fallen silent. */
typedef void member_fn(void *arg, struct member *member);

/* The member with that id that is not GONE; NULL when unknown. */
struct member *member_find(const struct members *members, const char *id);
/* What it says of the account of that name; NULL: nothing. */
const struct member_account *member_account(const struct member *member, const char *name);
/* By key, GONE ones included; NULL when forgotten. */
struct member *member_by_key(const struct members *members, uint32_t key);
/*
 * A HELLO. NEW and REPLACED make a member; REPLACED leaves the former incarnation GONE (its key in `*former`).
 * DUPLICATE means that another process was heard under this id less than MEMBER_SILENT_MS ago, and FULL that there is
 * no room: nothing changed. A process that is killed and started again at once is a DUPLICATE until the silence of the
 * former one is long enough; that the former is dead cannot be known, and its slots would not move earlier anyway.
 */
enum member_greeting member_greet(struct members *members, const Isobar__V1__Envelope *envelope, int64_t now_ms,
                                  uint32_t *former);
/*
 * Takes over what a former leader knew of a member (id, incarnation, role, capacity, zone, host, version, pid, expected
 * account name and shares of `like`), as a SUSPECT that was last heard at `heard_ms`. NULL when the table is full or
 * knows the id.
 */
struct member *member_restore(struct members *members, const struct member *like, int64_t heard_ms);
/* Calls fn(arg, member) for each that has just fallen silent (it is SUSPECT then), and forgets old ones. */
void members_age(struct members *members, int64_t now_ms, member_fn *fn, void *arg);
/* May be given something. */
bool member_usable(const struct member *member);
/* Was heard lately. */
bool member_reachable(const struct member *member);
/* Frees all of them. Keys go on, so that an old one never means a new member. */
void members_clear(struct members *members);

#endif
