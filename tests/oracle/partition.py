"""A partition as the log makes it, record by record (docs/semantics.md): nothing is stored, loaded, handed over or put off, so that
what a worker does in other moments must come out the same."""
import collections

import quality
import stretches
import windows
import zones
from decode import CHECKED, CONTROL, TICK, Bad, body, decode
from shard import shard

FUTURE_MS = 5 * 60 * 1000
SERIES_MAX = 1000
PANE_ROWS = 16384
COUNTERS = ("in", "late", "duplicate", "bad", "checked", "tick", "control", "retired", "correction")


class Rules:
    """What the configuration says."""

    def __init__(self, text, partitions, lateness_ms, allowed_delay_ms=300000, idle_ms=1800000, ranges=None):
        self.sizes, self.pane_ms = windows.window_sizes(text)
        self.partitions, self.lateness_ms, self.allowed_delay_ms, self.idle_ms = partitions, lateness_ms, allowed_delay_ms, idle_ms
        self.limits = quality.Limits(ranges)


class Pane:
    def __init__(self, start):
        self.start = start
        self.rows = []
        self.seen = {}  # (at, provider): hash of the body
        self.amounts = {}  # (at, provider): (rain, snow, period, of the air alone); -1: not known
        self.updated = 0


class Window:
    def __init__(self, size, start, end):
        self.size, self.start, self.end = size, start, end
        self.rows = []
        self.updated = self.revision = self.final_at = self.revised_at = 0
        self.parts = [0] * len(stretches.PARTS)

    def take(self, rows, updated, start, end):
        self._widen(updated, start, end)
        self.rows.extend(rows)

    def _widen(self, updated, start, end):
        """To hold the span of what comes; one with nothing in it, be it that parts were taken back, has that span."""
        self.updated = max(self.updated, updated)
        if not self.rows and not any(self.parts):
            self.start, self.end = start, end
        self.start, self.end = min(self.start, start), max(self.end, end)

    def pour(self, parts, updated, start, end):
        self._widen(updated, start, end)
        self.parts = [a + b for a, b in zip(self.parts, parts)]


class City:
    """A city or one of its series."""

    def __init__(self, field, facts, pane_ms):
        self.field = field
        self.facts = facts  # shared by all series
        self.watermark = self.heard = self.closed = self.checked_at = 0
        self.latest, self.produced = None, 0
        self.counts = collections.Counter()
        self.flagged = collections.Counter()
        self.memory = quality.Memory()
        self.zoned_until = 0
        self.trail = stretches.Trail(pane_ms)
        self.open = {}      # start: Pane
        self.pending = {}   # key of the window: Window that is not final


class Facts:
    def __init__(self):
        self.zone, self.interval, self.country = "", 0, ""


