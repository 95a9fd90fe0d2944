/* See curve.h. libzmq makes, derives and checks the keys; here are the files. */
#include "curve.h"

#include "allow.h"
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

/* The one key among the lines of `text`, into `key`; `text` is changed. */
static bool take_key(char *text, char *key)
{
    int keys = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        if (strncmp(line, "# ", 2) == 0)
            continue;
        line[strcspn(line, " \t")] = '\0';
        if (*line == '\0')
            continue;
        if (!curve_key_valid(line))
            return false;
        memcpy(key, line, CURVE_KEY_BYTES);
        keys++;
    }
    return keys == 1;
}

/* The key in a file; `secret` asks for a file of which others know nothing. */
static bool read_key(const char *path, char *key, bool secret, struct buf *error)
{
    char text[FILE_MAX_BYTES];
    unsigned open_to = 0;
    bool good = read_file(path, text, sizeof text, &open_to, error);
    if (good && !take_key(text, key)) {
        buf_printf(error, "%s: one line with a key as isobarctl keygen writes it wanted", path);
        good = false;
    }
    explicit_bzero(text, sizeof text);
    if (good && secret && open_to)
        log_warn("key_file_exposed", LOG_TEXT("file", path), LOG_TEXT("do", "chmod 600, for others may read it"));
    return good;
}

int curve_pair_read(const char *path, struct curve_pair *pair, struct buf *error)
{
    if (!read_key(path, pair->secret_key, true, error))
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

/* One item of --curve-server-key: a key, or a file with one. */
static bool take_server(struct curve_client *client, const char *item, struct buf *error)
{
    if (client->server_count == CURVE_SERVERS_MAX) {
        buf_printf(error, "curve_server_key: at most %d keys", CURVE_SERVERS_MAX);
        return false;
    }
    char *key = client->server_keys[client->server_count++];
    if (curve_key_valid(item)) {
        memcpy(key, item, CURVE_KEY_BYTES);
        return true;
    }
    if (!read_key(item, key, false, error))
        return false;
    if (strcmp(key, client->pair.public_key) != 0 && strcmp(key, client->pair.secret_key) != 0)
        return true;
    buf_printf(error, "curve_server_key: %s has this member's own key, the coordinators' public key is wanted", item);
    return false;
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
    explicit_bzero(client, sizeof *client);
    free(client);
}
