/* See problem.h. */
#include "problem.h"

#include "text.h"

void problem_reply(struct dashboard_metrics *metrics, struct httpd_request *request, int status, const char *title,
                   const char *detail)
{
    problem_reply_field(metrics, request, status, title, detail, NULL);
}

void problem_reply_field(struct dashboard_metrics *metrics, struct httpd_request *request, int status,
                         const char *title, const char *detail, const char *field)
{
    struct buf out = BUF_EMPTY;
    metrics->errors_total++;
    httpd_reply_header(request, "Cache-Control", "no-store");
    if (status == 503)
        httpd_reply_header(request, "Retry-After", "2");
    buf_text(&out, "{\"type\":\"about:blank\",\"title\":");
    text_json(&out, title);
    buf_printf(&out, ",\"status\":%d,\"detail\":", status);
    text_json(&out, detail);
    if (field) {
        buf_text(&out, ",\"field\":");
        text_json(&out, field);
    }
    buf_text(&out, "}\n");
    httpd_reply(request, status, "application/problem+json", out.data, out.size);
    buf_release(&out);
}
