/* The events that wait to be committed (alert.h). Encoded when they happen, so a queue costs what its commit will. */
#include "alert.h"

#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 16 /* events for which room is kept */

void alert_queue_add(struct alert_queue *queue, const struct alert_event *event)
{
    struct buf bytes = BUF_EMPTY;
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity ? queue->capacity * 2 : KEPT;
        queue->events = mem_grow(queue->events, queue->capacity, sizeof *queue->events);
    }
    alert_event_encode(event, &bytes);
    size_t size = bytes.size;
    queue->events[queue->count++] = (struct alert_bytes){buf_take(&bytes), size};
}

void alert_queue_sent(struct alert_queue *queue)
{
    assert(queue->sent == 0);
    queue->sent = queue->count;
}

void alert_queue_committed(struct alert_queue *queue)
{
    for (size_t i = 0; i < queue->sent; i++)
        free(queue->events[i].data);
    queue->count -= queue->sent;
    if (queue->count > 0 && queue->sent > 0)
        memmove(queue->events, queue->events + queue->sent, queue->count * sizeof *queue->events);
    queue->sent = 0;
    if (queue->count == 0 && queue->capacity > KEPT)
        alert_queue_release(queue); /* after a burst */
}

void alert_queue_uncommitted(struct alert_queue *queue)
{
    queue->sent = 0;
}

void alert_queue_release(struct alert_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        free(queue->events[i].data);
    free(queue->events);
    *queue = (struct alert_queue){0};
}
