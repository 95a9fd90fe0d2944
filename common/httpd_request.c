/* Requests of the HTTP server and their answers (httpd.h). */
#include "httpd_internal.h"

#include "mem.h"
#include "text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct httpd_request *httpd_request_new(struct httpd *httpd, struct MHD_Connection *connection, const char *path,
                                        const char *method, const char *version)
{
    struct httpd_request *request = mem_alloc(sizeof *request);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->httpd = httpd;
    request->connection = connection;
    request->peer = info ? info->socket_context : NULL;
    request->path = mem_strdup(path);
    request->method = mem_strdup(method);
    request->chunked = strcmp(version, MHD_HTTP_VERSION_1_0) != 0;
    buf_init(&request->body);
    return request;
}

void httpd_request_free(struct httpd_request *request)
{
    if (request->stream)
        httpd_stream_free(request->stream);
    if (request->response)
        MHD_destroy_response(request->response);
    for (size_t i = 0; i < request->header_count; i++) {
        free(request->names[i]);
        free(request->contents[i]);
    }
    buf_release(&request->body);
    free(request->path);
    free(request->method);
    free(request);
}

const char *httpd_method(const struct httpd_request *request)
{
    return request->method;
}

const char *httpd_path(const struct httpd_request *request)
{
    return request->path;
}

const char *httpd_query(const struct httpd_request *request, const char *key)
{
    const char *value = NULL;
    size_t size = 0;
    if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, key, strlen(key), &value, &size) !=
        MHD_YES)
        return NULL;
    return value ? value : "";
}

const char *httpd_header(const struct httpd_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

struct lines {
    const char *name, *last;
    int count;
};

static enum MHD_Result take_line(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_size,
                                 const char *value, size_t size)
{
    struct lines *lines = arg;
    (void)kind;
    (void)size;
    if (name_size != strlen(lines->name) || strncasecmp(name, lines->name, name_size) != 0)
        return MHD_YES;
    lines->last = value ? value : "";
    lines->count++;
    return MHD_YES;
}

const char *httpd_header_last(const struct httpd_request *request, const char *name, int *count)
{
    struct lines lines = {.name = name};
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, take_line, &lines);
    *count = lines.count;
    return lines.last;
}

const char *httpd_body(const struct httpd_request *request, size_t *size)
{
    *size = request->body.size;
    return request->body.data;
}

const struct sockaddr *httpd_peer_address(const struct httpd_request *request)
{
    static const struct sockaddr unknown = {.sa_family = AF_UNSPEC};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info && info->client_addr ? info->client_addr : &unknown;
}

/* The weight of one item of Accept-Encoding ("gzip;q=0.5", RFC 9110 12.4.2), 1 when it gives none. */
static double weight_of(const char *item, size_t size)
{
    for (const char *p = memchr(item, ';', size); p; p = memchr(p, ';', size - (size_t)(p - item))) {
        p += 1 + strspn(p + 1, " \t");
        if (strncasecmp(p, "q=", 2) == 0)
            return strtod(p + 2, NULL);
    }
    return 1;
}

bool httpd_accepts_gzip(const struct httpd_request *request)
{
    const char *accept = httpd_header(request, "Accept-Encoding");
    double any = 0;
    for (const char *item = accept ? accept : ""; *item;) {
        item += strspn(item, " \t,");
        size_t size = strcspn(item, ","), name = strcspn(item, " \t,;");
        if ((name == 4 && strncasecmp(item, "gzip", 4) == 0) || (name == 6 && strncasecmp(item, "x-gzip", 6) == 0))
            return weight_of(item, size) > 0;
        if (name == 1 && *item == '*')
            any = weight_of(item, size);
        item += size;
    }
    return any > 0;
}

void httpd_reply_header(struct httpd_request *request, const char *name, const char *value)
{
    assert(request->header_count < HTTPD_HEADERS_MAX);
    request->names[request->header_count] = mem_strdup(name);
    request->contents[request->header_count++] = mem_strdup(value);
}

void httpd_request_answer(struct httpd_request *request, int status, const char *content_type,
                          struct MHD_Response *response)
{
    assert(!request->answered && response);
    request->answered = true;
    request->status = status;
    request->response = response;
    if (content_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    for (size_t i = 0; i < request->header_count; i++)
        MHD_add_response_header(response, request->names[i], request->contents[i]);
    if (request->deferred) {
        MHD_resume_connection(request->connection);
        httpd_want_run(request->httpd);
    }
}

void httpd_reply(struct httpd_request *request, int status, const char *content_type, const void *bytes, size_t size)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY);
    httpd_request_answer(request, status, content_type, response);
}

void httpd_reply_static(struct httpd_request *request, int status, const char *content_type, const void *bytes,
                        size_t size)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);
    httpd_request_answer(request, status, content_type, response);
}

void httpd_reply_problem(struct httpd_request *request, int status, const char *title, const char *detail)
{
    struct buf out = BUF_EMPTY;
    buf_text(&out, "{\"type\":\"about:blank\",\"title\":");
    text_json(&out, title);
    buf_printf(&out, ",\"status\":%d,\"detail\":", status);
    text_json(&out, detail);
    buf_text(&out, "}\n");
    httpd_reply(request, status, "application/problem+json", out.data, out.size);
    buf_release(&out);
}

void httpd_defer(struct httpd_request *request)
{
    assert(!request->answered && !request->deferred);
    request->deferred = true;
    MHD_suspend_connection(request->connection);
}

enum MHD_Result httpd_request_queue(struct httpd_request *request)
{
    struct MHD_Response *response = request->response;
    request->response = NULL;
    enum MHD_Result result = MHD_queue_response(request->connection, (unsigned)request->status, response);
    MHD_destroy_response(response);
    return result;
}
