"""A real Apache Kafka (KRaft, no ZooKeeper) on loopback, for the system tests and `make bench`.

    kafka = Kafka("build/kafka/run1", brokers=3)
    kafka.start()                   # returns when every broker answers and knows all others
    ... kafka.bootstrap ...         # "127.0.0.1:PORT,127.0.0.1:PORT,..."
    kafka.kill9(2); kafka.start()   # starts what is not running, on the same ports and data
    kafka.stop()

Command line: kafka.py --dir DIR [--brokers N] [--peak] prints `bootstrap=...` and stays until SIGTERM.

Every node is broker and controller. The jars are those of install.sh. Files stay in `dir`, one folder and one log file per
node; a folder that was used before keeps its topics. Nodes get SIGKILL from the kernel when the thread that started them
ends, so start() belongs to a thread that lives as long as the cluster. Topics are not made on demand, so that a test that
misspells one fails. By default Java is told to start quickly (one node in 3 s instead of 4, three in 5 to 9 s
instead of 13 to 17, on two cores); `peak` is for measurements, where throughput counts.
"""
import argparse
import base64
import ctypes
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "deploy", "local"))

from ports import free_port  # noqa: E402

POLL_S = 0.05
STOP_S = 10  # a node that takes longer to stop is killed
PR_SET_PDEATHSIG = 1
QUICK_START = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
_LIBC = ctypes.CDLL(None)


class KafkaError(Exception):
    """What went wrong, with the end of the node's log."""


def version():
    """The pinned version, from pom.xml."""
    with open(os.path.join(HERE, "pom.xml"), encoding="utf-8") as f:
        return re.search(r"<kafka\.version>(.+?)</kafka\.version>", f.read()).group(1)


def installed():
    """The folder of the jars, or None when install.sh has not run."""
    folder = os.path.join(ROOT, "build", "kafka", version())
    return os.path.join(folder, "libs") if os.path.exists(os.path.join(folder, ".done")) else None


