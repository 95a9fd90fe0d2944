"""Runs isobar-apply, the worker's own state code without Kafka and Redis, and compares it with the second implementation."""
import os
import struct
import subprocess
import tempfile

import figures
from compare import Comparison, Stored, compare_partition
from partition import Partition, Rules
from proto import ROOT

BIN = os.environ.get("ISOBAR_BIN", os.path.join(ROOT, "build", "gcc", "bin"))
PROGRAM = os.path.join(BIN, "isobar-apply")


def frames(data):
    at = 0
    while at < len(data):
        name, size = struct.unpack_from("<II", data, at)
        at += 8
        yield data[at:at + name].decode(), data[at + name:at + name + size]
        at += name + size


def stored_of(data):
    """(Stored, [letter], {(size's name, key, field): figures as text})"""
    stored, hashes, letters, texts = Stored(), {}, [], {}
    for name, value in frames(data):
        key, field = name.split(" ", 1)
        if key == "letter":
            letters.append(tuple(int(n) for n in field.split("/")))
        elif key == "tendency":
            stored.tendencies[field] = float(value)
        elif key == "figures":
            key, field = field.split(" ")
            _, size, start = key.split(":")
            texts[size, int(start) if start.isdigit() else start, field] = value.decode()
        elif key == "ledger":
            stored.ledger[field] = value.decode()
        elif key == "city":
            stored.cities[field] = value
        else:
            hashes.setdefault(key, {})[field.encode()] = value
    for key, fields in hashes.items():
        stored.put(key, fields)
    return stored, letters, texts


def settings(log, **more):
    names = ("windows", "partition", "partitions", "lateness_ms", "allowed_delay_ms", "idle_ms")
    return [f"{name}={value}" for name, value in {**{n: getattr(log, n) for n in names}, **more}.items()]


def dump(log, records=None, **more):
    """What isobar-apply makes of the log, as it wrote it; `more`: seed and other settings."""
    with tempfile.TemporaryDirectory() as directory:
        source, target = os.path.join(directory, "records"), os.path.join(directory, "dump")
        with open(source, "wb") as f:
            f.write(log.framed(records))
        run = subprocess.run([PROGRAM, source, target, *settings(log, **more)], capture_output=True, text=True, timeout=600, check=False)
        if run.returncode != 0:
            raise AssertionError(f"isobar-apply: exit {run.returncode}: {run.stderr[-2000:]}")
        with open(target, "rb") as f:
            return f.read()


def replay(log):
    """The same log by the second implementation."""
    partition = Partition(log.partition, Rules(log.windows, log.partitions, log.lateness_ms, log.allowed_delay_ms, log.idle_ms))
    for offset, timestamp, payload in log.records:
        partition.record(offset, timestamp, payload)
    return partition


def compare(log):
    """(Comparison of both, with commits and hand-overs at random places; Partition)."""
    comparison = Comparison("isobar-apply")
    partition = replay(log)
    stored, letters, found = stored_of(dump(log, seed=log.seed + 1))
    compare_partition(partition, stored, comparison)
    comparison.equal("letters", sorted(set(partition.letters)), sorted(set(letters)))
    for field, tendency in stored.tendencies.items():
        want = figures.tendency(partition.cities[field])
        comparison.equal(f"tendency {field}", str(float(want)), str(tendency))
    for name, text in found.items():
        if name in partition.windows:
            figures.compare("figures " + " ".join(map(str, name)), partition.windows[name], text, comparison)
    return comparison, partition
