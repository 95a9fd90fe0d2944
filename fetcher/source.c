/* See source.h. */
#include "source.h"

#include "clock.h"
#include "duration.h"
#include "transfer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define KEY_MAX     256
#define TOGETHER_MS 5000 /* cities whose readings change at the same time are asked for in few calls */

/* ---- options that may name sources: `open-meteo=https://...,openweathermap=...` ---- */

/* The part of a comma-separated list up to the next comma. */
static size_t part_size(const char *text)
{
    return strcspn(text, ",");
}

/* The length of `name=` at the beginning of the text, when that is a provider's; else 0. */
static size_t named(const char *text, size_t size, const struct provider **provider)
{
    char name[SOURCE_NAME_BYTES];
    const char *equals = memchr(text, '=', size);
    size_t length = equals ? (size_t)(equals - text) : 0;
    if (length == 0 || length >= sizeof name)
        return 0;
    memcpy(name, text, length);
    name[length] = '\0';
    *provider = provider_find(name);
    return *provider ? length + 1 : 0;
}

/*
 * Appends what the option says of the source: the value that is given by its name, or the whole text, when that names
 * no source and there is but one. What is wrong goes into `error`.
 */
static void value_of(const struct source *source, int32_t count, const char *option, const char *text, struct buf *out,
                     struct buf *error)
{
    const struct provider *provider = NULL;
    if (named(text, part_size(text), &provider) == 0) {
        if (*text && count > 1)
            buf_printf(error, "%s: with several sources it must say of which: %s=...", option, source->provider->name);
        buf_text(out, text);
        return;
    }
    for (size_t size; *text; text += size + (text[size] == ',')) {
        size = part_size(text);
        size_t prefix = named(text, size, &provider);
        if (prefix == 0)
            buf_printf(error, "%s: every part must begin with the name of a source and '='", option);
        else if (provider == source->provider)
            buf_append(out, text + prefix, size - prefix);
    }
}

/* ---- what is asked, where and with which key ---- */

static bool printable(const char *text)
{
    for (; *text; text++) {
        if (!isgraph((unsigned char)*text))
            return false;
    }
    return true;
}

/* `keyed` sources need a key. */
static void choose_key(struct source *source, int32_t keyed, const struct fetcher_options *options, struct buf *error)
{
    if (!source->provider->needs_key)
        return;
    value_of(source, keyed, "api_key", options->api_key, &source->key, error);
    if (error->size)
        return;
    if (source->key.size == 0)
        buf_text(error, "no API key: set ISOBAR_API_KEY, or ISOBAR_API_KEY_FILE to a file with the key");
    else if (source->key.size > KEY_MAX || !printable(source->key.data))
        buf_text(error, "the API key in ISOBAR_API_KEY or ISOBAR_API_KEY_FILE has blanks, control characters or more "
                        "than 256 bytes");
}

static void choose_address(const struct fetcher_options *options, const char *name, const char *base, struct buf *out,
                           struct buf *error)
{
    struct buf reason = BUF_EMPTY;
    if (transfer_base_url(base, options->allow_http, out, &reason) != 0)
        buf_printf(error, "%s: %s", name, reason.data);
    buf_release(&reason);
}

static void choose_base(struct source *source, int32_t count, const struct fetcher_options *options, struct buf *given,
                        struct buf *error)
{
    value_of(source, count, "base_url", options->base_url, given, error);
    const char *base = given->size ? given->data : source->provider->base_url;
    if (error->size == 0 && !*base)
        buf_printf(error, "source %s needs --base-url", source->provider->name);
    if (error->size == 0)
        choose_address(options, "base_url", base, &source->base_url, error);
}

/* Where the air is asked for: at an address of its own, at the one that is given for all, or at the provider's own. */
static void choose_air(struct source *source, int32_t count, const struct fetcher_options *options,
                       const struct buf *given, struct netlist *allowed, struct buf *error)
{
    const struct provider *provider = source->provider;
    struct buf own = BUF_EMPTY;
    bool on = strcmp(options->air, "on") == 0;
    source->air = provider->air_interval_ms &&
                  (on || (strcmp(options->air, "auto") == 0 && provider->air_by_default && source->index == 0));
    if (source->air && error->size == 0)
        value_of(source, count, "air_base_url", options->air_base_url, &own, error);
    const char *base = own.size                                 ? own.data
                       : given->size || !provider->air_base_url ? source->base_url.data
                                                                : provider->air_base_url;
    if (source->air && error->size == 0)
        choose_address(options, "air_base_url", base, &source->air_base_url, error);
    transfer_allow_host(allowed, own.data);
    buf_release(&own);
}

static void choose(struct source *source, int32_t count, int32_t keyed, const struct fetcher_options *options,
                   struct netlist *allowed, struct buf *error)
{
    struct buf given = BUF_EMPTY;
    choose_key(source, keyed, options, error);
    if (error->size == 0)
        choose_base(source, count, options, &given, error);
    choose_air(source, count, options, &given, allowed, error);
    transfer_allow_host(allowed, given.data);
    buf_release(&given);
}

