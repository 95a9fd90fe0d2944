/* Bytes that streams of the HTTP server (httpd.h) share, with the frame of the chunked coding around them. */
#include "httpd_internal.h"

#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_HEAD (2 * sizeof(size_t) + 2)

struct httpd_chunk *httpd_chunk_new(const void *bytes, size_t size)
{
    struct httpd_chunk *chunk = mem_alloc(sizeof *chunk + FRAME_HEAD + size + HTTPD_FRAME_TAIL + 1);
    chunk->references = 1;
    chunk->size = size;
    chunk->head = (size_t)snprintf(chunk->bytes, FRAME_HEAD + 1, "%zx\r\n", size);
    if (size)
        memcpy(chunk->bytes + chunk->head, bytes, size);
    memcpy(chunk->bytes + chunk->head + size, "\r\n", HTTPD_FRAME_TAIL);
    return chunk;
}

void httpd_chunk_unref(struct httpd_chunk *chunk)
{
    if (chunk && --chunk->references == 0)
        free(chunk);
}
