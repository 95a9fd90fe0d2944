"""isobarctl init against a real redis-server and the brokers."""
import csv
import os
import random
import re
import subprocess
import threading

import oracle
import pytest
from conftest import TOPICS
from ctl_runs import catalogue, client, run, started
from stack import ROOT, wait_for

CITIES_CSV = os.path.join(ROOT, "data", "cities.csv")
HEADER = "id,name,ascii_name,country,lat,lon,elevation_m,population,zone\n"
WINDOWS = "10m:2d,1h:30d,1d:2y"


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


@pytest.mark.sanitized
def test_init_makes_what_the_contract_says_and_again_changes_nothing(stack):
    redis = started(stack)
    code, out, err = run(stack, "init", "--cities", CITIES_CSV, "--city-limit", "40")
    assert code == 0 and err == "" and "cities: 40 from" in out and "catalogue version 1" in out
    meta = {k.decode(): v.decode() for k, v in redis.hgetall("isobar:meta").items()}
    assert [meta.pop(f"catalogue_of_{p}") for p in range(24)] == 24 * ["1"] and meta.pop("catalogue_shards") == "1"
    assert meta.pop("cluster_id") and re.fullmatch("[0-9a-f]{32}", meta.pop("installation"))
    assert meta == {"format": "1", "topic": "weather.observations", "partitions": "24", "windows": WINDOWS, "lateness_ms": "172800000",
                    "pane_ms": "300000", "config_version": "1", "catalogue_version": "1"}
    assert list(redis.hgetall("isobar:config")) == [b"1"]
    assert redis.hget("isobar:config", "1").startswith(b"[windows]\n10m = 2d\n1h = 30d\n1d = 2y\n\n"
                                                       b"[time]\nlateness = 2d\nallowed_delay = 5m\nidle = 30m\n")
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
        assert city.station == row["station"] and city.population == int(row["population"]) and not city.paused and not city.elevation_known
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
    for argv, wanted in ((["--windows", "10m"], "10m"), (["--windows", "7w:1d"], "7w:1d"), (["--topic", "a b"], "a b"),
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
