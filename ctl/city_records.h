/*
 * The catalogue's records in Redis: {shard}:cities of every partition, as they are read by whoever wants all of them.
 */
#ifndef CTL_CITY_RECORDS_H
#define CTL_CITY_RECORDS_H

#include "context.h"

#include "city.pb-c.h"

#include <stdint.h>

#define CITY_RECORD_MAX_BYTES 4096

/* A record that was found in a shard; NULL when it is damaged. Borrowed for the call. */
typedef void city_records_fn(void *arg, int32_t shard, const Isobar__V1__City *city);

/* The record as a message, which the caller frees with isobar__v1__city__free_unpacked; NULL when it is none. Pure. */
Isobar__V1__City *city_record_unpack(const struct store_reply *record) __attribute__((warn_unused_result));
/* Reads all records, shard by shard. Returns the exit code; what is wrong with Redis is said. */
int city_records_read(struct context *context, int32_t partitions, city_records_fn *fn, void *arg)
    __attribute__((warn_unused_result));

#endif
