/*
 * How one partition is read from Redis and kept current: at first as a whole (catalogue, then states, by
 * HSCAN), then field by field as hints name them, and its catalogue alone when that has changed. A hint whose previous
 * commit id is not the one of the last hint tells that one was missed: the partition is then read again as a whole.
 *
 * Reads race with commits, so a record may be newer than the hint that asked for it: harmless, since records
 * are whole states.
 */
#ifndef DASHBOARD_PART_H
#define DASHBOARD_PART_H

#include "atlas.h"
#include "hint.h"
#include "metrics.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

/* What all partitions share; outlives them. */
struct part_context {
    struct store *store;
    const char *prefix;
    struct atlas *atlas;
    struct dashboard_metrics *metrics;
    void (*scanned)(void *arg); /* a partition was read as a whole, or named fields wait for part_read */
    void (*read)(void *arg);    /* a part_read has ended */
    void *arg;
};

struct field;

struct part {
    const struct part_context *context;
    int32_t index;
    char cid[HINT_CID_BYTES]; /* of the last hint; empty: none seen */
    bool read;                /* as a whole, since the last part_reset */
    bool scanning;
    bool scan_entries;       /* they are being read, or else states */
    bool scan_states;        /* they are read after the entries */
    bool again, again_whole; /* once more afterwards: the entries, or everything */
    char trouble[96];        /* why the last read failed, though Redis answered; empty: it did not fail */
    uint64_t scan;
    struct field *named; /* fields to read */
    struct field *asked; /* fields of the read under way */
};

/* A partition that nothing is known of. */
void part_init(struct part *part, const struct part_context *context, int32_t index);
/* Frees what it holds; no request of it is outstanding. */
void part_release(struct part *part);
/* The connection was new: what was read before proves nothing. No request is outstanding. */
void part_reset(struct part *part);
/* Reads everything; once more when that is under way already. */
void part_scan(struct part *part);
/* Reads the catalogue's entries only, likewise. */
void part_scan_entries(struct part *part);
/* Reads everything again when Redis refused the last read; for a timer, so that a lasting refusal does not
 * spin. */
void part_retry(struct part *part);
/* Notes what the hint names; the owner calls part_read soon, unless false: then all is being read. */
bool part_hint(struct part *part, struct hint *hint);
/* Asks for the fields named; false when there are none, or a read is under way (`scanned` comes after it). */
bool part_read(struct part *part);

#endif
