/*
 * Shared by the kafka_*.c files only; nothing else may include it, since it brings librdkafka's header in.
 *   kafka_client   settings, errors and log lines common to every handle
 *   kafka_position which records of a partition may be delivered (pure)
 *   kafka_check    the thread that asks a broker about a partition before it is read
 */
#ifndef ISOBAR_KAFKA_INTERNAL_H
#define ISOBAR_KAFKA_INTERNAL_H

#include "kafka.h"
#include "log.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

/* ---- kafka_client.c ---- */

/* A configuration under construction: the first setting that fails is kept in `error`, the rest are skipped.
 */
struct kafka_conf {
    rd_kafka_conf_t *conf;
    struct buf *error;
    bool failed;
};

/* Begins with what all handles share: short network time-outs, no nagle, keep-alive, no spontaneous logging.
 */
void kafka_conf_begin(struct kafka_conf *conf, const char *client_id, struct buf *error);
/* Sets a property to a text. */
void kafka_conf_text(struct kafka_conf *conf, const char *name, const char *value);
/* Sets a property to a number. */
void kafka_conf_number(struct kafka_conf *conf, const char *name, int64_t value);
/* Consumes `conf` and makes the handle, connected to `brokers`; NULL with text in conf->error. */
rd_kafka_t *kafka_conf_finish(struct kafka_conf *conf, rd_kafka_type_t type, const char *brokers)
    __attribute__((warn_unused_result));

/*
 * Destroys a handle, without a group's close. librdkafka 2.0 can wait in that for ever once a topic that it read was
 * deleted, for a reference that is never given back (its issues 4362, 4674); so it does so on a thread of its own, and
 * after 5 s it is left to itself, with a warning.
 */
void kafka_handle_destroy(rd_kafka_t *rk);

/* A handle whose events arrive on the loop: errors and log lines here, the rest is the owner's. */
struct kafka_client {
    rd_kafka_t *rk;
    rd_kafka_queue_t *main; /* errors, log lines, delivery reports */
    struct loop *loop;
    struct loop_fd *source;
    int fd;    /* eventfd that librdkafka writes to */
    bool down; /* no broker answers, as far as is known */
    struct log_limit limit;
    kafka_error_fn *failed;
    void *arg;
};

/*
 * Takes `rk` over (also on failure) and has `serve` called with `serve_arg` on the loop when an event is
 * queued. ERR_SYSTEM.
 */
int kafka_client_init(struct kafka_client *client, struct loop *loop, rd_kafka_t *rk, loop_fd_fn *serve,
                      void *serve_arg) __attribute__((warn_unused_result));
/* Detaches from the loop and destroys the handle; queues of the owner must be destroyed before. */
void kafka_client_release(struct kafka_client *client);
/* Has `serve` called once more in the next round. Thread-safe. */
void kafka_client_wake(const struct kafka_client *client);
/* Forgets the wake-ups so far; call it first in `serve`. */
void kafka_client_awake(const struct kafka_client *client);
/* Handles an event that is an error or a log line; other types are ignored. Does not destroy it. */
void kafka_client_event(struct kafka_client *client, rd_kafka_event_t *event);
/* The enum error that says what `code` means to a caller. */
int kafka_error_of(rd_kafka_resp_err_t code);

/* ---- kafka_threads.c ---- */

#if defined(__SANITIZE_THREAD__)
#define KAFKA_THREADS_NEEDED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KAFKA_THREADS_NEEDED 1
#endif
#endif
#ifdef KAFKA_THREADS_NEEDED
/* Does nothing; a call of it brings that file into the program. */
void kafka_threads_anchor(void);
#endif

/* ---- kafka_position.c ---- */

enum kafka_verdict {
    KAFKA_DELIVER,
    KAFKA_STALE,   /* left over from an earlier assignment, or after a failure: drop */
    KAFKA_REWIND,  /* the first record is not the one asked for: drop it and ask once more */
    KAFKA_DISORDER /* at or below one that was delivered: drop, the partition has failed */
};

