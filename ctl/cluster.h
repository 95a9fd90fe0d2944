/*
 * The leader's view (docs/contracts.md, "cluster") as commands read and print it. It is what the leader wrote last:
 * `age_ms` tells how old that is, and `leader` whether anybody leads now.
 */
#ifndef CTL_CLUSTER_H
#define CTL_CLUSTER_H

#include "buf.h"
#include "context.h"
#include "installation.h"

#include <jansson.h>
#include <stdint.h>

#define CLUSTER_TEXT_BYTES 48

#define LEADER_BYTES 256

struct cluster {
    struct context *context; /* borrowed */
    struct installation installation;
    char leader[LEADER_BYTES]; /* "coordinator-1 (tcp://...)"; "" when nobody leads */
    int64_t term;
    json_t *view; /* with age_ms added; NULL when there is none */
    int64_t now_ms, age_ms;
    struct buf wrong; /* one line per thing: cluster_judge */
};

/* Reads it; returns the exit code, and what went wrong is said. cluster_release in every case. */
int cluster_read(struct cluster *cluster, struct context *context) __attribute__((warn_unused_result));
/* Frees what it holds. */
void cluster_release(struct cluster *cluster);
/* Fills `wrong`. */
void cluster_judge(struct cluster *cluster);

/* ---- values of the view ---- */

/* A whole number; 0 when there is none. */
int64_t cluster_number(const json_t *object, const char *key);
/* A copy without control characters, at most CLUSTER_TEXT_BYTES - 1 bytes of it, in `out`; "-" for nothing. */
const char *cluster_text(const json_t *object, const char *key, char out[CLUSTER_TEXT_BYTES]);
/* 1234 -> 1.2 s, 600000 -> 10 min, in `out`. "-" when it is not known (negative). */
const char *cluster_span(int64_t ms, char out[CLUSTER_TEXT_BYTES]);
/* Age of a moment (Unix ms); -1 when that is not known (0). */
int64_t cluster_age(const struct cluster *cluster, int64_t at_ms);
/* The partition's object, borrowed; NULL when the view has none. */
const json_t *cluster_partition(const struct cluster *cluster, int32_t partition);
/* The member's, likewise. */
const json_t *cluster_member(const struct cluster *cluster, const char *id);

#endif
