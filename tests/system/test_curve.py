"""Keys on the control plane, with the real programs: everything works with them, and whoever has not the right ones is refused."""
import os
import signal
import stat
import threading
import time

import pytest
import redis as redis_client
from conftest import SANITIZED
from feed import Feed
from stack import wait_for

SLOW = 4 if SANITIZED else 1
PARTITIONS = 24
TOPICS = {"weather.observations": PARTITIONS, "weather.deadletter": 1}


class Keys:
    """Pairs made by isobarctl, and the allow file."""

    def __init__(self, stack):
        self.stack, self.dir = stack, os.path.join(stack.dir, "keys")
        self.allow = os.path.join(self.dir, "allow")
        os.makedirs(self.dir)
        self.make("coordinator")
        self.write([self.make(name, role) for name, role in
                    (("worker-1", "worker"), ("worker-2", "worker"), ("fetcher-1", "fetcher"), ("admin", "operator"))])

    def make(self, name, role="worker"):
        """The member's line for the allow file."""
        return self.stack.ctl("keygen", "--out", self.dir, "--role", role, name).stdout.strip()

    def write(self, lines):
        with open(self.allow, "w", encoding="ascii") as f:
            f.write("# who may connect\n" + "\n".join(lines) + "\n")
        self.lines = lines

    def file(self, name):
        return os.path.join(self.dir, name)

    def server(self):
        return ["--curve-key-file", self.file("coordinator.secret"), "--curve-allow-file", self.allow]

    def member(self, name, server="coordinator"):
        return ["--curve-key-file", self.file(name + ".secret"), "--curve-server-key", self.file(server + ".public")]

    def secret(self, name):
        with open(self.file(name + ".secret"), encoding="ascii") as f:
            return f.read().splitlines()[1]


@pytest.fixture
def keys(stack):
    stack.start_devbroker(TOPICS)
    stack.start_redis()
    stack.init(PARTITIONS, None, 4)
    return Keys(stack)


class Ingest:
    """Readings for the workers, a few a second, until it is stopped."""

    def __init__(self, stack):
        self.feed, self.stopping = Feed(stack.kafka, 60, PARTITIONS, 10), threading.Event()
        self.base_ms = int(time.time() * 1000) // 600_000 * 600_000 - 6 * 3600_000
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        step = 0
        while not self.stopping.is_set():
            self.feed.step(self.base_ms + step * 1000, step)
            step += 1
            self.stopping.wait(0.2)

    def stop(self):
        self.stopping.set()
        self.thread.join(10)
        self.feed.flush()


def running(stack, *workers):
    return sum(stack.metric(w, "isobar_worker_partitions_running") or 0 for w in workers)


def leader_of(stack):
    host, port = stack.redis.split(":")
    value = redis_client.Redis(host, int(port)).get("isobar:leader")
    return value.decode().split(" ")[1] if value else None


