/*
 * Bodies with an ETag, gzipped for clients that take it. A body is sealed once and can then be sent many
 * times: what all clients ask for is encoded and packed once per version, not once per request.
 */
#ifndef DASHBOARD_BODY_H
#define DASHBOARD_BODY_H

#include "buf.h"
#include "httpd.h"

#include <stdbool.h>

struct body {
    struct buf plain;
    struct buf packed; /* gzip; empty when it is not worth it */
    char etag[24];     /* weak, since the same tag names both forms */
};

/* An empty body, to be filled through `plain`. */
void body_init(struct body *body);
/* Frees the bytes; the body is empty again. */
void body_release(struct body *body);
/* Tags what is in `plain`, and packs it when it is to be `packed`: what is sent once, to those who take it only. */
void body_seal(struct body *body, bool packed);
/* Answers 200 with the sealed body, or 304 when the client has it. */
void body_send(const struct body *body, struct httpd_request *request, const char *content_type);
/* True when `header` (If-None-Match, NULL allowed) names `etag`; the comparison is weak (RFC 9110, 13.1.2).
 */
bool body_matches(const char *header, const char *etag);

#endif
