"""A topic that is deleted, made anew and filled, while workers are away and while they read it."""
import os
import signal
import time

import confluent_kafka
import feed
import oracle
import pytest
from kafka import Kafka
from load import Load
from rig import TOPIC
from stack import wait_for
from test_broker import admin, alarms

PARTITIONS = 12
CHECK_S = 10     # the workers' log_check_s
BOUND_S = CHECK_S + 5
PAUSE_S = 2      # longer than that a worker takes for a sign
MORE = 200       # records of a partition beyond those of the old topic
# Counters go on over a reset, so what was read twice is in them twice; what the readings add up to is not.
COUNTERS = ("rows:", "rows_duplicate:", "rows_correction:", "rows_bad:", "rows_checked:", "rows_tick:", "rows_control:", "rows_retired:")


def recreate(rig, partitions):
    """Deletes and makes the topic anew."""
    from confluent_kafka.admin import NewTopic
    client = admin(rig.stack.kafka)
    client.delete_topics([TOPIC])[TOPIC].result(20)
    wait_for("the topic is gone", lambda: TOPIC not in client.list_topics(timeout=10).topics, 20)

    def made():
        try:
            client.create_topics([NewTopic(TOPIC, partitions, 1, config={"message.timestamp.type": "LogAppendTime"})])[TOPIC].result(20)
            return True
        except Exception:  # pylint: disable=broad-except
            return False  # the old one is still being deleted
    wait_for("the topic is made anew", made, 30, 0.2)


def fill(rig):
    """Half of the partitions get more records than their ledgers have read of the old topic: there, only a hash tells."""
    at_ms = int(time.time() * 1000)
    for p in range(0, rig.partitions, 2):
        for step in range(rig.offsets()[p] + 50):
            rig.load.producer.produce(TOPIC, feed.encode(p, rig.load.cities[p][:2], at_ms - 600_000, step), partition=p)
    assert rig.load.producer.flush(30) == 0


@pytest.mark.parametrize("meanwhile", ["workers away", "workers there"])
def test_a_topic_made_anew_stops_every_partition(rig, meanwhile):
    with Kafka(os.path.join(rig.stack.dir, "kafka")) as kafka:
        rig.broker(12, bootstrap=kafka.bootstrap).start_redis().install().coordinator()
        worker, = rig.workers(1)
        rig.start_load()
        rig.load.stop()
        wait_for("all is read", lambda: all(o >= h for o, h in zip(rig.offsets(), rig.highs())), 20)
        if meanwhile == "workers away":
            assert worker.terminate(10) == 0
        before = rig.offsets()
        recreate(rig, 12)
        if meanwhile == "workers away":
            fill(rig)
            worker = rig.worker()
        wait_for("every partition stops", lambda: rig.metric("partitions_stopped") == 12, 60)
        if meanwhile == "workers there":
            fill(rig)
        lines = alarms(worker)
        assert len(lines) == 12 and all("made anew" in line for line in lines), lines
        assert rig.offsets() == before, "nothing of the new topic was applied"
        assert worker.terminate(15) == 0


# ---- filled before the workers can notice

def contents(rig):
    """[values of every partition] of the whole topic."""
    values = [[] for _ in range(rig.partitions)]
    oracle.read_topic(rig.stack.kafka, TOPIC, {p: (0, high) for p, high in enumerate(rig.highs())}, lambda p, o, t, v: values[p].append(v))
    return values


def refill(rig, values):
    """All that was in the old topic and more, as fast as it goes; returns how long it took from the topic's making."""
    begun_s = time.monotonic()
    producer = confluent_kafka.Producer({"bootstrap.servers": rig.stack.kafka, "acks": "all", "linger.ms": 5})
    at_ms = int(time.time() * 1000)
    for p, of in enumerate(values):
        for value in of:
            producer.produce(TOPIC, value, partition=p)
        for step in range(MORE):
            producer.produce(TOPIC, feed.encode(p, rig.load.cities[p][:3], at_ms - 600_000, step), partition=p)
    assert producer.flush(30) == 0
    return time.monotonic() - begun_s


