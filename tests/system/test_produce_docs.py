"""The examples of docs/producing.md, run as they stand there, up to what the dashboard shows."""
import datetime
import os
import re
import shutil
import subprocess
import time

import oracle
import pytest
from conftest import ROOT, SANITIZED, TOPICS
from ctl_runs import client, run
from stack import get_json, wait_for

SLOW = 4 if SANITIZED else 1
SEATTLE = 5809844
DAY = datetime.timedelta(days=1)


def examples():
    """{language: text} of the fenced blocks; each language is there once."""
    with open(os.path.join(ROOT, "docs", "producing.md"), encoding="utf-8") as f:
        blocks = re.findall(r"^```(\w+)\n(.*?)^```$", f.read(), re.M | re.S)
    assert sorted(language for language, _ in blocks) == ["csv", "ndjson", "python", "sh"]
    return dict(blocks)


def recent(text):
    """The times of the page, all of 2026-11-30, moved by whole days to yesterday."""
    days = (datetime.datetime.now(datetime.timezone.utc) - DAY).date() - datetime.date(2026, 11, 30)
    text = re.sub(r"2026-11-30", (datetime.date(2026, 11, 30) + days).isoformat(), text)
    return re.sub(r"\b17960\d{5}\b", lambda m: str(int(m.group()) + days.days * 86400), text)


class Rig:
    def __init__(self, stack):
        self.stack = stack
        stack.start_redis()
        stack.start_devbroker(TOPICS)
        stack.init(24, None, 1300)
        stack.start_coordinator()
        stack.start_worker("worker-1")
        stack.start_dashboard()
        shutil.copytree(os.path.join(ROOT, "proto"), os.path.join(stack.dir, "proto"))

    def write(self, name, text):
        with open(os.path.join(self.stack.dir, name), "w", encoding="utf-8") as f:
            f.write(text)

    def sh(self, *argv, **env):
        subprocess.run(argv, cwd=self.stack.dir, env=self.stack.env(**env), check=True, timeout=60 * SLOW)

    def city(self, city_id):
        return get_json(self.stack.ports["dashboard"], f"/api/v1/cities/{city_id}") or {}

    def shown(self, city_id, temperature):
        return wait_for(f"{temperature} is shown", lambda: (latest := self.city(city_id).get("latest")) and
                        latest["values"].get("temperature") == temperature and latest, 60 * SLOW)


@pytest.mark.sanitized
def test_files(stack):
    rig = Rig(stack)
    found = examples()
    rig.write("readings.csv", recent(found["csv"]))
    rig.write("more.ndjson", recent(found["ndjson"]))
    code, out, err = run(stack, "produce", "readings.csv", "--rejects", "rejects.csv")
    assert (code, err) == (0, "") and out.startswith("3 rows of 2 cities delivered in 4 records"), out + err
    latest = rig.shown(SEATTLE, 10.61)
    assert latest["provider"] == "station" and latest["values"]["wind_speed"] == 3.06 and latest["values"]["rain"] == 0.4
    code, out, err = run(stack, "produce", "more.ndjson")
    assert (code, err) == (0, ""), err
    latest = rig.shown(SEATTLE, 10.7)
    assert latest["values"]["wind_gust"] == 6.26 and latest["values"]["rain"] == 0.2
    partition = rig.city(SEATTLE)["partition"]
    assert partition == oracle.shard(SEATTLE, 24)
    state = oracle.modules()[2].CityState.FromString(client(stack).hget(f"isobar:{{{partition}}}:city", str(SEATTLE)))
    assert (state.zone, state.country, state.interval_s, state.rows_in + state.rows_late) == ("America/Los_Angeles", "US", 0, 4)
    assert os.path.getsize(os.path.join(stack.dir, "rejects.csv")) == 0


def test_python_and_kcat(stack):
    rig = Rig(stack)
    found = examples()
    rig.write("own.py", found["python"])
    rig.sh("protoc", "-I", "proto", "--python_out=.", "proto/observation.proto")
    before = time.time() * 1000
    rig.sh("/usr/bin/python3", "own.py", stack.kafka, str(SEATTLE), "24")
    latest = rig.shown(SEATTLE, 10.75)
    assert latest["provider"] == "station" and latest["values"]["humidity"] == 79 and latest["observed_at"] >= before - 1
    rig.write("own.sh", found["sh"])
    rig.sh("sh", "-eu", "own.sh", KAFKA=stack.kafka, CITY=str(SEATTLE), PARTITION=str(rig.city(SEATTLE)["partition"]))
    windows = lambda: (get_json(stack.ports["dashboard"], f"/api/v1/cities/{SEATTLE}/windows?size=10m&series=1") or {}).get("windows", [])
    window, = wait_for("the second opinion is there", lambda: [w for w in windows() if w["rows"]], 60 * SLOW)
    assert window["metrics"]["temperature"]["mean"] == 10.82 and window["rows"] == 1
    # The hash of the example is Kafka's for keys of every length.
    murmur2 = {}
    exec(re.search(r"^STEP.*?(?=^def batch)", found["python"], re.M | re.S).group(), murmur2)
    for key in ("1", "12", "123", "1234", "5809844", "9007199254740991"):
        assert (murmur2["murmur2"](key.encode()) & 0x7FFFFFFF) % 24 == oracle.shard(int(key), 24), key
    assert rig.city(SEATTLE)["rows"]["in"] == 1 and rig.city(SEATTLE)["zone"] == "America/Los_Angeles"
