"""A metric of the operator's own, from a producer through the rules to windows, API and alerts, while everything runs."""
import csv
import io
import os
import time

import oracle
import pytest
from conftest import TOPICS
from ctl_runs import run
from stack import get_json, http_get, wait_for

RULES = """[windows]
10m = 2d
1h = 30d

[metric soil_moisture]
number = 0
unit = %
scale = 100
combine = mean
minimum = 0
maximum = 100

[alert dry]
metric = soil_moisture
below = 20
clear = 25
"""
MINUTE = 60_000


class Producer:
    """Readings of custom_0 of one city, as any Kafka client can make them."""

    def __init__(self, stack, city):
        import confluent_kafka
        self.city, self.shard = city, oracle.shard(city, TOPICS["weather.observations"])
        self.producer = confluent_kafka.Producer({"bootstrap.servers": stack.kafka, "acks": "all"})

    def put(self, at_ms, values):
        batch = oracle.modules()[0].ObservationBatch(format=1, rows=len(values), shard=self.shard)
        batch.city_id.extend([self.city] * len(values))
        batch.observed_at_ms.extend(at_ms + i * MINUTE for i in range(len(values)))
        batch.fetched_at_ms.extend([at_ms] * len(values))
        batch.provider.extend([8] * len(values))  # STATION
        batch.present.extend([1 << 32] * len(values))
        batch.custom_0.extend(values)
        self.producer.produce("weather.observations", batch.SerializeToString(), partition=self.shard)
        assert self.producer.flush(20) == 0


@pytest.mark.sanitized
def test_a_metric_of_ones_own(stack):
    stack.start_redis()
    stack.start_devbroker(TOPICS)
    stack.init(24, None, 8)
    stack.start_coordinator()
    stack.start_worker("worker-1")
    stack.start_dashboard()
    port = stack.ports["dashboard"]
    cities = wait_for("the catalogue", lambda: (get_json(port, "/api/v1/cities") or {}).get("cities"), 60)
    city = cities[0]["id"]
    producer = Producer(stack, city)
    now = int(time.time() * 1000)
    begin = now // (60 * MINUTE) * 60 * MINUTE - 60 * MINUTE  # a window of an hour that has ended

    path = os.path.join(stack.dir, "own.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write(RULES)
    code, out, err = run(stack, "rules", "set", path, "--deadline-s", "60")
    assert code == 0, out + err
    producer.put(begin + MINUTE, [3000, 3100, 3500, 12_000])  # the last is 120 %, which cannot be

    about = wait_for("its name", lambda: (get_json(port, "/api/v1/about") or {}).get("custom"), 60)
    assert about == [{"name": "soil_moisture", "unit": "%", "scale": 100, "combine": "mean"}]
    latest = wait_for("the latest reading", lambda: [l for l in get_json(port, "/api/v1/latest")["latest"] if l["city"] == city], 60)[0]
    assert latest["values"] == {"soil_moisture": 120} and latest["flags"] == ["range_other"]
    assert get_json(port, "/api/v1/latest")["units"]["soil_moisture"] == "%"

    def hour():
        answer = get_json(port, f"/api/v1/cities/{city}/windows?size=1h")
        return answer if any(w["start"] == begin for w in answer["windows"]) else None

    answer = wait_for("its window", hour, 60)
    window, = [w for w in answer["windows"] if w["start"] == begin]
    metric = window["metrics"]["soil_moisture"]
    assert answer["units"]["soil_moisture"] == "%" and window["rows"] == 4
    assert (metric["count"], metric["mean"], metric["min"], metric["max"], metric["p50"]) == (3, 32, 30, 35, 31)
    _, _, body = http_get(port, f"/api/v1/cities/{city}/windows?size=1h&format=csv")
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    assert [r["count"] for r in rows if r["metric"] == "soil_moisture"] == ["3"]

    alert = lambda: [a for a in get_json(port, f"/api/v1/alerts?city={city}")["alerts"]]
    assert alert() == []
    producer.put(now - MINUTE, [1950])
    active, = wait_for("the alert", alert, 60)
    assert (active["rule"], active["metric"], active["value"]) == ("dry", "soil_moisture", 19.5)