class Partition:
    def __init__(self, number, rules):
        self.number, self.rules = number, rules
        self.clock = self.applied = 0
        self.counts = collections.Counter()
        self.cities = {}   # field: City
        self.facts = {}    # city: Facts
        self.panes = {}    # (field, start): Pane, open or closed
        self.windows = {}  # (size's name, key, field): Window
        self.letters = []  # (offset, row; -1: the record)

    def record(self, offset, timestamp, payload):
        self.applied += 1
        self.clock = max(self.clock, timestamp)
        try:
            of_shard, rows = decode(payload)
        except Bad:
            self._count("bad")
            self.letters.append((offset, -1))
            return
        ticked = False
        for index, row in enumerate(rows):
            what = self._row(row, of_shard, timestamp)
            self._count(what)
            ticked |= what == "tick"
            if what in ("bad", "retired"):
                self.letters.append((offset, index))
        if ticked:
            self._tick()

    def _count(self, what):
        self.counts["rows"] += 1
        self.counts["rows_" + what] += 1

    def _foreign(self, city, of_shard):
        return of_shard != self.number or shard(city, self.rules.partitions) != self.number

    def _row(self, row, of_shard, timestamp):
        if row.kind == TICK:
            return "tick"
        if row.kind == CONTROL:
            return self._control(row, of_shard)
        if row.city <= 0 or row.series > SERIES_MAX or self._foreign(row.city, of_shard):
            return "bad"
        if row.kind == CHECKED:
            city = self._city(row.city, row.series)
            city.heard, city.checked_at = self.clock, row.fetched
            return "checked"
        return self._reading(row, timestamp)

    def _city(self, city_id, series):
        field = str(city_id) if series == 0 else f"{city_id}/{series}"
        if field not in self.cities:
            self.cities[field] = City(field, self.facts.setdefault(city_id, Facts()), self.rules.pane_ms)
        return self.cities[field]

    def _control(self, row, of_shard):
        if row.city <= 0 or not row.controls:
            return "control"
        if self._foreign(row.city, of_shard):
            return "bad"
        zone, interval, country = ("", 0, "")
        for control in row.controls:
            zone, interval, country = control.zone or zone, control.interval_s or interval, control.country or country
        if zone and zones.zone_of(zone) is None:
            return "bad"
        facts = self._city(row.city, 0).facts
        if zone and zone != facts.zone:
            self._move(row.city, zone)
        facts.interval = interval if interval > 0 else facts.interval
        facts.country = country if len(country.encode()) == 2 else facts.country
        return "control"

    def _move(self, city_id, zone):
        """The city's zone changes. Until the day that had begun by the zone before ends, closing has to look for it."""
        facts = self.facts[city_id]
        for city in self.cities.values():
            if city.facts is not facts or city.closed == 0:
                continue
            ends = [size.span(city.closed - 1, facts.zone)[2] for size in self.rules.sizes if size.days]
            city.zoned_until = max([city.zoned_until] + [end for end in ends if end > city.closed])
        facts.zone = zone

    # ---- readings ----

    def _reading(self, row, timestamp):
        rules = self.rules
        if row.at > self.clock + FUTURE_MS:
            return "bad"
        city = self._city(row.city, row.series)
        city.heard = self.clock
        start = row.at - row.at % rules.pane_ms
        if self.clock - (start + rules.pane_ms) > rules.lateness_ms:
            city.counts["retired"] += 1
            return "retired"
        late = start + rules.pane_ms <= city.closed
        hashed = body(row)
        pane = self.panes.get((city.field, start)) or Pane(start)
        what = self._known(pane, row, hashed)
        if what and not late:
            city.counts[what] += 1
            return what
        known, runs = quality.judge(row, rules.limits, city.memory, city.latest)
        self._keep_latest(city, row, timestamp)
        if what:
            city.counts[what] += 1
            return what
        self.panes[city.field, start] = pane
        taken = windows.Taken(row.at, known, row.of_air)
        pane.rows.append(taken)
        pane.seen[row.at, row.provider] = hashed
        amounts = (known.get(bit, -1) for bit in (stretches.RAIN_BIT, stretches.SNOW_BIT))
        pane.amounts[row.at, row.provider] = *amounts, 0 if row.of_air else row.accumulation, row.of_air
        pane.updated = self.clock
        what = "late" if late else "in"
        city.counts[what] += 1
        for bit in range(row.quality.bit_length()):
            if row.quality >> bit & 1:
                city.flagged[bit] += 1
        known_since = (self.clock - rules.lateness_ms - 1) // rules.pane_ms * rules.pane_ms
        changes = city.trail.take(row, known, min(known_since, city.closed))
        if late:
            self._late(city, pane, taken)
        self._correct(city, row.at, changes)
        if not late:
            city.memory.remember(row, runs, known)
            city.open[start] = pane
            self._close(city, (city.watermark - rules.allowed_delay_ms) // rules.pane_ms * rules.pane_ms)
        return what

    @staticmethod
    def _known(pane, row, hashed):
        """What becomes of a row that cannot be accepted, or None."""
        if (row.at, row.provider) in pane.seen:
            return "correction" if pane.seen[row.at, row.provider] != hashed else "duplicate"
        return "bad" if len(pane.rows) >= PANE_ROWS else None

    @staticmethod
    def _keep_latest(city, row, timestamp):
        latest = city.latest
        if latest is None or (latest.of_air and not row.of_air) or (latest.of_air == row.of_air and row.at > latest.at):
            city.latest, city.produced = row, timestamp
        city.watermark = max(city.watermark, row.at)

    def _window(self, city, size, at):
        """(key in self.windows, Window, start, end); made when there is none."""
        key, start, end = size.span(at, city.facts.zone)
        name = size.name, key, city.field
        window = self.windows.get(name)
        if window is None:
            window = self.windows[name] = Window(size, start, end)
        return name, window, start, end

    def _late(self, city, pane, taken):
        for size in self.rules.sizes:
            name, window, start, end = self._window(city, size, pane.start)
            window.take([taken], self.clock, start, end)
            self._revise(city, name, window)

    def _revise(self, city, name, window):
        """Something came for the window."""
        if window.end <= city.closed:
            window.revision += 1
            window.revised_at = self.clock
        else:
            window.final_at = 0
            city.pending[name] = window

    def _by_window(self, city, slots):
        """Yields (name, Window, start, end, parts, [slot]) for parts of slots, where they come to something."""
        found = {}
        for slot in sorted(slots):
            for size in self.rules.sizes:
                key, start, end = size.span(slot, city.facts.zone)
                entry = found.get((size.name, key))
                if entry is None:
                    found[size.name, key] = [size, start, end, slots[slot], [slot]]
                else:
                    entry[3] = [a + b for a, b in zip(entry[3], slots[slot])]
                    entry[4].append(slot)
        for size, start, end, parts, members in found.values():
            if any(parts):
                name, window, _, _ = self._window(city, size, start)
                yield name, window, start, end, parts, members

    def _correct(self, city, at, changes):
        """A row changed what rows stand for, in time that is closed."""
        changes = {slot: parts for slot, parts in changes.items() if slot + self.rules.pane_ms <= city.closed}
        for name, window, start, end, parts, _ in self._by_window(city, changes):
            window.pour(parts, self.clock, start, end)
            if not start <= at < end:  # else it was revised with the row, or is not final
                self._revise(city, name, window)
            elif window.end > city.closed:
                city.pending[name] = window

    def _pour(self, city, closing, through):
        """What rows stand for in the time that closes; a window without a row there is changed by it."""
        slots = city.trail.between(city.closed, through)
        for name, window, start, end, parts, members in self._by_window(city, slots):
            window.pour(parts, 0 if all(slot in closing for slot in members) else self.clock, start, end)
            window.final_at = 0
            city.pending[name] = window

    # ---- closing ----

    def _close(self, city, through):
        if through <= city.closed:
            return
        closing = sorted(start for start in city.open if start + self.rules.pane_ms <= through)
        self._pour(city, set(closing), through)
        for start in closing:
            pane = city.open.pop(start)
            for size in self.rules.sizes:
                name, window, begin, end = self._window(city, size, start)
                window.take(pane.rows, pane.updated, begin, end)
                window.final_at = 0  # it was final perhaps, until the zone changed
                city.pending[name] = window
        city.closed = through
        city.zoned_until = city.zoned_until if city.zoned_until > through else 0
        for name, window in list(city.pending.items()):
            if window.end <= through:
                window.final_at = self.clock
                del city.pending[name]

    def _tick(self):
        """Closes what ends by now of cities that were silent: those of which a pane with rows,
        or a window with the newest one, ends; or the day that had begun when its zone changed."""
        rules = self.rules
        through = (self.clock - rules.allowed_delay_ms) // rules.pane_ms * rules.pane_ms
        for city in self.cities.values():
            if self.clock - city.heard < rules.idle_ms:
                continue
            ends = [start + rules.pane_ms for start in city.open]
            if city.watermark > 0:
                ends += [end for end in (size.span(city.watermark, city.facts.zone)[2] for size in rules.sizes) if end > city.closed]
            ends += [city.zoned_until] if city.zoned_until > city.closed else []
            if ends and min(ends) <= through:
                self._close(city, through)
