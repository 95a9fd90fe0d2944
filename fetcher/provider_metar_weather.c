/* See provider_metar_weather.h. */
#include "provider_metar_weather.h"

#include <stddef.h>
#include <string.h>

#define ICE 1 /* something frozen falls */

/* What a group says by its codes: the first row fits whose two are there. Codes are of light, moderate and heavy. */
static const struct {
    char of[3], with[3];
    uint8_t codes[3];
    uint8_t ice;
} phenomena[] = {
    {"TS", "GR", {96, 96, 99}, ICE}, {"TS", "GS", {96, 96, 99}, ICE}, {"TS", "SN", {95, 95, 97}, ICE},
    {"TS", "", {95, 95, 97}, 0},     {"FZ", "RA", {66, 67, 67}, ICE}, {"FZ", "DZ", {56, 57, 57}, ICE},
    {"FZ", "FG", {48, 48, 48}, 0},   {"BL", "SN", {38, 38, 39}, 0},   {"DR", "SN", {36, 36, 37}, 0},
    {"SN", "RA", {68, 69, 69}, ICE}, {"SH", "SN", {85, 86, 86}, ICE}, {"SH", "GR", {89, 90, 90}, ICE},
    {"SH", "GS", {87, 88, 88}, ICE}, {"SH", "RA", {80, 81, 82}, 0},   {"SN", "", {71, 73, 75}, ICE},
    {"SG", "", {77, 77, 77}, ICE},   {"PL", "", {79, 79, 79}, ICE},   {"GR", "", {89, 90, 90}, ICE},
    {"GS", "", {87, 88, 88}, ICE},   {"IC", "", {76, 76, 76}, ICE},   {"RA", "DZ", {58, 59, 59}, 0},
    {"RA", "", {61, 63, 65}, 0},     {"DZ", "", {51, 53, 55}, 0},     {"MI", "FG", {12, 12, 12}, 0},
    {"BC", "FG", {41, 41, 41}, 0},   {"PR", "FG", {41, 41, 41}, 0},   {"FG", "", {45, 45, 45}, 0},
    {"BR", "", {10, 10, 10}, 0},     {"HZ", "", {5, 5, 5}, 0},        {"FU", "", {4, 4, 4}, 0},
};

static bool has(const char *group, size_t size, const char *code)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        if (group[i] == code[0] && group[i + 1] == code[1])
            return true;
    }
    return *code == '\0';
}

static void read_group(const char *group, size_t size, struct metar_weather *weather)
{
    size_t sign = size > 0 && (*group == '-' || *group == '+');
    int strength = !sign ? 1 : *group == '-' ? 0 : 2;
    group += sign;
    size -= sign;
    if (has(group, size < 2 ? size : 2, "VC"))
        return;
    for (size_t i = 0; i < sizeof phenomena / sizeof *phenomena; i++) {
        if (!has(group, size, phenomena[i].of) || !has(group, size, phenomena[i].with))
            continue;
        if (phenomena[i].codes[strength] > weather->code)
            weather->code = phenomena[i].codes[strength];
        weather->frozen |= phenomena[i].ice == ICE;
        return;
    }
}

struct metar_weather metar_weather_read(const char *text)
{
    struct metar_weather weather = {0};
    while (*text) {
        size_t size = strcspn(text, " ");
        read_group(text, size, &weather);
        text += size + strspn(text + size, " ");
    }
    return weather;
}
