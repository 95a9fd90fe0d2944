"""An observation costs the worker's state code about the same however many windows there are, counted in instructions.

The log is like the standard workload in small: readings of few cities each second, in order. Panes are one minute long in
both runs, since that is what six sizes need and what the smallest alone has. There is one commit, at the end: what commits
cost depends on how often they come, and would only hide the difference.
"""
import os
import re
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "oracle"), os.path.join(ROOT, "tests", "system")]

import proto  # noqa: E402
import results  # noqa: E402

APPLY = os.path.join(ROOT, "build", "gcc", "bin", "isobar-apply")
CITIES, SECONDS = 10, 4200  # 70 minutes, so that windows of an hour close
START_MS = 1_790_000_400_000 // 3_600_000 * 3_600_000
ONE, SIX = "1m:2d", "1m:2d,5m:2d,10m:2d,30m:2d,1h:30d,1d:2y"


def write_log(path):
    """One reading of each city per second, one in each record."""
    observation_pb2 = proto.modules()[0]
    with open(path, "wb") as f:
        offset = 0
        for second in range(SECONDS):
            for city in range(1, CITIES + 1):
                at = START_MS + second * 1000 + city
                step = (second * 7 + city * 131) % 400
                batch = observation_pb2.ObservationBatch(
                    format=1, rows=1, city_id=[city], observed_at_ms=[at], fetched_at_ms=[at], provider=[8], present=[0b111_0101_0001],
                    temperature_centi_c=[1500 + step], pressure_sea_level_pa=[101_300 + step], humidity_centi_percent=[5500 + step],
                    wind_speed_cm_s=[300 + step], wind_direction_centi_deg=[20_000 + step], wind_gust_cm_s=[700 + step])
                value = batch.SerializeToString()
                f.write(struct.pack("<qqI", offset, at + 500, len(value)) + value)
                offset += 1
    return offset


def instructions(log, windows):
    out = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", APPLY, log, "/dev/null", f"windows={windows}", "seed=0",
                          "cache_bytes=12582912"], capture_output=True, text=True, timeout=280, check=False)
    assert out.returncode == 0, out.stderr[-2000:]
    return int(re.search(r"Collected : (\d+)", out.stderr)[1])


def test_six_windows_cost_little_more_than_one(tmp_path):
    log = str(tmp_path / "log")
    rows = write_log(log)
    one, six = instructions(log, ONE), instructions(log, SIX)
    print(f"{one / rows:.0f} instructions a row with one window, {six / rows:.0f} with six: {six / one:.3f}")
    results.write("semantics", [("semantics.six_windows_ratio", round(six / one, 3), rows)])
    assert six / one <= 1.3
