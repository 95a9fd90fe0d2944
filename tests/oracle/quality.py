"""Quality control of one row (docs/semantics.md, "Quality control"): flags, values that fail, and what later rows are judged by."""
import bisect
import math

HOUR_MS = 3600000
RANGE, STEP, JUMP, PERSISTENCE, CONSISTENCY, SOURCE_SUSPECT, SOURCE_FAIL = range(7)
T, DEW, HUMIDITY, SEA, STATION, WIND, PRECIPITATION, OTHER = range(8)
FAILS = (RANGE, JUMP, SOURCE_FAIL)
FROM_SOURCE = 0xFF << SOURCE_SUSPECT * 8 | 0xFF << SOURCE_FAIL * 8

BITS = {T: (0,), DEW: (7,), HUMIDITY: (6,), SEA: (4,), STATION: (5,), WIND: (8, 9, 10), PRECIPITATION: (11, 12),
        OTHER: (13, 14, 16, 17, 18, 19, 20, 21, 22, 23) + tuple(range(32, 48))}
GROUP_OF = {bit: group for group, bits in BITS.items() for bit in bits}

# bit: lowest and highest value, None: no limit. What no sensor can mean comes first and holds without a configuration.
ALWAYS = {6: (0, 10000), 8: (0, None), 9: (0, 35999), 10: (0, None), 11: (0, None), 12: (0, None), 13: (0, 10000), 14: (0, None)}
DEFAULT = {0: (-8000, 6000), 7: (-8000, 3500), 6: (0, 10000), 4: (50000, 110000), 5: (50000, 110000), 8: (0, 7500), 9: (0, 35999),
           10: (0, 7500), 11: (0, 500000), 12: (0, 500000), 13: (0, 10000), 14: (0, None), **{bit: (0, None) for bit in range(16, 24)}}
STEPS_MS = tuple(hours * HOUR_MS for hours in (1, 2, 3, 6, 12))
STEPS = {T: (400, 700, 900, 1500, 2500), DEW: (400, 600, 800, 1200, 2000), SEA: (300, 600, 900, 1800, 3600),
         STATION: (300, 600, 900, 1800, 3600)}
JUMPS = {T: 1940, HUMIDITY: 5000, SEA: 1000, STATION: 1000}
STEADY = {T: 10, HUMIDITY: 100, SEA: 10, STATION: 10}
STEADY_SPEED, STEADY_TURN = 50, 1000
STEADY_MS, STEADY_ROWS = 6 * HOUR_MS, 12
CALM = 50
MEMORY_MS = 12 * HOUR_MS


class Limits:
    """What the configuration says; `ranges` replaces single ones of the default."""

    def __init__(self, ranges=None):
        self.ranges = {**DEFAULT, **(ranges or {})}
        self.within = {bit: narrowed(ALWAYS.get(bit), self.ranges.get(bit)) for bit in (*ALWAYS, *self.ranges)}


def narrowed(*limits):
    """What is within all of them: lowest and highest value."""
    known = [one for one in limits if one is not None]
    return (max((low for low, _ in known if low is not None), default=-math.inf),
            min((high for _, high in known if high is not None), default=math.inf))


def flag(test, group):
    return 1 << test * 8 + group


class Run:
    """Readings of a group that hardly differ."""
    __slots__ = ("start", "last", "count", "low", "high", "direction", "least", "most")

    def __init__(self, at, value, direction=0):
        self.start = self.last = at
        self.count = 1
        self.low = self.high = value
        self.direction, self.least, self.most = direction, 0, 0

    def extended(self, at, value, direction, limit):
        """The run with one more reading; a new one when that differs."""
        run = Run(self.start, 0, self.direction)
        run.last, run.count = at, self.count + 1
        run.low, run.high = min(self.low, value), max(self.high, value)
        turned = 0 if direction is None else (direction - self.direction + 54000) % 36000 - 18000
        run.least, run.most = min(self.least, turned), max(self.most, turned)
        if run.high - run.low < limit and run.most - run.least < STEADY_TURN:
            return run
        return Run(at, value, direction or 0)

    def steady(self):
        return self.last - self.start >= STEADY_MS and self.count >= STEADY_ROWS

    def key(self):
        return self.start, self.last, self.count, self.low, self.high, self.direction, self.least, self.most


