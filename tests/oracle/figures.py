"""What readers derive from a window, from its rows and in exact arithmetic; and the comparison with what the programs make of their sums."""
import fractions
import math

NEAR = 1e-9


def mean(values):
    return float(fractions.Fraction(sum(values), len(values)))


def deviation(values):
    """Sample standard deviation."""
    n, total = len(values), sum(values)
    if n < 2:
        return 0.0
    return math.sqrt(fractions.Fraction(n * sum(v * v for v in values) - total * total, n * (n - 1)))


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
    if math.isnan(want) or math.isnan(have):
        return math.isnan(want) and math.isnan(have)
    return abs(want - have) <= NEAR * max(1.0, abs(want))


def near_angle(want, have):
    return near(want, have) or abs(abs(want - have) - 360) <= NEAR * 360


def of_metric(values):
    return [mean(values), deviation(values)]


def of_wind(rows):
    winds, calm = blown(rows), sum(row.wind == "calm" for row in rows)
    return [direction(winds), vector_speed(winds, calm)]


def wanted(rows):
    """{metric or "wind": [figure, ...]}"""
    columns = {}
    for row in rows:
        for metric, value in row.metrics.items():
            columns.setdefault(metric, []).append(value)
    out = {str(metric): of_metric(values) for metric, values in columns.items()}
    if any(row.wind is not None for row in rows):
        out["wind"] = of_wind(rows)
    return out


def compare(what, window, text, comparison):
    """`text`: what isobar-apply says, as in figures.h."""
    have = {name: [float(number) for number in numbers] for name, *numbers in map(str.split, text.splitlines())}
    want = wanted(window.rows)
    for name in want.keys() | have.keys():
        comparison.compared["figure"] += 1
        pair = want.get(name, []), have.get(name, [])
        same = near_angle if name == "wind" else near
        if len(pair[0]) != len(pair[1]) or not all(map(same, *pair)):
            comparison.wrong(f"{what} {name}: the log says {pair[0]}, {comparison.have} says {pair[1]}")
