/* See delivery.h. */
#include "delivery.h"

#include "alert_event.h"
#include "hmac.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct store_reply *text_at(const struct store_reply *array, size_t at)
{
    bool there = array && array->type == STORE_ARRAY && at < array->count;
    return there && array->elements[at]->type == STORE_TEXT ? array->elements[at] : NULL;
}

bool delivery_take(struct delivery *delivery, int32_t partition, const struct store_reply *entry)
{
    char id[ALERT_ID_BYTES];
    struct alert_event event;
    const struct store_reply *name = text_at(entry, 0);
    *delivery = (struct delivery){.body = BUF_EMPTY};
    if (!name || name->size >= DELIVERY_ID_BYTES || entry->count != 2)
        return false;
    memcpy(delivery->id, name->text, name->size + 1);
    const struct store_reply *bytes = text_at(entry->elements[1], 1);
    if (!bytes || alert_event_decode(&event, bytes->text, bytes->size) != 0)
        return true;
    snprintf(delivery->event_id, sizeof delivery->event_id, "%s/%s", alert_event_id(&event, id),
             alert_change_name(event.change));
    alert_event_json(&event, partition, &delivery->body);
    return true;
}

void delivery_release(struct delivery *delivery)
{
    buf_release(&delivery->body);
}

void delivery_headers(const struct delivery *delivery, const char *secret, int64_t wall_ms,
                      struct buf headers[DELIVERY_HEADERS])
{
    struct buf signed_text = BUF_EMPTY;
    char code[HMAC_HEX_BYTES];
    for (int i = 0; i < DELIVERY_HEADERS; i++)
        buf_init(&headers[i]);
    buf_printf(&signed_text, "%" PRId64 ".", wall_ms / 1000);
    buf_append(&signed_text, delivery->body.data, delivery->body.size);
    buf_text(&headers[0], "Content-Type: application/json");
    buf_printf(&headers[1], "Isobar-Event-Id: %s", delivery->event_id);
    buf_printf(&headers[2], "Isobar-Timestamp: %" PRId64, wall_ms / 1000);
    buf_printf(&headers[3], "Isobar-Signature: sha256=%s",
               hmac_sha256_hex(secret, signed_text.data, signed_text.size, code));
    buf_release(&signed_text);
}

enum delivery_verdict delivery_judge(const struct transfer_result *result)
{
    int status = result->http_status;
    if (result->end != TRANSFER_ANSWERED || status == 408 || status == 429 || status >= 500)
        return DELIVERY_RETRY;
    return status >= 200 && status < 300 ? DELIVERY_DONE : DELIVERY_REFUSED;
}

int64_t delivery_wait_ms(struct jitter *jitter, int attempt, const struct transfer_result *result)
{
    int64_t wait = jitter_backoff_ms(jitter, attempt, DELIVERY_BASE_MS, DELIVERY_CAP_MS);
    int64_t after = result->retry_after_ms < DELIVERY_AFTER_MS ? result->retry_after_ms : DELIVERY_AFTER_MS;
    return wait > after ? wait : after;
}

bool delivery_next_id(const char *id, char out[DELIVERY_ID_BYTES])
{
    char *end = NULL;
    unsigned long long ms, number;
    if (*id < '0' || *id > '9')
        return false;
    ms = strtoull(id, &end, 10);
    if (*end != '-' || end[1] < '0' || end[1] > '9')
        return false;
    number = strtoull(end + 1, &end, 10);
    if (*end || number == UINT64_MAX)
        return false;
    snprintf(out, DELIVERY_ID_BYTES, "%llu-%llu", ms, number + 1);
    return true;
}