def anew(rig, workers, values, how):
    """Has the topic made anew and filled beyond the ledgers' offsets, with a load that goes on; returns when it was there (s)."""
    if how == "while workers are stopped":
        for worker in workers:
            worker.signal(signal.SIGSTOP)
    stopped_s = time.monotonic()
    recreate(rig, rig.partitions)
    made_s = time.monotonic()
    refill(rig, values)
    rig.load = Load(rig.stack.kafka, rig.partitions, rate=20).start()
    if how == "while workers are stopped":
        wait_for("it is a pause", lambda: time.monotonic() - stopped_s > PAUSE_S, 10)
        for worker in workers:
            worker.signal(signal.SIGCONT)
    return made_s


def of_counters(difference):
    """True when it is about what includes rows that were read twice, or about when they were read."""
    what = difference.split(": the log says")[0].split(" ")
    return difference.split(" ")[1] in COUNTERS or what[0] in ("city", "open") or what[-1] in MOMENTS


def same_but_for_counters(rig):
    """What the oracle and verify find wrong, but for counters that include what was read twice."""
    verified = rig.stack.ctl("verify", *rig.stack.common("kafka", "redis"), check=False)
    found = [] if verified.returncode == 0 else [f"verify: {verified.stdout}{verified.stderr}"]
    comparison, totals = oracle.run(rig.stack.kafka, rig.stack.redis, rig.stack.prefix)
    assert totals["rows"] > 0
    return found + [d for d in comparison.differences if not of_counters(d)]


@pytest.mark.parametrize("how", ["while workers read", "while workers are stopped"])
def test_a_topic_made_anew_and_filled_at_once_is_not_read_on(rig, how):
    with Kafka(os.path.join(rig.stack.dir, "kafka")) as kafka:
        rig.broker(PARTITIONS, bootstrap=kafka.bootstrap).start_redis().install().coordinator()
        workers = rig.workers(2)
        rig.start_load(rate=20)
        rig.flows()
        rig.load.stop()
        wait_for("all is read", lambda: all(o >= h for o, h in zip(rig.offsets(), rig.highs())), 20)
        before, values = rig.offsets(), contents(rig)
        begun_s = anew(rig, workers, values, how)
        wait_for("every partition stops", lambda: rig.metric("partitions_stopped") == PARTITIONS, BOUND_S + 15)
        took_s, foreign = time.monotonic() - begun_s, [a - b for a, b in zip(rig.offsets(), before)]
        check_ms = rig.metric("log_check_microseconds_total") / 1000 / rig.metric("log_checks_total")
        print(f"{how}: all stopped {took_s:.2f} s after the topic was there; records of it applied: {sum(foreign)}, "
              f"on {sum(f > 0 for f in foreign)} partitions; a check took {check_ms:.0f} ms on average")
        assert took_s <= BOUND_S
        lines = [line for worker in workers for line in alarms(worker)]
        assert {int(line.split("partition=")[1].split(" ")[0]) for line in lines} == set(range(PARTITIONS)), lines
        assert all("made anew" in line and "--to low" in line for line in lines), lines
        stopped_at, sent = rig.offsets(), rig.load.delivered
        wait_for("the load goes on", lambda: rig.load.delivered > sent + 20 * PARTITIONS, 20)
        assert rig.offsets() == stopped_at, "a partition is read on"
        rig.load.stop()
        for p in range(PARTITIONS):
            rig.stack.ctl("partition", "reset", str(p), "--to", "low", "--yes", *rig.stack.common("kafka", "redis"))
        rig.settled()
        rig.start_load()
        rig.quiet()
        found = same_but_for_counters(rig)
        assert found == [], f"{len(found)} differences:\n" + "\n".join(found[:20])
