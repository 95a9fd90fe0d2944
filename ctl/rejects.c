/* See rejects.h. */
#include "rejects.h"

#include "error.h"

#include <errno.h>
#include <string.h>

int rejects_open(struct rejects *rejects, const char *path, struct buf *error)
{
    *rejects = (struct rejects){.stream = fopen(path, "ae")};
    if (!rejects->stream) {
        buf_printf(error, "%s: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    (void)fseek(rejects->stream, 0, SEEK_END); /* a pipe has no end, and no header either */
    rejects->begun = ftell(rejects->stream) > 0;
    return 0;
}

void rejects_write(struct rejects *rejects, const struct buf *header, const char *text, size_t size)
{
    if (!rejects->begun && header->size > 0)
        (void)fwrite(header->data, 1, header->size, rejects->stream);
    rejects->begun = true;
    (void)fwrite(text, 1, size, rejects->stream);
    rejects->inside = size > 0 ? text[size - 1] != '\n' : rejects->inside;
}

void rejects_end_line(struct rejects *rejects)
{
    if (rejects->inside)
        (void)fputc('\n', rejects->stream);
    rejects->inside = false;
}

bool rejects_flush(struct rejects *rejects)
{
    return !rejects->stream || (fflush(rejects->stream) == 0 && !ferror(rejects->stream));
}

void rejects_close(struct rejects *rejects)
{
    if (rejects->stream)
        (void)fclose(rejects->stream);
    rejects->stream = NULL;
}
