"""isobarctl verify against a real redis-server and the brokers: it holds while workers commit, and finds what is planted."""
import json
import random
import re
import time

import oracle
import pytest
from conftest import SANITIZED
from ctl_runs import catalogue, run, started, view_of
from stack import wait_for

SLOW = 4 if SANITIZED else 1


@pytest.fixture
def filled(stack):
    """A day of readings with late, doubled, retired and bad ones, taken in by two real workers; panes and windows of all kinds."""
    stack.prefix = "is*[b-r]?:"  # characters that a pattern would take for its own
    redis = started(stack)
    stack.init(24, None, 8)
    stack.start_coordinator("coordinator-1", -1)
    for name in ("worker-1", "worker-2"):
        stack.start_worker(name)
    stack.count = feed(stack, sorted(catalogue(redis, stack.prefix)))
    wait_for("everything is read", lambda: read_to_the_end(stack), 30 * SLOW)
    stack.redis_client = redis
    return stack


def feed(stack, cities, hours=24, each_hour=None):
    """Produces batches of two rows, in the order of an untidy source; returns how many records. `each_hour` runs in between."""
    from confluent_kafka import Producer
    observation_pb2 = oracle.modules()[0]
    producer = Producer({"bootstrap.servers": stack.kafka})
    rng = random.Random(7)
    now = int(time.time() * 1000)
    count = 0
    for step in range(hours * 6):
        for city in cities:
            batch = observation_pb2.ObservationBatch(format=1, rows=2, shard=oracle.shard(city, 24))
            for k in range(2):
                at = now - (hours * 6 - step) * 600000 + k * 240000 + rng.choice((0, 0, 0, 0, -1500000, -4 * 86400000))
                batch.city_id.append(city)
                batch.observed_at_ms.append(at)
                batch.fetched_at_ms.append(now)
                batch.present.append(1)
                batch.kind.append(0)
                batch.provider.append(17)
                batch.temperature_centi_c.append(rng.randrange(-2000, 4000))
            for _ in range(2 if rng.random() < 0.05 else 1):
                producer.produce("weather.observations", batch.SerializeToString(), partition=batch.shard)
                count += 1
        if each_hour and step % 6 == 5:
            assert producer.flush(20) == 0
            each_hour()
    producer.produce("weather.observations", b"no batch", partition=oracle.shard(cities[0], 24))
    assert producer.flush(20) == 0
    return count + 1


def read_to_the_end(stack):
    _, view = view_of(stack)
    return bool(view) and sum(p["offset"] for p in view["partition_list"]) >= stack.count and \
        all(p["phase"] == "running" and p["lag"] == 0 for p in view["partition_list"])


@pytest.mark.sanitized
def test_verify_holds_while_workers_commit(stack):
    redis = started(stack)
    stack.init(24, None, 8)
    stack.start_coordinator("coordinator-1", -1)
    stack.start_worker("worker-1")
    wait_for("the worker holds all", lambda: view_of(stack)[0] == 0, 15 * SLOW)
    seen = set()

    def moved_on():
        code, out, err = run(stack, "verify")
        assert code == 0, out + err
        new = out not in seen
        seen.add(out)
        return new

    def check():
        wait_for("verify counts more rows than before", moved_on, 30 * SLOW)

    stack.count = feed(stack, sorted(catalogue(redis)), 12 if SANITIZED else 48, check)
    wait_for("everything is read", lambda: read_to_the_end(stack), 30 * SLOW)

    def told():
        """Equal but for a tick, which may fall between the two."""
        code, out, err = run(stack, "verify")
        assert code == 0, out + err
        return out == f"24 partitions, {sum(int(redis.hget(f'isobar:{{{p}}}:ledger', 'rows')) for p in range(24)):,} rows: all invariants hold\n"

    wait_for("verify says how many rows the ledgers have", told, 30 * SLOW)
    assert len(seen) >= 12


