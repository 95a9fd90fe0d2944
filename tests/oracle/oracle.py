#!/usr/bin/python3
"""The oracle: reads the whole topic, recomputes every count and window, and compares with Redis exactly.

It shares no code with the worker: its own murmur2, its own decoding (protobuf's Python runtime), its own window logic with
Python's unbounded integers. Where docs/contracts.md leaves a choice to log order, it follows log order.

  oracle.py --kafka HOST:PORT --redis HOST:PORT [--prefix isobar:] [--json]

Exit code: 0 equal, 1 a difference (each is printed, at most 50), 69 a dependency is missing.

What it checks, per partition:
  I1  applied + gaps = offset - first offset, and offset <= the log's end
  I2  rows and every row counter equal the recount; pane counts (closed and open) + retired = in + late
  I3  the clock equals the largest timestamp applied
  windows: rows, and per metric count, sum, sum of squares, minimum, maximum, first, last with their times; wind vector sums
  panes: the exact set of readings of each closed and open pane
Rows that were retired from Redis since are counted, not compared.
"""
import argparse
import collections
import datetime
import functools
import json
import math
import os
import subprocess
import sys
import warnings
import zoneinfo

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROTO_DIR = os.path.join(ROOT, "build", "oracle")

OBSERVATION, CHECKED, TICK, CONTROL = range(4)
GROUP = 3  # wire type
FUTURE_MS = 5 * 60 * 1000
TIME_MAX_MS = 253402300799999  # the year 9999 ends
MAX_ROWS, MAX_BYTES = 512, 256 * 1024
# metric -> (bit of `present`, column)
METRICS = {1: (0, "temperature_centi_c"), 2: (6, "humidity_centi_percent"), 3: (4, "pressure_sea_level_pa"), 4: (5, "pressure_station_pa"),
           5: (8, "wind_speed_cm_s"), 6: (10, "wind_gust_cm_s"), 7: (11, "rain_um"), 8: (12, "snow_um"), 9: (13, "cloud_centi_percent"),
           10: (14, "visibility_m"), 11: (7, "dew_point_centi_c"), 12: (16, "air_quality_index")}
COLUMNS = [d for d in ("city_id", "observed_at_ms", "fetched_at_ms", "present", "kind", "provider", "series", "quality", "accumulation_s",
                       "temperature_centi_c", "feels_like_centi_c", "temperature_min_centi_c", "temperature_max_centi_c", "pressure_sea_level_pa",
                       "pressure_station_pa", "humidity_centi_percent", "dew_point_centi_c", "wind_speed_cm_s", "wind_direction_centi_deg",
                       "wind_gust_cm_s", "rain_um", "snow_um", "cloud_centi_percent", "visibility_m", "condition", "air_quality_index",
                       "pm2_5_ng_m3", "pm10_ng_m3", "no2_ng_m3", "o3_ng_m3", "so2_ng_m3", "co_ng_m3", "nh3_ng_m3")]
# the value columns, by bit of `present`
VALUES = {**dict(enumerate(COLUMNS[9:])), **{32 + k: f"custom_{k}" for k in range(16)}}
COLUMNS += [f"custom_{k}" for k in range(16)]
# bit -> least and most: a value outside fails and is not aggregated (docs/semantics.md, RANGE)
RANGES = {0: (-8000, 6000), 4: (50000, 110000), 5: (50000, 110000), 6: (0, 10000), 7: (-8000, 3500), 8: (0, 7500), 9: (0, 35999), 10: (0, 7500),
          11: (0, 500000), 12: (0, 500000), 13: (0, 10000), 14: (0, None), **{bit: (0, None) for bit in range(16, 24)}}
# columns of every row, by the same rule
FIXED = {"city_id": (0, None), "observed_at_ms": (0, TIME_MAX_MS), "fetched_at_ms": (0, TIME_MAX_MS), "kind": (OBSERVATION, CONTROL),
         "provider": (0, None), "series": (0, None), "accumulation_s": (0, None)}


