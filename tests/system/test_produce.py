"""isobarctl produce with the real programs: what lies on the topic, what is refused and kept, and how it ends."""
import csv
import io
import json
import os
import pty
import signal
import subprocess
import threading
import time

import oracle
import pytest
from conftest import SANITIZED, TOPICS
from ctl_runs import catalogue, client, run
from stack import get_json, wait_for

SLOW = 4 if SANITIZED else 1
PARTITIONS = TOPICS["weather.observations"]
SEATTLE, ZURICH = 5809844, 2657896
OBSERVATION, CONTROL = 0, 3
STATION, RECORDED = 8, 16


def now_s():
    return int(time.time())


def installed(stack, cities=1300, topic="weather.observations"):
    """Redis and, unless there is one, a broker."""
    stack.start_redis()
    if not stack.kafka:
        stack.start_devbroker(TOPICS)
    stack.init(PARTITIONS, None, cities, "--topic", topic)
    return client(stack)


def produce(stack, *argv, text=None, **more):
    """(exit code, result, stderr) of a run with --json; `text` is standard input."""
    done = subprocess.run([stack.binary("isobarctl"), "produce", *stack.common("kafka", "redis"), "--json", *argv], input=text, text=True,
                          capture_output=True, env=stack.env(), cwd=stack.dir, timeout=120 * SLOW, check=False, **more)
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout, done.stderr


def started(stack, *argv):
    """The command with a pipe to its standard input."""
    return subprocess.Popen([stack.binary("isobarctl"), "produce", *stack.common("kafka", "redis"), "--json", *argv], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=stack.env(), cwd=stack.dir)


class Topic:
    """Reads rows of the topic as they come: no code is shared with the programs."""

    def __init__(self, stack, name="weather.observations"):
        from confluent_kafka import Consumer, TopicPartition
        self.consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": "test", "enable.auto.commit": False, "fetch.wait.max.ms": 10})
        self.consumer.assign([TopicPartition(name, p, 0) for p in range(PARTITIONS)])
        self.records, self.rows = [], []  # (partition, batch), and (kind, city, observed-at, {column: value}) of what a record has

    def read(self, count, deadline_s=30 * SLOW):
        """Reads until there are `count` rows in all."""
        end = time.monotonic() + deadline_s
        while len(self.rows) < count and time.monotonic() < end:
            message = self.consumer.poll(0.05)
            if message and not message.error():
                self.take(message)
        assert len(self.rows) == count, (len(self.rows), count)
        return self.rows

    def take(self, message):
        batch = oracle.modules()[0].ObservationBatch.FromString(message.value())
        assert batch.format == 1 and 1 <= batch.rows <= 512 and batch.shard == message.partition()
        self.records.append((message.partition(), batch))
        columns = {f.name: list(v) for f, v in batch.ListFields() if f.label == f.LABEL_REPEATED and f.name != "controls"}
        for i in range(batch.rows):
            row = {name: values[i] for name, values in columns.items()}
            assert oracle.shard(row["city_id"], PARTITIONS) == message.partition()
            self.rows.append((row.get("kind", 0), row["city_id"], row["observed_at_ms"], row))

    def observations(self, city=None):
        return [row for kind, of, _, row in self.rows if kind == OBSERVATION and city in (None, of)]


