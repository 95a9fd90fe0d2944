"""Workers that are killed, stopped or stuck: taken over in time, fenced, and nothing lost or counted twice."""
import os
import random
import signal
import statistics
import time

import pytest
import results
from rig import ended_at
from stack import wait_for

COMMIT_POINTS = ("commit-before", "commit-sent", "commit-replied", "commit-after")
TAKE_OVER_POINTS = ("acquire-before", "acquire-sent", "acquire-after", "load-page", "run-before")
WORKERS = 3


def state_of(program):
    """The kernel's letter: T is stopped."""
    with open(f"/proc/{program.pid}/stat", encoding="ascii") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def start(rig, workers=WORKERS, **options):
    rig.broker().start_redis().install().coordinator()
    made = rig.workers(workers, **options)
    rig.start_load()
    return made


def first_commits(rig, owned, victim, since, death_s, deadline_s=20):
    """Seconds from the death to the first commit of another worker, of each partition."""
    found = {}

    def all_there():
        for event in rig.events(since):
            if event.what == "commit" and event.owner.split("/")[0] != victim and event.partition in owned and event.at_ms >= death_s * 1000:
                found.setdefault(event.partition, event.at_ms / 1000 - death_s)
        return set(found) >= set(owned)
    wait_for("somebody else commits", all_there, deadline_s, 0.1)
    return list(found.values())


@pytest.mark.quick
def test_killed_before_during_and_after_a_commit(rig, full):
    kills = 100 if full else 10
    arm = lambda name: os.path.join(rig.stack.dir, name + ".armed")
    chance = random.Random(3)
    rig.broker().start_redis().install().coordinator()
    workers = []

    def another():
        name, point = f"w{len(took)}-{len(workers)}", COMMIT_POINTS[(len(took) + len(workers)) % len(COMMIT_POINTS)]
        workers.append(rig.worker(f"worker-{name}", fail=f"{point}:{chance.randint(1, 40)}@{arm('worker-' + name)}"))

    took, slow = [], []
    for _ in range(WORKERS):
        another()
    rig.settled(workers)
    rig.start_load()
    while len(took) < kills:
        victim = workers.pop(0)
        owned, since = rig.owned(victim), rig.marks()
        assert owned
        with open(arm(victim.name), "w", encoding="ascii"):
            pass
        death = ended_at(victim, 30)
        assert victim.process.returncode == -signal.SIGKILL, victim.log()[-1000:]
        times = first_commits(rig, owned, victim.name, since, death)
        took.append(times)
        slow.append((max(times), victim.name))
        another()
        rig.settled(workers)
    totals = rig.equal(120)
    samples = sorted(t for times in took for t in times)
    p50, p99 = statistics.median(samples), samples[min(len(samples) - 1, int(len(samples) * 0.99))]
    print(f"{len(took)} kills, {len(samples)} partitions taken over: p50 {p50:.2f} s, p99 {p99:.2f} s, slowest {sorted(slow)[-3:]}")
    missing = totals["rows"] - totals["redis_rows"]
    results.write("faults", [("faults.kill_p50_s", round(p50, 2), len(took)), ("faults.kill_p99_s", round(p99, 2), len(took)),
                             ("faults.kill_lost", max(0, missing), totals["rows"]),
                             ("faults.kill_double", max(0, -missing), totals["rows"])])


@pytest.mark.quick
def test_killed_while_it_takes_over(rig):
    start(rig, 2)
    keeper = rig.stack.programs["worker-1"]
    for point in TAKE_OVER_POINTS:
        victim = rig.worker(None, fail=point)
        ended_at(victim, 20)
        assert victim.process.returncode == -signal.SIGKILL
        rig.settled([keeper])
    rig.equal()


def test_killed_while_it_lets_go_or_waits_for_a_dead_letter(rig):
    start(rig, 2)
    for point in ("release-before", "release-after", "letter-delivered"):
        victim = rig.worker(None, fail=point + "@" + os.path.join(rig.stack.dir, point))
        rig.settled([victim])
        with open(os.path.join(rig.stack.dir, point), "w", encoding="ascii"):
            pass
        if point.startswith("release"):
            victim.expected_end = True
            victim.signal(signal.SIGTERM)
        ended_at(victim, 30)
        assert victim.process.returncode == -signal.SIGKILL
        rig.settled()
    rig.equal()


def start_one_marked(rig, fail, **options):
    """Two workers under load; the first has a fail point. Returns both."""
    rig.broker().start_redis().install().coordinator()
    marked, other = rig.worker(None, fail=fail, **options), rig.worker()
    rig.settled([marked, other])
    rig.start_load()
    return marked, other


@pytest.mark.quick
def test_stopped_for_ten_seconds_it_is_fenced(rig):
    # Patient, lest it gives its commit up when it wakes, and never hears of the refusal.
    victim, _ = start_one_marked(rig, "commit-before:200=stop", redis_timeout_ms=60_000)
    wait_for("it stops just before it sends a commit", lambda: state_of(victim) == "T", 30)
    stopped, owned = time.monotonic(), rig.owned(victim)
    rig.flows(owned)
    assert not set(rig.owned(victim)) & set(owned)
    wait_for("ten seconds", lambda: time.monotonic() - stopped > 10, 20)
    victim.signal(signal.SIGCONT)
    wait_for("its commit is refused", lambda: rig.metric("commit_mismatches_total", victim) >= 1, 10)
    rig.equal()


@pytest.mark.quick
def test_a_worker_whose_thread_hangs_is_replaced(rig):
    file = os.path.join(rig.stack.dir, "hang")
    victim, _ = start_one_marked(rig, f"records=hang@{file}")
    owned, since = rig.owned(victim), rig.marks()
    with open(file, "w", encoding="ascii"):
        pass
    wait_for("it hangs", lambda: "failpoint records: hang" in victim.log(), 20)
    took = first_commits(rig, owned, victim.name, since, time.monotonic())
    print(f"slowest partition after {max(took):.2f} s")
    assert victim.running() and max(took) < 8
    victim.kill()
    rig.equal()


def test_a_worker_that_beats_but_gets_nothing_done_is_replaced(rig):
    """Its loop turns and its heartbeats come, but no commit does: the age of progress tells."""
    file = os.path.join(rig.stack.dir, "stuck")
    rig.broker().start_redis().install().coordinator(False, "coordinator-1", "--stall-ms", "2000")
    victim, other = rig.worker(None, fail=f"work=errors@{file}"), rig.worker()
    rig.settled([victim, other])
    rig.start_load()
    owned, since = rig.owned(victim), rig.marks()
    with open(file, "w", encoding="ascii"):
        pass
    begun = time.monotonic()
    took = first_commits(rig, owned, victim.name, since, begun, 60)
    print(f"slowest partition after {max(took):.2f} s")
    assert "member_silent" not in rig.stack.programs["coordinator-1"].log()
    os.unlink(file)
    rig.equal()
