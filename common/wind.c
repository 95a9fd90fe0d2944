/*
 * Sums of wind vectors (wind.h). It holds no scalar speed, which is a metric of its own.
 */
#include "wind.h"

#include <math.h>

#define DEGREE         (M_PI / 180.0)
#define MM_PER_CM      10.0
#define SECTOR_CENTI   2250 /* 22.5 deg */
#define UNIT_SCALE     1e9
#define CANCELLED_MM_S 5e-4 /* 1e-6 of 0.5 m/s */

static void add(int64_t *sum, int64_t more)
{
    (void)__builtin_add_overflow(*sum, more, sum); /* wraps */
}

void wind_add(struct wind_vector *wind, int32_t speed_cm_s, int32_t direction_centi_deg)
{
    if (speed_cm_s < WIND_CALM_CM_S) {
        add(&wind->calm, 1);
        return;
    }
    double angle = direction_centi_deg * (DEGREE / 100.0);
    double sine = sin(angle), cosine = cos(angle);
    add(&wind->count, 1);
    add(&wind->east_mm_s, llround(-MM_PER_CM * speed_cm_s * sine));
    add(&wind->north_mm_s, llround(-MM_PER_CM * speed_cm_s * cosine));
    add(&wind->sine, llround(UNIT_SCALE * sine));
    add(&wind->cosine, llround(UNIT_SCALE * cosine));
    int32_t *sector = &wind->rose[(direction_centi_deg + SECTOR_CENTI / 2) / SECTOR_CENTI % WIND_SECTORS];
    (void)__builtin_add_overflow(*sector, 1, sector);
}

void wind_merge(struct wind_vector *into, const struct wind_vector *from)
{
    add(&into->count, from->count);
    add(&into->calm, from->calm);
    add(&into->east_mm_s, from->east_mm_s);
    add(&into->north_mm_s, from->north_mm_s);
    add(&into->sine, from->sine);
    add(&into->cosine, from->cosine);
    for (int i = 0; i < WIND_SECTORS; i++)
        (void)__builtin_add_overflow(into->rose[i], from->rose[i], &into->rose[i]);
}

double wind_direction_deg(const struct wind_vector *wind)
{
    double east = (double)wind->east_mm_s, north = (double)wind->north_mm_s;
    if (wind->count == 0 || hypot(east, north) < CANCELLED_MM_S * (double)wind->count)
        return NAN;
    double degrees = atan2(-east, -north) / DEGREE;
    if (degrees < 0)
        degrees += 360.0;
    return degrees >= 360.0 ? 0.0 : degrees + 0.0; /* adding makes -0 a plain 0 */
}

double wind_vector_speed_m_s(const struct wind_vector *wind)
{
    if (wind->count == 0)
        return NAN;
    return hypot((double)wind->east_mm_s, (double)wind->north_mm_s) / (double)(wind->count + wind->calm) / 1000.0;
}

double wind_spread_deg(const struct wind_vector *wind)
{
    if (wind->count == 0)
        return NAN;
    double scale = UNIT_SCALE * (double)wind->count;
    double sine = (double)wind->sine / scale, cosine = (double)wind->cosine / scale;
    double epsilon = sqrt(fmax(0, 1 - (sine * sine + cosine * cosine)));
    return asin(epsilon) * (1 + (2 / sqrt(3) - 1) * epsilon * epsilon * epsilon) / DEGREE;
}
