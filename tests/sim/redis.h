/*
 * A Redis of one process: strings and hashes, the commands and scripts that the components use, on virtual time.
 * Every change of a value is remembered, so that it can go back to any moment since the last redis_settle.
 */
#ifndef SIM_REDIS_H
#define SIM_REDIS_H

#include "arena.h"
#include "sim.h"
#include "store.h"

#include <uthash.h>

#define REDIS_LEASE_MS 3000 /* while Redis, gone back, may have given the lead to another, two may lead */

struct redis_value {
    char *bytes; /* owned, '\0' behind it; NULL: absent */
    size_t size;
    int64_t rows; /* of a CityState: rows in its open panes */
};

struct redis_key;

/* A field of a hash, or the string of a key. They live as long as the world, absent or not. */
struct redis_slot {
    struct redis_value value;
    struct redis_key *key;
    char *name;
    UT_hash_handle hh;
};

struct redis_key {
    char *name;
    int32_t partition; /* -1: of none */
    char kind;         /* of a partition's: the first letter behind the prefix: city, pane, window, ledger */
    struct redis_slot string;
    int64_t expires_ms; /* 0: never; strings only */
    struct redis_slot *fields;
    size_t present; /* fields that are */
    UT_hash_handle hh;
};

/* A command on its way, with what the simulator knows of its sender. */
struct redis_command {
    int node;
    uint64_t life;      /* of the node */
    bool unchecked;     /* a mutant's commit that is sent again */
    const char *script; /* "acquire", "load" or "commit"; NULL: argv is a command */
    size_t keys, argc;
    const char *const *argv;
    const size_t *sizes;
};

struct redis {
    int64_t down_ms, stall_ms;               /* until when it is away, or hangs */
    int64_t lost_ms;                         /* when it last went back in time, or was another one */
    bool wrong;                              /* it is emptied, or another one */
    bool wronged;                            /* it was at some time: partitions may be stopped */
    int64_t wrong_ms;                        /* since when it is */
    int64_t catalogue;                       /* largest version of it ever */
    bool view_lost;                          /* the leader's view is an older one than was acknowledged */
    bool view_missed;                        /* a new leader has read such a view */
    int64_t acquired_ms[PARTITIONS_MAX];     /* when it last changed hands */
    int64_t acquired_offset[PARTITIONS_MAX]; /* the ledger's then */
    int acquired_by[PARTITIONS_MAX];         /* index of the node */
    bool scripts[3];                         /* known: acquire, load, commit */
    struct redis_key *keys;
};

extern struct redis redis;

/* ---- redis.c ---- */

/* An installation as isobarctl init makes it. */
void redis_begin(void);
/* Frees it. */
void redis_end(void);
/* The key, made (empty) when there is none. */
struct redis_key *redis_key(const char *name);
/* The key when it exists now, else NULL. */
struct redis_key *redis_find(const char *name);
/* The value of a field, or of the string when `field` is NULL; NULL when absent. */
const struct redis_value *redis_get(const struct redis_key *key, const char *field);
/* Sets a field, or the string when `field` is NULL. Copies; `bytes` NULL removes. */
void redis_set(struct redis_key *key, const char *field, const void *bytes, size_t size);
/* The same for an integer as text. */
void redis_set_integer(struct redis_key *key, const char *field, int64_t number);
/* An integer field, 0 when absent. */
int64_t redis_integer(const struct redis_key *key, const char *field);
/* Changes the time to live of a string. */
void redis_expire(struct redis_key *key, int64_t expires_ms);
/* Removes the key. */
void redis_unlink(struct redis_key *key);
/* All is gone, until redis_restore. */
void redis_replace(void);
/* What redis_replace took is back. */
void redis_restore(void);
/* The ledger of the partition. */
struct redis_key *redis_ledger(int32_t partition);
/* isobarctl init writes a new version of the catalogue, in which a city is paused or goes on. */
void redis_catalogue(void);
/* It is as it was at `at_ms`. */
void redis_rollback(int64_t at_ms);
/* It cannot go back behind this moment any more. */
void redis_settle(void);
/* Since when it cannot. */
int64_t redis_settled_ms(void);
/* Key names of a partition: "<prefix>{p}:<rest>". */
const char *redis_name(int32_t partition, const char *rest, char name[96]);

/* ---- redis_reply.c ---- */

struct store_reply *reply_new(struct arena *arena, enum store_type type, const void *bytes, size_t size);
struct store_reply *reply_text(struct arena *arena, const char *text);
struct store_reply *reply_integer(struct arena *arena, int64_t number);
/* A field's value, or nil. */
struct store_reply *reply_value(struct arena *arena, const struct redis_value *value);
/* An array with `count` places to be filled by reply_put. */
struct store_reply *reply_array(struct arena *arena, size_t count);
void reply_put(struct store_reply *array, size_t at, const struct store_reply *element);
/* All fields of a hash and their values, in turn. */
struct store_reply *reply_fields(struct arena *arena, const struct redis_key *key);
/* {word, text ...} of up to three texts; NULL ends it. */
struct store_reply *reply_words(struct arena *arena, const char *first, const char *second, const char *third);

/* ---- redis_command.c, redis_script.c ---- */

/* Runs it. The answer lives in `arena`. */
const struct store_reply *redis_execute(const struct redis_command *command, struct arena *arena);
/* The scripts of proto/, in C. */
const struct store_reply *script_acquire(const struct redis_command *command, struct arena *arena);
const struct store_reply *script_load(const struct redis_command *command, struct arena *arena);
const struct store_reply *script_commit(const struct redis_command *command, struct arena *arena);

/* ---- check.c: what each acquire and commit must hold ---- */

/* Before a commit is written: I3 to I5. */
void check_commit_begins(const struct redis_command *command, int32_t partition, const char *next);
/* When it is: I1, I2, also over panes, and that its counters are what the log gives. */
void check_commit_done(int32_t partition);
/* An acquire was executed. */
void check_acquired(const struct redis_command *command, int32_t partition, const char *next);

#endif