def modules():
    """The generated message classes, made on demand by protoc."""
    names = ("observation", "window", "alert", "city", "control")
    os.makedirs(PROTO_DIR, exist_ok=True)
    sources = [os.path.join(ROOT, "proto", n + ".proto") for n in names]
    outputs = [os.path.join(PROTO_DIR, n + "_pb2.py") for n in names]
    if not all(os.path.exists(o) and os.path.getmtime(o) >= os.path.getmtime(s) for o, s in zip(outputs, sources)):
        subprocess.run(["protoc", "-I" + os.path.join(ROOT, "proto"), "--python_out=" + PROTO_DIR, *sources], check=True)
    if PROTO_DIR not in sys.path:
        sys.path.insert(0, PROTO_DIR)
    import city_pb2
    import observation_pb2
    import window_pb2
    return observation_pb2, window_pb2, city_pb2


def murmur2(data):
    """Kafka's murmur2, from its description in the Java client."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    tail = data[whole:]
    if tail:
        h = ((h ^ int.from_bytes(tail, "little")) * m) & mask
    h = ((h ^ (h >> 13)) * m) & mask
    return h ^ (h >> 15)


def body(row):
    """The hash of what a reading says, by which a repetition is told from a correction."""
    said = b"".join(bytes([bit]) + row[name].to_bytes(4, "little", signed=True) for bit, name in VALUES.items() if row["present"] >> bit & 1)
    return murmur2(said + row["accumulation_s"].to_bytes(4, "little", signed=True)) or 1


def judged(row):
    """The row without the values that are outside their range. Nothing else that fails is known here."""
    present = row["present"]
    for bit, (low, high) in RANGES.items():
        if present >> bit & 1 and outside(row[VALUES[bit]], low, high):
            present &= ~(1 << bit)
    return {**row, "present": present}


def shard(city_id, partitions):
    return (murmur2(str(city_id).encode()) & 0x7FFFFFFF) % partitions


def duration_ms(text):
    return int(text[:-1]) * {"s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "y": 365 * 86400000}[text[-1]]


def window_sizes(text):
    """[(name, size, retention)] and the pane's length."""
    sizes = []
    for part in text.split(","):
        if "/" in part:
            continue  # sliding: in no key
        name, retention = part.split(":")
        sizes.append((name, duration_ms(name), duration_ms(retention)))
    pane = 0
    for _, size, _ in sizes:
        pane = math.gcd(pane, size)
    if any(size >= 86400000 for _, size, _ in sizes):
        pane = math.gcd(pane, 15 * 60000)
    return sizes, pane


DAY_MS = 86400000
QUARTER_MS = 900000


