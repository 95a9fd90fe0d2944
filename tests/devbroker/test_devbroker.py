"""The development broker: its life, its commands, and the ways in which it differs from a real Kafka that others rely on."""
import os
import signal
import subprocess
import sys
import time

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.environ.get("ISOBAR_BIN", os.path.join(ROOT, "build", "gcc", "bin")), "isobar-devbroker")
QUIET = {"log_level": 0, "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 50, "socket.nagle.disable": True}


class Broker:
    """The program with pipes to its standard input and output."""

    def __init__(self, *argv):
        self.process = subprocess.Popen([PROGRAM, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("bootstrap=127.0.0.1:")
        self.bootstrap = line.strip().removeprefix("bootstrap=")

    def command(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def stop(self, number=signal.SIGTERM):
        """Exit code and what it said on standard error."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=10)
        return self.process.returncode, err

    def producer(self, **settings):
        return Producer({"bootstrap.servers": self.bootstrap, "enable.idempotence": True, "linger.ms": 0, **QUIET, **settings})

    def consumer(self, topic, partitions=(0,)):
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "isobar", "enable.auto.commit": False,
                             "fetch.wait.max.ms": 10, "fetch.error.backoff.ms": 10, **QUIET})
        consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
        return consumer


@pytest.fixture(name="broker")
def _broker():
    broker = Broker("--brokers", "3", "--topic", "weather:24", "--topic", "dead:1")
    yield broker
    if broker.process.poll() is None:
        assert broker.stop() == (0, "")


def produce(producer, count, topic="weather", partition=0):
    acknowledged, refused = [], []
    for i in range(count):
        producer.produce(topic, b"%d" % i, partition=partition, timestamp=1_000_000_000_000 + i,
                         on_delivery=lambda error, message: (refused if error else acknowledged).append(message))
    assert producer.flush(20) == 0
    assert not refused
    return len(acknowledged)


def consume(consumer, count, deadline_s=10):
    messages, end = [], time.monotonic() + deadline_s
    while len(messages) < count and time.monotonic() < end:
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            messages.append(message)
    return messages


def test_port_file_and_end(tmp_path):
    path = tmp_path / "port"
    for number in (signal.SIGTERM, signal.SIGINT):
        broker = Broker("--port-file", str(path))
        assert path.read_text() == f"bootstrap={broker.bootstrap}\n"
        assert broker.stop(number) == (0, "")
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("argv", [("--brokers", "0"), ("--brokers", "x"), ("--topic", "a"), ("--topic", ":1"), ("--topic", "a:0"),
                                  ("--topic", "a b:1"), ("--topic", "x" * 250 + ":1"), ("--nonsense",), ("extra",)])
def test_wrong_usage(argv):
    done = subprocess.run([PROGRAM, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2 and "usage:" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("argv, event", [(("--topic", "a:1", "--topic", "a:2"), "topic"), (("--port-file", "/nowhere/x"), "port_file")])
def test_start_fails(argv, event):
    done = subprocess.run([PROGRAM, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1 and f"component=devbroker event={event} error=" in done.stderr


def test_end_of_input():
    staying, leaving = Broker(), Broker("--exit-on-eof")
    leaving.process.stdin.close()
    assert leaving.process.wait(10) == 0
    staying.process.stdin.close()
    staying.process.stdin = None
    assert staying.producer().list_topics(timeout=5).brokers  # serves on
    assert staying.stop() == (0, "")


def test_dies_with_its_parent():
    script = f"import subprocess, time; p = subprocess.Popen([{PROGRAM!r}], stdin=0, stdout=1); print(p.pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as parent:
        lines = sorted(parent.stdout.readline() for _ in range(2))
        assert lines[1].startswith("bootstrap=")
        parent.kill()
        assert parent.stdout.read() == ""  # the pipe closes when the broker too has ended


@pytest.mark.parametrize("line, answer", [
    ("push-error PRODUCE NOT_LEADER_FOR_PARTITION 3", "ok"), ("push-error fetch -195 1", "ok"), ("push-error 3 5 1", "ok"),
    ("push-error NONSENSE 1 1", "error unknown API"), ("push-error PRODUCE 9999 1", "error unknown error code"),
    ("push-error PRODUCE 6 0", "error COUNT must be 1 to 10000"), ("clear-errors PRODUCE", "ok"),
    ("broker-down 1", "ok"), ("broker-down 0", "error no such broker"), ("broker-up 4", "error no such broker"),
    ("leader weather 23 3", "ok"), ("leader weather 24 1", "error no such partition"), ("leader typo 0 1", "error no such topic"),
    ("leader weather 0 9", "error no such broker"), ("leader weather 0 -1", "ok"), ("follower weather 0 2", "ok"),
    ("rtt -1 5", "ok"), ("rtt 1 -1", "error MS must be 0 to 600000"), ("topic more:2", "ok"),
    ("topic weather:2", "error Broker: Topic already exists"), ("", "error empty command"), ("fly", "error unknown command"),
    ("rtt 1", "error wrong number of arguments"), ("a b c d e", "error too many arguments"),
    ("x" * 5000, "error the line is too long"),
])
def test_commands(broker, line, answer):
    assert broker.command(line) == answer
    assert broker.command("rtt 1 0") == "ok"


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_round_trip_keeps_the_producers_time(broker, codec):
    assert produce(broker.producer(**{"compression.codec": codec}), 300) == 300
    consumer = broker.consumer("weather")
    messages = consume(consumer, 300)
    assert [m.offset() for m in messages] == list(range(300))
    assert [m.value() for m in messages] == [b"%d" % i for i in range(300)]
    assert messages[7].timestamp() == (1, 1_000_000_000_007)  # 1: CreateTime
    assert consumer.get_watermark_offsets(TopicPartition("weather", 0), 5) == (0, 300)
    consumer.commit(offsets=[TopicPartition("weather", 0, 123)], asynchronous=False)
    assert consumer.committed([TopicPartition("weather", 0)], 5)[0].offset == 123
    consumer.close()


def test_errors_leader_and_brokers_heal(broker):
    producer, consumer = broker.producer(), broker.consumer("weather")
    total = produce(producer, 5)
    for line in ("push-error PRODUCE NOT_LEADER_FOR_PARTITION 2", "push-error PRODUCE _TRANSPORT 1", "leader weather 0 1",
                 "leader weather 0 2", "push-error FETCH _TRANSPORT 1", "broker-down 2", "broker-down -1"):
        assert broker.command(line) == "ok"
        if line.startswith("broker-down"):
            assert broker.command(line.replace("down", "up")) == "ok"
        total += produce(producer, 5)
    assert [m.offset() for m in consume(consumer, total)] == list(range(total))
    consumer.close()


def test_a_small_partition_trims_silently(broker):
    producer = broker.producer(**{"batch.size": 100000})
    for _ in range(200):
        producer.produce("dead", bytes(50000))
        producer.poll(0)
    assert producer.flush(20) == 0
    consumer = broker.consumer("dead")
    low, high = consumer.get_watermark_offsets(TopicPartition("dead", 0), 5)
    assert 0 < low < high == 200
    consumer.close()


def test_leaderless_partition_refuses(broker):
    assert broker.command("leader dead 0 -1") == "ok"
    errors = []
    producer = broker.producer(**{"enable.idempotence": False, "message.timeout.ms": 300})
    producer.produce("dead", b"x", on_delivery=lambda error, _: errors.append(error.code()))
    assert producer.flush(10) == 0
    assert errors == [KafkaError._MSG_TIMED_OUT]  # pylint: disable=protected-access
