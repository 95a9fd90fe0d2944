/*
 * isobarctl cities: what its verbs share. Each is a function in a file of its own kind: changes of single cities
 * (cities_change.c, cities_add.c), whole tables (cities_import.c), and what is there (cities_show.c).
 */
#ifndef CTL_CITIES_H
#define CTL_CITIES_H

#include "city_list.h"
#include "command.h"
#include "context.h"
#include "installation.h"

#include <stdbool.h>
#include <stdint.h>

#define CITIES_OWN_ID  (INT64_C(1) << 40) /* ids above it are nobody's but the operator's; GeoNames' are far below */
#define CITIES_AT_ONCE 100                /* cities that one command names */

#define CITIES_OPTIONS(X)                                                                                              \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(TEXT, name, "", 0, 0, "add: name of a place of your own")                                                        \
    X(TEXT, ascii_name, "", 0, 0, "add: the same in ASCII; empty: made of it, if that is possible")                    \
    X(TEXT, latitude, "", 0, 0, "add: degrees north, at most 5 decimals")                                              \
    X(TEXT, longitude, "", 0, 0, "add: degrees east, at most 5 decimals")                                              \
    X(TEXT, zone, "", 0, 0, "add: IANA time zone, as Europe/Berlin")                                                   \
    X(TEXT, country, "", 0, 0, "add: country, ISO 3166-1 alpha-2; list, search: only cities of it")                    \
    X(TEXT, elevation, "", 0, 0, "add: metres above sea level; empty: not known")                                      \
    X(TEXT, station, "", 0, 0, "add: aerodrome whose reports are the city's, ICAO, as KSEA; none: it has none")        \
    X(FLAG, known, "false", 0, 0, "search: in the table of known places instead of the catalogue")                     \
    X(TEXT, table, "", 0, 0, "table of known places, CSV; empty: the one that came with Isobar")                       \
    X(FLAG, skip_bad, "false", 0, 0, "import: leaves out rows that are wrong, and takes all others")                   \
    X(FLAG, paused, "false", 0, 0, "list, search: only paused cities")                                                 \
    X(INT, limit, "0", 0, 1000000, "list, search: shows so many at most; 0: list all, search 20")                      \
    X(TEXT, zoneinfo, "/usr/share/zoneinfo", 0, 0, "folder of the IANA time zones that cities may name")               \
    X(FLAG, json, "false", 0, 0, "prints the result as one JSON object")

struct cities_options {
    OPTION_STRUCT(CITIES_OPTIONS)
};

struct cities {
    const struct cities_options *options;
    struct context context;
    struct installation installation;
    char nonce[33];    /* of the lock; "": not held */
    const char *fault; /* the option whose value is wrong, "latitude"; NULL: none, or not known which */
};

/* Connects and reads the installation. Returns the exit code. */
int cities_open(struct cities *cities) __attribute__((warn_unused_result));
/* The same, and takes the lock under which the catalogue changes, which the command's end gives back. */
int cities_open_to_change(struct cities *cities) __attribute__((warn_unused_result));
/* How many cities the catalogue has. Returns the exit code. */
int cities_count_all(struct cities *cities, int64_t *count) __attribute__((warn_unused_result));
/* Exit code 77, with the numbers said, when `count` and `more` cities are more than the installation may have; 0. */
int cities_check_limit(struct cities *cities, int64_t count, int64_t more) __attribute__((warn_unused_result));
/* Reads a table (`-`: standard input) into `table`. Returns the exit code; faults are said. */
int cities_read_table(struct cities *cities, const char *file, bool skip_bad, struct city_table *table)
    __attribute__((warn_unused_result));
/* Reads the table of known places into an empty list, sorted by id. Returns the exit code. */
int cities_read_known(struct cities *cities, struct city_list *known) __attribute__((warn_unused_result));
/*
 * The entry of the catalogue under `id`. `there`: there is a record; `good`: it could be read, and the caller releases
 * entry->row. Returns the exit code.
 */
int cities_read_entry(struct cities *cities, int64_t id, struct city_entry *entry, bool *there, bool *good)
    __attribute__((warn_unused_result));

/* Gives back what the verb took: the lock and the connection. */
void cities_close(struct cities *cities);

/* The verbs, with the words behind them, ended by NULL. Each returns the exit code. */
int cities_add(struct cities *cities, char *const *words) __attribute__((warn_unused_result));
int cities_remove(struct cities *cities, char *const *words) __attribute__((warn_unused_result));
int cities_pause(struct cities *cities, char *const *words) __attribute__((warn_unused_result));
int cities_resume(struct cities *cities, char *const *words) __attribute__((warn_unused_result));
int cities_import(struct cities *cities, char *const *words) __attribute__((warn_unused_result));
int cities_search(struct cities *cities, char *const *words) __attribute__((warn_unused_result));
int cities_list(struct cities *cities, char *const *words) __attribute__((warn_unused_result));

#endif
