"""The coordinator as a process: restarts, a standby that takes over, its Redis away and back, and workers that go on meanwhile."""
import signal
import time

import pytest
import redis as redis_client
from conftest import SANITIZED
from leader_view import held, view
from stack import wait_for

SLOW = 4 if SANITIZED else 1
PARTITIONS = 24
TOPICS = {"weather.observations": PARTITIONS, "weather.deadletter": 1}


def start(stack, workers=2, coordinators=1):
    """Redis, broker, coordinators and workers; returns a client of Redis and the coordinators' endpoints."""
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 4)
    endpoints = stack.reserve_endpoints(coordinators)
    for i, endpoint in enumerate(endpoints):
        stack.start_coordinator(f"coordinator-{i + 1}", 60, bind=endpoint)
    for i in range(workers):
        stack.start_worker(f"worker-{i + 1}", "--journal", f"{stack.dir}/journal-{i + 1}")
    host, port = stack.redis.split(":")
    return redis_client.Redis(host, int(port)), endpoints


def numbers(client):
    return [int(client.hget(f"isobar:{{{p}}}:ledger", "number")) for p in range(PARTITIONS)]


def leader_of(client):
    value = client.get("isobar:leader")
    return value.decode().split(" ")[1] if value else None


def journal_acquires(stack, worker):
    with open(f"{stack.dir}/journal-{worker}", encoding="ascii") as journal:
        return sum(line.startswith("acquire") for line in journal)


SHARED = {"worker-1": 12, "worker-2": 12}


@pytest.mark.sanitized
def test_a_coordinator_that_is_killed_and_started_again_moves_nothing(stack):
    client, endpoints = start(stack)
    wait_for("two share", lambda: held(client) == SHARED, 20 * SLOW)
    before, acquires = numbers(client), journal_acquires(stack, 1) + journal_acquires(stack, 2)
    stack.programs["coordinator-1"].kill()
    stack.start_coordinator("coordinator-1", 60, bind=endpoints[0])
    wait_for("it leads again", lambda: view(client)["term"] == 2 and held(client) == SHARED, 15 * SLOW)
    assert numbers(client) == before, "partitions were given anew"
    assert view(client)["rebalances"] == []
    assert journal_acquires(stack, 1) + journal_acquires(stack, 2) == acquires
    assert {m["id"]: m["state"] for m in view(client)["members"]} == {"worker-1": "live", "worker-2": "live"}


@pytest.mark.sanitized
def test_a_standby_takes_over_within_five_seconds_and_moves_nothing(stack):
    client, _ = start(stack, coordinators=2)
    wait_for("two share", lambda: held(client) == SHARED, 25 * SLOW)
    before, first = numbers(client), leader_of(client)
    second = ({"coordinator-1", "coordinator-2"} - {first}).pop()
    assert stack.metric(first, "isobar_coordinator_leader") == 1 and stack.metric(second, "isobar_coordinator_leader") == 0
    killed = time.monotonic()
    stack.programs[first].kill()
    wait_for("the other leads", lambda: leader_of(client) == second, 5)
    assert time.monotonic() - killed < 5
    wait_for("it knows who holds what", lambda: view(client)["leader"] == second and held(client) == SHARED, 15 * SLOW)
    assert numbers(client) == before and view(client)["rebalances"] == []
    stack.start_worker("worker-3")
    wait_for("three share", lambda: sorted(held(client).values()) == [8, 8, 8], 20 * SLOW)
    assert all(after > was for was, after in zip(before, numbers(client)) if after != was)


@pytest.mark.sanitized
def test_a_leader_that_is_stopped_hands_over_at_once(stack):
    client, _ = start(stack, workers=1, coordinators=2)
    wait_for("one holds all", lambda: held(client) == {"worker-1": 24}, 25 * SLOW)
    first = leader_of(client)
    stopped = time.monotonic()
    assert stack.programs[first].terminate(2 * SLOW) == 0
    assert time.monotonic() - stopped < 1 * SLOW
    wait_for("the other leads", lambda: leader_of(client) not in (None, first), 1 * SLOW)
    wait_for("it knows who holds what", lambda: view(client)["leader"] != first and held(client) == {"worker-1": 24}, 15 * SLOW)


def test_a_leader_that_stood_still_is_not_heard(stack):
    client, _ = start(stack, coordinators=2)
    wait_for("two share", lambda: held(client) == SHARED, 25)
    before, first = numbers(client), leader_of(client)
    stack.programs[first].signal(signal.SIGSTOP)
    wait_for("the other leads", lambda: leader_of(client) not in (None, first), 5)
    wait_for("it knows who holds what", lambda: view(client)["leader"] != first and held(client) == SHARED, 15)
    stack.programs[first].signal(signal.SIGCONT)
    wait_for("the first notices", lambda: stack.metric(first, "isobar_coordinator_leader") == 0, 5)
    wait_for("a view that is fresh", lambda: held(client) == SHARED, 5)
    assert view(client)["leader"] != first and numbers(client) == before


def test_the_view_names_who_stands_by(stack):
    client, endpoints = start(stack, 0, 3)
    told = lambda: {s["id"]: s["endpoint"] for s in (view(client) or {}).get("standbys", [])}  # noqa: E731
    every = {f"coordinator-{i + 1}": endpoint for i, endpoint in enumerate(endpoints)}

    def others(gone=()):
        leader = leader_of(client)
        return leader and view(client).get("leader") == leader and told() == {name: e for name, e in every.items() if name not in (leader, *gone)}

    wait_for("both others are named", others, 20)
    first = leader_of(client)
    stack.programs[first].kill()
    wait_for("the next names the one that is left", lambda: leader_of(client) != first and others([first]), 20)
    stack.start_coordinator(first, 60, bind=every[first])
    wait_for("it stands by again", others, 20)