def write(stack, name, text):
    path = os.path.join(stack.dir, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


@pytest.mark.sanitized
def test_rows_lie_on_the_topic_in_order_with_facts_before_them(any_kafka):
    stack = any_kafka
    topic_name = "weather.observations" if stack.broker_kind == "devbroker" else f"observations.produce.{now_s()}"  # it may be there from an earlier run
    redis = installed(stack, topic=topic_name)
    cities = list(catalogue(redis).values())
    assert len(cities) == 1300
    begin, each = now_s() - 7200, 20
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(["city", "time", "temperature[degF]", "rain[mm]", "accumulation[min]"])
    for step in range(each):
        for i, city in enumerate(cities):
            out.writerow([city.city_id, begin + step * 60, f"{50 + i % 40 + step / 10:.1f}", "" if i % 2 else "0.5", 10])
    code, result, err = produce(stack, text=text.getvalue())
    assert code == 0 and "produce:" not in err, err  # a Kafka that has just started says that it is not ready yet
    rows = each * len(cities)
    assert (result["rows"], result["delivered"], result["rejected"], result["cities"], result["controls"]) == (rows, rows, 0, 1300, 1300)
    topic = Topic(stack, topic_name)
    topic.read(rows + 1300)
    seen = {}
    for kind, city, at_ms, row in topic.rows:
        if kind == CONTROL:
            assert city not in seen
            seen[city] = []
        else:
            seen[city].append(at_ms)  # the control row was before
            assert row["provider"] == STATION and abs(row["fetched_at_ms"] - time.time() * 1000) < 600_000 and not row.get("series")
    assert all(times == [(begin + step * 60) * 1000 for step in range(each)] for times in seen.values()) and len(seen) == 1300
    facts = {batch.city_id[c.row]: c for _, batch in topic.records for c in batch.controls}
    assert all(facts[c.city_id].zone == c.zone and facts[c.city_id].country == c.country and facts[c.city_id].interval_s == 0 for c in cities)
    for i, city in enumerate(cities[:40]):
        row = topic.observations(city.city_id)[3]
        assert row["temperature_centi_c"] == round((50 + i % 40 + 0.3 - 32) * 5 / 9 * 100 + 1e-9), (i, row)
        assert row["present"] == (1 if i % 2 else 1 | 1 << 11)
        assert (row.get("rain_um", 0), row.get("accumulation_s", 0)) == ((0, 0) if i % 2 else (500, 600))


@pytest.mark.sanitized
def test_from_a_station_to_windows_once_however_often_it_is_produced(stack):
    installed(stack)
    rules = write(stack, "own.ini", "[windows]\n10m = 2d\n1h = 30d\n\n[metric soil_moisture]\nnumber = 4\nunit = %\nscale = 100\n")
    stack.start_coordinator()
    stack.start_worker("worker-1")
    stack.start_dashboard()
    port = stack.ports["dashboard"]
    assert run(stack, "rules", "set", rules, "--deadline-s", "60")[0] == 0
    hour = (now_s() // 3600 - 1) * 3600
    lines = [json.dumps({"time": hour + m * 60, "temperature[K]": 280 + m / 10, "soil_moisture[1]": 0.25, "rain[mm/h]": 6}) for m in range(0, 60, 10)]
    argv = ("--city", "Zürich", "--interval-s", "600")
    for _ in range(2):
        code, result, err = produce(stack, *argv, text="\n".join(lines))
        assert (code, err, result["delivered"], result["controls"]) == (0, "", 6, 1), err
    city = wait_for("it is applied", lambda: (c := get_json(port, f"/api/v1/cities/{ZURICH}")) and
                    c.get("rows", {}).get("duplicate") == 6 and c, 60 * SLOW)
    assert city["rows"]["in"] + city["rows"]["late"] == 6 and city["rows"]["correction"] == 0
    assert city["latest"]["provider"] == "station" and city["latest"]["values"]["soil_moisture"] == 25
    windows = get_json(port, f"/api/v1/cities/{ZURICH}/windows?size=1h")["windows"]
    window, = [w for w in windows if w["start"] == hour * 1000]
    assert window["rows"] == 6 and window["expected"] == 6
    assert window["metrics"]["temperature"]["mean"] == round(280 + 2.5 - 273.15, 2) and window["metrics"]["soil_moisture"]["mean"] == 25
    assert window["precipitation"]["rain"] == 5  # 6 mm/h over the fifty minutes up to the last reading; those before the hour are its predecessor's
    assert run(stack, "verify")[0] == 0


def test_nothing_is_lost_of_what_is_refused(stack):
    installed(stack)
    now = now_s()
    head = "city,time,temperature,humidity\r\n"
    good = f"Seattle,{now},11,50\n"
    table = ((f"Seattle,{now},11\n", "3 cells, and the header has 4"),
             (f"Seattle,{now},eleven,50\r\n", 'column "temperature": "eleven": a number in degC wanted'),
             (f"Seattle,{now},\"11,5\",50\n", "with a point"),
             (f"Seattle,{now},11,101\n", 'column "humidity": "101": 0 to 100 % wanted'),
             (f"Seattle,{now},-300,50\n", "-273.15 degC or more wanted"),
             (f"Atlantis,{now},11,50\n", 'column "city": "Atlantis": the id or name of a city of the catalogue wanted\n'),
             (f"77,{now},11,50\n", "--any-city takes other ids"),
             (f"London,{now},11,50\n", "several cities are called so: the id wanted, or the country"),
             (f"\"Gorakhpur,IN\",{now},11,50\n", "several cities are called so: the id wanted\n"),
             (f",{now},11,50\n", 'column "city" is empty'),
             ("Seattle,,11,50\n", 'column "time" is empty'),
             ("Seattle,yesterday,11,50\n", 'column "time": "yesterday": a time with its zone'),
             (f"Seattle,{now + 400},11,50\n", "that is not yet: at most "),
             (f"Seattle,{now - 200_000},11,50\n", "(lateness of the rules); --any-age"),
             (f"Seattle,{now},,\n", "no column has a value"),
             (f"\"Seattle,{now},11,50\n", "byte "),
             (f"Seattle\x00,{now},11,50\n", "byte 8: a control character"),
             ("x" * 70_000 + "\n", "the line is longer than 65536 bytes"),
             (",".join("1" * 129) + "\n", "byte 257: more than 128 columns"))
    text = head + "".join(good + line for line, _ in table)
    path = write(stack, "bad.csv", text)
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)
    code, result, err = produce(stack, path, "--rejects", "rejects.csv")
    assert (code, result["rejected"], result["delivered"], result["lines"]) == (1, len(table), len(table), 2 * len(table) + 1), err
    said = [line for line in err.splitlines() if "further" not in line]
    assert len(said) == len(table)
    for i, (line, wanted) in enumerate(table):
        assert f"isobarctl produce: warning: {path}:{2 * i + 3}: " in said[i] and wanted in said[i] + "\n", (line[:80], said[i])
    with open(os.path.join(stack.dir, "rejects.csv"), encoding="utf-8", newline="") as f:
        assert f.read() == head + "".join(line for line, _ in table)
    # Produced again after the repair, from the rejects; a second run appends without another header.
    repaired = write(stack, "repaired.csv", head + f"Seattle,{now},11,100\n")
    assert produce(stack, repaired, "--rejects", "rejects.csv")[:2][0] == 0
    code, result, err = produce(stack, "--rejects", "rejects.csv", text=head + "Seattle,x,11,100")
    assert (code, result["rejected"]) == (1, 1)
    with open(os.path.join(stack.dir, "rejects.csv"), encoding="utf-8", newline="") as f:
        assert f.read() == head + "".join(line for line, _ in table) + "Seattle,x,11,100\n"
    # Of a pipe without --rejects they are printed, all of them; of a file they are still there.
    code, result, err = produce(stack, text=head + "Seattle,x,11,1\n" * 30)
    assert code == 1 and err.count("Seattle,x,11,1\n") == 30 and err.count(": column \"time\": \"x\"") == 30
    code, result, err = produce(stack, write(stack, "thirty.csv", head + "Seattle,x,11,1\n" * 30))
    assert code == 1 and "Seattle,x,11,1" not in err and err.count(": column \"time\": \"x\"") == 20 and "--errors 0" in err
    assert produce(stack, "thirty.csv", "--errors", "0")[2].count(": column \"time\"") == 30
    assert produce(stack, "thirty.csv", "--errors", "3")[2].count(": column \"time\"") == 3


def test_what_was_said_on_the_command_line(stack):
    installed(stack)
    now = now_s()
    line = f"{SEATTLE},{now},0.5\n"
    for argv, text, code_wanted, wanted in (
            (["--header", "city,time,rain", "--accumulation-s", "600"], line, 0, ""), (["--header", "city,time,rain"], line, 2, "--header: column \"rain\" is an amount"),
            (["--header", "city,time,rain[mm/h]", "--format", "ndjson"], line, 2, "--header is for CSV"), (["--city", "London"], line, 2, "cities are called"),
            (["--city", "12"], line, 2, "the catalogue has no such city"), (["--city", "Seattle", "--any-city"], line, 2, "--any-city is for a column"),
            (["--city", "Seattle"], "city,time,cloud\n" + line, 78, "-:1: column \"city\": --city gives the city"), ([], "a,b\n1,2\n", 78, "-:1: column \"a\" is not known: city, time"),
            (["--leave-out", "a"], f"a,city,time,cloud\nx,{line}", 0, ""), (["--format", "csv"], "{}\n", 78, "-:1: "), (["nowhere.csv"], None, 78, "nowhere.csv: No such file"),
            ([stack.dir], None, 78, "a folder"), (["--rejects", "/nowhere/x"], line, 78, "/nowhere/x: No such file"), (["x", "y"], None, 2, "[FILE] wanted, not 2"),
            (["--series", "1001"], line, 2, "series"), ([], "", 0, ""), (["--any-city"], f"city,time,cloud\n77,{now},5\nAtlantis,{now},5\n", 1, "Atlantis"),
            (["--redis", "127.0.0.1:1"], line, 69, "Redis"), (["--kafka", "127.0.0.1:1", "--timeout-ms", "700"], f"city,time,cloud\n{line}", 69, "0 of 1 rows are delivered")):
        code, _, err = produce(stack, *argv, text=text)
        assert code == code_wanted and wanted in err and (wanted or not err), (argv, code, err)
    topic = Topic(stack)
    topic.read(5)  # two rows of Seattle and one of 77, and facts of the first
    assert [row["rain_um"] for row in topic.observations() if "rain_um" in row] == [500]
    assert len(topic.observations(77)) == 1 and (CONTROL, 77) not in [row[:2] for row in topic.rows]
    code, result, _ = produce(stack, "--dry-run", text=f"city,time,cloud\n{line}{line}")
    assert code == 0 and (result["rows"], result["delivered"]) == (2, 0)
    code, result, _ = produce(stack, "--any-age", "--series", "7", text=f"city,time,cloud\n{SEATTLE},1000000000,1\n")
    assert code == 0
    topic.read(7)
    assert topic.rows[-1][2] == 1_000_000_000_000 and topic.rows[-1][3]["series"] == 7


@pytest.mark.sanitized
def test_rows_of_a_pipe_flow_while_it_stays_open(stack):
    installed(stack, cities=10)
    topic = Topic(stack)
    known = next(iter(catalogue(client(stack))))
    program = started(stack, "--follow", "--rejects", "rejects.ndjson")
    took = []

    def put(text):
        program.stdin.write(text)
        program.stdin.flush()

    rows = 0
    for i in range(5):
        begun = time.monotonic()
        put(json.dumps({"city": known, "time": now_s(), "humidity": i}) + "\n")
        rows += 2 if i == 0 else 1  # facts go first
        topic.read(rows)
        took.append(time.monotonic() - begun)
    assert max(took[1:]) < 1 * SLOW, took  # the first one waits for the programs to start
    # A city that comes into the catalogue meanwhile.
    stack.init(PARTITIONS, None, 1300)
    new = next(c for c in catalogue(client(stack)) if c == ZURICH)
    put(json.dumps({"city": new, "time": now_s(), "humidity": 9}) + "\n")
    topic.read(rows + 2)
    # Kafka away: it goes on when it is back, and nothing is lost.
    stack.broker_command("broker-down -1")
    for i in range(50):
        put(json.dumps({"city": known, "time": now_s() - 100 + i, "humidity": 50 + i % 50}) + "\n")
    stack.broker_command("broker-up -1")
    topic.read(rows + 52, 60 * SLOW)
    put("{\"city\":")
    program.send_signal(signal.SIGTERM)
    out, err = program.communicate(timeout=30 * SLOW)
    result = json.loads(out)
    assert result["delivered"] == 56 and program.returncode == result["rejected"] <= 1, err
    with open(os.path.join(stack.dir, "rejects.ndjson"), encoding="utf-8") as f:
        assert f.read() == ("{\"city\":\n" if result["rejected"] else "")


def test_a_file_is_followed_while_it_grows(stack):
    installed(stack, cities=10)
    topic = Topic(stack)
    city = next(iter(catalogue(client(stack))))
    path = write(stack, "grows.csv", f"city,time,humidity\n{city},{now_s()},1\n{city},")
    program = started(stack, path, "--follow")
    topic.read(2)
    with open(path, "a", encoding="utf-8") as f:
        f.write(f"{now_s()},2\n")
    topic.read(3)
    assert [row.get("humidity_centi_percent") for row in topic.observations()] == [100, 200]
    write(stack, "grows.csv", "cut")
    _, err = program.communicate(timeout=30)
    assert program.returncode == 78 and "it was cut while it was read" in err


def test_recorded_rows_are_replayed_as_if_they_were_live(stack):
    installed(stack, cities=10)
    topic = Topic(stack)
    city = next(iter(catalogue(client(stack))))
    lines = "".join(f"{city},2019-07-01T12:00:{s:02d}Z,{s + 1},1.5\n" for s in (0, 20, 40))
    begun = time.time() * 1000
    code, result, err = produce(stack, "--at-speed", "20", "--accumulation-s", "600", text="city,time,cloud,rain\n" + lines)
    took = time.time() * 1000 - begun
    assert (code, result["delivered"]) == (0, 3), err
    assert took >= 2000
    topic.read(4)
    rows = topic.observations()
    times = [row["observed_at_ms"] for row in rows]
    assert begun <= times[0] <= begun + took and [t - times[0] for t in times] == [0, 1000, 2000]
    assert all(row["provider"] == RECORDED and row["accumulation_s"] == 30 and row["rain_um"] == 1500 for row in rows)
    assert all(row["fetched_at_ms"] >= row["observed_at_ms"] for row in rows)  # none is told before its time
    program = started(stack, "--at-speed", "1")
    program.stdin.write("city,time,cloud\n" + f"{city},1000000000,1\n{city},1000009999,1\n{city},1000019999,1\n")
    program.stdin.flush()
    topic.read(6)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=30)
    assert program.returncode == 1 and json.loads(out)["delivered"] == 1 and "stopped at line 3" in err


