"""Kafka in trouble: brokers away, leaders moved, errors answered, the log cut at either end."""
import os
import time

import pytest
from kafka import Kafka
from rig import TOPIC
from stack import wait_for

TRIMMED_BYTES = 200_000  # a record of this size; the development broker keeps 5 MiB per partition


def admin(kafka):
    from confluent_kafka.admin import AdminClient
    return AdminClient({"bootstrap.servers": kafka, "log_level": 0})


def leaders(kafka):
    """{partition: broker id}."""
    topic = admin(kafka).list_topics(TOPIC, timeout=10).topics[TOPIC]
    return {p.id: p.leader for p in topic.partitions.values()}


def alarms(program):
    """Lines that say that a partition stopped."""
    return [line for line in program.log().splitlines() if "event=partition_stopped" in line]


def no_gaps(rig):
    assert all(int(g) == 0 for g in rig.ledgers("gaps")), rig.ledgers("gaps")


def test_three_brokers_killed_one_after_the_other_and_all_at_once(rig):
    with Kafka(os.path.join(rig.stack.dir, "kafka"), brokers=3) as kafka:
        rig.broker(12, bootstrap=kafka.bootstrap).start_redis().install().coordinator()
        workers = rig.workers(2)
        rig.start_load()
        took, led = [], []
        for number in (1, 2, 3):
            moved = [p for p, broker in leaders(kafka.bootstrap).items() if broker == number]
            led.append(len(moved))
            kafka.kill9(number)
            begun_s = time.monotonic()
            wait_for("their leaders moved", lambda m=moved, n=number: not {leaders(kafka.bootstrap)[p] for p in m} & {n, -1}, 30)
            rig.flows()
            took.append(time.monotonic() - begun_s)
            kafka.start()
            rig.flows()
        assert sum(led) >= 12, f"leaders moved: {led}"
        kafka.kill9()
        wait_for("nothing flows", lambda: stalled(rig), 20)
        kafka.start()
        took.append(rig.flows(deadline_s=60))
        print("killed to commits on every partition, one by one, and all back to it: " + ", ".join(f"{t:.1f} s" for t in took))
        assert not [a for w in workers for a in alarms(w)]
        no_gaps(rig)
        rig.equal(120)


def stalled(rig):
    """No ledger moves for a second."""
    before, end_s = rig.offsets(), time.monotonic() + 1
    while time.monotonic() < end_s:
        if rig.offsets() != before:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.quick
def test_errors_that_a_broker_answers(rig):
    rig.broker().start_redis().install().coordinator()
    workers = rig.workers(2)
    rig.start_load()
    for api, error in (("FETCH", "NOT_LEADER_FOR_PARTITION"), ("FETCH", "_TRANSPORT"), ("FETCH", "UNKNOWN_TOPIC_OR_PART"), ("PRODUCE", "NOT_LEADER_FOR_PARTITION"),
                       ("PRODUCE", "REQUEST_TIMED_OUT"), ("PRODUCE", "_TRANSPORT"), ("METADATA", "_TRANSPORT")):
        rig.stack.broker_command(f"push-error {api} {error} 5")
        rig.flows()
    rig.stack.broker_command("push-error LISTOFFSETS LEADER_NOT_AVAILABLE 5")  # asked when a partition is taken over
    assert workers[1].terminate(15) == 0
    workers[1] = rig.worker()
    rig.settled(workers)
    rig.stack.broker_command("clear-errors LISTOFFSETS")
    rig.stack.broker_command("broker-down -1")
    wait_for("nothing flows", lambda: stalled(rig), 20)
    assert rig.metric("partitions_stopped") == 0
    rig.stack.broker_command("broker-up -1")
    print(f"commits on every partition {rig.flows():.2f} s after the broker was back")
    rig.stack.broker_command("rtt -1 300")
    rig.flows()
    rig.stack.broker_command("rtt -1 0")
    assert not [a for w in workers for a in alarms(w)]
    no_gaps(rig)
    rig.equal()


def one_alarm(rig, program, partition, words):
    """The partition stops with one alarm, which the leader shows; the others go on."""
    wait_for("it stops", lambda: rig.metric("partitions_stopped") == 1, 30)
    others = [p for p in range(rig.partitions) if p != partition]
    rig.flows(others)
    import cluster
    shown = lambda: [p for p in cluster.view(rig)["partition_list"] if p["alarm"]]
    wait_for("the leader shows it", lambda: [p["partition"] for p in shown()] == [partition], 10)
    assert words in shown()[0]["alarm"]
    lines = alarms(program)
    assert len(lines) == 1 and f"partition={partition} " in lines[0] and words in lines[0], lines


@pytest.mark.quick
def test_an_offset_beyond_the_end_stops_its_partition(rig):
    """A ledger edited by hand, as if the log had been truncated. Put right, it goes on."""
    rig.broker().start_redis().install().coordinator()
    worker, = rig.workers(1)
    rig.start_load()
    assert worker.terminate(10) == 0
    key, ahead = f"{rig.stack.prefix}{{5}}:ledger", 1_000_000
    for field in ("offset", "applied", "record_offset"):
        rig.redis.hincrby(key, field, ahead)
    worker = rig.worker()
    one_alarm(rig, worker, 5, "beyond the log's end")
    assert int(rig.redis.hget(key, "offset")) > ahead, "nothing was reset"
    assert worker.terminate(10) == 0
    for field in ("offset", "applied", "record_offset"):
        rig.redis.hincrby(key, field, -ahead)
    rig.settled([rig.worker()])
    rig.quiet()
    found = rig.differences()
    assert [d for d in found if d.startswith("journal: p5 ")], "the journals show what was done to the ledger"
    assert [d for d in found if not d.startswith("journal: p5 ")] == []


@pytest.mark.quick
def test_an_offset_below_the_beginning_stops_its_partition(rig):
    """The log was trimmed while no worker was there."""
    rig.broker().start_redis().install().coordinator()
    worker, = rig.workers(1)
    rig.start_load()
    assert worker.terminate(10) == 0
    at = rig.offsets()[3]
    for _ in range(40):
        rig.load.producer.produce(TOPIC, os.urandom(TRIMMED_BYTES), partition=3)
        assert rig.load.producer.flush(20) == 0
    worker = rig.worker()
    one_alarm(rig, worker, 3, "was deleted from the log")
    assert rig.offsets()[3] == at, "nothing was skipped"
    rig.load.stop()
    assert worker.terminate(15) == 0
