/*
 * A dead letter (proto/deadletter.proto) as an operator sees it: what it says of its original, which letters a filter
 * means, and the record that gives the original another chance. Pure.
 */
#ifndef CTL_LETTER_H
#define CTL_LETTER_H

#include "buf.h"
#include "kafka.h"
#include "observation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LETTER_MAX_BYTES    (128 * 1024) /* of a record in the topic; workers' are below 66 KiB */
#define LETTER_REASON_BYTES 128
#define LETTER_TOPIC_BYTES  256
#define LETTER_KEY_BYTES    (LETTER_TOPIC_BYTES + 64)
#define LETTER_RETIRED      "older_than_the_lateness_horizon"

struct letter {
    int32_t partition; /* where the letter is */
    int64_t offset, at_ms;
    char reason[LETTER_REASON_BYTES]; /* UTF-8 without control characters, as is the topic */
    char topic[LETTER_TOPIC_BYTES];   /* where the original was */
    int32_t source_partition;
    int64_t source_offset, produced_at_ms; /* of the original, its Kafka timestamp */
    int64_t row;                           /* -1: the whole record */
    int64_t bytes, kept;                   /* of the original, and how many of them the letter has */
    int64_t city_id;                       /* 0: not known: the original cannot be decoded, or is about several */
};

/* One letter with the original's bytes, borrowed until the next letter_read. */
struct letter_reader;

/* A reader, which owns what it decoded last. letter_reader_free frees it; NULL is allowed there. */
struct letter_reader *letter_reader_new(void) __attribute__((returns_nonnull, warn_unused_result));
/* Frees it. */
void letter_reader_free(struct letter_reader *reader);
/* Reads a record of the topic into `letter`. ERR_INVALID with `*reason` (static text) when it is no letter. */
int letter_read(struct letter_reader *reader, const struct kafka_record *record, struct letter *letter,
                const char **reason) __attribute__((warn_unused_result));

/* Which letters are meant. */
struct letter_filter {
    const char *reason; /* in the letter's; "": any */
    int64_t city_id;    /* 0: any */
    int64_t since_ms;   /* put there at that time or later; 0: any */
};
/* True when it is one of them. */
bool letter_matches(const struct letter *letter, const struct letter_filter *filter);

/* "<topic>/<partition>/<offset>/<row>" of the original, by which repeats are told, into `out` (LETTER_KEY_BYTES). */
const char *letter_key(const struct letter *letter, char *out);

/* What becomes of a letter that is to be replayed. */
enum letter_fate {
    LETTER_REPLAY,
    LETTER_REPEATED,    /* its key was there before; never given by letter_original */
    LETTER_OLD,         /* older than the lateness horizon: it would be again */
    LETTER_CUT,         /* the original was longer than a letter */
    LETTER_FOREIGN,     /* of another topic, or a partition that the topic has not */
    LETTER_ROW_MISSING, /* the original has no such row */
    LETTER_FATES
};
/* A few words on it, for a count of them. */
const char *letter_fate_text(enum letter_fate fate);

/* The log to which originals go back. */
struct letter_target {
    const char *topic;
    int32_t partitions;
    bool all; /* also those that are LETTER_OLD */
};
/*
 * Writes into `out` (emptied) the record to be produced for the letter read last: the original's bytes, or, when the
 * letter is about one of several rows, a batch of that row. Anything but LETTER_REPLAY leaves `out` empty.
 */
enum letter_fate letter_original(struct letter_reader *reader, const struct letter *letter,
                                 const struct letter_target *target, struct buf *out);
/* The original's key, of `*size` bytes; NULL when it had none. Of the letter read last. */
const void *letter_original_key(const struct letter_reader *reader, size_t *size);

/* The letter as one line of a table, with '\n', and the line above that table. */
void letter_print(const struct letter *letter, struct buf *out);
void letter_print_head(struct buf *out);
/* The letter as a JSON object. */
void letter_json(const struct letter *letter, struct buf *out);

#endif