class Planter:
    """Changes one thing, checks that verify says so, and puts it back."""

    def __init__(self, stack):
        self.stack, self.redis, self.prefix = stack, stack.redis_client, stack.prefix
        self.city_pb2 = oracle.modules()[2]
        self.partition = max(range(24), key=lambda p: int(self.redis.hget(self.ledger(p), "rows_late")))
        self.other = (self.partition + 1) % 24
        self.ledger_key = self.ledger(self.partition)
        self.city_key = self.key("city")
        self.pane_key = self.some_key("pane:*")
        self.window_key = self.some_key("w:1h:*")

    def ledger(self, partition):
        return f"{self.prefix}{{{partition}}}:ledger"

    def key(self, name):
        return f"{self.prefix}{{{self.partition}}}:{name}"

    def some_key(self, pattern):
        escaped = re.sub(r"([*?\[\]\\])", r"\\\1", self.key(""))
        return sorted(self.redis.scan_iter(escaped + pattern))[2].decode()

    def number(self, field):
        return int(self.redis.hget(self.ledger_key, field))

    def add(self, key, field, amount):
        return lambda: self.redis.hincrby(key, field, amount)

    def put(self, field, value):
        return lambda: self.redis.hset(self.ledger_key, field, value)

    def city(self, change):
        """A plant that changes the decoded state of a city."""
        def plant():
            field, raw = sorted(self.redis.hgetall(self.city_key).items())[0]
            state = self.city_pb2.CityState.FromString(raw)
            change(state)
            self.redis.hset(self.city_key, field, state.SerializeToString())
        return plant

    def dump(self):
        """All keys of the two partitions that plants touch."""
        tags = tuple(f"{self.prefix}{{{p}}}:".encode() for p in (self.partition, self.other))
        keys = [key for key in self.redis.keys("*") if key.startswith(tags)]
        with self.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.dump(key)
            return dict(zip(keys, pipe.execute()))

    def found(self, plant, *wanted, partition=None):
        before = self.dump()
        plant()
        code, out, err = run(self.stack, "verify")
        after = self.dump()
        for key in set(after) - set(before):
            self.redis.delete(key)
        for key, value in before.items():
            if after.get(key) != value:
                self.redis.restore(key, 0, value, replace=True)
        assert code == 1, (wanted, out, err)
        lines = [line for line in out.splitlines() if line.startswith(f"partition {self.partition if partition is None else partition}: ")]
        for word in wanted:
            assert any(str(word) in line for line in lines), (word, out, err)
        assert re.search(r"^24 partitions, [\d,]+ rows: \d+ violations? in \d+ partitions?$", out, re.M), out
        return out


