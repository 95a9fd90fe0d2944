"""The dashboard under load: the real program and a real Redis, in which the test writes cities as a worker's commits do.

A tick is what a commit makes: new states of some cities, and the hint that names them. Clients are isobar-crowd (main.c).
"""
import json
import os
import secrets
import selectors
import socket
import subprocess
import time

import redis as redis_client
from proto import modules
from shard import shard
from stack import ROOT, Stack, get_json, wait_for

CITIES = 40
PARTITIONS = 24
SIMULATED = 17
# Everything that OpenWeatherMap tells of a city: bit of `present` and a value, ascending by bit.
VALUES = ((0, 1500), (1, 1400), (2, 1300), (3, 1700), (4, 101_300), (5, 98_000), (6, 5500), (8, 300), (9, 20_000), (10, 700), (11, 100), (13, 4000),
          (14, 9000), (15, 800))
PRESENT = sum(1 << bit for bit, _ in VALUES)
CROWD = os.path.join(ROOT, "build", "gcc", "bin", "isobar-crowd")


class Crowd:
    """Clients of the live stream, in a process of their own."""

    def __init__(self, port, path="/api/v1/events"):
        self.process = subprocess.Popen([CROWD, str(port), path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def do(self, order, deadline_s=60):
        self.process.stdin.write(order + "\n")
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stdout, selectors.EVENT_READ)
            if not waiting.select(deadline_s):
                raise TimeoutError(f"{order}: not within {deadline_s} s")
        return json.loads(self.process.stdout.readline())

    def open(self, count):
        """Opens so many more, all of which must have their first event."""
        before = self.do("arrived")["live"]
        answer = self.do(f"open {count}", 120)
        assert answer["refused"] == 0 and answer["live"] == before + count, answer
        self.do("reset")  # they have missed what came before
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


class Rig:
    def __init__(self, directory, cities=CITIES):
        self.stack = Stack(directory, os.environ.get("ISOBAR_BIN", os.path.join(ROOT, "build", "gcc", "bin")))
        self.crowds = []
        self.sockets = []
        self.step = 0
        self.ids = list(range(1, cities + 1))
        self.cids = [""] * PARTITIONS
        self.redis = None

    def __enter__(self):
        self.stack.start_redis(appendonly=False)
        self.stack.start_devbroker({"weather.observations": PARTITIONS, "weather.deadletter": 1})
        self.stack.init(PARTITIONS)
        self.stack.programs["broker"].terminate()
        self.redis = redis_client.Redis("127.0.0.1", self.stack.ports["redis"])
        self.catalogue()
        self.write(self.ids)
        return self

    def __exit__(self, *_):
        for crowd in self.crowds:
            crowd.kill()
        for connection in self.sockets:
            connection.close()
        self.stack.stop(10)

    # ---- what a worker and isobarctl write

    def catalogue(self):
        """The cities 1…n in place of those that init put in."""
        city = modules()[2].City
        with self.redis.pipeline(transaction=False) as pipe:
            for partition in range(PARTITIONS):
                pipe.delete(f"isobar:{{{partition}}}:cities")
            for number in self.ids:
                entry = city(format=1, city_id=number, name=f"City {number}", ascii_name=f"City {number}", country="XX", zone="UTC",
                             latitude_e5=number * 37 % 13_000_000 - 5_500_000, longitude_e5=number * 1009 % 36_000_000 - 18_000_000, population=number)
                pipe.hset(f"isobar:{{{shard(number, PARTITIONS)}}}:cities", str(number), entry.SerializeToString())
            pipe.hincrby("isobar:meta", "catalogue_version", 1)
            pipe.execute()

    def more_cities(self, count):
        self.ids = list(range(1, count + 1))
        self.catalogue()
        self.write(self.ids)

    def state(self, city, now_ms):
        made = modules()[2].CityState(format=1, city_id=city, watermark_ms=now_ms, heard_at_ms=now_ms, rows_in=self.step, interval_s=600, zone="UTC")
        made.latest.observed_at_ms = made.latest.fetched_at_ms = made.latest.produced_at_ms = now_ms
        made.latest.present, made.latest.provider, made.latest.accumulation_s = PRESENT, SIMULATED, 3600
        made.latest.value.extend(base + (city * 7 + self.step * 131) % 100 for _, base in VALUES)
        return made.SerializeToString()

    def write(self, cities):
        """New readings of these cities, and the hints."""
        self.step += 1
        now_ms = int(time.time() * 1000)
        named = {}
        with self.redis.pipeline(transaction=False) as pipe:
            for city in cities:
                partition = shard(city, PARTITIONS)
                named.setdefault(partition, []).append(str(city))
                pipe.hset(f"isobar:{{{partition}}}:city", str(city), self.state(city, now_ms))
            for partition, fields in named.items():
                cid = secrets.token_hex(16)
                pipe.publish("isobar:updates", f"{partition} {self.cids[partition] or secrets.token_hex(16)} {cid} {','.join(fields)}")
                self.cids[partition] = cid
            pipe.execute()

    def windows(self, text):
        """Other windows than those of the installation."""
        self.redis.hset("isobar:meta", "windows", text)

    def history(self, city, count, size="10m", size_ms=600_000):
        """Windows of a city, the newest of which has just ended, as its worker would have folded them."""
        window = modules()[1].WindowState
        end_ms = int(time.time() * 1000) // size_ms * size_ms
        partition = shard(city, PARTITIONS)
        with self.redis.pipeline(transaction=False) as pipe:
            for start_ms in range(end_ms - count * size_ms, end_ms, size_ms):
                made = window(format=1, start_ms=start_ms, end_ms=start_ms + size_ms, rows=6, updated_at_ms=start_ms + size_ms, final_at_ms=start_ms + size_ms,
                              first_observed_at_ms=start_ms, last_observed_at_ms=start_ms + 300_000, covered_ms=size_ms)
                for metric, low in ((1, 1500), (2, 5500), (3, 101_300), (5, 300)):
                    made.metric.append(metric)
                    made.count.append(6)
                    made.sum.append(6 * (low + 5))
                    made.square_sum_low.append(6 * (low + 5) ** 2 + 60)
                    made.minimum.append(low)
                    made.minimum_at.append(0)
                    made.maximum.append(low + 10)
                    made.maximum_at.append(300_000)
                    made.first.append(low)
                    made.first_at.append(0)
                    made.last.append(low + 10)
                    made.last_at.append(300_000)
                key = time.strftime("%Y-%m-%d", time.gmtime(start_ms / 1000)) if size == "1d" else start_ms
                pipe.hset(f"isobar:{{{partition}}}:w:{size}:{key}", str(city), made.SerializeToString())
            pipe.execute()

    # ---- the dashboard

    def start(self, *extra):
        self.stack.start_dashboard(self.stack.ports.get("dashboard"), "--admin-port", str(self.admin_port()), *extra)
        wait_for("all cities are read", lambda: len((get_json(self.port, "/api/v1/latest") or {"latest": []})["latest"]) == len(self.ids), 20)
        return self

    def admin_port(self):
        from ports import free_port  # pylint: disable=import-outside-toplevel - the launcher's, next to stack
        return self.stack.ports.setdefault("dashboard-admin", free_port())

    @property
    def port(self):
        return self.stack.ports["dashboard"]

    @property
    def program(self):
        return self.stack.programs["dashboard"]

    def metric(self, name):
        return self.stack.metric("dashboard-admin", f"isobar_dashboard_{name}")

    def streams(self):
        return int(self.metric("streams"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.program.pid}/fd"))

    def crowd(self, count=0):
        made = Crowd(self.port)
        self.crowds.append(made)
        return made.open(count) if count else made

    def crowd_at(self, path):
        self.crowds.append(Crowd(self.port, path))
        return self.crowds[-1]

    def tick(self, crowds, cities, deadline_s=20.0):
        """New readings of these cities; returns when every live client of the crowds has had them."""
        before = [crowd.do("arrived")["ticks"] for crowd in crowds]
        self.write(cities)

        def arrived():
            told = [crowd.do("arrived") for crowd in crowds]
            return all(t["ticks"] > b and t["missing"] == 0 for t, b in zip(told, before)) and told

        return wait_for("all clients have the tick", arrived, deadline_s, 0.05)

    def socket(self, send=b"", receive_bytes=0, source="127.0.0.1"):
        """A connection of a client that misbehaves; `receive_bytes` above 0 makes a small receive buffer."""
        made = socket.socket()
        self.sockets.append(made)
        if receive_bytes:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        made.bind((source, 0))
        made.settimeout(20)
        made.connect(("127.0.0.1", self.port))
        made.sendall(send)
        return made

    def ask(self, path, *headers, connections=8, count=400):
        """isobar-crowd's figures of `count` requests over so many connections that stay open."""
        done = subprocess.run([CROWD, str(self.port), "ask", str(connections), str(count), path, *headers], capture_output=True, text=True, timeout=120, check=True)
        return json.loads(done.stdout)