def test_a_terminal_has_a_bar(stack):
    installed(stack, cities=10)
    city = next(iter(catalogue(client(stack))))
    path = write(stack, "many.csv", "city,time,humidity\n" + "".join(f"{city},{now_s() - 80_000 + i % 80_000},{i % 100}\n" for i in range(400_000)))
    parent, child = pty.openpty()
    shown = bytearray()

    def collect():
        try:
            while data := os.read(parent, 65536):
                shown.extend(data)
        except OSError:
            pass

    reader = threading.Thread(target=collect, daemon=True)
    reader.start()
    done = subprocess.run([stack.binary("isobarctl"), "produce", *stack.common("kafka", "redis"), path], stdout=subprocess.PIPE, stderr=child, text=True,
                          env=stack.env(), cwd=stack.dir, timeout=120, check=False)
    os.close(child)
    reader.join(10)
    assert done.returncode == 0 and done.stdout.startswith("400,000 rows of 1 city delivered in "), done.stdout
    assert b"\r\x1b[K[" in shown and b" rows, " in shown and b" %  " in shown and shown.endswith(b"\r\x1b[K") and b"\n" not in shown


def test_throughput(stack):
    """Stated in docs/producing.md; here the bound is what even a busy machine does."""
    installed(stack)
    cities = list(catalogue(client(stack)))
    rows, now = 300_000, now_s()
    path = write(stack, "big.csv", "city,time,temperature[degF],humidity,pressure_sea_level[hPa],wind_speed[km/h],wind_direction,rain[mm/h]\n" + "".join(
        f"{cities[i % 1300]},{now - 3600 + i // 1300},{50 + i % 400 / 10:.1f},{i % 100},{1000 + i % 300 / 10:.1f},{i % 50},{i % 360},{i % 7 / 10}\n" for i in range(rows)))
    code, result, err = produce(stack, path)
    print(f"{result['rows_per_s']} rows/s")
    assert (code, result["delivered"]) == (0, rows), err
    assert result["records"] <= 1300 + rows // 400 + 200 and result["rows_per_s"] >= 20_000
