"""isobarctl replay: the log once more into another namespace gives the same bits, at any speed, and after any stop."""
import os
import signal
import time

import pytest
from conftest import TOPICS
from ctl_runs import client, run
from feed import Feed
from stack import wait_for

PARTITIONS = 24
CITIES = 60
STEPS = 12
STEP_MS = 600_000
# What depends on who commits and when, not on the log.
OWN = {b"cid", b"owner", b"number", b"commits", b"anchor_offset", b"anchor_hash"}


class Rig:
    """An installation that a worker has filled and left."""

    def __init__(self, stack, topic="weather.observations"):
        self.stack = stack
        stack.start_redis()
        stack.init(PARTITIONS, None, 8, "--topic", topic)
        self.redis = client(stack)
        feed = Feed(stack.kafka, CITIES, PARTITIONS, topic=topic)
        self.end_ms = int(time.time() * 1000) // STEP_MS * STEP_MS
        for step in range(STEPS):
            feed.step(self.end_ms - (STEPS - step) * STEP_MS, step)
        feed.flush()
        self.rows = feed.rows
        stack.start_coordinator()
        worker = stack.start_worker("worker-1", "--tick-s", "1")
        wait_for("everything is applied", lambda: self.sum("isobar:", "rows_in", "rows_late") == self.rows, 120, 0.1)
        wait_for("a tick of each partition is applied", lambda: self.least("isobar:", "rows_tick") >= 1, 120, 0.1)
        assert worker.terminate(20) == 0, worker.log()[-2000:]

    def ledgers(self, prefix):
        asked = self.redis.pipeline(transaction=False)
        for p in range(PARTITIONS):
            asked.hgetall(f"{prefix}{{{p}}}:ledger")
        return asked.execute()

    def sum(self, prefix, *fields):
        return sum(int(ledger.get(f.encode(), 0)) for ledger in self.ledgers(prefix) for f in fields)

    def least(self, prefix, field):
        return min(int(ledger.get(field.encode(), 0)) for ledger in self.ledgers(prefix))

    def results(self, prefix):
        """key without prefix -> content, of all panes, windows and cities."""
        found = {}
        for key in self.redis.scan_iter(prefix + "{*", count=1000):
            name = key.decode()[len(prefix):]
            if name.split(":")[1] in ("pane", "w", "city"):
                found[name] = self.redis.hgetall(key)
        return found

    def replay(self, *argv, into="replay:"):
        return run(self.stack, "replay", "--into", into, *argv)


def test_the_same_log_gives_the_same_bits(any_kafka):
    rig = Rig(any_kafka, "weather.observations" if any_kafka.broker_kind == "devbroker" else "observations.replay")
    before = rig.results("isobar:")
    code, out, err = rig.replay()
    assert code == 0, out + err
    assert rig.results("replay:") == before and len(before) > 3 * PARTITIONS
    for own, again in zip(rig.ledgers("isobar:"), rig.ledgers("replay:")):
        assert {k: v for k, v in own.items() if k not in OWN} == {k: v for k, v in again.items() if k not in OWN}
    assert f"{rig.sum('isobar:', 'rows')} rows" in out and "replayed:" in out
    code, out, err = run(any_kafka, "verify", "--prefix", "replay:")
    assert code == 0, out + err
    assert rig.redis.hgetall("replay:{1}:cities") == rig.redis.hgetall("isobar:{1}:cities")
    assert rig.results("isobar:") == before  # nothing else has changed

    # Once more there is nothing to do; what is no replay is left alone; then it goes, and only it.
    code, out, err = rig.replay()
    assert code == 0 and "going on" in out, out + err
    assert rig.replay("--from", "1h")[0] == 77
    rig.redis.set("replay:x:{1}:city", "of somebody else")
    code, out, err = rig.replay("--remove")
    assert code == 0 and "keys removed" in out, out + err
    assert list(rig.redis.scan_iter("replay:*")) == [b"replay:x:{1}:city"]
    assert rig.replay("--remove")[0] == 77
    assert rig.replay(into="isobar:")[0] == 2
    rig.redis.hset("other:meta", "format", "1")
    code, _, err = rig.replay(into="other:")
    assert code == 77 and "is an installation" in err


def test_a_period_leaves_out_what_began_before_it(stack):
    stack.start_devbroker(TOPICS)
    rig = Rig(stack)
    begin, end = rig.end_ms - 6 * STEP_MS, rig.end_ms - 2 * STEP_MS
    stamp = lambda ms: time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(ms / 1000))
    code, out, err = rig.replay("--from", stamp(begin), "--to", stamp(end))
    assert code == 0, out + err
    windows = {name: fields for name, fields in rig.results("replay:").items() if ":w:" in name}
    starts = {name.rsplit(":", 1)[1] for name in windows if ":w:10m:" in name}
    assert starts and all(begin <= int(s) < end for s in starts)
    # whole windows of the period are those of the installation: what came in time came within ten minutes
    whole = rig.results("isobar:")
    name = next(n for n in windows if n.endswith(f":w:10m:{begin}"))
    assert {k for k in windows[name]} == {k for k in whole[name]}


@pytest.mark.takes(10)
@pytest.mark.sanitized
def test_speed_is_kept_and_a_stop_is_taken_up(stack):
    stack.start_devbroker(TOPICS)
    rig = Rig(stack)
    speed = 1800  # two hours in four seconds
    code, out, err = rig.replay("--prepare", "--speed", str(speed))
    assert code == 0, out + err
    begun = time.monotonic()
    worker = stack.start("replayer", [stack.binary("isobar-worker"), "--replay", *stack.common("kafka", "redis"), "--prefix", "replay:", "--admin-port", "-1"])
    half = rig.rows // 2
    wait_for("half of it is applied", lambda: rig.sum("replay:", "rows") >= half, 60)
    # The clock of no partition is ahead of the speed. It begins with the first record that comes, later than the process.
    ahead = max(int(l[b"clock_ms"]) for l in rig.ledgers("replay:")) - (rig.end_ms - (STEPS - 1) * STEP_MS)
    assert ahead <= (time.monotonic() - begun) * 1000 * speed
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    assert rig.sum("replay:", "rows") < rig.sum("isobar:", "rows")
    code, out, err = rig.replay()
    assert code == 0, out + err
    assert rig.results("replay:") == rig.results("isobar:")


def test_a_worker_without_a_replay_says_so(stack):
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 8)
    worker = stack.start("replayer", [stack.binary("isobar-worker"), "--replay", *stack.common("kafka", "redis"), "--admin-port", "-1"])
    assert worker.wait(20) == 78 and "isobarctl replay makes it" in worker.log()
    code, _, err = run(stack, "replay", "--into", "r:", "--from", "2h", "--to", "3h")
    assert code == 2 and "is not before" in err
    code, _, err = run(stack, "replay", "--into", "r:", "--from", "yesterday")
    assert code == 2 and "--from yesterday" in err