@pytest.mark.takes(12)
@pytest.mark.sanitized
def test_everything_works_with_keys(stack, keys):
    endpoints = stack.reserve_endpoints(2)
    for i, endpoint in enumerate(endpoints):
        stack.start_coordinator(f"coordinator-{i + 1}", 600, *keys.server(), bind=endpoint)
    for name in ("worker-1", "worker-2"):
        stack.start_worker(name, *keys.member(name))
    stack.start_owmsim()
    stack.start_fetcher("fetcher-1", "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                        "--history-hours", "0", *keys.member("fetcher-1"), ISOBAR_API_KEY="any")
    wait_for("all is held", lambda: running(stack, "worker-1") == 12 and running(stack, "worker-2") == 12 and
             stack.metric("fetcher-1", "isobar_fetcher_shards") == PARTITIONS, 40 * SLOW)
    first = leader_of(stack)
    stack.programs[first].kill()
    wait_for("members have found the other", lambda: all((stack.metric(m, f"isobar_{m.split('-')[0]}_target_term") or 0) >= 2
                                                        for m in ("worker-1", "worker-2", "fetcher-1")), 10 * SLOW)
    drained = stack.ctl("drain", *stack.common("redis"), "--id", "admin", *keys.member("admin"), "worker-1")
    assert "worker-1 is drained" in drained.stdout
    wait_for("the other has all", lambda: running(stack, "worker-2") == PARTITIONS, 10 * SLOW)
    other = ({"coordinator-1", "coordinator-2"} - {first}).pop()
    assert stack.metric(other, "isobar_coordinator_rejected_total") == 0 and "event=key_refused" not in stack.programs[other].log()
    # An operator that has no key, a worker's key, or another's name.
    for extra, text in (([], "CURVE"), (["--id", "worker-2", *keys.member("worker-2")], "operator"), (["--id", "admin", *keys.member("worker-2")], "operator")):
        refused = stack.ctl("undrain", *stack.common("redis"), "--timeout-ms", "2000", *extra, "worker-1", check=False)
        assert refused.returncode == 69 and text in refused.stderr, (extra, refused.stderr)
    wait_for("all of it is counted", lambda: stack.metric(other, "isobar_coordinator_refused_total") > 0 and
             stack.metric(other, "isobar_coordinator_rejected_total") > 0, 5)
    for name in ("coordinator", "worker-1", "worker-2", "fetcher-1", "admin"):
        secret = keys.secret(name)
        for program in stack.programs.values():
            assert secret not in program.log() and all(secret not in word for word in program.argv)


REFUSED = {  # of a worker that says it is worker-1: its flags, and what coordinator and worker say
    "stranger": (lambda keys: keys.member("stranger"), "event=key_refused", "refuses the key", "refused_total"),
    "other": (lambda keys: keys.member("worker-2"), "event=member_refused owner=worker-2 claims=worker-1", "under this id", "rejected_total"),
    "role": (lambda keys: keys.member("fetcher-1"), "event=member_refused owner=fetcher-1", "under this id", "rejected_total"),
    "server": (lambda keys: keys.member("worker-1", "worker-2"), "event=handshake_refused", "server-key", "refused_total"),
    "plain": (lambda keys: [], "event=handshake_refused", "--curve-key-file", "refused_total"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_member_that_has_not_the_right_keys_is_refused(stack, keys, case):
    flags, coordinator_says, worker_says, metric = REFUSED[case]
    keys.make("stranger")
    stack.start_coordinator("coordinator-1", 60, *keys.server())
    worker = stack.start_worker("worker-1", *flags(keys))
    coordinator = stack.programs["coordinator-1"]
    wait_for("the coordinator says so", lambda: coordinator_says in coordinator.log(), 15)
    wait_for("the worker says so", lambda: any("event=no_welcome" in line and worker_says in line for line in worker.log().splitlines()), 15)
    wait_for("it is counted", lambda: (stack.metric("coordinator-1", f"isobar_coordinator_{metric}") or 0) > 0, 5)
    assert stack.metric("coordinator-1", "isobar_coordinator_workers") == 0 and running(stack, "worker-1") == 0
    stack.start_worker("worker-2", *keys.member("worker-2"))
    wait_for("who has them is served", lambda: running(stack, "worker-2") == PARTITIONS, 20)
    assert coordinator.log().count(coordinator_says.split(" ")[0]) < 12, "rate-limited"


def test_keys_towards_a_plain_coordinator_are_refused(stack, keys):
    stack.start_coordinator("coordinator-1", 60)
    worker = stack.start_worker("worker-1", *keys.member("worker-1"))
    wait_for("the worker says so", lambda: "event=no_welcome" in worker.log() and "CURVE" in worker.log(), 15)
    wait_for("it is counted", lambda: (stack.metric("coordinator-1", "isobar_coordinator_refused_total") or 0) > 0, 5)
    assert "event=handshake_refused" in stack.programs["coordinator-1"].log()
    assert stack.metric("coordinator-1", "isobar_coordinator_workers") == 0 and running(stack, "worker-1") == 0


def test_the_allow_file_is_read_again(stack, keys):
    coordinator = stack.start_coordinator("coordinator-1", 60, *keys.server())
    for name in ("worker-1", "worker-2"):
        stack.start_worker(name, *keys.member(name))
    wait_for("two share", lambda: running(stack, "worker-1") == 12 and running(stack, "worker-2") == 12, 30)
    lines = keys.lines
    with open(keys.allow, "w", encoding="ascii") as f:
        f.write("worker-1 worker nonsense\n")
    coordinator.signal(signal.SIGHUP)
    wait_for("a bad list is refused", lambda: "event=allow_file_bad" in coordinator.log() and f"{keys.allow}:1:" in coordinator.log(), 5)
    keys.write([line for line in lines if not line.startswith("worker-1 ")])
    coordinator.signal(signal.SIGHUP)
    wait_for("who is off the list loses all, though its connection stands", lambda: running(stack, "worker-2") == PARTITIONS, 10)
    keys.write(lines)
    coordinator.signal(signal.SIGHUP)
    wait_for("and is back", lambda: running(stack, "worker-1") == 12 and running(stack, "worker-2") == 12, 20)


def test_the_coordinators_key_is_replaced_while_ingest_goes_on(stack, keys):
    """The steps of docs/operations.md: the members learn the new key, then one coordinator after the other has it."""
    servers = keys.file("servers")

    def write_servers(*names):
        with open(servers + ".new", "w", encoding="ascii") as f:
            for name in names:
                with open(keys.file(name + ".public"), encoding="ascii") as one:
                    f.write(one.read())
        os.replace(servers + ".new", servers)

    def member(name):
        return ["--curve-key-file", keys.file(name + ".secret"), "--curve-server-key", servers]

    def coordinator(number, key):
        name = f"coordinator-{number}"
        if name in stack.programs:
            assert stack.programs[name].terminate(5) == 0
        stack.start_coordinator(name, 600, "--curve-key-file", keys.file(key + ".secret"), "--curve-allow-file", keys.allow, bind=endpoints[number - 1])

    def rows():
        return sum(stack.metric(w, "isobar_worker_records_total") or 0 for w in ("worker-1", "worker-2"))

    def goes_on(what):
        before, terms = rows(), [stack.metric(w, "isobar_worker_coordinator_up") for w in ("worker-1", "worker-2")]
        wait_for(f"{what}: ingest goes on", lambda: rows() > before + 20, 20)
        wait_for(f"{what}: members have a leader", lambda: all(stack.metric(w, f"isobar_{w.split('-')[0]}_coordinator_up") == 1
                                                               for w in ("worker-1", "worker-2", "fetcher-1")), 20)
        assert running(stack, "worker-1", "worker-2") == PARTITIONS, terms

    write_servers("coordinator")
    endpoints = stack.reserve_endpoints(2)
    for number in (1, 2):
        coordinator(number, "coordinator")
    for name in ("worker-1", "worker-2"):
        stack.start_worker(name, *member(name))
    stack.start_owmsim()
    stack.start_fetcher("fetcher-1", "--source", "replay", "--base-url", f"http://127.0.0.1:{stack.ports['owmsim']}", "--allow-http",
                        "--history-hours", "0", "--interval-s", "60", *member("fetcher-1"), ISOBAR_API_KEY="any")
    wait_for("both work", lambda: running(stack, "worker-1") == 12 and running(stack, "worker-2") == 12, 30)
    pids = {n: stack.programs[n].pid for n in ("worker-1", "worker-2", "fetcher-1")}
    feed = Ingest(stack)
    goes_on("before")
    keys.make("coordinator-new")
    write_servers("coordinator", "coordinator-new")
    for number in (2, 1):
        coordinator(number, "coordinator-new")
        goes_on(f"coordinator-{number} has the new key")
    write_servers("coordinator-new")
    assert stack.programs[leader_of(stack)].terminate(5) == 0  # the other one leads with the new key alone
    goes_on("the old key is gone")
    drained = stack.ctl("drain", *stack.common("redis"), "--id", "admin", *member("admin"), "--deadline-s", "0", "worker-1")
    assert drained.returncode == 0
    feed.stop()
    assert {n: stack.programs[n].pid for n in pids} == pids and all(stack.programs[n].running() for n in pids)
    wait_for("all is applied", lambda: stack.ctl("verify", *stack.common("redis", "kafka"), check=False).returncode == 0, 20)


def test_keygen_and_bad_files(stack, keys):
    secret, public = keys.file("worker-1.secret"), keys.file("worker-1.public")
    assert stat.S_IMODE(os.stat(secret).st_mode) == 0o600
    with open(secret, "rb") as f:
        before = f.read()
    again = stack.ctl("keygen", "--out", keys.dir, "worker-1", check=False)
    with open(secret, "rb") as f:
        assert again.returncode == 77 and "not written over" in again.stderr and f.read() == before
    assert stack.ctl("keygen", "--out", keys.dir, "a/b", check=False).returncode == 2
    assert stack.ctl("keygen", "--out", keys.dir, "--role", "king", "x", check=False).returncode == 2
    assert not os.path.exists(keys.file("x.secret")) and keys.secret("worker-1") not in again.stdout
    coordinator = [stack.binary("isobar-coordinator"), *stack.common("redis"), "--bind", "tcp://127.0.0.1:0"]
    cases = {"half": ["--curve-key-file", keys.file("coordinator.secret")], "missing": ["--curve-key-file", keys.file("none"), "--curve-allow-file", keys.allow],
             "no-key": ["--curve-key-file", keys.allow, "--curve-allow-file", keys.allow],
             "no-list": ["--curve-key-file", keys.file("coordinator.secret"), "--curve-allow-file", public + "x"]}
    for name, flags in cases.items():
        program = stack.start("coordinator-" + name, [*coordinator, *flags])
        assert program.wait(5) == 78, (name, program.log())
    os.chmod(keys.file("coordinator.secret"), 0o644)
    program = stack.start("coordinator-open", [*coordinator, *keys.server()])
    wait_for("it warns", lambda: "event=key_file_exposed" in program.log(), 5)
    everywhere = stack.start("coordinator-wide", [stack.binary("isobar-coordinator"), *stack.common("redis"), "--bind", "tcp://0.0.0.0:0", *keys.server()])
    wait_for("keys allow it", lambda: "security=curve" in everywhere.log() and "event=not_advertised" in everywhere.log(), 5)
