/* See page.h. Files are stored gzipped; for the rare client that does not take gzip they are inflated per
 * request. */
#include "page.h"

#include "body.h"
#include "buf.h"

#include <string.h>
#include <zlib.h>

#define GZIP_BITS 31

const struct asset *page_find(const char *path)
{
    for (const struct asset *asset = assets; asset->path; asset++) {
        if (strcmp(asset->path, path) == 0)
            return asset;
    }
    return NULL;
}

bool page_plain(const struct asset *asset, struct buf *plain)
{
    z_stream z = {.next_in = (unsigned char *)asset->gz, .avail_in = (uInt)asset->gz_size};
    if (inflateInit2(&z, GZIP_BITS) != Z_OK)
        return false;
    z.next_out = (unsigned char *)buf_reserve(plain, asset->plain_size);
    z.avail_out = (uInt)asset->plain_size;
    bool good = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == asset->plain_size;
    buf_advance(plain, z.total_out);
    inflateEnd(&z);
    return good;
}

bool page_send(const struct asset *asset, struct httpd_request *request)
{
    struct buf plain = BUF_EMPTY;
    bool gzip = httpd_accepts_gzip(request);
    if (!gzip && !page_plain(asset, &plain)) {
        buf_release(&plain);
        return false;
    }
    httpd_reply_header(request, "ETag", asset->etag);
    httpd_reply_header(request, "Vary", "Accept-Encoding");
    httpd_reply_header(request, "Cache-Control", asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (body_matches(httpd_header(request, "If-None-Match"), asset->etag)) {
        httpd_reply(request, 304, asset->content_type, "", 0);
    } else if (gzip) {
        httpd_reply_header(request, "Content-Encoding", "gzip");
        httpd_reply_static(request, 200, asset->content_type, asset->gz, asset->gz_size);
    } else {
        httpd_reply(request, 200, asset->content_type, plain.data, plain.size);
    }
    buf_release(&plain);
    return true;
}