def test_verify_finds_every_planted_inconsistency(filled):
    stack, redis = filled, filled.redis_client
    quiet = [p for name, p in stack.programs.items() if name.startswith(("worker", "coordinator"))]
    for program in quiet:
        assert program.terminate(10) == 0
    code, out, err = run(stack, "verify", "--verbose")
    assert code == 0 and len(re.findall(r"^partition \d+: good; ", out, re.M)) == 24, out + err
    p = Planter(stack)
    far = 250_000_000_000_000  # in the year 9892
    number = p.number
    counters = ("rows", "rows_in", "rows_late", "rows_duplicate", "rows_correction", "rows_bad", "rows_checked", "rows_tick", "rows_control", "rows_retired")
    assert number("rows_in") and number("rows_late") and number("rows_duplicate") and number("rows_retired"), "the feed is too tidy"

    # I1
    for field in ("applied", "gaps"):
        p.found(p.add(p.ledger_key, field, 1), f"I1: applied {number('applied') + (field == 'applied')} + gaps", f"offset {number('offset')} ")
    # I2 within the ledger, and against cities and panes
    for field in counters:
        p.found(p.add(p.ledger_key, field, 1), f"I2: rows {number('rows') + (field == 'rows')}, but in ")
    for field in ("rows_in", "rows_late", "rows_duplicate", "rows_correction", "rows_retired"):
        def moved(field=field):
            redis.hincrby(p.ledger_key, field, 1)
            redis.hincrby(p.ledger_key, "rows_bad", -1)
        p.found(moved, f"I2: {field} {number(field) + 1}, but the cities have {number(field)}")
        p.found(p.city(lambda state, field=field: setattr(state, field, getattr(state, field) + 1)), f"I2: {field} {number(field)}, but the cities have")
    p.found(p.city(lambda state: setattr(state, "rows_bad", 1000)), "I2: rows_bad", "1000")
    p.found(p.add(p.ledger_key, "retired", 1), "I2: panes hold", f"rows_in {number('rows_in')} + rows_late {number('rows_late')}")
    p.found(p.add(p.pane_key, "#n", 1), "I2: panes hold", f"{p.pane_key}: #n is")
    p.found(lambda: redis.delete(p.pane_key), "I2: panes hold")
    p.found(lambda: redis.hdel(p.pane_key, "#n"), f"{p.pane_key}: #n is 0")
    p.found(lambda: redis.hset(p.pane_key, "#n", "x"), f"{p.pane_key}: #n is x")
    p.found(p.add(p.window_key, "#n", -1), f"I2: {p.window_key}: #n is", "but its records have")
    p.found(p.city(lambda state: state.open.pop()), "I2: panes hold")
    lost = next(f for f in redis.hkeys(p.window_key) if f != b"#n")
    p.found(lambda: redis.hdel(p.window_key, lost), f"I2: {p.window_key}: #n is")
    field, raw = sorted(redis.hgetall(p.city_key).items())[0]
    p.found(lambda: redis.hdel(p.city_key, field), "I2: rows_in")
    p.found(lambda: redis.rename(p.pane_key, p.key("pane:300000")), "retired and is still there")
    # I3
    p.found(p.put("first_offset", number("offset") + 5), f"I3: first_offset {number('offset') + 5} is above offset")
    p.found(p.put("record_offset", number("offset")), "I3: record_offset")
    p.found(p.put("clock_ms", int(time.time() * 1000) + 3600000), "I3: clock_ms", "in the future")
    p.found(p.put("tick_clock_ms", number("clock_ms") + 1), "I3: tick_clock_ms")
    p.found(p.put("clock_ms", number("clock_ms") - 86400000), "I3: city", "above the clock")
    p.found(p.put("clock_ms", far), "I3: pane_cursor_ms and clock_ms are too far apart")
    p.found(p.put("w_cursor_1h", 5), "I3: w_cursor_1h 5")

    def beyond():
        redis.hincrby(p.ledger_key, "offset", 1000)
        redis.hincrby(p.ledger_key, "gaps", 1000)
    p.found(beyond, f"I3: offset {number('offset') + 1000} is beyond the log's end")
    p.found(p.city(lambda state: setattr(state, "watermark_ms", far)), "I3: city", f"watermark {far}")
    p.found(p.city(lambda state: setattr(state, "watermark_ms", 5)), "I3: city", "above the watermark 5")
    p.found(p.city(lambda state: setattr(state, "heard_at_ms", far)), "I3: city", f"heard at {far}")
    p.found(p.city(lambda state: setattr(state, "closed_through_ms", far)), "I3: city", f"closed through {far}", "is open, but all through")
    p.found(p.city(lambda state: setattr(state, "closed_through_ms", state.closed_through_ms - 1)), "is no end of a pane")
    p.found(lambda: redis.hset(p.ledger(p.other).replace("ledger", "city"), field, raw), f"belongs to partition {p.partition}", partition=p.other)
    p.found(lambda: redis.hset(p.city_key, "77", raw), f"the record of 77 says that it is {field.decode()}")
    p.found(lambda: redis.rename(p.window_key, p.key("w:1h:1700000400000")), "w:1h:1700000400000: the record of city", "spans")
    p.found(lambda: redis.rename(p.window_key, p.key("w:1h:1700000400007")), "starts between two")
    # what cannot be read
    p.found(lambda: redis.hset(p.city_key, field, raw[:-3]), f"state: city {field.decode()} cannot be decoded")
    p.found(lambda: redis.hset(p.window_key, lost, b"\x01"), f"{p.window_key}: the record of city {lost.decode()} cannot be decoded")
    p.found(lambda: redis.hset(p.window_key, "x", raw), "which is no city")
    p.found(lambda: redis.rename(p.window_key, p.key("w:7m:0")), "a size that is not configured")
    p.found(lambda: (redis.delete(p.window_key), redis.set(p.window_key, "x")), f"{p.window_key} cannot be read")
    p.found(lambda: redis.hdel(p.ledger_key, "rows_tick"), "ledger: rows_tick is missing")
    p.found(lambda: redis.hset(p.ledger_key, "rows_tick", "-1"), "ledger: rows_tick is -1")
    p.found(lambda: redis.hset(p.ledger_key, "cid", "x"), "ledger: cid is x")
    p.found(lambda: redis.delete(p.ledger_key), "ledger: it is missing")
    p.found(lambda: (redis.delete(p.ledger_key), redis.set(p.ledger_key, "x")), "cannot be read")

    # What belongs to nobody here is nobody's fault.
    redis.hset(f"{p.key('elsewhere')}", "x", "y")
    redis.hset(f"isX[b-r]Y:{{{p.partition}}}:w:1h:3600000", "#n", "5")
    redis.hset(f"{p.prefix}{{99}}:w:1h:3600000", "#n", "5")
    code, out, err = run(stack, "verify")
    assert code == 0 and "all invariants hold" in out, out + err


