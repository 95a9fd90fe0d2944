"""Logs of one partition for the second implementation to be compared on: what stations, sources and strangers may write, from a seed.

There are cities with several series that drift, jump, stand still and fall silent; disorder, duplicates, corrections, late and retired rows;
zones around the days on which their clocks change; values that no sensor can mean; and records that nobody can read.
"""
import collections
import datetime
import random
import struct

from decode import CONTROL, CHECKED, OBSERVATION, TICK, VALUES
from proto import modules
from shard import shard

SECOND, MINUTE, HOUR, DAY = 1000, 60000, 3600000, 86400000
ZONES = ("America/New_York", "Europe/Berlin", "Australia/Sydney", "Pacific/Chatham", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo",
         "America/Havana", "America/St_Johns", "Antarctica/Troll", "Pacific/Apia", "UTC", "Asia/Kolkata", "Antarctica/McMurdo")
# Days (UTC) before which clocks change: New York, Berlin, Sydney and others in the south, Chatham, Cairo.
CHANGES = ((2026, 3, 8), (2026, 3, 29), (2026, 4, 5), (2026, 4, 24), (2026, 9, 27), (2026, 10, 4), (2026, 10, 25), (2026, 10, 30), (2026, 11, 1),
           (2027, 1, 1))
WINDOWS = ("10m:90d,1h:90d,1d:2y,2h/20m", "10m:2d,1h:30d,1d:2y", "1m:10d,15m:10d,6h:30d,1d:2y,7d:2y", "2m:5d,1h:30d", "5m:40d,20m:40d,3h:40d,2d:2y,3d:1y",
           "1d:2y")
INT32 = 2 ** 31 - 1
EXTREMES = (INT32, -INT32 - 1, 0, -1, 1, 36000, 36001, 10100, -50, 1000000)
CUSTOM_BITS = tuple(range(32, 48))


class Station:
    """A city's series: what it measures next."""

    def __init__(self, draw, city, series, clock):
        self.draw, self.city, self.series = draw, city, series
        self.interval = draw.choice((MINUTE, 5 * MINUTE, 10 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR))
        self.due = clock - draw.randrange(HOUR)
        self.polar = draw.random() < 0.15
        self.mood, self.mood_until = "steady", clock
        self.provider = draw.choice((1, 2, 3, 8, 16, 17))
        self.custom = draw.sample(CUSTOM_BITS, draw.choice((0, 0, 1, 3)))
        self.temperature = draw.randrange(-6000, -2000) if self.polar else draw.randrange(-1500, 4200)
        self.pressure, self.speed, self.direction = 101300 + draw.randrange(-2500, 2500), draw.randrange(900), draw.randrange(36000)
        self.air = draw.random() < 0.3
        self.air_alone = draw.random() < 0.3  # in rows of their own, of another provider
        self.rich = draw.random() < 0.7
        self.sent = collections.deque(maxlen=50)

    def values(self):
        draw = self.draw
        if self.mood != "stuck":
            self.temperature += round(draw.gauss(0, 40))
            self.pressure += round(draw.gauss(0, 30))
            self.speed = max(0, self.speed + round(draw.gauss(0, 60)))
            self.direction = (self.direction + round(draw.gauss(0, 1500))) % 36000
        if self.mood == "jumpy" and draw.random() < 0.2:
            self.temperature += draw.choice((-1, 1)) * draw.randrange(300, 2500)
            self.pressure += draw.choice((-1, 1)) * draw.randrange(200, 1500)
        if abs(self.temperature) > 5500:
            self.temperature //= 2
        out = {0: self.temperature, 4: self.pressure, 6: draw.randrange(0, 10001) if self.mood != "stuck" else 7000,
               8: 0 if self.mood == "calm" else self.speed, 9: self.direction}
        if self.rich:
            out.update({1: self.temperature - 100, 2: self.temperature - draw.randrange(-20, 300), 3: self.temperature + draw.randrange(-20, 300),
                        5: self.pressure - 3000, 10: self.speed + draw.randrange(-20, 500), 13: draw.choice((0, 2500, 7500, 10000)),
                        14: draw.randrange(0, 10001), 15: 800})
        if draw.random() < 0.3:
            out[7] = self.temperature - draw.randrange(-120, 1500)
        if draw.random() < 0.25:
            out[11] = draw.choice((0, 200, 1500, 12000))
        if draw.random() < 0.1:
            out[12] = draw.choice((0, 100, 2500))
        if self.air:
            out.update({16: draw.randrange(1, 6), **{bit: draw.randrange(0, 90000) for bit in range(17, 24)}})
        for bit in self.custom:
            out[bit] = draw.randrange(-10 ** 6, 10 ** 6)
        return out

    def air_values(self):
        """What a row of the air alone says."""
        draw = self.draw
        return {bit: draw.randrange(0, 90000) for bit in draw.sample(range(16, 24), draw.choice((1, 3, 8)))}

    def strange(self, values):
        """The same with something that no sensor can mean."""
        draw = self.draw
        for bit in draw.sample(range(24), draw.choice((1, 1, 2, 5))):
            values[bit] = draw.choice(EXTREMES)
        if draw.random() < 0.3:
            values[9] = 36000
        return values

    def turn(self, clock):
        """Now and then it behaves in another way."""
        if clock < self.mood_until:
            return
        self.mood = self.draw.choice(("steady", "steady", "steady", "jumpy", "stuck", "calm", "silent"))
        self.mood_until = clock + self.draw.choice((2, 8, 14, 30)) * HOUR