/* Where one assignment of a partition stands. */
struct kafka_position {
    int64_t next;    /* lowest offset that may be delivered */
    int64_t confirm; /* first offset seen beyond `next` before anything was delivered; -1 none */
    bool started;    /* something was delivered since the start */
    bool failed;     /* nothing more is delivered until the next start */
};

/* Begins an assignment at `offset`. */
void kafka_position_start(struct kafka_position *position, int64_t offset);
/* Judges a record at `offset` and moves on when it is to be delivered. */
enum kafka_verdict kafka_position_admit(struct kafka_position *position, int64_t offset);
/* True when an out-of-range error about `offset` belongs to this assignment, not to an earlier one. */
bool kafka_position_concerns(const struct kafka_position *position, int64_t offset);

/* ---- kafka_record.c ---- */

/* Fills `record` with a borrowed view of `message`. */
void kafka_record_view(struct kafka_record *record, const rd_kafka_message_t *message, const char *topic);

/* ---- kafka_batch.c ---- */

#define KAFKA_BATCH_QUESTIONS 64
#define KAFKA_SLICE_MAX_MS    500

/* What is asked about a partition, see kafka_consumer_check. */
struct kafka_question {
    struct kafka_question *next;
    int32_t partition;
    int64_t offsets[KAFKA_CHECK_RECORDS]; /* -1: none */
    int64_t deadline_ms;                  /* monotonic */
    int64_t slice_ms;                     /* how long it may be asked the next time */
    bool again;                           /* it was asked and not answered */
    bool missed;                          /* a record was missing once */
    kafka_check_fn *done;
    void *arg;
    struct kafka_check check; /* not answered: status or that of a record is ERR_UNAVAILABLE or ERR_TIMEOUT */
};

/* Questions about different partitions that are asked together: all for the first time, or one alone. */
struct kafka_batch {
    struct kafka_question *questions[KAFKA_BATCH_QUESTIONS];
    size_t count;
    int64_t end_ms; /* of this slice */
    rd_kafka_t *rk;
    const char *topic;
};

/* Asks for one slice of time, and doubles that of the next. */
void kafka_batch_ask(struct kafka_batch *batch, rd_kafka_t *rk, const char *topic);
/* True when nothing more is to be asked, or its time is up. */
bool kafka_question_answered(const struct kafka_question *question, int64_t now_ms);

/* ---- kafka_check.c ---- */

struct kafka_checker;

/* A checker of `topic`; its thread and its client start with the first question. NULL with errno. */
struct kafka_checker *kafka_checker_new(struct loop *loop, const char *brokers, const char *topic)
    __attribute__((warn_unused_result));
/* Stops the thread (waits for at most KAFKA_SLICE_MAX_MS) and drops questions without an answer. NULL
 * allowed. */
void kafka_checker_free(struct kafka_checker *checker);
/* See kafka_consumer_check. */
void kafka_checker_ask(struct kafka_checker *checker, int32_t partition, const int64_t offsets[KAFKA_CHECK_RECORDS],
                       int64_t timeout_ms, kafka_check_fn *done, void *arg);

/* ---- kafka_consumer.c and kafka_reader.c ---- */

#define KAFKA_VERSION_QUEUE_BACKOFF 0x02020000 /* has fetch.queue.backoff.ms */
#define KAFKA_PARTITIONS_MAX        65536
#define KAFKA_BATCH_RECORDS         512 /* taken from the queue at once, at most */

/* How `fetch_memory` is spent. */
struct kafka_budget {
    int64_t records;     /* queue is full from so many records on */
    int64_t queue_bytes; /* … or from so many bytes of payload on */
    int64_t fetch_bytes; /* one fetch from one broker */
    int64_t batch_bytes; /* of records taken from the queue and not yet delivered */
};

struct kafka_part {
    struct kafka_position position;
    int64_t noted;       /* offset to commit for lag tools, -1 none */
    uint32_t generation; /* goes up with every assign and unassign */
    uint32_t rewound;    /* number of the pull that rewound it */
    bool assigned;
    bool failed; /* an error was noted in this assignment: one is enough */
    char *error; /* to be reported, NULL none */
};

struct kafka_consumer {
    struct kafka_client client;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *handle; /* keeps what is known of the topic */
    struct kafka_checker *checker;
    struct loop_timer *note_timer;
    struct kafka_consumer_events events;
    char *topic;
    struct kafka_part *parts;
    int32_t part_count;
    struct kafka_budget budget;

