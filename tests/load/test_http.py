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


HOURS = 8760 if LONG else 3000


def year(rig):
    """Path of the CSV of all hours of city 1, and how many there are."""
    rig.history(1, HOURS, "1h", 3_600_000)
    return f"/api/v1/cities/1/windows?size=1h&format=csv&from={int(time.time() * 1000) - (HOURS + 2) * 3_600_000}"


def starts(text):
    """Where the windows of a CSV begin, each once, in the order of the file."""
    lines = text.split("\r\n")
    assert lines[0].startswith("city,name,start,") and lines[-1] == "", lines[0]
    return list(dict.fromkeys(line.split(",")[2] for line in lines[1:-1]))


def test_a_year_of_csv(rig):
    """All hours of a year in one file, in order, each once; packed or not, it is the same."""
    rig.windows("1h:2y,1d:5y")
    path = year(rig)
    rig.start()
    before = rig.program.rss_bytes()
    status, headers, body = http_get(rig.port, path, timeout=30)
    begun = starts(body.decode())
    assert status == 200 and headers["Content-Type"].startswith("text/csv") and "Content-Length" not in headers
    assert len(begun) == HOURS and begun == sorted(begun) and len(body) > 1000 * HOURS / 4
    status, headers, packed = http_get(rig.port, path, {"Accept-Encoding": "gzip"}, timeout=30)
    assert headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == body and len(packed) < len(body) / 5
    newest = http_get(rig.port, "/api/v1/cities/1/windows?size=1h&format=csv&limit=300")[2]
    assert starts(newest.decode()) == begun[-299:]  # the three hundredth is the present one, which has no rows
    times = []
    for _ in range(10 if LONG else 2):
        start = time.monotonic()
        assert http_get(rig.port, path, timeout=30)[2] == body
        times.append(time.monotonic() - start)
    figures = rig.ask("/api/v1/latest", count=COUNT)
    grown = (rig.program.rss_bytes() - before) / 1048576
    print(f"{len(body) / 1e6:.1f} MB of {HOURS} hours in {sorted(times)[len(times) // 2]:.2f} s, packed {len(packed) / 1e6:.2f} MB; {grown:.1f} MiB; {figures}")
    if LONG:
        results.write("dashboard", [("dashboard.csv_year_s", round(sorted(times)[len(times) // 2], 2), len(times))])


def test_csv_that_is_read_slowly(rig):
    """Has no more than a page in memory for each reader, holds nobody up, and is cut when it is not read at all."""
    rig.windows("1h:2y,1d:5y")
    path = year(rig)
    rig.start()
    crowd = rig.crowd(20)
    before = rig.program.rss_bytes()
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    readers = [rig.socket(request, 4096) for _ in range(30)]
    wait_for("all have begun", lambda: rig.streams() == 20 and all(select.select([r], [], [], 0)[0] for r in readers), 20)
    start = time.monotonic()
    got, taking = 0, readers[0]
    while not all(settled_unread(r) for r in readers[1:]):
        assert time.monotonic() - start < 25, "some are still there"
        got += len(taking.recv(16384))
        rig.tick([crowd], rig.ids[:3], 5)
        assert http_get(rig.port, "/livez")[0] == 200
    took, grown = time.monotonic() - start, (rig.program.rss_bytes() - before) / 1048576
    figures = crowd.do("ticks")
    print(f"cut after {took:.1f} s; {grown:.1f} MiB for 30 readers, one of whom has taken {got} bytes; {figures}")
    assert grown < 30 * 1.5 and figures["max_ms"] < 1000 and figures["missing"] == figures["ended"] == 0, (grown, figures)
    assert len(taking.recv(16384)) > 0  # who reads slowly is not cut
    if LONG:
        results.write("dashboard", [("dashboard.csv_reader_mib", round(grown / 30, 2), 30)])


def settled_unread(connection):
    """Whether the server has reset the connection, without reading what it holds."""
    waiting = select.poll()
    waiting.register(connection, select.POLLERR | select.POLLHUP)
    return bool(waiting.poll(0))
