/* See curve.h. libzmq makes, derives and checks the keys; here are the files. */
#include "curve.h"

#include "allow.h"
#include "clock.h"
#include "error.h"
#include "log.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define RAW_BYTES      32
#define FILE_MAX_BYTES 4096

bool curve_key_valid(const char *key)
{
    uint8_t raw[RAW_BYTES];
    static const char z85[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    /* The characters are looked at first: older versions of libzmq read beyond their table. */
    bool valid = strlen(key) == CURVE_KEY_BYTES - 1 && strspn(key, z85) == CURVE_KEY_BYTES - 1 &&
                 zmq_z85_decode(raw, key) != NULL;
    explicit_bzero(raw, sizeof raw);
    return valid;
}

int curve_pair_make(struct curve_pair *pair)
{
    return zmq_curve_keypair(pair->public_key, pair->secret_key) == 0 ? 0 : ERR_UNSUPPORTED;
}

/* ---- files ---- */

/* The first bytes of the file; false with text in `error`. `open_to` are the bits of its mode for others. */
static bool read_file(const char *path, char *out, size_t size, unsigned *open_to, struct buf *error)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t used = fd >= 0 && fstat(fd, &status) == 0 ? read(fd, out, size - 1) : -1;
    if (used < 0)
        buf_printf(error, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        buf_printf(error, "%s is no file", path);
    if (fd >= 0)
        (void)close(fd);
    out[used > 0 ? used : 0] = '\0';
    *open_to = used >= 0 ? (unsigned)status.st_mode & 077u : 0;
    return used >= 0 && S_ISREG(status.st_mode);
}

/* The keys among the lines of `text`, at most `most`, into `keys`; `text` is changed. Their number, 0 when it is none.
 */
static size_t take_keys(char *text, char (*keys)[CURVE_KEY_BYTES], size_t most)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        if (strncmp(line, "# ", 2) == 0)
            continue;
        line[strcspn(line, " \t")] = '\0';
        if (*line == '\0')
            continue;
        if (!curve_key_valid(line) || count == most)
            return 0;
        memcpy(keys[count++], line, CURVE_KEY_BYTES);
    }
    return count;
}

/* The secret key in a file of which others know nothing. */
static bool read_secret(const char *path, char (*key)[CURVE_KEY_BYTES], struct buf *error)
{
    char text[FILE_MAX_BYTES];
    unsigned open_to = 0;
    bool good = read_file(path, text, sizeof text, &open_to, error);
    if (good && take_keys(text, key, 1) == 0) {
        buf_printf(error, "%s: one line with a key as isobarctl keygen writes it wanted", path);
        good = false;
    }
    explicit_bzero(text, sizeof text);
    if (good && open_to)
        log_warn("key_file_exposed", LOG_TEXT("file", path), LOG_TEXT("do", "chmod 600, for others may read it"));
    return good;
}

int curve_pair_read(const char *path, struct curve_pair *pair, struct buf *error)
{
    if (!read_secret(path, &pair->secret_key, error))
        return ERR_INVALID;
    if (zmq_curve_public(pair->public_key, pair->secret_key) == 0)
        return 0;
    buf_printf(error, "%s: libzmq was built without CURVE", path);
    return ERR_INVALID;
}

/* ---- the two sides ---- */

bool curve_server_read(const char *key_file, const char *allow_file, struct curve_server **server, struct buf *error)
{
    *server = NULL;
    if (!*key_file && !*allow_file)
        return true;
    if (!*key_file || !*allow_file) {
        buf_text(error, "curve_key_file and curve_allow_file go together: a key without a list would let nobody in");
        return false;
    }
    struct curve_server *made = mem_alloc(sizeof *made);
    if (curve_pair_read(key_file, &made->pair, error) == 0)
        made->allow = allow_read(allow_file, error);
    if (made->allow) {
        *server = made;
        return true;
    }
    curve_server_free(made);
    return false;
}

