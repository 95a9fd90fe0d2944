"""A load that never stops by itself: small batches of readings of many cities through Kafka, so that every partition commits
all the time. Half of the rows are of now, half of hours ago and ever later, so that panes close, windows are folded and
state is read back from Redis; now and then a repeat, and a record that cannot be decoded. No code is shared with the
programs."""
import itertools
import threading
import time

import feed
import oracle

TOPIC = "weather.observations"
HISTORY_MS = 20 * 3600 * 1000
REPEAT, JUNK = 23, 101  # every so many records of a partition


class Load:
    """`rate` records per second and partition, each of `rows` rows; `speed`: seconds of history per second;
    `mixed`: every city has both times in turn, else only those of even partitions."""

    def __init__(self, kafka, partitions, rate=10.0, rows=3, cities_per_partition=12, speed=60, mixed=False):
        import confluent_kafka
        self.producer = confluent_kafka.Producer({"bootstrap.servers": kafka, "acks": "all", "linger.ms": 0,
                                                  "queue.buffering.max.messages": 1_000_000, "message.timeout.ms": 120_000})
        self.partitions, self.rate, self.rows, self.speed, self.mixed = partitions, rate, rows, speed, mixed
        self.cities = {p: [] for p in range(partitions)}
        for city in itertools.count(1):
            of = self.cities[oracle.shard(city, partitions)]
            if len(of) < cities_per_partition:
                of.append(city)
            if all(len(c) >= cities_per_partition for c in self.cities.values()):
                break
        self.sent = self.delivered = self.failed = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self, deadline_s=60):
        """Produces no more; returns when all was acknowledged."""
        self.abandon(deadline_s)
        assert not self._thread.is_alive() and self.producer.flush(deadline_s) == 0, "the load could not be delivered"
        assert self.failed == 0, f"{self.failed} records of the load were not delivered"

    def abandon(self, deadline_s=10):
        """Produces no more, whatever became of what was sent."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(deadline_s)

    def running(self):
        return self._thread.is_alive()

    def _delivered(self, error, _):
        if error:
            self.failed += 1
        else:
            self.delivered += 1

    def _run(self):
        begun, now_ms = time.monotonic(), int(time.time() * 1000)
        records, last = 0, {}
        while not self._stopping.is_set():
            elapsed = time.monotonic() - begun
            if records > elapsed * self.rate:
                self.producer.poll(0)
                self._stopping.wait(records / self.rate - elapsed)
                continue
            for p in range(self.partitions):
                if records % JUNK == p % JUNK:
                    value = b"junk"
                elif records % REPEAT == p % REPEAT and p in last:
                    value = last[p]
                else:
                    value = last[p] = self._batch(p, records, now_ms, int(elapsed * 1000))
                self.producer.produce(TOPIC, value, partition=p, timestamp=now_ms + int(elapsed * 1000), on_delivery=self._delivered)
                self.sent += 1
            records += 1
            self.producer.poll(0)

    def _batch(self, p, step, now_ms, elapsed_ms):
        cities = [self.cities[p][(step * self.rows + i) % len(self.cities[p])] for i in range(self.rows)]
        # Where a city has both times in turn, what is of hours ago is late; where it has one, that is in time.
        turn = step // 4 if p % 2 == 0 or self.mixed else 0
        at_ms = now_ms + elapsed_ms - 600_000 if (step + turn) % 2 else now_ms - HISTORY_MS + elapsed_ms * self.speed
        return feed.encode(p, sorted(set(cities)), at_ms, step)
