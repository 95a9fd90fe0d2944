/*
 * The atlas is what the dashboard knows of the cities: catalogue entry, latest reading and counters of each,
 * decoded from the bytes that Redis holds. Pure: it is handed bytes, and trusts none of them. Every change
 * raises `version` and stamps the city with it, so that a reader can ask for what is newer than what it has;
 * `catalogue` is raised when cities, names or places change, or a city loses its reading, and stamps the city, too.
 *
 * The entries or the states of a partition are read as a whole between atlas_scan_begin and atlas_scan_end, which
 * forgets what was not there any more.
 */
#ifndef DASHBOARD_ATLAS_H
#define DASHBOARD_ATLAS_H

#include "alarm.h"
#include "buf.h"
#include "citystate.h"
#include "custom.h"

#include "city.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#define ATLAS_MAX 1000000 /* a bound on what Redis can make us hold */

/* The latest reading of a city's series 1: what another source says. */
struct second_opinion {
    struct latest latest;
    uint64_t scan; /* that saw it last */
};

struct city {
    int64_t id;
    int32_t partition;
    Isobar__V1__City *entry; /* of the catalogue, owned; NULL: not (or no longer) in it */
    struct buf entry_bytes;  /* as read, to tell a change */
    bool has_latest;
    struct latest latest;                   /* valid when has_latest */
    struct second_opinion *second;          /* owned; NULL: there is none */
    int64_t committed_at_ms, checked_at_ms; /* 0: not known */
    int64_t watermark_ms, closed_through_ms;
    bool has_tendency;
    int64_t tendency_pa; /* pressure tendency of the latest reading */
    int64_t rows_in, rows_late, rows_duplicate, rows_correction, rows_retired, rows_bad;
    struct quality_tally flagged;
    uint64_t version;                /* of the last change */
    uint64_t catalogue;              /* as it was when the entry last changed, came or went */
    uint64_t entry_scan, state_scan; /* the scan that saw it last */
    UT_hash_handle hh;
};

struct atlas {
    struct city *table; /* by id; in the order of first sight through hh.next */
    int32_t partitions;
    uint64_t version, catalogue;
    uint64_t catalogue_first; /* changes are known from here on */
    size_t cities;            /* with an entry */
    uint64_t scan;            /* number of the last scan begun */
    struct alarms alarms;     /* of all states, further series included */
    struct custom_set custom; /* what metrics of the operator's own are called; none is defined at first */
};

/* Empties `atlas`, of an installation with so many partitions. */
void atlas_init(struct atlas *atlas, int32_t partitions);
/* Frees what it holds. */
void atlas_release(struct atlas *atlas);

/*
 * Counts the catalogue from `first` on, once, before anything is taken: so that a number of one run of the program is
 * none of another's.
 */
void atlas_count_from(struct atlas *atlas, uint64_t first);

enum atlas_records { ATLAS_ENTRIES, ATLAS_STATES };

/* Number of a new scan of one partition. */
uint64_t atlas_scan_begin(struct atlas *atlas);
/* Forgets the entries, or readings and alerts, of `partition` that scan `scan` (and later reads) did not see. */
void atlas_scan_end(struct atlas *atlas, enum atlas_records records, int32_t partition, uint64_t scan);

/*
 * Takes an encoded isobar.v1.City found in `partition`. False, and nothing changes, when it is malformed, too
 * large or belongs elsewhere. `scan` 0: not part of a scan.
 */
bool atlas_take_entry(struct atlas *atlas, int32_t partition, uint64_t scan, const char *bytes, size_t size);
/*
 * Takes an encoded isobar.v1.CityState; as above. Of series 1 the latest reading is kept as the second opinion, of all
 * further ones the alerts. `now_ms` is when its commit was announced, 0 when that is not known: it dates a reading that
 * is new.
 */
bool atlas_take_state(struct atlas *atlas, int32_t partition, uint64_t scan, const char *bytes, size_t size,
                      int64_t now_ms);

/* The city of the catalogue with that id, or NULL. */
const struct city *atlas_find(const struct atlas *atlas, int64_t id);
/* Cities of the catalogue. */
size_t atlas_count(const struct atlas *atlas);
/* True when it is in the catalogue and has a reading. */
bool city_has_reading(const struct city *city);

#endif
