/* What a test's code writes to stdout or stderr, and how a child of the test ends. */
#ifndef ISOBAR_TEST_CAPTURE_H
#define ISOBAR_TEST_CAPTURE_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct capture {
    int fd, saved, memory;
};

/* Sends what is written to `fd` (1 or 2) to memory from now on. */
static inline void capture_begin(struct capture *capture, int fd)
{
    fflush(stdout);
    capture->fd = fd;
    capture->saved = dup(fd);
    capture->memory = memfd_create("capture", MFD_CLOEXEC);
    assert(capture->saved >= 0 && capture->memory >= 0);
    dup2(capture->memory, fd);
}

/* Ends it and returns what was written; the caller frees. */
static inline char *capture_end(struct capture *capture)
{
    fflush(stdout);
    dup2(capture->saved, capture->fd);
    close(capture->saved);
    off_t size = lseek(capture->memory, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    assert(text && pread(capture->memory, text, (size_t)size, 0) == size);
    close(capture->memory);
    return text;
}

/* True when `fn(arg)` ends the process (a child of this one) by anything but a return, as a failed assert does. */
static inline int dies(void (*fn)(void *), void *arg)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    assert(child >= 0);
    if (child == 0) {
        FILE *quiet = freopen("/dev/null", "w", stderr); /* the message is expected */
        (void)quiet;
        fn(arg);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

#endif