class Log:
    """A partition's records: [(offset, timestamp, bytes)], and how the worker is to be set."""

    def __init__(self, seed, rows, cities=None):
        self.seed = seed
        self.draw = draw = random.Random(seed)
        self.windows = WINDOWS[seed % len(WINDOWS)] if seed < len(WINDOWS) else draw.choice(WINDOWS)
        self.partitions = draw.choice((1, 3, 24))
        self.partition = draw.randrange(self.partitions)
        self.lateness_ms = draw.choice((6 * HOUR, 2 * DAY, 40 * DAY))
        self.allowed_delay_ms = draw.choice((0, MINUTE, 5 * MINUTE, 20 * MINUTE))
        self.idle_ms = draw.choice((10 * MINUTE, 30 * MINUTE, 2 * HOUR))
        self.clock = int(datetime.datetime(*draw.choice(CHANGES), tzinfo=datetime.timezone.utc).timestamp() * 1000) - draw.randrange(2 * DAY)
        self.records, self.rows, self.offset = [], 0, draw.choice((0, 0, 1000))
        self.waiting = []  # rows of the record that is being filled
        self.stations = self._stations(cities or max(6, min(200, rows // 700)))
        self.cities = sorted({s.city for s in self.stations})
        for city in self.cities:
            if draw.random() < 0.9:
                self._fact(city)
        while self.rows < rows:
            self._step()
        self._end()

    def _ids(self, count, own):
        """City ids of the partition, or of others."""
        out, city = [], self.draw.randrange(1, 10 ** 7)
        while len(out) < count:
            city += 1
            if (shard(city, self.partitions) == self.partition) == own:
                out.append(city)
        return out

    def _stations(self, count):
        out = []
        for city in self._ids(count, True):
            for series in (0,) if self.draw.random() < 0.8 else (0, 1, self.draw.randrange(2, 1001)):
                out.append(Station(self.draw, city, series, self.clock))
        return out

    # ---- rows and records ----

    def _row(self, kind=OBSERVATION, control=None, **cells):
        self.waiting.append((dict(cells, kind=kind), control))
        self.rows += 1
        if len(self.waiting) >= self.size:
            self._flush()

    @property
    def size(self):
        return self.draw.choice((1, 1, 3, 20, 100, 512))

    def _flush(self, of_shard=None):
        if not self.waiting:
            return
        rows, self.waiting = self.waiting, []
        while rows:  # a property's size may be less than what waits
            self._record(self.encode(rows[:512], self.partition if of_shard is None else of_shard))
            rows = rows[512:]

    def encode(self, rows, of_shard):
        batch = modules()[0].ObservationBatch(format=1, rows=len(rows), shard=of_shard)
        for name, key in (("city_id", "city"), ("observed_at_ms", "at"), ("fetched_at_ms", "fetched"), ("kind", "kind"), ("provider", "provider"),
                          ("series", "series"), ("quality", "quality"), ("accumulation_s", "accumulation")):
            column = [cells.get(key, 0) for cells, _ in rows]
            if any(column):
                getattr(batch, name).extend(column)
        values = [cells.get("values", {}) for cells, _ in rows]
        extra = [cells.get("unknown", 0) for cells, _ in rows]
        present = [sum(1 << bit for bit in v) | more for v, more in zip(values, extra)]
        batch.present.extend(p - (1 << 64) if p >> 63 else p for p in present)
        for bit in sorted({bit for v in values for bit in v}):
            getattr(batch, VALUES.get(bit) or f"custom_{bit - 32}").extend(v.get(bit, 0) for v in values)
        for index, (_, control) in enumerate(rows):
            if control is not None:
                batch.controls.add(row=index, **control)
        return batch.SerializeToString()

    def _record(self, payload):
        if self.draw.random() < 0.002:
            self.offset += self.draw.randrange(1, 4)  # what transactions leave
        self.records.append((self.offset, self.clock + self.draw.choice((0, 0, 0, -3000)), payload))
        self.offset += 1

    # ---- what happens ----

    def _fact(self, city):
        draw = self.draw
        control = {}
        if draw.random() < 0.9:
            control["zone"] = draw.choice(ZONES)
        if draw.random() < 0.5:
            control["interval_s"] = draw.choice((60, 600, 3600))
        if draw.random() < 0.5:
            control["country"] = draw.choice(("US", "DE", "NP"))
        self._row(CONTROL, control, city=city, at=self.clock)

    def _send(self, station, at, values, **cells):
        cells = {"city": station.city, "series": station.series, "at": max(0, at), "fetched": self.clock, "provider": station.provider,
                 "values": values, **cells}
        station.sent.append(cells)
        self._row(**cells)

    def _reading(self, station):
        draw = self.draw
        values = station.values()
        if draw.random() < 0.01:
            values = station.strange(values)
        provider = {}
        if station.air_alone and draw.random() < 0.25:
            values, provider = station.air_values(), {"provider": draw.choice((4, 5, station.provider))}
        if draw.random() < 0.02:
            values = {bit: v for bit, v in values.items() if draw.random() < 0.5}
        at = self.clock - draw.randrange(0, 10 * MINUTE) if draw.random() < 0.9 else self.clock - draw.randrange(0, 5 * HOUR)
        if draw.random() < 0.5:
            at -= at % MINUTE
        cells = provider
        if draw.random() < 0.02:
            cells["quality"] = draw.getrandbits(56)
        if draw.random() < 0.01:
            cells["unknown"] = draw.choice((1 << 63, 1 << 50, 0xFF << 24))
        if 11 in values or 12 in values or draw.random() < 0.1:
            cells["accumulation"] = draw.choice((600,) * 6 + (3600,) * 6 + (0, 10800, 86400, 100000))
        self._send(station, at, values, **cells)

    def _again(self, station):
        """A reading that comes again, with the same values or others, sometimes as another provider's."""
        draw = self.draw
        cells = dict(draw.choice(station.sent))
        what = draw.random()
        if what < 0.3:
            cells["values"] = {bit: value + draw.choice((0, 1)) for bit, value in cells["values"].items() if abs(value) < INT32}
        elif what < 0.4:
            cells["accumulation"] = 7200
        elif what < 0.5:
            cells["provider"] = draw.choice((1, 2, 3))
        self._row(**cells)

    def _old(self, station):
        self._send(station, self.clock - self.draw.randrange(int(self.lateness_ms * 1.1)), station.values())

    def _history(self, station):
        """Many rows of the days before at once, in order or not."""
        draw = self.draw
        times = [self.clock - k * station.interval for k in range(draw.choice((20, 100, 400)))]
        if draw.random() < 0.5:
            draw.shuffle(times)
        for at in times:
            self._send(station, at, station.values())

    def _stranger(self):
        draw = self.draw
        self._flush()
        what = draw.randrange(10)
        station = draw.choice(self.stations)
        good = (dict(city=station.city, at=self.clock, values={0: 1}), None)
        if what == 0:
            self._record(draw.randbytes(draw.randrange(0, 60)))
        elif what == 1:
            self._record(self.encode([good] * 3, self.partition)[:-draw.randrange(1, 9)])
        elif what == 2 and self.partitions > 1:
            self._record(self.encode([good, (dict(good[0], city=self._ids(1, False)[0]), None)], self.partition))
        elif what == 3:
            self._record(self.encode([good], self.partition + 1))
        elif what == 4:
            cell = draw.choice((("kind", 4), ("at", -1), ("at", 1 << 50), ("city", -5), ("city", 0), ("provider", -1), ("series", -2), ("accumulation", -3),
                                ("fetched", -1)))
            self._record(self.encode([good, (dict(good[0], **{cell[0]: cell[1]}), None)], self.partition))
        elif what == 5:
            self._row(city=station.city, at=self.clock + draw.choice((5 * MINUTE, 5 * MINUTE + 1, DAY)), values={0: 1})
        elif what == 6:
            self._row(city=station.city, series=draw.choice((1001, INT32)), at=self.clock, values={0: 1})
        elif what == 7:
            self._row(CONTROL, {"zone": draw.choice(("Mars/Olympus", "../../etc/passwd", "Europe/", "x" * 300))}, city=station.city)
        elif what == 8:
            self._row(CONTROL, {"zone": "Asia/Tokyo"} if draw.random() < 0.5 else None, city=self._ids(1, self.partitions == 1)[0])
        else:
            self._row(CONTROL, {"config_version": 7}, city=0)
        self.rows += 1

    def _step(self):
        draw = self.draw
        self.clock += draw.choice((20, 60, 120, 300)) * SECOND
        if draw.random() < 0.002:
            self.clock += draw.randrange(3 * HOUR)
        for station in self.stations:
            station.turn(self.clock)
            if station.mood == "silent" or station.due > self.clock:
                continue
            station.due = max(station.due + station.interval, self.clock - 2 * station.interval)
            what = draw.random()
            if what < 0.03:
                self._row(CHECKED, city=station.city, series=station.series, at=self.clock, fetched=self.clock)
            elif what < 0.06 and station.sent:
                self._again(station)
            elif what < 0.065:
                self._old(station)
            elif what < 0.0655:
                self._history(station)
            else:
                self._reading(station)
        if draw.random() < 0.02:
            self._stranger()
        if draw.random() < 0.01:
            self._fact(draw.choice(self.cities))
        if draw.random() < 0.3:
            if draw.random() < 0.9:
                self._flush()
            self._row(TICK, at=self.clock)

    def _end(self):
        """A last tick some hours later."""
        self._flush()
        self.clock += self.draw.randrange(5 * HOUR)
        self._row(TICK, at=self.clock)
        self._flush()

    def framed(self, records=None):
        """What isobar-apply reads."""
        return b"".join(struct.pack("<qqI", offset, at, len(payload)) + payload for offset, at, payload in (records or self.records))


class Less:
    """A log without one of its records."""

    def __init__(self, log, without):
        self.__dict__.update(log.__dict__)
        self.records = [record for index, record in enumerate(log.records) if index != without]


class Calm(Log):
    """Readings none of which is refused, fails or comes twice, all within a day: they give the same windows in whatever order they come."""

    def __init__(self, seed, rows):
        self.seed, self.draw = seed, random.Random(seed)
        self.windows, self.partitions, self.partition = "1h:90d,3h:90d", 1, 0
        self.lateness_ms, self.allowed_delay_ms, self.idle_ms = 40 * DAY, 30 * DAY, DAY
        self.base = 1790000000000
        self.cells = self._cells(rows)
        self._batches(self.cells, 20)

    def _cells(self, count):
        draw, cells = self.draw, {}
        while len(cells) < count:
            city, at, provider = draw.randrange(1, 6), self.base - draw.randrange(20 * HOUR), draw.choice((1, 2))
            values = {0: draw.randrange(2600, 2800), 6: draw.randrange(4000, 8000), 4: draw.randrange(101000, 101090), 8: draw.randrange(0, 3000),
                      9: draw.randrange(36000), 10: draw.randrange(7500), 11: draw.randrange(0, 3000), 13: draw.randrange(10001),
                      14: draw.randrange(20000), 32: draw.randrange(-10 ** 9, 10 ** 9), 47: draw.choice((7, -7))}
            values = {bit: value for bit, value in values.items() if draw.random() < 0.9}
            cells[city, at, provider] = dict(city=city, at=at, fetched=at, provider=provider, accumulation=3600, values=values)
        return list(cells.values())

    def _batches(self, cells, size):
        """The rows as records, and a tick long after."""
        self.records = [(k, self.base, self.encode([(c, None) for c in cells[at:at + size]], 0))
                        for k, at in enumerate(range(0, len(cells), size))]
        tick = self.encode([(dict(kind=TICK, at=self.base), None)], 0)
        self.records.append((len(self.records), self.base + 35 * DAY, tick))

    def _other(self, cells, batch):
        other = object.__new__(Calm)
        other.__dict__.update(self.__dict__)
        other._batches(cells, batch)
        return other

    def shuffled(self, seed, batch=20):
        cells = list(self.cells)
        random.Random(seed).shuffle(cells)
        return self._other(cells, batch)

    def reversed(self):
        return self._other(self.cells[::-1], 50)
