"""isobarctl deadletter against real programs: what workers could not use is listed, and replayed once its cause is gone."""
import json
import time

import oracle
import pytest
from conftest import SANITIZED
from ctl_runs import client, run
from feed import encode
from stack import wait_for

SLOW = 4 if SANITIZED else 1
PARTITIONS = 4
TOPICS = {"weather.observations": PARTITIONS, "weather.deadletter": 1}
HOUR = 3600_000


class Rig:
    """Redis, broker, coordinator and one worker; records are produced from Python."""

    def __init__(self, stack):
        import confluent_kafka
        self.stack = stack
        stack.start_redis()
        stack.start_devbroker(TOPICS)
        stack.init(PARTITIONS, None, 8)
        self.redis = client(stack)
        stack.start_coordinator()
        stack.start_worker("worker-1")
        self.producer = confluent_kafka.Producer({"bootstrap.servers": stack.kafka, "acks": "all"})
        self.now = int(time.time() * 1000)
        self.cities = {p: [c for c in range(1, 200) if oracle.shard(c, PARTITIONS) == p] for p in range(PARTITIONS)}

    def put(self, topic, partition, value, at_ms=None, key=None):
        self.producer.produce(topic, value, partition=partition, timestamp=at_ms or self.now, key=key)
        assert self.producer.flush(20) == 0

    def reading(self, partition, cities, observed_ms, at_ms=None):
        self.put("weather.observations", partition, encode(partition, cities, observed_ms, 0), at_ms)

    def rows(self, field):
        return sum(int(self.redis.hget(f"isobar:{{{p}}}:ledger", field) or 0) for p in range(PARTITIONS))

    def read(self):
        """Rows that came from records; a tick, which the worker makes by itself, is one as well."""
        return self.rows("rows") - self.rows("rows_tick")

    def applied(self, rows):
        wait_for(f"{rows} rows are applied", lambda: self.read() == rows, 30 * SLOW)

    def letters(self, *argv):
        code, out, err = run(self.stack, "deadletter", "list", "--json", *argv)
        assert code == 0, err
        return json.loads(out)

    def replay(self, *argv):
        return run(self.stack, "deadletter", "replay", *argv)

    def audit(self):
        return [e for _, e in self.redis.xrange("isobar:audit") if e[b"what"] == b"deadletter_replay"]


@pytest.mark.sanitized
def test_letters_are_listed_and_replayed_when_their_cause_is_gone(stack):
    rig = Rig(stack)
    city, other = rig.cities[1][:2]
    ahead = rig.now + 2 * HOUR
    rig.reading(1, [other], rig.now - HOUR)
    rig.reading(1, [city], ahead)                                 # in the future, still
    rig.put("weather.observations", 1, b"\xff\xff junk")          # no batch at all
    rig.reading(1, [city], rig.now - 100 * HOUR)                  # older than the horizon of 48 h
    rig.applied(4)
    letters = wait_for("three letters", lambda: (got := rig.letters()) and len(got["letters"]) == 3 and got, 20 * SLOW)
    by_reason = {l["reason"]: l for l in letters["letters"]}
    future, old = by_reason.pop("observed_in_the_future"), by_reason.pop("older_than_the_lateness_horizon")
    junk, = by_reason.values()
    assert future["city"] == old["city"] == city and "city" not in junk
    assert future["source"] == {"topic": "weather.observations", "partition": 1, "offset": 1, "row": 0, "produced_at": rig.now}
    assert junk["source"]["row"] == -1 and junk["bytes"] == junk["kept"] == 7 and letters["bad"] == 0

    # Filters, and the table.
    assert [l["source"]["offset"] for l in rig.letters("--reason", "future")["letters"]] == [1]
    assert len(rig.letters("--city", str(city))["letters"]) == 2 and rig.letters("--city", str(other))["letters"] == []
    assert len(rig.letters("--since", "1h")["letters"]) == 3 and rig.letters("--since", "2100-01-01")["letters"] == []
    assert len(rig.letters("--limit", "1")["letters"]) == 1
    code, out, _ = run(stack, "deadletter", "list")
    assert code == 0 and "weather.observations/1/1/0" in out and "3 shown; 3 read" in out

    # Nothing happens without a yes.
    code, out, err = rig.replay()
    assert code == 2 and "give --yes" in err and "2 to be replayed" in out and "1 are older than the lateness horizon" in out
    code, out, _ = rig.replay("--dry-run")
    assert code == 0 and "2 to be replayed" in out and rig.read() == 4 and rig.audit() == []

    # The clock moves on, so that the reading is not ahead any more.
    rig.reading(1, [other], ahead, ahead + 600_000)  # a reading of feed is up to ten minutes later
    rig.applied(5)
    code, out, err = rig.replay("--reason", "future", "--yes")
    assert code == 0 and out.endswith("1 delivered\n"), out + err
    rig.applied(6)
    assert rig.rows("rows_in") + rig.rows("rows_late") == 3 and rig.rows("rows_bad") == 2
    entry, = rig.audit()
    assert b"@" in entry[b"who"] and entry[b"detail"].startswith(b"1 letters of weather.deadletter: partition 0 offsets 0 to 3, reason future")

    # Again it is a duplicate; what is too old goes with --all only, and becomes a letter again.
    assert rig.replay("--reason", "future", "--yes")[0] == 0
    rig.applied(7)
    assert rig.rows("rows_duplicate") == 1
    code, out, _ = rig.replay("--reason", "horizon", "--yes", "--json")
    assert code == 0 and json.loads(out) | {"read": 0} == {"read": 0, "bad": 0, "matched": 1, "replay": 0, "repeated": 0, "too_old": 1,
                                                           "cut": 0, "foreign": 0, "row_missing": 0, "delivered": 0, "failed": 0}
    code, out, _ = rig.replay("--reason", "horizon", "--all", "--yes", "--json")
    assert code == 0 and json.loads(out)["delivered"] == 1
    rig.applied(8)
    assert rig.rows("rows_retired") == 2 and len(rig.audit()) == 3


