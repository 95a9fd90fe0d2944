"""Requests beside live streams: how many, how fast, and clients that send or read slowly."""
import gzip
import json
import os
import select
import time

import results
from stack import http_get, wait_for

LONG = os.environ.get("FULL") == "1"
COUNT = 4000 if LONG else 400


def settled(connection):
    """Whether the server has ended the connection; what it sent before is read."""
    while select.select([connection], [], [], 0)[0]:
        try:
            if not connection.recv(65536):
                return True
        except OSError:
            return True
    return False


def test_slow_senders(rig):
    """A byte now and then does not hold a place for longer than the deadline, and nobody else notices."""
    rig.start("--deadline-ms", "1500")
    crowd = rig.crowd(100)
    before = rig.descriptors()
    slow = [rig.socket(b"GET /api/v1/latest HTTP/1.1\r\nHost: x\r\nX-Slow: ") for _ in range(100)]
    start = time.monotonic()
    left = list(slow)
    while left:
        assert time.monotonic() - start < 8, f"{len(left)} are still there"
        rig.tick([crowd], rig.ids[:3])
        assert http_get(rig.port, "/livez")[0] == 200
        for connection in left:
            try:
                connection.send(b"x")
            except OSError:
                pass  # it has been cut
        left = [c for c in left if not settled(c)]
    took = time.monotonic() - start
    figures = crowd.do("ticks")
    print(f"cut after {took:.1f} s; the others {figures}")
    assert took > 1.3 and figures["missing"] == figures["ended"] == 0 and figures["max_ms"] < 1500, figures
    wait_for("their descriptors are closed", lambda: rig.descriptors() <= before, 5)
    if LONG:
        results.write("dashboard", [("dashboard.slow_senders_cut_s", round(took - 1.5, 2), len(slow))])


def test_throughput(rig):
    """Answers from memory, tagged and packed, and from Redis."""
    rig.history(1, 1000)
    rig.start()
    tag = http_get(rig.port, "/api/v1/latest")[1]["ETag"]
    asked = {"latest": rig.ask("/api/v1/latest", count=COUNT), "gzip": rig.ask("/api/v1/latest", "Accept-Encoding: gzip", count=COUNT),
             "etag": rig.ask("/api/v1/latest", f"If-None-Match: {tag}", count=COUNT), "windows": rig.ask("/api/v1/cities/1/windows?size=10m&limit=288", count=COUNT // 10)}
    for name, figures in asked.items():
        print(name, figures)
        assert figures["failed"] == 0 and figures["status"] == (304 if name == "etag" else 200), figures
    packed = http_get(rig.port, "/api/v1/latest", {"Accept-Encoding": "gzip"})
    assert packed[1]["Content-Encoding"] == "gzip" and len(json.loads(gzip.decompress(packed[2]))["latest"]) == len(rig.ids)
    assert asked["etag"]["bytes"] == 0 and asked["gzip"]["bytes"] < asked["latest"]["bytes"] / 3
    if LONG:
        results.write("dashboard", [("dashboard.latest_per_s", asked["gzip"]["per_s"], COUNT), ("dashboard.latest_p50_ms", asked["gzip"]["p50_ms"], COUNT),
                                    ("dashboard.latest_p99_ms", asked["gzip"]["p99_ms"], COUNT), ("dashboard.windows_p50_ms", asked["windows"]["p50_ms"], COUNT // 10),
                                    ("dashboard.windows_p99_ms", asked["windows"]["p99_ms"], COUNT // 10)])
