/* See transfer_internal.h: which addresses are connected to, what is taken of an answer, and how it is told. */
#include "transfer_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RETRY_AFTER_MAX_S (INT64_C(7) * 24 * 3600)

/* ---- what comes, and from where ---- */

curl_socket_t transfer_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = arg;
    const struct transfers *transfers = transfer->owner;
    const char *kind = net_kind(&address->addr);
    char text[NETLIST_TEXT_BYTES];
    (void)purpose;
    if (kind && !transfers->proxied && !netlist_has(&transfers->allowed, &address->addr)) {
        snprintf(transfer->refused, sizeof transfer->refused, "its name leads to %s, a %s address that is not allowed",
                 net_text(&address->addr, text), kind);
        return CURL_SOCKET_BAD;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    transfer->tried += fd >= 0;
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

/* The value of header `line` of `size` bytes when it is called `name`, which ends in a colon; NULL when it is not. */
static const char *header_value(const char *line, size_t size, const char *name, size_t *value_size)
{
    size_t at = strlen(name);
    if (size < at || strncasecmp(line, name, at) != 0)
        return NULL;
    while (at < size && isspace((unsigned char)line[at]))
        at++;
    while (size > at && isspace((unsigned char)line[size - 1]))
        size--;
    *value_size = size - at;
    return line + at;
}

/* True when the header is not there, or names one of the two encodings. */
static bool encoded_as(const char *line, size_t size, const char *name, const char *either, const char *other)
{
    size_t length;
    const char *value = header_value(line, size, name, &length);
    return !value || (length == strlen(either) && strncasecmp(value, either, length) == 0) ||
           (length == strlen(other) && strncasecmp(value, other, length) == 0);
}

/*
 * libcurl would undo any encoding that an answer names, and several in a row: one of a window of 128 MB (zstd), too.
 * Only what was asked for is taken; this comes before the first byte of the body.
 */
size_t transfer_header(char *line, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t got = size * count;
    transfer->header_bytes += got;
    transfer->too_large |= transfer->header_bytes > TRANSFER_HEADER_MAX;
    if (!encoded_as(line, got, "Content-Encoding:", "gzip", "identity") ||
        !encoded_as(line, got, "Transfer-Encoding:", "chunked", "identity"))
        transfer->encoding = "the answer has an encoding that was not asked for";
    return transfer->too_large || transfer->encoding ? 0 : got;
}

size_t transfer_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t got = size * count;
    if (transfer->posts) { /* nobody reads it, but what is read to the end keeps the connection */
        transfer->drained += got;
        transfer->enough = transfer->drained > TRANSFER_BODY_MAX;
        return transfer->enough ? 0 : got;
    }
    if (got > TRANSFER_BODY_MAX - transfer->body.size) {
        transfer->too_large = true;
        return 0;
    }
    buf_append(&transfer->body, bytes, got);
    return got;
}

/* ---- how it ended ---- */

static enum transfer_end end_of(const struct transfer *transfer, CURLcode code)
{
    if (transfer->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return TRANSFER_TOO_LARGE;
    if (*transfer->refused && transfer->tried == 0)
        return TRANSFER_REFUSED;
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY)
        return TRANSFER_NO_NAME;
    return code == CURLE_OPERATION_TIMEDOUT ? TRANSFER_TIMEOUT : TRANSFER_NETWORK;
}

static void describe_failure(const struct transfer *transfer, CURLcode code, struct transfer_result *result)
{
    /* libcurl's longer text names host and port. It has no query, but a URL it could not read would be quoted. */
    bool safe = transfer->error[0] && code != CURLE_URL_MALFORMAT && code != CURLE_UNSUPPORTED_PROTOCOL &&
                !strchr(transfer->error, '?');
    result->end = end_of(transfer, code);
    result->reason = safe ? transfer->error : curl_easy_strerror(code);
    if (result->end == TRANSFER_TOO_LARGE)
        result->reason = transfer->header_bytes > TRANSFER_HEADER_MAX ? "the headers have more than 64 KiB"
                                                                      : "the body has more than 1 MiB";
    else if (result->end == TRANSFER_REFUSED)
        result->reason = transfer->refused;
    else if (transfer->encoding)
        result->reason = transfer->encoding;
}

void transfer_describe(const struct transfer *transfer, CURLcode code, struct transfer_result *result)
{
    long status = 0;
    curl_off_t retry_after = 0, took = 0;
    *result = (struct transfer_result){
        .retry_after_ms = -1, .body = transfer->body.data, .size = transfer->body.size, .reason = ""};
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
    curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &took);
    result->http_status = (int)status;
    result->took_ms = took / 1000;
    if (retry_after > 0)
        result->retry_after_ms = (retry_after < RETRY_AFTER_MAX_S ? retry_after : RETRY_AFTER_MAX_S) * 1000;
    if (code != CURLE_OK && !transfer->enough)
        describe_failure(transfer, code, result);
}

const char *transfer_end_name(enum transfer_end end)
{
    static const char *const names[] = {[TRANSFER_ANSWERED] = "answered",      [TRANSFER_NETWORK] = "network",
                                        [TRANSFER_TIMEOUT] = "timeout",        [TRANSFER_TOO_LARGE] = "body_too_large",
                                        [TRANSFER_NO_NAME] = "name_not_found", [TRANSFER_REFUSED] = "address_refused"};
    return names[end];
}
