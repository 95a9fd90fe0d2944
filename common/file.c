/* See file.h. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

FILE *file_open(const char *path, int64_t max_bytes, struct buf *error)
{
    struct stat status;
    FILE *file = NULL;
    const char *wrong = NULL;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &status) == 0) {
        wrong = !S_ISREG(status.st_mode) ? "not a regular file" : status.st_size > max_bytes ? "too large" : NULL;
        file = wrong ? NULL : fdopen(fd, "r");
    }
    if (wrong && S_ISREG(status.st_mode))
        buf_printf(error, "%s: larger than %lld KiB", path, (long long)max_bytes / 1024);
    else if (!file)
        buf_printf(error, "%s: %s", path, wrong ? wrong : strerror(errno));
    if (!file && fd >= 0)
        (void)close(fd);
    return file;
}
