/* See zap.h. One request, one answer, in the order of RFC 27: a REP socket keeps that by itself. */
#include "zap.h"

#include "allow.h"
#include "log.h"
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define ENDPOINT     "inproc://zeromq.zap.01"
#define VERSION      "1.0"
#define FRAMES       7 /* version, request id, domain, address, identity, mechanism, credentials */
#define KEY_BYTES    32
#define ID_BYTES     255
#define ADDRESS_MAX  64
#define SAY_EVERY_MS 5000

struct zap {
    struct loop *loop;
    const struct curve_server *server;
    void *socket;
    struct loop_fd *source;
    struct log_limit limit;
    int64_t refused;
};

struct request {
    size_t frames;
    char version[8], domain[32], address[ADDRESS_MAX], mechanism[16];
    unsigned char id[ID_BYTES], key[KEY_BYTES];
    size_t id_size, key_size;
};

/* ---- the request ---- */

static void take_text(const zmq_msg_t *frame, char *out, size_t size)
{
    size_t used = zmq_msg_size(frame) < size ? zmq_msg_size(frame) : 0; /* what is too long matches nothing */
    memcpy(out, zmq_msg_data((zmq_msg_t *)frame), used);
    out[used] = '\0';
}

static size_t take_bytes(const zmq_msg_t *frame, unsigned char *out, size_t size)
{
    if (zmq_msg_size(frame) > size)
        return 0;
    memcpy(out, zmq_msg_data((zmq_msg_t *)frame), zmq_msg_size(frame));
    return zmq_msg_size(frame);
}

static void take_frame(struct request *request, const zmq_msg_t *frame)
{
    switch (request->frames++) {
    case 0:
        take_text(frame, request->version, sizeof request->version);
        break;
    case 1:
        request->id_size = take_bytes(frame, request->id, sizeof request->id);
        break;
    case 2:
        take_text(frame, request->domain, sizeof request->domain);
        break;
    case 3:
        take_text(frame, request->address, sizeof request->address);
        break;
    case 5:
        take_text(frame, request->mechanism, sizeof request->mechanism);
        break;
    case 6:
        request->key_size = take_bytes(frame, request->key, sizeof request->key);
        break;
    default:
        break;
    }
}

/* False when there is none. */
static bool receive(struct zap *zap, struct request *request)
{
    bool more = true;
    *request = (struct request){.frames = 0};
    while (more) {
        zmq_msg_t frame;
        int result;
        (void)zmq_msg_init(&frame);
        do
            result = zmq_msg_recv(&frame, zap->socket, ZMQ_DONTWAIT);
        while (result < 0 && errno == EINTR);
        if (result >= 0)
            take_frame(request, &frame);
        more = result >= 0 && zmq_msg_more(&frame) != 0;
        (void)zmq_msg_close(&frame);
        if (result < 0)
            return false;
    }
    return true;
}

/* ---- the answer ---- */

static const struct allow_entry *judge(struct zap *zap, const struct request *request)
{
    char key[CURVE_KEY_BYTES] = "";
    if (request->frames != FRAMES || strcmp(request->version, VERSION) != 0 ||
        strcmp(request->domain, ZAP_DOMAIN) != 0 || strcmp(request->mechanism, "CURVE") != 0 ||
        request->key_size != KEY_BYTES)
        return NULL;
    (void)zmq_z85_encode(key, request->key, KEY_BYTES);
    const struct allow_entry *entry = allow_find(zap->server->allow, key);
    if (!entry && log_limit_pass(&zap->limit, loop_now_ms(zap->loop), SAY_EVERY_MS, NULL))
        log_warn("key_refused", LOG_TEXT("address", request->address), LOG_TEXT("key", key),
                 LOG_TEXT("reason", "it is not in the allow file"));
    return entry;
}

static void send(const struct zap *zap, const void *bytes, size_t size, bool more)
{
    int result;
    do
        result = zmq_send(zap->socket, bytes, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
    while (result < 0 && errno == EINTR);
    /* Who asked may be gone; then nobody misses the answer. */
}

/* One property as ZMTP has it: length and name, length and value. */
static size_t property(const char *name, const char *value, unsigned char *out)
{
    size_t name_size = strlen(name), size = strlen(value);
    out[0] = (unsigned char)name_size;
    memcpy(out + 1, name, name_size);
    memcpy(out + 1 + name_size, (const unsigned char[]){0, 0, 0, (unsigned char)size}, 4);
    memcpy(out + 1 + name_size + 4, value, size);
    return 1 + name_size + 4 + size;
}

static void answer(struct zap *zap, const struct request *request)
{
    const struct allow_entry *entry = judge(zap, request);
    unsigned char properties[1 + sizeof ZAP_KEY_PROPERTY + 4 + CURVE_KEY_BYTES];
    zap->refused += entry == NULL;
    send(zap, VERSION, strlen(VERSION), true);
    send(zap, request->id, request->id_size, true);
    send(zap, entry ? "200" : "400", 3, true);
    send(zap, entry ? "OK" : "No access", entry ? 2 : 9, true);
    send(zap, entry ? entry->member : "", entry ? strlen(entry->member) : 0, true);
    send(zap, properties, entry ? property(ZAP_KEY_PROPERTY, entry->key, properties) : 0, false);
}

/* The descriptor tells only once: all that is there is answered. */
static void on_readable(void *arg, unsigned events)
{
    struct zap *zap = arg;
    struct request request;
    (void)events;
    while (receive(zap, &request))
        answer(zap, &request);
}

/* ---- life ---- */

struct zap *zap_new(struct loop *loop, void *context, const struct curve_server *server)
{
    struct zap *zap = mem_alloc(sizeof *zap);
    int fd, zero = 0;
    size_t size = sizeof fd;
    zap->loop = loop;
    zap->server = server;
    zap->socket = zmq_socket(context, ZMQ_REP);
    if (zap->socket && zmq_setsockopt(zap->socket, ZMQ_LINGER, &zero, sizeof zero) == 0 &&
        zmq_bind(zap->socket, ENDPOINT) == 0 && zmq_getsockopt(zap->socket, ZMQ_FD, &fd, &size) == 0)
        zap->source = loop_fd_add(loop, fd, LOOP_READ, on_readable, zap);
    if (zap->source)
        return zap;
    int saved_errno = errno;
    zap_free(zap);
    errno = saved_errno;
    return NULL;
}

void zap_free(struct zap *zap)
{
    if (!zap)
        return;
    loop_fd_remove(zap->source);
    if (zap->socket)
        (void)zmq_close(zap->socket);
    free(zap);
}

int64_t zap_refused(const struct zap *zap)
{
    return zap->refused;
}
