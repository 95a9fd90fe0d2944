/* See view.h. jansson does the checking, so that hostile text cannot break out of the answer it becomes a
 * part of. */
#include "view.h"

#include "error.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void view_init(struct view *view)
{
    *view = (struct view){.text = BUF_EMPTY};
}

void view_release(struct view *view)
{
    buf_release(&view->text);
    view->at_ms = 0;
}

bool view_known(const struct view *view)
{
    return view->text.size > 0;
}

int view_take(struct view *view, const char *bytes, size_t size, int64_t now_ms)
{
    if (size > VIEW_MAX_BYTES)
        return ERR_TOO_LARGE;
    json_t *object = json_loadb(bytes, size, 0, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return ERR_INVALID;
    }
    json_object_del(object, "age_ms");
    const json_t *at = json_object_get(object, "at_ms");
    char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (text) {
        view->at_ms = json_is_integer(at) ? (int64_t)json_integer_value(at) : now_ms;
        buf_reset(&view->text);
        buf_text(&view->text, text);
        free(text);
    }
    json_decref(object);
    return text ? 0 : ERR_INVALID;
}

void view_encode(const struct view *view, int64_t now_ms, struct buf *out)
{
    int64_t age_ms = view->at_ms > 0 && view->at_ms < now_ms ? now_ms - view->at_ms : 0;
    buf_append(out, view->text.data, view->text.size - 1);
    buf_printf(out, "%s\"age_ms\":%lld}", view->text.size > 2 ? "," : "", (long long)age_ms);
}
