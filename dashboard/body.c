/* See body.h. Not here: the page's files, which are packed when they are built (page.c). */
#include "body.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define PACK_ABOVE 1024
#define PACK_LEVEL 5
#define LARGE      (1 << 20) /* bytes: above, the time counts more, since nobody else is answered meanwhile */
#define GZIP_BITS  31        /* zlib: 15 bits of window, and a gzip frame */

void body_init(struct body *body)
{
    *body = (struct body){.plain = BUF_EMPTY, .packed = BUF_EMPTY};
}

void body_release(struct body *body)
{
    buf_release(&body->plain);
    buf_release(&body->packed);
}

static uint64_t hash_of(const struct buf *bytes)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < bytes->size; i++)
        hash = (hash ^ (unsigned char)bytes->data[i]) * 0x100000001b3u;
    return hash;
}

/* Leaves `to` empty when zlib fails: then the plain form is sent. */
static void pack(const struct buf *from, struct buf *to)
{
    z_stream z = {0};
    if (deflateInit2(&z, from->size < LARGE ? PACK_LEVEL : Z_BEST_SPEED, Z_DEFLATED, GZIP_BITS, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    size_t bound = deflateBound(&z, from->size);
    z.next_in = (unsigned char *)from->data;
    z.avail_in = (uInt)from->size;
    z.next_out = (unsigned char *)buf_reserve(to, bound);
    z.avail_out = (uInt)bound;
    if (deflate(&z, Z_FINISH) == Z_STREAM_END)
        buf_advance(to, z.total_out);
    deflateEnd(&z);
}

void body_seal(struct body *body, bool packed)
{
    buf_reset(&body->packed);
    if (packed && body->plain.size > PACK_ABOVE)
        pack(&body->plain, &body->packed);
    snprintf(body->etag, sizeof body->etag, "W/\"%016llx\"", (unsigned long long)hash_of(&body->plain));
}

/* The part of a tag that counts for a weak comparison. */
static const char *opaque(const char *tag)
{
    return strncmp(tag, "W/", 2) == 0 ? tag + 2 : tag;
}

bool body_matches(const char *header, const char *etag)
{
    const char *want = opaque(etag);
    size_t size = strlen(want);
    for (const char *p = header; p && *p; p += *p == ',') {
        p += strspn(p, " \t");
        size_t length = strcspn(p, ",");
        const char *tag = opaque(p), *stop = p + length;
        while (stop > tag && (stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        if ((size_t)(stop - tag) == size && memcmp(tag, want, size) == 0)
            return true;
        if (stop - p == 1 && *p == '*')
            return true;
        p += length;
    }
    return false;
}

void body_send(const struct body *body, struct httpd_request *request, const char *content_type)
{
    httpd_reply_header(request, "ETag", body->etag);
    httpd_reply_header(request, "Cache-Control", "no-cache");
    httpd_reply_header(request, "Vary", "Accept, Accept-Encoding");
    if (body_matches(httpd_header(request, "If-None-Match"), body->etag)) {
        httpd_reply(request, 304, content_type, "", 0);
    } else if (body->packed.size > 0 && httpd_accepts_gzip(request)) {
        httpd_reply_header(request, "Content-Encoding", "gzip");
        httpd_reply(request, 200, content_type, body->packed.data, body->packed.size);
    } else {
        httpd_reply(request, 200, content_type, body->plain.data, body->plain.size);
    }
}
