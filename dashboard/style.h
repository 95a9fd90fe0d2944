/*
 * The operator's style sheet (--style): a file that the page links after its own, under a name with its hash. Read
 * once, at the start; the page's policy holds for it as well, so it can change looks and reach nothing outside.
 */
#ifndef DASHBOARD_STYLE_H
#define DASHBOARD_STYLE_H

#include "body.h"
#include "buf.h"
#include "httpd.h"

#include <stdbool.h>

#define STYLE_MAX_BYTES  (64 * 1024)
#define STYLE_PATH_BYTES 48

struct style {
    char path[STYLE_PATH_BYTES]; /* "/assets/operator-<hash>.css"; empty: there is none */
    struct body sheet, page;     /* the page is the one that links it */
};

/* Without a style sheet. */
void style_init(struct style *style);
/* Frees the bytes. */
void style_release(struct style *style);
/*
 * Reads `path`, and makes of `page`, which is HTML with a head, the one that links it. 0, or an error with "<path>:
 * <reason>" in `error`: no regular file of at most STYLE_MAX_BYTES, or no UTF-8 text.
 */
int style_load(struct style *style, const char *path, const struct buf *page, struct buf *error)
    __attribute__((warn_unused_result));
/* Answers when `path` is that of the sheet or of the page that links it; false, and no answer, when not, or without
 * one. */
bool style_send(const struct style *style, struct httpd_request *request, const char *path)
    __attribute__((warn_unused_result));

#endif
