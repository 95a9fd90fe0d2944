"""isobarctl against a real redis-server and the brokers: init, status, and that verify finds what is planted."""
import csv
import json
import os
import random
import re
import subprocess
import threading
import time

import oracle
import pytest
import redis as redis_client
from conftest import SANITIZED, TOPICS
from stack import ROOT, StackError, wait_for

CITIES_CSV = os.path.join(ROOT, "data", "cities.csv")
HEADER = "id,name,ascii_name,country,lat,lon,elevation_m,population,zone\n"
WINDOWS = "10m:2d,1h:30d,1d:2y"
SLOW = 4 if SANITIZED else 1


def client(stack):
    host, port = stack.redis.split(":")
    return redis_client.Redis(host, int(port))


def run(stack, command, *argv, which=("kafka", "redis")):
    """(exit code, stdout, stderr)."""
    done = stack.ctl(command, *stack.common(*which), *argv, check=False)
    return done.returncode, done.stdout, done.stderr


def started(stack, topics=None):
    stack.start_redis()
    stack.start_devbroker(topics or TOPICS)
    return client(stack)


def everything(redis):
    """All keys and values."""
    return {key: redis.hgetall(key) if redis.type(key) == b"hash" else redis.dump(key) for key in redis.keys("*")}


def city_line(city_id, name="A", lat="1.5"):
    return f"{city_id},{name},{name},US,{lat},2,,5,America/New_York\n"


def write_table(stack, *lines):
    path = os.path.join(stack.dir, "table.csv")
    with open(path, "w", encoding="utf-8") as f:
        f.write(HEADER + "".join(lines))
    return path


def catalogue(redis, prefix="isobar:", partitions=24):
    """{id: City} of all shards, each in its shard."""
    city_pb2 = oracle.modules()[2]
    cities = {}
    for p in range(partitions):
        for field, raw in redis.hgetall(f"{prefix}{{{p}}}:cities").items():
            city = city_pb2.City.FromString(raw)
            assert city.city_id == int(field) and oracle.shard(city.city_id, partitions) == p
            cities[city.city_id] = city
    return cities


# ---- the command line

@pytest.mark.sanitized
def test_commands_and_help(stack):
    def ctl(*argv):
        done = stack.ctl(*argv, check=False)
        return done.returncode, done.stdout, done.stderr

    for argv in (["help"], ["--help"]):
        code, out, _ = ctl(*argv)
        assert code == 0 and all(f"\n  {name} " in out for name in ("init", "status", "verify")) and "69" in out
    for argv in (["help", "init"], ["init", "--help"]):
        code, out, _ = ctl(*argv)
        assert code == 0 and "Usage: isobarctl init" in out and "--cities" in out and "Exit codes" in out
    assert ctl("--version")[:2] == (0, "isobarctl 0.1.0\n")
    for argv, wanted in ((["iint"], "did you mean 'init'?"), (["statsu"], "did you mean 'status'?"), (["help", "verfiy"], "'verify'?"),
                         (["quite-another-thing"], "isobarctl help lists all"), (["init", "x"], "unexpected argument 'x'"),
                         (["--redis", "x"], "the command comes first"), (["verify", "--kafak", "x"], "--kafka"),
                         (["init", "--partitions", "0"], "--partitions"), (["init", "--redis-password", "x"], "never as a flag"),
                         ([], "Usage: isobarctl")):
        code, out, err = ctl(*argv)
        assert (code, out) == (2, "") and wanted in err, argv


# ---- init

