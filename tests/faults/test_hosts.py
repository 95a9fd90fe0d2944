"""Workers on two hosts of their own (network namespaces) and the network between them and the rest cut: from the coordinator, from Redis,
from all. Whoever cannot work is replaced; whoever was replaced and does not know is fenced; the oracle is content."""
import os
import time

import hosts
import pytest
from cluster import target_is_held
from kafka import Kafka
from ports import free_port
from stack import wait_for

PARTITIONS = 12


@pytest.fixture
def two():
    """Two hosts; without the means for them the test is skipped, and fails in CI."""
    reason = hosts.why_not()
    if reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"network namespaces cannot be made here: {reason}")
        pytest.skip(f"network namespaces cannot be made here: {reason}")
    with hosts.Hosts(2) as made:
        yield made


@pytest.fixture
def spread(rig, two):
    """Kafka, Redis and coordinator on the core's address, a worker on each host, and a load."""
    stack, core = rig.stack, two.core
    where = {f"worker-{i + 1}": host for i, host in enumerate(two)}
    start, admin = stack.start, stack.admin
    stack.start = lambda name, argv, *rest, **env: start(name, where[name].argv(argv) if name in where else argv, *rest, **env)
    stack.admin = lambda name, path: where[name].run(lambda: admin(name, path)) if name in where else admin(name, path)
    kafka = Kafka(os.path.join(stack.dir, "kafka"))
    node = kafka.node(1)
    kafka.settings.update({"listeners": f"PLAINTEXT://0.0.0.0:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}",
                           "advertised.listeners": f"PLAINTEXT://{core}:{node.port}"})
    try:
        kafka.start()
        rig.broker(PARTITIONS, bootstrap=f"{core}:{node.port}").start_redis().install()
        rig.redis.config_set("bind", f"127.0.0.1 {core}")
        rig.redis.config_set("protected-mode", "no")
        stack.redis = f"{core}:{stack.ports['redis']}"
        endpoint = f"tcp://{core}:{free_port()}"
        stack.endpoint = endpoint
        stack.start_coordinator("coordinator-1", -1, "--insecure", bind=endpoint)
        rig.coordinator_port = int(endpoint.rsplit(":", 1)[1])
        rig.pair = rig.workers(2, "--insecure")
        rig.start_load()
        yield rig
    finally:
        kafka.remove()


def mismatches(rig):
    return rig.metric("commit_mismatches_total", rig.pair[0]) + rig.metric("acquires_refused_total", rig.pair[0])


def take_over(rig, deadline_s):
    """Waits until the second worker has everything, and says how long that took."""
    begun_s = time.monotonic()
    wait_for("the other has all", lambda: {(owner or "").split("/")[0] for owner in rig.ledgers("owner")} == {"worker-2"}, deadline_s)
    rig.flows()
    print(f"cut to commits on every partition: {time.monotonic() - begun_s:.2f} s")


def shared(rig):
    return target_is_held(rig, rig.pair)


@pytest.mark.quick
def test_a_host_without_the_coordinator(spread, two):
    """It works on what it held until the other has acquired it, and then its commits are refused."""
    wait_for("both share", lambda: shared(spread), 20)
    before = mismatches(spread)
    two[0].block(spread.coordinator_port)
    take_over(spread, 15)
    wait_for("the first is fenced", lambda: mismatches(spread) > before, 10)
    two[0].unblock(spread.coordinator_port)
    wait_for("both share again", lambda: shared(spread), 30)
    spread.flows()
    spread.equal()


@pytest.mark.quick
def test_a_host_without_redis(spread, two):
    """It is alive and says so, but makes no progress: its partitions go to the other all the same."""
    wait_for("both share", lambda: shared(spread), 20)
    two[0].block(spread.stack.ports["redis"])
    take_over(spread, 20)
    two[0].unblock(spread.stack.ports["redis"])
    wait_for("both share again", lambda: shared(spread), 60)
    spread.equal()


@pytest.mark.quick
def test_a_host_whose_cable_is_out(spread, two):
    wait_for("both share", lambda: shared(spread), 20)
    for _ in range(2):
        two[0].link(False)
        take_over(spread, 15)
        two[0].link(True)
        wait_for("both share again", lambda: shared(spread), 30)
    spread.flows()
    spread.equal()
