/*
 * What the simulator does wrong on purpose: rules, each a kind of answer for a share of the requests to a place or to
 * all. Set by --faults or at run time by POST /control/fault. Pure: randomness comes from the caller's generator.
 */
#ifndef OWMSIM_FAULT_H
#define OWMSIM_FAULT_H

#include "buf.h"
#include "entropy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_RULES 32

enum fault_kind {
    FAULT_NONE,
    FAULT_INVALID_KEY,     /* 401 */
    FAULT_BAD_REQUEST,     /* 400, cod as a string */
    FAULT_NOT_FOUND,       /* 404, cod as a string */
    FAULT_NOT_FOUND_EMPTY, /* 404 without a body */
    FAULT_RATE_LIMITED,    /* 429, Retry-After when given */
    FAULT_SERVER_ERROR,    /* 500 with HTML */
    FAULT_UNAVAILABLE,     /* 503, Retry-After when given */
    FAULT_TRUNCATED,       /* 200, body cut in the middle */
    FAULT_NOT_JSON,        /* 200, HTML */
    FAULT_WRONG_SHAPE,     /* 200, JSON of another endpoint */
    FAULT_HUGE,            /* 200, 2 MiB */
    FAULT_REDIRECT,        /* 302 */
    FAULT_HANG,            /* headers, then nothing */
    FAULT_SPARSE,          /* 200 without wind.deg, gust, visibility, rain, clouds */
    FAULT_BACKWARDS,       /* 200, dt 80 s before the previous one */
    FAULT_FROZEN,          /* 200, dt and all stand still from when the rule came */
    FAULT_RENAMED,         /* 200, main.humidity has another name */
    FAULT_MIDSTREAM,       /* 200, the good body with the text of a failure behind it */
    FAULT_LIMITED_MINUTE,  /* 429 that names the minute, the hour or the day (Open-Meteo) */
    FAULT_LIMITED_HOUR,
    FAULT_LIMITED_DAY,
    FAULT_NULLS, /* 200, nothing is known of the place (Open-Meteo) */
    FAULT_KINDS
};

struct fault_rule {
    enum fault_kind kind;
    int percent;       /* of the requests it applies to */
    int64_t remaining; /* how often still; -1 for ever */
    bool everywhere;
    double latitude, longitude; /* within 0.01 degree, when not everywhere */
    int retry_after_s;          /* 0: no header */
};

struct faults {
    struct fault_rule rules[FAULT_RULES];
    size_t count;
};

/* FAULT_KINDS when `name` is unknown. */
enum fault_kind fault_parse(const char *name);
/* The name of a kind, e.g. "rate_limited". */
const char *fault_name(enum fault_kind kind);
/* Adds rules from "kind[:percent],..."; ERR_INVALID with the reason in `error`. */
int faults_parse(struct faults *faults, const char *text, struct buf *error) __attribute__((warn_unused_result));
/* Adds a rule; ERR_TOO_LARGE when all places are taken. */
int faults_add(struct faults *faults, const struct fault_rule *rule) __attribute__((warn_unused_result));
/* Decides for one request; NULL for a good answer. The first rule that applies and whose dice fall right wins. */
const struct fault_rule *faults_choose(struct faults *faults, double latitude, double longitude, struct jitter *dice);

#endif
