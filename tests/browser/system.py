"""A whole Isobar for the browser tests, steered by lines of JSON: {"do": …, …} on stdin, one answer a line on stdout.

It runs on a replay of 40 cities, the first of which has a hostile name, and stops when stdin ends.
"""
import csv
import json
import os
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "deploy", "local"), os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "oracle")]

import oracle  # noqa: E402
import redis  # noqa: E402
import results  # noqa: E402
from stack import Stack, get_json, wait_for  # noqa: E402

CITIES = 40
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

    def start(self):
        stack = self.stack
        table = os.path.join(stack.dir, "cities.csv")
        hostile = hostile_table(table)
        stack.start_redis()
        stack.start_devbroker({"weather.observations": 24, "weather.deadletter": 1})
        stack.init(24, table, CITIES)
        stack.start_coordinator("coordinator-1", -1)
        stack.start_worker("worker-1")
        stack.start_dashboard()
        stack.start_owmsim()
        stack.start_fetcher("fetcher-1", "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                            ISOBAR_API_KEY="simulator")
        return {"port": stack.ports["dashboard"], "hostile": hostile, "name": HOSTILE}

    def ready(self):
        """Every city has a reading, and the two days of history."""
        port = self.stack.ports["dashboard"]

        def full():
            latest = (get_json(port, "/api/v1/latest") or {}).get("latest", [])
            return len(latest) == CITIES and all(
                len((get_json(port, f"/api/v1/cities/{r['city']}/windows") or {}).get("windows", [])) > 280 for r in latest)

        wait_for("40 cities with two days of history", full, 90, 0.5)
        return {}

    def kill(self, name):
        self.stack.programs[name].kill()
        return {}

    def signal(self, name, signo):
        self.stack.programs[name].signal(signal.Signals[signo])
        return {}

    def dashboard(self):
        self.stack.start_dashboard(self.stack.ports["dashboard"])
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

    def result(self, id, value, n):  # noqa: A002 - the name is the protocol's
        results.write("browser", [(id, value, n)])
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
