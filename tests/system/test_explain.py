"""isobarctl explain against real programs: the rows behind a value, what became of each, and that they make what is stored."""
import csv
import io
import json
import random
import time

import oracle
import pytest
from conftest import SANITIZED
from ctl_runs import client, run
from stack import wait_for

SLOW = 4 if SANITIZED else 1
PARTITIONS = 4
TOPICS = {"weather.observations": PARTITIONS, "weather.deadletter": 1}
TOPIC = "weather.observations"
MINUTE, HOUR = 60_000, 3600_000
ZURICH = 2657896
TEMPERATURE = 0
WEATHER = 1 << 6 | 1 << 8 | 1 << 9 | 1 << 11  # humidity, wind speed and direction, rain


def batch(shard, rows):
    """A batch of (city, observed, centi_c) with, as options, provider, series and kind."""
    made = oracle.modules()[0].ObservationBatch(format=1, rows=len(rows), shard=shard)
    for city, at, value, *rest in rows:
        options = rest[0] if rest else {}
        made.city_id.append(city)
        made.observed_at_ms.append(at)
        made.fetched_at_ms.append(at + 1000)
        made.provider.append(options.get("provider", 17))
        made.series.append(options.get("series", 0))
        made.kind.append(options.get("kind", 0))
        made.present.append(1 << TEMPERATURE | (WEATHER if options.get("weather") else 0))
        made.temperature_centi_c.append(value)
        made.accumulation_s.append(3600)
        for column, base in ((made.humidity_centi_percent, 5000), (made.wind_speed_cm_s, 300), (made.wind_direction_centi_deg, 20_000), (made.rain_um, 100)):
            column.append(base + abs(value) % 900 if options.get("weather") else 0)
        if "zone" in options:
            made.controls.add(row=len(made.kind) - 1, zone=options["zone"])
    return made.SerializeToString()


class Rig:
    """Redis, broker, coordinator and one worker, which starts when all is in the log: a tick would be hours ahead of it."""

    def __init__(self, stack, topic=TOPIC):
        import confluent_kafka
        self.stack, self.topic = stack, topic
        stack.start_redis()
        if not stack.kafka:
            stack.start_devbroker(TOPICS)
        stack.init(PARTITIONS, None, 1300, "--topic", topic)
        self.redis = client(stack)
        stack.start_coordinator()
        self.producer = confluent_kafka.Producer({"bootstrap.servers": stack.kafka, "acks": "all"})
        self.rows = 0

    def put(self, rows, at_ms, city=ZURICH):
        shard = oracle.shard(city, PARTITIONS)
        self.producer.produce(self.topic, batch(shard, rows), partition=shard, timestamp=at_ms)
        assert self.producer.flush(20) == 0
        self.rows += len(rows)

    def total(self):
        return sum(int(v) for p in range(PARTITIONS) for f, v in self.redis.hgetall(f"isobar:{{{p}}}:ledger").items()
                   if f.startswith(b"rows_") and f not in (b"rows_tick", b"rows_control"))

    def applied(self):
        self.stack.start_worker("worker-1")
        wait_for(f"{self.rows} rows are applied", lambda: self.total() == self.rows, 60 * SLOW)

    def explain(self, city, window, *argv, code=0):
        got, out, err = run(self.stack, "explain", str(city), window, "--json", *argv)
        assert got == code, out + err
        return json.loads(out)


def iso(at_ms):
    return time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(at_ms / 1000))


