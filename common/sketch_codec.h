/* Sketches of a window in its message (window.proto, fields 60 to 64); a part of window_codec.c with a file of its own.
 */
#ifndef ISOBAR_SKETCH_CODEC_H
#define ISOBAR_SKETCH_CODEC_H

#include "window.h"

/* Puts the sketches of `window` into its message; columns are in `arena`. */
void sketch_codec_put(const struct window *window, Isobar__V1__WindowState *message, struct arena *arena);
/*
 * True when the sketches of a message, whose metrics are valid, are what their values make: one for each metric at
 * most, of more than SKETCH_TOLD values, as many as its count, from its minimum to its maximum, and not coarser than
 * needed as far as can be told.
 */
bool sketch_codec_valid(const Isobar__V1__WindowState *message);
/*
 * Gives `window` the sketches of a valid message. Those of metrics that this version does not know are left out, since
 * it could not tell how fine they must be: then their quantiles are not known any more.
 */
void sketch_codec_take(struct window *window, const Isobar__V1__WindowState *message);

#endif