@pytest.mark.sanitized
def test_init_makes_what_the_contract_says_and_again_changes_nothing(stack):
    redis = started(stack)
    code, out, err = run(stack, "init", "--cities", CITIES_CSV, "--city-limit", "40")
    assert code == 0 and err == "" and "cities: 40 from" in out and "catalogue version 1" in out
    meta = {k.decode(): v.decode() for k, v in redis.hgetall("isobar:meta").items()}
    assert meta.pop("cluster_id") and re.fullmatch("[0-9a-f]{32}", meta.pop("installation"))
    assert meta == {"format": "1", "topic": "weather.observations", "partitions": "24", "windows": WINDOWS, "lateness_ms": "172800000",
                    "config_version": "1", "catalogue_version": "1"}
    cids = set()
    for p in range(24):
        ledger = {k.decode(): v.decode() for k, v in redis.hgetall(f"isobar:{{{p}}}:ledger").items()}
        cids.add(ledger.pop("cid"))
        assert (ledger.pop("owner"), ledger.pop("tick_after"), ledger.pop("record_offset")) == ("", "", "-1")
        assert (ledger.pop("format"), ledger.pop("config_version")) == ("1", "1")
        assert set(ledger.values()) == {"0"} and {"w_cursor_10m", "w_cursor_1h", "w_cursor_1d", "retired", "rows_control"} <= set(ledger)
    assert len(cids) == 24 and all(re.fullmatch("[0-9a-f]{32}", cid) for cid in cids)
    with open(CITIES_CSV, encoding="utf-8") as f:
        table = list(csv.DictReader(f))[:40]
    cities = catalogue(redis)
    assert list(sorted(cities)) == sorted(int(row["id"]) for row in table)
    for row in table:
        city = cities[int(row["id"])]
        assert (city.name, city.ascii_name, city.country, city.zone) == (row["name"], row["ascii_name"], row["country"], row["zone"])
        assert (city.latitude_e5, city.longitude_e5) == (round(float(row["lat"]) * 1e5), round(float(row["lon"]) * 1e5))
        assert city.population == int(row["population"]) and not city.paused and not city.elevation_known
    before = everything(redis)
    assert f"isobar:{{{oracle.shard(int(table[0]['id']), 24)}}}:cities".encode() in before and b"isobar:init" not in before
    code, out, err = run(stack, "init", "--cities", CITIES_CSV, "--city-limit", "40")
    assert code == 0 and err == "" and "24 there already" in out and "0 shards changed" in out
    code, out, err = run(stack, "init")
    assert code == 0 and err == ""
    assert everything(redis) == before


@pytest.mark.sanitized
def test_a_changed_catalogue_raises_its_version_once(stack):
    redis = started(stack)
    version = lambda: int(redis.hget("isobar:meta", "catalogue_version"))
    code, _, err = run(stack, "init")
    assert code == 0 and version() == 0 and "no cities yet" in err
    path = write_table(stack, city_line(1), city_line(2), city_line(3))
    assert run(stack, "init", "--cities", path)[0] == 0 and version() == 1
    write_table(stack, city_line(1), city_line(2, lat="2.5"), city_line(4))
    code, out, _ = run(stack, "init", "--cities", path)
    assert code == 0 and "catalogue version 2" in out
    cities = catalogue(redis)
    assert sorted(cities) == [1, 2, 4] and cities[2].latitude_e5 == 250000

    # An operator paused a city: the table does not say, so that stays, and it is no change.
    cities[1].paused = True
    redis.hset(f"isobar:{{{oracle.shard(1, 24)}}}:cities", "1", cities[1].SerializeToString())
    assert run(stack, "init", "--cities", path)[0] == 0 and version() == 2 and catalogue(redis)[1].paused
    # A run that was ended between writing and raising the version is made good by the next.
    redis.hset("isobar:meta", "catalogue_pending", "1")
    assert run(stack, "init", "--cities", path)[0] == 0 and version() == 3 and not redis.hexists("isobar:meta", "catalogue_pending")
    assert run(stack, "init", "--cities", path)[0] == 0 and version() == 3
    # What was damaged is replaced.
    redis.hset(f"isobar:{{{oracle.shard(4, 24)}}}:cities", "4", b"\xff\xff")
    assert run(stack, "init", "--cities", path)[0] == 0 and version() == 4 and sorted(catalogue(redis)) == [1, 2, 4]


