"""A whole Isobar for the browser tests, steered by lines of JSON: {"do": …, …} on stdin, one answer a line on stdout.

It runs on a replay of 40 cities, the first of which has a hostile name, or on what the test produces itself, and stops
when stdin ends.
"""
import csv
import json
import os
import re
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "deploy", "local"), os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "oracle")]

import oracle  # noqa: E402
import redis  # noqa: E402
import results  # noqa: E402
from stack import Stack, get_json, wait_for  # noqa: E402

CITIES = 40
PARTITIONS = 24
STATION = 8
BITS = {"temperature_centi_c": 0, "humidity_centi_percent": 6, "wind_speed_cm_s": 8, "rain_um": 11, "custom_0": 32, "custom_1": 33}
HOSTILE = "<img src=x onerror=alert(1)>"


def hostile_table(path):
    """The table of cities with another name for the first one."""
    with open(os.path.join(ROOT, "data", "cities.csv"), encoding="utf-8", newline="") as f:
        rows = list(csv.reader(f))
    rows[1][rows[0].index("name")] = HOSTILE
    with open(path, "w", encoding="utf-8", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows(rows)
    return int(rows[1][rows[0].index("id")])


class System:
    def __init__(self, stack):
        self.stack = stack
        self.harmed = {}  # the ledger that harm() spoilt, as it was

    def start(self, replay=True, plain=False):
        """`plain`: all cities have their own names."""
        stack = self.stack
        table = os.path.join(ROOT, "data", "cities.csv") if plain else os.path.join(stack.dir, "cities.csv")
        hostile = None if plain else hostile_table(table)
        stack.start_redis()
        stack.start_devbroker({"weather.observations": PARTITIONS, "weather.deadletter": 1})
        stack.init(PARTITIONS, table, CITIES)
        stack.start_coordinator("coordinator-1", -1)
        stack.start_worker("worker-1")
        stack.start_dashboard()
        if replay:
            self.replay()
        return {"port": stack.ports["dashboard"], "hostile": hostile, "name": HOSTILE}

    def replay(self):
        stack = self.stack
        stack.start_owmsim()
        stack.start_fetcher("fetcher-1", "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                            ISOBAR_API_KEY="simulator")

    def ready(self):
        """Every city has a reading, and the two days of history."""
        port = self.stack.ports["dashboard"]

        def full():
            latest = (get_json(port, "/api/v1/latest") or {}).get("latest", [])
            return len(latest) == CITIES and all(
                len((get_json(port, f"/api/v1/cities/{r['city']}/windows") or {}).get("windows", [])) > 280 for r in latest)

        wait_for("40 cities with two days of history", full, 90, 0.5)
        return {}

    def produce(self, city, rows, series=0, provider=STATION, stamp=0):
        """Readings of a station in the city: each with "at" and values by the name of their column; in a record of the time `stamp`, or of now."""
        import confluent_kafka  # pylint: disable=import-outside-toplevel - the other tests do not need it
        batch = oracle.modules()[0].ObservationBatch(format=1, rows=len(rows), shard=oracle.shard(city, PARTITIONS))
        batch.city_id.extend(city for _ in rows)
        batch.observed_at_ms.extend(row.pop("at") for row in rows)
        batch.fetched_at_ms.extend(batch.observed_at_ms)
        batch.provider.extend(provider for _ in rows)
        batch.series.extend(series for _ in rows)
        batch.accumulation_s.extend(600 for _ in rows)
        batch.present.extend(sum(1 << BITS[column] for column in row) for row in rows)
        for column in sorted({column for row in rows for column in row}):
            getattr(batch, column).extend(row.get(column, 0) for row in rows)
        producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.kafka, "acks": "all"})
        producer.produce("weather.observations", batch.SerializeToString(), partition=batch.shard, timestamp=stamp)
        if producer.flush(20) != 0:
            raise TimeoutError("the broker took no batch within 20 s")
        return {}

    def file(self, name, text):
        path = os.path.join(self.stack.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def file_of(self, name, size):
        self.file(name, " " * size)
        return {}

    def rules(self, text):
        self.stack.ctl("rules", *self.stack.common("kafka", "redis"), "set", self.file("own.ini", text), "--deadline-s", "60")
        return {}

    def normals(self, city, text):
        self.stack.ctl("normals", *self.stack.common("redis"), "import", self.file("normals.csv", text), "--city", str(city))
        return {}

    def kill(self, name):
        self.stack.programs[name].kill()
        return {}

    def signal(self, name, signo):
        self.stack.programs[name].signal(signal.Signals[signo])
        return {}

    def dashboard(self, extra=()):
        self.stack.start_dashboard(self.stack.ports["dashboard"], *extra)
        return {}

    def redis(self):
        """Redis again, at the same port, from its append-only file."""
        self.stack.start_redis(self.stack.ports["redis"])
        return {}

    def rename(self, city, name):
        """A new version of the catalogue, with another name for one city."""
        entry = oracle.modules()[2].City()
        client = redis.Redis("127.0.0.1", self.stack.ports["redis"])
        partitions = int(client.hget("isobar:meta", "partitions"))
        key = f"isobar:{{{oracle.shard(city, partitions)}}}:cities"
        entry.ParseFromString(client.hget(key, str(city)))
        entry.name = name
        client.hset(key, str(city), entry.SerializeToString())
        client.hincrby("isobar:meta", "catalogue_version", 1)
        return {}

    def harm(self, partition):
        """Spoils the ledger of a partition, so that its worker stops it with an alarm; mend() is the way back."""
        client = redis.Redis("127.0.0.1", self.stack.ports["redis"])
        with client.pipeline(transaction=True) as pipe:
            pipe.hgetall(f"isobar:{{{partition}}}:ledger")
            pipe.hset(f"isobar:{{{partition}}}:ledger", mapping={"cid": os.urandom(16).hex(), "offset": "x"})
            self.harmed = pipe.execute()[0]
        return {}

    def mend(self, partition):
        redis.Redis("127.0.0.1", self.stack.ports["redis"]).hset(f"isobar:{{{partition}}}:ledger", mapping=self.harmed)
        return {}

    def styled(self, text):
        """The dashboard again, with an operator's style sheet."""
        self.kill("dashboard")
        return self.dashboard(["--style", self.file("house.css", text)])

    def operated(self, token, read=None):
        """The dashboard again, with a token of operators, and maybe one for reading."""
        self.kill("dashboard")
        reads = ["--read-token-file", self.file("reader", read + "\n")] if read else []
        return self.dashboard(["--operator-token-file", self.file("operator", token + "\n"), *reads])

    def unstyled(self, style):
        """How a dashboard ends that cannot take its style sheet: its code, and what it said."""
        done = subprocess.run([self.stack.binary("isobar-dashboard"), *self.stack.common("redis"), "--port", "0", "--style", style], capture_output=True,
                              text=True, timeout=20, check=False, cwd=self.stack.dir, env=self.stack.env())
        return {"code": done.returncode, "out": done.stdout + done.stderr}

    def metric(self, program, name):
        """Of a program whose admin port its log names."""
        self.stack.ports[f"{program} admin"] = int(re.findall(r"event=admin_listening .*port=(\d+)", self.stack.programs[program].log())[-1])
        return {"value": self.stack.metric(f"{program} admin", name)}

    def kafka(self):
        return {"address": self.stack.kafka}

    def ctl(self, command):
        """A command as the page shows it, on this installation."""
        words = command.split()
        if words[0] != "isobarctl":
            raise ValueError(command)
        done = self.stack.ctl(*words[1:], *self.stack.common("redis"), check=False)
        return {"code": done.returncode, "out": done.stdout + done.stderr}

    def start_worker(self, name):
        self.stack.start_worker(name)
        return {}

    def start_coordinator(self, name, extra=()):
        self.stack.start_coordinator(name, -1, *extra)
        return {}

    def view(self, view):
        """Writes a view as a leader would; one that is there of a later term would win."""
        redis.Redis("127.0.0.1", self.stack.ports["redis"]).set("isobar:cluster", json.dumps(view))
        return {}

    def result(self, id, value, n):  # noqa: A002 - the name is the protocol's
        results.write("dashboard" if id.startswith("dashboard.") else "browser", [(id, value, n)])
        return {}


def main():
    directory = os.path.join(ROOT, "build", "browser", sys.argv[1])
    with Stack(directory, os.environ.get("ISOBAR_BIN", os.path.join(ROOT, "build", "gcc", "bin"))) as stack:
        system = System(stack)
        for line in sys.stdin:
            order = json.loads(line)
            try:
                answer = getattr(system, order.pop("do"))(**order)
            except Exception as error:  # pylint: disable=broad-except - whatever it is, the test is told
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
