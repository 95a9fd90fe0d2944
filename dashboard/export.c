/* See export.h. */
#include "export.h"

#include "encode.h"
#include "error.h"
#include "mem.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PAGE_WINDOWS 250 /* read and encoded in one go while others wait */
#define NAME_BYTES   256 /* a city's name has 200 */
#define PACK_LEVEL   1
#define GZIP_BITS    31 /* zlib: 15 bits of window, and a gzip frame */

struct export
{
    struct api *api;
    struct httpd_request *request; /* NULL: it has begun */
    struct httpd_stream *stream;
    struct window_query query; /* the page that is read */
    int64_t to_ms;             /* of the whole range */
    char name[NAME_BYTES];
    bool reading, closed, packed;
    z_stream z;
};

static void export_free(struct export *export)
{
    if (export->packed)
        deflateEnd(&export->z);
    free(export);
}

/* ---- pages ---- */

static int64_t step_of(const struct window_query *query)
{
    return query->slide.size_ms ? query->slide.step_ms : query->size.size_ms;
}

/* Days are read at once: where one begins is known only with its city's zone, and there are not many. */
static void first_page(struct export *export, const struct window_query *query)
{
    struct window_query *page = &export->query;
    int64_t step_ms = step_of(query), oldest_ms = query->to_ms - query->limit * step_ms;
    *page = *query;
    export->to_ms = query->to_ms;
    page->limit = query->limit < READER_MAX_WINDOWS ? query->limit : READER_MAX_WINDOWS;
    if (query->size.days)
        return;
    page->from_ms = query->from_ms > oldest_ms ? query->from_ms : oldest_ms;
    page->to_ms =
        page->from_ms + PAGE_WINDOWS * step_ms < export->to_ms ? page->from_ms + PAGE_WINDOWS * step_ms : export->to_ms;
}

/* False: there is none. */
static bool next_page(struct export *export)
{
    struct window_query *page = &export->query;
    int64_t end_ms = page->to_ms + PAGE_WINDOWS * step_of(page);
    if (page->to_ms >= export->to_ms)
        return false;
    page->from_ms = page->to_ms;
    page->to_ms = end_ms < export->to_ms ? end_ms : export->to_ms;
    return true;
}

static void on_page(void *arg, const struct window_query *query, const struct window_answer *answer);

static void read_page(struct export *export)
{
    export->reading = true;
    reader_windows(model_store(export->api->model), export->api->prefix, &export->query, on_page, export);
}

/* ---- bytes ---- */

static void pack(struct export *export, const struct buf *plain, int flush, struct buf *to)
{
    z_stream *z = &export->z;
    z->next_in = (unsigned char *)plain->data;
    z->avail_in = (uInt)plain->size;
    do {
        size_t room = deflateBound(z, z->avail_in) + 64;
        z->next_out = (unsigned char *)buf_reserve(to, room);
        z->avail_out = (uInt)room;
        (void)deflate(z, flush);
        buf_advance(to, room - z->avail_out);
    } while (z->avail_out == 0);
}

/* False: the packer keeps it all for later, so there is nothing that the client could take. */
static bool send_page(struct export *export, const struct buf *plain, bool last)
{
    struct buf packed = BUF_EMPTY;
    if (export->packed)
        pack(export, plain, last ? Z_FINISH : Z_NO_FLUSH, &packed);
    const struct buf *bytes = export->packed ? &packed : plain;
    struct httpd_chunk *chunk = httpd_chunk_new(bytes->data, bytes->size);
    httpd_stream_send(export->stream, chunk);
    bool sent = bytes->size > 0;
    httpd_chunk_unref(chunk);
    buf_release(&packed);
    if (last)
        httpd_stream_close(export->stream);
    return sent;
}

/* ---- the stream ---- */

static void on_closed(void *arg, struct httpd_stream *stream)
{
    struct export *export = arg;
    (void)stream;
    export->closed = true;
    if (!export->reading)
        export_free(export);
}

/* The client has taken all. */
static void on_drained(void *arg, struct httpd_stream *stream)
{
    struct export *export = arg;
    if (export->reading)
        return;
    if (export->api->model)
        read_page(export);
    else
        httpd_stream_break(stream);
}

/* False: there is no place for it, and the client was told. */
static bool begin(struct export *export)
{
    struct httpd_request *request = export->request;
    char disposition[128], size[sizeof export->query.slide.name];
    text_copy(size, sizeof size, reader_name(&export->query));
    for (char *slash; (slash = strchr(size, '/'));)
        *slash = '-';
    snprintf(disposition, sizeof disposition, "attachment; filename=\"isobar-%lld-%s.csv\"",
             (long long)export->query.city_id, size);
    export->packed = httpd_accepts_gzip(request) &&
                     deflateInit2(&export->z, PACK_LEVEL, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    httpd_reply_header(request, "Content-Disposition", disposition);
    httpd_reply_header(request, "Cache-Control", "no-store");
    httpd_reply_header(request, "Vary", "Accept, Accept-Encoding");
    if (export->packed)
        httpd_reply_header(request, "Content-Encoding", "gzip");
    export->request = NULL;
    export->stream = httpd_reply_stream(request, "text/csv; charset=utf-8", on_closed, export);
    if (!export->stream)
        return false;
    httpd_stream_on_drained(export->stream, on_drained);
    return true;
}

/* The first page could not be read. */
static void refuse(struct export *export, int status)
{
    struct httpd_request *request = export->request;
    export->api->metrics->errors_total++;
    httpd_reply_header(request, "Cache-Control", "no-store");
    httpd_reply_header(request, "Retry-After", "2");
    httpd_reply_problem(request, 503, "Redis does not answer", error_name(status));
    export_free(export);
}

static void on_page(void *arg, const struct window_query *query, const struct window_answer *answer)
{
    struct export *export = arg;
    struct buf out = BUF_EMPTY;
    export->reading = false;
    if (export->closed) {
        export_free(export);
    } else if (answer->status != 0 && export->request) {
        refuse(export, answer->status);
    } else if (answer->status != 0) {
        httpd_stream_break(export->stream);
    } else {
        bool first = export->request != NULL;
        if (first && !begin(export)) {
            export->api->metrics->errors_total++;
            export_free(export);
            return;
        }
        if (first)
            encode_csv_header(&out);
        reader_csv(query, answer, export->name, &model_atlas(export->api->model)->custom, &out);
        bool more = next_page(export);
        if (!send_page(export, &out, !more) && more)
            read_page(export);
    }
    buf_release(&out);
}

void export_windows(struct api *api, struct httpd_request *request, const struct window_query *query)
{
    const struct city *city = atlas_find(model_atlas(api->model), query->city_id);
    struct export *export = mem_alloc(sizeof *export);
    *export = (struct export){.api = api, .request = request};
    text_copy(export->name, sizeof export->name, city ? city->entry->name : "");
    first_page(export, query);
    httpd_defer(request);
    read_page(export);
}
