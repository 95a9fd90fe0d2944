"""Compares what a partition is by its log with what was stored of it, value by value."""
import collections

import stretches
import windows
import zones
from partition import COUNTERS
from proto import modules

MASK = 2 ** 64 - 1
COLUMNS = ("count", "sum", "square_sum_low", "minimum", "minimum_at", "maximum", "maximum_at", "first", "first_at", "last", "last_at")


class Comparison:
    def __init__(self, have="Redis"):
        self.have = have
        self.differences = []
        self.compared = collections.Counter()

    def equal(self, what, want, have):
        self.compared[what.split(" ")[0]] += 1
        self.compared["values"] += 1
        if want != have:
            self.differences.append(f"{what}: the log says {want}, {self.have} says {have}")

    def same_members(self, what, want, have):
        """Two dicts; only what differs is told."""
        self.compared[what.split(" ")[0]] += 1
        self.compared["values"] += sum(len(value) if isinstance(value, tuple) else 1 for value in want.values())
        for name in sorted(set(want) | set(have), key=str):
            if want.get(name) != have.get(name):
                self.differences.append(f"{what} {name}: the log says {want.get(name)}, {self.have} says {have.get(name)}")

    def wrong(self, text):
        self.differences.append(text)


class Stored:
    """What is stored of a partition: of whatever kind the store is."""

    def __init__(self):
        self.ledger = {}   # field: text
        self.cities = {}   # field: bytes of CityState
        self.panes = {}    # start: {field: bytes of Pane}
        self.windows = {}  # (size's name, key): {field: bytes of WindowState}
        self.tendencies = {}  # field: Pa, as isobar-apply derives it
        self.counts = {}   # start, or (size's name, key): its #n

    def number(self, field):
        return int(self.ledger.get(field, 0))

    def retired(self, size, key):
        """True when windows of that key are gone: a cursor is a start or, of days, the number of a date."""
        return (key if isinstance(key, int) else zones.number(key)) < self.number("w_cursor_" + size)

    def put(self, key, fields):
        """Takes a hash by the end of its name: pane:<start> or w:<size>:<start or date>; fields and values are bytes."""
        fields = dict(fields)
        kind, *rest = key.split(":")
        name = int(rest[0]) if kind == "pane" else (rest[0], int(rest[1]) if rest[1].isdigit() else rest[1])
        self.counts[name] = int(fields.pop(b"#n", 0))
        (self.panes if kind == "pane" else self.windows)[name] = {f.decode(): v for f, v in fields.items()}


# ---- messages in the oracle's terms ----

def sketches_of(state):
    at, out = 0, {}
    for metric, shift, size in zip(state.sketch_metric, state.sketch_shift, state.sketch_size):
        bucket, entries = 0, []
        for k in range(at, at + size):
            bucket = state.sketch_bucket[k] if k == at else bucket + (state.sketch_bucket[k] & 0xFFFFFFFF)
            entries.append((bucket, state.sketch_count[k]))
        out["sketch", metric] = shift, tuple(entries)
        at += size
    return out


def wind_in(wind):
    return (wind.count, wind.calm, wind.east_mm_s, wind.north_mm_s, wind.sine, wind.cosine, tuple(wind.rose))


def state_summary(state):
    """The same shape as windows.summary, of a WindowState."""
    start = state.start_ms
    out = {"rows": state.rows, "air_rows": state.air_rows, "first_observed": state.first_observed_at_ms, "last_observed": state.last_observed_at_ms,
           "wind": wind_in(state.wind) if state.HasField("wind") else None}
    highs = list(state.square_sum_high) or [0] * len(state.metric)
    columns = [list(getattr(state, name)) for name in COLUMNS]
    for metric, high, (count, total, square, low, low_at, top, top_at, first, first_at, last, last_at) in zip(state.metric, highs, zip(*columns)):
        out[metric] = (count, total, (high << 64) + (square & MASK), low, start + low_at, top, start + top_at, first, start + first_at, last,
                       start + last_at)
    out.update(sketches_of(state))
    return out


