/* Tables of the leader's view on a terminal, for all commands that show it. They print to stdout. */
#ifndef CTL_RENDER_H
#define CTL_RENDER_H

#include "cluster.h"

/* Who leads, and how old the view is. */
void render_head(const struct cluster *cluster);
/* A line per member. */
void render_members(const struct cluster *cluster);
/* A line per partition. */
void render_partitions(const struct cluster *cluster);
/* Shards and quota in two lines. */
void render_shards(const struct cluster *cluster);
/* How old the newest reading of each source is, a line each; nothing when no worker says. */
void render_sources(const struct cluster *cluster);

#endif
