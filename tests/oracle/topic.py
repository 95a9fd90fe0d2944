"""Reads what the programs have: the topic from Kafka, partitions from Redis."""
import collections
import configparser
import time

from compare import Comparison, Stored, compare_partition
from partition import Partition, Rules
from windows import duration_ms


def read_topic(brokers, topic, limits, handle, timeout_s=180):
    """Calls handle(partition, offset, timestamp, value) for offsets first..limit-1 of each partition, in order."""
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "isobar-oracle", "enable.auto.commit": False,
                         "auto.offset.reset": "error", "enable.partition.eof": False, "isolation.level": "read_uncommitted"})
    open_ends = {p: end for p, (first, end) in limits.items() if first < end}
    consumer.assign([TopicPartition(topic, p, limits[p][0]) for p in open_ends])
    deadline = time.monotonic() + timeout_s
    while open_ends:
        for message in consumer.consume(1000, 0.5):
            if message.error():
                raise RuntimeError(str(message.error()))
            p = message.partition()
            if p not in open_ends:
                continue
            if message.offset() < limits[p][1]:
                handle(p, message.offset(), message.timestamp()[1], message.value() or b"")
            if message.offset() + 1 >= limits[p][1]:
                del open_ends[p]
        if time.monotonic() > deadline:
            raise RuntimeError(f"the topic could not be read to the end: missing partitions {sorted(open_ends)}")
    consumer.close()


def pattern(key):
    """The key as a glob pattern that matches only what begins with it."""
    return "".join("\\" + c if c in "*?[]\\" else c for c in key) + "*"


def text_fields(redis, key):
    return {k.decode(): v.decode() for k, v in redis.hgetall(key).items()}


def read_partition(redis, prefix, p):
    stored = Stored()
    stored.ledger = text_fields(redis, f"{prefix}{{{p}}}:ledger")
    stored.cities = {field.decode(): raw for field, raw in redis.hgetall(f"{prefix}{{{p}}}:city").items()}
    own = f"{prefix}{{{p}}}:"
    for kind in ("pane:", "w:"):
        for key in redis.scan_iter(pattern(own + kind), count=1000):
            stored.put(key.decode()[len(own):], redis.hgetall(key))
    return stored


def sections(text):
    """The rules as {section: {key: value}}, without alerts."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections() if not name.startswith("alert ")}


def rules_of(text, partitions):
    """Rules of a canonical text (docs/rules.md): its windows and times. Limits of quality control are those of the semantics."""
    said = sections(text)
    sizes = ",".join(f"{size}:{retention}" for size, retention in said["windows"].items())
    times = {name: duration_ms(value) for name, value in said["time"].items()}
    return Rules(sizes, partitions, times["lateness"], times["allowed_delay"], times["idle"])


def check_versions(texts, versions):
    """Rules that changed while the log was read, in what matters here, are not followed: RuntimeError."""
    first = sections(texts[min(texts)])
    for version in versions:
        if sections(texts[version]) != first:
            raise RuntimeError(f"rules {version} are other ones than those of the beginning: the oracle does not follow that")


def run(kafka, redis_address, prefix="isobar:"):
    """(Comparison, totals). The workers should be quiet: partitions whose commit id moves meanwhile are an error."""
    import redis as redis_client
    host, port = redis_address.rsplit(":", 1)
    redis = redis_client.Redis(host, int(port), socket_timeout=30)
    meta = text_fields(redis, prefix + "meta")
    partitions = int(meta["partitions"])
    texts = {int(version): text for version, text in text_fields(redis, prefix + "config").items()}
    shared = rules_of(texts[min(texts)], partitions)
    shared.pane_ms = int(meta["pane_ms"])
    logs = {p: Partition(p, shared) for p in range(partitions)}
    stored = {p: read_partition(redis, prefix, p) for p in range(partitions)}
    check_versions(texts, {stored[p].number("config_version") for p in range(partitions)})
    limits = {p: (stored[p].number("first_offset"), stored[p].number("offset")) for p in range(partitions)}
    read_topic(kafka, meta["topic"], limits, lambda p, o, t, v: logs[p].record(o, t, v))
    comparison = Comparison()
    totals = collections.Counter()
    for p in range(partitions):
        compare_partition(logs[p], stored[p], comparison)
        if text_fields(redis, f"{prefix}{{{p}}}:ledger")["cid"] != stored[p].ledger["cid"]:
            comparison.wrong(f"p{p}: a commit came while it was read; stop the workers first")
        totals.update(logs[p].counts)
        totals["redis_rows"] += stored[p].number("rows")
        totals["redis_accepted"] += stored[p].number("rows_in") + stored[p].number("rows_late")
    totals["accepted"] = totals["rows_in"] + totals["rows_late"]
    return comparison, totals