def reading_of(reading):
    bits = [bit for bit in range(64) if reading.present >> bit & 1]
    out = {"at": reading.observed_at_ms, "fetched": reading.fetched_at_ms, "produced": reading.produced_at_ms, "provider": reading.provider,
           "accumulation": reading.accumulation_s, "quality": reading.quality, "values": dict(zip(bits, reading.value))}
    return out


def latest_of(city):
    row = city.latest
    return {"at": row.at, "fetched": row.fetched, "produced": city.produced, "provider": row.provider, "accumulation": row.accumulation,
            "quality": row.quality, "values": row.values}


def past_of(state):
    return [(p.observed_at_ms, dict(zip([g for g in range(5) if p.present >> g & 1], p.value))) for p in state.past]


def runs_of(state):
    return {r.group: (r.start_ms, r.last_ms, r.count, r.minimum, r.maximum, r.direction, r.turned_least, r.turned_most) for r in state.run}


# ---- the parts of a partition ----

def compare_ledger(log, stored, comparison):
    tag, number = f"p{log.number}", stored.number
    comparison.equal(f"{tag} I1", number("offset") - number("first_offset"), number("applied") + number("gaps"))
    comparison.equal(f"{tag} applied", log.applied, number("applied"))
    comparison.equal(f"{tag} clock", log.clock, number("clock_ms"))
    comparison.equal(f"{tag} rows_in+late", log.counts["rows_in"] + log.counts["rows_late"], number("rows_in") + number("rows_late"))
    for name in ("rows",) + tuple("rows_" + what for what in COUNTERS):
        comparison.equal(f"{tag} {name}", log.counts[name], number(name))


def compare_city(tag, city, bytes_, comparison):
    state = modules()[2].CityState.FromString(bytes_)
    want = {"watermark": city.watermark, "heard": city.heard, "closed_through": city.closed, "checked_at": city.checked_at,
            "zoned_until": city.zoned_until}
    have = {"watermark": state.watermark_ms, "heard": state.heard_at_ms, "closed_through": state.closed_through_ms,
            "checked_at": state.checked_at_ms, "zoned_until": state.zoned_until_ms}
    for what in ("in", "late", "duplicate", "correction", "retired", "bad"):
        want[what], have[what] = city.counts[what], getattr(state, "rows_" + what)
    want["latest"] = latest_of(city) if city.latest else None
    have["latest"] = reading_of(state.latest) if state.HasField("latest") else None
    want["flagged"], have["flagged"] = dict(city.flagged), dict(zip(state.flag, state.flagged))
    want["past"], have["past"] = city.memory.past, past_of(state)
    want["runs"], have["runs"] = {g: r.key() for g, r in city.memory.runs.items()}, runs_of(state)
    ends = [city.trail.last(chain, city.closed) for chain in range(3)]
    want["trail"] = (*ends, city.trail.longest_s)
    have["trail"] = state.covered_last_ms, state.rain_last_ms, state.snow_last_ms, state.accumulation_max_s
    want["facts"] = city.facts.zone, city.facts.interval, city.facts.country
    have["facts"] = state.zone, state.interval_s, state.country
    comparison.same_members(f"city {tag} {city.field}", want, have)
    return state


def compare_pane(what, pane, stored, comparison):
    want = windows.summary(pane.rows, True)
    have = state_summary(stored.state)
    want["updated"], have["updated"] = pane.updated, stored.state.updated_at_ms
    comparison.same_members(f"pane {what}", want, have)
    start = stored.state.start_ms
    providers = list(stored.provider) or [0] * len(stored.observed_at)
    bodies = list(stored.body) or [0] * len(stored.observed_at)
    n = len(stored.observed_at)
    columns = [list(stored.rain) or [-1] * n, list(stored.snow) or [-1] * n, list(stored.accumulation_s) or [0] * n, list(stored.of_air) or [False] * n]
    comparison.equal(f"amounts {what}", [amounts for _, amounts in sorted(pane.amounts.items())], list(zip(*columns)))
    comparison.equal(f"seen {what}", sorted((*key, hashed) for key, hashed in pane.seen.items()),
                     [(start + at, provider, hashed & 0xFFFFFFFF) for at, provider, hashed in zip(stored.observed_at, providers, bodies)])


