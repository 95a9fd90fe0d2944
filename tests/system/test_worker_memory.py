"""A worker with 10,000 cities stays lean: while it reads three hours of history, when it is idle, and after a take-over.

What is counted is the peak of the resident memory (VmHWM), so nothing that was given back meanwhile is overlooked. From it
the fetch queue is taken off, which the figure excludes: not more than `--fetch-memory` bounds it to, and not more than the
queue can have held, the bytes of the whole topic. When the worker is idle the queue is empty and nothing is taken off.
"""
import re
import time

import pytest
import results
from conftest import TOPICS
from feed import Feed
from stack import wait_for

CITIES = 10_000
PARTITIONS = 24
STEPS = 18             # readings of each city, ten minutes apart
STEP_MS = 10 * 60_000
FETCH_MEMORY = 16      # MiB, the default
LIMIT_MB = 64


def memory_mb(program, field):
    with open(f"/proc/{program.pid}/status", encoding="ascii") as f:
        return int(re.search(field + r":\s+(\d+) kB", f.read()).group(1)) * 1024 / 1e6


def ledgers(client, *fields):
    """Sums of fields over all partitions."""
    return [sum(int(client.hget(f"isobar:{{{p}}}:ledger", f)) for p in range(PARTITIONS)) for f in fields]


@pytest.mark.takes(18)
def test_ten_thousand_cities(stack):
    import redis as redis_client
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 40)
    feed = Feed(stack.kafka, CITIES, PARTITIONS)
    end_ms = int(time.time() * 1000) // STEP_MS * STEP_MS
    for step in range(STEPS):
        feed.step(end_ms - (STEPS - step) * STEP_MS, step)
    feed.flush()
    rows = feed.rows
    assert rows == CITIES * STEPS
    host, port = stack.redis.split(":")
    client = redis_client.Redis(host, int(port))
    stack.start_coordinator("coordinator-1", -1)

    worker = stack.start_worker("worker-1", "--fetch-memory", str(FETCH_MEMORY))
    wait_for("everything is applied", lambda: ledgers(client, "rows_in", "rows_late") == [rows, 0], 120, 0.1)
    assert stack.metric("worker-1", "isobar_worker_cities") == CITIES
    busy = memory_mb(worker, "VmHWM")
    wait_for("it is idle", lambda: stack.metric("worker-1", "isobar_worker_ticks_total") >= PARTITIONS, 30, 0.1)
    idle = memory_mb(worker, "VmRSS")
    assert worker.terminate(10) == 0, worker.log()[-2000:]

    taker = stack.start_worker("worker-2", "--fetch-memory", str(FETCH_MEMORY))
    wait_for("all cities are loaded", lambda: stack.metric("worker-2", "isobar_worker_partitions_running") == PARTITIONS, 60, 0.1)
    assert stack.metric("worker-2", "isobar_worker_cities") == CITIES
    taken_over = memory_mb(taker, "VmHWM")
    assert taker.terminate(10) == 0, taker.log()[-2000:]
    assert stack.ctl("verify", *stack.common("kafka", "redis"), check=False).returncode == 0

    queue = min(FETCH_MEMORY * 1024 * 1024, feed.bytes) / 1e6
    figure = max(busy - queue, idle, taken_over)
    print(f"busy {busy:.1f} MB (queue at most {queue:.1f}), idle {idle:.1f} MB, after a take-over {taken_over:.1f} MB")
    results.write("light", [("light.rss_worker_10k_mb", round(figure, 1), CITIES)])
    assert figure <= LIMIT_MB