@pytest.mark.sanitized
def test_an_installation_is_never_made_over_another(stack):
    redis = started(stack, {**TOPICS, "other": 12})
    assert run(stack, "init")[0] == 0
    before = everything(redis)
    for argv, wanted in ((["--partitions", "12"], ("24", "12", "--prefix")), (["--topic", "other", "--partitions", "12"], ("weather.observations", "other")),
                         (["--windows", "10m:1d"], (WINDOWS, "10m:1d")), (["--lateness-s", "3600"], ("172800", "3600"))):
        code, _, err = run(stack, "init", *argv)
        assert code == 77 and all(word in err for word in wanted), err
    # A topic whose count is another, under a prefix that is free.
    code, _, err = run(stack, "init", "--prefix", "new:", "--topic", "other")
    assert code == 77 and "12 partitions, not 24" in err and "other" in err
    code, _, err = run(stack, "init", "--prefix", "new:", "--deadletter-topic", "other")
    assert code == 77 and "12 partitions, not 1" in err
    assert everything(redis) == before

    # A ledger that was lost is an error for ever: making it again would count its records twice.
    redis.delete("isobar:{7}:ledger")
    code, _, err = run(stack, "init")
    assert code == 77 and "7" in err and "backup" in err and not redis.exists("isobar:{7}:ledger")
    redis.delete("isobar:meta")
    redis.hincrby("isobar:{3}:ledger", "commits", 1)
    code, _, err = run(stack, "init")
    assert code == 77 and "isobar:{3}:ledger" in err and not redis.exists("isobar:meta")
    redis.hset("isobar:{3}:ledger", mapping={"commits": 0, "first_offset": 5})
    code, _, err = run(stack, "init")
    assert code == 77 and "isobar:{3}:ledger" in err and "delete" in err
    redis.delete("isobar:{3}:ledger")
    redis.hset("isobar:{3}:city", "1", "x")
    code, _, err = run(stack, "init")
    assert code == 77 and "isobar:{3}:city" in err and not redis.exists("isobar:{3}:ledger")
    redis.delete("isobar:{3}:city")
    assert run(stack, "init")[0] == 0, "an init that ended half way is finished by the next"
    assert run(stack, "verify")[0] == 0
    redis.hset("isobar:meta", "format", "2")
    code, _, err = run(stack, "init")
    assert code == 78 and "format" in err


def test_another_kafka_is_noticed(stack):
    redis = started(stack)
    assert run(stack, "init")[0] == 0
    redis.hset("isobar:meta", "cluster_id", "elsewhere")
    before = everything(redis)
    for command, wanted in (("init", 77), ("verify", 1)):
        code, _, err = run(stack, command)
        assert code == wanted and "elsewhere" in err and stack.kafka in err
    assert everything(redis) == before


def test_a_redis_that_could_throw_results_away_is_refused(stack):
    redis = started(stack)
    redis.config_set("maxmemory-policy", "allkeys-lru")
    code, _, err = run(stack, "init")
    assert code == 78 and "allkeys-lru" in err and "noeviction" in err and redis.dbsize() == 0
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("appendonly", "no")
    code, _, err = run(stack, "init")
    assert code == 0 and "warning" in err and "append" in err