@pytest.mark.sanitized
def test_one_row_of_many_and_letters_that_came_twice(stack):
    rig = Rig(stack)
    cities = rig.cities[2][:3]
    batch = oracle.modules()[0].ObservationBatch.FromString(encode(2, cities, rig.now - HOUR, 0))
    batch.observed_at_ms[1] = rig.now + HOUR
    rig.put("weather.observations", 2, batch.SerializeToString())
    rig.applied(3)
    wait_for("a letter", lambda: rig.letters()["letters"], 20 * SLOW)
    # The same letter again, as a worker that died before its commit sends it; and what is no letter.
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition("weather.deadletter", 0, 0)])
    message = wait_for("the letter", lambda: consumer.poll(1), 20 * SLOW)
    consumer.close()
    rig.put("weather.deadletter", 0, message.value(), key=message.key())
    for i in range(25):
        rig.put("weather.deadletter", 0, b"\xff%d" % i)
    listed = rig.letters()
    assert len(listed["letters"]) == 1 and listed["letters"][0]["source"]["row"] == 1 and listed["letters"][0]["city"] == cities[1]
    assert (listed["matched"], listed["repeated"], listed["bad"], len(listed["bad_list"])) == (2, 1, 25, 20)
    code, _, err = run(stack, "deadletter", "list")
    assert code == 0 and "weather.deadletter/0 offset 2 is no letter: it cannot be decoded" in err and "25 records are no letters" in err

    rig.reading(2, [cities[0]], rig.now + HOUR, rig.now + HOUR + 600_000)
    rig.applied(4)
    code, out, err = rig.replay("--yes")
    assert code == 0 and "1 to be replayed" in out and "1 repeat another one" in out and "1 delivered" in out, out + err
    rig.applied(5)
    assert rig.rows("rows_duplicate") == 0 and rig.rows("rows_in") + rig.rows("rows_late") == 4 and rig.rows("rows_bad") == 1


@pytest.mark.sanitized
def test_bad_input_and_missing_parts(stack):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    assert run(stack, "deadletter", "list")[0] == 69                                   # no installation
    stack.init(PARTITIONS, None, 8)
    for argv, wanted in ((["lst"], "list or replay"), ([], "list|replay wanted"), (["list", "--yes"], "are for replay"),
                         (["replay", "--json"], "--json does not ask"), (["list", "--since", "yesterday"], "2h (ago"),
                         (["list", "--city", "Atlantis"], "no city"), (["list", "--limit", "0"], "--limit")):
        code, out, err = run(stack, "deadletter", *argv)
        assert (code, out) == (2, "") and wanted in err, (argv, err)
    code, out, _ = run(stack, "deadletter", "list")
    assert code == 0 and "0 shown; 0 read" in out
    code, out, _ = run(stack, "deadletter", "replay")
    assert code == 0 and "0 letters match" in out
    code, _, err = run(stack, "deadletter", "list", "--timeout-ms", "300", "--kafka", "127.0.0.1:1", which=("redis",))
    assert code == 69 and "127.0.0.1:1" in err
    client(stack).hset("isobar:meta", "cluster_id", "another")
    code, _, err = run(stack, "deadletter", "list")
    assert code == 77 and "belongs to another" in err