def compare_panes(log, stored, open_panes, comparison):
    tag = f"p{log.number}"
    panes = dict(open_panes)
    rows = sum(pane.state.rows for pane in open_panes.values())
    for start, fields in stored.panes.items():
        total = 0
        for field, raw in fields.items():
            if (field, start) in panes:
                comparison.wrong(f"{tag} pane {start} of {field} is open and closed at once")
            panes[field, start] = modules()[1].Pane.FromString(raw)
            total += panes[field, start].state.rows
        comparison.equal(f"{tag} #n of pane {start}", total, stored.counts[start])
        rows += total
    number = stored.number
    comparison.equal(f"{tag} I2 panes+retired", number("rows_in") + number("rows_late"), rows + number("retired"))
    cursor = number("pane_cursor_ms")
    for (field, start), pane in log.panes.items():
        if start < cursor and (field, start) not in panes:
            comparison.compared["retired-panes"] += 1
        elif (field, start) not in panes:
            comparison.wrong(f"{tag} pane {start} of {field}: {len(pane.rows)} rows in the log, none in {comparison.have}")
        else:
            compare_pane(f"{tag} {start} of {field}", pane, panes[field, start], comparison)
    for field, start in panes.keys() - log.panes.keys():
        comparison.wrong(f"{tag} pane {start} of {field}: {comparison.have} has it, no row of the log falls into it")


def compare_cities(log, stored, comparison):
    """{(field, start): open Pane of the stored cities}"""
    tag = f"p{log.number}"
    open_panes = {}
    for field, raw in stored.cities.items():
        if field not in log.cities:
            comparison.wrong(f"{tag} city {field}: {comparison.have} has it, no row of the log is about it")
            continue
        state = compare_city(tag, log.cities[field], raw, comparison)
        for pane in state.open:
            open_panes[field, pane.state.start_ms] = pane
        comparison.equal(f"open {tag} {field}", sorted(log.cities[field].open), [pane.state.start_ms for pane in state.open])
    for field in log.cities.keys() - stored.cities.keys():
        comparison.wrong(f"{tag} city {field}: the log is about it, {comparison.have} has none")
    return open_panes


def compare_window(what, window, state, comparison):
    want = windows.summary(window.rows, window.size.sketched)
    have = state_summary(state)
    want.update({"start": window.start, "end": window.end, "updated": window.updated, "revision": window.revision,
                 "final_at": window.final_at, "revised_at": window.revised_at})
    have.update({"start": state.start_ms, "end": state.end_ms, "updated": state.updated_at_ms, "revision": state.revision,
                 "final_at": state.final_at_ms, "revised_at": state.revised_at_ms})
    for name, part in zip(stretches.PARTS, window.parts):
        want[name], have[name] = part, getattr(state, name)
    comparison.same_members(f"window {what}", want, have)


def compare_windows(log, stored, comparison):
    tag = f"p{log.number}"
    have = {}
    for (name, key), fields in stored.windows.items():
        states = {field: modules()[1].WindowState.FromString(raw) for field, raw in fields.items()}
        comparison.equal(f"{tag} #n of {name} {key}", sum(state.rows for state in states.values()), stored.counts[name, key])
        have.update({(name, key, field): state for field, state in states.items()})
    for (name, key, field), window in log.windows.items():
        what = f"{tag} {name} {key} of {field}"
        state = have.pop((name, key, field), None)
        if state is not None:
            compare_window(what, window, state, comparison)
        elif stored.retired(name, key):
            comparison.compared["retired-windows"] += 1
        else:
            comparison.wrong(f"window {what}: {len(window.rows)} rows in the log, none in {comparison.have}")
    for name, key, field in have:
        comparison.wrong(f"window {tag} {name} {key} of {field}: {comparison.have} has it, no row of the log falls into it")


def compare_partition(log, stored, comparison):
    """All of it."""
    compare_ledger(log, stored, comparison)
    compare_panes(log, stored, compare_cities(log, stored, comparison), comparison)
    compare_windows(log, stored, comparison)
