/* How many streams the HTTP server (httpd.h) has, in all and of each address. */
#include "httpd_internal.h"

#include "mem.h"

#include <stdlib.h>
#include <uthash.h>

struct httpd_place {
    struct httpd_address address; /* key */
    int count;
    UT_hash_handle hh;
};

struct httpd_place *httpd_place_take(struct httpd *httpd, const struct httpd_address *address, struct buf *why)
{
    struct httpd_place *place = NULL;
    HASH_FIND(hh, httpd->stream_addresses, address, sizeof *address, place);
    if (httpd->stream_count >= httpd->stream_places) {
        buf_printf(why, "all %d places for live streams are taken", httpd->stream_places);
        return NULL;
    }
    if (place && place->count >= httpd->stream_places_each) {
        buf_printf(why, "%d live streams of this address are open, and no more are allowed", place->count);
        return NULL;
    }
    if (!place) {
        place = mem_alloc(sizeof *place);
        *place = (struct httpd_place){.address = *address};
        HASH_ADD(hh, httpd->stream_addresses, address, sizeof place->address, place);
    }
    place->count++;
    httpd->stream_count++;
    return place;
}

void httpd_place_free(struct httpd *httpd, struct httpd_place *place)
{
    httpd->stream_count--;
    if (--place->count > 0)
        return;
    HASH_DEL(httpd->stream_addresses, place);
    free(place);
}
