/*
 * All cities as the API lists them (docs/contracts.md), appended as JSON. Pure.
 */
#ifndef DASHBOARD_LISTING_H
#define DASHBOARD_LISTING_H

#include "atlas.h"
#include "buf.h"

#include <stdint.h>

/* The catalogue, with its number. */
void listing_cities(const struct atlas *atlas, struct buf *out);
/* What of it came, changed or went after it had the number `since`, which is none below atlas->catalogue_first. */
void listing_changed(const struct atlas *atlas, uint64_t since, struct buf *out);
/* The latest reading of every city that has one. */
void listing_latest(const struct atlas *atlas, struct buf *out);

#endif
