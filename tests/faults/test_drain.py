"""SIGTERM under load: partitions change hands within a moment, and nothing is read twice."""

import pytest
import results
from stack import wait_for

pytestmark = pytest.mark.quick
LIMIT_MS = 300


def pauses(events, name):
    """{partition: (ms between the last commit of the worker and the first of its successor, records read again)}."""
    found = {}
    for partition in {e.partition for e in events if e.owner.split("/")[0] == name}:
        of = sorted((e for e in events if e.partition == partition), key=lambda e: e.at_ms)
        mine = [e for e in of if e.owner.split("/")[0] == name and e.what == "commit"]
        others = [e for e in of if e.owner.split("/")[0] != name and e.at_ms >= mine[-1].at_ms]
        taken, commits = [e for e in others if e.what == "acquire"], [e for e in others if e.what == "commit"]
        if taken and commits:
            found[partition] = commits[0].at_ms - mine[-1].at_ms, mine[-1].offset - taken[0].offset
    return found


def test_a_worker_hands_over(rig, full):
    rounds = 20 if full else 4
    rig.broker(12).start_redis().install().coordinator()
    rig.workers(3)
    rig.start_load(rate=20)
    worst = []
    for _ in range(rounds):
        leaver = next(p for n, p in rig.stack.programs.items() if n.startswith("worker") and p.running())
        owned, since = rig.owned(leaver), rig.marks()
        rig.flows(owned)
        assert leaver.terminate(10) == 0, leaver.log()[-2000:]
        wait_for("others go on", lambda: set(pauses(rig.events(since), leaver.name)) >= set(owned), 20, 0.1)
        found = pauses(rig.events(since), leaver.name)
        worst.append(max(ms for ms, _ in found.values()))
        assert all(again == 0 for _, again in found.values()), found
        joiner = rig.worker()
        rig.settled([joiner])
    print("longest pauses", worst, "ms")
    results.write("faults", [("faults.handover_ms", max(worst), rounds)])
    rig.equal()
