"""A worker with 10,000 cities stays lean: while it reads three hours of history, when it is idle, and after a take-over.

What is counted is the peak of the resident memory (VmHWM), so nothing that was given back meanwhile is overlooked. From it
the fetch queue is taken off, which the figure excludes: not more than `--fetch-memory` bounds it to, and not more than the
queue can have held, the bytes of the whole topic. When the worker is idle the queue is empty and nothing is taken off.
"""
import re
import time

import oracle
import results
from conftest import TOPICS
from stack import wait_for

CITIES = 10_000
PARTITIONS = 24
STEPS = 18             # readings of each city, ten minutes apart
STEP_MS = 10 * 60_000
BATCH = 100            # rows in a record
FETCH_MEMORY = 16      # MiB, the default
LIMIT_MB = 64
# Everything that OpenWeatherMap tells of a city, as columns with a bit of `present`, and a value that varies by city and step.
VALUES = (("temperature_centi_c", 0, 1500), ("feels_like_centi_c", 1, 1400), ("temperature_min_centi_c", 2, 1300), ("temperature_max_centi_c", 3, 1700),
          ("pressure_sea_level_pa", 4, 101_300), ("pressure_station_pa", 5, 98_000), ("humidity_centi_percent", 6, 5500), ("wind_speed_cm_s", 8, 300),
          ("wind_direction_centi_deg", 9, 20_000), ("wind_gust_cm_s", 10, 700), ("rain_um", 11, 100), ("cloud_centi_percent", 13, 4000),
          ("visibility_m", 14, 9000), ("condition", 15, 800))
SIMULATED = 17


def encode(pb, shard, cities, at_ms, step):
    """One batch: a reading of each of the cities."""
    batch = pb.ObservationBatch(format=1, rows=len(cities), shard=shard)
    batch.city_id.extend(cities)
    batch.observed_at_ms.extend(at_ms + c % STEP_MS for c in cities)
    batch.fetched_at_ms.extend(at_ms + STEP_MS for _ in cities)
    batch.provider.extend(SIMULATED for _ in cities)
    batch.accumulation_s.extend(3600 for _ in cities)
    present = 0
    for name, bit, base in VALUES:
        present |= 1 << bit
        getattr(batch, name).extend(base + (c * 7 + step * 131) % 1000 for c in cities)
    batch.present.extend(present for _ in cities)
    return batch.SerializeToString()


def produce(kafka, pb, end_ms):
    """Three hours of history that end at `end_ms`; (rows, bytes)."""
    import confluent_kafka
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka, "acks": "all", "queue.buffering.max.messages": 1_000_000})
    shards = {p: [] for p in range(PARTITIONS)}
    for city in range(1, CITIES + 1):
        shards[oracle.shard(city, PARTITIONS)].append(city)
    rows = size = 0
    failed = []
    for step in range(STEPS):
        at_ms = end_ms - (STEPS - step) * STEP_MS
        for shard, cities in shards.items():
            for first in range(0, len(cities), BATCH):
                value = encode(pb, shard, cities[first:first + BATCH], at_ms, step)
                producer.produce("weather.observations", value, partition=shard, timestamp=at_ms + STEP_MS,
                                 on_delivery=lambda error, _: error and failed.append(error))
                rows += len(cities[first:first + BATCH])
                size += len(value)
        producer.poll(0)
    assert producer.flush(60) == 0 and not failed, failed[:1]
    return rows, size


def memory_mb(program, field):
    with open(f"/proc/{program.pid}/status", encoding="ascii") as f:
        return int(re.search(field + r":\s+(\d+) kB", f.read()).group(1)) * 1024 / 1e6


def ledgers(client, *fields):
    """Sums of fields over all partitions."""
    return [sum(int(client.hget(f"isobar:{{{p}}}:ledger", f)) for p in range(PARTITIONS)) for f in fields]


def test_ten_thousand_cities(stack):
    import redis as redis_client
    observation_pb2 = oracle.modules()[0]
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 40)
    rows, size = produce(stack.kafka, observation_pb2, int(time.time() * 1000) // STEP_MS * STEP_MS)
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

    queue = min(FETCH_MEMORY * 1024 * 1024, size) / 1e6
    figure = max(busy - queue, idle, taken_over)
    print(f"busy {busy:.1f} MB (queue at most {queue:.1f}), idle {idle:.1f} MB, after a take-over {taken_over:.1f} MB")
    results.write("light", [("light.rss_worker_10k_mb", round(figure, 1), CITIES)])
    assert figure <= LIMIT_MB