/* Takes the providers of the list; how many there are. */
static int32_t take_names(struct source sources[SOURCES_MAX], const char *text, struct buf *error)
{
    int32_t count = 0;
    for (size_t size; error->size == 0; text += size + 1) {
        char name[SOURCE_NAME_BYTES];
        size = part_size(text);
        snprintf(name, sizeof name, "%.*s", size < sizeof name ? (int)size : 0, text);
        const struct provider *provider = provider_find(name);
        for (int32_t i = 0; i < count; i++) {
            if (sources[i].provider == provider)
                buf_printf(error, "source '%s' is named twice", name);
        }
        if (!provider) {
            buf_printf(error, "source '%.*s' is not one of ", size < 60 ? (int)size : 60, text);
            provider_names(error);
        } else if (count == SOURCES_MAX) {
            buf_printf(error, "source: more than %d", SOURCES_MAX);
        } else if (error->size == 0) {
            sources[count].index = count;
            sources[count++].provider = provider;
        }
        if (text[size] == '\0')
            break;
    }
    return error->size ? 0 : count;
}

int32_t sources_choose(struct source sources[SOURCES_MAX], const struct fetcher_options *options,
                       struct netlist *allowed, struct buf *error)
{
    int32_t count = take_names(sources, options->source, error), keyed = 0;
    bool air = false;
    for (int32_t i = 0; i < SOURCES_MAX; i++) {
        buf_init(&sources[i].key);
        buf_init(&sources[i].base_url);
        buf_init(&sources[i].air_base_url);
    }
    for (int32_t i = 0; i < count; i++)
        keyed += sources[i].provider->needs_key;
    for (int32_t i = 0; i < count && error->size == 0; i++) {
        choose(&sources[i], count, keyed, options, allowed, error);
        air |= sources[i].air;
    }
    if (error->size == 0 && !air && strcmp(options->air, "on") == 0)
        buf_printf(error, "source %s has no air quality", options->source);
    return error->size ? 0 : count;
}

/* ---- the clockwork ---- */

static void start_schedules(struct source *source, const struct fetcher_options *options)
{
    const struct provider *provider = source->provider;
    int64_t own = provider->interval_ms, interval = options->interval_s ? options->interval_s * 1000 : own;
    int64_t epoch = clock_wall_ms() - clock_monotonic_ms();
    struct schedule *weather = &source->schedules[PRODUCT_WEATHER], *air = &source->schedules[PRODUCT_AIR];
    if (interval < own)
        log_warn("interval_short", LOG_TEXT("source", provider->name), LOG_INT("interval_s", interval / 1000),
                 LOG_INT("source_s", own / 1000),
                 LOG_TEXT("meaning", "the source has nothing new that often; calls are wasted"));
    schedule_init(weather, interval, epoch, 0);
    schedule_init(air, provider->air_interval_ms, epoch, 0);
    if (strcmp(options->rhythm, "on") == 0) {
        int64_t together = provider->places_max > 1 ? TOGETHER_MS : 0;
        schedule_follow(weather, own, together);
        schedule_follow(air, provider->air_interval_ms, together);
    }
}

void source_start(struct source *source, const struct fetcher_options *options, int64_t now_ms)
{
    const struct provider *provider = source->provider;
    int64_t hours = options->history_hours >= 0 ? options->history_hours : provider->history_hours;
    source->concurrency = provider->concurrency_max && provider->concurrency_max < options->concurrency
                              ? provider->concurrency_max
                              : options->concurrency;
    source->history_ms = provider->history_hours ? hours * DURATION_HOUR : 0;
    start_schedules(source, options);
    gate_init(&source->gate, 0);
    gate_init(&source->air_gate, 0);
    meter_init(&source->meter, now_ms);
    log_info("source", LOG_TEXT("name", provider->name), LOG_TEXT("base_url", source->base_url.data),
             LOG_INT("interval_s", source->schedules[PRODUCT_WEATHER].interval_ms / 1000),
             LOG_INT("history_hours", source->history_ms / DURATION_HOUR),
             LOG_INT("air_interval_s", source->air ? provider->air_interval_ms / 1000 : 0));
}

void source_end(struct source *source)
{
    if (source->key.data)
        explicit_bzero(source->key.data, source->key.size);
    for (enum product p = 0; p < PRODUCTS; p++)
        schedule_release(&source->schedules[p]);
    buf_release(&source->key);
    buf_release(&source->base_url);
    buf_release(&source->air_base_url);
}

const char *source_name(const struct source *source, enum product product, char out[SOURCE_NAME_BYTES])
{
    snprintf(out, SOURCE_NAME_BYTES, "%s%s", source->provider->name, product == PRODUCT_AIR ? "-air" : "");
    return out;
}

bool source_air_apart(const struct source *source)
{
    return source->air && strcmp(source->base_url.data, source->air_base_url.data) != 0;
}

struct schedule *source_schedule(struct source *source, enum fetch_call kind)
{
    return &source->schedules[product_of(kind)];
}

/* Stopped for half the time after which a city is due again, or sure to be: then others are asked meanwhile. */
static bool stopped_for_long(const struct source *source, int64_t now_ms)
{
    int64_t most = source->schedules[PRODUCT_WEATHER].interval_ms / 2;
    return source->gate.state == GATE_KEY_REFUSED || now_ms - source->closed_ms >= most ||
           source->gate.until_ms - now_ms >= most;
}

int64_t source_open_ms(struct source *source, int64_t open_ms, int64_t now_ms)
{
    if (source->gate.state == GATE_OPEN) {
        source->closed_ms = 0;
        return open_ms == FAILOVER_SHUT ? now_ms : open_ms;
    }
    source->closed_ms = source->closed_ms ? source->closed_ms : now_ms;
    return stopped_for_long(source, now_ms) ? FAILOVER_SHUT : open_ms;
}
