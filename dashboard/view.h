/*
 * The leader's view of the cluster (the key `cluster`), checked and made one line, so that it can be a part
 * of a JSON answer and of a server-sent event. Pure: time is a parameter.
 */
#ifndef DASHBOARD_VIEW_H
#define DASHBOARD_VIEW_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIEW_MAX_BYTES (4 * 1024 * 1024)

struct view {
    struct buf text; /* compact JSON object; empty: none */
    int64_t at_ms;   /* when the leader wrote it, by the leader's clock; when read, if it does not say */
};

/* Makes `view` empty without allocating. */
void view_init(struct view *view);
/* Frees the text. */
void view_release(struct view *view);
/* True when there is one. */
bool view_known(const struct view *view);
/* Takes `bytes`, read at `now_ms`; ERR_TOO_LARGE or ERR_INVALID, and the old one stays, when they are no JSON
 * object. */
int view_take(struct view *view, const char *bytes, size_t size, int64_t now_ms) __attribute__((warn_unused_result));
/* Appends the object with "age_ms", which is never negative, as its last member. */
void view_encode(const struct view *view, int64_t now_ms, struct buf *out);

#endif