def offset_ms(zone, at_ms):
    """What local time is ahead of UTC, in force from a whole quarter of an hour on and rounded down to one."""
    instant = datetime.datetime.fromtimestamp(at_ms // QUARTER_MS * QUARTER_MS / 1000, zoneinfo.ZoneInfo(zone))
    return int(instant.utcoffset().total_seconds() * 1000) // QUARTER_MS * QUARTER_MS


@functools.lru_cache(maxsize=100000)
def day_start(zone, number):
    """The first quarter of an hour whose local date is the day number or a later one."""
    at = number * DAY_MS - DAY_MS
    while (at + offset_ms(zone, at)) // DAY_MS < number:
        at += QUARTER_MS
    return at


def window_key(size, zone, at_ms):
    """What names the window in Redis, and its span: the start, or the date of whole days."""
    if size % DAY_MS:
        start = at_ms - at_ms % size
        return str(start), start, start + size
    number = (at_ms + offset_ms(zone, at_ms)) // DAY_MS
    while day_start(zone, number + 1) <= at_ms:
        number += 1
    number -= number % (size // DAY_MS)
    date = datetime.date(1970, 1, 1) + datetime.timedelta(days=number)
    return date.isoformat(), day_start(zone, number), day_start(zone, number + size // DAY_MS)


def half_away(x):
    return math.floor(x + 0.5) if x >= 0 else math.ceil(x - 0.5)


class Bad(Exception):
    pass


def parse(payload, observation_pb2):
    """The message, read strictly: Python's runtime only warns of an end of group that comes too early, and keeps what has another wire type
    than the contract says as unknown fields."""
    batch = observation_pb2.ObservationBatch()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            batch.ParseFromString(payload)
    except Exception as error:
        raise Bad("not a batch") from error
    known = batch.DESCRIPTOR.fields_by_number
    if any(field.field_number in known or field.wire_type == GROUP for field in batch.UnknownFields()):
        raise Bad("not a batch")
    return batch


def outside(value, low, high):
    return value < low or (high is not None and value > high)


def decode(payload, observation_pb2):
    """The shard and the rows of a record as dicts; Bad when a worker must refuse the whole record (proto/observation.proto)."""
    if len(payload) > MAX_BYTES:
        raise Bad("too large")
    batch = parse(payload, observation_pb2)
    n = batch.rows
    if batch.format != 1 or not 1 <= n <= MAX_ROWS or batch.shard < 0:
        raise Bad("format, rows or shard")
    columns = {}
    for name in COLUMNS:
        column = getattr(batch, name)
        if len(column) not in (0, n):
            raise Bad("column length")
        columns[name] = list(column) or [0] * n
    rows = [{name: columns[name][i] for name in COLUMNS} for i in range(n)]
    for row in rows:
        if any(outside(row[name], low, high) for name, (low, high) in FIXED.items()):
            raise Bad("kind, place, source or time")
        if row["kind"] in (OBSERVATION, CHECKED) and row["city_id"] == 0:
            raise Bad("reading without a city")
    for control in batch.controls:
        if not 0 <= control.row < n or rows[control.row]["kind"] != CONTROL:
            raise Bad("control without its row")
        rows[control.row].update({"says": True, "zone": control.zone or rows[control.row].get("zone", "")})
    return batch.shard, rows


class Aggregate:
    """A window or pane recomputed from its rows."""

    def __init__(self):
        self.rows = []

    def summary(self):
        out = {"rows": len(self.rows)}
        for metric, (bit, column) in METRICS.items():
            values = sorted((r["observed_at_ms"], r[column]) for r in self.rows if r["present"] >> bit & 1)
            if not values:
                continue
            numbers = [v for _, v in values]
            low, high = min(numbers), max(numbers)
            out[metric] = {"count": len(numbers), "sum": sum(numbers), "square_sum": sum(v * v for v in numbers),
                           "minimum": low, "minimum_at": min(t for t, v in values if v == low),
                           "maximum": high, "maximum_at": min(t for t, v in values if v == high),
                           "first": values[0][1], "first_at": values[0][0],
                           "last": min(v for t, v in values if t == values[-1][0]), "last_at": values[-1][0]}
        return out

    def wind(self):
        count = calm = east = north = 0
        for r in self.rows:
            if not r["present"] >> 8 & 1:
                continue
            speed = r["wind_speed_cm_s"]
            if speed < 50:
                calm += 1
            elif r["present"] >> 9 & 1:
                angle = math.radians(r["wind_direction_centi_deg"] / 100)
                count += 1
                east += half_away(-speed * 10 * math.sin(angle))
                north += half_away(-speed * 10 * math.cos(angle))
        return {"count": count, "calm": calm, "east_mm_s": east, "north_mm_s": north}


class Partition:
    """What the log says about one partition up to an offset."""

    def __init__(self, number, partitions, pane_ms, lateness_ms, sizes):
        self.number, self.partitions = number, partitions
        self.pane_ms, self.lateness_ms, self.sizes = pane_ms, lateness_ms, sizes
        self.clock = 0
        self.applied = 0
        self.counts = collections.Counter()
        self.panes = collections.defaultdict(Aggregate)   # (field, pane start)
        self.seen = collections.defaultdict(dict)         # (field, pane start) -> {(observed, provider): body}
        self.windows = collections.defaultdict(Aggregate)  # (size name, key, field)
        self.zones = collections.defaultdict(lambda: "UTC")  # by city

    def record(self, timestamp, payload, observation_pb2):
        self.applied += 1
        self.clock = max(self.clock, timestamp)
        try:
            of_shard, rows = decode(payload, observation_pb2)
        except Bad:
            self.counts["rows"] += 1
            self.counts["rows_bad"] += 1
            return
        for row in rows:
            self.counts["rows"] += 1
            self.counts["rows_" + self.one(row, of_shard)] += 1

    def control(self, row, of_shard):
        city = row["city_id"]
        if city <= 0 or not row.get("says"):
            return "control"
        if of_shard != self.number or shard(city, self.partitions) != self.number:
            return "bad"
        if row["zone"]:
            try:
                zoneinfo.ZoneInfo(row["zone"])
            except (zoneinfo.ZoneInfoNotFoundError, ValueError):
                return "bad"
            self.zones[city] = row["zone"]
        return "control"

    def one(self, row, of_shard):
        if row["kind"] == TICK:
            return "tick"
        if row["kind"] == CONTROL:
            return self.control(row, of_shard)
        city = row["city_id"]
        if city <= 0 or of_shard != self.number or shard(city, self.partitions) != self.number or not 0 <= row["series"] <= 1000:
            return "bad"
        if row["kind"] == CHECKED:
            return "checked"
        at = row["observed_at_ms"]
        if at > self.clock + FUTURE_MS:
            return "bad"
        start = at - at % self.pane_ms
        if self.clock - (start + self.pane_ms) > self.lateness_ms:
            return "retired"
        field = str(city) if row["series"] == 0 else f"{city}/{row['series']}"
        key = (at, row["provider"])
        if row["present"] >> 9 & 1 and row["wind_direction_centi_deg"] == 36000:
            row["wind_direction_centi_deg"] = 0
        if key in self.seen[field, start]:
            return "duplicate" if self.seen[field, start][key] == body(row) else "correction"
        self.seen[field, start][key] = body(row)
        row = judged(row)
        self.panes[field, start].rows.append(row)
        for name, size, _ in self.sizes:
            self.windows[name, window_key(size, self.zones[city], at)[0], field].rows.append(row)
        return "in"  # or late: which one depends on ticks; the sum is what is compared


def read_topic(brokers, topic, limits, handle, timeout_s=60):
    """Calls handle(partition, offset, timestamp, value) for offsets first..limit-1 of each partition, in order."""
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "isobar-oracle", "enable.auto.commit": False,
                         "auto.offset.reset": "error", "enable.partition.eof": False, "isolation.level": "read_uncommitted"})
    open_ends = {p: end for p, (first, end) in limits.items() if first < end}
    consumer.assign([TopicPartition(topic, p, limits[p][0]) for p in open_ends])
    import time
    deadline = time.monotonic() + timeout_s
    while open_ends:
        for message in consumer.consume(1000, 0.5):
            if message.error():
                raise RuntimeError(str(message.error()))
            p = message.partition()
            if p not in open_ends:
                continue
            if message.offset() < limits[p][1]:
                handle(p, message.offset(), message.timestamp()[1], message.value() or b"")
            if message.offset() + 1 >= limits[p][1]:
                del open_ends[p]
        if time.monotonic() > deadline:
            raise RuntimeError(f"the topic could not be read to the end: missing partitions {sorted(open_ends)}")
    consumer.close()


class Comparison:
    def __init__(self):
        self.differences = []
        self.compared = collections.Counter()

    def equal(self, what, want, have):
        self.compared[what.split(" ")[0]] += 1
        if want != have:
            self.differences.append(f"{what}: the log says {want}, Redis says {have}")


def state_summary(state):
    """The same shape as Aggregate.summary, from a WindowState."""
    out = {"rows": state.rows}
    high = list(state.square_sum_high) or [0] * len(state.metric)
    for i, metric in enumerate(state.metric):
        out[metric] = {"count": state.count[i], "sum": state.sum[i],
                       "square_sum": (high[i] << 64) + (state.square_sum_low[i] & (2**64 - 1)),
                       "minimum": state.minimum[i], "minimum_at": state.start_ms + state.minimum_at[i],
                       "maximum": state.maximum[i], "maximum_at": state.start_ms + state.maximum_at[i],
                       "first": state.first[i], "first_at": state.start_ms + state.first_at[i],
                       "last": state.last[i], "last_at": state.start_ms + state.last_at[i]}
    return out


def compare_wind(comparison, what, aggregate, states):
    want = aggregate.wind()
    have = collections.Counter()
    for state in states:
        for name in want:
            have[name] += getattr(state.wind, name)
    # sines come from two libraries: the rounding may differ in the last unit of a row
    for name in ("count", "calm"):
        comparison.equal(f"{what} wind.{name}", want[name], have[name])
    for name in ("east_mm_s", "north_mm_s"):
        if abs(want[name] - have[name]) > 0:
            comparison.equal(f"{what} wind.{name}", want[name], have[name])


def merge(summaries):
    """Merges summaries of disjoint rows (folded window and open panes)."""
    out = {"rows": 0}
    for s in summaries:
        out["rows"] += s["rows"]
        for metric, a in s.items():
            if metric == "rows":
                continue
            b = out.get(metric)
            if b is None:
                out[metric] = dict(a)
                continue
            low = min((b["minimum"], b["minimum_at"]), (a["minimum"], a["minimum_at"]))
            top = min((-b["maximum"], b["maximum_at"]), (-a["maximum"], a["maximum_at"]))
            first = min((b["first_at"], b["first"]), (a["first_at"], a["first"]))
            last = min((-b["last_at"], b["last"]), (-a["last_at"], a["last"]))
            out[metric] = {"count": b["count"] + a["count"], "sum": b["sum"] + a["sum"], "square_sum": b["square_sum"] + a["square_sum"],
                           "minimum": low[0], "minimum_at": low[1], "maximum": -top[0], "maximum_at": top[1],
                           "first": first[1], "first_at": first[0], "last": last[1], "last_at": -last[0]}
    return out


def pattern(key):
    """The key as a glob pattern that matches only what begins with it."""
    return "".join("\\" + c if c in "*?[]\\" else c for c in key) + "*"


def read_windows(redis, prefix, p, comparison):
    """(size name, key, field) -> bytes of every folded window of the partition; each key's #n is checked."""
    _, window_pb2, _ = modules()
    folded = {}
    for key in redis.scan_iter(pattern(f"{prefix}{{{p}}}:w:"), count=1000):
        name, start = key.decode().rsplit(":", 2)[1:]
        fields = redis.hgetall(key)
        count = int(fields.pop(b"#n", 0))
        comparison.equal(f"p{p} #n of {name} {start}", sum(window_pb2.WindowState.FromString(v).rows for v in fields.values()), count)
        folded.update({(name, start, field.decode()): raw for field, raw in fields.items()})
    return folded


def check_partition(redis, prefix, log, ledger, pb, comparison):
    _, window_pb2, city_pb2 = pb
    p = log.number
    tag = f"p{p}"
    number = lambda field: int(ledger[field])
    comparison.equal(f"{tag} I1", number("offset") - number("first_offset"), number("applied") + number("gaps"))
    comparison.equal(f"{tag} applied", log.applied, number("applied"))
    comparison.equal(f"{tag} clock", log.clock, number("clock_ms"))
    for name in ("rows", "rows_duplicate", "rows_correction", "rows_bad", "rows_checked", "rows_tick", "rows_control", "rows_retired"):
        comparison.equal(f"{tag} {name}", log.counts[name], int(ledger.get(name, "0")))
    comparison.equal(f"{tag} rows_in+late", log.counts["rows_in"], number("rows_in") + number("rows_late"))
    # panes: closed ones in their keys, open ones in the cities' states
    open_panes = {}
    for field, raw in redis.hgetall(f"{prefix}{{{p}}}:city").items():
        state = city_pb2.CityState.FromString(raw)
        for pane in state.open:
            open_panes[field.decode(), pane.state.start_ms] = pane
    total = sum(pane.state.rows for pane in open_panes.values())
    panes = dict(open_panes)
    pane_keys = {}
    for key in redis.scan_iter(pattern(f"{prefix}{{{p}}}:pane:"), count=1000):
        start = int(key.rsplit(b":", 1)[1])
        fields = redis.hgetall(key)
        count = int(fields.pop(b"#n", 0))
        comparison.equal(f"{tag} #n of pane {start}", sum(window_pb2.Pane.FromString(v).state.rows for v in fields.values()), count)
        total += count
        pane_keys[start] = True
        for field, raw in fields.items():
            if (field.decode(), start) in panes:
                comparison.differences.append(f"{tag} pane {start} of {field.decode()} is open and closed at once")
            panes[field.decode(), start] = window_pb2.Pane.FromString(raw)
    comparison.equal(f"{tag} I2 panes+retired", number("rows_in") + number("rows_late"), total + number("retired"))
    cursor = int(ledger.get("pane_cursor_ms", "0"))
    for (field, start), aggregate in log.panes.items():
        if start < cursor:
            comparison.compared["retired-panes"] += 1
            continue
        pane = panes.get((field, start))
        if pane is None:
            comparison.differences.append(f"{tag} pane {start} of {field}: {len(aggregate.rows)} rows in the log, none in Redis")
            continue
        comparison.equal(f"pane {tag} {start} of {field}", aggregate.summary(), state_summary(pane.state))
        providers = list(pane.provider) or [0] * len(pane.observed_at)
        comparison.equal(f"seen {tag} {start} of {field}", sorted(log.seen[field, start]),
                         [(start + at, provider) for at, provider in zip(pane.observed_at, providers)])
    for field, start in panes:
        if (field, start) not in log.panes:
            comparison.differences.append(f"{tag} pane {start} of {field}: Redis has it, no row of the log falls into it")
    # windows: folded state plus open panes
    folded = read_windows(redis, prefix, p, comparison)
    for key in folded:
        if key not in log.windows:
            comparison.differences.append(f"{tag} window {key[0]} {key[1]} of {key[2]}: Redis has it, no row of the log falls into it")
    for (name, start, field), aggregate in log.windows.items():
        size = next(s for n, s, _ in log.sizes if n == name)
        cursor = int(ledger.get(f"w_cursor_{name}", "0"))
        if size % DAY_MS == 0:
            retired = datetime.date.fromisoformat(start) < datetime.date(1970, 1, 1) + datetime.timedelta(days=cursor)
        else:
            retired = int(start) < cursor
        if retired:
            comparison.compared["retired-windows"] += 1
            continue
        zone = log.zones[int(field.split("/")[0])]
        raw = folded.get((name, start, field))
        states = [window_pb2.WindowState.FromString(raw)] if raw else []
        states += [pane.state for (f, s), pane in open_panes.items() if f == field and window_key(size, zone, s)[0] == start]
        comparison.equal(f"window {tag} {name} {start} of {field}", aggregate.summary(), merge([state_summary(s) for s in states]))
        compare_wind(comparison, f"window {tag} {name} {start} of {field}", aggregate, states)


def run(kafka, redis_address, prefix="isobar:"):
    """(Comparison, totals). The workers should be quiet: partitions whose commit id moves meanwhile are an error."""
    import redis as redis_client
    host, port = redis_address.rsplit(":", 1)
    redis = redis_client.Redis(host, int(port), socket_timeout=30)
    pb = modules()
    meta = {k.decode(): v.decode() for k, v in redis.hgetall(prefix + "meta").items()}
    partitions = int(meta["partitions"])
    sizes, pane_ms = window_sizes(meta["windows"])
    read_ledger = lambda p: {k.decode(): v.decode() for k, v in redis.hgetall(f"{prefix}{{{p}}}:ledger").items()}
    ledgers = {p: read_ledger(p) for p in range(partitions)}
    logs = {p: Partition(p, partitions, pane_ms, int(meta["lateness_ms"]), sizes) for p in range(partitions)}
    limits = {p: (int(ledgers[p]["first_offset"]), int(ledgers[p]["offset"])) for p in range(partitions)}
    read_topic(kafka, meta["topic"], limits, lambda p, o, t, v: logs[p].record(t, v, pb[0]))
    comparison = Comparison()
    totals = collections.Counter()
    for p in range(partitions):
        check_partition(redis, prefix, logs[p], ledgers[p], pb, comparison)
        if read_ledger(p)["cid"] != ledgers[p]["cid"]:
            comparison.differences.append(f"p{p}: a commit came while it was read; stop the workers first")
        totals.update(logs[p].counts)
        totals["redis_rows"] += int(ledgers[p]["rows"])
        totals["redis_accepted"] += int(ledgers[p]["rows_in"]) + int(ledgers[p]["rows_late"])
    return comparison, totals


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--prefix", default="isobar:")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        comparison, totals = run(options.kafka, options.redis, options.prefix)
    except (RuntimeError, OSError) as error:
        print(f"oracle: {error}", file=sys.stderr)
        return 69
    if options.json:
        print(json.dumps({"differences": comparison.differences[:50], "compared": comparison.compared, "totals": totals}))
    else:
        for line in comparison.differences[:50]:
            print("DIFFERENT", line)
        print(f"oracle: {len(comparison.differences)} differences; compared {dict(comparison.compared)}; rows {dict(totals)}")
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
