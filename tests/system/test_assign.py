"""Assignment with real programs: load, joins and drains, and the reasons that the leader's view gives."""
import threading
import time

import pytest
import redis as redis_client
import results
from conftest import SANITIZED
from feed import Feed, encode
from leader_view import view
from stack import http_get, wait_for

SLOW = 4 if SANITIZED else 1
PARTITIONS = 24
TOPICS = {"weather.observations": PARTITIONS, "weather.deadletter": 1}
HOUR_MS = 3_600_000


def start(stack, workers):
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 200)
    stack.start_coordinator("coordinator-1", 60)
    for i in range(workers):
        stack.start_worker(f"worker-{i + 1}")
    host, port = stack.redis.split(":")
    return redis_client.Redis(host, int(port))


def held(client):
    """Running partitions by owner."""
    owners = {}
    for p in view(client)["partition_list"]:
        if p["phase"] == "running":
            owners.setdefault(p["owner"], []).append(p["partition"])
    return owners


def shares(client):
    return {owner: len(partitions) for owner, partitions in held(client).items()}


class Hot:
    """Produces to some partitions, so many batches a second, until it is closed."""

    def __init__(self, kafka, partitions, batches_s):
        self.feed = Feed(kafka, 2000, PARTITIONS)
        self.partitions, self.batches_s = partitions, batches_s
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        step, start_ms, begun = 0, int(time.time() * 1000) - HOUR_MS, time.monotonic()
        while not self.stop.wait(0.05):
            while step < (time.monotonic() - begun) * self.batches_s:
                for p in self.partitions:
                    cities = self.feed.shards[p][:100]
                    self.feed.put(p, encode(p, cities, start_ms + step * 1000, step), start_ms + step * 1000 + 600_000)
                step += 1
            self.feed.producer.poll(0)

    def close(self):
        self.stop.set()
        self.thread.join(10)
        self.feed.flush()


def test_workers_that_join_get_their_share_in_time_one_slot_at_a_time(stack):
    client = start(stack, 1)
    wait_for("one holds all", lambda: shares(client) == {"worker-1": 24}, 20 * SLOW)
    began = time.monotonic()
    stack.start_worker("worker-2")
    wait_for("two share", lambda: shares(client) == {"worker-1": 12, "worker-2": 12}, 15 * SLOW)
    two_s = time.monotonic() - began
    began = time.monotonic()
    stack.start_worker("worker-3")
    stack.start_worker("worker-4")
    wait_for("four share", lambda: sorted(shares(client).values()) == [6, 6, 6, 6], 15 * SLOW)
    four_s = time.monotonic() - began
    if not SANITIZED:
        results.write("faults", [("faults.join_1_2_s", round(two_s, 2), 12), ("faults.join_2_4_s", round(four_s, 2), 12)])

    now = view(client)
    mine = [p for p in now["partition_list"] if p["owner"] == "worker-2"]
    assert {p["reason"] for p in mine} == {"worker-2 joined: its share is 12 of 24"}
    assert all(abs(now["at_ms"] - p["since"]) < 120_000 * SLOW for p in now["partition_list"])
    moves = [m for m in now["rebalances"] if m["to"] == "worker-2"]
    assert len(moves) == 12 and all(m["from"] == "worker-1" and m["reason"].startswith("worker-2 joined") for m in moves)
    times = sorted(m["at_ms"] for m in moves)
    assert all(a < b for a, b in zip(times, times[1:])), "slots came together"
    audit = [{k.decode(): v.decode() for k, v in entry.items()} for _, entry in client.xrange("isobar:audit")]
    assert sum(e["what"] == "move" and e["who"] == "worker-2" for e in audit) == 12
    assert any("from worker-1: worker-2 joined: its share is 12 of 24" in e["detail"] for e in audit)

    assert stack.programs["worker-4"].terminate(10) == 0
    wait_for("three share", lambda: sorted(shares(client).values()) == [8, 8, 8], 10 * SLOW)
    assert sum(p["reason"] == "worker-4 drains" for p in view(client)["partition_list"]) == 6
    stack.programs["worker-3"].kill()
    wait_for("two are left", lambda: shares(client) == {"worker-1": 12, "worker-2": 12}, 15 * SLOW)
    assert sum(p["reason"] == "worker-3 fell silent" for p in view(client)["partition_list"]) == 8


@pytest.mark.takes(19)
@pytest.mark.skipif(SANITIZED, reason="the load of sanitized workers is another matter")
def test_hot_partitions_drive_the_others_to_another_worker(stack):
    client = start(stack, 2)
    wait_for("two share", lambda: shares(client) == {"worker-1": 12, "worker-2": 12}, 20)
    hot = held(client)["worker-1"][:2]
    source = Hot(stack.kafka, hot, 40)  # 8,000 rows a second in all; the others idle
    try:
        wait_for("one hot partition each", lambda: all(any(p in mine for p in hot) for mine in held(client).values())
                 and len(held(client)) == 2, 90, 0.2)
        moved = [m for m in view(client)["rebalances"] if m["reason"].startswith("p") and "of worker-1's load" in m["reason"]]
        assert moved and moved[-1]["index"] in hot and moved[-1]["from"] == "worker-1" and moved[-1]["to"] == "worker-2", moved
        loads = {p["partition"]: p["load"] for p in view(client)["partition_list"]}
        assert all(loads[p] > 1000 for p in hot) and all(loads[p] < 100 for p in loads if p not in hot), loads

        before = {m["at_ms"] for m in view(client)["rebalances"]}
        stack.start_worker("worker-3")
        wait_for("the third has a share of the load", lambda: shares(client).get("worker-3", 0) >= 3, 15, 0.1)
        new = [m for m in view(client)["rebalances"] if m["at_ms"] not in before]  # a load that changes may move one as well
        joined = [m for m in new if m["reason"].startswith("worker-3 joined")]
        assert len(joined) >= 3 and all(m["to"] == "worker-3" for m in joined), new
    finally:
        source.close()


def test_causes_are_counted(stack):
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 4)
    stack.start_coordinator("coordinator-1", 60)
    stack.start_worker("worker-1")
    port = stack.ports["coordinator-1"]

    def count(cause):
        answer = http_get(port, "/metrics")
        lines = answer[2].decode().splitlines() if answer else []
        return next((float(n.split()[1]) for n in lines if n.startswith(f'isobar_coordinator_moves_total{{cause="{cause}"}}')), None)

    wait_for("all are given", lambda: count("first") == PARTITIONS, 20 * SLOW)
    stack.start_worker("worker-2")
    wait_for("two share", lambda: count("join") == 12, 20 * SLOW)
    assert count("load") == count("zone") == count("drain") == count("lost") == 0