    /* Records taken from the queue and not yet from us: first … count − 1. */
    rd_kafka_message_t *messages[KAFKA_BATCH_RECORDS];
    struct kafka_record records[KAFKA_BATCH_RECORDS];
    uint32_t generations[KAFKA_BATCH_RECORDS];
    size_t first, count;
    atomic_bool doubt; /* set on librdkafka's threads: kafka_doubt.c */
    bool blocked;      /* the owner has not taken all */
    bool has_errors;   /* some part has an error to be reported */
    uint32_t pulls;
    int64_t batch_average;            /* bytes a record in the last batch */
    int64_t read_records, read_bytes; /* since the fetcher was woken */
    int64_t dropped;
};

/* The partition's entry, NULL when it is none of the topic's. */
struct kafka_part *kafka_consumer_part(struct kafka_consumer *consumer, int32_t partition);
/* Has librdkafka stop reading the partition and start again at `offset`. ERR_UNAVAILABLE. */
int kafka_consumer_rewind(struct kafka_consumer *consumer, int32_t partition, int64_t offset)
    __attribute__((warn_unused_result));
/*
 * librdkafka's error_cb. It runs inside kafka_reader_serve, on the loop: partitions that a topic lacks (or
 * lost) are told of in no other way while records are taken in batches.
 */
void kafka_reader_error(rd_kafka_t *rk, int code, const char *reason, void *arg);
/* Serves the queues for one round of the loop; a loop_fd_fn over the consumer. */
void kafka_reader_serve(void *arg, unsigned events);

/* ---- kafka_doubt.c ---- */

/* Has `doubt` set whenever the client that is made of `conf` has heard anew what topics, partitions and leaders there
 * are. */
void kafka_doubt_watch(struct kafka_conf *conf, atomic_bool *doubt);

/* ---- kafka_ask.c: questions that block, for tools and for the checker's thread ---- */

/* A quiet handle that is no member of anything; NULL with text in `error`. Freed by rd_kafka_destroy. */
rd_kafka_t *kafka_ask_new(const char *brokers, struct buf *error) __attribute__((warn_unused_result));
/*
 * Number of partitions of the topic, and of brokers when `brokers` is not NULL (also when the topic is not
 * found). ERR_NOT_FOUND, ERR_UNAVAILABLE, ERR_TIMEOUT. Partitions without a leader count.
 */
int kafka_ask_partitions(rd_kafka_t *rk, const char *topic, int64_t timeout_ms, int32_t *partitions, int32_t *brokers)
    __attribute__((warn_unused_result));

/* Some partitions of a topic. */
struct kafka_partitions {
    const char *topic;
    const int32_t *list; /* each once; NULL: 0 … count − 1 */
    int32_t count;
};
/*
 * One watermark (`which`: RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END) of each partition, in their order, within
 * `timeout_ms`; all or none. rd_kafka_query_watermark_offsets is not used: while a broker hangs it ignores its time-out
 * and waits for socket.timeout.ms. ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_NOT_FOUND.
 */
int kafka_ask_offsets(rd_kafka_t *rk, const struct kafka_partitions *of, int64_t which, int64_t timeout_ms,
                      int64_t *offsets) __attribute__((warn_unused_result));
/* Cluster id, "" when the broker has none. ERR_TIMEOUT when no broker answers. */
int kafka_ask_cluster(rd_kafka_t *rk, int64_t timeout_ms, char cluster_id[64]) __attribute__((warn_unused_result));
/* A record that is read again. */
struct kafka_sought {
    int32_t partition;
    int64_t offset;
    int status;    /* out: 0, ERR_NOT_FOUND when that offset is not in the log, ERR_TIMEOUT, ERR_UNAVAILABLE */
    uint64_t hash; /* out: kafka_record_hash of it */
};
/* Reads records of different partitions of a topic, all at once, within `timeout_ms`. */
void kafka_ask_records(rd_kafka_t *rk, const char *topic, struct kafka_sought *sought, size_t count,
                       int64_t timeout_ms);

#endif
