/*
 * Status codes shared by all modules: functions that can fail return 0 or one of these negative codes.
 * Bad input and a peer that is down are statuses; a broken invariant is an assert. Out of memory aborts
 * (see mem.h), so there is no code for it.
 */
#ifndef ISOBAR_ERROR_H
#define ISOBAR_ERROR_H

enum error {
    ERR_NONE = 0,
    ERR_INVALID = -1,     /* input breaks a documented rule; the message names it */
    ERR_TOO_LARGE = -2,   /* a size from outside exceeds its bound */
    ERR_UNAVAILABLE = -3, /* a peer is down or does not answer; trying again may help */
    ERR_TIMEOUT = -4,     /* no answer in time: what was asked may or may not have happened */
    ERR_REFUSED = -5,     /* a peer answered and said no (wrong key, fenced, no permission) */
    ERR_NOT_FOUND = -6,
    ERR_SYSTEM = -7,      /* a system call failed; errno tells */
    ERR_UNSUPPORTED = -8, /* the linked library is too old for what was asked */
    ERR_BUSY = -9,        /* a bounded queue is full: try again later */
};

/* Exit codes of all programs, documented in docs/operations.md. */
enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILURE = 1,      /* the job was done and the answer is bad (verify), or an internal error */
    EXIT_CODE_USAGE = 2,        /* unknown option or wrong arguments */
    EXIT_CODE_UNAVAILABLE = 69, /* a dependency is missing: Kafka, Redis, a port */
    EXIT_CODE_REFUSED = 77,     /* what is there does not fit what was asked for: nothing was changed */
    EXIT_CODE_CONFIG = 78,      /* configuration file, city table or key is wrong */
};

/*
 * A short English name of `code` ("timed out") for logs; never NULL. `code` is an enum error.
 */
const char *error_name(int code);

#endif
