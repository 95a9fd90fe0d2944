/* isobarctl cities: the catalogue of a running installation (cities.h). This file has the command and what verbs share.
 */
#include "cities.h"

#include "error.h"
#include "provision.h"
#include "shard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTION_OWNER struct cities_options
static const struct option_row rows[] = {CITIES_OPTIONS(OPTION_ROW)};

#define PATH_BYTES 4096

/* ---- installation ---- */

int cities_open(struct cities *cities)
{
    const struct cities_options *options = cities->options;
    return installation_open(&cities->context, options->redis_user, options->redis_password, &cities->installation);
}

int cities_open_to_change(struct cities *cities)
{
    int code = cities_open(cities);
    if (code == EXIT_CODE_OK)
        code = provision_lock(&cities->context, cities->nonce);
    if (code != EXIT_CODE_OK) {
        cities->nonce[0] = '\0';
        return code;
    }
    /* as it is under the lock */
    return installation_require(&cities->context, &cities->installation) == 0 ? EXIT_CODE_OK
                                                                              : cities->context.exit_code;
}

void cities_close(struct cities *cities)
{
    if (*cities->nonce)
        provision_unlock(&cities->context, cities->nonce);
    context_close(&cities->context);
}

int cities_count_all(struct cities *cities, int64_t *count)
{
    *count = 0;
    for (int32_t shard = 0; shard < cities->installation.partitions; shard++) {
        char key[CONTEXT_KEY_BYTES];
        struct store_reply *reply =
            CONTEXT_ASK(&cities->context, "HLEN", context_partition_key(&cities->context, shard, "cities", key));
        if (!reply)
            return cities->context.exit_code;
        *count += reply->integer;
        store_reply_free(reply);
    }
    return EXIT_CODE_OK;
}

int cities_check_limit(struct cities *cities, int64_t count, int64_t more)
{
    if (more == 0 || count + more <= cities->installation.city_max)
        return EXIT_CODE_OK;
    return context_fail(
        &cities->context, EXIT_CODE_REFUSED,
        "the installation has %" PRId64 " cities and may have %" PRId64 ", so %" PRId64 " more do not fit%s", count,
        cities->installation.city_max, more,
        cities->installation.city_max < INSTALLATION_CITIES_MAX ? ": isobarctl init --city-max raises that" : "");
}

int cities_read_entry(struct cities *cities, int64_t id, struct city_entry *entry, bool *there, bool *good)
{
    char key[CONTEXT_KEY_BYTES], field[24];
    int32_t partitions = cities->installation.partitions, shard = shard_of_city(id, partitions);
    snprintf(field, sizeof field, "%" PRId64, id);
    struct store_reply *reply =
        CONTEXT_ASK(&cities->context, "HGET", context_partition_key(&cities->context, shard, "cities", key), field);
    if (!reply)
        return cities->context.exit_code;
    *there = reply->type == STORE_TEXT;
    *good = *there && city_entry_decode(entry, reply, shard, partitions);
    store_reply_free(reply);
    return EXIT_CODE_OK;
}

/* ---- tables ---- */

int cities_read_table(struct cities *cities, const char *file, bool skip_bad, struct city_table *table)
{
    struct buf error = BUF_EMPTY;
    *table = (struct city_table){0};
    FILE *stream = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    if (!stream)
        return context_fail(&cities->context, EXIT_CODE_CONFIG, "%s: %s", file, strerror(errno));
    struct city_table_source source = {.name = file, .zoneinfo = cities->options->zoneinfo, .skip_bad = skip_bad};
    int status = city_table_read(table, stream, &source, &error), code = EXIT_CODE_OK;
    if (stream != stdin)
        fclose(stream);
    if (status == ERR_UNAVAILABLE)
        code = context_fail(&cities->context, EXIT_CODE_UNAVAILABLE, "%s", error.data);
    else if (status != 0)
        code = context_fail(&cities->context, EXIT_CODE_CONFIG, "nothing was changed\n%s", error.data);
    else if (table->skipped > 0)
        context_warn(&cities->context, "%zu row%s left out\n%s", table->skipped, table->skipped == 1 ? " is" : "s are",
                     error.data);
    buf_release(&error);
    return code;
}

