"""What workers do when Redis hangs, loses its scripts or has no memory, and when a worker is killed, stopped or drained in the
middle of it: the oracle recounts everything from the topic and finds no difference."""
import signal
import threading
import time

import oracle
import pytest
from conftest import SANITIZED, TOPICS
from feed import Feed
from stack import wait_for

CITIES = 150
PARTITIONS = 24
SLOW = 3 if SANITIZED else 1


class Rig:
    """Redis, broker, coordinator, two workers and a feed that goes on until it is stopped."""

    def __init__(self, stack):
        import redis as redis_client
        self.stack = stack
        stack.start_devbroker(TOPICS)
        stack.start_redis()
        stack.init(PARTITIONS, None, 40)
        host, port = stack.redis.split(":")
        self.redis = redis_client.Redis(host, int(port), socket_timeout=20)
        stack.start_coordinator("coordinator-1", -1)
        for name in ("worker-1", "worker-2"):
            stack.start_worker(name, "--redis-timeout-ms", "500")
        self.feed = Feed(stack.kafka, CITIES, PARTITIONS, 10)
        self.end_ms = int(time.time() * 1000) // 600_000 * 600_000
        self.steps = 0
        self.pause_s = 0.05 * SLOW
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        """Twelve hours in steps of ten minutes, with a late repeat and an undecodable record now and then."""
        while not self.stopping.is_set() and self.steps < 72:
            at_ms = self.end_ms - (72 - self.steps) * 600_000
            self.feed.step(at_ms, self.steps)
            if self.steps % 5 == 4:
                self.feed.step(at_ms - 3_000_000, self.steps)  # a duplicate of what has closed
                self.feed.put(self.steps % PARTITIONS, b"junk", at_ms + 600_000)
            self.steps += 1
            self.stopping.wait(self.pause_s)

    def start(self):
        wait_for("both workers run", lambda: self.running("worker-1") + self.running("worker-2") == PARTITIONS and self.running("worker-2") > 0, 30 * SLOW)
        self.thread.start()
        wait_for("it flows", lambda: self.applied() > CITIES * 3, 30 * SLOW)

    def running(self, worker):
        return self.stack.metric(worker, "isobar_worker_partitions_running") or 0

    def applied(self):
        return sum(int(self.redis.hget(f"isobar:{{{p}}}:ledger", "rows") or 0) for p in range(PARTITIONS))

    def metric(self, name):
        return sum(self.stack.metric(n, "isobar_worker_" + name) or 0 for n, p in self.stack.programs.items() if n.startswith("worker") and p.running())

    def finish(self):
        """Stops the feed, lets the workers read to the end, drains them and asks the oracle."""
        self.thread.join(120)
        assert not self.thread.is_alive()
        self.feed.flush()
        want = self.feed.rows + self.steps // 5
        ticks = lambda: sum(int(self.redis.hget(f"isobar:{{{p}}}:ledger", "rows_tick")) for p in range(PARTITIONS))
        wait_for("everything is applied", lambda: self.applied() - ticks() >= want, 60 * SLOW)
        for name, program in self.stack.programs.items():
            if name.startswith("worker") and program.running():
                assert program.terminate(15) == 0, program.log()[-2000:]
        comparison, totals = oracle.run(self.stack.kafka, self.stack.redis)
        assert comparison.differences == []
        assert totals["redis_rows"] == totals["rows"] and totals["rows_bad"] == self.steps // 5
        verified = self.stack.ctl("verify", *self.stack.common("kafka", "redis"), check=False)
        assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture
def rig(stack):
    made = Rig(stack)
    yield made
    made.stopping.set()
    if made.thread.is_alive():
        made.thread.join(10)


@pytest.mark.takes(15)
@pytest.mark.sanitized
def test_a_redis_that_hangs_executes_commits_late(rig):
    rig.start()
    for _ in range(3):
        rig.stack.programs["redis"].signal(signal.SIGSTOP)
        failures = rig.metric("commit_failures_total")
        try:
            wait_for("commits time out", lambda: rig.metric("commit_failures_total") > failures, 10 * SLOW)
        finally:
            rig.stack.programs["redis"].signal(signal.SIGCONT)
        before = rig.applied()
        wait_for("it goes on", lambda: rig.applied() > before or rig.steps == 72, 10 * SLOW)
    assert rig.metric("memory_kept_total") > 0
    assert rig.metric("rollbacks_total") == 0
    rig.finish()


@pytest.mark.takes(24)
def test_scripts_that_are_flushed_are_loaded_again(rig):
    rig.start()
    while rig.thread.is_alive():
        rig.redis.execute_command("SCRIPT", "FLUSH")
        time.sleep(0.2)
    rig.finish()


@pytest.mark.takes(18)
@pytest.mark.sanitized
def test_redis_without_memory_pauses_and_recovers(rig):
    rig.start()
    failures = rig.metric("commit_failures_total")
    rig.redis.config_set("maxmemory", "1")
    wait_for("commits are refused", lambda: rig.metric("commit_failures_total") > failures, 10 * SLOW)
    before = rig.applied()
    assert rig.metric("partitions_stopped") == 0
    rig.redis.config_set("maxmemory", "0")
    wait_for("it goes on", lambda: rig.applied() > before or rig.steps == 72, 10 * SLOW)
    rig.finish()


@pytest.mark.takes(21)
def test_a_worker_that_was_stopped_is_fenced(rig):
    rig.pause_s = 0.15
    rig.start()
    zombie = rig.stack.programs["worker-1"]
    zombie.signal(signal.SIGSTOP)
    wait_for("the other holds all", lambda: rig.running("worker-2") == PARTITIONS, 20)
    zombie.signal(signal.SIGCONT)
    # A commit meets another id; or, when an answer was on the way at the stop, the acquire that follows another number.
    refused = lambda: sum(rig.stack.metric("worker-1", f"isobar_worker_{name}_total") or 0 for name in ("commit_mismatches", "acquires_refused"))
    wait_for("the ledgers refuse it", lambda: refused() > 0, 10)
    rig.finish()
    assert rig.stack.programs["worker-1"].process.returncode == 0


@pytest.mark.takes(15)
def test_killed_and_drained_workers_lose_nothing(rig):
    rig.start()
    for i in range(3, 6):
        old = rig.stack.programs[f"worker-{i - 2}"]
        if i % 2:
            old.kill()
        else:
            assert old.terminate(15) == 0, old.log()[-2000:]
        rig.stack.start_worker(f"worker-{i}", "--redis-timeout-ms", "500")
        wait_for("all partitions run again", lambda: rig.metric("partitions_running") == PARTITIONS, 20)
    rig.finish()


@pytest.mark.takes(13)
def test_a_redis_that_restarts(rig):
    rig.start()
    port = rig.stack.ports["redis"]
    rig.stack.programs["redis"].kill()
    rig.stack.start_redis(port)
    wait_for("all partitions run again", lambda: rig.metric("partitions_running") == PARTITIONS, 20)
    assert rig.metric("partitions_stopped") == 0
    rig.finish()


def test_a_redis_that_evicts_is_refused(stack):
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 4)
    stack.endpoint = "tcp://127.0.0.1:9"
    import redis as redis_client
    host, port = stack.redis.split(":")
    redis_client.Redis(host, int(port)).config_set("maxmemory-policy", "allkeys-lru")
    worker = stack.start_worker("worker-1")
    assert worker.wait(10) == 78
    assert "noeviction" in worker.log()