void curve_server_free(struct curve_server *server)
{
    if (!server)
        return;
    allow_free(server->allow);
    explicit_bzero(server, sizeof *server);
    free(server);
}

/* The public keys in keys->file. A member's own is a mistake, and its secret one would be sent nowhere, but shown. */
static bool read_servers(const struct curve_client *client, struct curve_keys *keys, struct buf *error)
{
    char text[FILE_MAX_BYTES];
    unsigned open_to = 0;
    bool good = read_file(keys->file, text, sizeof text, &open_to, error);
    keys->count = good ? take_keys(text, keys->list, CURVE_TURNS_MAX) : 0;
    if (good && keys->count == 0)
        buf_printf(error, "%s: one to %d lines with a key as isobarctl keygen writes it wanted", keys->file,
                   CURVE_TURNS_MAX);
    explicit_bzero(text, sizeof text);
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->list[i], client->pair.public_key) != 0 && strcmp(keys->list[i], client->pair.secret_key) != 0)
            continue;
        buf_printf(error, "curve_server_key: %s has this member's own key, the coordinators' public key is wanted",
                   keys->file);
        return false;
    }
    return keys->count > 0;
}

/* One item of --curve-server-key: a key, or a file. */
static bool take_server(struct curve_client *client, const char *item, struct buf *error)
{
    if (client->server_count == CURVE_SERVERS_MAX) {
        buf_printf(error, "curve_server_key: at most %d keys", CURVE_SERVERS_MAX);
        return false;
    }
    struct curve_keys *keys = &client->servers[client->server_count++];
    if (curve_key_valid(item)) {
        memcpy(keys->list[0], item, CURVE_KEY_BYTES);
        keys->count = 1;
        return true;
    }
    keys->file = mem_strdup(item);
    return read_servers(client, keys, error);
}

bool curve_client_refresh(struct curve_client *client)
{
    static struct log_limit limit;
    bool changed = false;
    for (size_t i = 0; i < client->server_count; i++) {
        struct curve_keys *keys = &client->servers[i], now = {.file = keys->file};
        struct buf error = BUF_EMPTY;
        if (!now.file)
            continue;
        if (!read_servers(client, &now, &error)) {
            if (log_limit_pass(&limit, clock_monotonic_ms(), 60000, NULL))
                log_warn("server_key_bad", LOG_TEXT("reason", error.data),
                         LOG_TEXT("meaning", "the keys that were read before stay"));
        } else if (now.count != keys->count || memcmp(now.list, keys->list, sizeof now.list) != 0) {
            *keys = now;
            changed = true;
            log_info("server_keys_read", LOG_TEXT("file", keys->file), LOG_INT("keys", keys->count));
        }
        buf_release(&error);
    }
    return changed;
}

bool curve_client_read(const char *key_file, const char *server_keys, struct curve_client **client, struct buf *error)
{
    *client = NULL;
    if (!*key_file && !*server_keys)
        return true;
    if (!*key_file || !*server_keys) {
        buf_text(error, "curve_key_file and curve_server_key go together");
        return false;
    }
    struct curve_client *made = mem_alloc(sizeof *made);
    bool good = curve_pair_read(key_file, &made->pair, error) == 0;
    char *list = mem_strdup(server_keys), *rest = NULL;
    for (char *item = strtok_r(list, ",", &rest); good && item; item = strtok_r(NULL, ",", &rest))
        good = take_server(made, item + strspn(item, " "), error);
    free(list);
    if (good && made->server_count == 0)
        buf_text(error, "curve_server_key: a public key or a file with one wanted");
    if (good && made->server_count > 0) {
        *client = made;
        return true;
    }
    curve_client_free(made);
    return false;
}

void curve_client_free(struct curve_client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < client->server_count; i++)
        free(client->servers[i].file);
    explicit_bzero(client, sizeof *client);
    free(client);
}