/* Beside the program as it is installed, and as it is built. */
static bool find_known(char path[PATH_BYTES])
{
    static const char *const places[] = {"../share/isobar/cities.csv", "../../../data/cities.csv"};
    char program[PATH_BYTES];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    program[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(program, '/');
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        int length = snprintf(path, PATH_BYTES, "%.*s/%s", (int)(slash - program), program, places[i]);
        if (length < PATH_BYTES && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

int cities_read_known(struct cities *cities, struct city_list *known)
{
    char path[PATH_BYTES];
    struct city_table table;
    const char *file = cities->options->table;
    if (!*file && !find_known(path))
        return context_fail(&cities->context, EXIT_CODE_CONFIG,
                            "the table of known places, cities.csv, is not where it is installed: give --table FILE");
    int code = cities_read_table(cities, *file ? file : path, false, &table);
    if (code != EXIT_CODE_OK)
        return code;
    city_list_take(known, &table);
    city_list_sort(known);
    return EXIT_CODE_OK;
}

/* ---- the command ---- */

enum words { ONE_WORD, SOME_WORDS, MAYBE_A_WORD };

static const struct verb {
    const char *name;
    int (*run)(struct cities *cities, char *const *words);
    enum words words;
    const char *wanted;
} verbs[] = {
    {"add", cities_add, ONE_WORD, "an id"},
    {"remove", cities_remove, SOME_WORDS, "the id or name of a city, or several"},
    {"pause", cities_pause, SOME_WORDS, "the id or name of a city, or several"},
    {"resume", cities_resume, SOME_WORDS, "the id or name of a city, or several"},
    {"import", cities_import, ONE_WORD, "a file, or - for standard input"},
    {"search", cities_search, ONE_WORD, "a part of a name"},
    {"list", cities_list, MAYBE_A_WORD, "nothing, or a part of the names"},
};

static bool words_fit(enum words words, char *const *given)
{
    size_t count = 0;
    while (given[count])
        count++;
    switch (words) {
    case ONE_WORD:
        return count == 1;
    case SOME_WORDS:
        return count > 0;
    case MAYBE_A_WORD:
        return count < 2;
    }
    return false;
}

/* Options of another verb are a mistake that would otherwise go unseen. NULL, or the one that does not belong. */
static const char *misplaced(const struct cities_options *o, const char *verb)
{
    bool add = strcmp(verb, "add") == 0, search = strcmp(verb, "search") == 0, shows = search || !strcmp(verb, "list");
    if (!add &&
        (*o->name || *o->ascii_name || *o->latitude || *o->longitude || *o->zone || *o->elevation || *o->station))
        return "--name, --ascii-name, --latitude, --longitude, --zone, --elevation and --station are for add";
    if (!add && !shows && *o->country)
        return "--country is for add, list and search";
    if (!search && o->known)
        return "--known is for search";
    if (o->skip_bad && strcmp(verb, "import") != 0)
        return "--skip-bad is for import";
    if (!shows && (o->paused || o->limit))
        return "--paused and --limit are for list and search";
    return NULL;
}

static int dispatch(struct cities *cities, const char *name, char *const *words)
{
    const struct verb *verb = NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            verb = &verbs[i];
    }
    if (!verb)
        return context_fail(&cities->context, EXIT_CODE_USAGE,
                            "'%s': add, remove, pause, resume, import, search or list wanted", name);
    if (!words_fit(verb->words, words))
        return context_fail(&cities->context, EXIT_CODE_USAGE, "%s wants %s", name, verb->wanted);
    const char *mistake = misplaced(cities->options, name);
    if (mistake)
        return context_fail(&cities->context, EXIT_CODE_USAGE, "%s", mistake);
    return verb->run(cities, words);
}

static int run(const void *values, char *const *operands)
{
    const struct cities_options *options = values;
    struct cities cities = {.options = options, .context = CONTEXT_OF("cities", options)};
    int code = dispatch(&cities, operands[0], operands + 1);
    cities_close(&cities);
    return code;
}

const struct command command_cities = {
    .name = "cities",
    .summary = "adds, removes, pauses, imports, finds and lists cities while everything runs",
    .details =
        "add ID: a city by its GeoNames id, when the table of known places has it, or a place of your own with an id "
        "above\n"
        "1099511627776 (2^40) and --name, --latitude, --longitude, --zone and --country. A city that is there already "
        "is\n"
        "changed in what is given, and it is said what that was.\n"
        "remove CITY...: polls it no more; windows stay until their retention ends. pause, resume CITY...: polls it "
        "not, and again.\n"
        "import FILE: adds or changes all cities of a table (docs/cities.md), or none when a line is wrong; --skip-bad "
        "takes the others.\n"
        "search TEXT: the best first, with and without accents; --known in the table of known places. list [TEXT]: by "
        "id.\n"
        "A CITY is an id or a name (\"Bogota\", \"Portland,US\"). All takes effect within a second, and is in the "
        "audit "
        "stream.\n\n"
        "Exit codes: 0 done; 1 search found none; 2 usage, or no such city; 69 Redis is missing; 77 there are too many "
        "cities;\n"
        "78 the table is wrong: lines say where.",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .options_size = sizeof(struct cities_options),
    .operands = "add|remove|pause|resume|import|search|list [CITY|FILE|TEXT]",
    .operand_count = 1,
    .operands_more = CITIES_AT_ONCE,
    .run_operands = run,
};
