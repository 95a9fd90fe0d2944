"""Which windows there are, and what one of them holds, from its rows (docs/semantics.md, "What is aggregated", "Windows")."""
import math

import formulas
import zones
from decode import CUSTOM

DAY_MS = 86400000
UNITS = {"s": 1000, "m": 60000, "h": 3600000, "d": DAY_MS, "y": 365 * DAY_MS}
TEMPERATURE, DEW_POINT, FEELS_LIKE, VAPOUR_PRESSURE = 1, 11, 13, 14
# metric: bit of `present`
METRICS = {1: 0, 2: 6, 3: 4, 4: 5, 5: 8, 6: 10, 7: 11, 8: 12, 9: 13, 10: 14, 11: 7, 12: 16}
METRICS.update({15 + k: 17 + k for k in range(7)})
METRICS.update({bit: bit for bit in CUSTOM})
METRIC_OF = {bit: metric for metric, bit in METRICS.items()}
SPEED, DIRECTION, CALM = 8, 9, 50
BUCKETS = 512
# Least shifts of sketches by metric; those of one's own have 0.
SHIFTS = {1: 5, 13: 5, 11: 5, 2: 7, 9: 7, 3: 5, 4: 5, 14: 4, 5: 4, 6: 4, 7: 7, 8: 7, 10: 7, 12: 0, 20: 14,
          **{metric: 9 for metric in (15, 16, 17, 18, 19, 21)}}


def duration_ms(text):
    return int(text[:-1]) * UNITS[text[-1]]


class Size:
    """One of the configured sizes. Days are counted, so that a window of one has the date it begins with as its key."""

    def __init__(self, text):
        span, retention = text.split(":")
        self.name, self.ms, self.retention_ms = span, duration_ms(span), duration_ms(retention)
        self.days = self.ms // DAY_MS if self.ms % DAY_MS == 0 else 0
        self.sketched = self.ms >= 3600000

    def span(self, at, zone):
        """(key, start, end) of the window that holds the instant."""
        if not self.days:
            start = at - at % self.ms
            return start, start, start + self.ms
        date, start, end = zones.day_span(zone, at, self.days)
        return zones.iso(date), start, end


def sliding(text):
    return "/" in text.split(":")[0]


def pane_of(items):
    """The pane's length, from (text of the size, ms)."""
    pane = 0
    for ms in items:
        pane = math.gcd(pane, ms)
    return math.gcd(pane, 15 * 60000) if any(ms >= DAY_MS for ms in items) else pane


def window_sizes(text):
    """([Size], pane's length) of the configuration; sliding windows are not stored."""
    parts = text.split(",")
    sizes = [Size(part) for part in parts if not sliding(part)]
    steps = [duration_ms(one) for part in parts if sliding(part) for one in part.split(":")[0].split("/")]
    for size, step in ([duration_ms(one) for one in part.split(":")[0].split("/")] for part in parts if sliding(part)):
        days = size % DAY_MS == 0 and step % DAY_MS == 0
        base = max((s for s in sizes if size % s.ms == step % s.ms == 0 and bool(s.days) == days), key=lambda s: s.ms)
        base.sketched = base.sketched or size >= 3600000
    return sizes, pane_of([size.ms for size in sizes] + steps)


def metrics_of(values):
    """{metric: value} of values that did not fail."""
    out = {METRIC_OF[bit]: value for bit, value in values.items() if bit in METRIC_OF}
    for metric, derive in ((DEW_POINT, formulas.dew_point), (FEELS_LIKE, formulas.feels_like), (VAPOUR_PRESSURE, formulas.vapour_pressure)):
        value = derive(values)
        if value is not None:
            out[metric] = value
    return out


def wind_of(values):
    """What a row adds to the wind: None, "calm", or (east, north, sine, cosine, sector)."""
    speed, direction = values.get(SPEED), values.get(DIRECTION)
    if speed is None:
        return None
    if speed < CALM:
        return "calm"
    if direction is None:
        return None
    angle = math.radians(direction / 100)
    sine, cosine = math.sin(angle), math.cos(angle)
    return (formulas.half_away(-speed * 10 * sine), formulas.half_away(-speed * 10 * cosine), formulas.half_away(sine * 1e9),
            formulas.half_away(cosine * 1e9), (direction + 1125) // 2250 % 16)


class Taken:
    """An accepted row as windows take it."""
    __slots__ = ("at", "metrics", "wind", "of_air")

    def __init__(self, at, values, of_air=False):
        self.at, self.metrics, self.wind, self.of_air = at, metrics_of(values), wind_of(values), of_air


def accumulate(pairs):
    """(count, sum, sum of squares, minimum and its first time, maximum and its, first and its time, last and its) of (time, value)."""
    pairs = sorted(pairs)
    values = [value for _, value in pairs]
    low, high = min(values), max(values)
    last_at = pairs[-1][0]
    last = next(value for at, value in pairs if at == last_at)
    return (len(values), sum(values), sum(v * v for v in values), low, pairs[values.index(low)][0], high, pairs[values.index(high)][0],
            values[0], pairs[0][0], last, last_at)


def sketch(values, least):
    """(shift, ((bucket, count), ...)) of more than two values."""
    shift = least
    while True:
        counts = {}
        for value in values:
            counts[value >> shift] = counts.get(value >> shift, 0) + 1
        if len(counts) <= BUCKETS:
            return shift, tuple(sorted(counts.items()))
        shift += 1


def wind_sums(rows):
    """(count, calm, east, north, sine, cosine, rose), None without any wind."""
    calm = sum(row.wind == "calm" for row in rows)
    blown = [row.wind for row in rows if row.wind is not None and row.wind != "calm"]
    if not blown and not calm:
        return None
    rose = [0] * 16 if blown else []
    for wind in blown:
        rose[wind[4]] += 1
    return (len(blown), calm, *(sum(wind[k] for wind in blown) for k in range(4)), tuple(rose))


def summary(rows, sketched):
    """What a WindowState says of the rows: {name or metric: ...}."""
    out = {"rows": len(rows), "air_rows": sum(r.of_air for r in rows), "first_observed": min((r.at for r in rows), default=0), "last_observed": max((r.at for r in rows), default=0)}
    columns = {}
    for row in rows:
        for metric, value in row.metrics.items():
            columns.setdefault(metric, []).append((row.at, value))
    for metric, pairs in columns.items():
        out[metric] = accumulate(pairs)
        if sketched and len(pairs) > 2:
            out["sketch", metric] = sketch([value for _, value in pairs], SHIFTS.get(metric, 0))
    out["wind"] = wind_sums(rows)
    return out


def quantile(values, percent):
    """The exact one: of n values the ceil(n percent / 100)-th smallest."""
    return sorted(values)[-(-len(values) * percent // 100) - 1]
