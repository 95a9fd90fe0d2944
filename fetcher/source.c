/* Which source a fetcher asks, at which addresses, with which key, and for what (fetcher.h). */
#include "fetcher.h"

#include <ctype.h>
#include <string.h>

#define KEY_MAX 256

static bool printable(const char *text)
{
    for (; *text; text++) {
        if (!isgraph((unsigned char)*text))
            return false;
    }
    return true;
}

static void check_key(const struct fetcher *fetcher, struct buf *error)
{
    const char *key = fetcher->options->api_key;
    if (fetcher->provider->needs_key && !*key)
        buf_text(error, "no API key: set ISOBAR_API_KEY, or ISOBAR_API_KEY_FILE to a file with the key");
    else if (strlen(key) > KEY_MAX || !printable(key))
        buf_text(error, "the API key in ISOBAR_API_KEY or ISOBAR_API_KEY_FILE has blanks, control characters or more "
                        "than 256 bytes");
}

static void choose_address(struct fetcher *fetcher, const char *name, const char *base, struct buf *out,
                           struct buf *error)
{
    struct buf reason = BUF_EMPTY;
    if (transfer_base_url(base, fetcher->options->allow_http, out, &reason) != 0)
        buf_printf(error, "%s: %s", name, reason.data);
    buf_release(&reason);
}

/* Whether the air is asked for, and where: at an address of its own, at the one that is given for all, or at its own.
 */
static void choose_air(struct fetcher *fetcher, struct buf *error)
{
    const struct fetcher_options *options = fetcher->options;
    const struct provider *provider = fetcher->provider;
    bool on = strcmp(options->air, "on") == 0;
    fetcher->air = on || (strcmp(options->air, "auto") == 0 && provider->air_by_default);
    if (on && provider->air_interval_ms == 0)
        buf_printf(error, "source %s has no air quality", provider->name);
    if (!fetcher->air || error->size)
        return;
    const char *base = *options->air_base_url                          ? options->air_base_url
                       : *options->base_url || !provider->air_base_url ? fetcher->base_url.data
                                                                       : provider->air_base_url;
    choose_address(fetcher, "air_base_url", base, &fetcher->air_base_url, error);
}

void fetcher_choose_source(struct fetcher *fetcher, struct buf *error)
{
    const struct fetcher_options *options = fetcher->options;
    struct buf reason = BUF_EMPTY;
    fetcher->provider = provider_find(options->source);
    if (!fetcher->provider) {
        buf_printf(error, "source '%s' is not one of ", options->source);
        provider_names(error);
        return;
    }
    const char *base = *options->base_url ? options->base_url : fetcher->provider->base_url;
    check_key(fetcher, error);
    if (error->size == 0 && !*base)
        buf_printf(error, "source %s needs --base-url", options->source);
    if (error->size == 0)
        choose_address(fetcher, "base_url", base, &fetcher->base_url, error);
    if (error->size == 0)
        choose_air(fetcher, error);
    if (error->size == 0 && netlist_parse(&fetcher->allowed, options->allow_net, &reason) != 0)
        buf_printf(error, "allow_net: %s", reason.data);
    transfer_allow_host(&fetcher->allowed, options->base_url);
    transfer_allow_host(&fetcher->allowed, options->air_base_url);
    buf_release(&reason);
}

bool fetcher_air_apart(const struct fetcher *fetcher)
{
    return fetcher->air && strcmp(fetcher->base_url.data, fetcher->air_base_url.data) != 0;
}
