"""Chaos: 4 workers, 2 coordinators, 2 fetchers and a load on a real Kafka, with random faults; the oracle at the end.

`make faults` and `make chaos TIME=600` run it for ten minutes and write the figures, `make test` for a minute. SEED=n repeats
the faults of a run that failed; the seed is in the name of the test's folder and in what it prints.
"""
import os
import random
import time

import pytest
import results
from chaos import Chaos
from kafka import Kafka
from rig import Rig

FULL_S = 600


def seconds():
    return int(os.environ.get("TIME", FULL_S if os.environ.get("FULL") == "1" else 60))


@pytest.mark.quick
def test_chaos(stack, capsys):
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1_000_000)))
    with capsys.disabled():
        print(f"\nchaos: SEED={seed} TIME={seconds()}", flush=True)
    with Rig(stack) as rig:
        chaos = Chaos(rig, Kafka(os.path.join(stack.dir, "kafka")), seed, seconds())
        try:
            chaos.build()
            begun = time.monotonic()
            counts = chaos.run()
            took_s = time.monotonic() - begun
            chaos.calm_down()
            rig.quiet(120)
            found = rig.differences()
        except BaseException:
            print(f"chaos: SEED={seed}; faults in {stack.dir}/chaos.log")
            raise
        finally:
            chaos.close()
    totals = rig.totals
    faults = sum(counts.values())
    lost = max(0, totals["accepted"] - totals["redis_accepted"])
    double = max(0, totals["redis_accepted"] - totals["accepted"])
    with capsys.disabled():
        print(f"chaos: {faults} faults in {took_s:.0f} s {counts}, {chaos.passed_over} passed over; {totals['rows']} rows, "
              f"{totals['rows_duplicate']} of them duplicates, {len(found)} differences", flush=True)
    if seconds() >= FULL_S:
        results.write("faults", [("faults.chaos_faults", faults, 1), ("faults.chaos_lost", lost, totals["rows"]),
                                 ("faults.chaos_double", double, totals["rows"])])
    assert found == [], f"SEED={seed}: {len(found)} differences:\n" + "\n".join(found[:20])
    assert totals["redis_rows"] == totals["rows"] > 0
    assert faults >= seconds() / 3
