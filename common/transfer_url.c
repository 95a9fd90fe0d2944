/* The URLs of transfer.h: which of them are taken. libcurl's parser reads them, as it will when they are called. */
#include "error.h"
#include "transfer.h"

#include <curl/curl.h>
#include <string.h>

/* What is wrong with a parsed URL; NULL when nothing is. A base URL may have no query. */
static const char *url_problem(CURLU *url, bool allow_http, bool is_base)
{
    char *scheme = NULL, *part = NULL;
    const char *problem = NULL;
    const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_FRAGMENT, is_base ? CURLUPART_QUERY : CURLUPART_USER};
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        problem = "it has no scheme";
    else if (strcmp(scheme, "http") == 0 && !allow_http)
        problem = is_base ? "only https is allowed; give --allow-http for a server of your own"
                          : "only https is allowed, unless --insecure is given";
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        problem = "want https://host[:port]";
    curl_free(scheme);
    for (size_t i = 0; !problem && i < sizeof unwanted / sizeof *unwanted; i++) {
        if (curl_url_get(url, unwanted[i], &part, 0) == CURLUE_OK)
            problem = is_base ? "it may have no user, query or fragment" : "it may have no user or fragment";
        curl_free(part);
        part = NULL;
    }
    return problem;
}

static const char *text_problem(const char *text, bool allow_http, bool is_base)
{
    CURLU *url = curl_url();
    const char *problem = "want https://host[:port]";
    if (url && curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        problem = url_problem(url, allow_http, is_base);
    if (!problem && is_base && strpbrk(text, "?#")) /* an empty one is none to libcurl, and takes in what is appended */
        problem = "it may have no user, query or fragment";
    curl_url_cleanup(url);
    return problem;
}

void transfer_allow_host(struct netlist *allowed, const char *text)
{
    CURLU *url = curl_url();
    char *host = NULL;
    if (url && curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        netlist_add_host(allowed, host);
    curl_free(host);
    curl_url_cleanup(url);
}

int transfer_base_url(const char *text, bool allow_http, struct buf *out, struct buf *error)
{
    const char *problem = text_problem(text, allow_http, true);
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == '/')
        size--;
    buf_append(problem ? error : out, problem ? problem : text, problem ? strlen(problem) : size);
    return problem ? ERR_INVALID : 0;
}

int transfer_check_url(const char *text, bool allow_http, struct buf *error)
{
    const char *problem = text_problem(text, allow_http, false);
    buf_text(error, problem ? problem : "");
    return problem ? ERR_INVALID : 0;
}
