"""The leader is killed again and again under load: another acts within five seconds, and ingest never pauses.

Also how members find a leader that is in no list of theirs, and one that they are told of by a standby.
"""
import threading
import time

import oracle
import pytest
import redis as redis_client
import results
from conftest import SANITIZED
from feed import Feed
from ports import free_port
from stack import wait_for

SLOW = 4 if SANITIZED else 1
PARTITIONS = 24
TOPICS = {"weather.observations": PARTITIONS, "weather.deadletter": 1}
CITIES = 240
KILLS = 6
MEMBERS = ("worker-1", "worker-2", "fetcher-1")
STEP_MS = 60_000


def prepare(stack, coordinators):
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 4)
    host, port = stack.redis.split(":")
    return redis_client.Redis(host, int(port)), stack.reserve_endpoints(coordinators)


def start_fetcher(stack):
    stack.start_owmsim()
    stack.start_fetcher("fetcher-1", "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                        "--history-hours", "0", ISOBAR_API_KEY="any")


def leader_of(client):
    value = client.get("isobar:leader")
    return value.decode().split(" ")[1] if value else None


def term_of(stack, member):
    return stack.metric(member, f"isobar_{member.split('-')[0]}_target_term") or 0


def running(stack, *workers):
    return sum(stack.metric(w, "isobar_worker_partitions_running") or 0 for w in workers)


class Commits(threading.Thread):
    """Hears every commit: the largest gap between two of one partition."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        host, port = stack.redis.split(":")
        self.channel = redis_client.Redis(host, int(port)).pubsub()
        self.channel.subscribe("isobar:updates")
        self.last, self.largest_ms, self.count = {}, 0, 0
        self.watching, self.ending = False, False

    def run(self):
        while not self.ending:
            message = self.channel.get_message(timeout=0.1)
            if message and message["type"] == "message":
                self.heard(int(message["data"].split(b" ", 1)[0]), time.monotonic())

    def heard(self, partition, now):
        if self.watching and partition in self.last:
            self.largest_ms = max(self.largest_ms, (now - self.last[partition]) * 1000)
            self.count += 1
        self.last[partition] = now


class Load(threading.Thread):
    """A reading of every city, ten times a second; the largest pause it made itself."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.feed = Feed(stack.kafka, CITIES, PARTITIONS, 100)
        self.ending, self.steps = False, 0
        self.largest_ms, self.watching = 0, False

    def run(self):
        first_ms, last = int(time.time() * 1000) // STEP_MS * STEP_MS - 24 * 3_600_000, time.monotonic()
        while not self.ending:
            self.feed.step(first_ms + self.steps * STEP_MS, self.steps)
            self.steps += 1
            now = time.monotonic()
            if self.watching:
                self.largest_ms = max(self.largest_ms, (now - last) * 1000)
            last = now
            time.sleep(0.1)


@pytest.mark.takes(56)
def test_the_leader_is_killed_and_ingest_never_pauses(stack):
    client, endpoints = prepare(stack, 2)
    for i, endpoint in enumerate(endpoints):
        stack.start_coordinator(f"coordinator-{i + 1}", 600, bind=endpoint)
    stack.start_worker("worker-1")
    stack.start_worker("worker-2")
    start_fetcher(stack)
    wait_for("all is held", lambda: running(stack, "worker-1", "worker-2") == PARTITIONS and running(stack, "worker-1") == 12 and
             (stack.metric("fetcher-1", "isobar_fetcher_shards") or 0) == PARTITIONS, 40 * SLOW)
    load, commits = Load(stack), Commits(stack)
    load.start()
    commits.start()
    wait_for("it flows everywhere", lambda: len(commits.last) == PARTITIONS, 20 * SLOW)
    time.sleep(0.5)  # not a wait for anything: a stretch of steady load before the first kill
    load.watching = commits.watching = True
    taken_s = []
    for kill in range(KILLS):
        first = leader_of(client)
        term = max(term_of(stack, m) for m in MEMBERS)
        killed = time.monotonic()
        stack.programs[first].kill()
        wait_for(f"kill {kill}: every member has a target of a new leader", lambda t=term: all(term_of(stack, m) > t for m in MEMBERS), 15 * SLOW, 0.01)
        taken_s.append(time.monotonic() - killed)
        stack.start_coordinator(first, 600, bind=endpoints[int(first[-1]) - 1])
        wait_for("it stands by", lambda f=first: "event=listening" in stack.programs[f].log(), 5 * SLOW)
        wait_for("it answers", lambda f=first: stack.metric(f, "isobar_coordinator_leader") == 0, 5 * SLOW)
    load.watching = commits.watching = False
    load.ending = True
    load.join(10)
    load.feed.flush()
    stack.programs["fetcher-1"].terminate(10)

    def applied():
        return all(int(client.hget(f"isobar:{{{p}}}:ledger", "offset")) >= end for p, end in enumerate(ends))

    ends = [log_end(stack, p) for p in range(PARTITIONS)]
    wait_for("everything is applied", applied, 30 * SLOW, 0.2)
    commits.ending = True
    commits.join(5)
    worst, pause_ms = max(taken_s), commits.largest_ms
    print(f"take-over {[round(t, 2) for t in taken_s]} s, largest gap {pause_ms:.0f} ms of {commits.count} commits, of the load itself {load.largest_ms:.0f} ms")
    if not SANITIZED:
        results.write("faults", [("faults.leader_takeover_s", round(worst, 2), KILLS), ("faults.leader_ingest_pause_ms", round(pause_ms), commits.count)])
    assert commits.count > KILLS * PARTITIONS * 5
    assert worst <= 5 * SLOW, taken_s
    assert pause_ms <= load.largest_ms + 1000 * SLOW
    for worker in ("worker-1", "worker-2"):
        assert stack.programs[worker].terminate(15) == 0, stack.programs[worker].log()[-2000:]
    comparison, totals = oracle.run(stack.kafka, stack.redis)
    assert not comparison.differences, comparison.differences[:10]
    assert totals["redis_rows"] == totals["rows"] >= load.feed.rows


def log_end(stack, partition):
    """High watermark of a partition of the topic."""
    import confluent_kafka
    consumer = confluent_kafka.Consumer({"bootstrap.servers": stack.kafka, "group.id": "look"})
    try:
        return consumer.get_watermark_offsets(confluent_kafka.TopicPartition("weather.observations", partition), 5)[1]
    finally:
        consumer.close()


@pytest.mark.sanitized
def test_a_standby_leads_members_to_the_leader(stack):
    """Members know the standby only; the leader advertises another endpoint than it is bound to."""
    client, (first, second) = prepare(stack, 2)
    host, port = first.rsplit(":", 1)
    stack.start_coordinator("coordinator-1", 60, "--advertise", f"tcp://localhost:{port}", bind=first)
    wait_for("the first leads", lambda: leader_of(client) == "coordinator-1", 10 * SLOW)
    stack.start_coordinator("coordinator-2", 60, bind=second)
    stack.endpoint = second
    stack.start_worker("worker-1")
    wait_for("it is led to the leader", lambda: running(stack, "worker-1") == PARTITIONS, 20 * SLOW)
    assert f"event=leader_found endpoint=tcp://localhost:{port}" in stack.programs["worker-1"].log()
    assert stack.metric("coordinator-2", "isobar_coordinator_redirects_total") >= 1
    wait_for("the worker counts it", lambda: (stack.metric("worker-1", "isobar_worker_redirects_total") or 0) >= 1, 5 * SLOW)
    assert host == "tcp://127.0.0.1"


@pytest.mark.sanitized
def test_a_worker_without_a_list_finds_the_leader_in_redis(stack):
    client, _ = prepare(stack, 1)
    stack.endpoint = ""
    stack.start_worker("worker-1")
    wait_for("it waits for one", lambda: b"that Redis names" in (stack.admin("worker-1", "/readyz?verbose") or (0, 0, b""))[2], 20 * SLOW)
    stack.start_coordinator("coordinator-1", 60, bind=f"tcp://127.0.0.1:{free_port()}")
    wait_for("it has found it", lambda: running(stack, "worker-1") == PARTITIONS, 20 * SLOW)
    stack.programs["coordinator-1"].kill()
    stack.start_coordinator("coordinator-2", 60, bind=f"tcp://127.0.0.1:{free_port()}")
    wait_for("and the next", lambda: leader_of(client) == "coordinator-2" and stack.metric("worker-1", "isobar_worker_coordinator_up") == 1 and
             term_of(stack, "worker-1") >= 2, 20 * SLOW)


def test_plain_beyond_this_machine_is_refused_on_both_sides(stack):
    prepare(stack, 1)
    stack.endpoint = "tcp://127.0.0.1:7070,tcp://192.0.2.1:7070"
    for name, start in (("worker-1", stack.start_worker), ("fetcher-1", stack.start_fetcher)):
        extra = () if name == "worker-1" else ("--source", "replay", "--base-url", "http://127.0.0.1:1", "--allow-http")
        program = start(name, *extra, ISOBAR_API_KEY="any") if extra else start(name)
        assert program.wait(10) == 78, program.log()
        assert "--insecure" in program.log() and "192.0.2.1" in program.log()
    for argv, text in ((["--bind", "tcp://0.0.0.0:0"], "--insecure"), (["--bind", "tcp://127.0.0.1:0", "--advertise", "nowhere"], "advertise")):
        program = stack.start("coordinator-x", [stack.binary("isobar-coordinator"), *stack.common("redis"), *argv])
        assert program.wait(10) == 78 and text in program.log(), program.log()
