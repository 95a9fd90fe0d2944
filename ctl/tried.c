/* See tried.h. */
#include "tried.h"

#include "text.h"

#include <string.h>

void tried_note(struct tried *tried, const char *where, const char *what)
{
    size_t i = 0;
    while (i < tried->count && strcmp(tried->list[i].where, where) != 0)
        i++;
    if (i == TRIED_MAX)
        return;
    tried->count += i == tried->count;
    text_copy(tried->list[i].where, sizeof tried->list[i].where, where);
    text_copy(tried->list[i].what, sizeof tried->list[i].what, what);
}

void tried_text(const struct tried *tried, struct buf *out)
{
    for (size_t i = 0; i < tried->count; i++)
        buf_printf(out, "%s%s (%s)", i ? ", " : "", tried->list[i].where, tried->list[i].what);
}
