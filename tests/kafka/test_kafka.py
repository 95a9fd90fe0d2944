"""The real Kafka of kafka.py: starts, keeps its data over a power cut, and stamps messages where the topic says so."""
import os
import socket
import subprocess
import sys
import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kafka import Kafka, KafkaError, live_brokers  # pylint: disable=wrong-import-position

OLD_MS = 1_000_000_000_000


def read(kafka, topic, count):
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "isobar", "log_level": 0})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages, end = [], time.monotonic() + 20
    while len(messages) < count and time.monotonic() < end:
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            messages.append(message)
    consumer.close()
    return messages


def test_one_node(tmp_path):
    kafka = Kafka(tmp_path)
    with socket.socket() as thief:  # takes the port between our look and Kafka's bind
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        kafka.node(1).port = thief.getsockname()[1]
        with kafka:
            assert kafka.node(1).port != thief.getsockname()[1]
            assert live_brokers(kafka.node(1).port) == [1]
            admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
            stamped = {"message.timestamp.type": "LogAppendTime"}
            for made in admin.create_topics([NewTopic("stamped", 1, 1, config=stamped), NewTopic("plain", 1, 1)]).values():
                made.result(10)
            producer = Producer({"bootstrap.servers": kafka.bootstrap, "enable.idempotence": True, "log_level": 0})
            before_ms = int(time.time() * 1000)
            for topic in ("stamped", "plain"):
                for _ in range(10):
                    producer.produce(topic, b"x", timestamp=OLD_MS)
            assert producer.flush(20) == 0
            kafka.kill9()
            assert not kafka.node(1).running() and live_brokers(kafka.node(1).port) is None
            kafka.start()
            assert all(m.timestamp()[0] == 2 and m.timestamp()[1] >= before_ms for m in read(kafka, "stamped", 10))
            assert [m.timestamp() for m in read(kafka, "plain", 10)] == [(1, OLD_MS)] * 10
    assert not kafka.node(1).running()


def test_a_bad_setting_is_told(tmp_path):
    kafka = Kafka(tmp_path, settings={"num.io.threads": "many"})
    with pytest.raises(KafkaError, match="Invalid value many"):
        kafka.start()
    assert not kafka.node(1).running()


def test_command_line(tmp_path):
    command = [sys.executable, os.path.join(os.path.dirname(__file__), "kafka.py"), "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        line = process.stdout.readline()
        assert line.startswith("bootstrap=127.0.0.1:")
        port = int(line.rsplit(":", 1)[1])
        assert live_brokers(port) == [1]
        process.terminate()
        assert process.wait(20) == 0
        assert live_brokers(port) is None