class Memory:
    """What a city's rows are judged by."""

    def __init__(self):
        self.past = []  # (at, {group: value}), ascending
        self.runs = {}  # group: Run

    def earlier(self, at, latest):
        """[(at, {group: value})]: readings up to twelve hours before."""
        out = [p for p in self.past if 0 < at - p[0] <= MEMORY_MS]
        if latest is not None and 0 < at - latest.at <= MEMORY_MS:
            out.append((latest.at, {g: latest.values[BITS[g][0]] for g in range(5) if BITS[g][0] in latest.values and not concerned(latest, g)}))
        return out

    def next_runs(self, row, known):
        """{group: its run with this row, None: ended}; only of groups that the row says something about."""
        out = {}
        for group, limit in STEADY.items():
            value = known.get(BITS[group][0])
            if value is not None:
                self._next(out, group, row.at, value, None, limit)
        speed, direction = known.get(8), known.get(9)
        if speed is not None and (WIND not in self.runs or row.at > self.runs[WIND].last):
            if speed < CALM:
                out[WIND] = None
            elif direction is not None:
                self._next(out, WIND, row.at, speed, direction, STEADY_SPEED)
        return out

    def _next(self, out, group, at, value, direction, limit):
        run = self.runs.get(group)
        if run is None:
            out[group] = Run(at, value, direction or 0)
        elif at > run.last:
            out[group] = run.extended(at, value, direction, limit)

    def remember(self, row, runs, known):
        """After the verdict on a row in time; `known`: its values that did not fail."""
        for group, run in runs.items():
            if run is None:
                self.runs.pop(group, None)
            else:
                self.runs[group] = run
        values = {g: known[BITS[g][0]] for g in range(5) if BITS[g][0] in known}
        newest = self.past[-1][0] if self.past else row.at
        if values and row.at >= newest - MEMORY_MS and all(p[0] // HOUR_MS != row.at // HOUR_MS for p in self.past):
            self.past = sorted(self.past + [(row.at, values)], key=lambda p: p[0])
            newest = self.past[-1][0]
            self.past = [p for p in self.past if p[0] >= newest - MEMORY_MS]


FAIL_FLAGS = sum(flag(test, 0) for test in FAILS)


def concerned(row, group):
    """True when a fail flag of the row concerns the group."""
    return bool(row.quality >> group & FAIL_FLAGS)


def judge_changes(row, known, earlier):
    flags = 0
    judged = [(group, known[BITS[group][0]]) for group in (T, DEW, HUMIDITY, SEA, STATION) if BITS[group][0] in known]
    for at, values in earlier:
        between = row.at - at
        span = bisect.bisect_left(STEPS_MS, between)  # the shortest that is not exceeded
        for group, value in judged:
            if group not in values:
                continue
            change = abs(value - values[group])
            if group in STEPS and span < len(STEPS_MS) and change > STEPS[group][span]:
                flags |= flag(STEP, group)
            if group in JUMPS and between <= HOUR_MS and change > JUMPS[group]:
                flags |= flag(JUMP, group)
    return flags


def judge_consistency(known):
    t, low, high, dew, cloud = (known.get(bit) for bit in (0, 2, 3, 7, 13))
    flags = 0
    if t is not None and ((low is not None and t < low) or (high is not None and t > high)):
        flags |= flag(CONSISTENCY, T)
    if dew is not None and t is not None and dew > t + 50:
        flags |= flag(CONSISTENCY, DEW)
    if known.get(10) is not None and known.get(8) is not None and known[10] < known[8]:
        flags |= flag(CONSISTENCY, WIND)
    if (known.get(11, 0) > 0 and cloud == 0) or (known.get(12, 0) > 0 and t is not None and t > 700):
        flags |= flag(CONSISTENCY, PRECIPITATION)
    return flags


ANY = narrowed()


def judge(row, limits, memory, latest):
    """Sets the row's flags; returns (values that did not fail, runs for Memory.remember)."""
    flags = row.quality & FROM_SOURCE
    known = {}
    for bit, value in row.values.items():
        group = GROUP_OF.get(bit)
        low, high = limits.within.get(bit, ANY)
        if not low <= value <= high:
            flags |= flag(RANGE, group)
        elif group is None or not flags & flag(SOURCE_FAIL, group):
            known[bit] = value
    flags |= judge_changes(row, known, memory.earlier(row.at, latest))
    if flags >> JUMP * 8 & 0xFF:
        known = {bit: v for bit, v in known.items() if bit not in GROUP_OF or not flags & flag(JUMP, GROUP_OF[bit])}
    runs = memory.next_runs(row, known)
    for group, run in runs.items():
        if run is not None and run.steady():
            flags |= flag(PERSISTENCE, group)
    flags |= judge_consistency(known)
    row.quality = flags
    return known, runs
