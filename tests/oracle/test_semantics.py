"""The worker's state code and the second implementation agree on everything, over generated logs (generate.py).

FULL=1 compares more than a million rows and writes the figures; otherwise about a hundred thousand, half of them in logs that are always the
same. Commits, lost commits and hand-overs come at random places (apply.c).
"""
import collections
import concurrent.futures
import os
import random
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import apply
import generate
import results

FULL = os.environ.get("FULL") == "1"
LOGS, ROWS = (90, 12000) if FULL else (12, 8000)
COUNTERS = ("rows_in", "rows_late", "rows_duplicate", "rows_bad", "rows_checked", "rows_tick", "rows_control", "rows_retired")


def one(seed):
    """(seed, rows, counters, differences, what was compared)"""
    log = generate.Log(seed, ROWS)
    comparison, partition = apply.compare(log)
    return seed, partition.counts["rows"], partition.counts, comparison.differences, comparison.compared


def test_a_generated_log_repeats():
    logs = [generate.Log(seed, 300) for seed in (5, 5, 6)]
    assert logs[0].framed() == logs[1].framed() != logs[2].framed()


def test_the_second_implementation_agrees():
    base = random.randrange(10 ** 6, 10 ** 9)
    seeds = list(range(LOGS // 2)) + [base + k for k in range(LOGS - LOGS // 2)]
    rows, counters, compared, wrong = 0, collections.Counter(), collections.Counter(), []
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        for seed, count, counts, differences, what in pool.map(one, seeds):
            rows += count
            counters.update(counts)
            compared.update(what)
            wrong += [f"seed {seed}: {difference}" for difference in differences]
    values = compared["values"]
    print(f"{rows} rows {dict(counters)}, compared {dict(compared)}, {len(wrong)} differences", flush=True)
    if FULL:
        results.write("semantics", [("semantics.rows", rows, len(seeds)), ("semantics.differences", len(wrong), values),
                                    ("semantics.values", values, rows)])
    assert wrong == [], "\n".join(line[:400] for line in wrong[:20])
    assert all(counters[name] > LOGS for name in COUNTERS), counters
    assert values > 10 * rows and compared["figure"] > rows and compared["tendency"] > LOGS
    assert rows >= (1000000 if FULL else 90000)


@pytest.mark.parametrize("seed", [3, 4])
def test_a_difference_is_seen(seed, monkeypatch):
    """A row less, or one more pane a tick: the comparison is not blind."""
    log = generate.Log(seed, 1500)
    good = apply.replay
    monkeypatch.setattr(apply, "replay", lambda whole: good(generate.Less(whole, len(whole.records) // 2)))
    assert apply.compare(log)[0].differences
