"""Wall clocks that jump an hour ahead and back in workers, fetcher and coordinator: nothing is lost, nothing counted twice, and nobody
is thought dead. Only the wall clock jumps; the monotonic one does not, as on a real machine."""

import pytest
from stack import wait_for
from wallclock import WallClock

HOUR_S = 3600
CITIES = 24


@pytest.mark.quick
def test_clocks_that_jump(rig, real_kafka):
    stack = rig.stack
    rig.broker(12, bootstrap=real_kafka.bootstrap).start_redis().install(CITIES)
    clocks = {name: WallClock(stack.dir, name) for name in ("coordinator-1", "worker-1", "worker-2", "fetcher-1")}
    start = stack.start
    stack.start = lambda name, argv, *rest, **env: start(name, argv, *rest, **env, **(clocks[name].env if name in clocks else {}))
    stack.start_coordinator("coordinator-1", -1)
    workers = rig.workers(2)
    stack.start_owmsim()
    stack.start_fetcher("fetcher-1", "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                        "--interval-s", "1", "--history-hours", "1", ISOBAR_API_KEY="any")
    produced = lambda: stack.metric("fetcher-1", "isobar_fetcher_rows_produced_total") or 0
    wait_for("the fetcher delivers", lambda: produced() > 5 * CITIES, 30)
    rig.start_load()
    owners = rig.ledgers("owner")
    back = {"fetcher-1": (0,)}  # the others stay an hour behind until they end, which their logs show
    for jump_s, name in [(j, n) for n in clocks for j in (HOUR_S, -HOUR_S, *back.get(n, ()))]:
        logged = len(stack.programs["fetcher-1"].log())  # before the jump: a refusal is told once in ten seconds at most
        clocks[name].jump(jump_s)
        rig.flows()
        before = produced()
        if name == "fetcher-1" and jump_s < 0:  # what it is told lies in its future: refused, with a word, rather than believed
            wait_for("the fetcher refuses", lambda seen=logged: "why=bad_time" in stack.programs["fetcher-1"].log()[seen:], 30)
        else:
            wait_for(f"the fetcher goes on with {name} {jump_s:+d} s off", lambda b=before: produced() > b + 2 * CITIES, 60)
    assert rig.ledgers("owner") == owners and "event=member_silent" not in stack.programs["coordinator-1"].log()
    assert all(w.running() for w in workers)
    assert stack.programs["fetcher-1"].terminate(15) == 0
    totals = rig.equal()
    assert totals["rows_retired"] == 0
    stack.programs["coordinator-1"].terminate(10)
    for name in clocks:
        hours = {line[3:16] for line in stack.programs[name].log().splitlines() if line.startswith("ts=")}
        assert len(hours) > 1, f"the clock of {name} did not jump"