@pytest.mark.sanitized
def test_every_verdict_and_the_value_that_they_make(stack):
    rig = Rig(stack)
    now = int(time.time() * 1000)
    base = now // HOUR * HOUR - 6 * HOUR
    other = next(c for c in range(1, 1000) if oracle.shard(c, PARTITIONS) == oracle.shard(ZURICH, PARTITIONS))
    rig.put([(ZURICH, base + 5 * MINUTE, 1000), (other, base + 5 * MINUTE, 2000), (ZURICH, base + 25 * MINUTE, 1100)], base + 26 * MINUTE)
    rig.put([(ZURICH, base + 25 * MINUTE, 1100), (ZURICH, base + 5 * MINUTE, 1001)], base + 27 * MINUTE)            # duplicate, correction
    rig.put([(ZURICH, base + 25 * MINUTE, 1100, {"provider": 2}), (ZURICH, base + 26 * MINUTE, 1150, {"series": 1})], base + 28 * MINUTE)
    rig.put([(ZURICH, base + 45 * MINUTE, 9900)], base + 46 * MINUTE)                                               # 99 degC: fails RANGE
    rig.put([(ZURICH, base + 54 * MINUTE, 1200), (ZURICH, base + 90 * MINUTE, 1300)], base + 50 * MINUTE)           # the last one is ahead
    rig.put([(ZURICH, base + 95 * MINUTE, 1300)], base + 96 * MINUTE)                                               # closes the hour
    rig.put([(ZURICH, base + 55 * MINUTE, 1190)], base + 97 * MINUTE)                                               # late
    rig.put([(ZURICH, base, 1, {"kind": 1})], base + 98 * MINUTE)                                                   # nothing new: no row of it
    rig.applied()
    answer = rig.explain("zurich", f"1h@{iso(base)}")
    assert [(r["verdict"], r["row"], r["provider"], r["values"]["temperature"]) for r in answer["rows"]] == [
        ("in", 0, "simulated", 10.0), ("in", 2, "simulated", 11.0), ("duplicate", 0, "simulated", 11.0), ("correction", 1, "simulated", 10.01),
        ("in", 0, "open-meteo", 11.0), ("in", 0, "simulated", 99.0), ("in", 0, "simulated", 12.0), ("late", 0, "simulated", 11.9)]
    assert answer["rows"][5]["flags"] == ["range_temperature"] and all(not r["flags"] for r in answer["rows"][:5])
    first = answer["rows"][0]
    assert (first["observed_at"], first["fetched_at"], first["produced_at"], first["processed_at"]) == (
        base + 5 * MINUTE, base + 5 * MINUTE + 1000, base + 26 * MINUTE, base + 26 * MINUTE)
    assert answer["verdicts"] == {"in": 5, "late": 1, "duplicate": 1, "correction": 1, "retired": 0, "bad": 0} and answer["outside"] == 2
    assert answer["equal"] and answer["complete"] and answer["status"] == "revised" and answer["name"] == "Zürich"
    assert answer["stored"]["rows"] == answer["made"]["rows"] == 6 and answer["stored"]["revision"] == answer["made"]["revision"] == 1
    assert answer["stored"]["counts"]["temperature"] == 5

    # The bad one lies in the next hour; the hour after that is open.
    bad = rig.explain(ZURICH, f"1h@{iso(base + HOUR)}")
    assert [(r["verdict"], r.get("reason")) for r in bad["rows"]] == [("bad", "observed_in_the_future"), ("in", None)]
    assert rig.explain(ZURICH, f"10m@{iso(base + 26 * MINUTE)}", "--series", "1")["verdicts"]["in"] == 1
    newest = rig.explain(ZURICH, "10m")
    assert newest["start"] == base + 90 * MINUTE and len(newest["rows"]) == 2
    empty = rig.explain(ZURICH, f"1h@{iso(base - 5 * HOUR)}")
    assert empty["rows"] == [] and empty["stored"] is None and empty["equal"]

    # Text and CSV say the same; fewer rows are shown than there are.
    code, out, _ = run(stack, "explain", str(ZURICH), f"1h@{iso(base)}")
    assert code == 0 and "the rows make what is stored: 6 rows, revision 1" in out and "5 in, 1 late, 1 duplicate, 1 correction" in out
    code, out, _ = run(stack, "explain", str(ZURICH), f"1h@{iso(base)}", "--csv", "--limit", "3")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and [r["verdict"] for r in rows] == ["in", "in", "duplicate"] and rows[1]["temperature"] == "11.00"

    # What was stored by another hand is found out.
    key = f"isobar:{{{oracle.shard(ZURICH, PARTITIONS)}}}:w:1h:{base}"
    window = oracle.modules()[1].WindowState.FromString(rig.redis.hget(key, str(ZURICH)))
    window.rows += 1
    rig.redis.hset(key, str(ZURICH), window.SerializeToString())
    answer = rig.explain(ZURICH, f"1h@{iso(base)}", code=1)
    assert not answer["equal"] and answer["differences"] == "rows: stored 7, made of the rows 6\n"


