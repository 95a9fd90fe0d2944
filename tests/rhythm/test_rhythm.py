"""Polling by the rhythm saves calls at equal or better freshness: isobar-rhythm's figures, against a fixed interval.

Three sources behave by what they are, at the cadence that the fetcher has for them; the fourth fails now and then. Two
comparisons are made with each: the fixed interval that is as fresh (mean and 95th percentile of the age of the newest
reading known, neither worse), by the calls that it needs; and the one with as many calls, by how fresh it is.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import results  # noqa: E402

PROGRAM = os.path.join(ROOT, "build", "gcc", "bin", "isobar-rhythm")
NUMBER = r"(-?[\d.]+)"
LINE = re.compile(rf"(\w+) rhythm {NUMBER} {NUMBER} {NUMBER} \| cadence {NUMBER} {NUMBER} {NUMBER} \| same_calls {NUMBER} {NUMBER} "
                  rf"\| same_age {NUMBER} {NUMBER} \| hits {NUMBER} put_off {NUMBER}")
FIELDS = ("calls", "mean", "p95", "cadence_calls", "cadence_mean", "cadence_p95", "equal_mean", "equal_p95", "age_interval", "age_calls", "hits",
          "put_off")
PLACE_DAYS = 40 * 7


def figures():
    out = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=120, check=True).stdout
    print(out)
    rows = [LINE.fullmatch(line) for line in out.splitlines()]
    assert all(rows) and len(rows) == 4, out
    return {row[1]: dict(zip(FIELDS, map(float, row.groups()[1:]))) for row in rows}


def percent(part, whole):
    return round(100 * (1 - part / whole), 1)


def test_the_rhythm_saves_calls_and_is_fresher():
    found = figures()
    rows = []
    for name, f in found.items():
        rows += [(f"sources.rhythm_{name}_saved", percent(f["calls"], f["age_calls"]), PLACE_DAYS),
                 (f"sources.rhythm_{name}_mean", percent(f["mean"], f["equal_mean"]), PLACE_DAYS),
                 (f"sources.rhythm_{name}_p95", percent(f["p95"], f["equal_p95"]), PLACE_DAYS)]
    all_calls, all_age_calls = (sum(f[key] for f in found.values()) for key in ("calls", "age_calls"))
    rows.append(("sources.rhythm_saved", percent(all_calls, all_age_calls), 4 * PLACE_DAYS))
    metar = found["metar"]
    rows.append(("sources.rhythm_metar_cadence", percent(metar["calls"], metar["cadence_calls"]), PLACE_DAYS))
    results.write("sources", rows)
    # The source that is slower than the cadence needs fewer calls than that, and is fresher all the same.
    assert metar["calls"] <= 0.7 * metar["cadence_calls"] and metar["mean"] <= metar["cadence_mean"] and metar["p95"] <= metar["cadence_p95"]
    for name, f in found.items():
        assert f["calls"] <= f["cadence_calls"], f"{name}: more calls than the cadence's"
        assert f["mean"] <= f["cadence_mean"] and f["p95"] <= f["cadence_p95"] * 1.01, f"{name}: older than at the cadence"
    assert all_calls <= 0.7 * all_age_calls
    missed = [row for row in rows if not results.meets(row[1], results.targets()[row[0]]["target"])]
    assert not missed, missed
