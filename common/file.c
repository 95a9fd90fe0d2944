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
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        buf_printf(error, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        buf_printf(error, "%s: not a regular file", path);
    else if (status.st_size > max_bytes)
        buf_printf(error, "%s: larger than %lld KiB", path, (long long)max_bytes / 1024);
    else if (!(file = fdopen(fd, "r")))
        buf_printf(error, "%s: %s", path, strerror(errno));
    if (!file && fd >= 0)
        (void)close(fd);
    return file;
}
