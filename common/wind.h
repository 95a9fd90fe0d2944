/*
 * Wind over a span of time as sums: the in-memory form of isobar.v1.WindVector. A row whose speed is below 0.5 m/s is
 * `calm`, whether or not its direction is known; any other row counts when both are known. All sums are integers, so
 * any order and any split gives the same bits. Sums wrap rather than overflow: no honest wind comes near, and damaged
 * state must not be undefined behaviour.
 *
 * One row of speed s (cm/s) from direction d (0.01 deg) adds u = -s sin d and v = -s cos d, each rounded to mm/s half
 * away from zero, and sin d and cos d rounded to 1e-9. Any library's sine gives the same integers: up to
 * 120 m/s no product that is not a whole number lies nearer than 4e-9 mm/s to a half, a thousand times the error of a
 * double.
 */
#ifndef ISOBAR_WIND_H
#define ISOBAR_WIND_H

#include <stdint.h>

#define WIND_SECTORS   16
#define WIND_CALM_CM_S 50 /* slower is calm */

struct wind_vector {
    int64_t count, calm;
    int64_t east_mm_s, north_mm_s;
    int64_t sine, cosine;       /* 1e-9 */
    int32_t rose[WIND_SECTORS]; /* sectors of 22.5 deg centred on N, NNE, ...; the lower edge belongs to the sector */
};

/* Adds one row: speed >= 0 in cm/s, direction 0..35999 in 0.01 deg the wind comes from (not read when calm). */
void wind_add(struct wind_vector *wind, int32_t speed_cm_s, int32_t direction_centi_deg);
/* Adds all of `from`. */
void wind_merge(struct wind_vector *into, const struct wind_vector *from);
/*
 * Direction the mean vector comes from, in degrees [0, 360): atan2(-u, -v). NaN when count is 0, or when
 * the vectors cancel out: the mean is shorter than 1e-6 of 0.5 m/s, the least speed that counts.
 */
double wind_direction_deg(const struct wind_vector *wind);
/* Length of the mean vector in m/s; NaN when count is 0. Calm rows count as zero vectors. */
double wind_vector_speed_m_s(const struct wind_vector *wind);
/*
 * Standard deviation of the direction in degrees, by Yamartino's estimator (A comparison of several "single-pass"
 * estimators of the standard deviation of wind direction, 1984) of rows that were not calm; NaN when count is 0.
 */
double wind_spread_deg(const struct wind_vector *wind);

#endif
