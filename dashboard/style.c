/* See style.h. */
#include "style.h"

#include "error.h"
#include "file.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define HASH_DIGITS 16

void style_init(struct style *style)
{
    *style = (struct style){.path = ""};
    body_init(&style->sheet);
    body_init(&style->page);
}

void style_release(struct style *style)
{
    body_release(&style->sheet);
    body_release(&style->page);
    style->path[0] = '\0';
}

static int read_sheet(const char *path, struct buf *out, struct buf *error)
{
    FILE *file = file_open(path, STYLE_MAX_BYTES, error);
    if (!file)
        return ERR_INVALID;
    size_t size = fread(buf_reserve(out, STYLE_MAX_BYTES), 1, STYLE_MAX_BYTES, file);
    bool good = !ferror(file);
    buf_advance(out, size);
    (void)fclose(file);
    if (!good)
        buf_printf(error, "%s: cannot be read", path);
    else if (memchr(out->data, '\0', size) || !text_is_utf8(out->data))
        buf_printf(error, "%s: not UTF-8 text", path);
    else
        return 0;
    return ERR_INVALID;
}

int style_load(struct style *style, const char *path, const struct buf *page, struct buf *error)
{
    const char *end = strstr(page->data, "</head>");
    if (!end) {
        buf_printf(error, "%s: the page has no head to link it in", path);
        return ERR_INVALID;
    }
    if (read_sheet(path, &style->sheet.plain, error) != 0)
        return ERR_INVALID;
    body_seal(&style->sheet, true);
    const char *hash = strchr(style->sheet.etag, '"') + 1; /* W/"<16 digits>" */
    snprintf(style->path, sizeof style->path, "/assets/operator-%.*s.css", HASH_DIGITS, hash);
    buf_append(&style->page.plain, page->data, (size_t)(end - page->data));
    buf_printf(&style->page.plain, "<link rel=\"stylesheet\" href=\"%s\">\n", style->path);
    buf_text(&style->page.plain, end);
    body_seal(&style->page, true);
    return 0;
}

bool style_send(const struct style *style, struct httpd_request *request, const char *path)
{
    if (style->path[0] == '\0')
        return false;
    if (strcmp(path, style->path) == 0)
        body_send(&style->sheet, request, "text/css; charset=utf-8");
    else if (strcmp(path, "/") == 0)
        body_send(&style->page, request, "text/html; charset=utf-8");
    else
        return false;
    return true;
}
