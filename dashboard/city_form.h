/*
 * A city as the page or a script writes it down: a JSON object of texts and numbers, taken apart into the options of
 * `isobarctl cities add`, which judges them. Pure. A place without an id gets one of its own range, made of its name,
 * country and coordinates: the same place sent again, to any server, is the same city.
 */
#ifndef DASHBOARD_CITY_FORM_H
#define DASHBOARD_CITY_FORM_H

#include "buf.h"

#include <stddef.h>
#include <stdint.h>

#define CITY_FORM_TEXT_BYTES 256
#define CITY_FORM_MAX_BYTES  4096 /* of a body */

enum city_form_field {
    CITY_FORM_ID,
    CITY_FORM_NAME,
    CITY_FORM_ASCII_NAME,
    CITY_FORM_COUNTRY,
    CITY_FORM_LAT,
    CITY_FORM_LON,
    CITY_FORM_ELEVATION,
    CITY_FORM_ZONE,
    CITY_FORM_STATION,
    CITY_FORM_FIELDS
};

struct city_form {
    char texts[CITY_FORM_FIELDS][CITY_FORM_TEXT_BYTES]; /* "": not given */
};

/*
 * Reads a body. ERR_INVALID with the reason in `error` and the name of the field that is wrong in `*field`, NULL when
 * it is none in particular. After 0 there is an id.
 */
int city_form_read(const char *body, size_t size, struct city_form *out, const char **field, struct buf *error)
    __attribute__((warn_unused_result));
/* The name of a field in JSON. */
const char *city_form_name(enum city_form_field field);
/* The field of an option of `isobarctl cities add` ("latitude" is "lat"); NULL: none. */
const char *city_form_field_of(const char *option);

#endif