def test_verify_full_recounts_every_window_from_its_panes(filled):
    stack, redis = filled, filled.redis_client
    code, out, err = run(stack, "verify", "--full")  # workers and their ticks go on
    assert code == 0, out + err
    for program in [p for name, p in stack.programs.items() if name.startswith(("worker", "coordinator"))]:
        assert program.terminate(10) == 0
    code, out, err = run(stack, "verify", "--full", "--json")
    answer = json.loads(out)
    windows = sum(len([f for f in redis.hkeys(key) if f != b"#n"]) for key in redis.keys("*") if b"}:w:" in key)
    assert code == 0 and answer["violations"] == 0 and answer["windows_recounted"] == windows > 500, err
    p = Planter(stack)
    window_pb2 = oracle.modules()[1]
    field, raw = next((f, v) for f, v in sorted(redis.hgetall(p.window_key).items()) if f != b"#n")

    def found(change, word):
        state = window_pb2.WindowState.FromString(raw)
        change(state)
        redis.hset(p.window_key, field, state.SerializeToString())
        code, out, _ = run(stack, "verify")
        full_code, full, _ = run(stack, "verify", "--full")
        redis.hset(p.window_key, field, raw)
        assert full_code == 1 and f"{p.window_key}: city {field.decode()} {word}" in full, full
        return code, out

    def add_to_sum(state):
        state.sum[0] += 1

    def never_updated(state):  # later than its panes it may be: what rows stand for can come after them
        state.updated_at_ms = state.start_ms

    for change in (add_to_sum, never_updated):
        code, out = found(change, "is not the sum of its panes")
        assert code == 0, "only the panes know better: " + out
    # A city whose window is lost, and one whose rows are another's.
    redis.hdel(p.window_key, field)
    redis.hincrby(p.window_key, "#n", -window_pb2.WindowState.FromString(raw).rows)
    assert run(stack, "verify")[0] == 0
    code, out, _ = run(stack, "verify", "--full")
    assert code == 1 and re.search(re.escape(p.window_key) + r": \d+ rows, and its panes have \d+", out), out
