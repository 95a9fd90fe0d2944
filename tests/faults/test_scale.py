"""Workers come and go under load, 1 → 2 → 4 → 1: how long each partition pauses when it changes hands, from the commit journals."""
import time

import pytest
import results
from cluster import pauses, target_is_held
from stack import wait_for

STEPS = (2, 4, 1)


def step(rig, workers, count):
    """Starts or drains workers until there are `count`. Returns the time looked at."""
    begin_s = time.monotonic()
    if count > len(workers):
        workers += [rig.worker() for _ in range(count - len(workers))]
    else:
        leaving, workers[:] = workers[count:], workers[:count]
        for program in leaving:
            program.expected_end = True
            program.signal(15)
        assert all(program.wait(15) == 0 for program in leaving)
    wait_for(f"{count} workers share", lambda: target_is_held(rig, workers), 30)
    rig.flows()
    return begin_s, time.monotonic()


@pytest.mark.quick
def test_scale_up_and_down(rig, real_kafka, full):
    rig.broker(12, bootstrap=real_kafka.bootstrap).start_redis().install().coordinator()
    workers = rig.workers(1)
    rig.start_load(rate=25.0)
    longest = {}
    for round_ in range(4 if full else 1):
        for count in STEPS:
            begin_s, end_s = step(rig, workers, count)
            longest[f"{round_}: to {count}"] = max(pauses(rig.events(), rig.partitions, begin_s, end_s).values())
    print("longest pause of a partition, s: " + ", ".join(f"{k}: {v:.3f}" for k, v in longest.items()))
    rig.equal()
    worst_ms = round(max(longest.values()) * 1000)
    results.write("faults", [("faults.scale_pause_ms", worst_ms, len(longest))])
    assert worst_ms < 3000, longest  # a hand-over, never a suspicion