@pytest.mark.sanitized
def test_redis_away_and_back_while_leading(stack):
    client, _ = start(stack)
    wait_for("two share", lambda: held(client) == SHARED, 20 * SLOW)
    before, moves = numbers(client), view(client)["rebalances"]
    stack.programs["redis"].kill()
    wait_for("the lead is lost", lambda: stack.metric("coordinator-1", "isobar_coordinator_leader") == 0, 6 * SLOW)
    assert stack.admin("coordinator-1", "/readyz")[0] == 503
    assert all(stack.programs[name].running() for name in ("worker-1", "worker-2", "coordinator-1"))
    stack.start_redis(stack.ports["redis"])
    wait_for("it leads again", lambda: view(client)["term"] > 1 and held(client) == SHARED, 20 * SLOW)
    assert all(after >= was for was, after in zip(before, numbers(client)))
    assert view(client)["rebalances"] == moves, "members keep what they held"


@pytest.mark.sanitized
def test_a_redis_that_went_back_does_not_lock_members_out(stack):
    """Terms and numbers below what members know: the leader goes on above."""
    client, endpoints = start(stack)
    wait_for("two share", lambda: held(client) == SHARED, 20 * SLOW)
    stack.programs["coordinator-1"].kill()
    client.set("isobar:term", 30)
    stack.start_coordinator("coordinator-1", 60, bind=endpoints[0])
    wait_for("term 31", lambda: view(client)["term"] == 31 and held(client) == SHARED, 15 * SLOW)
    stack.programs["coordinator-1"].kill()
    client.delete("isobar:term")
    stack.start_coordinator("coordinator-1", 60, bind=endpoints[0])
    wait_for("above the term that members know", lambda: view(client)["term"] > 31 and held(client) == SHARED, 20 * SLOW)
    wait_for("Redis knows it, too", lambda: int(client.get("isobar:term")) == view(client)["term"], 5 * SLOW)


@pytest.mark.sanitized
def test_a_worker_started_again_under_its_name(stack):
    client, _ = start(stack)
    wait_for("two share", lambda: held(client) == SHARED, 20 * SLOW)
    stack.programs["worker-1"].kill()
    killed = time.monotonic()
    old = next(m["incarnation"] for m in view(client)["members"] if m["id"] == "worker-1")
    stack.start_worker("worker-1", "--journal", f"{stack.dir}/journal-1")

    def back():
        return held(client) == SHARED and any(m["id"] == "worker-1" and m["incarnation"] != old and m["state"] == "live" for m in view(client)["members"])
    wait_for("the new one has its share", back, 10 * SLOW)
    assert time.monotonic() - killed < 8 * SLOW


def test_two_processes_of_one_name(stack):
    """The second is not heard, and says so nowhere but in the coordinator's log."""
    client, _ = start(stack, workers=1)
    wait_for("one holds all", lambda: held(client) == {"worker-1": 24}, 20)
    argv = list(stack.programs["worker-1"].argv)
    twin = stack.start("twin", [a if a != str(stack.ports["worker-1"]) else "0" for a in argv])
    wait_for("the coordinator complains", lambda: "event=duplicate_member" in stack.programs["coordinator-1"].log(), 10)
    incarnation = [m["incarnation"] for m in view(client)["members"] if m["id"] == "worker-1"]
    assert len(incarnation) == 1 and held(client) == {"worker-1": 24}
    assert twin.terminate(5) == 0


def test_a_drain_hands_each_partition_over(stack):
    client, _ = start(stack)
    wait_for("two share", lambda: held(client) == SHARED, 20)
    began = time.monotonic()
    assert stack.programs["worker-1"].terminate(10) == 0
    wait_for("the other holds all", lambda: held(client) == {"worker-2": 24}, 5)
    assert time.monotonic() - began < 4
    assert "event=member_silent" not in stack.programs["coordinator-1"].log()
    assert "event=member_left id=worker-1 reason=drained" in stack.programs["coordinator-1"].log()


def test_nothing_but_what_it_needs(stack):
    """Wrong words, a port taken, no Redis: a clear line, and the exit code of the contract."""
    stack.start_redis()
    endpoint, = stack.reserve_endpoints()
    stack.start_coordinator("coordinator-1", 60, bind=endpoint)
    wait_for("it listens", lambda: "event=listening" in stack.programs["coordinator-1"].log(), 5)
    cases = {"port-taken": (["--bind", endpoint], 69, "Address already in use"), "not-loopback": (["--bind", "tcp://0.0.0.0:0"], 78, "--insecure"),
             "no-endpoint": (["--bind", "127.0.0.1:7070"], 78, "tcp://host:port"), "bad-id": (["--id", "a b"], 78, "letters"),
             "bad-redis": (["--redis", "x:y:z"], 78, "x:y:z"), "unknown": (["--bund", "x"], 2, "--bind")}
    for name, (argv, code, text) in cases.items():
        program = stack.start(name, [stack.binary("isobar-coordinator"), "--redis", stack.redis, "--bind", "tcp://127.0.0.1:0", *argv])
        assert program.wait(5) == code, (name, program.log())
        assert text in program.log(), (name, program.log())
    wait_for("it waits for an installation", lambda: "event=redis_not_initialised" in stack.programs["coordinator-1"].log(), 5)
    assert stack.admin("coordinator-1", "/readyz")[0] == 503
    alone = stack.start("alone", [stack.binary("isobar-coordinator"), "--redis", "127.0.0.1:1", "--bind", "tcp://127.0.0.1:0"])
    wait_for("it says that Redis is down", lambda: "event=redis_down" in alone.log(), 5)
    began = time.monotonic()
    assert alone.terminate(2) == 0 and time.monotonic() - began < 1.5
