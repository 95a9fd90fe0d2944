/* A directory of a test's own where temporary files belong: under TMPDIR, else where the C library says. */
#ifndef ISOBAR_TEST_TEMP_DIRECTORY_H
#define ISOBAR_TEST_TEMP_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define TEMP_DIRECTORY_BYTES 64 /* sockets lie in it, whose paths are at most 107 bytes long */

/* Makes it and writes its path; false when that failed or is too long. */
static inline bool temp_directory(char path[TEMP_DIRECTORY_BYTES])
{
    const char *where = getenv("TMPDIR");
    int size = snprintf(path, TEMP_DIRECTORY_BYTES, "%s/isobar-test-XXXXXX", where && *where ? where : P_tmpdir);
    return size < TEMP_DIRECTORY_BYTES && mkdtemp(path) != NULL;
}

#endif
