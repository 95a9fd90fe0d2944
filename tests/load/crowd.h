/*
 * Many clients of the live stream, in one process: each a connection of its own, 500 of them to an address of loopback.
 * Nothing blocks but crowd_turn.
 */
#ifndef LOAD_CROWD_H
#define LOAD_CROWD_H

#include "listener.h"
#include "ticks.h"

#define CROWD_MAX 16000

enum client_state { CLIENT_CONNECTING, CLIENT_OPENING, CLIENT_LIVE, CLIENT_PAUSED, CLIENT_VANISHED, CLIENT_ENDED };

struct client {
    struct crowd *crowd;
    int fd;
    enum client_state state;
    struct listener listener;
    uint64_t version; /* of its last event */
};

struct crowd {
    int epoll, port;
    const char *path;
    struct client *clients;            /* of CROWD_MAX */
    int count, wanted;                 /* opened; to open */
    int opening, live, refused, ended; /* refused: closed, or answered otherwise, before the first event */
    int32_t status;                    /* of the last answer that was no stream; 0: closed without one */
    uint64_t newest;                   /* version */
    int64_t bytes, first_bytes;        /* received; up to each one's first event */
    int64_t now_us;
    struct ticks ticks;
};

/* Aborts the process when there is no epoll. Freed by crowd_release. */
void crowd_init(struct crowd *crowd, int port, const char *path);
void crowd_release(struct crowd *crowd);
/* Opens so many more. */
void crowd_open(struct crowd *crowd, int count);
/* All that were asked for have had their first event, or were refused. */
bool crowd_settled(const struct crowd *crowd);
/* Handles what came; waits at most `wait_ms` for it. True when a descriptor given to crowd_watch is readable. */
bool crowd_turn(struct crowd *crowd, int wait_ms);
/* Such a descriptor, besides the clients'. */
void crowd_watch(struct crowd *crowd, int also);
/* The last so many live ones take no packet any more, not even with their kernel's hands: as if the machine was gone.
 */
void crowd_vanish(struct crowd *crowd, int count);
/* The last so many live ones stop reading; all of those read again. */
void crowd_pause(struct crowd *crowd, int count);
void crowd_resume(struct crowd *crowd);
/* Of the live ones, those whose last event is not the newest that any has had. */
int crowd_behind(const struct crowd *crowd);

#endif
