/*
 * What a replay applies (isobarctl replay): a stretch of the log, once, into a namespace of its own, at a speed of its
 * own. The hash `replay` of the namespace says which: written by isobarctl, read at start. Pure: time is a parameter.
 */
#ifndef WORKER_REPLAY_H
#define WORKER_REPLAY_H

#include "buf.h"
#include "kafka.h"
#include "store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_part {
    int64_t end;     /* offset at which it ends */
    bool held;       /* it is not read until the Kafka time of its next record has come */
    bool done;       /* nothing comes any more: held for ever, and let go of when what came is committed */
    int64_t offset;  /* of that record */
    int64_t held_ms; /* and its Kafka time */
};

struct replay {
    int64_t from_ms;     /* Kafka time at which it begins; 0: with the first record that comes */
    int64_t to_ms;       /* records with this Kafka timestamp or a later one are not applied; 0: all are */
    int64_t speed_milli; /* Kafka time per time, in thousandths; 0: as fast as it goes */
    int64_t begun_ms;    /* monotonic, when the first record came; 0: none yet */
    struct replay_part *parts;
    int32_t partitions;
};

enum replay_next {
    REPLAY_MORE, /* all may be applied */
    REPLAY_WAIT, /* the next one is too early */
    REPLAY_DONE  /* the partition has ended */
};

/*
 * Reads the answer to HGETALL of the hash: from_ms, to_ms, speed_milli, and end:<partition> for each. ERR_NOT_FOUND
 * when it is empty, ERR_INVALID with the field appended to `error`. replay_release frees it in every case.
 */
int replay_parse(struct replay *replay, const struct store_reply *reply, int32_t partitions, struct buf *error)
    __attribute__((warn_unused_result));
/* Frees what it holds. */
void replay_release(struct replay *replay);
/* Kafka time up to which records may be applied at `now_ms` (monotonic); INT64_MAX when speed does not matter. */
int64_t replay_time_ms(const struct replay *replay, int64_t now_ms);
/* How many of `count` (>= 1) records of one partition, in offset order, may be applied now, and what comes after. */
size_t replay_admit(struct replay *replay, const struct kafka_record *records, size_t count, int64_t now_ms,
                    enum replay_next *next);

#endif
