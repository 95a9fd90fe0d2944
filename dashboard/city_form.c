/* See city_form.h. */
#include "city_form.h"

#include "../ctl/cities.h"
#include "../ctl/city_table.h"
#include "error.h"
#include "hmac.h"
#include "text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *option;
} fields[CITY_FORM_FIELDS] = {
    [CITY_FORM_ID] = {"id", "id"},
    [CITY_FORM_NAME] = {"name", "name"},
    [CITY_FORM_ASCII_NAME] = {"ascii_name", "ascii-name"},
    [CITY_FORM_COUNTRY] = {"country", "country"},
    [CITY_FORM_LAT] = {"lat", "latitude"},
    [CITY_FORM_LON] = {"lon", "longitude"},
    [CITY_FORM_ELEVATION] = {"elevation_m", "elevation"},
    [CITY_FORM_ZONE] = {"zone", "zone"},
    [CITY_FORM_STATION] = {"station", "station"},
};

const char *city_form_name(enum city_form_field field)
{
    return fields[field].name;
}

const char *city_form_field_of(const char *option)
{
    for (size_t i = 0; option && i < CITY_FORM_FIELDS; i++) {
        if (strcmp(fields[i].option, option) == 0)
            return fields[i].name;
    }
    return NULL;
}

/* A number as an operator would type it: without exponent and closing zeros. */
static void number_text(double value, char out[CITY_FORM_TEXT_BYTES])
{
    int size = snprintf(out, CITY_FORM_TEXT_BYTES, "%.9f", value);
    if (size <= 0 || size >= CITY_FORM_TEXT_BYTES) {
        snprintf(out, CITY_FORM_TEXT_BYTES, "?"); /* out of any range */
        return;
    }
    while (out[size - 1] == '0')
        out[--size] = '\0';
    if (out[size - 1] == '.')
        out[--size] = '\0';
}

static bool take_value(const json_t *value, char out[CITY_FORM_TEXT_BYTES])
{
    if (json_is_integer(value))
        snprintf(out, CITY_FORM_TEXT_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        number_text(json_real_value(value), out);
    else if (json_is_string(value) && json_string_length(value) < CITY_FORM_TEXT_BYTES)
        snprintf(out, CITY_FORM_TEXT_BYTES, "%s", json_string_value(value));
    else
        return json_is_null(value);
    return true;
}

static int take_all(json_t *object, struct city_form *out, const char **field, struct buf *error)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        size_t i = 0;
        while (i < CITY_FORM_FIELDS && strcmp(fields[i].name, name) != 0)
            i++;
        *field = i < CITY_FORM_FIELDS ? fields[i].name : NULL;
        if (i == CITY_FORM_FIELDS) {
            buf_printf(error, "\"%.64s\" is none of the fields of a city", name);
            text_tame(error, 0);
            return ERR_INVALID;
        }
        if (!take_value(value, out->texts[i])) {
            buf_printf(error, "%s: a number, or a text of less than %d bytes wanted", name, CITY_FORM_TEXT_BYTES);
            return ERR_INVALID;
        }
    }
    return 0;
}

/* Above what GeoNames gives, below what readers of JSON hold exactly. */
static void make_id(struct city_form *form)
{
    char hex[HMAC_HEX_BYTES], digits[14] = "";
    struct buf place = BUF_EMPTY;
    buf_printf(&place, "%s\n%s\n%.5f\n%.5f", form->texts[CITY_FORM_NAME], form->texts[CITY_FORM_COUNTRY],
               strtod(form->texts[CITY_FORM_LAT], NULL), strtod(form->texts[CITY_FORM_LON], NULL));
    memcpy(digits, hmac_sha256_hex("isobar city 1", place.data, place.size, hex), sizeof digits - 1);
    buf_release(&place);
    uint64_t below = (uint64_t)(CITY_TABLE_ID_MAX - CITIES_OWN_ID);
    snprintf(form->texts[CITY_FORM_ID], CITY_FORM_TEXT_BYTES, "%" PRId64,
             CITIES_OWN_ID + 1 + (int64_t)(strtoull(digits, NULL, 16) % below));
}

/* What a place that nothing is known of must have. */
static int check_written_out(const struct city_form *form, const char **field, struct buf *error)
{
    static const enum city_form_field wanted[] = {CITY_FORM_NAME, CITY_FORM_COUNTRY, CITY_FORM_LAT, CITY_FORM_LON,
                                                  CITY_FORM_ZONE};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (*form->texts[wanted[i]])
            continue;
        *field = fields[wanted[i]].name;
        buf_printf(error, "%s: wanted, as long as no id is given", *field);
        return ERR_INVALID;
    }
    return 0;
}

int city_form_read(const char *body, size_t size, struct city_form *out, const char **field, struct buf *error)
{
    json_error_t reason;
    *out = (struct city_form){.texts = {""}};
    *field = NULL;
    if (size > CITY_FORM_MAX_BYTES) {
        buf_printf(error, "at most %d bytes wanted", CITY_FORM_MAX_BYTES);
        return ERR_TOO_LARGE;
    }
    json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, &reason);
    int status = json_is_object(root) ? take_all(root, out, field, error) : ERR_INVALID;
    if (!json_is_object(root))
        buf_text(error, "one JSON object wanted");
    json_decref(root);
    if (status != 0 || *out->texts[CITY_FORM_ID])
        return status;
    status = check_written_out(out, field, error);
    if (status == 0)
        make_id(out);
    return status;
}
