"""What is derived from a row's values (docs/semantics.md, "What is derived")."""
import math

TEMPERATURE, HUMIDITY, DEW_POINT, SPEED = 0, 6, 7, 8
PLAUSIBLE_CENTI_C = 20000


def half_away(x):
    return math.floor(x + 0.5) if x >= 0 else math.ceil(x - 0.5)


def plausible(centi_c):
    return centi_c is not None and -PLAUSIBLE_CENTI_C <= centi_c <= PLAUSIBLE_CENTI_C


def magnus(celsius):
    return 17.625 * celsius / (243.04 + celsius)


def dew_point_c(celsius, humidity):
    gamma = math.log(humidity / 100) + magnus(celsius)
    return 243.04 * gamma / (17.625 - gamma)


def vapour_pressure_pa(dew_c):
    return 610.94 * math.exp(magnus(dew_c))


def wind_chill_c(celsius, km_h):
    power = km_h ** 0.16
    return 13.12 + 0.6215 * celsius - 11.37 * power + 0.3965 * celsius * power


# Rothfusz' regression: (factor, power of the temperature in °F, power of the humidity in %).
ROTHFUSZ = ((-42.379, 0, 0), (2.04901523, 1, 0), (10.14333127, 0, 1), (-0.22475541, 1, 1), (-0.00683783, 2, 0), (-0.05481717, 0, 2),
            (0.00122874, 2, 1), (0.00085282, 1, 2), (-0.00000199, 2, 2))


def heat_index_f(t, rh):
    simple = (0.5 * (t + 61 + 1.2 * (t - 68) + 0.094 * rh) + t) / 2
    if simple < 80:
        return simple
    index = sum(factor * t ** i * rh ** j for factor, i, j in ROTHFUSZ)
    if rh < 13 and 80 <= t <= 112:
        index -= (13 - rh) / 4 * math.sqrt((17 - abs(t - 95)) / 17)
    elif rh > 85 and 80 <= t <= 87:
        index += (rh - 85) / 10 * ((87 - t) / 5)
    return index


def humidex_c(celsius, dew_c):
    return celsius + 0.5555 * (6.11 * math.exp(5417.7530 * (1 / 273.16 - 1 / (dew_c + 273.15))) - 10)


def dew_point(values):
    """0.01 °C, or None."""
    if DEW_POINT in values:
        return values[DEW_POINT]
    t, rh = values.get(TEMPERATURE), values.get(HUMIDITY)
    if not plausible(t) or rh is None or rh <= 0:
        return None
    return half_away(dew_point_c(t / 100, rh / 100) * 100)


def vapour_pressure(values):
    """Pa, or None."""
    dew = dew_point(values)
    return half_away(vapour_pressure_pa(dew / 100)) if plausible(dew) else None


def feels_like(values):
    """0.01 °C, or None."""
    t, rh, speed = values.get(TEMPERATURE), values.get(HUMIDITY), values.get(SPEED)
    if not plausible(t):
        return None
    fahrenheit = t * 1.8 / 100 + 32
    if t <= 1000:
        if speed is None:
            return None
        km_h = speed * 0.036
        return half_away(wind_chill_c(t / 100, km_h) * 100) if km_h > 4.8 else t
    if fahrenheit < 80:
        return t
    return None if rh is None else half_away((heat_index_f(fahrenheit, rh / 100) - 32) / 1.8 * 100)


def heating_degree_days(mean_c):
    return max(0.0, 18 - mean_c)


def cooling_degree_days(mean_c):
    return max(0.0, mean_c - 18)


def tendency(latest, past):
    """Change of pressure over three hours up to `latest`, (at, pressure), in Pa from past [(at, pressure)]; None when none is near."""
    at, pressure = latest
    near = [(abs(at - then - 3 * 3600000), then, value) for then, value in past if abs(at - then - 3 * 3600000) <= 30 * 60000]
    return pressure - min(near)[2] if near else None
