/*
 * Keys of the control plane: Curve25519 pairs as libzmq's CURVE has them, in Z85 (40 characters), in files that
 * `isobarctl keygen` writes. A key file has one line with the key; lines that begin with "# " are comments (no key has
 * a blank). Secret keys are read from files only, are never logged, and are wiped when they are let go.
 */
#ifndef ISOBAR_CURVE_H
#define ISOBAR_CURVE_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

#define CURVE_KEY_BYTES   41 /* Z85 and '\0' */
#define CURVE_SERVERS_MAX 16
#define CURVE_TURNS_MAX   4 /* keys of one server: those that it may have while they are replaced */

struct allow;

struct curve_pair {
    char public_key[CURVE_KEY_BYTES], secret_key[CURVE_KEY_BYTES];
};

/* A coordinator's: its pair, and who may connect. */
struct curve_server {
    struct curve_pair pair;
    struct allow *allow;
};

/* The public keys that a server may have, to be tried in turn. */
struct curve_keys {
    char list[CURVE_TURNS_MAX][CURVE_KEY_BYTES];
    size_t count;
    char *file; /* where they are from; NULL: from the option itself */
};

/* A member's: its pair, and the coordinators' public keys: those of all of them, or of each endpoint in their order. */
struct curve_client {
    struct curve_pair pair;
    size_t server_count;
    struct curve_keys servers[CURVE_SERVERS_MAX];
};

/* True for 40 characters of Z85 that stand for 32 bytes. */
bool curve_key_valid(const char *key);
/* A new pair. ERR_UNSUPPORTED when libzmq was built without CURVE. */
int curve_pair_make(struct curve_pair *pair) __attribute__((warn_unused_result));
/*
 * Reads a secret key and derives its public one. ERR_INVALID with text, which names the file, in `error`. A file that
 * others may read is taken, with a warning in the log.
 */
int curve_pair_read(const char *path, struct curve_pair *pair, struct buf *error) __attribute__((warn_unused_result));
/*
 * The server's keys from the options --curve-key-file and --curve-allow-file, of which both or none are given. False
 * with text in `error`. `*server` is NULL without them (plain), else the caller frees it.
 */
bool curve_server_read(const char *key_file, const char *allow_file, struct curve_server **server, struct buf *error)
    __attribute__((warn_unused_result));
/* Wipes and frees, with its allow list. NULL allowed. */
void curve_server_free(struct curve_server *server);
/*
 * A member's keys from --curve-key-file and --curve-server-key: a comma list, each a public key or a file with up to
 * CURVE_TURNS_MAX, one a line. As curve_server_read.
 */
bool curve_client_read(const char *key_file, const char *server_keys, struct curve_client **client, struct buf *error)
    __attribute__((warn_unused_result));
/*
 * Reads the servers' files again. True when a key has changed. A file that cannot be used leaves what was read before,
 * with a line in the log once a minute.
 */
bool curve_client_refresh(struct curve_client *client);
/* Wipes and frees. NULL allowed. */
void curve_client_free(struct curve_client *client);

#endif