def _die_with_parent():
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _random_id():
    """A UUID as Kafka writes it. One that starts with '-' would look like an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def _receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data


def live_brokers(port, timeout_s=2.0):
    """Ids of the brokers that the one at `port` knows to be alive (a Metadata request, version 1, for no topic).

    None when it does not answer.
    """
    request = struct.pack(">hhihi", 3, 1, 1, -1, 0)  # api, version, correlation, no client id, no topics
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            size, = struct.unpack(">i", _receive(connection, 4))
            answer = _receive(connection, size)
    except OSError:
        return None
    count, = struct.unpack_from(">i", answer, 4)
    ids, at = [], 8
    for _ in range(count):
        node, host_size = struct.unpack_from(">ih", answer, at)
        at += 6 + host_size + 4
        rack_size, = struct.unpack_from(">h", answer, at)
        at += 2 + max(rack_size, 0)
        ids.append(node)
    return sorted(ids)


class PortTaken(KafkaError):
    """A node could not listen."""


class Node:
    """One process of the cluster: its ports, folder and log."""

    def __init__(self, number, directory):
        self.number = number
        self.port = 0
        self.controller_port = 0
        self.data = os.path.join(directory, f"node-{number}")
        self.properties = os.path.join(directory, f"node-{number}.properties")
        self.log = os.path.join(directory, f"node-{number}.log")
        self.process = None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def formatted(self):
        return os.path.exists(os.path.join(self.data, "meta.properties"))

    def log_end(self, characters=1500):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return f.read()[-characters:]
        except OSError:
            return ""


class Kafka:
    """A cluster of `brokers` nodes. `settings` overrides lines of server.properties; `peak`: see above."""

    def __init__(self, dir, brokers=1, settings=None, peak=False):  # pylint: disable=redefined-builtin
        self.dir = os.path.abspath(dir)
        self.peak = peak
        self.settings = dict(settings or {})
        self.cluster_id = _random_id()
        self.started_in_s = None
        self.nodes = [Node(i + 1, self.dir) for i in range(brokers)]
        self._take_ports()

    @property
    def bootstrap(self):
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def node(self, number):
        """The node with this broker id (from 1)."""
        return self.nodes[number - 1]

    def start(self, deadline_s=60.0):
        """Starts the nodes that are not running; returns when each answers and sees all of them.

        A node killed a moment ago is let in again when its session of 3 s has ended.
        """
        began = time.monotonic()
        libs = installed()
        if libs is None:
            raise KafkaError("Kafka is not installed: run tests/kafka/install.sh")
        os.makedirs(self.dir, exist_ok=True)
        self._adopt_cluster_id()
        try:
            self._start_nodes(libs, began + deadline_s)
        except PortTaken:  # by another program, between our look and Kafka's bind
            self.kill9()
            if self.started_in_s is not None:
                raise  # clients know these ports
            self._take_ports()
            self._start_nodes(libs, began + deadline_s)
        self.started_in_s = time.monotonic() - began

    def kill9(self, number=None):
        """Kills one node, or all, at once, as a power cut would. Their data stays."""
        nodes = self.nodes if number is None else [self.node(number)]
        for node in nodes:
            if node.running():
                node.process.kill()
        for node in nodes:
            if node.process is not None:
                node.process.wait()

    def stop(self, number=None):
        """Asks one node, or all, to end, and kills those that do not within ten seconds."""
        nodes = [n for n in (self.nodes if number is None else [self.node(number)]) if n.running()]
        for node in nodes:
            node.process.terminate()
        end = time.monotonic() + STOP_S
        for node in nodes:
            try:
                node.process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                node.process.kill()
                node.process.wait()

    def remove(self):
        """Stops and deletes all files."""
        self.kill9()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- parts of start()

    def _take_ports(self):
        for node in self.nodes:
            node.port, node.controller_port = free_port(), free_port()

    def _start_nodes(self, libs, end):
        for node in self.nodes:
            self._write_properties(node)
        try:
            self._format(libs, end)
            for node in self.nodes:
                if not node.running():
                    node.process = self._java(libs, node, "kafka.Kafka", node.properties)
            self._wait_until_whole(end)
        except BaseException:
            self.kill9()
            raise

    def _adopt_cluster_id(self):
        """Data of an earlier run is kept, and with it the cluster's id."""
        for node in self.nodes:
            if node.formatted():
                with open(os.path.join(node.data, "meta.properties"), encoding="ascii") as f:
                    self.cluster_id = re.search(r"^cluster\.id=(.+)$", f.read(), re.M).group(1)
                return

    def _write_properties(self, node):
        replicas = min(3, len(self.nodes))
        values = {
            "process.roles": "broker,controller",
            "node.id": node.number,
            "listeners": f"PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{node.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": ",".join(f"{n.number}@127.0.0.1:{n.controller_port}" for n in self.nodes),
            "log.dirs": node.data,
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": max(1, replicas - 1),
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": max(1, replicas - 1),
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": max(1, replicas - 1),
            "group.initial.rebalance.delay.ms": 0,
            # A dead node is noticed in seconds, and a new one registers at once.
            "broker.heartbeat.interval.ms": 250,
            "broker.session.timeout.ms": 3000,
            "controller.quorum.election.timeout.ms": 500,
            "controller.quorum.fetch.timeout.ms": 1000,
            # Small: the default cleaner alone takes 128 MiB of the heap.
            "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        values.update(self.settings)
        with open(node.properties, "w", encoding="ascii") as f:
            f.writelines(f"{key}={value}\n" for key, value in values.items())

    def _java(self, libs, node, *argv):
        tuning = ["-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"] if self.peak else QUICK_START
        command = ["java", *tuning, f"-Dlog4j2.configurationFile={os.path.join(HERE, 'log4j2.properties')}",
                   "-cp", os.path.join(libs, "*"), *argv]
        with open(node.log, "ab") as log:
            try:
                return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                                        start_new_session=True, preexec_fn=_die_with_parent)
            except FileNotFoundError:
                raise KafkaError("java is missing: apt-get install default-jre-headless") from None

    def _format(self, libs, end):
        """Gives every new node its folder, all at the same time."""
        processes = [(node, self._java(libs, node, "kafka.tools.StorageTool", "format", "--cluster-id", self.cluster_id,
                                       "--config", node.properties))
                     for node in self.nodes if not node.formatted()]
        try:
            for node, process in processes:
                if process.wait(max(0.1, end - time.monotonic())) != 0:
                    raise KafkaError(f"formatting node {node.number} failed: {node.log_end()}")
        except subprocess.TimeoutExpired:
            raise KafkaError("formatting took too long") from None
        finally:
            for _, process in processes:
                process.kill()
                process.wait()

    def _wait_until_whole(self, end):
        everyone = [node.number for node in self.nodes]
        for node in self.nodes:
            while live_brokers(node.port) != everyone:
                for other in self.nodes:
                    if not other.running():
                        kind = PortTaken if "Address already in use" in other.log_end(8000) else KafkaError
                        raise kind(f"node {other.number} ended with {other.process.returncode}: {other.log_end()}")
                if time.monotonic() > end:
                    raise KafkaError(f"node {node.number} does not see all brokers: {node.log_end()}")
                time.sleep(POLL_S)


def main(argv=None):
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Runs a real Kafka on loopback until SIGTERM.")
    parser.add_argument("--dir", required=True, help="folder for data and logs; data found there is kept")
    parser.add_argument("--brokers", type=int, default=1, help="number of nodes (1)")
    parser.add_argument("--peak", action="store_true", help="for measurements: 1 GiB of heap and all of Java's compiler")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a line of server.properties")
    parser.add_argument("--deadline", type=float, default=60, metavar="SECONDS", help="for the start (60)")
    options = parser.parse_args(argv)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    kafka = Kafka(options.dir, options.brokers, dict(s.split("=", 1) for s in options.set), options.peak)
    try:
        kafka.start(options.deadline)
    except KafkaError as error:
        print(f"kafka.py: {error}", file=sys.stderr)
        return 1
    print(f"bootstrap={kafka.bootstrap}", flush=True)
    print(f"kafka.py: Kafka {version()}, {len(kafka.nodes)} node(s), started in {kafka.started_in_s:.1f} s", file=sys.stderr)
    code = 0
    while not ended.wait(0.5):
        dead = [node for node in kafka.nodes if not node.running()]
        if dead:
            print(f"kafka.py: node {dead[0].number} ended: {dead[0].log_end()}", file=sys.stderr)
            code = 1
            break
    kafka.stop()
    return code


if __name__ == "__main__":
    sys.exit(main())