@pytest.mark.sanitized
def test_a_day_is_that_of_the_city(stack):
    rig = Rig(stack)
    now = int(time.time() * 1000)
    noon = now // (24 * HOUR) * 24 * HOUR - 36 * HOUR  # of UTC, the day before yesterday
    city = next(c for c in range(1, 1000) if oracle.shard(c, PARTITIONS) == oracle.shard(ZURICH, PARTITIONS))
    rig.put([(city, noon - 30 * HOUR, 0, {"kind": 3, "zone": "Asia/Kathmandu"}), (city, noon - 20 * HOUR, 500)], noon - 20 * HOUR)
    for hour in range(-19, 24):
        rig.put([(city, noon + hour * HOUR, 1000 + hour)], noon + hour * HOUR)
    rig.rows -= 1  # the control is none of a reading
    rig.applied()
    date = iso(noon)[:10]
    answer = rig.explain(city, f"1d@{date}")
    begin = noon - 12 * HOUR - 5 * HOUR - 45 * MINUTE
    assert (answer["start"], answer["end"], answer["name"], answer["status"]) == (begin, begin + 24 * HOUR, "", "final")
    assert answer["equal"] and answer["complete"] and answer["verdicts"]["in"] == answer["stored"]["rows"] == 24
    assert rig.explain(city, f"1d@{date}T20:00Z")["start"] == begin + 24 * HOUR


@pytest.mark.parametrize("kind", ["devbroker", "kafka"])
def test_any_window_of_a_disordered_log_is_made_again(stack, request, kind):
    """Random rows of several cities in any order; each window looked at must be exactly what its rows make."""
    dice = random.Random(11)
    if kind == "kafka":  # which has an index of times
        stack.kafka = request.getfixturevalue("real_kafka").bootstrap
    rig = Rig(stack, TOPIC if kind == "devbroker" else f"weather.explain.{time.time_ns()}")  # that broker keeps what it had
    now = int(time.time() * 1000)
    base = now // (24 * HOUR) * 24 * HOUR - 40 * HOUR
    shard = oracle.shard(ZURICH, PARTITIONS)
    cities = [ZURICH] + [c for c in range(1, 1000) if oracle.shard(c, PARTITIONS) == shard][:4]
    value = {c: 1000 for c in cities}
    for step in range(300):
        at, rows = base + step * 6 * MINUTE, []
        for _ in range(dice.randrange(1, 12)):
            city = dice.choice(cities)
            value[city] += dice.randrange(-120, 120)
            rows.append((city, at - dice.choice((0, 1, 2, 10, 50, 200, 900, 3100)) * MINUTE // 2 * 2, value[city], {"provider": dice.choice((2, 17)), "weather": True}))
        rig.put(rows, at)
    rig.applied()
    looked = 0
    for city in cities[:3]:
        for hour in (1, 9, 20, 27):
            for size in ("10m", "1h"):
                answer = rig.explain(city, f"{size}@{iso(base + hour * HOUR)}")
                assert answer["complete"] and answer["equal"], answer["differences"]
                looked += sum(answer["verdicts"].values())
        answer = rig.explain(city, "1d@" + iso(base + 20 * HOUR)[:10])
        assert answer["complete"] and answer["equal"] and sum(answer["verdicts"].values()) > 20, answer["differences"]
    assert looked > 30
    # Those that came too late are listed when reading goes on to the end.
    early = rig.explain(cities[0], f"1h@{iso(base - 24 * HOUR)}", "--all")
    assert early["complete"] and early["equal"]


@pytest.mark.sanitized
def test_bad_input_and_missing_parts(stack):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    assert run(stack, "explain", "Zürich", "1h")[0] == 69
    stack.init(PARTITIONS, None, 1300)
    for argv, wanted in ((["Zürich"], "<city> <window> wanted"), (["Atlantis", "1h"], "no city"), (["Zürich", "2h"], "it has 10m, 1h, 1d"),
                         (["Zürich", "1h@noon"], "a time in the window"), (["Zürich", "1h", "--json", "--csv"], "not both"),
                         (["Zürich", "1h", "--series", "1001"], "--series")):
        code, out, err = run(stack, "explain", *argv)
        assert (code, out) == (2, "") and wanted in err, (argv, err)
    code, out, _ = run(stack, "explain", "Zürich", "1h")
    assert code == 0 and "the rows make what is stored: 0 rows" in out
    code, _, err = run(stack, "explain", "Zürich", "1h", "--timeout-ms", "300", "--kafka", "127.0.0.1:1", which=("redis",))
    assert code == 69 and "127.0.0.1:1" in err
    redis = client(stack)
    shard = oracle.shard(ZURICH, PARTITIONS)
    redis.hset(f"isobar:{{{shard}}}:city", str(ZURICH), b"junk")
    code, _, err = run(stack, "explain", "Zürich", "1h")
    assert code == 77 and "is damaged" in err
    redis.delete(f"isobar:{{{shard}}}:city", f"isobar:{{{shard}}}:ledger")
    code, _, err = run(stack, "explain", "Zürich", "1h")
    assert code == 77 and "ledger" in err
