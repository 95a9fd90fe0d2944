/* See city_records.h. */
#include "city_records.h"

#include "error.h"

Isobar__V1__City *city_record_unpack(const struct store_reply *record)
{
    if (record->type != STORE_TEXT || record->size > CITY_RECORD_MAX_BYTES)
        return NULL;
    return isobar__v1__city__unpack(NULL, record->size, (const uint8_t *)record->text);
}

int city_records_read(struct context *context, int32_t partitions, city_records_fn *fn, void *arg)
{
    for (int32_t shard = 0; shard < partitions; shard++) {
        char key[CONTEXT_KEY_BYTES];
        struct store_reply *reply = CONTEXT_ASK(context, "HVALS", context_partition_key(context, shard, "cities", key));
        if (!reply)
            return context->exit_code;
        for (size_t i = 0; i < reply->count; i++) {
            Isobar__V1__City *city = city_record_unpack(reply->elements[i]);
            fn(arg, shard, city);
            isobar__v1__city__free_unpacked(city, NULL);
        }
        store_reply_free(reply);
    }
    return EXIT_CODE_OK;
}
