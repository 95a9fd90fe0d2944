"""Climate normals with the real programs: imported, listed, shown next to a reading, replaced and removed."""
import datetime
import json
import os
import subprocess
import sys
import time

import oracle
import pytest
from conftest import ROOT, SANITIZED
from ctl_runs import client, run
from feed import encode
from stack import get_json, wait_for

SLOW = 4 if SANITIZED else 1
PARTITIONS = 4
TOPICS = {"weather.observations": PARTITIONS, "weather.deadletter": 1}
SEATTLE = 5809844
HEAD = "month,day,hour,metric,mean,sd,p10,p25,p50,p75,p90\n"


def normals(stack, *argv):
    return run(stack, "normals", *argv, which=("redis",))


def write(stack, name, text):
    path = os.path.join(stack.dir, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def installed(stack):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    stack.init(PARTITIONS, None, 1300)


@pytest.mark.sanitized
def test_a_wide_table_is_converted_and_imported(stack):
    installed(stack)
    first = datetime.datetime(2010, 1, 1, 1)
    rows = [first + datetime.timedelta(hours=i) for i in range(8759)]  # as vega-datasets has them: without the first hour
    wide = write(stack, "wide.csv", "date,pressure,temperature,wind\n" + "".join(
        f"{t.isoformat()},{1016 + t.month / 10:.1f},{t.month + t.hour / 10:.1f},{3.5 + t.hour / 10:.1f}\n" for t in rows))
    made = subprocess.run([sys.executable, os.path.join(ROOT, "data/make/normals_wide.py"), wide, "--time", "date", "temperature=temperature:degC",
                           "pressure_sea_level=pressure:hPa", "wind_speed=wind:m/s"], capture_output=True, text=True, check=True)
    code, out, err = normals(stack, "import", write(stack, "seattle.csv", made.stdout), "--city", "seattle", "--json")
    assert code == 0 and json.loads(out) == {"rows": 3 * 8759, "normals": 3}, err
    code, out, _ = normals(stack, "list", "--json")
    listed = {n["metric"]: n for n in json.loads(out)["normals"]}
    assert code == 0 and set(listed) == {"temperature", "pressure_sea_level", "wind_speed"}
    assert all(n["city"] == SEATTLE and n["hours"] == 24 and n["means"] == 8759 and n["deviations"] == n["percentiles"] == 0 for n in listed.values())
    assert all(n["bytes"] <= 65536 and n["resolution"] == 0.01 for n in listed.values())
    code, out, _ = normals(stack, "list")
    assert code == 0 and "temperature" in out and "0.01 degC" in out
    for argv, wanted in ((["nonsense"], "METRIC=COLUMN"), (["temperature=degrees"], "no column degrees"), (["temperature=wind", "--time", "wind"], "is no time")):
        bad = subprocess.run([sys.executable, os.path.join(ROOT, "data/make/normals_wide.py"), wide, *argv], capture_output=True, text=True, check=False)
        assert bad.returncode != 0 and wanted in bad.stderr, bad.stderr


@pytest.mark.sanitized
def test_a_reading_is_shown_next_to_what_is_usual(stack):
    import confluent_kafka
    installed(stack)
    stack.start_coordinator()
    stack.start_worker("worker-1")
    stack.start_dashboard()
    shard, now = oracle.shard(SEATTLE, PARTITIONS), int(time.time() * 1000)
    producer = confluent_kafka.Producer({"bootstrap.servers": stack.kafka, "acks": "all"})
    producer.produce("weather.observations", encode(shard, [SEATTLE], now - 700_000, 0), partition=shard, timestamp=now)
    assert producer.flush(20) == 0

    def city():
        return get_json(stack.ports["dashboard"], f"/api/v1/cities/{SEATTLE}")
    latest = wait_for("the reading is shown", lambda: (got := city()) and got.get("latest"), 30 * SLOW)
    assert "climate" not in city()
    local = datetime.datetime.fromtimestamp(latest["observed_at"] / 1000 - 8 * 3600, datetime.timezone.utc)
    value = latest["values"]["temperature"]
    days = "".join(f"{local.month},{local.day},{hour},temperature,{10 + hour},2,,,,,\n" for hour in range(24))
    path = write(stack, "n.csv", HEAD + days + f"{local.month},{local.day},,humidity,50,,{','.join(str(x) for x in (40, 45, 50, 60, 80))}\n")
    assert normals(stack, "import", path, "--city", str(SEATTLE))[0] == 0
    climate = wait_for("the normals are shown", lambda: city().get("climate"), 30 * SLOW)
    assert climate["temperature"]["normal"] == 10 + local.hour and abs(climate["temperature"]["departure"] - (value - 10 - local.hour)) < 1e-9
    assert 0 <= climate["temperature"]["percentile"] <= 100
    humidity = latest["values"]["humidity"]
    assert climate["humidity"]["normal"] == 50 and 50 < humidity < 65
    expected = 50 + (humidity - 50) * 2.5 if humidity <= 60 else 75 + (humidity - 60) * 0.75
    assert abs(climate["humidity"]["percentile"] - expected) <= 0.051

    # Others stay when some are replaced; removed ones go.
    path = write(stack, "m.csv", "month,day,metric,mean,unit\n" + f"{local.month},{local.day},temperature,41,degF\n")
    assert normals(stack, "import", path, "--city", "Seattle")[0] == 0
    wait_for("the new one is shown", lambda: city()["climate"]["temperature"]["normal"] == 5 and "humidity" in city()["climate"], 30 * SLOW)
    assert "percentile" not in city()["climate"]["temperature"]
    assert normals(stack, "remove", "--city", "Seattle", "--metric", "temperature")[1] == "1 are removed\n"
    wait_for("it is gone", lambda: list(city()["climate"]) == ["humidity"], 30 * SLOW)
    assert normals(stack, "remove", "--all", "--json")[1] == '{"removed":1}\n'
    wait_for("all are gone", lambda: "climate" not in city(), 30 * SLOW)
    assert stack.metric("dashboard", "isobar_dashboard_bad_records_total") in (0, None)


@pytest.mark.sanitized
def test_bad_files_and_options_change_nothing(stack):
    installed(stack)
    redis = client(stack)
    good = write(stack, "good.csv", HEAD + "1,1,0,temperature,4,,,,,,\n")
    bad = write(stack, "bad.csv", HEAD + "1,1,0,temperature,4,,,,,,\n2,30,0,temperature,4,,,,,,\n1,1,1,temprature,4,,,,,,\n")
    code, out, err = normals(stack, "import", bad, "--city", "Seattle")
    assert (code, out) == (78, "") and f"{bad}:3: no calendar" in err and f"{bad}:4: metric" in err and "nothing was imported" in err
    unknown = write(stack, "unknown.csv", "city,month,day,metric,mean\n5809844,1,1,humidity,4\n77,1,1,temperature,4\n")
    code, out, err = normals(stack, "import", unknown)
    assert (code, out) == (78, "") and "no city of the catalogue has the id 77" in err
    for argv, code_wanted, wanted in ((["import"], 2, "wants a file"), (["list", good], 2, "only import"), (["improt", good], 2, "import, list or remove"),
                                      (["import", good, good], 2, "wanted, not 3"), (["remove"], 2, "--city or --all"),
                                      (["remove", "--city", "Seattle", "--all"], 2, "--city or --all"), (["list", "--all"], 2, "are for remove"),
                                      (["remove", "--all", "--metric", "heat"], 2, "no such metric"), (["import", good], 78, "give --city"),
                                      (["import", good, "--city", "Atlantis"], 2, "no city"), (["import", stack.dir + "/none"], 78, "No such file")):
        code, out, err = normals(stack, *argv)
        assert (code, out) == (code_wanted, "") and wanted in err, (argv, err)
    assert not list(redis.scan_iter("*:normals")) and redis.hget("isobar:meta", "normals_version") is None
    assert normals(stack, "import", good, "--city", "Seattle")[0] == 0
    redis.hset(f"isobar:{{{oracle.shard(SEATTLE, PARTITIONS)}}}:normals", f"{SEATTLE}/humidity", b"junk")
    code, _, err = normals(stack, "list")
    assert code == 1 and f"{SEATTLE}/humidity is damaged" in err
    assert normals(stack, "list", "--timeout-ms", "300", "--redis", "127.0.0.1:1")[0] == 69
