"""Live clients by the thousand: those that vanish, those that do not read, and what each costs."""
import os
import time

import results
from rig import PARTITIONS
from shard import shard
from stack import wait_for

LONG = os.environ.get("FULL") == "1"  # the counts of the acceptance
CLIENTS = 1000
VANISH = CLIENTS // 2
MANY = 10_000 if LONG else 2000
TICKS = 30 if LONG else 5
LIMITS = ("--connections", "13000", "--connections-per-address", "1000")


def paced(rig, crowds, ticks, cities):
    """So many ticks, each of the same cities, a second apart; the figures of the first crowd."""
    for crowd in crowds:
        crowd.do("reset")
    for _ in range(ticks):
        due = time.monotonic() + 1
        rig.tick(crowds, cities)
        wait_for("the next tick is due", lambda: time.monotonic() >= due, 2, 0.01)  # pylint: disable=cell-var-from-loop
    return crowds[0].do("ticks")


def test_clients_that_vanish(rig):
    """Half of them go without a word: some take no packet any more, others are killed. The rest hears of every tick meanwhile."""
    rig.start(*LIMITS)
    loyal = rig.crowd(CLIENTS - VANISH)
    worst = 0.0
    counts = []
    for _ in range(3 if LONG else 1):
        before = rig.descriptors()
        silent, killed = rig.crowd(VANISH - VANISH // 2), rig.crowd(VANISH // 2)
        assert rig.streams() == CLIENTS
        rig.tick([loyal, silent, killed], rig.ids[:5])
        loyal.do("reset")
        silent.do(f"vanish {VANISH}")
        killed.kill()
        start = time.monotonic()
        while rig.streams() != CLIENTS - VANISH:
            assert time.monotonic() - start < 20, f"{rig.streams()} streams after 20 s"
            rig.tick([loyal], rig.ids[:5], 5)
        worst = max(worst, time.monotonic() - start)
        figures = loyal.do("ticks")
        assert figures["missing"] == figures["ended"] == figures["behind"] == 0 and figures["ticks"] > 10, figures
        assert figures["complete"] == figures["ticks"] and figures["max_ms"] < 2000, figures
        wait_for("their descriptors are closed", lambda: rig.descriptors() <= before, 5)  # pylint: disable=cell-var-from-loop
        counts.append(rig.descriptors())
        silent.kill()
    assert max(counts) == min(counts), counts
    print(f"count right after {worst:.1f} s; descriptors {counts}; the others {figures}")
    if LONG:
        results.write("dashboard", [("dashboard.vanished_s", round(worst, 1), VANISH), ("dashboard.vanished_others_missed", figures["missing"], figures["ticks"])])


def test_many_clients(rig):
    """What a tick and a client cost."""
    rig.start(*LIMITS)
    before = rig.program.rss_bytes()
    crowd = rig.crowd(MANY)
    figures = paced(rig, [crowd], TICKS, rig.ids[:5])
    each = (rig.program.rss_bytes() - before) / 1024 / MANY
    print(f"{MANY} clients, {each:.2f} KiB each; {figures}")
    assert figures["missing"] == figures["ended"] == 0 and figures["complete"] == figures["ticks"] >= TICKS, figures
    assert each <= 8, each
    if LONG:
        results.write("dashboard", [("dashboard.tick_p99_ms", round(figures["p99_ms"], 1), figures["ticks"] * MANY),
                                    ("dashboard.client_kib", round(each, 2), MANY)])


def test_redis_is_read_once_for_all(rig):
    """As many commands for a tick with many clients as with one, whether they follow the city's windows or not."""
    rig.start(*LIMITS)
    one = [c for c in rig.ids if shard(c, PARTITIONS) == shard(rig.ids[0], PARTITIONS)]

    def commands(crowd):
        """What a tick of one city has Redis do: what is not asked for by the clock."""
        rig.tick([crowd], one[:1])
        seen = []
        with rig.redis.monitor() as monitor:
            for _ in range(5):
                rig.tick([crowd], one[:1])
            rig.redis.echo("end")
            for command in monitor.listen():
                if command["command"] == "ECHO end":
                    break
                seen.append(command["command"])
        return [c for c in seen if c.startswith(("HMGET isobar:{", "HGET", "MULTI", "EXEC"))]

    counts = {}
    for follow in ("", f"?cities={one[0]}&size=10m"):
        crowd = rig.crowd_at("/api/v1/events" + follow)
        crowd.open(1)
        counts[follow, 1] = len(commands(crowd))
        crowd.open(CLIENTS - 1)
        counts[follow, CLIENTS] = len(commands(crowd))
        crowd.close()
        wait_for("they are gone", lambda: rig.streams() == 0, 20)
    print(counts)
    more = sum(counts[f, CLIENTS] - counts[f, 1] for f, n in counts if n == 1)
    assert counts["", 1] == 5 and more == 0, counts
    if LONG:
        results.write("dashboard", [("dashboard.redis_commands_more", more, CLIENTS)])


def test_readers_that_stop(rig):
    """They miss updates, hold nobody up, get the newest state when they read again, and are cut when they do not."""
    rig.more_cities(1000)
    rig.start(*LIMITS)
    crowd = rig.crowd(30)
    request = b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"
    stopped = [rig.socket(request, 4096) for _ in range(20)]
    wait_for("all are open", lambda: rig.streams() == 50, 20)
    rss = rig.program.rss_bytes()
    start = time.monotonic()
    while rig.metric("skipped_total") < 20:
        assert time.monotonic() - start < 11, f"{rig.metric('skipped_total')} updates were skipped"
        rig.tick([crowd], rig.ids, 5)
    figures = crowd.do("ticks")
    grown = rig.program.rss_bytes() - rss
    assert figures["max_ms"] < 2000 and figures["missing"] == figures["ended"] == 0, figures
    assert grown < 16 * 1024 * 1024, grown  # the bytes are shared
    reader, came = stopped.pop(), bytearray()
    events = []

    def caught_up():
        came.extend(reader.recv(1 << 20))
        events[:] = [line for line in came.split(b"\n") if line.startswith(b"event: snapshot")]
        return len(events) == 2

    wait_for("the one that reads again is told all anew", caught_up, 10, 0)
    wait_for("those that do not read are cut", lambda: rig.streams() == 31, 20, 0.1)
    took = time.monotonic() - start
    rig.tick([crowd], rig.ids[:5])
    print(f"cut after {took:.1f} s; {grown / 1048576:.1f} MiB; the others {figures}")
    if LONG:
        results.write("dashboard", [("dashboard.slow_readers_cut_s", round(took, 1), 19)])


def test_many_come_at_once(rig):
    """After a restart all clients come at once: they share what they begin with."""
    rig.more_cities(2000)
    rig.start(*LIMITS)
    before = rig.program.rss_bytes()
    crowd = rig.crowd(CLIENTS)
    size = crowd.do("ticks")["first_bytes"] / CLIENTS
    grown = rig.program.rss_bytes() - before
    print(f"{CLIENTS} snapshots of {size / 1024:.0f} KiB: {grown / 1048576:.1f} MiB")
    assert size > 500_000 and grown < 40 * size, (size, grown)


def test_limits(rig):
    """Streams have places of their own; who gets none is told so, and all else is served."""
    rig.start("--connections", "80", "--connections-per-address", "20")
    crowd = rig.crowd(20)  # of 127.0.1.1
    told = crowd.do("open 5")
    assert (told["live"], told["refused"], told["status"]) == (20, 5, 503), told
    request = b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"
    for i in range(20):  # of forty places that streams may have
        assert rig.socket(request, source=f"127.0.2.{1 + i % 5}").recv(12) == b"HTTP/1.1 200"
    refused = rig.socket(request, source="127.0.3.1").recv(65536).decode()
    assert refused.startswith("HTTP/1.1 503 ") and "\r\nRetry-After: 5\r\n" in refused and "Content-Security-Policy" in refused, refused
    assert "all 40 places for live streams are taken" in refused and "application/problem+json" in refused, refused
    figures = rig.ask("/api/v1/latest", connections=5, count=50)
    assert figures["status"] == 200 and figures["failed"] == 0, figures
    rig.tick([crowd], rig.ids[:5])
    assert rig.streams() == 40
    for connection in rig.sockets[:10]:
        connection.close()
    wait_for("their places are free", lambda: rig.streams() == 30, 5)
    assert rig.socket(request, source="127.0.3.1").recv(12) == b"HTTP/1.1 200"
