"""What readers derive from a window, from its rows and in exact integers (whose quotient Python rounds once); and the comparison with what the programs make of their sums."""
import math

import formulas
import quality
import windows

NEAR = 1e-9


def mean(values):
    return sum(values) / len(values)


def deviation(values):
    """Sample standard deviation."""
    n, total = len(values), sum(values)
    if n < 2:
        return 0.0
    return math.sqrt((n * sum(v * v for v in values) - total * total) / (n * (n - 1)))


def blown(rows):
    """Wind of the rows that have speed and direction."""
    return [row.wind for row in rows if row.wind is not None and row.wind != "calm"]


def direction(winds):
    """Degrees the mean vector comes from; NaN when there is none: without wind, or below 1e-6 of 0.5 m/s."""
    east, north = sum(w[0] for w in winds), sum(w[1] for w in winds)
    if not winds or math.hypot(east, north) < 5e-4 * len(winds):
        return math.nan
    return math.degrees(math.atan2(-east, -north)) % 360.0


def vector_speed(winds, calm):
    """m/s; calm rows are zero vectors."""
    if not winds:
        return math.nan
    return math.hypot(sum(w[0] for w in winds), sum(w[1] for w in winds)) / (len(winds) + calm) / 1000


def near(want, have):
    if want == have:
        return True
    if math.isnan(want) or math.isnan(have):
        return math.isnan(want) and math.isnan(have)
    return abs(want - have) <= NEAR * max(1.0, abs(want))


def near_angle(want, have):
    return near(want, have) or abs(abs(want - have) - 360) <= NEAR * 360


def spread(winds):
    """Degrees: Yamartino's."""
    if not winds:
        return math.nan
    sine, cosine = (sum(w[k] for w in winds) / len(winds) / 1e9 for k in (2, 3))
    epsilon = math.sqrt(max(0.0, 1 - (sine * sine + cosine * cosine)))
    return math.degrees(math.asin(epsilon) * (1 + (2 / math.sqrt(3) - 1) * epsilon ** 3))


def estimate(values, sketched, metric, percent):
    """What a sketch of the values says of a quantile; NaN when it is not known."""
    exact = windows.quantile(values, percent)
    if len(values) <= 2:
        return exact
    if not sketched:
        return math.nan
    shift, _ = windows.sketch(values, windows.SHIFTS.get(metric, 0))
    middle = (exact >> shift << shift) + (1 << shift >> 1)
    return min(max(middle, min(values)), max(values))


def of_metric(metric, values, sketched):
    return [mean(values), deviation(values)] + [estimate(values, sketched, metric, percent) for percent in (50, 90, 99)]


def of_wind(rows):
    winds, calm = blown(rows), sum(row.wind == "calm" for row in rows)
    return [direction(winds), vector_speed(winds, calm), spread(winds)]


def wanted(rows, sketched):
    """{metric or "wind": [figure, ...]}"""
    columns = {}
    for row in rows:
        for metric, value in row.metrics.items():
            columns.setdefault(metric, []).append(value)
    out = {str(metric): of_metric(metric, values, sketched) for metric, values in columns.items()}
    if windows.TEMPERATURE in columns:
        mean_c = mean(columns[windows.TEMPERATURE]) / 100
        out["degree_days"] = [formulas.heating_degree_days(mean_c), formulas.cooling_degree_days(mean_c)]
    if any(row.wind is not None for row in rows):
        out["wind"] = of_wind(rows)
    return out


def tendency(city):
    """Pa of a city's latest reading; NaN when it is not known."""
    latest = city.latest
    for bit, group in ((4, quality.SEA), (5, quality.STATION)):
        if latest is not None and bit in latest.values and not quality.concerned(latest, group):
            past = [(at, values[group]) for at, values in city.memory.past if group in values]
            change = formulas.tendency((latest.at, latest.values[bit]), past)
            return math.nan if change is None else change
    return math.nan


def compare(what, window, text, comparison):
    """`text`: what isobar-apply says, as in figures.h."""
    if len(window.rows) == 1:
        return  # they are in the integers already
    have = {name: [float(number) for number in numbers] for name, *numbers in map(str.split, text.splitlines())}
    want = wanted(window.rows, window.size.sketched)
    for name in want.keys() | have.keys():
        comparison.compared["figure"] += 1
        pair = want.get(name, []), have.get(name, [])
        same = near_angle if name == "wind" else near
        if len(pair[0]) != len(pair[1]) or not all(map(same, *pair)):
            comparison.wrong(f"{what} {name}: the log says {pair[0]}, {comparison.have} says {pair[1]}")
