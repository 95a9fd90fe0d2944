/*
 * isobarctl produce: rows of one's own onto the topic. produce.c is the command, produce_row.c what becomes of a line,
 * produce_run.c the loop that reads, sends and shows how far it is.
 *
 * It is also the replay of recorded data as if they were live (--at-speed). That is here and not behind the fetcher's
 * interface of providers, since a file has no calls, no quota, no key and no errors of an API, which is all that that
 * interface is about; it has columns, units and lines, which all are here.
 */
#ifndef CTL_PRODUCE_H
#define CTL_PRODUCE_H

#include "batcher.h"
#include "command.h"
#include "context.h"
#include "gazetteer.h"
#include "installation.h"
#include "intake.h"
#include "lines.h"
#include "loop.h"
#include "outbox.h"
#include "rejects.h"

#include <stdbool.h>
#include <stdint.h>

#define PRODUCE_OPTIONS(X)                                                                                             \
    COMMAND_OPTIONS(X)                                                                                                 \
    X(TEXT, kafka, "127.0.0.1:9092", 0, 0, "Kafka bootstrap servers, host:port[,host:port]")                           \
    X(WORD, format, "auto|csv|ndjson", 0, 0, "what the lines are; auto: a first line with { is NDJSON")                \
    X(TEXT, header, "", 0, 0, "header of CSV that has none: city,time,temperature[degF]")                              \
    X(TEXT, leave_out, "", 0, 0, "columns to pass over, comma-separated")                                              \
    X(TEXT, city, "", 0, 0, "city of all rows, by id or name, when no column says it")                                 \
    X(INT, series, "0", 0, 1000, "series of all rows: 0 the city's own readings, others stand beside them")            \
    X(INT, accumulation_s, "0", 0, SHEET_ACCUMULATION_MAX_S,                                                           \
      "time in which rain and snow fell, s, when no column says it")                                                   \
    X(INT, interval_s, "0", 0, 2678400,                                                                                \
      "time between the readings of a city, s, which is told to workers; 0: not said")                                 \
    X(TEXT, rejects, "", 0, 0, "file to which refused lines are appended as they came")                                \
    X(INT, errors, "20", 0, 1000000000, "refused lines that are explained; 0: all")                                    \
    X(FLAG, any_city, "false", 0, 0, "takes ids that are not in the catalogue")                                        \
    X(FLAG, any_age, "false", 0, 0, "produces rows that are older than workers take; they become dead letters")        \
    X(FLAG, follow, "false", 0, 0, "waits for more where the file ends, and for Kafka as long as it takes")            \
    X(INT, at_speed, "0", 0, 1000,                                                                                     \
      "replays recorded rows as if they began now, so many times as fast; 0: as they are")                             \
    X(FLAG, dry_run, "false", 0, 0, "reads and checks, and produces nothing")                                          \
    X(WORD, compression, "lz4|zstd|snappy|gzip|none", 0, 0, "compression of records")                                  \
    X(FLAG, progress, "true", 0, 0, "shows how far it is, on a terminal as a bar")                                     \
    X(FLAG, json, "false", 0, 0, "prints the result as one JSON object")

struct produce_options {
    OPTION_STRUCT(PRODUCE_OPTIONS)
};

struct produce {
    const struct produce_options *options;
    struct context context;
    struct installation installation;
    struct gazetteer gazetteer;
    struct gazetteer_city *city; /* of --city; NULL: columns say it */
    struct intake intake;
    struct lines lines;
    struct batcher batcher;
    struct rejects rejects;
    struct buf error; /* why the line at hand is refused */

    const char *name; /* of the input, for errors */
    int input;
    bool regular; /* the input is a file, so that refused lines are still there */
    int64_t input_bytes, bytes, begun_ms;

    struct loop *loop;
    struct outbox *outbox;
    struct loop_fd *source; /* a pipe; NULL: a file, by the timer */
    struct loop_timer *read_timer, *tick_timer, *due_timer;
    bool ended, stopped, finished;                      /* nothing more is read; by a signal; and all is acknowledged */
    int64_t acknowledged_ms, progress_ms, catalogue_ms; /* when the last happened, monotonic */

    struct observation held; /* --at-speed: a row that is not due yet */
    struct gazetteer_city *held_city;
    int64_t due_ms, first_ms, start_ms; /* wall clock; observed-at of the first row, and when it was produced */

    /* counts */
    int64_t rows, controls, cities, rejected;
    int64_t acked_records, acked_rows, failures, rows_lost;
};

/* What becomes of a line that was read: a row on its way, or a refused line. False when nothing more can be read: said.
 */
bool produce_line(struct produce *produce, enum lines_kind kind, const struct line *line)
    __attribute__((warn_unused_result));
/* The row that was not due is: sends it on its way. */
void produce_held(struct produce *produce);
/* Reads and produces everything. Returns the exit code. */
int produce_run(struct produce *produce) __attribute__((warn_unused_result));
/* Rows that Kafka acknowledged. */
int64_t produce_delivered(const struct produce *produce);
/* Says something on stderr, clear of the bar. */
void produce_say(const struct produce *produce, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
