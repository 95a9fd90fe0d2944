"""Batches for the workers' tests, encoded and produced from Python: no code is shared with the programs."""
import oracle

SIMULATED = 17
# Everything that OpenWeatherMap tells of a city, as columns with a bit of `present`, and a value that varies by city and step.
VALUES = (("temperature_centi_c", 0, 1500), ("feels_like_centi_c", 1, 1400), ("temperature_min_centi_c", 2, 1300), ("temperature_max_centi_c", 3, 1700),
          ("pressure_sea_level_pa", 4, 101_300), ("pressure_station_pa", 5, 98_000), ("humidity_centi_percent", 6, 5500), ("wind_speed_cm_s", 8, 300),
          ("wind_direction_centi_deg", 9, 20_000), ("wind_gust_cm_s", 10, 700), ("rain_um", 11, 100), ("cloud_centi_percent", 13, 4000),
          ("visibility_m", 14, 9000), ("condition", 15, 800))


def encode(shard, cities, at_ms, step):
    """One batch: a reading of each of the cities, at `at_ms` and up to ten minutes later, the same for each city and step."""
    batch = oracle.modules()[0].ObservationBatch(format=1, rows=len(cities), shard=shard)
    batch.city_id.extend(cities)
    batch.observed_at_ms.extend(at_ms + c * 61_001 % 600_000 for c in cities)
    batch.fetched_at_ms.extend(at_ms + 600_000 for _ in cities)
    batch.provider.extend(SIMULATED for _ in cities)
    batch.accumulation_s.extend(3600 for _ in cities)
    present = 0
    for name, bit, base in VALUES:
        present |= 1 << bit
        getattr(batch, name).extend(base + (c * 7 + step * 131) % 1000 for c in cities)
    batch.present.extend(present for _ in cities)
    return batch.SerializeToString()


class Feed:
    """Produces readings of cities 1…n; counts rows and bytes."""

    def __init__(self, kafka, cities, partitions, batch=100, topic="weather.observations"):
        import confluent_kafka
        self.producer = confluent_kafka.Producer({"bootstrap.servers": kafka, "acks": "all", "queue.buffering.max.messages": 1_000_000})
        self.batch, self.topic, self.rows, self.bytes, self.failed = batch, topic, 0, 0, []
        self.shards = {p: [] for p in range(partitions)}
        for city in range(1, cities + 1):
            self.shards[oracle.shard(city, partitions)].append(city)

    def put(self, shard, value, timestamp_ms):
        self.producer.produce(self.topic, value, partition=shard, timestamp=timestamp_ms,
                              on_delivery=lambda error, _: error and self.failed.append(error))
        self.bytes += len(value)

    def step(self, at_ms, step):
        """A reading of every city, ten minutes wide, stamped ten minutes later."""
        for shard, cities in self.shards.items():
            for first in range(0, len(cities), self.batch):
                part = cities[first:first + self.batch]
                self.put(shard, encode(shard, part, at_ms, step), at_ms + 600_000)
                self.rows += len(part)
        self.producer.poll(0)

    def flush(self):
        assert self.producer.flush(60) == 0 and not self.failed, self.failed[:1]
