"""One fetcher with 10,000 cities at the pace of ten minutes: what it costs, against the simulated API over loopback.

Each of the 17 calls a second is a request of its own, is answered with a new reading and makes a record, as it is with
OpenWeatherMap; what TLS costs comes on top. Memory is the peak of the resident set (VmHWM) from the start on: the
catalogue has been taken over by then and every structure of a city exists, whether it was polled or not.
"""
import os
import re
import time

import pytest
import results
from conftest import SANITIZED, TOPICS
from stack import wait_for

CITIES = 10_000
INTERVAL_S = 600
PER_MINUTE = CITIES * 60 // INTERVAL_S
SECONDS = 40


def write_cities(path):
    with open(path, "w", encoding="utf-8") as f:
        f.write("id,name,ascii_name,country,lat,lon,elevation_m,population,zone\n")
        for i in range(1, CITIES + 1):
            f.write(f"{i},Station {i},Station {i},NP,{i % 179 - 89}.{i % 1000:03},{i % 359 - 179}.5,,,Asia/Kathmandu\n")


def cpu_seconds(program):
    with open(f"/proc/{program.pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(program):
    with open(f"/proc/{program.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1)) * 1024 / 1e6


@pytest.mark.takes(55)
def test_ten_thousand_cities_at_ten_minutes(stack):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    cities = os.path.join(stack.dir, "cities.csv")
    write_cities(cities)
    stack.init(24, cities, CITIES)
    stack.start_coordinator("coordinator-1", PER_MINUTE)
    stack.start_owmsim("--update-s", str(INTERVAL_S))
    fetcher = stack.start_fetcher("fetcher-1", "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                                  "--history-hours", "0", "--interval-s", str(INTERVAL_S), ISOBAR_API_KEY="load")

    def metric(name):
        return stack.metric("fetcher-1", f"isobar_fetcher_{name}") or 0

    wait_for("it knows all cities", lambda: metric("cities") == CITIES, 60)
    wait_for("calls come", lambda: metric("calls_total") >= PER_MINUTE / 6, 60)
    calls, rows, cpu, begun = metric("calls_total"), metric("rows_produced_total"), cpu_seconds(fetcher), time.monotonic()
    wait_for("it has polled for a while", lambda: time.monotonic() - begun >= SECONDS, 2 * SECONDS, 1)
    took = time.monotonic() - begun
    calls, rows, cpu = metric("calls_total") - calls, metric("rows_produced_total") - rows, cpu_seconds(fetcher) - cpu
    share, memory = 100 * cpu / took, peak_mb(fetcher)
    print(f"{calls / took:.1f} calls/s, {rows / took:.1f} rows/s, {share:.2f} % of a core, {1e6 * cpu / calls:.0f} us a call, peak {memory:.1f} MB")
    assert calls / took >= 0.9 * PER_MINUTE / 60 and rows >= 0.9 * calls
    assert metric("cities_failing") == 0
    if not SANITIZED:
        results.write("sources", [("sources.fetcher_core_percent", round(share, 2), calls), ("sources.fetcher_rss_mb", round(memory, 1), CITIES)])
        assert memory <= 40
