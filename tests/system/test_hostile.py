"""Anybody may write to the topic: whatever lies in it, workers go on, and count what the oracle counts."""
import random
import time

import feed
import oracle
import pytest
from conftest import SANITIZED, TOPICS
from stack import wait_for

CITIES = [c for c in range(2, 400) if oracle.shard(c, 24) == oracle.shard(2, 24)][:5]
SHARD = oracle.shard(2, 24)
SLOW = 3 if SANITIZED else 1
INT32, INT64 = 2**31 - 1, 2**63 - 1
# a batch of one reading with one thing odd
ODD = [{"rows": 0}, {"rows": -1}, {"rows": INT32}, {"format": 0}, {"format": 2}, {"shard": -1}, {"shard": 99}, {"city_id": [0]}, {"city_id": [-1]},
       {"city_id": [INT64]}, {"observed_at_ms": [-1]}, {"observed_at_ms": [0]}, {"observed_at_ms": [INT64]}, {"fetched_at_ms": [INT64]}, {"present": [-1]},
       {"kind": [-1]}, {"kind": [1]}, {"kind": [2]}, {"kind": [3]}, {"kind": [9]}, {"provider": [-1]}, {"provider": [INT32]}, {"series": [-1]},
       {"series": [1000]}, {"series": [1001]}, {"accumulation_s": [-1]}, {"temperature_centi_c": [-INT32 - 1]}, {"temperature_centi_c": [1, 2]},
       {"wind_speed_cm_s": [INT32], "wind_direction_centi_deg": [35999], "present": [0x301]}, {"wind_direction_centi_deg": [36000], "present": [0x201]}]


def batch(now_ms, **odd):
    cells = {"city_id": [2], "observed_at_ms": [now_ms], "fetched_at_ms": [now_ms], "present": [1], "temperature_centi_c": [1500]}
    head = {"format": 1, "rows": 1, "shard": SHARD}
    for name, value in odd.items():
        (cells if isinstance(value, list) else head)[name] = value
    return oracle.modules()[0].ObservationBatch(**head, **cells).SerializeToString()


def with_control(now_ms, row):
    message = oracle.modules()[0].ObservationBatch.FromString(batch(now_ms, kind=[3]))
    message.controls.add(row=row, zone="../../etc/passwd")
    return message.SerializeToString()


def spoiled(dice, good):
    value = bytearray(good)
    for _ in range(dice.randint(1, 6)):
        value[dice.randrange(len(value))] = dice.randrange(256)
    return bytes(value[:dice.randint(1, len(value))] if dice.random() < 0.3 else value)


def records(now_ms, count):
    dice = random.Random(20261124)
    good = feed.encode(SHARD, CITIES, now_ms - 600_000, 1)
    yield from (b"", b"\0", b"\xff" * 10, b"\x08\x01" * 100_000, dice.randbytes(900_000))
    yield from (batch(now_ms, **odd) for odd in ODD)
    yield from (with_control(now_ms, row) for row in (0, -1, 5, INT32))
    yield batch(now_ms + 240_000)
    yield batch(now_ms + 3_600_000)
    for _ in range(count):
        yield spoiled(dice, good)
    yield good


@pytest.mark.sanitized
def test_hostile_records_stop_nothing_and_are_counted_exactly(stack):
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(24, None, 40)
    stack.start_coordinator("coordinator-1", -1)
    stack.start_worker("worker-1")
    producer = feed.Feed(stack.kafka, 0, 24)
    now_ms, sent = int(time.time() * 1000), 0
    for value in records(now_ms, 3000):
        producer.put(SHARD, value, now_ms)
        producer.producer.poll(0)
        sent += 1
    producer.flush()
    wait_for("all are read", lambda: (stack.metric("worker-1", "isobar_worker_records_total") or 0) >= sent, 30 * SLOW)  # ticks, too
    assert stack.programs["worker-1"].terminate(10 * SLOW) == 0
    verified = stack.ctl("verify", *stack.common("kafka", "redis"), check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    comparison, totals = oracle.run(stack.kafka, stack.redis)
    assert comparison.differences == []
    assert totals["rows_bad"] > 500 and totals["rows_in"] > 100 and totals["redis_rows"] == totals["rows"]