@pytest.mark.sanitized
def test_two_inits_at_the_same_time_make_one_installation(stack):
    redis = started(stack)
    path = write_table(stack, *(city_line(n) for n in range(1, 50)))
    results = []
    threads = [threading.Thread(target=lambda: results.append(run(stack, "init", "--cities", path))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [code for code, _, _ in results] == [0] * 6, results
    assert sum("24 made" in out for _, out, _ in results) == 1
    assert int(redis.hget("isobar:meta", "catalogue_version")) == 1 and len(catalogue(redis)) == 49
    assert not redis.exists("isobar:init")
    # The lock of one that was ended: said, nothing changed; it lapses by itself.
    redis.set("isobar:init", "somebody", px=60000)
    code, _, err = run(stack, "init", "--timeout-ms", "300")
    assert code == 77 and "isobar:init" in err and redis.get("isobar:init") == b"somebody"


def test_arguments_that_cannot_be_are_said_before_anything_is_asked(stack):
    stack.kafka = stack.redis = "127.0.0.1:1"  # nobody listens
    table = write_table(stack, city_line(1), city_line(2, lat="91"), city_line(1))
    for argv, wanted in ((["--windows", "10m"], "10m"), (["--windows", "7s:1d"], "windows"), (["--topic", "a b"], "a b"),
                         (["--deadletter-topic", "weather.observations"], "weather.observations"), (["--prefix", "a{b}:"], "a{b}:"),
                         (["--cities", "/nowhere.csv"], "/nowhere.csv"), (["--cities", table], f"{table}:3: lat"),
                         (["--cities", table], f"{table}:4: the id 1 stands on line 2")):
        code, _, err = run(stack, "init", *argv)
        assert code == 78 and wanted in err, (argv, err)
    good = write_table(stack, city_line(1))
    code, _, err = run(stack, "init", "--cities", good, "--zoneinfo", stack.dir + "/none")
    assert code == 69 and "tzdata" in err


def test_redis_with_a_password(stack):
    redis = started(stack)
    redis.config_set("requirepass", "s3cret-word")
    code, _, err = run(stack, "status", which=("redis",))
    assert code == 69 and stack.redis in err and "NOAUTH" in err
    done = subprocess.run([stack.binary("isobarctl"), "init", *stack.common("kafka", "redis")], capture_output=True, text=True, timeout=60,
                          env=stack.env(ISOBAR_REDIS_PASSWORD="s3cret-word"), check=False)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([stack.binary("isobarctl"), "verify", *stack.common("redis")], capture_output=True, text=True, timeout=60,
                          env=stack.env(ISOBAR_REDIS_PASSWORD="wrong"), check=False)
    assert done.returncode == 69 and "wrong" not in done.stderr.lower().replace("wrongpass", "")


def test_init_on_a_real_kafka(stack, real_kafka):
    from confluent_kafka.admin import AdminClient, ConfigResource
    stack.start_redis()
    stack.kafka = real_kafka.bootstrap
    names = ["--topic", "ctl.observations", "--deadletter-topic", "ctl.deadletter", "--lateness-s", "3600", "--partitions", "5"]
    code, out, err = run(stack, "init", *names)
    assert code == 0, err
    assert "topic ctl.observations: 5 partitions" in out and "topic ctl.deadletter: 1 partition\n" in out
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    topics = admin.list_topics(timeout=10).topics
    for name, partitions in (("ctl.observations", 5), ("ctl.deadletter", 1)):
        assert len(topics[name].partitions) == partitions
        assert all(len(p.replicas) == 1 for p in topics[name].partitions.values())
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        config = admin.describe_configs([resource])[resource].result(10)
        assert config["message.timestamp.type"].value == "LogAppendTime"
        assert int(config["retention.ms"].value) == 3600000 + 7 * 86400000
    assert client(stack).hget("isobar:meta", "cluster_id").decode() == real_kafka.cluster_id
    assert run(stack, "init", *names)[0] == 0
    assert run(stack, "verify")[0] == 0
    code, _, err = run(stack, "init", "--prefix", "more:", *names[:-1], "6")
    assert code == 77 and "5 partitions, not 6" in err


def test_a_new_installation_begins_at_the_first_record_that_is_left(stack):
    from confluent_kafka import Consumer, Producer, TopicPartition
    redis = started(stack)
    producer = Producer({"bootstrap.servers": stack.kafka, "linger.ms": 0})
    consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": "test"})
    low = lambda: consumer.get_watermark_offsets(TopicPartition("weather.observations", 2), timeout=10)[0]
    value = random.Random(1).randbytes(200_000)

    def trimmed():
        producer.produce("weather.observations", value, partition=2)
        assert producer.flush(10) == 0
        return low() > 0

    wait_for("the development broker, which keeps 5 MiB, has dropped a record", trimmed, 30)
    producer.produce("weather.observations", b"x", partition=3)
    assert producer.flush(10) == 0
    assert run(stack, "init")[0] == 0
    for p, want in ((2, low()), (3, 0)):
        ledger = redis.hgetall(f"isobar:{{{p}}}:ledger")
        assert int(ledger[b"first_offset"]) == int(ledger[b"offset"]) == want
    assert run(stack, "verify")[0] == 0
    for _ in range(30):  # all that a ledger stands at is trimmed away: verify sees it in the log
        trimmed()
    consumer.close()
    code, out, _ = run(stack, "verify")
    assert code == 1 and re.search(r"^partition 2: I3: offset \d+ was deleted from the log, which begins at \d+$", out, re.M), out


# ---- what a whole installation is like

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


def view_of(stack):
    code, out, _ = run(stack, "status", "--json", which=("redis",))
    return code, json.loads(out) if out.startswith("{") else None


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
    code, out, _ = run(stack, "verify")
    rows = sum(int(redis.hget(f"isobar:{{{p}}}:ledger", "rows")) for p in range(24))
    assert code == 0 and f"24 partitions, {rows:,} rows: all invariants hold\n" == out and len(seen) >= 12


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
    counters = ("rows", "rows_in", "rows_late", "rows_duplicate", "rows_bad", "rows_checked", "rows_tick", "rows_control", "rows_retired")
    assert number("rows_in") and number("rows_late") and number("rows_duplicate") and number("rows_retired"), "the feed is too tidy"

    # I1
    for field in ("applied", "gaps"):
        p.found(p.add(p.ledger_key, field, 1), f"I1: applied {number('applied') + (field == 'applied')} + gaps", f"offset {number('offset')} ")
    # I2 within the ledger, and against cities and panes
    for field in counters:
        p.found(p.add(p.ledger_key, field, 1), f"I2: rows {number('rows') + (field == 'rows')}, but in ")
    for field in ("rows_in", "rows_late", "rows_duplicate", "rows_retired"):
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

    def later(state):
        state.updated_at_ms += 1

    for change in (add_to_sum, later):
        code, out = found(change, "is not the sum of its panes")
        assert code == 0, "only the panes know better: " + out
    # A city whose window is lost, and one whose rows are another's.
    redis.hdel(p.window_key, field)
    redis.hincrby(p.window_key, "#n", -window_pb2.WindowState.FromString(raw).rows)
    assert run(stack, "verify")[0] == 0
    code, out, _ = run(stack, "verify", "--full")
    assert code == 1 and re.search(re.escape(p.window_key) + r": \d+ rows, and its panes have \d+", out), out


# ---- status

@pytest.mark.sanitized
def test_status_from_nothing_to_a_dead_worker(stack):
    redis = started(stack)
    for command in ("status", "verify"):
        code, _, err = run(stack, command, which=("redis",))
        assert code == 69 and "isobarctl init" in err and stack.redis in err
    stack.init(24, None, 4)
    code, out, _ = run(stack, "status", which=("redis",))
    assert code == 1 and "there is no leader" in out and "isobar-coordinator" in out
    assert view_of(stack) == (1, None)

    stack.start_coordinator("coordinator-1", 60)
    wait_for("a view", lambda: view_of(stack)[1] is not None, 10 * SLOW)
    code, out, _ = run(stack, "status", which=("redis",))
    assert code == 1 and "coordinator-1 (tcp://" in out and "partition 0 is unassigned" in out and "(none)" in out
    stack.start_worker("worker-1")
    wait_for("all partitions run", lambda: run(stack, "status", which=("redis",))[0] == 0, 20 * SLOW)
    code, out, _ = run(stack, "status", which=("redis",))
    assert "all partitions run" in out and len(re.findall(r"^ +\d+  worker-1 +running ", out, re.M)) == 24
    assert re.search(r"^worker-1 +worker +live +24 ", out, re.M) and "60 calls a minute" in out
    code, view = view_of(stack)
    assert code == 0 and view["leader"] == "coordinator-1" and view["age_ms"] < 5000 and len(view["partition_list"]) == 24

    # An alarm is shown with the command that resolves it; nothing in it can play tricks on the terminal.
    stack.programs["coordinator-1"].kill()
    view["partition_list"][3].update(phase="stopped", alarm="the log is gone; isobarctl partition reset 3 --to low\x1b[31m")
    view["at_ms"] = int(time.time() * 1000)
    redis.set("isobar:cluster", json.dumps(view))
    code, out, _ = run(stack, "status", which=("redis",))
    assert code == 1 and "partition 3 is stopped" in out and "partition 3: the log is gone; isobarctl partition reset 3 --to low" in out
    assert "\x1b" not in out
    wait_for("the leader's lease ends", lambda: redis.get("isobar:leader") is None, 10)
    view["at_ms"] -= 60000
    redis.set("isobar:cluster", json.dumps(view))
    code, out, _ = run(stack, "status", which=("redis",))
    assert code == 1 and "leader      none; the last term was 1" in out and re.search(r"the view is 6\d\.\d s old", out)
    for nonsense in ("{", "[]", "7"):
        redis.set("isobar:cluster", nonsense)
        code, _, err = run(stack, "status", which=("redis",))
        assert code == 1 and "isobar:cluster" in err
    redis.set("isobar:cluster", '{"members":7,"partition_list":[{"partition":"x"},5],"quota":[],"at_ms":"y"}')
    assert run(stack, "status", which=("redis",))[0] == 1


def test_nobody_answers(stack):
    stack.redis = stack.kafka = "127.0.0.1:1"
    for command in ("status", "verify"):
        with pytest.raises(StackError) as caught:
            stack.ctl(command, *stack.common("redis"))
        assert caught.value.exit_code == 69 and "127.0.0.1:1" in str(caught.value)
    redis = started(stack)
    assert run(stack, "init")[0] == 0
    stack.programs["broker"].kill()
    code, _, err = run(stack, "verify", "--timeout-ms", "500")
    assert code == 69 and stack.kafka in err
    assert redis.hget("isobar:meta", "format") == b"1"
