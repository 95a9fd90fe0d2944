/*
 * The allow list of the control plane: which public key is whose, and what its owner may be. A line per key:
 *
 *     <member id> <role>[,<role>...] <public key>       # roles: worker, fetcher, operator
 *
 * Lines that begin with '#' are comments. A member may have several keys (while one replaces another); a key has one
 * owner. Pure but for the reading of the file.
 */
#ifndef ISOBAR_ALLOW_H
#define ISOBAR_ALLOW_H

#include "buf.h"
#include "curve.h"

#include "control.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

#define ALLOW_MEMBER_BYTES 65

struct allow;

struct allow_entry {
    char key[CURVE_KEY_BYTES]; /* public */
    char member[ALLOW_MEMBER_BYTES];
    unsigned roles; /* bits, 1 << role */
};

/* Reads a list of at most 4 MiB. NULL with text, which names file and line, in `error`. */
struct allow *allow_read(const char *path, struct buf *error) __attribute__((warn_unused_result));
/* The same from `text`; `name` is for errors. */
struct allow *allow_parse(const char *name, const char *text, struct buf *error) __attribute__((warn_unused_result));
/* NULL allowed. */
void allow_free(struct allow *allow);
/* How many keys it has. */
size_t allow_count(const struct allow *allow);
/* Whose key it is; NULL: nobody's. Borrowed from the list. */
const struct allow_entry *allow_find(const struct allow *allow, const char *key);
/*
 * Whether the owner of `key` may send this: it names the owner as its member, and what it says is for one of the
 * owner's roles to say. What no role has to say is left to the receiver.
 */
bool allow_message(const struct allow *allow, const char *key, const Isobar__V1__Envelope *envelope);

#endif
