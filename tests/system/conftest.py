"""What the system tests share: a stack per test in a directory of its own, on the development broker or a real Kafka."""
import os
import shutil
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
for part in ("deploy/local", "tests/oracle", "tests/kafka", "tests"):
    sys.path.insert(0, os.path.join(ROOT, part))

from stack import Stack  # noqa: E402

BIN = os.environ.get("ISOBAR_BIN", os.path.join(ROOT, "build", "gcc", "bin"))
SANITIZED = "address" in BIN
TOPICS = {"weather.observations": 24, "weather.deadletter": 1}


def pytest_collection_modifyitems(items):
    """The longest tests first, so that none of them ends alone; those that want a real Kafka share one process, and one broker."""
    takes = lambda item: next((mark.args[0] for mark in item.iter_markers("takes")), 0)  # noqa: E731
    items.sort(key=lambda item: -takes(item))
    for item in items:
        if "real_kafka" in item.fixturenames or "[kafka]" in item.name:
            item.add_marker(pytest.mark.xdist_group("kafka"))


@pytest.fixture
def stack(request):
    """An empty stack; everything that was started in it is ended after the test."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    directory = os.path.join(ROOT, "build", "system-asan" if SANITIZED else "system", name)
    with Stack(directory, BIN) as made:
        yield made
    for program in made.programs.values():
        log = program.log()
        assert "AddressSanitizer" not in log and "runtime error:" not in log and "LeakSanitizer" not in log, f"{program.name}:\n{log[-4000:]}"


@pytest.fixture(scope="session")
def real_kafka(tmp_path_factory):
    """One Apache Kafka for all tests that want a real one."""
    import kafka as kafka_module
    beside = os.environ.get("PYTEST_XDIST_WORKER", "")  # one for each of the processes that run files side by side
    directory = os.path.join(ROOT, "build", "system", "apache-kafka" + beside)
    shutil.rmtree(directory, ignore_errors=True)  # topics of an earlier run
    broker = kafka_module.Kafka(directory)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(params=["devbroker"] if SANITIZED else ["devbroker", "kafka"])
def any_kafka(request, stack):
    """The stack with a broker under it: the embedded one, and (but for the sanitized binaries) a real Apache Kafka."""
    if request.param == "devbroker":
        stack.start_devbroker(TOPICS)
        stack.topic_suffix = ""
    else:
        stack.kafka = request.getfixturevalue("real_kafka").bootstrap
    stack.broker_kind = request.param
    return stack
