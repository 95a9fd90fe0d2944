"""Days are those of the city: a control row says that one is in Nepal, another in the Chathams, and the worker, verify and the
oracle cut the same days of them."""
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import oracle
from conftest import TOPICS
from ctl_runs import client
from feed import Feed
from stack import wait_for

PARTITIONS = 24
STEP_MS = 600_000
CONTROL = 3  # kind of a row
ZONES = {1: "Asia/Kathmandu", 2: "Pacific/Chatham", 3: "America/New_York"}  # city 4 has none: UTC


def control(shard, city, zone, interval_s=600):
    batch = oracle.modules()[0].ObservationBatch(format=1, rows=1, shard=shard, city_id=[city], kind=[CONTROL])
    batch.controls.add(row=0, zone=zone, interval_s=interval_s, country="NP")
    return batch.SerializeToString()


def days(zone, from_ms, to_ms):
    """date -> (start, end) of the days that begin in that time: by Python's own calendar."""
    zone, found = ZoneInfo(zone), {}
    date = datetime.fromtimestamp(from_ms / 1000, zone).date()
    while True:
        start, end = (int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp() * 1000) for d in (date, date + timedelta(days=1)))
        if start >= to_ms:
            return found
        found[date.isoformat()] = (start, end)
        date += timedelta(days=1)


def test_days_of_cities(stack):
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 40)
    redis = client(stack)
    feed = Feed(stack.kafka, 4, PARTITIONS)
    now = int(time.time() * 1000) // STEP_MS * STEP_MS
    steps = 60 * 6  # two and a half days, of which the last two are within the lateness
    for city, zone in ZONES.items():
        shard = oracle.shard(city, PARTITIONS)
        feed.put(shard, control(shard, city, zone), now - steps * STEP_MS)
    shard = oracle.shard(1, PARTITIONS)
    feed.put(shard, control(shard, 1, "Mars/Olympus"), now - steps * STEP_MS)  # a dead letter
    for step in range(steps):
        feed.step(now - (steps - step) * STEP_MS, step)
    feed.flush()
    stack.start_coordinator()
    worker = stack.start_worker("worker-1", "--tick-s", "1")
    ledger = lambda *fields: sum(int(redis.hget(f"isobar:{{{p}}}:ledger", f) or 0) for p in range(PARTITIONS) for f in fields)
    wait_for("everything is applied", lambda: ledger("rows_in", "rows_late") == 4 * steps, 60)
    assert ledger("rows_control") == 3 and ledger("rows_bad") == 1
    assert worker.terminate(20) == 0, worker.log()[-2000:]

    window_pb2, city_pb2 = oracle.modules()[1:]
    for city in range(1, 5):
        zone, p = ZONES.get(city, "UTC"), oracle.shard(city, PARTITIONS)
        state = city_pb2.CityState.FromString(redis.hget(f"isobar:{{{p}}}:city", city))
        assert state.zone == ZONES.get(city, "") and state.interval_s == (600 if city in ZONES else 0)
        found = 0
        for date, (start, end) in days(zone, now - steps * STEP_MS, now).items():
            raw = redis.hget(f"isobar:{{{p}}}:w:1d:{date}", city)
            if raw is None:
                continue  # its panes are open yet
            day = window_pb2.WindowState.FromString(raw)
            assert (day.start_ms, day.end_ms) == (start, end), (zone, date)
            assert (day.final_at_ms > 0) == (end <= state.closed_through_ms), (zone, date)
            found += 1
        assert found >= 2, zone
    assert stack.ctl("verify", "--full", *stack.common("kafka", "redis"), check=False).returncode == 0
    comparison, _ = oracle.run(stack.kafka, stack.redis)
    assert comparison.differences == []


def test_what_an_older_version_left(stack):
    """Keys of days by UTC are told, not an error, and days begin with the first whole one."""
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 40)
    redis = client(stack)
    now = int(time.time() * 1000) // STEP_MS * STEP_MS
    today = now // 86_400_000 * 86_400_000
    window = oracle.modules()[1].WindowState(format=1, start_ms=today, end_ms=today + 86_400_000)
    for p in range(PARTITIONS):
        redis.hset(f"isobar:{{{p}}}:w:1d:{today}", "4", window.SerializeToString())
        redis.hset(f"isobar:{{{p}}}:ledger", mapping={"pane_cursor_ms": today - 2 * 86_400_000, "w_cursor_1d": today - 730 * 86_400_000})
    feed = Feed(stack.kafka, 4, PARTITIONS)
    for step in range(6):
        feed.step(now - (6 - step) * STEP_MS, step)
    feed.flush()
    stack.start_coordinator()
    worker = stack.start_worker("worker-1", "--tick-s", "1")
    wait_for("everything is applied", lambda: sum(int(redis.hget(f"isobar:{{{p}}}:ledger", "rows_in")) for p in range(PARTITIONS)) == 24, 60)
    assert worker.terminate(20) == 0, worker.log()[-2000:]
    for city in range(1, 5):  # the first day that begins after the clock everywhere
        assert int(redis.hget(f"isobar:{{{oracle.shard(city, PARTITIONS)}}}:ledger", "w_cursor_1d")) == (now - 5 * STEP_MS) // 86_400_000 + 2
    verify = stack.ctl("verify", "--full", *stack.common("kafka", "redis"), check=False)
    assert verify.returncode == 0, verify.stdout
    assert "24 keys of days by UTC are left aside" in verify.stdout
    assert not [k for k in redis.scan_iter("isobar:*:w:1d:20*")]
